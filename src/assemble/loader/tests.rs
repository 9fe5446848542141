//! Caches and links of small images.

use super::super::filling::Filling;
use super::search::{
    CONF, MOST_BYTES, MOST_DIRECTORIES, MOST_FILES, MOST_PATTERNS, find_directories, find_system,
};
use super::write::{CACHE, write_loader_cache};
use crate::elf::samples::Sample;
use crate::rootfs::{Change, Content, Entry, Kind, Node, RootPath};

const DIRECTORY: &str = "/usr/lib/x86_64-linux-gnu";

fn image() -> Filling {
    let mut filling = Filling::new(7);
    filling.directory("/usr/lib", 0o755).expect("a directory");
    filling.link("/lib", "usr/lib").expect("a link");
    filling.link("/lib64", "usr/lib64").expect("a link");
    add(
        &mut filling,
        "/usr/lib64/ld-linux-x86-64.so.2",
        "ld-linux-x86-64.so.2",
    );
    filling
}

fn add(filling: &mut Filling, path: &str, soname: &str) {
    let bytes = Sample::named(soname).bytes();
    filling.file(path, &bytes, 0o644).expect("a library");
}

fn conf(filling: &mut Filling, path: &str, text: &str) {
    filling.file(path, text.as_bytes(), 0o644).expect("a file");
}

fn cache(filling: &mut Filling) -> String {
    write_loader_cache(filling, "pkg").expect("a cache");
    let cache = filling.read(CACHE).expect("a file").expect("a cache");
    String::from_utf8_lossy(&cache).into_owned()
}

fn target(filling: &Filling, path: &str) -> Option<String> {
    match &filling.find(path).expect("a path")?.kind {
        Kind::Link(target) => Some(String::from_utf8_lossy(target).into_owned()),
        _ => None,
    }
}

#[test]
fn an_image_without_a_loader_of_glibc_gets_no_cache() {
    let mut filling = Filling::new(0);
    add(
        &mut filling,
        "/lib/ld-musl-x86_64.so.1",
        "libc.musl-x86_64.so.1",
    );
    add(&mut filling, "/lib/liba.so.1.2", "liba.so.1");
    write_loader_cache(&mut filling, "pkg").expect("nothing to do");
    assert!(filling.find(CACHE).expect("a path").is_none());
    assert_eq!(target(&filling, "/lib/liba.so.1"), None);
}

#[test]
fn links_are_made_where_they_lack_and_changed_where_they_are_old() {
    let mut filling = image();
    for (file, soname) in [
        ("libnew.so.1.9", "libnew.so.1"),
        ("libold.so.1.9", "libold.so.1"),
        ("libold.so.1.10", "libold.so.1"),
        ("libfile.so.1", "libfile.so.1"),
        ("libfile.so.1.2", "libfile.so.1"),
        ("libfar.so.1.2", "../../../etc/libfar.so.1"),
    ] {
        add(&mut filling, &format!("{DIRECTORY}/{file}"), soname);
    }
    for (link, to) in [
        ("libold.so.1", "libold.so.1.9"),
        ("libnew.so", "libnew.so.1.9"),
    ] {
        filling
            .link(&format!("{DIRECTORY}/{link}"), to)
            .expect("a link");
    }
    let cache = cache(&mut filling);
    let target = |name: &str| target(&filling, &format!("{DIRECTORY}/{name}"));
    assert_eq!(target("libnew.so.1").as_deref(), Some("libnew.so.1.9"));
    assert_eq!(target("libold.so.1").as_deref(), Some("libold.so.1.10"));
    assert_eq!(target("libfile.so.1"), None);
    assert!(cache.contains("/lib/x86_64-linux-gnu/libnew.so\0"));
    assert!(!cache.contains("libfar"));
    assert!(filling.find("/etc/libfar.so.1").expect("a path").is_none());
}

#[test]
fn directories_come_in_the_order_of_the_configuration_and_once() {
    let mut filling = image();
    conf(
        &mut filling,
        CONF,
        "include ld.so.conf.d/*.conf\n/opt/b\n/usr/lib/../..\nopt/c\n/nowhere\n",
    );
    conf(
        &mut filling,
        "/etc/ld.so.conf.d/z.conf",
        "/opt/l\ninclude ../ld.so.conf\ninclude /etc/ld.so.conf",
    );
    conf(&mut filling, "/etc/ld.so.conf.d/.hidden.conf", "/opt/c");
    conf(&mut filling, "/etc/ld.so.conf.d/a.conf", "/opt/a");
    for directory in ["a", "b", "c"] {
        add(
            &mut filling,
            &format!("/opt/{directory}/liba.so.1"),
            "liba.so.1",
        );
    }
    filling.link("/opt/l", "a").expect("a link");
    let cache = cache(&mut filling);
    let place = |text: &str| cache.find(text);
    // Strings that end alike go down by what stands before.
    assert!(place("/opt/b/liba.so.1") < place("/opt/a/liba.so.1"));
    for other in ["/opt/l", "/opt/c", ".."] {
        assert_eq!(place(other), None, "{other}");
    }
}

#[test]
fn files_without_an_end_of_including_each_other_are_refused() {
    let mut filling = image();
    conf(&mut filling, CONF, "include /etc/ld.so.conf.d/*");
    for i in 0..=MOST_FILES {
        conf(&mut filling, &format!("/etc/ld.so.conf.d/{i}"), "include *");
    }
    let error = write_loader_cache(&mut filling, "pkg").expect_err("too many");
    assert!(error.to_string().contains("includes more than"), "{error}");
    conf(&mut filling, CONF, &"/opt\n".repeat(MOST_DIRECTORIES));
    let error = write_loader_cache(&mut filling, "pkg").expect_err("too many");
    assert!(error.to_string().contains("names more than"), "{error}");
}

/// Gives the directories that libraries are taken from.
fn directories(filling: &Filling) -> Result<Vec<String>, String> {
    let system = find_system(filling).expect("a path").expect("a loader");
    let found = find_directories(filling, system).map_err(|error| error.to_string())?;
    let texts = found
        .into_iter()
        .map(|path| String::from_utf8_lossy(&path).into_owned());
    Ok(texts.collect())
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let mut filling = image();
    conf(&mut filling, CONF, text);
    conf(&mut filling, "/etc/a.conf", "/opt\n");
    let error = directories(&filling).expect_err("a bound");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn configurations_without_measure_are_refused() {
    refused(
        &"include /etc/a.conf\n".repeat(MOST_PATTERNS + 1),
        "more than 512 patterns",
    );
    refused(
        &format!("include {}", "a ".repeat(MOST_PATTERNS + 1)),
        "more than 512 patterns",
    );
    refused(
        &format!("include {}", "*".repeat(4096)),
        "longer than a path",
    );
    let size = usize::try_from(MOST_BYTES).expect("a size");
    refused(&"#".repeat(size + 1), "more than 1048576 bytes");
    // `a.conf` has a few, too.
    refused(
        &format!("include a.conf\n{}", "#".repeat(size - 16)),
        "more than 1048576 bytes",
    );
    refused(
        &"/opt\n".repeat(MOST_DIRECTORIES + 1),
        "more than 512 directories",
    );
}

#[test]
fn patterns_that_take_long_to_compare_are_refused() {
    let mut filling = image();
    let long = "a".repeat(200);
    for i in 0..100 {
        conf(&mut filling, &format!("/etc/d/{long}{i}"), "");
    }
    let pattern = "*a".repeat(2000);
    conf(
        &mut filling,
        CONF,
        &format!("include d/{pattern}b\ninclude a.conf"),
    );
    conf(&mut filling, "/etc/a.conf", "/opt");
    directories(&filling).expect_err("too long");
    conf(&mut filling, CONF, "include d/*b a.conf");
    assert_eq!(directories(&filling).expect("directories")[0], "/opt");
}

#[test]
fn a_pattern_without_wildcards_is_looked_up_by_its_name() {
    let mut filling = image();
    conf(&mut filling, "/etc/d/[x].conf", "/opt/x");
    conf(&mut filling, "/etc/d/y.conf", "/opt/y");
    filling.link("/etc/l", "d").expect("a link");
    let text = "include l/y.conf /etc/d/\\[x].conf none.conf d l/../d/y.conf\n";
    conf(&mut filling, CONF, text);
    let found = directories(&filling).expect("directories");
    assert_eq!(found[..2], ["/opt/y", "/opt/x"]);
    assert!(found[2].starts_with("/lib"), "{found:?}");
}

#[test]
fn an_included_file_may_have_a_name_that_is_no_text() {
    let mut filling = image();
    conf(&mut filling, CONF, "include d/*.conf");
    conf(&mut filling, "/etc/d/a.conf", "/opt/a");
    let change = Change::Node(Node {
        kind: Kind::File(Content::Held(b"/opt/b".as_slice().into())),
        attributes: filling.attributes(0o644),
    });
    let path = RootPath::parse(b"etc/d/\xff.conf").expect("a path");
    filling.tree.add(Entry { path, change }).expect("a file");
    assert_eq!(
        directories(&filling).expect("directories")[..2],
        ["/opt/a", "/opt/b"]
    );
}

#[test]
fn links_without_an_end_lead_to_nothing() {
    let mut filling = Filling::new(0);
    filling.link("/lib64", "lib64").expect("a link");
    write_loader_cache(&mut filling, "pkg").expect("nothing to do");
    assert!(filling.find(CACHE).expect("a path").is_none());
    let mut filling = image();
    filling.link(CONF, "ld.so.conf").expect("a link");
    filling
        .link("/usr/lib/libloop.so.1", "libloop.so.1")
        .expect("a link");
    assert!(cache(&mut filling).contains("ld-linux-x86-64.so.2"));
}

#[test]
fn directories_of_the_loader_come_in_its_order() {
    let mut filling = image();
    let own = [
        "/lib",
        "/lib64",
        "/libx32",
        "/usr/lib",
        "/usr/lib64",
        "/usr/libx32",
    ];
    assert_eq!(directories(&filling).expect("directories"), own);
    filling.directory(DIRECTORY, 0o755).expect("a directory");
    let triplet = "x86_64-linux-gnu";
    assert_eq!(
        directories(&filling).expect("directories"),
        [
            format!("/lib/{triplet}").as_str(),
            DIRECTORY,
            "/lib",
            "/usr/lib"
        ]
    );
}

#[test]
fn a_file_may_be_named_as_its_library_may_not() {
    let mut filling = image();
    for (file, soname) in [
        ("libzz-20231116123456.so.1", "libz.so.1"),
        ("libq.so.1.0", "libq.so.20231116123456"),
        ("lib\u{fc} b.so.1", "libu.so.1"),
    ] {
        add(&mut filling, &format!("/usr/lib/{file}"), soname);
    }
    add(
        &mut filling,
        "/usr/lib/glibc-hwcaps/x86-64-v3/libh-20231116123456.so",
        "libh.so.1",
    );
    let cache = cache(&mut filling);
    let target = |name: &str| target(&filling, &format!("/usr/lib/{name}"));
    assert_eq!(
        target("libz.so.1").as_deref(),
        Some("libzz-20231116123456.so.1")
    );
    assert_eq!(target("libu.so.1").as_deref(), Some("lib\u{fc} b.so.1"));
    // All loaders find it by its link, and not all would find it in the cache.
    assert_eq!(
        target("libq.so.20231116123456").as_deref(),
        Some("libq.so.1.0")
    );
    assert!(!cache.contains("libq"));
    for path in [
        "/lib/libz.so.1\0",
        "/lib/libu.so.1\0",
        "x86-64-v3/libh-20231116123456.so\0",
    ] {
        assert!(cache.contains(path), "{path}");
    }
}

#[test]
fn directories_of_hardware_have_no_colon_and_are_not_without_number() {
    let mut filling = image();
    for name in ["x86-64-v3", "x86:64", ".hidden"] {
        let path = format!("/usr/lib/glibc-hwcaps/{name}/liba.so.1");
        add(&mut filling, &path, "liba.so.1");
    }
    let found = cache(&mut filling);
    assert!(found.contains("x86-64-v3/liba"), "{found}");
    assert!(
        !found.contains("x86:64") && !found.contains(".hidden"),
        "{found}"
    );
    for i in 0..=MOST_DIRECTORIES {
        let path = format!("/usr/lib/glibc-hwcaps/{i}");
        filling.directory(&path, 0o755).expect("a directory");
    }
    let error = write_loader_cache(&mut filling, "pkg").expect_err("too many");
    assert!(
        error.to_string().contains("glibc-hwcaps has more than"),
        "{error}"
    );
}
