use std::io::{Cursor, Write};

use super::{DebError, read_data, read_deb, unpack_data};
use crate::oci::Compression;
use crate::rootfs::{RootPath, Tree, Volume};

/// Writes an archive of members by their names, each in its sixteen bytes.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        writeln!(
            bytes,
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`",
            0, 0, 0, 100_644
        )
        .unwrap();
        bytes.extend_from_slice(content);
        if size % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

const CONTROL: &[u8] = b"Package: hello\nVersion: 1:2-3\nArchitecture: amd64\nDescription: x\n y\n";

fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    compression
        .encode(Vec::new(), |out| out.write_all(bytes))
        .unwrap()
}

#[test]
fn the_members_are_found_in_all_forms_that_dpkg_takes() {
    let control = tar(&[("./control", CONTROL), ("./postinst", b"#!/bin/sh\n")]);
    let data = tar(&[("./usr/bin/hello", b"hello")]);
    for (suffix, compression) in [
        ("", Compression::None),
        (".gz", Compression::Gzip),
        (".xz", Compression::Xz),
        (".zst", Compression::Zstd),
    ] {
        for (slash, extra) in [("", false), ("/", true)] {
            let (control, data) = (
                compressed(compression, &control),
                compressed(compression, &data),
            );
            let [first, second, third] = ["debian-binary", "control.tar", "data.tar"];
            let names = [
                format!("{first}{slash}"),
                format!("{second}{suffix}"),
                format!("{third}{suffix}"),
            ];
            let mut members: Vec<(&str, &[u8])> = vec![
                (&names[0], b"2.1\nmore\n"),
                (&names[1], &control),
                (&names[2], &data),
            ];
            if extra {
                members.insert(1, ("_gpgbuilder", b"x"));
                members.insert(3, ("_other", b"xy"));
                members.push(("later", b"z"));
            }
            let bytes = archive(&members);
            let mut file = Cursor::new(&bytes);
            let deb = read_deb(&mut file).unwrap();
            assert_eq!(
                (deb.control.name(), deb.control.version()),
                ("hello", "1:2-3")
            );
            assert_eq!(deb.control.find("description"), Some("x\n y"));
            assert_eq!(deb.data.compression, compression);
            let mut tar = Vec::new();
            let count = unpack_data(&mut file, &deb.data, 10_000, &mut tar).unwrap();
            assert_eq!(count, tar.len() as u64);
            let entries = read_data(&mut Cursor::new(&tar), Volume(0)).unwrap();
            assert_eq!(entries.len(), 1);
            let error = unpack_data(&mut file, &deb.data, 100, &mut Vec::new());
            assert!(matches!(error, Err(DebError::TooLarge { .. })), "{error:?}");
        }
    }
}

#[track_caller]
fn refused(members: &[(&str, &[u8])], message: &str) {
    let error = read_deb(&mut Cursor::new(archive(members))).expect_err("no package");
    assert_eq!(error.to_string(), message);
}

#[test]
fn what_is_no_package_is_refused_by_name() {
    let control = tar(&[("./control", CONTROL)]);
    let data = tar(&[]);
    let (first, second, third) = (
        ("debian-binary", &b"2.0\n"[..]),
        ("control.tar", &control[..]),
        ("data.tar", &data[..]),
    );
    refused(
        &[],
        "it is no Debian package: expected `debian-binary`, found its end",
    );
    refused(
        &[second, third],
        "it is no Debian package: expected `debian-binary`, found `control.tar`",
    );
    refused(
        &[first, third],
        "it is no Debian package: expected `control.tar.*`, found `data.tar`",
    );
    refused(
        &[first, second],
        "it is no Debian package: expected `data.tar.*`, found its end",
    );
    for format in ["3.0\n", "2.\n", "2\n", "0.93\n", "", "2.x\n"] {
        let shown = format.trim();
        refused(
            &[("debian-binary", format.as_bytes()), second, third],
            &format!("its format is `{shown}`, and only 2.x is known"),
        );
    }
    refused(
        &[first, second, ("data.tar.bz2", &data)],
        "`data.tar.bz2` is compressed in a way that is not supported: xz, gzip, zstd or not at all",
    );
    refused(
        &[first, ("control.tar.lzma", &control), third],
        "`control.tar.lzma` is compressed in a way that is not supported: xz, gzip, zstd or not at all",
    );
    refused(
        &[first, ("control.tar", &data), third],
        "`control.tar` holds no file `control`",
    );
    refused(
        &[first, ("#1/20", &control), third],
        "it is no Debian package: a member has a long name, as dpkg does not write them",
    );
}

#[test]
fn an_archive_that_is_broken_anywhere_is_refused() {
    let (control, data) = (tar(&[("./control", CONTROL)]), tar(&[]));
    let members: [(&str, &[u8]); 3] = [
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control),
        ("data.tar", &data),
    ];
    for (bytes, message) in [
        (&b"!<arch>\nshort"[..], "the header of a member is cut off"),
        (
            b"PK\x03\x04 a zip archive",
            "it does not begin as an `ar` archive",
        ),
        (b"", "it does not begin as an `ar` archive"),
    ] {
        let error = read_deb(&mut Cursor::new(bytes)).expect_err("no archive");
        assert_eq!(
            error.to_string(),
            format!("it is no Debian package: {message}")
        );
    }
    let whole = archive(&members);
    for end in 0..whole.len() {
        read_deb(&mut Cursor::new(&whole[..end])).expect_err("cut off");
    }
    let mut wrong = whole.clone();
    wrong[8 + 48..8 + 58].copy_from_slice(b"-1        ");
    read_deb(&mut Cursor::new(&wrong)).expect_err("no size");
}

#[track_caller]
fn refused_control(files: &[(&str, &[u8])], message: &str) {
    let control = tar(files);
    let members: [(&str, &[u8]); 3] = [
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control),
        ("data.tar", b""),
    ];
    refused(&members, message);
}

#[test]
fn what_a_package_says_of_itself_has_to_be_whole() {
    refused_control(
        &[("./control", b"")],
        "its `control` is not one paragraph of fields",
    );
    refused_control(
        &[("./control", b"A: 1\n\nB: 2\n")],
        "its `control` is not one paragraph of fields",
    );
    refused_control(
        &[("./control", b"Package: a\n")],
        "its `control` has no valid field `Version`",
    );
    refused_control(
        &[(
            "./control",
            b"Package: a/../b\nVersion: 1\nArchitecture: all\n",
        )],
        "its `control` has no valid field `Package`",
    );
    refused_control(&[("./control", b"\xff: 1\n")], "its `control` is not UTF-8");
    refused_control(
        &[("./control", b"Package\n")],
        "its `control`, line 1: expected `Field: value` or a line that continues a field, not `Package`",
    );
    refused_control(
        &[("./control", CONTROL), ("./a/b", b"")],
        "`control.tar` holds `/a/b`, which is no plain file",
    );
    refused_control(
        &[("./control", CONTROL), ("../b", b"")],
        "`control.tar` cannot be unpacked: `../b` in it cannot be unpacked: it climbs out with `..`",
    );
}

#[test]
fn its_lists_are_read_and_lead_nowhere_else() {
    let read = |name: &str, content: &[u8]| {
        let control = tar(&[("./control", CONTROL), (&format!("./{name}"), content)]);
        let bytes = archive(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control),
            ("data.tar", b""),
        ]);
        read_deb(&mut Cursor::new(bytes)).unwrap().control
    };
    let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
    let control = read("conffiles", b"/etc/a\nremove-on-upgrade /etc/b c\n");
    let files = control.config_files().unwrap();
    assert_eq!(
        (&files[0].path, files[0].is_removed_on_upgrade),
        (&path("etc/a"), false)
    );
    assert_eq!(
        (&files[1].path, files[1].is_removed_on_upgrade),
        (&path("etc/b c"), true)
    );
    assert!(control.md5_sums().unwrap().is_empty());
    for wrong in ["etc/a\n", "/../etc/a\n"] {
        read("conffiles", wrong.as_bytes())
            .config_files()
            .expect_err(wrong);
    }
    let control = read(
        "md5sums",
        b"d41d8cd98f00b204e9800998ecf8427e  usr/share/a b\n",
    );
    assert_eq!(control.md5_sums().unwrap()[0].path, path("usr/share/a b"));
    for wrong in [
        "d41d8cd98f00b204e9800998ecf8427e usr\n",
        "x  usr\n",
        "d41d8cd98f00b204e9800998ecf8427e  ../a\n",
    ] {
        read("md5sums", wrong.as_bytes())
            .md5_sums()
            .expect_err(wrong);
    }
    let control = read(
        "triggers",
        b"# of debhelper\nactivate-noawait ldconfig\ninterest /usr/lib\n",
    );
    let expected = [("activate-noawait", "ldconfig"), ("interest", "/usr/lib")];
    assert_eq!(
        control.triggers().unwrap(),
        expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let control = read("postinst", b"#!/bin/sh\nexit 0\n");
    assert_eq!(
        control.scripts().collect::<Vec<_>>(),
        [("postinst", &b"#!/bin/sh\nexit 0\n"[..])]
    );
}

#[test]
fn no_file_of_a_package_leaves_the_root() {
    let data = tar(&[("../../etc/passwd", b"x")]);
    let error = read_data(&mut Cursor::new(&data), Volume(0)).expect_err("it climbs");
    assert_eq!(
        error.to_string(),
        "`data.tar` cannot be unpacked: `../../etc/passwd` in it cannot be unpacked: it climbs out with `..`"
    );
    let data = tar(&[("/etc/.wh.passwd", b"x")]);
    let mut tree = Tree::default();
    for entry in read_data(&mut Cursor::new(&data), Volume(0)).unwrap() {
        tree.add(entry).unwrap();
    }
    let path = RootPath::parse(b"etc/.wh.passwd").unwrap();
    assert!(tree.find(&path).is_some(), "a name as any other");
}
