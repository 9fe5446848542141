//! What packages say of themselves, as far as it matters to layers and to those who ask what an image holds.

use std::collections::HashMap;

use super::super::installed::Installed;
use crate::debian::Deb;
use crate::declared::DebianArchive;
use crate::lock::{Pin, name_archives};

/// Describes a package by the lock that chose it and its own file; `replaces` are the places of those whose files it replaces.
pub(super) fn describe(
    (pin, deb): (&Pin, &Deb),
    replaces: Vec<usize>,
    places: &HashMap<String, &str>,
) -> Installed {
    let control = &deb.control;
    // `glibc (2.36-9)`.
    let source = control.find("Source").unwrap_or_default();
    let source = source.split(' ').next().unwrap_or_default();
    let installed_kib = control.find("Installed-Size");
    let installed_kib = installed_kib.and_then(|size| size.parse::<u64>().ok());
    let download = places.get(&pin.archive);
    Installed {
        name: control.name().to_owned(),
        version: control.version().to_owned(),
        architecture: control.architecture().to_owned(),
        origin: if source.is_empty() {
            control.name().to_owned()
        } else {
            source.to_owned()
        },
        installed_bytes: installed_kib.unwrap_or(0).saturating_mul(1024),
        replaces,
        sha256: Some(pin.digest()),
        download: download.map(|uri| format!("{}/{}", uri.trim_end_matches('/'), pin.path)),
    }
}

/// Gives the first address of each archive on the web that the declaration itself names, by the names of archives in locks.
pub(super) fn list_declared(archive: &DebianArchive) -> HashMap<String, &str> {
    let DebianArchive::Sources(sources) = archive else {
        return HashMap::new();
    };
    let suites = sources
        .iter()
        .flat_map(|source| source.suites.iter().map(move |suite| (source, suite)));
    let (sources, suites): (Vec<_>, Vec<_>) = suites
        .map(|(source, suite)| (source, suite.as_str()))
        .unzip();
    let is_web = |uri: &&String| uri.starts_with("http://") || uri.starts_with("https://");
    let named = name_archives(suites).into_iter().zip(sources);
    let places = named.filter_map(|(name, source)| {
        let uri = source.uris.iter().find(is_web)?;
        Some((name, uri.as_str()))
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::DebianSource;

    #[test]
    fn archives_have_the_addresses_that_the_declaration_names() {
        let source = |uris: &[&str], suites: &[&str]| DebianSource {
            uris: uris.iter().map(ToString::to_string).collect(),
            suites: suites.iter().map(ToString::to_string).collect(),
            components: Vec::new(),
            signed_by: None,
        };
        let archive = DebianArchive::Sources(vec![
            source(&["file:/srv/a"], &["stable"]),
            source(
                &["file:/srv/b", "https://b.example.org/"],
                &["stable", "own"],
            ),
        ]);
        let expected = [
            ("stable#2".to_owned(), "https://b.example.org/"),
            ("own".to_owned(), "https://b.example.org/"),
        ];
        assert_eq!(list_declared(&archive), expected.into());
        let release = DebianArchive::Release {
            suite: "bookworm".to_owned(),
            components: Vec::new(),
        };
        assert_eq!(list_declared(&release), HashMap::new());
    }
}
