use serde_json::Value;

use super::super::samples::{Item, SIGNER, Sample};
use super::super::{Package, PackageError, Sha256, Trust, read_package};
use super::{Freshness, Lock, LockPackage, parse_lock};

const LOCK: &str = r#"{
  "version": "v1",
  "config": {
    "name": "images/a/image.yaml",
    "checksum": "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
  },
  "contents": {
    "keyring": [
      {
        "name": "example.org/a.rsa.pub",
        "url": "https://example.org/a.rsa.pub",
        "content": "-----BEGIN PUBLIC KEY-----\n"
      }
    ],
    "build_repositories": [],
    "runtime_repositories": [],
    "repositories": [
      {
        "name": "example.org/os/x86_64",
        "url": "https://example.org/os/x86_64/APKINDEX.tar.gz?a\u003c1\u0026b\u003e2\u2028",
        "architecture": "x86_64"
      }
    ],
    "packages": [
      {
        "name": "hello",
        "url": "https://example.org/os/x86_64/hello-1-r0.apk",
        "version": "1-r0",
        "architecture": "x86_64",
        "signature": {
          "range": "",
          "checksum": ""
        },
        "control": {
          "range": "bytes=0-9",
          "checksum": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="
        },
        "data": {
          "range": "bytes=10-19",
          "checksum": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        },
        "checksum": "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk="
      }
    ]
  }
}
"#;

fn lock() -> Lock {
    parse_lock(LOCK).expect("a lock")
}

#[test]
fn a_lock_comes_back_to_the_byte() {
    let lock = lock();
    assert_eq!(lock.render().expect("JSON"), LOCK);
    let url = &lock.contents.repositories[0].url;
    assert!(url.ends_with("?a<1&b>2\u{2028}"), "{url}");
}

#[test]
fn other_keys_of_the_first_level_are_kept() {
    let sorted = LOCK.replacen("{\n", "{\n  \"configHash\": \"00\",\n", 1);
    let lock = parse_lock(&sorted).expect("a lock");
    let end = "  },\n  \"configHash\": \"00\"\n}\n";
    let expected = LOCK.replace("\n  }\n}\n", &format!("\n{end}"));
    assert_eq!(lock.render().expect("JSON"), expected);
}

#[test]
fn a_lock_knows_what_it_was_made_from() {
    let mut lock = lock();
    assert_eq!(lock.freshness(b"abc", b""), Freshness::Fresh);
    assert_eq!(lock.freshness(b"abcd", b""), Freshness::Stale);
    lock.config = None;
    assert_eq!(lock.freshness(b"abc", b""), Freshness::Unknown);
    let hash = Value::from(Sha256::of(b"yaml").hex());
    lock.others.insert("configHash".to_owned(), hash);
    assert_eq!(lock.freshness(b"abc", b"yaml"), Freshness::Fresh);
    assert_eq!(lock.freshness(b"yaml", b"abc"), Freshness::Stale);
}

#[test]
fn only_the_packages_of_an_architecture_are_given() {
    let lock = lock();
    let packages = lock.packages("x86_64").expect("packages");
    assert_eq!(packages.len(), 1);
    let error = lock.packages("aarch64").expect_err("an error");
    assert_eq!(
        error.to_string(),
        "it has no packages for the architecture aarch64"
    );
}

#[track_caller]
fn refused(from: &str, to: &str, message: &str, position: Option<(usize, usize)>) {
    assert!(LOCK.contains(from), "{from}");
    let error = parse_lock(&LOCK.replace(from, to)).expect_err("an error");
    assert_eq!(error.to_string(), message);
    assert_eq!(error.position(), position);
}

#[test]
fn other_shapes_are_refused_with_their_place() {
    let sum = ",\n        \"checksum\": \"Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\"";
    let old = "its package `hello` has no `checksum`, as in locks of apko before 0.13";
    refused(sum, "", old, None);
    refused(
        "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        "Q1",
        "its package `hello`: `Q1` is no checksum: it has to be `Q1` and the base64 of a SHA-1 sum",
        None,
    );
    refused(
        "\"v1\"",
        "\"v2\"",
        "it is no lock of version 1: unknown variant `v2`, expected `v1`",
        Some((2, 17)),
    );
    refused(
        "\"control\"",
        "\"contrl\"",
        "it is no lock of version 1: unknown field `contrl`, expected one of `name`, `url`, `version`, \
         `architecture`, `signature`, `control`, `data`, `checksum`",
        Some((34, 16)),
    );
    refused(
        "\"contents\"",
        "\"content\"",
        "it is no lock of version 1: missing field `contents`",
        Some((46, 1)),
    );
}

#[test]
fn what_is_pinned_is_what_was_read_and_nothing_else() {
    let sample = Sample::new("hello 1-r0").file(Item::file("a", 0o644, b"1"));
    let made = sample.make(Some(&SIGNER));
    let keys = [SIGNER.key.clone()];
    let read = |bytes: &[u8], lock: &LockPackage| -> Result<Package, PackageError> {
        let expected = lock.expected(Trust::Keys(&keys)).expect("a sum");
        read_package(bytes, &expected, &mut Vec::new())
    };
    let mut pinned = lock().contents.packages.remove(0);
    pinned.checksum = made.checksum.to_string();
    let package = read(&made.bytes, &pinned).expect("a package");
    let error = pinned.check(&package).expect_err("an error");
    assert_eq!((error.part, error.expected.as_str()), ("signature", "none"));
    let pinned = LockPackage::new(&package, &pinned.url, "x86_64");
    assert_eq!(pinned.check(&package), Ok(()));
    let control = format!("bytes={}-{}", made.control_start, made.data_start - 1);
    assert_eq!(pinned.control.range, control);
    let data = format!("bytes={}-{}", made.data_start, made.bytes.len() - 1);
    assert_eq!(pinned.data.range, data);
    // What only the lock knows: how the signature is compressed.
    let mut changed = made.bytes.clone();
    changed[9] ^= 1;
    let package = read(&changed, &pinned).expect("a package");
    let error = pinned.check(&package).expect_err("an error");
    assert_eq!(error.part, "signature");
    let mut other = pinned.clone();
    other.data.checksum = "sha256-".to_owned();
    let package = read(&made.bytes, &pinned).expect("a package");
    assert_eq!(other.check(&package).expect_err("an error").part, "data");
}
