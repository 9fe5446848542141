//! Packages and indexes beside dpkg-deb(1).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;

use pkg::debian::{RelationField, parse_packages, read_data, read_deb, unpack_data};
use pkg::rootfs::{Change, Content, Kind, Node, RootPath, Tree, Volume};

use super::repository::build_package;
use super::run;

const LIMIT: u64 = 1 << 30;

/// Holds a package against what dpkg-deb(1) makes of it.
#[track_caller]
fn check(path: &Path) -> (pkg::debian::Deb, Tree) {
    let mut file = File::open(path).unwrap();
    let deb = read_deb(&mut file).unwrap();
    let ask = |arguments: &[&str]| {
        let mut dpkg = Command::new("dpkg-deb");
        run(dpkg.args(arguments).arg(path)).stdout
    };
    let mut tar = Vec::new();
    unpack_data(&mut file, &deb.data, LIMIT, &mut tar).unwrap();
    assert!(
        tar == ask(&["--fsys-tarfile"]),
        "{}: another tar",
        path.display()
    );
    let files = read_plain_files(&ask(&["--ctrl-tarfile"]));
    let ours = deb
        .control
        .members()
        .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    assert_eq!(ours.collect::<BTreeMap<_, _>>(), files);
    let show = String::from_utf8(ask(&[
        "--show",
        "--showformat",
        "${Package} ${Version} ${Architecture}",
    ]))
    .unwrap();
    let (name, version) = (deb.control.name(), deb.control.version());
    assert_eq!(
        show,
        format!("{name} {version} {}", deb.control.architecture())
    );
    let entries = read_data(&mut Cursor::new(&tar), Volume(0)).unwrap();
    let listed = String::from_utf8_lossy(&ask(&["--contents"]))
        .lines()
        .count();
    assert_eq!(entries.len(), listed, "{}", path.display());
    let mut tree = Tree::default();
    for entry in entries {
        if !matches!(entry.change, Change::Node(_)) || !entry.path.is_root() {
            tree.add(entry).unwrap();
        }
    }
    for sum in deb.control.md5_sums().unwrap() {
        assert!(tree.find(&sum.path).is_some(), "{} is listed", sum.path);
    }
    deb.control.config_files().unwrap();
    deb.control.triggers().unwrap();
    (deb, tree)
}

/// Reads the files of a tar by their names.
fn read_plain_files(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(name.trim_start_matches("./").to_owned(), bytes);
        }
    }
    files
}

#[test]
fn packages_are_read_as_dpkg_reads_them_in_every_compression() {
    let place = tempfile::tempdir().unwrap();
    let long = format!("usr/share/{}/{}", "d".repeat(90), "f".repeat(120));
    let files = [
        ("usr/bin/hello", "#!/bin/sh\necho hello\n"),
        ("etc/hello.conf", "x = 1\n"),
        (long.as_str(), "a long name"),
        ("usr/share/ä b", "blanks and letters"),
        ("DEBIAN/postinst", "#!/bin/sh\nset -e\n"),
        ("DEBIAN/conffiles", "/etc/hello.conf\n"),
        ("DEBIAN/triggers", "activate-noawait ldconfig\n"),
    ];
    let control = "Package: hello\nVersion: 1:2.10-3+b1\nArchitecture: all\n\
        Maintainer: Ann Example <ann@example.org>\nDescription: says hello\n in more\n .\n than one line\n";
    for compression in ["xz", "gzip", "zstd", "none"] {
        let path = build_package(control, &files, compression, place.path());
        let (deb, tree) = check(&path);
        assert_eq!(
            deb.control.find("Description"),
            Some("says hello\n in more\n .\n than one line")
        );
        assert_eq!(
            deb.control
                .scripts()
                .map(|(name, _)| name)
                .collect::<Vec<_>>(),
            ["postinst"]
        );
        let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
        match tree.find(&path("usr/bin/hello")) {
            Some(Node {
                kind: Kind::File(Content::Stored(extent)),
                attributes,
            }) => {
                assert_eq!(extent.size_bytes, 21);
                assert_eq!(
                    (attributes.mode, attributes.uid, attributes.gid),
                    (0o755, 0, 0)
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(tree.find(&path(&long)).is_some());
    }
}

/// Packages that the machine has downloaded, where it has any.
#[test]
fn real_packages_are_read_as_dpkg_reads_them() {
    let Ok(cached) = fs::read_dir("/var/cache/apt/archives") else {
        return;
    };
    let paths = cached.map(|entry| entry.unwrap().path());
    let packages = paths.filter(|path| path.extension().is_some_and(|it| it == "deb"));
    for path in packages {
        check(&path);
    }
}

/// Indexes that the machine's apt has fetched, where it has any.
#[test]
fn real_indexes_are_read_with_all_their_relations() {
    let Ok(lists) = fs::read_dir("/var/lib/apt/lists") else {
        return;
    };
    for list in lists {
        let path = list.unwrap().path();
        if !path.to_string_lossy().contains("_Packages") {
            continue;
        }
        let mut cat = Command::new("/usr/lib/apt/apt-helper");
        let text = String::from_utf8(run(cat.arg("cat-file").arg(&path)).stdout).unwrap();
        let packages = parse_packages(&text).unwrap();
        let count = text
            .lines()
            .filter(|line| line.starts_with("Package: "))
            .count();
        assert_eq!(packages.len(), count, "{}", path.display());
        for package in &packages {
            package.version().unwrap();
            for field in [
                RelationField::PreDepends,
                RelationField::Depends,
                RelationField::Provides,
                RelationField::Conflicts,
                RelationField::Breaks,
                RelationField::Replaces,
            ] {
                let relations = package.relations(field).unwrap();
                let written = package.written(field).split(',');
                let items = written.filter(|item| !item.trim().is_empty()).count();
                assert_eq!(relations.len(), items, "{} {field:?}", package.name);
            }
        }
    }
}
