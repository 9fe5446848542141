//! Locks of one declaration beside each other.

use super::super::{Difference, Move, list_differences, list_moves};
use super::{HASH, lock, text};

#[test]
fn moves_are_told_by_name() {
    let old = text();
    let of = |text: &str| list_moves(&lock(&old), &lock(text));
    assert_eq!(of(&old), []);
    let moved = |package: &str, old: Option<&str>, new: Option<&str>| Move {
        package: package.to_owned(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
    };
    assert_eq!(
        of(&old.replace("\"12.4\"", "\"12.5\"")),
        [moved("base-data", Some("12.4"), Some("12.5"))]
    );
    assert_eq!(
        of(&old.replace("\"base-data\"", "\"base-more\"")),
        [
            moved("base-data", Some("12.4"), None),
            moved("base-more", None, Some("12.4")),
        ]
    );
    // The same version in another file is another package.
    let other = old.replacen(
        &format!("\"sha256\": \"{HASH}\""),
        &format!("\"sha256\": \"{}\"", "0".repeat(64)),
        1,
    );
    assert_eq!(
        of(&other),
        [moved("app", Some("1:2.0-1+b1"), Some("1:2.0-1+b1"))]
    );
}

#[track_caller]
fn as_good(old: &str, new: &str) {
    let (old, new) = (lock(old), lock(new));
    assert_ne!(new, old);
    assert_eq!(list_moves(&old, &new), []);
    assert_eq!(list_differences(&old, &new), []);
    assert!(new.is_as_good_as(&old) && old.is_as_good_as(&new));
    assert_eq!(new.digest(), old.digest());
}

/// Holds that an image is another one, and so is its lock.
#[track_caller]
fn another(old: &str, new: &str) {
    let (old, new) = (lock(old), lock(new));
    assert!(!new.is_as_good_as(&old) && !old.is_as_good_as(&new));
    assert_ne!(new.digest(), old.digest());
}

#[test]
fn a_list_that_moved_on_without_the_packages_leaves_a_lock_as_good() {
    let old = text();
    as_good(&old, &old.replacen(HASH, &"0".repeat(64), 1));
    for (from, to) in [
        ("2026-11-15", "2026-11-16"),
        ("\"main\"", "\"main\",\n          \"contrib\""),
        ("\"image.yaml\"", "\"images/app/image.yaml\""),
    ] {
        as_good(&old, &old.replace(from, to));
    }
    let size = text().find("\"size\"").expect("a size");
    let (head, tail) = old.split_at(size);
    another(
        &old,
        &(head.to_owned() + &tail.replacen(HASH, &"0".repeat(64), 1)),
    );
    for (from, to) in [
        ("\"12.4\"", "\"12.5\""),
        ("\"base-data\"", "\"base-more\""),
        ("\"architecture\": \"all\"", "\"architecture\": \"amd64\""),
        ("\"architecture\": \"amd64\"", "\"architecture\": \"arm64\""),
    ] {
        another(&old, &old.replace(from, to));
    }
}

#[track_caller]
fn differs(old: &str, new: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
    let (old, new) = (lock(old), lock(new));
    assert_eq!(list_moves(&old, &new), []);
    let expected: Vec<Difference> = expected
        .iter()
        .map(|(what, old, new)| Difference {
            what: (*what).to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        })
        .collect();
    assert_eq!(list_differences(&old, &new), expected);
    assert!(!new.is_as_good_as(&old));
}

#[test]
fn a_package_that_lies_elsewhere_is_the_same_one_and_its_place_is_told() {
    let old = text();
    let new = old.replace("pool/main/a/app/", "pool/updates/a/app/");
    let place = |area: &str| format!("bookworm pool/{area}/a/app/app_2.0-1+b1_amd64.deb");
    let (from, to) = (place("main"), place("updates"));
    differs(&old, &new, &[("the place of app", Some(&from), Some(&to))]);
    assert_eq!(lock(&new).digest(), lock(&old).digest());
}

#[test]
fn what_else_a_build_from_a_lock_of_alpines_packages_needs_is_told() {
    let old = apk_text();
    as_good(&old, &old.replace("APKINDEX.tar.gz", "APKINDEX.tar.gz?a"));
    // Older locks do not hold keys, and `configHash` takes the place of `config`.
    let untold = lock(&old.replace("one key", ""));
    assert_eq!(list_differences(&lock(&old), &untold), []);
    assert_eq!(list_differences(&untold, &lock(&old)), []);
    as_good(&old, &old.replace("\"config\"", "\"configs\""));
    let swapped = old
        .replace("b.rsa.pub", "c.rsa.pub")
        .replace("a.rsa.pub", "b.rsa.pub");
    let swapped = swapped.replace("c.rsa.pub", "a.rsa.pub");
    let swapped = swapped
        .replace("one key", "a key")
        .replace("two key", "one key");
    as_good(&old, &swapped.replace("a key", "two key"));
    let moved = old.replace("tool-1-r0.apk", "own/tool-1-r0.apk");
    let place = |path: &str| format!("https://example.org/os/x86_64/{path}");
    let (from, to) = (place("tool-1-r0.apk"), place("own/tool-1-r0.apk"));
    differs(
        &old,
        &moved,
        &[("the place of tool", Some(&from), Some(&to))],
    );
    assert_eq!(lock(&moved).digest(), lock(&old).digest());
    let resigned = old.replacen("sha1-AAAA", "sha1-BBBB", 1);
    let (from, to) = (Some("sha1-AAAA"), Some("sha1-BBBB"));
    differs(&old, &resigned, &[("the signature of library", from, to)]);
    assert_eq!(lock(&resigned).digest(), lock(&old).digest());
    // An image trusts the keys of its lock.
    let trusted = old.replace("one key", "another key");
    let short = |key: &str| crate::oci::Digest::of(key.as_bytes()).short().to_owned();
    let (from, to) = (short("one key"), short("another key"));
    differs(
        &old,
        &trusted,
        &[("the key example.org/a.rsa.pub", Some(&from), Some(&to))],
    );
    another(&old, &trusted);
    let order = old
        .replace("library", "third")
        .replace("tool", "library")
        .replace("third", "tool");
    differs(&old, &order, &[("the order of installation", None, None)]);
    another(&old, &order);
}

/// A lock of two packages whose parts are alike, and two keys.
fn apk_text() -> String {
    let key = |name: &str, content: &str| {
        let name = format!("example.org/{name}");
        serde_json::json!({"name": name, "url": format!("https://{name}"), "content": content})
    };
    let package = |name: &str| {
        serde_json::json!({
            "name": name,
            "url": format!("https://example.org/os/x86_64/{name}-1-r0.apk"),
            "version": "1-r0",
            "architecture": "x86_64",
            "signature": {"range": "bytes=0-9", "checksum": "sha1-AAAA"},
            "control": {"range": "bytes=10-19", "checksum": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
            "data": {"range": "bytes=20-29", "checksum": "sha256-AAAA"},
            "checksum": "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        })
    };
    let lock = serde_json::json!({
        "version": "v1",
        "config": {"name": "image.yaml", "checksum": "sha256-AAAA"},
        "contents": {
            "keyring": [key("a.rsa.pub", "one key"), key("b.rsa.pub", "two key")],
            "repositories": [{
                "name": "example.org/os/x86_64",
                "url": "https://example.org/os/x86_64/APKINDEX.tar.gz",
                "architecture": "x86_64",
            }],
            "packages": [package("library"), package("tool")],
        },
    });
    lock.to_string()
}
