//! apt sources, in both of their formats (sources.list(5)), as far as mirrors are concerned.
//!
//! ```text
//! deb [signed-by=/usr/share/keyrings/x.gpg] http://mirror.example.org/debian bookworm main
//! ```
//! ```text
//! Types: deb
//! URIs: http://mirror.example.org/debian
//! Suites: bookworm bookworm-updates
//! Components: main
//! ```
//!
//! What cannot be read is passed over: these files are the machine's, and all that is wanted of them is a mirror.

use deb822_lossless::Deb822;

/// One archive of binary packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The base addresses.
    pub uris: Vec<String>,
    /// The suites: `bookworm`, `bookworm-security`.
    pub suites: Vec<String>,
}

/// The mirrors that serve one Debian release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrors {
    /// Serves the release and its updates.
    pub main: String,
    /// Serves the security suite.
    pub security: Option<String>,
}

/// Reads a `.list` file.
#[must_use]
pub fn parse_one_line_sources(text: &str) -> Vec<Source> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    Some(Source {
        uris: vec![uri.to_owned()],
        suites: vec![suite.to_owned()],
    })
}

/// Reads a `.sources` file.
#[must_use]
pub fn parse_deb822_sources(text: &str) -> Vec<Source> {
    let (deb822, _errors) = Deb822::from_str_relaxed(text);
    deb822
        .paragraphs()
        .filter_map(|paragraph| {
            let words = |field: &str| -> Option<Vec<String>> {
                Some(
                    paragraph
                        .get(field)?
                        .split_whitespace()
                        .map(str::to_owned)
                        .collect(),
                )
            };
            let is_off = words("Enabled")
                .is_some_and(|value| value.first().is_some_and(|word| word == "no"));
            let has_binaries = words("Types")?.iter().any(|kind| kind == "deb");
            (has_binaries && !is_off).then_some(())?;
            Some(Source {
                uris: words("URIs")?,
                suites: words("Suites")?,
            })
        })
        .collect()
}

/// Finds the mirrors of a release among a machine's sources: those that name the release itself, else those that name
/// `own_release`, the release that the machine runs, because mirrors carry all releases.
#[must_use]
pub fn find_mirrors(
    sources: &[Source],
    release: &str,
    own_release: Option<&str>,
) -> Option<Mirrors> {
    let serving = |suite: String| {
        let source = sources
            .iter()
            .find(|source| source.suites.contains(&suite))?;
        source
            .uris
            .first()
            .map(|uri| uri.trim_end_matches('/').to_owned())
    };
    [Some(release), own_release]
        .into_iter()
        .flatten()
        .find_map(|release| {
            Some(Mirrors {
                main: serving(release.to_owned())?,
                security: serving(format!("{release}-security")),
            })
        })
}

/// Reads the release name of a Debian machine from its os-release(5); other distributions have none here.
#[must_use]
pub fn parse_debian_codename(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = os_release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned())
    };
    (value("ID")? == "debian")
        .then(|| value("VERSION_CODENAME"))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "Types: deb deb-src\nURIs: http://m.example.org/debian/ http://n.example.org/debian\n\
        Suites: bookworm bookworm-updates\nComponents: main\n\n# security\nTypes: deb\nURIs: http://m.example.org/security\n\
        Suites: bookworm-security\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://off.example.org\nSuites: trixie\n";

    #[test]
    fn both_formats_are_read() {
        let sources = parse_deb822_sources(DEB822);
        assert_eq!(sources.len(), 2);
        assert_eq!(sources[0].suites, ["bookworm", "bookworm-updates"]);
        let sources = parse_one_line_sources(
            "# old\ndeb-src http://s.example.org/ bookworm main\n\
             deb [arch=amd64 signed-by=/k.gpg] http://m.example.org/debian bookworm main # here\ndebris x y\ndeb\n",
        );
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].uris, ["http://m.example.org/debian"]);
    }

    #[test]
    fn a_release_has_its_own_mirror_or_that_of_the_machine() {
        let sources = parse_deb822_sources(DEB822);
        let mirrors = Mirrors {
            main: "http://m.example.org/debian".to_owned(),
            security: Some("http://m.example.org/security".to_owned()),
        };
        assert_eq!(
            find_mirrors(&sources, "bookworm", None).as_ref(),
            Some(&mirrors)
        );
        assert_eq!(
            find_mirrors(&sources, "trixie", Some("bookworm")),
            Some(mirrors)
        );
        assert_eq!(find_mirrors(&sources, "trixie", None), None);
    }

    #[test]
    fn only_debian_has_a_debian_release() {
        let debian = "PRETTY_NAME=\"Debian\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(parse_debian_codename(debian).as_deref(), Some("bookworm"));
        assert_eq!(
            parse_debian_codename("ID=ubuntu\nVERSION_CODENAME=noble\n"),
            None
        );
    }
}
