//! What archives of anybody's hold: signed lists, keyrings, indexes, packages.

use std::io::Cursor;

use chrono::DateTime;

use super::{
    Keyring, RelationField, Universe, is_package_name, parse_packages, parse_relations,
    parse_release, parse_request, parse_source_line, read_data, read_deb, unpack_data,
    verify_cleartext,
};
use crate::rootfs::Volume;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("debian_deb", deb),
    ("debian_in_release", in_release),
    ("debian_keyring", keyring),
    ("debian_packages", packages),
    ("debian_relations", relations),
    ("debian_release", release),
    ("debian_source_line", source_line),
];

/// A key that nobody has the secret of any more, and the one text that it has signed.
const KEY: &[u8] = include_bytes!("../../fuzz/corpus/debian_keyring/seed-01");
const SIGNED: &[u8] = include_bytes!("../../fuzz/corpus/debian_in_release/seed-01");

/// Nothing counts as signed but the text that was.
fn in_release(bytes: &[u8]) {
    let keyring = Keyring::parse(KEY).expect("a keyring");
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    if let Ok(verified) = verify_cleartext(bytes, &keyring, now) {
        let genuine = verify_cleartext(SIGNED, &keyring, now).expect("it is signed");
        assert_eq!(verified.text, genuine.text);
        assert!(
            verified
                .signers
                .iter()
                .all(|one| genuine.signers.contains(one))
        );
    }
}

/// Keys have fingerprints, and any may be asked for.
fn keyring(bytes: &[u8]) {
    let Ok(mut keyring) = Keyring::parse(bytes) else {
        return;
    };
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let _ = verify_cleartext(SIGNED, &keyring, now);
    let fingerprints: Vec<String> = keyring.fingerprints().collect();
    assert!(!fingerprints.is_empty());
    let is_hex = |text: &String| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(fingerprints.iter().all(is_hex));
    keyring.retain(&fingerprints);
    assert_eq!(keyring.fingerprints().count(), fingerprints.len());
}

/// Paths lead nowhere else, and files have hashes.
fn release(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(release) = parse_release(&text) {
        assert!(release.files.keys().all(|path| leads_below(path)));
    }
}

fn leads_below(path: &str) -> bool {
    !path.starts_with('/') && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// What is read stands in the text; files lie below the archive; a choice has what was asked for.
fn packages(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(packages) = parse_packages(&text) else {
        return;
    };
    for package in &packages {
        assert!(leads_below(package.filename) && is_package_name(package.name));
        assert!(text.contains(package.stanza));
        assert_eq!(package.digest().hex(), package.sha256);
        let _ = package.relations(RelationField::Depends);
    }
    let universe = Universe::new(packages.iter().copied(), "amd64");
    for package in packages.iter().take(3) {
        // dpkg takes names with underscores, and relations cannot name them (Debian Policy 5.6.7).
        let request = match parse_request(package.name) {
            Err(_) if package.name.contains('_') => continue,
            request => request.expect("a name"),
        };
        if let Ok(chosen) = universe.resolve(&[request]) {
            assert!(!chosen.is_empty());
            let is_sorted = chosen.is_sorted_by_key(|one| one.package.name);
            assert!(is_sorted);
        }
    }
}

/// Relations are written as they are read.
fn relations(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = parse_request(&text);
    let Ok(relations) = parse_relations(&text) else {
        return;
    };
    let shown: Vec<String> = relations
        .iter()
        .map(|one| {
            let one: Vec<String> = one.iter().map(ToString::to_string).collect();
            one.join(" | ")
        })
        .collect();
    assert_eq!(parse_relations(&shown.join(", ")).as_ref(), Ok(&relations));
}

/// A source has what is needed to find its list.
fn source_line(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(source) = parse_source_line(&text) {
        assert!(source.uris.len() == 1 && source.suites.len() == 1);
        assert_eq!(
            source.suites[0].ends_with('/'),
            source.components.is_empty()
        );
    }
}

/// What a package holds stays within bounds and within its root.
fn deb(bytes: &[u8]) {
    const LIMIT: u64 = 1 << 20;
    let mut file = Cursor::new(bytes);
    let Ok(deb) = read_deb(&mut file) else {
        return;
    };
    assert!(is_package_name(deb.control.name()));
    assert!(deb.control.find("version").is_some());
    let _ = (
        deb.control.config_files(),
        deb.control.md5_sums(),
        deb.control.triggers(),
    );
    let mut tar = Vec::new();
    let unpacked = unpack_data(&mut file, &deb.data, LIMIT, &mut tar);
    assert!(tar.len() as u64 <= LIMIT + 1);
    if unpacked.is_err() {
        return;
    }
    for entry in read_data(&mut Cursor::new(&tar), Volume(0))
        .into_iter()
        .flatten()
    {
        assert!(
            entry
                .path
                .names()
                .all(|name| !matches!(name, b"" | b"." | b".."))
        );
    }
}
