//! Where archives are, as the settings and the machine say, and how they are asked.

use crate::address::has_credentials;
use crate::assemble::has_updates;
use crate::debian::Mirrors;
use crate::host::{Environment, find_machine_mirrors};
use crate::mirror;
use crate::registry::Proxy;
use crate::settings::{self, Settings};

/// Why it is not known where a release of Debian lies.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum MirrorsFault {
    /// Neither the settings nor the machine say it.
    #[error(
        "no mirror is known for Debian `{0}`: set `mirror` (and `security_mirror`) in the settings"
    )]
    Unknown(String),
    /// Neither of them says where its security updates are.
    #[error(
        "no mirror is known for the security updates of Debian `{0}`: set `security_mirror` in the settings"
    )]
    UnknownSecurity(String),
    /// Its address has a login.
    #[error(
        "the mirror of Debian `{0}` has a name or password in its address, which would be in the image: set `mirror` and `security_mirror` without"
    )]
    Credentials(String),
}

/// Finds the mirrors of a release: those of the settings, else those of the machine, each of the two by itself.
///
/// Without its security updates a release is refused; unstable and experimental have none.
pub fn find_mirrors(settings: &Settings, suite: &str) -> Result<Mirrors, MirrorsFault> {
    let mirrors = find_known_mirrors(settings, suite)?;
    check_security(mirrors, suite)
}

/// Finds the mirrors of a release as far as they are known, for packages that a lock names: files with their hashes may come
/// from elsewhere.
pub fn find_known_mirrors(settings: &Settings, suite: &str) -> Result<Mirrors, MirrorsFault> {
    choose_mirrors(&settings.mirrors, suite, find_machine_mirrors)
}

fn choose_mirrors(
    set: &settings::Mirrors,
    suite: &str,
    find: impl FnOnce(&str) -> Option<Mirrors>,
) -> Result<Mirrors, MirrorsFault> {
    let has_security = has_updates(suite);
    let is_told = set.main.is_some() && (set.security.is_some() || !has_security);
    let machine = if is_told { None } else { find(suite) };
    let (main, security) = machine.map(|it| (it.main, it.security)).unzip();
    let main = set.main.clone().or(main);
    let security = set.security.clone().or(security.flatten());
    let mirrors = Mirrors {
        main: main.ok_or_else(|| MirrorsFault::Unknown(suite.to_owned()))?,
        security: security.filter(|_| has_security),
    };
    let mut all = std::iter::once(&mirrors.main).chain(&mirrors.security);
    if all.any(|uri| has_credentials(uri)) {
        return Err(MirrorsFault::Credentials(suite.to_owned()));
    }
    Ok(mirrors)
}

fn check_security(mirrors: Mirrors, suite: &str) -> Result<Mirrors, MirrorsFault> {
    if mirrors.security.is_none() && has_updates(suite) {
        return Err(MirrorsFault::UnknownSecurity(suite.to_owned()));
    }
    Ok(mirrors)
}

/// Gives how archives are asked: through the proxies of the settings and of the machine.
#[must_use]
pub fn mirror_options(settings: &Settings, environment: &Environment) -> mirror::Options {
    let without_tls = settings.proxies.apt_only.as_ref();
    let bundle = settings.ca_bundle.as_ref();
    mirror::Options {
        ca_bundle: bundle.map(|bundle| bundle.path.clone()),
        proxy: Proxy::of_environment(environment),
        proxy_without_tls: without_tls.map(|url| Proxy::new(url, "")),
        ..mirror::Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "http://m.example.org/debian";
    const SECURITY: &str = "http://m.example.org/security";

    /// Finds the mirrors of a suite with what the settings and the machine say, each as `main security`, and `-` for nothing.
    fn find(suite: &str, set: &str, machine: &str) -> Result<String, MirrorsFault> {
        let read = |text: &str| {
            let (main, security) = text.split_once(' ').expect("two words");
            [main, security].map(|uri| (uri != "-").then(|| uri.to_owned()))
        };
        let ([main, security], of_machine) = (read(set), read(machine));
        let set = settings::Mirrors { main, security };
        let of_machine = |_: &str| {
            let [main, security] = of_machine;
            main.map(|main| Mirrors { main, security })
        };
        let mirrors = choose_mirrors(&set, suite, of_machine)?;
        let mirrors = check_security(mirrors, suite)?;
        let security = mirrors.security.as_deref().unwrap_or("-");
        Ok(format!("{} {security}", mirrors.main))
    }

    #[test]
    fn release_and_security_updates_are_found_each_by_itself() {
        let own = "http://o.example.org/debian";
        for (set, machine, expected) in [
            (
                format!("{MAIN} {SECURITY}"),
                "- -".to_owned(),
                [MAIN, SECURITY],
            ),
            (
                format!("{MAIN} -"),
                format!("{own} {SECURITY}"),
                [MAIN, SECURITY],
            ),
            (
                format!("- {SECURITY}"),
                format!("{own} {own}"),
                [own, SECURITY],
            ),
            (
                "- -".to_owned(),
                format!("{own} {SECURITY}"),
                [own, SECURITY],
            ),
        ] {
            let found = find("bookworm", &set, &machine);
            assert_eq!(found, Ok(expected.join(" ")), "{set}, {machine}");
        }
    }

    #[test]
    fn a_release_without_a_mirror_of_its_security_updates_is_refused_and_unstable_is_not() {
        for (set, machine) in [(MAIN, "-"), ("-", MAIN), (MAIN, MAIN)] {
            let (set, machine) = (format!("{set} -"), format!("{machine} -"));
            let fault = find("bookworm", &set, &machine).expect_err("no security updates");
            assert_eq!(
                fault.to_string(),
                "no mirror is known for the security updates of Debian `bookworm`: set `security_mirror` in the settings"
            );
            assert_eq!(find("sid", &set, &machine), Ok(format!("{MAIN} -")));
        }
        let unknown = MirrorsFault::Unknown("bookworm".to_owned());
        assert_eq!(
            find("bookworm", &format!("- {SECURITY}"), "- -"),
            Err(unknown)
        );
    }

    #[test]
    fn a_login_is_refused_where_it_would_be_in_an_image() {
        let security = "http://ann:hush@m.example.org/security";
        let refused = |suite: &str| MirrorsFault::Credentials(suite.to_owned());
        let machine = format!("{MAIN} {security}");
        assert_eq!(find("bookworm", "- -", &machine), Err(refused("bookworm")));
        assert_eq!(
            find("bookworm", &format!("{MAIN} -"), &machine),
            Err(refused("bookworm"))
        );
        assert_eq!(find("sid", "- -", &machine), Ok(format!("{MAIN} -")));
    }
}
