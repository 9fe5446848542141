//! What is not what was signed is refused, with the place and the cause, and leaves nothing in the store.

use std::fs;

use pkg::apk::LockPackage;

use super::super::server::{Fault, Server};
use super::ground::{Ground, count_files, declare, of};
use super::repository::{ARCHITECTURE, FOREIGN, Repository, read};
use super::samples::{Item, SIGNER, STRANGER, Sample, gzip, tar};

fn tool() -> Sample {
    Sample::new("tool 1.0-r0").file(Item::file("usr/bin/tool", 0o755, b"tool").summed())
}

/// Changes one byte of a file of the repository, at a place that is counted from its begin.
fn changed(name: &str, at: impl FnOnce(usize) -> usize) -> (String, Ground) {
    let repository = Repository::of(&[tool()]);
    repository.change(name, |bytes| {
        let at = at(bytes.len());
        bytes[at] ^= 1;
    });
    let ground = Ground::new();
    let told = ground.refused(&of(&repository, "tool"));
    assert!(told.contains(name), "{told}");
    (told, ground)
}

#[track_caller]
fn tells(told: &str, expected: &str) {
    assert!(told.contains(expected), "{told}");
}

#[test]
fn an_index_that_was_changed_is_refused() {
    // The last bytes of a member are its sum and its length.
    let (told, ground) = changed("APKINDEX.tar.gz", |length| length - 20);
    tells(
        &told,
        "its signature by `test.rsa.pub` is wrong: it was changed after it was signed",
    );
    assert_eq!(count_files(ground.cache.path()), 0);
    // A signature of another index, of the same key.
    let (repository, other) = (
        Repository::of(&[tool()]),
        Repository::of(&[Sample::new("tool 2.0-r0")]),
    );
    let own = fs::read(repository.file("APKINDEX.tar.gz")).unwrap();
    let end = |bytes: &[u8]| {
        let magic = [0x1f, 0x8b, 8];
        let mut found = bytes.windows(3).enumerate().skip(1);
        found.find(|(_, window)| *window == magic).unwrap().0
    };
    other.change("APKINDEX.tar.gz", |bytes| {
        let rest = bytes.split_off(end(bytes));
        *bytes = [&own[..end(&own)], &rest].concat();
    });
    let told = ground.refused(&of(&other, "tool"));
    tells(&told, "its signature by `test.rsa.pub` is wrong");
}

#[test]
fn an_index_without_a_signature_of_a_known_key_is_refused() {
    let ground = Ground::new();
    let mut repository = Repository::new();
    repository.add(&tool(), Some(&SIGNER));
    repository.publish_by(None);
    let told = ground.refused(&of(&repository, "tool"));
    tells(&told, "APKINDEX.tar.gz cannot be used: it is not signed");
    repository.publish_by(Some(&STRANGER));
    let told = ground.refused(&of(&repository, "tool"));
    tells(
        &told,
        "APKINDEX.tar.gz is signed by `stranger.rsa.pub`, which is none of the known keys `test.rsa.pub`",
    );
    let without = format!(
        "contents: {{repositories: ['{}'], packages: [tool]}}\n",
        repository.path().display()
    );
    let told = ground.refused(&without);
    tells(
        &told,
        "is signed by `stranger.rsa.pub`, and no key is known: name it in `contents.keyring`",
    );
    // Another key under the name of the known one.
    fs::write(repository.path().join("test.rsa.pub"), STRANGER.key.pem()).unwrap();
    repository.publish();
    let told = ground.refused(&of(&repository, "tool"));
    tells(&told, "its signature by `test.rsa.pub` is wrong");
    assert_eq!(count_files(ground.cache.path()), 0);
}

#[test]
fn a_package_that_was_changed_is_refused_whichever_part_it_is() {
    let made = tool().make(Some(&SIGNER));
    let name = "tool-1.0-r0.apk";
    // In a signature the flags of its gzip header do not matter, what it signs with does.
    let (told, ground) = changed(name, |_| made.control_start / 2);
    tells(&told, "its signature");
    assert_eq!(count_files(ground.cache.path()), 0);
    let (told, _) = changed(name, |_| made.control_start + 9);
    tells(&told, &format!("and {} was expected", made.checksum));
    let (told, _) = changed(name, |_| made.data_start + 9);
    tells(&told, "its files have the SHA-256");
    let (told, ground) = changed(name, |length| length - 1);
    tells(&told, "its files cannot be unpacked");
    assert_eq!(count_files(ground.cache.path()), 0);
}

#[test]
fn a_package_that_is_another_one_is_refused() {
    let (old, new) = (tool(), Sample::new("tool 2.0-r0"));
    let mut repository = Repository::of(&[old.clone(), new]);
    let replace = |repository: &Repository, by: &[u8]| {
        fs::write(repository.file("tool-2.0-r0.apk"), by).unwrap();
    };
    let ground = Ground::new();
    // One that is signed as well, and older.
    replace(&repository, &old.make(Some(&SIGNER)).bytes);
    let told = ground.refused(&of(&repository, "tool"));
    tells(
        &told,
        "tool-2.0-r0.apk cannot be used: its control part has the sum",
    );
    // One of which the index says that it is something else than it is itself.
    repository = Repository::new();
    let made = Sample::new("other 2.0-r0").make(Some(&SIGNER));
    repository.add_made(&Sample::new("other 2.0-r0"), &made);
    repository.publish();
    replace(&repository, &made.bytes);
    let told = ground.refused(&of(&repository, "tool"));
    tells(
        &told,
        "`tool` cannot be installed: no repository has a package `tool`",
    );
    assert_eq!(count_files(ground.cache.path()), 0);
}

#[test]
fn a_package_for_another_architecture_is_refused() {
    let foreign = tool().line(&format!("arch = {FOREIGN}"));
    let made = foreign.make(Some(&SIGNER));
    let expected = "tool-1.0-r0.apk cannot be used: it is for the architecture `riscv64`, and `x86_64` was expected";
    let mut repository = Repository::new();
    repository.add_made(&foreign, &made);
    repository.publish();
    let ground = Ground::new();
    tells(&ground.refused(&of(&repository, "tool")), expected);
    // The index says nothing of it, and the package does.
    repository.replace("A:riscv64", "A:x86_64");
    repository.publish();
    tells(&ground.refused(&of(&repository, "tool")), expected);
    // So it is where a lock pins it.
    let own = Repository::of(&[tool()]);
    let text = of(&own, "tool");
    let mut lock = ground.lock(&text);
    let package = read(&foreign, &made.bytes, made.checksum);
    let place = own.file("tool-1.0-r0.apk");
    fs::write(&place, &made.bytes).unwrap();
    let url = place.display().to_string();
    lock.contents.packages = vec![LockPackage::new(&package, &url, ARCHITECTURE)];
    tells(&ground.try_install(&text, &lock).unwrap_err(), expected);
    for all in [ARCHITECTURE, "noarch", "all"] {
        let repository = Repository::of(&[tool().line(&format!("arch = {all}"))]);
        let image = Ground::new().make(&of(&repository, "tool"));
        assert_eq!(image.text("usr/bin/tool"), "tool");
    }
}

#[test]
fn a_package_is_signed_by_a_known_key_or_pinned_by_the_index_alone() {
    let made = |signer| {
        let mut repository = Repository::new();
        repository.add(&tool(), signer);
        repository.publish();
        repository
    };
    let ground = Ground::new();
    let told = ground.refused(&of(&made(Some(&*STRANGER)), "tool"));
    tells(
        &told,
        "tool-1.0-r0.apk is signed by `stranger.rsa.pub`, which is none of the known keys `test.rsa.pub`",
    );
    let unsigned = made(None);
    let image = ground.make(&of(&unsigned, "tool"));
    assert_eq!(image.text("usr/bin/tool"), "tool");
}

#[test]
fn files_that_are_not_what_their_package_says_are_refused() {
    let refused = |sample: &Sample, data: Vec<u8>, hash: &str| {
        let mut repository = Repository::new();
        let made = sample.make_with(&data, hash, Some(&SIGNER));
        let name = format!("{}-{}.apk", sample.name(), sample.version());
        // What an index lists is not read before.
        let plain = sample.make(Some(&SIGNER));
        repository.add_made(sample, &plain);
        fs::write(repository.file(&name), &made.bytes).unwrap();
        let (old, new) = (plain.checksum.to_string(), made.checksum.to_string());
        repository.replace(&old, &new);
        // Both may be compressed to the same size.
        if plain.bytes.len() != made.bytes.len() {
            repository.replace(
                &format!("S:{}\n", plain.bytes.len()),
                &format!("S:{}\n", made.bytes.len()),
            );
        }
        repository.publish();
        Ground::new().refused(&of(&repository, "tool"))
    };
    let item = Item::file("usr/bin/tool", 0o755, b"tool");
    let data = gzip(&tar(std::slice::from_ref(&item)));
    tells(
        &refused(&tool(), data.clone(), ""),
        "its `.PKGINFO` has no `datahash`",
    );
    let other = "datahash = 00\n";
    tells(&refused(&tool(), data, other), "its files have the SHA-256");
    let wrong = item.with_sum("Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    let data = gzip(&tar(&[wrong]));
    let hash = format!("datahash = {}\n", super::Sha256::of(&data).hex());
    tells(
        &refused(&tool(), data, &hash),
        "the package `tool-1.0-r0` cannot be used: /usr/bin/tool has the sum",
    );
}

#[test]
fn a_package_that_is_larger_than_its_index_says_is_not_read_to_its_end() {
    let repository = Repository::of(&[tool()]);
    let server = Server::start(repository.path());
    server.misbehave("tool-1.0", Fault::Longer, 1);
    let told = Ground::new().refused(&declare(&server.address, "tool"));
    tells(&told, "its files cannot be unpacked");
    let repository = Repository::of(&[tool()]);
    repository.change("tool-1.0-r0.apk", |bytes| bytes.extend(vec![0; 100_000]));
    let told = Ground::new().refused(&of(&repository, "tool"));
    tells(&told, "it has more than ");
}

#[test]
fn keys_that_are_none_are_named() {
    let repository = Repository::of(&[tool()]);
    let key = repository.path().join("test.rsa.pub");
    let ground = Ground::new();
    for (bytes, expected) in [
        (&b"\xff"[..], "a key is a text"),
        (b"no key", "the key `test.rsa.pub` is not one block"),
    ] {
        fs::write(&key, bytes).unwrap();
        let told = ground.refused(&of(&repository, "tool"));
        tells(&told, &format!("{} cannot be used: ", key.display()));
        tells(&told, expected);
    }
    fs::remove_file(&key).unwrap();
    let told = ground.refused(&of(&repository, "tool"));
    tells(
        &told,
        &format!("cannot fetch {}: it is not there", key.display()),
    );
    // Two of one name would hide which of them signed.
    let text = of(&repository, "tool").replace("keyring: [", "keyring: ['a/test.rsa.pub', ");
    ground.write("a/test.rsa.pub", STRANGER.key.pem());
    fs::write(&key, SIGNER.key.pem()).unwrap();
    let told = ground.refused(&text);
    tells(
        &told,
        "there are two keys `test.rsa.pub`, which are not the same",
    );
    ground.write("a/test.rsa.pub", SIGNER.key.pem());
    ground.make(&text);
}

#[test]
fn what_is_not_there_is_told_with_its_address_and_what_is_near() {
    let repository = Repository::of(&[tool(), Sample::new("toolbox 1-r0")]);
    let server = Server::start(repository.path());
    let ground = Ground::new();
    let text = declare(&server.address, "tool");
    let refused = |packages: &str| ground.refused(&declare(&server.address, packages));
    tells(
        &refused("tol"),
        "`tol` cannot be installed: no repository has a package `tol`, or one that provides it; the closest name",
    );
    tells(&refused("tol"), "`tool`");
    tells(
        &refused("tool@edge=1"),
        "`contents.packages` cannot hold it: ",
    );
    tells(
        &refused("tool@edge=1"),
        "(the tag stands behind the version: `tool=1@edge`)",
    );
    assert_eq!(
        refused("tool=2.0-r0"),
        "`tool=2.0-r0` cannot be installed: none of the packages that have or provide `tool` can be taken; \
         tool-1.0-r0: `tool=2.0-r0` asks for another version"
    );
    fs::remove_file(repository.file("tool-1.0-r0.apk")).unwrap();
    let address = &server.address;
    tells(
        &ground.refused(&text),
        &format!("cannot fetch {address}/x86_64/tool-1.0-r0.apk: it is not there"),
    );
    fs::remove_file(repository.file("APKINDEX.tar.gz")).unwrap();
    tells(
        &ground.refused(&text),
        &format!("cannot fetch {address}/x86_64/APKINDEX.tar.gz: it is not there"),
    );
    let told = ground.refused(&text.replace("http:", "ftp:"));
    tells(&told, "is no address");
}
