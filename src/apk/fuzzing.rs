//! Packages, indexes and locks of anybody's.

use std::io::Cursor;

use super::index::parse_list;
use super::{
    Checksum, Expected, Index, Info, Installation, Key, Limits, Package, PackageError, Part,
    Repository, Requirement, Sense, Setup, Sha256, Trust, Universe, Version, link_busybox,
    parse_index, parse_info, parse_lock, read_files, read_package, solve,
};
use crate::rootfs::{Extent, Node, Volume};

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("apk_files", files),
    ("apk_index", index),
    ("apk_info", info),
    ("apk_key", key),
    ("apk_list", list),
    ("apk_lock", lock),
    ("apk_package", package),
    ("apk_requirement", requirement),
    ("apk_version", version),
];

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The order of all versions in the input is one.
fn version(bytes: &[u8]) {
    let parse = |line: &str| line.parse::<Version>().ok();
    let versions: Vec<Version> = text(bytes).lines().filter_map(parse).take(8).collect();
    for one in &versions {
        assert!(one.is_like(one));
        assert_eq!(one.as_str().parse().as_ref(), Ok(one));
        for other in &versions {
            assert_eq!(one.cmp(other), other.cmp(one).reverse());
            for third in &versions {
                assert!(one > other || other > third || one <= third);
            }
        }
    }
}

/// A requirement keeps its text, and an error has a hint that can be told.
fn requirement(bytes: &[u8]) {
    match text(bytes).parse::<Requirement>() {
        Ok(requirement) => {
            assert_eq!(requirement.as_str(), text(bytes));
            assert!(text(bytes).contains(requirement.name()));
        }
        Err(error) => assert!(error.hint().is_none_or(|hint| !hint.is_empty())),
    }
}

fn info(bytes: &[u8]) {
    if let Ok(info) = parse_info(text(bytes), Checksum::of(b"")) {
        assert!(!info.record.file_name().contains('/'));
    }
}

fn key(bytes: &[u8]) {
    if let Ok(key) = Key::parse("a.rsa.pub", text(bytes)) {
        assert_eq!(key.pem(), text(bytes));
        // Nothing is signed by it.
        assert!(parse_index(bytes, Trust::Keys(&[key])).is_err());
    }
}

fn index(bytes: &[u8]) {
    let _ = parse_index(bytes, Trust::Unsigned);
    assert!(parse_index(bytes, Trust::Keys(&[])).is_err());
}

/// What is chosen from a list holds together: each package once, and what each needs is there.
fn list(bytes: &[u8]) {
    let Ok((records, skipped)) = parse_list(text(bytes)) else {
        return;
    };
    let index = Index {
        description: String::new(),
        records,
        skipped,
    };
    let wish = |name: &str| name.parse::<Requirement>().ok();
    let wishes = index.records.iter().take(2);
    let wishes: Vec<Requirement> = wishes.filter_map(|record| wish(&record.name)).collect();
    let repository = Repository {
        address: "",
        tag: None,
        index: &index,
    };
    let Ok(chosen) = solve(&Universe::new(&[repository]), &wishes) else {
        return;
    };
    let mut names: Vec<&str> = chosen.iter().map(|one| &*one.record.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), chosen.len());
    let has = |name: &str| {
        let mut records = chosen.iter().map(|one| one.record);
        records.any(|record| {
            *record.name == *name || record.provides.iter().any(|one| one.name() == name)
        })
    };
    let needed = chosen.iter().flat_map(|one| &one.record.depends);
    let mut needed = needed.filter(|one| one.sense() == Sense::Needs);
    assert!(needed.all(|one| has(one.name())));
}

/// A lock comes back.
fn lock(bytes: &[u8]) {
    let Ok(lock) = parse_lock(text(bytes)) else {
        return;
    };
    let rendered = lock.render().expect("JSON");
    let again = parse_lock(&rendered).expect("our own lock");
    assert_eq!(again.render().expect("JSON"), rendered);
    assert_eq!(again.contents, lock.contents);
}

/// The parts of a package lie behind each other and are all of it.
fn package(bytes: &[u8]) {
    let mut expected = Expected {
        name: "a",
        version: "1",
        architecture: "x86_64",
        checksum: Checksum::of(b""),
        trust: Trust::Unsigned,
        limits: Limits {
            control_bytes: 1 << 16,
            data_bytes: 1 << 20,
        },
    };
    let read = |expected: &Expected<'_>, data: &mut Vec<u8>| read_package(bytes, expected, data);
    let Err(PackageError::Checksum { found, .. }) = read(&expected, &mut Vec::new()) else {
        return;
    };
    expected.checksum = found;
    let mut data = Vec::new();
    let Ok(package) = read(&expected, &mut data) else {
        return;
    };
    let signed = package.signature.map_or(0, |signature| signature.end);
    assert_eq!(package.control.start, signed);
    assert_eq!(package.data.start, package.control.end);
    assert_eq!(package.data.end, bytes.len() as u64);
    install(&package, &data);
}

/// Any tar as the files of a package.
fn files(bytes: &[u8]) {
    let sum = Checksum::of(b"");
    let info: Info =
        parse_info("pkgname = busybox\npkgver = 1\norigin = a\n", sum).expect("an info");
    let (start, end) = (0, 0);
    let package = Package {
        info,
        scripts: Vec::new(),
        signature: None,
        control: Part { start, end, sum },
        data: Part {
            start,
            end,
            sum: Sha256::of(b""),
        },
    };
    install(&package, bytes);
}

/// What can be installed, twice, is a tree in which nothing climbs out.
fn install(package: &Package, tar: &[u8]) {
    let Ok(files) = read_files(&mut Cursor::new(tar), Volume(0)) else {
        return;
    };
    let mut root = Installation::new().expect("a skeleton");
    for _ in 0..2 {
        if root.add(package, files.clone()).is_err() {
            return;
        }
    }
    let setup = Setup {
        architecture: "x86_64",
        world: &[],
        repositories: &[],
        keys: &[],
        epoch: 0,
    };
    let fetch = |extent: &Extent, out: &mut dyn std::io::Write| {
        let start = usize::try_from(extent.offset).expect("in memory");
        let end = start + usize::try_from(extent.size_bytes).expect("in memory");
        out.write_all(&tar[start..end])
    };
    let busybox = root.busybox().map(str::to_owned);
    let Ok(mut tree) = root.finish(&setup, &fetch) else {
        return;
    };
    if link_busybox(&mut tree, busybox.as_deref(), &fetch).is_err() {
        return;
    }
    for (path, _) in tree.iter() {
        assert!(path.names().all(|name| !matches!(name, b"" | b"." | b"..")));
        let parent = path.split().map(|(parent, _)| parent);
        assert!(parent.is_none_or(|parent| tree.find(&parent).is_some_and(Node::is_directory)));
    }
}
