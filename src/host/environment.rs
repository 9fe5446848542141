//! The environment variables, read once, and the directories that follow from them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment of the process, as a value that can be handed on and made up in tests.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    home: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment of this process; the home directory comes from the user database where `HOME` is not set.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
        }
    }

    /// Finds a variable; an empty one counts as not set, as the XDG base directory specification says.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<String> {
        let value = self.variables.get(std::ffi::OsStr::new(name))?;
        let text = value.to_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Gives all variables, for a program that is one of the user's own.
    pub fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }

    /// Gives the home directory.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }

    /// Gives `$XDG_CONFIG_HOME`, else `~/.config`.
    #[must_use]
    pub fn config_home(&self) -> Option<PathBuf> {
        self.directory("XDG_CONFIG_HOME", ".config")
    }

    /// Gives the directory for logs and what helps the next run: `$XDG_STATE_HOME/pkg`, else `~/.local/state/pkg`.
    #[must_use]
    pub fn state_home(&self) -> Option<PathBuf> {
        Some(
            self.directory("XDG_STATE_HOME", ".local/state")?
                .join("pkg"),
        )
    }

    /// Gives the directory for what can be fetched again: `$XDG_CACHE_HOME/pkg`, else `~/.cache/pkg`.
    #[must_use]
    pub fn cache_home(&self) -> Option<PathBuf> {
        Some(self.directory("XDG_CACHE_HOME", ".cache")?.join("pkg"))
    }

    /// Gives where there is room for large temporary files: `TMPDIR`, or `/var/tmp` (file-hierarchy(7)), as `/tmp` is memory on
    /// many machines.
    #[must_use]
    pub fn large_temporary(&self) -> PathBuf {
        let told = self.find("TMPDIR").map(PathBuf::from);
        told.unwrap_or_else(|| PathBuf::from("/var/tmp"))
    }

    fn directory(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let set = self
            .find(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        set.or_else(|| Some(self.home.as_ref()?.join(below_home)))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        let variables: BTreeMap<_, _> = variables
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        let home = variables
            .get(std::ffi::OsStr::new("HOME"))
            .map(PathBuf::from);
        Self { variables, home }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_empty_base_directories_are_ignored() {
        let home = PathBuf::from("/home/ann");
        for value in ["", "state"] {
            let environment = Environment::from([("HOME", "/home/ann"), ("XDG_STATE_HOME", value)]);
            assert_eq!(
                environment.state_home(),
                Some(home.join(".local/state/pkg"))
            );
        }
        let environment = Environment::from([("HOME", "/home/ann"), ("XDG_STATE_HOME", "/s")]);
        assert_eq!(environment.state_home(), Some(PathBuf::from("/s/pkg")));
        assert_eq!(environment.cache_home(), Some(home.join(".cache/pkg")));
        assert_eq!(environment.config_home(), Some(home.join(".config")));
    }
}
