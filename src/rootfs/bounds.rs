//! What no file system takes, and what would fill the memory.

use super::tests::{entry, layers, lines, nowhere, path, read, write};
use super::*;

use std::io::Cursor;

#[test]
fn headers_that_claim_to_be_huge_are_refused_before_they_are_read() {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_size(1 << 40);
    header.set_cksum();
    let error = read_tar(&mut Cursor::new(header.as_bytes()), Volume(0)).expect_err("too large");
    assert_eq!(
        error.to_string(),
        "an extended header in it has 1099511627776 bytes"
    );
}

/// Reads a tar of one entry with these pax records.
#[track_caller]
fn refused(kind: tar::EntryType, records: &[(&[u8], &[u8])], message: &str) {
    let bytes = one(kind, records);
    let error = read_tar(&mut Cursor::new(bytes), Volume(0)).expect_err(message);
    assert_eq!(error.to_string(), message);
}

fn one(kind: tar::EntryType, records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let records = records.iter();
    let records: Vec<u8> = records
        .flat_map(|(key, value)| pax::render_record(key, value))
        .collect();
    let header = |kind, size| {
        let mut header = tar::Header::new_ustar();
        header.as_ustar_mut().expect("ustar").name[..3].copy_from_slice(b"one");
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let mut bytes = header(tar::EntryType::XHeader, records.len() as u64);
    bytes.extend(&records);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes.extend(header(kind, 0));
    bytes
}

#[test]
fn what_no_file_system_takes_is_refused_where_it_is_read() {
    use tar::EntryType::{Regular, Symlink};
    let long = vec![b'a'; 4096];
    refused(
        Symlink,
        &[(b"linkpath", &long)],
        "`one` in it is a symbolic link whose target cannot be one: it is longer than a path can be",
    );
    read_tar(
        &mut Cursor::new(one(Symlink, &[(b"linkpath", &long[1..])])),
        Volume(0),
    )
    .expect("the longest one");
    refused(
        Symlink,
        &[(b"linkpath", b"a\0b")],
        "`one` in it is a symbolic link whose target cannot be one: it holds a zero byte",
    );
    let half = vec![b'x'; 33 << 10];
    refused(
        Regular,
        &[
            (b"SCHILY.xattr.user.a", &half),
            (b"SCHILY.xattr.user.b", &half),
        ],
        "`one` in it has 67596 bytes of extended attributes",
    );
    for key in [
        &b"GNU.sparse.major"[..],
        b"GNU.sparse.map",
        b"GNU.sparse.size",
    ] {
        refused(
            Regular,
            &[(key, b"1")],
            "`one` in it is a file with holes, which images do not have",
        );
    }
}

#[test]
fn links_do_not_make_paths_that_no_file_system_has() {
    // The longest target, and below it as long a path: each of the names would become a directory.
    let target = "a/".repeat(2047);
    let tree = layers(&[&[&format!("l l {target}")]]).expect("a link");
    let error = tree.resolve(&path(&format!("l/{}", "b/".repeat(100))));
    let message = error.expect_err("too long").to_string();
    assert!(
        message.ends_with("leads to a path that is longer than one can be"),
        "{message}"
    );
    let name = "n".repeat(256);
    let tree = layers(&[&[&format!("l l {name}")]]).expect("a link");
    tree.resolve(&path("l/x"))
        .expect_err("a name that is too long");
}

#[test]
fn a_tree_and_a_tar_have_room_for_so_much() {
    let room = tree::Room {
        paths: 10,
        bytes: 2000,
    };
    let mut tree = Tree::with_room(room);
    let error = tree
        .add(entry("f a/b/c/d/e/f/g/h/i/j x"))
        .expect_err("ten and the root");
    assert_eq!(error.to_string(), "there are more than 10 paths");
    let mut tree = Tree::with_room(room);
    let long = format!("l a {}", "x".repeat(900));
    for _ in 0..10 {
        // What is replaced takes no room.
        tree.add(entry(&long)).expect("an entry");
    }
    tree.add(entry(&long.replace(" a ", " b ")))
        .expect("an entry");
    let error = tree
        .add(entry(&long.replace(" a ", " c ")))
        .expect_err("three are too many");
    let message = "names, targets of links and attributes take more than 2000 bytes";
    assert_eq!(error.to_string(), message);

    let names: Vec<String> = (0..11).map(|number| format!("f {number} x")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bytes = write(&layers(&[&names]).expect("a layer"), "");
    let error = read::read_within(&mut Cursor::new(bytes), Volume(0), room);
    let message = error.expect_err("eleven").to_string();
    assert_eq!(
        message,
        "it is no tar of an image's size: there are more than 10 paths"
    );
}

#[test]
fn paths_that_were_replaced_many_times_take_the_room_of_one() {
    let mut tree = layers(&[&["f a 0", "h b a"]]).expect("a layer");
    for number in 0..20_000 {
        tree.add(entry(&format!("f a {number}"))).expect("an entry");
    }
    assert_eq!(lines(&tree), ["/a 19999", "/b 0"]);
    assert!(tree.links().len() < 10_000, "{}", tree.links().len());
}

#[test]
fn names_of_owners_are_read_and_written_where_that_is_asked_for() {
    let long = vec![b'u'; 40];
    let bytes = one(
        tar::EntryType::Regular,
        &[(b"uname", &long), (b"gname", "grüße".as_bytes())],
    );
    let tree = read(&bytes);
    let names = |tree: &Tree| {
        tree.find(&path("one"))
            .expect("a file")
            .attributes
            .owner_names
            .clone()
    };
    let expected = OwnerNames {
        user: long,
        group: "grüße".into(),
    };
    assert_eq!(names(&tree).as_deref(), Some(&expected));
    assert_eq!(names(&read(&write(&tree, ""))), None);
    let part = Part {
        prefix: &RootPath::root(),
        owners: Owners::Named,
        chosen: &|_| true,
    };
    let mut named = Vec::new();
    write_part(&tree, &part, &mut named, &nowhere).expect("memory");
    assert_eq!(names(&read(&named)).as_deref(), Some(&expected));
    refused(
        tar::EntryType::Regular,
        &[(b"uname", &[b'u'; 256])],
        "the extended header of `one` in it cannot be read",
    );
}

#[test]
fn names_that_climb_are_refused() {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().expect("ustar").name[..8].copy_from_slice(b"../../et");
    header.set_size(0);
    header.set_cksum();
    let error = read_tar(&mut Cursor::new(header.as_bytes()), Volume(0)).expect_err("it climbs");
    assert_eq!(
        error.to_string(),
        "`../../et` in it cannot be unpacked: it climbs out with `..`"
    );
}
