//! A repository as a builder of packages signs it, and all that somebody on the way could do to it.

use std::io::Cursor;

use super::samples::{
    Item, Made, SIGNER, STRANGER, Sample, Signer, cut, gzip, index, openssl, tar,
};
use super::{
    Checksum, Expected, FilesError, Index, IndexError, Key, KeyError, Limits, Package,
    PackageError, PackageFile, Trust, TrustError, parse_index, read_files, read_package,
};
use crate::rootfs::{Change, Volume};

const LIST: &str = "C:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nP:zlib\nV:1.3.1-r0\nA:x86_64\nS:100\nI:200\nT:A library\n\
                    U:https://example.org\nL:Zlib\no:zlib\nm:Somebody\nt:1700000000\nc:abc\nD:so:libc.so.6 !old\n\
                    p:so:libz.so.1=1.3.1 cmd:z=1.3.1-r0\ni:a b=1\nk:7\nX:unknown\n\n\
                    C:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nP:a\nV:1\n";

fn keys() -> Vec<Key> {
    vec![STRANGER.key.clone(), SIGNER.key.clone()]
}

fn signed_index(algorithm: &str) -> Vec<u8> {
    let index = index(LIST);
    [SIGNER.sign(algorithm, &index), index].concat()
}

#[test]
fn a_signed_index_is_read_with_its_key() {
    for algorithm in ["RSA", "RSA256"] {
        let bytes = signed_index(algorithm);
        let index = parse_index(&bytes, Trust::Keys(&keys())).expect("an index");
        assert_eq!(index.description, "a repository");
        assert_eq!(index.skipped, []);
        let [zlib, a] = index.records.as_slice() else {
            panic!("two records: {:?}", index.records);
        };
        assert_eq!(
            (zlib.id().as_str(), a.id().as_str()),
            ("zlib-1.3.1-r0", "a-1")
        );
        assert_eq!(zlib.file_name(), "zlib-1.3.1-r0.apk");
        assert_eq!((zlib.size_bytes, zlib.installed_bytes), (100, 200));
        assert_eq!((zlib.built, zlib.provider_priority), (1_700_000_000, 7));
        assert_eq!(zlib.checksum, Checksum::of(b""));
        assert_eq!((&*zlib.origin, &*zlib.maintainer), ("zlib", "Somebody"));
        assert_eq!((&*zlib.commit, &*zlib.license), ("abc", "Zlib"));
        assert_eq!((zlib.depends.len(), zlib.install_if.len()), (2, 2));
        assert_eq!(zlib.provides[1].name(), "cmd:z");
    }
}

#[track_caller]
fn untrusted(bytes: &[u8], keys: &[Key], expected: &TrustError) {
    match parse_index(bytes, Trust::Keys(keys)) {
        Err(IndexError::Trust(error)) => assert_eq!(&error, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_index_that_no_known_key_signed_is_refused() {
    let bytes = signed_index("RSA");
    let unknown = TrustError::Unknown {
        keys: vec!["test.rsa.pub".to_owned()],
    };
    untrusted(&bytes, std::slice::from_ref(&STRANGER.key), &unknown);
    untrusted(&bytes, &[], &unknown);
    untrusted(&index(LIST), &keys(), &TrustError::Unsigned);
    // Signed by another key under the name of a known one.
    let pretended = Key::parse("test.rsa.pub", STRANGER.key.pem()).expect("a key");
    let wrong = TrustError::Wrong {
        key: "test.rsa.pub".to_owned(),
    };
    untrusted(&bytes, std::slice::from_ref(&pretended), &wrong);
    // Of two keys under one name, one may be right; and the name may lack its end.
    let short = Key::parse("test", SIGNER.key.pem()).expect("a key");
    for keys in [vec![pretended, SIGNER.key.clone()], vec![short]] {
        parse_index(&bytes, Trust::Keys(&keys)).expect("an index");
    }
    let unsigned = parse_index(&index(LIST), Trust::Unsigned).expect("an index");
    assert_eq!(unsigned.records.len(), 2);
    parse_index(&bytes, Trust::Unsigned).expect("an index");
}

#[test]
fn a_first_part_that_is_too_large_for_a_signature_is_none() {
    let large = index(&LIST.replace("A library", &"x".repeat(1 << 20)));
    for trust in [Trust::Unsigned, Trust::KeysIfSigned(&keys())] {
        let error = parse_index(&large, trust).expect_err("a line that is too long");
        assert!(matches!(error, IndexError::LongLine { .. }), "{error}");
    }
    untrusted(&large, &keys(), &TrustError::Unsigned);
    // What is behind that much is not looked at: not even whether the gzip is whole.
    untrusted(&large[..large.len() - 16], &keys(), &TrustError::Unsigned);
    // A signature is still one where what it signs is larger.
    let large = index(&format!("{LIST}\n").repeat(4000));
    assert!(super::samples::gunzip(&large).len() > 1 << 20);
    let bytes = [SIGNER.sign("RSA256", &large), large].concat();
    let read = parse_index(&bytes, Trust::Keys(&keys())).expect("an index");
    assert_eq!(read.records.len(), 8000);
}

#[test]
fn one_good_signature_of_several_is_enough() {
    let index = index(LIST);
    let part = |signer: &Signer, algorithm| super::samples::gunzip(&signer.sign(algorithm, &index));
    let both = [part(&STRANGER, "RSA256"), part(&SIGNER, "RSA")].concat();
    let bytes = [gzip(&both), index.clone()].concat();
    for key in [&STRANGER.key, &SIGNER.key] {
        let keys = [key.clone()];
        parse_index(&bytes, Trust::Keys(&keys)).expect("an index");
    }
    // An algorithm that nobody uses is no signature, and told as what it is.
    let other = cut(tar(&[Item::file(".SIGN.DSA.test.rsa.pub", 0o644, b"1")]));
    let bytes = [gzip(&other), index].concat();
    let algorithm = TrustError::Algorithm {
        key: "test.rsa.pub".to_owned(),
    };
    untrusted(&bytes, &keys(), &algorithm);
}

#[test]
fn an_index_with_any_other_byte_is_not_the_same_or_refused() {
    let bytes = signed_index("RSA256");
    let signed = bytes.len() - index(LIST).len();
    let keys = keys();
    let whole = parse_index(&bytes, Trust::Keys(&keys)).expect("an index");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        // How the signature is compressed is not signed, and means nothing.
        if let Ok(index) = parse_index(&changed, Trust::Keys(&keys)) {
            assert_eq!((index, at < signed), (whole.clone(), true), "byte {at}");
        }
    }
    for end in 0..bytes.len() {
        let cut = parse_index(&bytes[..end], Trust::Keys(&keys));
        assert!(cut.is_err(), "{end} bytes: {cut:?}");
    }
}

#[track_caller]
fn refused_index(bytes: &[u8], message: &str) {
    let error = parse_index(bytes, Trust::Unsigned).expect_err("an error");
    assert_eq!(error.to_string(), message);
}

#[test]
fn what_is_no_index_is_refused() {
    refused_index(b"", "it is no whole gzip");
    refused_index(b"P:zlib\n", "it is no whole gzip");
    refused_index(&gzip(b"P:zlib\n"), "it is no whole tar");
    refused_index(&gzip(&tar(&[])), "it holds no `APKINDEX`");
    refused_index(
        &index("P:a\nzlib\n"),
        "line 2 of `APKINDEX` is no letter, colon and value",
    );
    let long = format!("T:{}\n", "x".repeat(2 << 20));
    refused_index(
        &index(&long),
        "line 1 of `APKINDEX` has more than 1048576 bytes",
    );
    let foreign = gzip(&tar(&[
        Item::file("APKINDEX", 0o644, b""),
        Item::file("x", 0o644, b""),
    ]));
    refused_index(&foreign, "it holds `x`, which no index of packages does");
    let binary = gzip(&tar(&[Item::file("APKINDEX", 0o644, b"P:\xff\n")]));
    refused_index(&binary, "`APKINDEX` in it is no UTF-8");
}

#[test]
fn a_record_that_cannot_be_used_is_told_and_the_others_stay() {
    let list = LIST.replace("V:1\n", "V:one\n");
    let Index {
        records, skipped, ..
    } = parse_index(&index(&list), Trust::Unsigned).expect("an index");
    assert_eq!(records.len(), 1);
    let told: Vec<_> = skipped
        .iter()
        .map(|one| (one.line, one.error.to_string()))
        .collect();
    let expected = "`one` is no version: it has to begin with a number";
    assert_eq!(told, [(22, expected.to_owned())]);
    let error = |list: &str| {
        let index = parse_index(&index(list), Trust::Unsigned).expect("an index");
        index.skipped[0].error.to_string()
    };
    assert_eq!(error("P:a\nV:1\n"), "it has no checksum");
    assert_eq!(error("\n\nV:1\n"), "it has no name");
    let names = "a ".repeat(5000);
    assert_eq!(
        error(&format!("D:{names}\n")),
        "it has more than 4096 dependencies"
    );
}

#[test]
fn only_rsa_keys_that_are_long_enough_are_taken() {
    let refused = |name: &str, pem: &str| Key::parse(name, pem).expect_err("an error");
    let generate = |arguments: &[&str]| {
        let private = openssl(&[&["genpkey"], arguments].concat(), b"");
        String::from_utf8(openssl(&["pkey", "-pubout"], &private)).expect("PEM")
    };
    let short = generate(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    let name = "a.rsa.pub".to_owned();
    assert_eq!(
        refused(&name, &short),
        KeyError::Bits {
            name: name.clone(),
            bits: 1024
        }
    );
    let other = generate(&["-algorithm", "ED25519"]);
    assert_eq!(refused(&name, &other), KeyError::Rsa(name.clone()));
    let good = SIGNER.key.pem();
    let two = format!("{good}{good}");
    let cut = good.replacen("MIIBI", "MIIB", 1);
    for pem in ["", "-----BEGIN PUBLIC KEY-----", two.as_str(), cut.as_str()] {
        assert_eq!(refused(&name, pem), KeyError::Pem(name.clone()), "{pem}");
    }
    for name in ["", "../a", ".a", "a b", "a/b", "a\n"] {
        assert_eq!(refused(name, good), KeyError::Name(name.to_owned()));
    }
}

fn sample() -> Sample {
    Sample::new("hello 1.2-r3")
        .line("depend = so:libc.so.6")
        .line("triggers = /usr/share/fonts /etc")
        .script(".post-install", "#!/bin/sh\n")
        .script(".melange.yaml", "no script\n")
        .file(Item::directory("usr/", 0o755))
        .file(Item::directory("usr/bin/", 0o2755))
        .file(
            Item::file("usr/bin/hello", 0o4755, b"hello")
                .owned(5, 7)
                .summed(),
        )
        .file(Item::link("usr/bin/hi", "hello").summed())
        .file(Item::hard_link("usr/bin/hey", "usr/bin/hello"))
}

fn expected<'a>(made: &Made, keys: &'a [Key]) -> Expected<'a> {
    Expected {
        name: "hello",
        version: "1.2-r3",
        architecture: "x86_64",
        checksum: made.checksum,
        trust: Trust::Keys(keys),
        limits: Limits::default(),
    }
}

fn read(made: &Made, bytes: &[u8]) -> Result<(Package, Vec<u8>), PackageError> {
    let keys = keys();
    let mut data = Vec::new();
    let package = read_package(bytes, &expected(made, &keys), &mut data)?;
    Ok((package, data))
}

#[test]
fn a_signed_package_is_split_into_its_parts() {
    let made = sample().make(Some(&SIGNER));
    let (package, data) = read(&made, &made.bytes).expect("a package");
    let signature = package.signature.expect("a signature");
    let at = |at: usize| at as u64;
    assert_eq!(
        (signature.start, signature.end),
        (0, at(made.control_start))
    );
    assert_eq!(
        signature.sum,
        Checksum::of(&made.bytes[..made.control_start])
    );
    assert_eq!(package.control.start, at(made.control_start));
    assert_eq!(package.control.sum, made.checksum);
    assert_eq!(package.data.start, at(made.data_start));
    assert_eq!(package.size_bytes(), at(made.bytes.len()));
    assert_eq!(package.info.record.id(), "hello-1.2-r3");
    assert_eq!(package.info.triggers, ["/usr/share/fonts /etc"]);
    let [script] = package.scripts.as_slice() else {
        panic!("one script: {:?}", package.scripts);
    };
    assert_eq!(
        (script.name.as_str(), script.mode),
        (".post-install", 0o755)
    );
    let files = read_files(&mut Cursor::new(&data), Volume(3)).expect("files");
    let paths: Vec<_> = files
        .iter()
        .map(|file| file.entry.path.to_string())
        .collect();
    assert_eq!(
        paths,
        [
            "/usr",
            "/usr/bin",
            "/usr/bin/hello",
            "/usr/bin/hi",
            "/usr/bin/hey"
        ]
    );
    let Change::Node(node) = &files[2].entry.change else {
        panic!("a file");
    };
    let attributes = &node.attributes;
    assert_eq!(
        (attributes.mode, attributes.uid, attributes.gid),
        (0o4755, 5, 7)
    );
    let sums: Vec<_> = files.iter().map(|file| file.checksum).collect();
    let hello = Some(Checksum::of(b"hello"));
    assert_eq!(sums, [None, None, hello, hello, None]);
}

#[test]
fn a_package_with_any_other_byte_is_refused() {
    let made = sample().make(Some(&SIGNER));
    let (whole, data) = read(&made, &made.bytes).expect("a package");
    for at in 0..made.bytes.len() {
        let mut changed = made.bytes.clone();
        changed[at] ^= 0x10;
        if let Ok((package, found)) = read(&made, &changed) {
            // How the signature is compressed is in the sum that a lock has, and nowhere else.
            assert!(at < made.control_start, "byte {at}");
            assert_ne!(package.signature, whole.signature);
            assert_eq!((package.info, found), (whole.info.clone(), data.clone()));
        }
    }
    for end in 0..made.bytes.len() {
        assert!(read(&made, &made.bytes[..end]).is_err(), "{end} bytes");
    }
    for behind in [b"\0".to_vec(), gzip(b""), gzip(&tar(&[]))] {
        let longer = [made.bytes.clone(), behind].concat();
        let error = read(&made, &longer).expect_err("an error");
        assert!(
            matches!(error, PackageError::Data(_) | PackageError::DataHash { .. }),
            "{error}"
        );
    }
}

#[test]
fn files_of_several_members_are_one_tar() {
    let whole = tar(&[Item::file("a", 0o644, b"1"), Item::file("b", 0o644, b"2")]);
    let data = [gzip(&whole[..700]), gzip(&whole[700..])].concat();
    let hash = format!("datahash = {}\n", super::Sha256::of(&data).hex());
    let made = sample().make_with(&data, &hash, Some(&SIGNER));
    let (_, found) = read(&made, &made.bytes).expect("a package");
    assert_eq!(found, whole);
}

#[track_caller]
fn refused(made: &Made, message: &str) {
    let error = read(made, &made.bytes).expect_err("an error");
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_package_that_is_another_one_is_refused() {
    let unsigned = sample().make(None);
    refused(&unsigned, "it is not signed");
    let keys = keys();
    let demand = Expected {
        trust: Trust::Unsigned,
        ..expected(&unsigned, &keys)
    };
    let package = read_package(&*unsigned.bytes, &demand, &mut Vec::new()).expect("a package");
    assert_eq!((package.signature, package.control.start), (None, 0));

    let foreign = Signer::make("nobody.rsa.pub", 2048);
    let made = sample().make(Some(&foreign));
    refused(
        &made,
        "it is signed by `nobody.rsa.pub`, which no known key is",
    );
    let made = Sample::new("hello 1.2-r4").make(Some(&SIGNER));
    refused(
        &made,
        "it says that it is `hello-1.2-r4`, and `hello-1.2-r3` was expected",
    );
    let made = sample().make_with(&gzip(&tar(&[])), "", Some(&SIGNER));
    refused(
        &made,
        "its `.PKGINFO` has no `datahash`: nothing says which files it has to have",
    );
    let made = sample().make_with(&gzip(&tar(&[])), "datahash = 00\n", Some(&SIGNER));
    let error = read(&made, &made.bytes).expect_err("an error");
    assert!(matches!(error, PackageError::DataHash { .. }), "{error}");

    let mut made = sample().make(Some(&SIGNER));
    made.checksum = Checksum::of(b"another one");
    let error = read(&made, &made.bytes).expect_err("an error");
    assert!(matches!(error, PackageError::Checksum { .. }), "{error}");
}

#[test]
fn a_package_larger_than_it_may_be_is_refused_before_it_fills_memory() {
    let data = gzip(&vec![0; 1 << 20]);
    let hash = format!("datahash = {}\n", super::Sha256::of(&data).hex());
    let made = sample().make_with(&data, &hash, Some(&SIGNER));
    let keys = keys();
    let limited = |control_bytes, data_bytes| {
        let limits = Limits {
            control_bytes,
            data_bytes,
        };
        let demand = Expected {
            limits,
            ..expected(&made, &keys)
        };
        read_package(&*made.bytes, &demand, &mut Vec::new()).map(|_| ())
    };
    limited(1 << 20, 1 << 21).expect("a package");
    let error = limited(100, 1 << 21).expect_err("an error");
    assert!(matches!(error, PackageError::Signature(_)), "{error}");
    let error = limited(3000, 1 << 21).expect_err("an error");
    assert!(matches!(error, PackageError::Control(_)), "{error}");
    let error = limited(1 << 20, 10_000).expect_err("an error");
    assert!(matches!(error, PackageError::Data(_)), "{error}");
}

fn files(items: &[Item]) -> Result<Vec<PackageFile>, FilesError> {
    read_files(&mut Cursor::new(tar(items)), Volume(0))
}

#[track_caller]
fn refused_files(item: Item, message: &str) {
    let error = files(&[item]).expect_err("an error");
    assert_eq!(error.to_string(), message);
}

#[test]
fn files_that_cannot_be_in_a_package_are_refused() {
    refused_files(
        Item::file("../etc/passwd", 0o644, b""),
        "`../etc/passwd` in it cannot be unpacked: it climbs out with `..`",
    );
    refused_files(
        Item::hard_link("a", "../../etc/passwd"),
        "`../../etc/passwd` in it cannot be unpacked: it climbs out with `..`",
    );
    refused_files(
        Item::pipe("run/pipe"),
        "/run/pipe is a device or a pipe, which packages do not have",
    );
    refused_files(
        Item::file("a", 0o644, b"1").with_sum("Q1"),
        "/a: `Q1` is no checksum: it has to be `Q1` and the base64 of a SHA-1 sum",
    );
    let wrong = Checksum::of(b"2").to_string();
    let right = Checksum::of(b"1").to_string();
    let message = format!("/a has the sum {right}, and the package says {wrong}");
    refused_files(Item::file("a", 0o644, b"1").with_sum(&wrong), &message);
    refused_files(Item::link("a", "1").with_sum(&wrong), &message);
}

#[test]
fn hidden_files_before_all_others_are_left_out() {
    let items = [
        Item::file(".PKGINFO", 0o644, b""),
        Item::file(".INSTALL", 0o644, b""),
        Item::directory("etc/", 0o755),
        Item::file(".hidden", 0o644, b""),
    ];
    let paths = |items: &[Item]| {
        let files = files(items).expect("files");
        let paths = files.iter().map(|file| file.entry.path.to_string());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(paths(&items), ["/etc", "/.hidden"]);
    assert_eq!(paths(&[Item::directory(".d/", 0o755)]), ["/.d"]);
}
