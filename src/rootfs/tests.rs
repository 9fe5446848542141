//! Layers on trees, and trees as tars.

use std::io::{Cursor, Write};

use proptest::prelude::*;

use super::*;

pub(super) fn path(text: &str) -> RootPath {
    RootPath::parse(text.as_bytes()).expect("a path")
}

fn node(kind: Kind, mode: u32) -> Node {
    Node {
        kind,
        attributes: Attributes {
            mode,
            ..Attributes::default()
        },
    }
}

pub(super) fn holding(text: &str) -> Kind {
    Kind::File(Content::Held(text.as_bytes().into()))
}

/// One entry from a short form: `d etc`, `f etc/motd hello`, `l lib usr/lib`, `h copy etc/motd`.
pub(super) fn entry(line: &str) -> Entry {
    let mut words = line.splitn(3, ' ');
    let mut next = || words.next().unwrap_or_default();
    let (kind, name, rest) = (next(), next(), next());
    let change = match kind {
        "d" => Change::Node(node(Kind::Directory, 0o755)),
        "f" => Change::Node(node(holding(rest), 0o644)),
        "l" => Change::Node(node(Kind::Link(rest.into()), 0o777)),
        "h" => Change::HardLink(path(rest)),
        other => panic!("{other}"),
    };
    Entry {
        path: path(name),
        change,
    }
}

pub(super) fn layers(layers: &[&[&str]]) -> Result<Tree, LayerError> {
    let mut tree = Tree::default();
    for layer in layers {
        tree.apply_layer(layer.iter().map(|line| entry(line)).collect())?;
    }
    Ok(tree)
}

/// Writes a tree as lines: each path, with what a file or a link holds.
pub(super) fn lines(tree: &Tree) -> Vec<String> {
    let shown = tree.iter().skip(1).map(|(path, node)| match &node.kind {
        Kind::File(Content::Held(bytes)) => format!("{path} {}", String::from_utf8_lossy(bytes)),
        Kind::Link(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
        _ => path.to_string(),
    });
    shown.collect()
}

#[track_caller]
fn gives(all: &[&[&str]], expected: &[&str]) {
    assert_eq!(lines(&layers(all).expect("layers")), expected);
}

#[test]
fn a_whiteout_removes_what_lies_below_and_not_what_its_own_layer_brings() {
    let below: &[&str] = &["f etc/motd old", "f etc/issue old", "f var/log/a x"];
    gives(
        &[below, &["f etc/.wh.motd", "f var/.wh.log"]],
        &["/etc", "/etc/issue old", "/var"],
    );
    for upper in [
        ["f etc/.wh.motd", "f etc/motd new"],
        ["f etc/motd new", "f etc/.wh.motd"],
    ] {
        let expected = [
            "/etc",
            "/etc/issue old",
            "/etc/motd new",
            "/var",
            "/var/log",
            "/var/log/a x",
        ];
        gives(&[below, &upper], &expected);
    }
}

#[test]
fn an_opaque_directory_has_only_what_its_own_layer_brings_in_any_order() {
    let below: &[&str] = &["f etc/ssl/a x", "f etc/motd old"];
    for upper in [
        ["f etc/.wh..wh..opq", "f etc/new 1"],
        ["f etc/new 1", "f etc/.wh..wh..opq"],
    ] {
        gives(&[below, &upper], &["/etc", "/etc/new 1"]);
    }
    gives(
        &[below, &["f etc/.wh..wh.plnk"]],
        &["/etc", "/etc/motd old", "/etc/ssl", "/etc/ssl/a x"],
    );
}

#[test]
fn whiteouts_do_not_go_where_a_link_led_that_the_layer_replaces() {
    let below: &[&str] = &["f srv/data/a x", "l var/www /srv/data"];
    let expected = [
        "/srv",
        "/srv/data",
        "/srv/data/a x",
        "/var",
        "/var/www",
        "/var/www/b 1",
    ];
    for upper in [
        [
            "d var/www",
            "f var/www/.wh..wh..opq",
            "f var/www/.wh.a",
            "f var/www/b 1",
        ],
        [
            "f var/www/.wh..wh..opq",
            "f var/www/b 1",
            "f var/www/.wh.a",
            "d var/www",
        ],
    ] {
        gives(&[below, &upper], &expected);
    }
    // Removed by the layer itself, and made again.
    for upper in [
        ["f var/www/.wh..wh..opq", "f var/.wh.www", "f var/www/b 1"],
        ["f var/.wh.www", "f var/www/b 1", "f var/www/.wh..wh..opq"],
    ] {
        gives(&[below, &upper], &expected);
    }
    // One link behind another that goes away.
    gives(
        &[
            &["l a b", "f b/c/x 1", "l b/l /b/c"],
            &["d a", "d a/l", "f b/l/.wh.x"],
        ],
        &["/a", "/a/l", "/b", "/b/c", "/b/l -> /b/c"],
    );
}

#[test]
fn an_overlay_keeps_links_to_directories_and_the_root_as_they_are() {
    let mut tree =
        layers(&[&["d usr/lib", "l lib usr/lib", "l gone nowhere", "f file x"]]).expect("layers");
    let lines_over = [
        "d .",
        "d lib",
        "f lib/a 1",
        "d gone",
        "d file",
        "f usr/.wh.none",
    ];
    let mut over: Vec<Entry> = lines_over.iter().map(|line| entry(line)).collect();
    let Change::Node(root) = &mut over[0].change else {
        panic!("a directory")
    };
    root.attributes.mode = 0o700;
    tree.apply_overlay(over.clone()).expect("an overlay");
    let expected = [
        "/file",
        "/gone",
        "/lib -> usr/lib",
        "/usr",
        "/usr/lib",
        "/usr/lib/a 1",
    ];
    assert_eq!(lines(&tree), expected);
    let mode = |tree: &Tree| {
        tree.find(&RootPath::root())
            .map(|node| node.attributes.mode)
    };
    assert_eq!(mode(&tree), Some(0o755));
    // A layer of an image says all.
    tree.apply_layer(over).expect("a layer");
    assert_eq!(mode(&tree), Some(0o700));
    assert_eq!(lines(&tree)[2..4], ["/lib", "/lib/a 1"]);
}

#[test]
fn kinds_may_change_from_layer_to_layer() {
    let below: &[&str] = &["f a/b/c x", "f d y"];
    gives(&[below, &["f a z", "d d"]], &["/a z", "/d"]);
    gives(&[below, &["d a"]], &["/a", "/a/b", "/a/b/c x", "/d y"]);
    gives(&[below, &["l a d"]], &["/a -> d", "/d y"]);
}

#[test]
fn files_below_a_link_land_where_it_leads_and_never_outside() {
    gives(
        &[
            &["d usr/lib", "l lib usr/lib"],
            &["f lib/libc.so 1", "f lib/.wh.nothing"],
        ],
        &["/lib -> usr/lib", "/usr", "/usr/lib", "/usr/lib/libc.so 1"],
    );
    gives(
        &[
            &["l up ../../..", "l away /srv/x"],
            &["f up/a 1", "f away/b 2"],
        ],
        &[
            "/a 1",
            "/away -> /srv/x",
            "/srv",
            "/srv/x",
            "/srv/x/b 2",
            "/up -> ../../..",
        ],
    );
    gives(
        &[&["l up /", "f etc/motd x"], &["f up/etc/.wh.motd"]],
        &["/etc", "/up -> /"],
    );
    let error = layers(&[&["l a b", "l b a"], &["f a/c x"]]).expect_err("a loop");
    assert_eq!(
        error.to_string(),
        "/a/c is one of symbolic links without an end"
    );
}

#[test]
fn a_hard_link_needs_a_file_that_is_there() {
    gives(&[&["f a 1", "h b a"], &["f a 2"]], &["/a 2", "/b 1"]);
    for (line, message) in [
        ("h b gone", "/b is a hard link to /gone, which is not there"),
        ("h b d", "/b is a hard link to /d, which is not there"),
        ("f a/b x", "a/b lies below /a, which is no directory"),
    ] {
        let error = layers(&[&["f a 1", "d d"], &[line]]).expect_err(line);
        assert!(error.to_string().ends_with(message), "{error}");
    }
}

#[test]
fn paths_are_resolved_as_in_a_container() {
    let tree = layers(&[&[
        "l bin usr/bin",
        "f usr/bin/sh x",
        "l etc/rc /bin/sh",
        "l etc/top ../../..",
        "d srv",
    ]])
    .expect("layers");
    for (from, to) in [
        ("bin/sh", "usr/bin/sh"),
        ("etc/rc", "usr/bin/sh"),
        ("etc/top/bin/sh", "usr/bin/sh"),
        ("srv/none/at", "srv/none/at"),
    ] {
        assert_eq!(tree.resolve(&path(from)), Ok(path(to)), "{from}");
    }
    assert_eq!(tree.resolve_parent(&path("etc/rc")), Ok(path("etc/rc")));
}

/// No tar here has its contents elsewhere.
pub(super) fn nowhere(_: &Extent, _: &mut dyn Write) -> std::io::Result<()> {
    Err(std::io::Error::other("nothing is stored"))
}

pub(super) fn write(tree: &Tree, prefix: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_tar(tree, &path(prefix), &mut bytes, &nowhere).expect("memory");
    bytes
}

/// Reads a tar, with the contents of its files in the entries.
pub(super) fn entries(tar: &[u8]) -> Vec<Entry> {
    let mut entries = read_tar(&mut Cursor::new(tar), Volume(0)).expect("a tar");
    for entry in &mut entries {
        if let Change::Node(node) = &mut entry.change
            && let Kind::File(content) = &mut node.kind
            && let Content::Stored(extent) = content
        {
            let start = usize::try_from(extent.offset).expect("in memory");
            let end = start + usize::try_from(extent.size_bytes).expect("in memory");
            *content = Content::Held(tar[start..end].into());
        }
    }
    entries
}

/// Reads a tar back as a tree.
pub(super) fn read(tar: &[u8]) -> Tree {
    let mut tree = Tree::default();
    tree.apply_layer(entries(tar)).expect("a layer");
    tree
}

fn same(a: &Tree, b: &Tree) -> bool {
    a.iter().skip(1).eq(b.iter().skip(1))
}

#[test]
fn what_has_no_room_in_a_header_comes_back_whole() {
    let mut tree = Tree::default();
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(150));
    let mut add = |name: &str, kind, attributes| {
        let change = Change::Node(Node { kind, attributes });
        tree.add(Entry {
            path: path(name),
            change,
        })
        .expect("an entry");
    };
    let odd = Attributes {
        mode: 0o6755,
        uid: 4_000_000_000,
        gid: 0o777_7777,
        modified: -5,
        owner_names: None,
        extended: [(b"security.capability".to_vec(), b"\x01\0\0\x02\n=".to_vec())].into(),
    };
    add(&long, holding("x"), odd.clone());
    add("grüße", Kind::Link("z".repeat(300).into()), odd.clone());
    add(
        "dev/null",
        Kind::CharacterDevice { major: 1, minor: 3 },
        odd.clone(),
    );
    add(
        "dev/sda",
        Kind::BlockDevice { major: 8, minor: 0 },
        odd.clone(),
    );
    add("run/pipe", Kind::Pipe, odd);
    tree.link(path("other"), &path(&long)).expect("room");
    let bytes = write(&tree, "");
    let back = read(&bytes);
    assert!(same(&tree, &back), "{back:?}");
    assert_eq!(write(&back, ""), bytes);
}

#[test]
fn a_tree_is_written_below_a_directory() {
    let tree = layers(&[&["f etc/motd x", "h motd etc/motd"]]).expect("layers");
    let back = read(&write(&tree, "bundle/rootfs"));
    let below = ["/bundle", "/bundle/rootfs", "/bundle/rootfs/etc"];
    let files = ["/bundle/rootfs/etc/motd x", "/bundle/rootfs/motd x"];
    assert_eq!(lines(&back), [&below[..], &files].concat());
}

#[test]
fn attributes_are_changed_where_they_are() {
    let mut tree =
        layers(&[&["f srv/a 1", "h other srv/a", "f srv-b 2", "l srv/l a"]]).expect("a layer");
    tree.edit_all(&path("srv"), |_, kind, attributes| {
        attributes.uid = 900;
        if !matches!(kind, Kind::Link(_)) {
            attributes.mode &= 0o700;
        }
    });
    tree.attributes_mut(&path("srv-b")).expect("a file").gid = 7;
    assert_eq!(tree.attributes_mut(&path("none")), None);
    let shown: Vec<String> = tree
        .iter()
        .map(|(path, node)| {
            let Attributes { mode, uid, gid, .. } = node.attributes;
            format!("{path} {mode:o} {uid}:{gid}")
        })
        .collect();
    let expected = [
        "/ 755 0:0",
        "/other 600 900:0",
        "/srv 700 900:0",
        "/srv/a 600 900:0",
        "/srv/l 777 900:0",
        "/srv-b 644 0:7",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_part_has_the_directories_above_it_and_links_of_its_own() {
    let tree = layers(&[&[
        "f a/x/one 1",
        "f a/y/two 2",
        "h b/three a/y/two",
        "h b/four a/y/two",
        "f c/none 3",
        "d a/y/z",
    ]])
    .expect("a layer");
    let chosen = ["a/y/z", "b/four", "b/three", "a/x/one"].map(path);
    let part = |is_in: bool| {
        let part = Part {
            prefix: &path("top"),
            owners: Owners::Numbers,
            chosen: &|path| chosen.contains(path) == is_in,
        };
        let mut bytes = Vec::new();
        write_part(&tree, &part, &mut bytes, &nowhere).expect("memory");
        bytes
    };
    let bytes = part(true);
    let entries = read_tar(&mut Cursor::new(&bytes), Volume(0)).expect("a tar");
    let shown: Vec<String> = entries
        .iter()
        .map(|entry| match &entry.change {
            Change::Node(node) if node.is_directory() => format!("{}/", entry.path),
            Change::Node(_) => entry.path.to_string(),
            Change::HardLink(target) => format!("{} = {target}", entry.path),
        })
        .collect();
    let expected = [
        "/top/",
        "/top/a/",
        "/top/a/x/",
        "/top/a/x/one",
        "/top/a/y/",
        "/top/a/y/z/",
        "/top/b/",
        "/top/b/four",
        "/top/b/three = /top/b/four",
    ];
    assert_eq!(shown, expected);
    // Both parts together are the whole.
    let mut both = read(&bytes);
    let other = part(false);
    for (path, node) in read(&other).iter().filter(|(_, node)| !node.is_directory()) {
        let change = Change::Node(node.clone());
        let path = path.clone();
        both.add(Entry { path, change }).expect("an entry");
    }
    let whole = read(&write(&tree, "top"));
    assert_eq!(lines(&both), lines(&whole));
}

fn any_tree() -> impl Strategy<Value = Vec<Entry>> {
    let name = "[a-c]{1,2}(/[a-cä ]{1,120}){0,3}";
    let kind = prop_oneof![
        Just(Kind::Directory),
        "[a-z]{0,700}".prop_map(|text| holding(&text)),
        "[a-c/.]{1,130}".prop_map(|target| Kind::Link(target.into())),
    ];
    let attributes = (0..0o10000_u32, any::<u32>(), any::<u32>(), any::<i32>());
    let attributes = attributes.prop_map(|(mode, uid, gid, modified)| Attributes {
        mode,
        uid: uid.into(),
        gid: gid.into(),
        modified: modified.into(),
        ..Attributes::default()
    });
    let entry = (name, kind, attributes).prop_map(|(name, kind, attributes)| Entry {
        path: path(&name),
        change: Change::Node(Node { kind, attributes }),
    });
    prop::collection::vec(entry, 0..12)
}

proptest! {
    #[test]
    fn any_tree_comes_back_from_its_tar(entries in any_tree()) {
        let mut tree = Tree::default();
        for entry in entries {
            // What lies below a file or in a loop is refused, and another test's.
            let _ = tree.add(entry);
        }
        let bytes = write(&tree, "");
        let back = read(&bytes);
        prop_assert!(same(&tree, &back));
        prop_assert_eq!(write(&back, ""), bytes);
    }

    #[test]
    fn no_bytes_make_reading_fail_otherwise_than_with_an_error(
        damage in prop::collection::vec((0..4096_usize, any::<u8>()), 0..20),
        entries in any_tree(),
    ) {
        let mut tree = Tree::default();
        for entry in entries {
            let _ = tree.add(entry);
        }
        let mut bytes = write(&tree, "");
        for (place, byte) in damage {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        if let Ok(entries) = read_tar(&mut Cursor::new(&bytes), Volume(0)) {
            let _ = Tree::default().apply_layer(entries);
        }
    }
}
