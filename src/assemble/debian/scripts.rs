//! The maintainer scripts that are not run: which of them do nothing that an image needs, and which are stood in for.
//!
//! A package is taken without its scripts where they are empty, where they only serve upgrades and caches, or where the list
//! below says that what they do is done here. Any other is refused: its image would lack something, and only its user knows
//! whether that matters.

/// The scripts that run when a package is installed for the first time (Debian Policy 6.5).
const AT_INSTALLATION: [&str; 2] = ["preinst", "postinst"];

/// Packages whose scripts are known, with what stands in for them.
const KNOWN: &[(&str, &str)] = &[
    (
        "base-files",
        "directories, links and files of /etc are made here",
    ),
    ("base-passwd", "/etc/passwd and /etc/group are written here"),
    (
        "ca-certificates",
        "the bundle of certificates is written here",
    ),
    ("coreutils", "it moves files of old versions"),
    ("dash", "/bin/sh is in the package"),
    ("debconf", "nobody is asked anything"),
    ("debianutils", "/usr/bin/which is made here"),
    ("dpkg", "its log is made when it is used"),
    ("init-system-helpers", "no services are started"),
    ("bash", "its alternatives are for manuals"),
    ("libc6", "it restarts services, and rebuilds a cache"),
    ("libc-bin", "/etc/nsswitch.conf is written here"),
    ("libreadline8t64", "it guards files that moved to /usr"),
    ("libpam-modules", "it restarts services of old versions"),
    ("libpam-runtime", "nobody logs in to an image"),
    ("login", "nobody logs in to an image"),
    ("mawk", "/usr/bin/awk is made here"),
    ("netbase", "it removes files of old versions"),
    ("openssl", "it removes files of old versions"),
    ("passwd", "shadow passwords are in use"),
    ("perl-base", "it moves files of old versions"),
    ("python3", "it compiles modules ahead of time"),
    ("python3-minimal", "it compiles modules ahead of time"),
    ("readline-common", "it registers a manual"),
    ("sed", "it removes files of old versions"),
    ("tar", "its alternatives are for manuals"),
    (
        "tzdata",
        "/etc/localtime and /etc/timezone are written here",
    ),
    ("util-linux", "it registers services"),
    ("zlib1g", "it rebuilds a cache"),
];

/// Names of packages of many versions, likewise.
const KNOWN_BEGINNINGS: &[(&str, &str)] = &[
    ("libpython3.", "it compiles modules ahead of time"),
    ("python3.", "it compiles modules ahead of time"),
    ("libgdbm", "it rebuilds a cache"),
];

/// Finds the first script of a package that would have to run, by its name; `scripts` are names and texts.
pub(super) fn find_needed<'n, 't>(
    package: &str,
    scripts: impl Iterator<Item = (&'n str, &'t [u8])>,
) -> Option<&'n str> {
    let is_known = KNOWN.iter().any(|(name, _)| *name == package)
        || KNOWN_BEGINNINGS
            .iter()
            .any(|(start, _)| package.starts_with(start));
    let mut scripts = scripts;
    scripts
        .find(|(name, text)| AT_INSTALLATION.contains(name) && !is_known && !is_idle(text))
        .map(|(name, _)| name)
}

/// Tells whether a script does nothing when its package is installed for the first time.
///
/// What `dh_installdeb` writes for files that moved begins to work with an upgrade alone (dpkg-maintscript-helper(1)), and
/// `ldconfig` only rebuilds a cache.
fn is_idle(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    text.lines().all(|line| {
        let line = line.trim();
        let is_harmless = matches!(
            line,
            "" | "set -e"
                | "set -eu"
                | "set -e;"
                | ":"
                | "true"
                | "exit 0"
                | "ldconfig"
                | "activate-noawait ldconfig"
        );
        is_harmless || line.starts_with('#') || line.starts_with("dpkg-maintscript-helper ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(package: &str, script: (&'static str, &'static str), expected: Option<&str>) {
        let scripts = [(script.0, script.1.as_bytes())].into_iter();
        assert_eq!(find_needed(package, scripts), expected, "{script:?}");
    }

    #[test]
    fn what_does_nothing_on_a_new_system_is_not_needed() {
        case(
            "a",
            (
                "postinst",
                "#!/bin/sh\nset -e\n# Automatically added\n\nexit 0\n",
            ),
            None,
        );
        case(
            "a",
            (
                "preinst",
                "#!/bin/sh\ndpkg-maintscript-helper rm_conffile /etc/a 1 -- \"$@\"\n",
            ),
            None,
        );
        case(
            "a",
            ("postinst", "#!/bin/sh\nadduser --system a\n"),
            Some("postinst"),
        );
        case(
            "a",
            ("preinst", "#!/bin/sh\nset -e\ntouch /a\n"),
            Some("preinst"),
        );
        case("a", ("postrm", "#!/bin/sh\nrm -rf /var/lib/a\n"), None);
        case("a", ("postinst", "\u{0}\u{1}"), Some("postinst"));
        case("tzdata", ("postinst", "#!/bin/sh\nconfigure\n"), None);
        case(
            "python3.11-minimal",
            ("postinst", "#!/bin/sh\npy3compile\n"),
            None,
        );
    }
}
