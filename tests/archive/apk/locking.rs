//! A lock between choosing and installing.

use std::fs;

use pkg::apk::{Lock, parse_lock};

use super::super::server::Server;
use super::ground::{Ground, Image, declare, of};
use super::repository::Repository;
use super::samples::{Item, SIGNER, STRANGER, Sample};

fn samples() -> Vec<Sample> {
    let file = |path: &str| Item::file(path, 0o644, path.as_bytes()).summed();
    vec![
        Sample::new("library 1-r0").file(file("usr/lib/library")),
        Sample::new("tool 1-r0")
            .line("depend = library")
            .file(file("usr/bin/tool")),
    ]
}

#[test]
fn a_lock_is_installed_while_the_index_is_gone_and_newer_packages_are_there() {
    let mut repository = Repository::of(&samples());
    let server = Server::start(repository.path());
    let text = declare(&server.address, "tool");
    let ground = Ground::new();
    let lock = ground.lock(&text);
    let first = ground.make(&text);
    repository.add(&Sample::new("tool 2-r0"), Some(&SIGNER));
    repository.publish();
    // From the text of a file, with another store.
    let read = parse_lock(&lock.render().unwrap()).unwrap();
    assert_eq!(read, lock);
    fs::remove_file(repository.file("APKINDEX.tar.gz")).unwrap();
    fs::remove_file(repository.path().join("test.rsa.pub")).unwrap();
    server.asked();
    let elsewhere = Ground::new();
    let (rootfs, lines) = elsewhere.try_make_of(&text, &read).unwrap();
    assert!(first.layer == Image::of(&rootfs).layer);
    assert!(lines.contains(&"tool 1-r0 ".to_owned()), "{lines:?}");
    let mut asked = server.asked();
    asked.sort();
    assert_eq!(asked, ["x86_64/library-1-r0.apk", "x86_64/tool-1-r0.apk"]);
    // Then without anything but the store.
    fs::remove_dir_all(repository.file("")).unwrap();
    let (rootfs, _) = elsewhere.try_make_of(&text, &read).unwrap();
    assert!(first.layer == Image::of(&rootfs).layer);
    assert_eq!(server.asked(), [""; 0]);
}

#[test]
fn what_a_lock_says_is_what_it_was_made_from() {
    let repository = Repository::of(&samples());
    let server = Server::start(repository.path());
    let lock = Ground::new().lock(&declare(&server.address, "tool"));
    let contents = &lock.contents;
    let names = contents.packages.iter().map(|one| one.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["library", "tool"]);
    let tool = &contents.packages[1];
    assert_eq!(tool.url, format!("{}/x86_64/tool-1-r0.apk", server.address));
    let made = samples()[1].make(Some(&SIGNER));
    assert_eq!(tool.checksum, made.checksum.to_string());
    assert_eq!(
        tool.data.range,
        format!("bytes={}-{}", made.data_start, made.bytes.len() - 1)
    );
    let [key] = contents.keyring.as_slice() else {
        panic!("{contents:?}");
    };
    let host = server.address.trim_start_matches("http://");
    assert_eq!(key.name, format!("{host}/test.rsa.pub"));
    assert_eq!(key.url, format!("{}/test.rsa.pub", server.address));
    assert_eq!(key.content, SIGNER.key.pem());
    let [listed] = contents.repositories.as_slice() else {
        panic!("{contents:?}");
    };
    assert_eq!(listed.name, format!("{host}/x86_64"));
    assert_eq!(
        listed.url,
        format!("{}/x86_64/APKINDEX.tar.gz", server.address)
    );
}

#[test]
fn a_package_that_is_not_the_one_of_the_lock_is_refused_whichever_part_it_is() {
    let repository = Repository::of(&samples());
    let text = of(&repository, "tool");
    let ground = Ground::new();
    let lock = ground.lock(&text);
    ground.try_install(&text, &lock).unwrap();
    let refused = |change: &dyn Fn(&mut Lock)| {
        let mut changed = lock.clone();
        change(&mut changed);
        // With and without the package in the store.
        let told = ground.try_install(&text, &changed).unwrap_err();
        let fresh = Ground::new().try_install(&text, &changed);
        assert_eq!(fresh.unwrap_err(), told);
        told
    };
    let other = |sum: &str| match sum.split_at("sha1-".len()) {
        (start, rest) if rest.starts_with('A') => format!("{start}B{}", &rest[1..]),
        (start, rest) => format!("{start}A{}", &rest[1..]),
    };
    let told = refused(&|lock| {
        let pin = &mut lock.contents.packages[1].signature;
        pin.checksum = other(&pin.checksum);
    });
    assert!(
        told.contains("tool-1-r0.apk cannot be used: the signature of `tool` is"),
        "{told}"
    );
    let told = refused(&|lock| {
        let pin = &mut lock.contents.packages[1].control;
        pin.checksum = other(&pin.checksum);
    });
    assert!(told.contains("the control part of `tool` is"), "{told}");
    let told = refused(&|lock| {
        let pin = &mut lock.contents.packages[1].data;
        pin.checksum = pin.checksum.replace("sha256-", "sha256-A");
    });
    assert!(told.contains("the data of `tool` is"), "{told}");
    let told = refused(&|lock| {
        let library = lock.contents.packages[0].checksum.clone();
        lock.contents.packages[1].checksum = library;
    });
    assert!(told.contains("its control part has the sum"), "{told}");
    let told = refused(&|lock| lock.contents.packages[1].version = "1-r1".to_owned());
    assert!(told.contains("it says that it is `tool-1-r0`"), "{told}");
    let told = refused(&|lock| lock.contents.packages[1].checksum = "Q1".to_owned());
    assert!(told.contains("the lock cannot be used: "), "{told}");
    let told = refused(&|lock| {
        for package in &mut lock.contents.packages {
            package.architecture = "aarch64".to_owned();
        }
    });
    assert!(
        told.contains("it has no packages for the architecture x86_64"),
        "{told}"
    );
}

#[test]
fn a_package_that_was_signed_again_by_another_key_is_not_the_one_of_the_lock() {
    let repository = Repository::of(&samples());
    let text = of(&repository, "tool");
    let ground = Ground::new();
    let mut lock = ground.lock(&text);
    let again = samples()[1].make(Some(&STRANGER)).bytes;
    fs::write(repository.file("tool-1-r0.apk"), again).unwrap();
    let told = Ground::new().try_install(&text, &lock).unwrap_err();
    assert!(
        told.contains("is signed by `stranger.rsa.pub`, which is none of"),
        "{told}"
    );
    // What is in the store is still right.
    ground.try_install(&text, &lock).unwrap();
    // A lock without keys pins the signature all the same.
    lock.contents.keyring.clear();
    let text = text.replace("keyring: [", "runtime_keyring: [] #");
    let told = Ground::new().try_install(&text, &lock).unwrap_err();
    assert!(told.contains("the signature of `tool` is"), "{told}");
    ground.try_install(&text, &lock).unwrap();
}

#[test]
fn keys_that_a_lock_does_not_hold_are_fetched() {
    let repository = Repository::of(&samples());
    let server = Server::start(repository.path());
    let text = declare(&server.address, "tool");
    let ground = Ground::new();
    let mut lock = ground.lock(&text);
    lock.contents.keyring[0].content.clear();
    server.asked();
    ground.try_install(&text, &lock).unwrap();
    assert_eq!(server.asked(), ["test.rsa.pub"]);
    lock.contents.keyring[0].content = "no key".to_owned();
    let told = ground.try_install(&text, &lock).unwrap_err();
    assert!(
        told.contains("the lock cannot be used: the key `test.rsa.pub`"),
        "{told}"
    );
}

#[test]
fn a_lock_chooses_neither_whom_an_image_trusts_nor_where_its_packages_are() {
    let repository = Repository::of(&samples());
    let text = of(&repository, "tool");
    let ground = Ground::new();
    let lock = ground.lock(&text);
    let refused = |change: &dyn Fn(&mut Lock)| {
        let mut changed = lock.clone();
        change(&mut changed);
        assert_ne!(changed, lock);
        let told = ground.try_install(&text, &changed).unwrap_err();
        assert!(
            told.contains("is of nothing that `contents` declares"),
            "{told}"
        );
        told
    };
    let told = refused(&|lock| {
        let mut key = lock.contents.keyring[0].clone();
        key.url = "https://ann:hu5h@m.example.org/stranger.rsa.pub".to_owned();
        lock.contents.keyring.push(key);
    });
    assert!(told.contains("the key") && !told.contains("hu5h"), "{told}");
    for address in [
        "https://m.example.org/x86_64/tool-1-r0.apk".to_owned(),
        "/etc/passwd".to_owned(),
        format!("{}-other/tool.apk", repository.path().display()),
        format!("{}/../tool.apk", repository.path().display()),
    ] {
        refused(&|lock| lock.contents.packages[1].url.clone_from(&address));
    }
}
