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
//! What cannot be read of whole files is passed over: these are the machine's, and all that is wanted of them is a mirror. A
//! line of the user's own is read strictly.

use deb822_lossless::{Deb822, Paragraph};

/// One archive of binary packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The base addresses.
    pub uris: Vec<String>,
    /// The suites: `bookworm`, `bookworm-security`; a directory with a slash behind it in a flat archive.
    pub suites: Vec<String>,
    /// The components: `main`; none in a flat archive.
    pub components: Vec<String>,
    /// The architectures; all that are wanted where there is none.
    pub architectures: Vec<String>,
    /// Whose signatures count; those of all keys that the machine trusts where there is none.
    pub signed_by: Option<SignedBy>,
}

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// Paths of keyrings, and fingerprints of keys.
    Named(Vec<String>),
    /// An armoured key.
    Key(String),
}

/// Why a line is no source of binary packages.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// It does not begin as one.
    #[error("a source begins with `deb`")]
    Kind,
    /// Something is missing.
    #[error("the {0} is missing: `deb [options] address suite component…`")]
    Missing(&'static str),
    /// The options are not `[name=value …]`.
    #[error("options are written as `[name=value name=value]`")]
    Options,
    /// An option that is not known.
    #[error("the option `{0}` is not supported")]
    Option(String),
    /// Components of a flat archive.
    #[error("`{0}` is a directory, which has no components")]
    Flat(String),
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
    let lines = text.lines();
    lines
        .filter_map(|line| parse_source_line(line).ok())
        .collect()
}

/// Reads one line of a `.list` file, which has to be a source of binary packages.
///
/// Options that change what is fetched or trusted and are not known here are errors, as is `trusted=yes`.
pub fn parse_source_line(line: &str) -> Result<Source, SourceError> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let rest = line.strip_prefix("deb").unwrap_or_default();
    if !rest.starts_with([' ', '\t']) {
        return Err(SourceError::Kind);
    }
    let rest = rest.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']').ok_or(SourceError::Options)?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let uri = words.next().ok_or(SourceError::Missing("address"))?;
    let suite = words.next().ok_or(SourceError::Missing("suite"))?;
    let mut source = Source {
        uris: vec![uri],
        suites: vec![suite],
        components: words.collect(),
        architectures: Vec::new(),
        signed_by: None,
    };
    for option in options.split_whitespace() {
        let (name, value) = option.split_once('=').ok_or(SourceError::Options)?;
        let values = || value.split(',').map(str::to_owned).collect();
        match name.to_ascii_lowercase().as_str() {
            "arch" => source.architectures = values(),
            "signed-by" => source.signed_by = Some(SignedBy::Named(values())),
            "lang" | "target" | "pdiffs" | "by-hash" => (),
            _ => return Err(SourceError::Option(name.to_owned())),
        }
    }
    source.check()?;
    Ok(source)
}

impl Source {
    /// Components are needed, unless the suite is a directory itself, with a slash behind it.
    fn check(&self) -> Result<(), SourceError> {
        for suite in &self.suites {
            match (suite.ends_with('/'), self.components.is_empty()) {
                (false, true) => return Err(SourceError::Missing("component")),
                (true, false) => return Err(SourceError::Flat(suite.clone())),
                _ => (),
            }
        }
        Ok(())
    }
}

/// Reads a `.sources` file.
#[must_use]
pub fn parse_deb822_sources(text: &str) -> Vec<Source> {
    let (deb822, _errors) = Deb822::from_str_relaxed(text);
    deb822
        .paragraphs()
        .filter_map(|it| source_of(&it))
        .collect()
}

fn source_of(paragraph: &Paragraph) -> Option<Source> {
    let words = |field: &str| -> Option<Vec<String>> {
        let value = paragraph.get(field)?;
        Some(value.split_whitespace().map(str::to_owned).collect())
    };
    let is_off =
        words("Enabled").is_some_and(|value| value.first().is_some_and(|word| word == "no"));
    let has_binaries = words("Types")?.iter().any(|kind| kind == "deb");
    (has_binaries && !is_off).then_some(())?;
    Some(Source {
        uris: words("URIs")?,
        suites: words("Suites")?,
        components: words("Components").unwrap_or_default(),
        architectures: words("Architectures").unwrap_or_default(),
        signed_by: paragraph.get("Signed-By").map(|it| parse_signed_by(&it)),
    })
}

/// Reads the field `Signed-By`: names of keyrings and keys, or a key itself, whose empty lines are written as dots.
fn parse_signed_by(value: &str) -> SignedBy {
    if !value.contains("-----BEGIN") {
        let words = value.split([',', ' ', '\t', '\n']);
        let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
        return SignedBy::Named(words.collect());
    }
    let lines = value.lines().map(str::trim);
    let lines = lines.map(|line| if line == "." { "" } else { line });
    SignedBy::Key(lines.collect::<Vec<_>>().join("\n").trim().to_owned() + "\n")
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
    let releases = || [Some(release), own_release].into_iter().flatten();
    releases().find_map(|release| {
        Some(Mirrors {
            main: serving(release.to_owned())?,
            security: releases().find_map(|it| serving(format!("{it}-security"))),
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
    fn a_line_of_the_users_is_read_with_its_options() {
        let source = parse_source_line(
            "deb [arch=amd64,arm64 Signed-By=/k.gpg,AB12] https://m.example.org/d bookworm main contrib # x",
        )
        .expect("a source");
        assert_eq!(source.components, ["main", "contrib"]);
        assert_eq!(source.architectures, ["amd64", "arm64"]);
        let named = ["/k.gpg", "AB12"].map(str::to_owned).to_vec();
        assert_eq!(source.signed_by, Some(SignedBy::Named(named)));
        parse_source_line("deb file:/srv/debs ./").expect("a flat archive");
        for (line, error) in [
            ("deb-src http://m a main", SourceError::Kind),
            ("", SourceError::Kind),
            ("deb", SourceError::Kind),
            ("deb http://m", SourceError::Missing("suite")),
            ("deb http://m a", SourceError::Missing("component")),
            ("deb http://m a/ main", SourceError::Flat("a/".to_owned())),
            ("deb [arch=a http://m a main", SourceError::Options),
            ("deb [arch] http://m a main", SourceError::Options),
            (
                "deb [trusted=yes] http://m a main",
                SourceError::Option("trusted".to_owned()),
            ),
        ] {
            assert_eq!(parse_source_line(line), Err(error), "{line}");
        }
    }

    #[test]
    fn a_key_may_stand_in_the_file_itself() {
        let text = "Types: deb\nURIs: http://m\nSuites: a\nComponents: main\nArchitectures: amd64\nSigned-By:\n \
            -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n";
        let source = &parse_deb822_sources(text)[0];
        assert_eq!(source.architectures, ["amd64"]);
        let key =
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(source.signed_by, Some(SignedBy::Key(key.to_owned())));
        let text = text
            .split("Signed-By")
            .next()
            .unwrap_or_default()
            .to_owned()
            + "Signed-By: /a.gpg\n /b.asc\n";
        let named = ["/a.gpg", "/b.asc"].map(str::to_owned).to_vec();
        assert_eq!(
            parse_deb822_sources(&text)[0].signed_by,
            Some(SignedBy::Named(named))
        );
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
        let more = "Types: deb\nURIs: http://n.example.org/debian\nSuites: trixie\n";
        let sources = parse_deb822_sources(&format!("{DEB822}\n{more}"));
        let mirrors = find_mirrors(&sources, "trixie", Some("bookworm")).expect("mirrors");
        assert_eq!(mirrors.main, "http://n.example.org/debian");
        let security = mirrors.security.as_deref();
        assert_eq!(security, Some("http://m.example.org/security"));
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
