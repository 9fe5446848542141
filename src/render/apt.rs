//! The commands that `apt_install` and `apt_remove` write, byte for byte as docker-pkg writes them.
//!
//! ```text
//! RUN {{ "git curl" | apt_install }}
//! ```

use crate::address::has_credentials;
use crate::settings::Settings;

const PROXY_FILE: &str = "/etc/apt/apt.conf.d/80_proxy";
const CLEAN: &str = "apt-get clean && rm -rf /var/lib/apt/lists/* ";

/// What the settings say about apt.
#[derive(Clone, Debug)]
pub(super) struct Apt {
    options: String,
    proxy: Option<String>,
}

impl Apt {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            options: settings.apt_options.clone(),
            // One with a login would be in the image; a build gets it in its environment, where apt finds it.
            proxy: (settings.proxies.apt_only.clone()).filter(|proxy| !has_credentials(proxy)),
        }
    }

    /// Writes the commands that install packages; line breaks in the list become blanks.
    pub(super) fn render_install(&self, packages: &str) -> String {
        let options = &self.options;
        let packages = packages.replace('\n', " ");
        let before = self
            .write_proxy()
            .map(|write| format!("{write} \\\n    && "));
        let before = before.unwrap_or_default();
        let after = self.remove_proxy();
        format!(
            "{before}apt-get update {options} \\\n    \
             && DEBIAN_FRONTEND=noninteractive \\\n    \
             apt-get install {options} --yes {packages} --no-install-recommends \\\n    \
             {after}&& {CLEAN}"
        )
    }

    /// Writes the commands that remove packages; the list stays as it is.
    pub(super) fn render_remove(&self, packages: &str) -> String {
        // Here docker-pkg puts a backslash before `apt-get` instead of before a line break; a shell reads the same.
        let before = self.write_proxy().map(|write| format!("{write}  && \\"));
        let before = before.unwrap_or_default();
        let after = self.remove_proxy();
        format!(
            "{before}apt-get update && DEBIAN_FRONTEND=noninteractive apt-get remove --yes --purge {packages} \\\n    \
             {after}&& {CLEAN}"
        )
    }

    fn write_proxy(&self) -> Option<String> {
        let proxy = self.proxy.as_ref()?;
        Some(format!(
            "echo 'Acquire::http::Proxy \"{proxy}\";' > {PROXY_FILE}"
        ))
    }

    fn remove_proxy(&self) -> String {
        match self.proxy {
            Some(_) => format!("&& rm -f {PROXY_FILE} \\\n    "),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apt(options: &str, proxy: Option<&str>) -> Apt {
        Apt {
            options: options.to_owned(),
            proxy: proxy.map(str::to_owned),
        }
    }

    // The texts below were written by docker-pkg 4.0.4.

    #[test]
    fn packages_are_installed_without_recommended_ones() {
        assert_eq!(
            apt("", None).render_install("b\nc"),
            "apt-get update  \\\n    && DEBIAN_FRONTEND=noninteractive \\\n    apt-get install  --yes b c \
             --no-install-recommends \\\n    && apt-get clean && rm -rf /var/lib/apt/lists/* "
        );
        assert_eq!(
            apt("", None).render_install(" a\n\n b "),
            "apt-get update  \\\n    && DEBIAN_FRONTEND=noninteractive \\\n    apt-get install  --yes  a   b  \
             --no-install-recommends \\\n    && apt-get clean && rm -rf /var/lib/apt/lists/* "
        );
    }

    #[test]
    fn options_go_to_both_commands_as_they_are() {
        assert_eq!(
            apt("-o Foo=1 ", None).render_install("b c"),
            "apt-get update -o Foo=1  \\\n    && DEBIAN_FRONTEND=noninteractive \\\n    apt-get install -o Foo=1  \
             --yes b c --no-install-recommends \\\n    && apt-get clean && rm -rf /var/lib/apt/lists/* "
        );
    }

    #[test]
    fn a_proxy_is_written_before_and_removed_after() {
        assert_eq!(
            apt("-t x", Some("http://h:1")).render_install("b c"),
            "echo 'Acquire::http::Proxy \"http://h:1\";' > /etc/apt/apt.conf.d/80_proxy \\\n    && apt-get update -t x \
             \\\n    && DEBIAN_FRONTEND=noninteractive \\\n    apt-get install -t x --yes b c --no-install-recommends \
             \\\n    && rm -f /etc/apt/apt.conf.d/80_proxy \\\n    && apt-get clean && rm -rf /var/lib/apt/lists/* "
        );
    }

    #[test]
    fn packages_are_removed_with_their_configuration() {
        assert_eq!(
            apt("-t x", None).render_remove("b\nc"),
            "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get remove --yes --purge b\nc \\\n    && apt-get clean \
             && rm -rf /var/lib/apt/lists/* "
        );
        assert_eq!(
            apt("", Some("http://p:8080")).render_remove("b c"),
            "echo 'Acquire::http::Proxy \"http://p:8080\";' > /etc/apt/apt.conf.d/80_proxy  && \\apt-get update && \
             DEBIAN_FRONTEND=noninteractive apt-get remove --yes --purge b c \\\n    && rm -f \
             /etc/apt/apt.conf.d/80_proxy \\\n    && apt-get clean && rm -rf /var/lib/apt/lists/* "
        );
    }
}
