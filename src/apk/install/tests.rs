//! Packages that meet in one root file system.

use std::io::{Cursor, Write};

use super::super::samples::{Item, SIGNER, Sample};
use super::super::{Checksum, Expected, Limits, Trust, read_files, read_package};
use super::{InstallError, Installation, Setup, link_busybox};
use crate::rootfs::{Content, Extent, Kind, RootPath, Tree, Volume};

/// Installs packages into an image, and keeps the tars of their files.
struct Image {
    root: Installation,
    tars: Vec<Vec<u8>>,
}

impl Image {
    fn of(samples: &[Sample]) -> Result<Self, InstallError> {
        let mut image = Self {
            root: Installation::new()?,
            tars: Vec::new(),
        };
        samples.iter().try_for_each(|sample| image.add(sample))?;
        Ok(image)
    }

    fn add(&mut self, sample: &Sample) -> Result<(), InstallError> {
        let made = sample.make(None);
        let expected = Expected {
            name: sample.name(),
            version: sample.version(),
            architecture: "x86_64",
            checksum: made.checksum,
            trust: Trust::Unsigned,
            limits: Limits::default(),
        };
        let mut tar = Vec::new();
        let package = read_package(&*made.bytes, &expected, &mut tar).expect("a package");
        let volume = Volume(u32::try_from(self.tars.len()).expect("few"));
        let files = read_files(&mut Cursor::new(&tar), volume).expect("files");
        self.tars.push(tar);
        self.root.add(&package, files)
    }

    fn finish(self) -> Result<Done, InstallError> {
        let tars = self.tars;
        let fetch = |extent: &Extent, out: &mut dyn Write| out.write_all(stored(&tars, extent));
        let setup = Setup {
            architecture: "x86_64",
            world: &["b".to_owned(), "a=1".to_owned(), "b".to_owned()],
            repositories: &["https://example.org/os".to_owned()],
            keys: std::slice::from_ref(&SIGNER.key),
            epoch: 7,
        };
        let busybox = self.root.busybox().map(str::to_owned);
        let mut tree = self.root.finish(&setup, &fetch)?;
        link_busybox(&mut tree, busybox.as_deref(), &fetch)?;
        Ok(Done { tree, tars })
    }
}

fn stored<'a>(tars: &'a [Vec<u8>], extent: &Extent) -> &'a [u8] {
    let start = usize::try_from(extent.offset).expect("small");
    let end = start + usize::try_from(extent.size_bytes).expect("small");
    &tars[extent.volume.0 as usize][start..end]
}

/// An image that is ready.
struct Done {
    tree: Tree,
    tars: Vec<Vec<u8>>,
}

impl Done {
    fn text(&self, path: &str) -> String {
        let node = self
            .tree
            .find(&at(path))
            .unwrap_or_else(|| panic!("{path}"));
        let Kind::File(content) = &node.kind else {
            panic!("{path}: {:?}", node.kind);
        };
        let bytes = match content {
            Content::Held(bytes) => bytes,
            Content::Stored(extent) => stored(&self.tars, extent),
        };
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    fn link(&self, path: &str) -> Option<String> {
        match &self.tree.find(&at(path))?.kind {
            Kind::Link(target) => Some(String::from_utf8(target.clone()).expect("text")),
            _ => None,
        }
    }
}

fn at(path: &str) -> RootPath {
    RootPath::parse(path.as_bytes()).expect("a path")
}

fn file(path: &str, text: &str) -> Item {
    Item::file(path, 0o644, text.as_bytes())
}

#[test]
fn an_image_without_packages_has_what_each_image_has() {
    let done = Image::of(&[]).expect("an image").finish().expect("a tree");
    let lines: Vec<String> = done
        .tree
        .iter()
        .map(|(path, node)| {
            let kind = match &node.kind {
                Kind::Directory => "/".to_owned(),
                Kind::File(content) => format!(" {}", content.size_bytes()),
                Kind::Link(target) => format!(" → {}", String::from_utf8_lossy(target)),
                Kind::CharacterDevice { major, minor } => format!(" {major}:{minor}"),
                other => format!("{other:?}"),
            };
            format!("{:04o} {path}{kind}", node.attributes.mode)
        })
        .collect();
    let pem = SIGNER.key.pem().len();
    let expected = format!(
        "0755 //\n0755 /dev/\n0620 /dev/console 5:1\n0666 /dev/null 1:3\n0666 /dev/random 1:8\n\
         0666 /dev/urandom 1:9\n0666 /dev/zero 1:5\n0755 /etc/\n0755 /etc/apk/\n0644 /etc/apk/arch 7\n\
         0755 /etc/apk/keys/\n0644 /etc/apk/keys/test.rsa.pub {pem}\n0644 /etc/apk/repositories 23\n\
         0644 /etc/apk/world 6\n0755 /lib/\n0777 /lib/apk → ../usr/lib/apk\n0755 /opt/\n0555 /proc/\n\
         1777 /tmp/\n0755 /usr/\n0755 /usr/lib/\n0755 /usr/lib/apk/\n0755 /usr/lib/apk/db/\n\
         0644 /usr/lib/apk/db/installed 0\n0600 /usr/lib/apk/db/lock 0\n\
         0644 /usr/lib/apk/db/scripts.tar 1024\n0644 /usr/lib/apk/db/triggers 0\n0755 /usr/lib/apk/exec/\n\
         0755 /var/\n0755 /var/cache/\n0755 /var/cache/apk/\n0755 /var/cache/misc/"
    );
    assert_eq!(lines.join("\n"), expected);
    assert_eq!(done.text("etc/apk/world"), "a=1\nb\n");
    assert_eq!(done.text("etc/apk/arch"), "x86_64\n");
}

/// A package with all that is recorded.
fn full_sample() -> Sample {
    Sample::new("hello 1.2-r3")
        .line("arch = x86_64")
        .line("pkgdesc = Says hello")
        .line("url = https://example.org")
        .line("size = 5")
        .line("license = MIT")
        .line("origin = hello-src")
        .line("maintainer = Somebody")
        .line("builddate = 1700000000")
        .line("commit = abc")
        .line("depend = b>1")
        .line("depend = !c")
        .line("provides = cmd:hello=1.2-r3")
        .line("replaces = old")
        .line("install_if = x y")
        .line("provider_priority = 3")
        .line("triggers = /usr/share/fonts /etc")
        .script(".post-install", "#!/bin/sh\n")
        .script(".trigger", "#!/bin/sh\nexit\n")
        .file(Item::directory("usr/", 0o755))
        .file(Item::directory("usr/bin/", 0o2755).owned(0, 5))
        .file(Item::file("usr/bin/hello", 0o755, b"hello").summed())
        .file(Item::hard_link("usr/bin/hey", "usr/bin/hello"))
        .file(Item::link("usr/bin/hi", "hello"))
        .file(file("usr/share", "a file"))
        .file(file("readme", "1"))
        .file(file("lost/file", "its directory is not in the package"))
}

#[test]
fn the_installed_database_is_apks() {
    let sample = full_sample();
    let made = sample.make(None);
    let sum = made.checksum;
    let done = Image::of(&[sample])
        .expect("an image")
        .finish()
        .expect("a tree");
    let of = |text: &str| Checksum::of(text.as_bytes());
    let expected = format!(
        "P:hello\nV:1.2-r3\nA:x86_64\nL:MIT\nT:Says hello\no:hello-src\nm:Somebody\nU:https://example.org\n\
         D:b>1 !c\np:cmd:hello=1.2-r3\nr:old\nc:abc\ni:[x y]\nt:1700000000\nS:{}\nI:5\nk:3\nC:{sum}\n\
         F:\nR:readme\nZ:{}\nF:usr\nR:share\nZ:{}\nF:usr/bin\nM:0:5:2755\nR:hello\na:0:0:0755\nZ:{}\n\
         R:hey\na:0:0:0755\nZ:{}\nR:hi\na:0:0:0777\n\n",
        made.bytes.len(),
        of("1"),
        of("a file"),
        of("hello"),
        of("hello"),
    );
    assert_eq!(done.text("usr/lib/apk/db/installed"), expected);
    let triggers = format!("{sum} /usr/share/fonts /etc\n");
    assert_eq!(done.text("usr/lib/apk/db/triggers"), triggers);
    let scripts = done.text("usr/lib/apk/db/scripts.tar");
    let mut archive = tar::Archive::new(scripts.as_bytes());
    let entries = archive.entries().expect("a tar").map(|entry| {
        let entry = entry.expect("an entry");
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("text");
        let header = entry.header();
        let mode = header.mode().expect("a mode");
        (name, mode, header.mtime().expect("a time"))
    });
    let expected = [
        (format!("hello-1.2-r3.{sum}.post-install"), 0o755, 7),
        (format!("hello-1.2-r3.{sum}.trigger"), 0o755, 7),
    ];
    assert_eq!(entries.collect::<Vec<_>>(), expected);
}

#[test]
fn owners_modes_and_links_are_those_of_the_package() {
    let sample = Sample::new("a 1")
        .file(Item::directory("srv/", 0o3770).owned(5, 7))
        .file(Item::file("srv/x", 0o6755, b"1").owned(8, 9))
        .file(Item::hard_link("srv/y", "srv/x"));
    let done = Image::of(&[sample])
        .expect("an image")
        .finish()
        .expect("a tree");
    let owner = |path: &str| {
        let node = done.tree.find(&at(path)).expect(path);
        let attributes = &node.attributes;
        (
            attributes.uid,
            attributes.gid,
            attributes.mode,
            attributes.modified,
        )
    };
    assert_eq!(owner("srv"), (5, 7, 0o3770, 1_700_000_000));
    assert_eq!(owner("srv/x"), (8, 9, 0o6755, 1_700_000_000));
    let nodes = done
        .tree
        .linked()
        .filter(|(path, ..)| path.is_below(&at("srv")));
    let numbers: Vec<_> = nodes.map(|(_, number, _)| number).collect();
    assert_eq!(numbers.len(), 2);
    assert_eq!(numbers[0], numbers[1]);
}

#[track_caller]
fn refused(samples: &[Sample], message: &str) {
    let installed = Image::of(samples).and_then(Image::finish);
    let error = installed.map(|_| ()).expect_err("an error");
    assert_eq!(error.to_string(), message);
}

#[track_caller]
fn holds(samples: &[Sample], path: &str, text: &str, owner: usize) {
    let image = Image::of(samples).expect("an image");
    assert_eq!(image.root.owner(&at(path)), Some(owner));
    let name = path.rsplit('/').next().expect("a name");
    let lists = (0..samples.len()).map(|i| {
        let entry = image.root.database_entry(i).expect("an entry");
        entry.lines().any(|line| line == format!("R:{name}"))
    });
    let lists: Vec<bool> = lists.collect();
    let expected: Vec<bool> = (0..samples.len()).map(|i| i == owner).collect();
    assert_eq!(lists, expected);
    assert_eq!(image.finish().expect("a tree").text(path), text);
}

fn sample(id: &str, lines: &[&str], text: &str) -> Sample {
    let sample = Sample::new(id)
        .file(Item::directory("etc", 0o755))
        .file(file("etc/x", text));
    lines.iter().fold(sample, |sample, line| sample.line(line))
}

#[test]
fn two_packages_with_one_path_are_a_conflict() {
    refused(
        &[
            sample("a 1", &["origin = p"], "1"),
            sample("b 1", &["origin = q"], "2"),
        ],
        "/etc/x is in `a-1` (from `p`) and in `b-1` (from `q`)",
    );
    // Packages that name no source package have none in common.
    refused(
        &[sample("a 1", &[], "1"), sample("b 1", &[], "2")],
        "/etc/x is in `a-1` (from ``) and in `b-1` (from ``)",
    );
    refused(
        &[
            sample("a 1", &["replaces = b>1"], "1"),
            sample("b 1", &[], "2"),
        ],
        "/etc/x is in `a-1` (from ``) and in `b-1` (from ``)",
    );
    let link = |id: &str, target: &str| Sample::new(id).file(Item::link("l", target));
    refused(
        &[link("a 1", "x"), link("b 1", "y")],
        "/l is in `a-1` (from ``) and in `b-1` (from ``)",
    );
    Image::of(&[link("a 1", "x"), link("b 1", "x")]).expect("an image");
}

#[test]
fn one_package_may_have_a_path_of_anothers() {
    // The same content stays with the first one.
    holds(
        &[sample("a 1", &[], "1"), sample("b 1", &[], "1")],
        "etc/x",
        "1",
        0,
    );
    // The first one replaces the second.
    holds(
        &[
            sample("a 1", &["replaces = b"], "1"),
            sample("b 1", &[], "2"),
        ],
        "etc/x",
        "1",
        0,
    );
    // The second one replaces the first.
    holds(
        &[
            sample("a 1", &[], "1"),
            sample("b 1", &["replaces = a<2"], "2"),
        ],
        "etc/x",
        "2",
        1,
    );
    // Both come from one source package.
    let origin = ["origin = p"];
    holds(
        &[sample("a 1", &origin, "1"), sample("b 1", &origin, "2")],
        "etc/x",
        "2",
        1,
    );
    // A tar may have a path twice.
    let twice = sample("a 1", &[], "1").file(file("etc/x", "2"));
    holds(&[twice], "etc/x", "2", 0);
}

#[test]
fn directories_and_files_do_not_take_each_others_place() {
    let directory = |id: &str| Sample::new(id).file(Item::directory("x", 0o700));
    let plain = |id: &str| Sample::new(id).file(file("x", "1"));
    refused(
        &[directory("a 1"), plain("b 1")],
        "/x is a directory in one of `` and `b-1`, and not in the other",
    );
    refused(
        &[plain("a 1"), directory("b 1")],
        "/x is a directory in one of `a-1` and `b-1`, and not in the other",
    );
    refused(
        &[Sample::new("a 1").file(file("dev/null", "1"))],
        "/dev/null in `a-1` is something else in each image",
    );
    refused(
        &[plain("a 1"), Sample::new("b 1").file(file("x/y", "1"))],
        "`b-1` cannot be unpacked: /x/y lies below /x, which is no directory",
    );
}

#[test]
fn paths_go_through_links_and_never_out_of_the_root() {
    let merged = Sample::new("a 1")
        .file(Item::directory("usr/lib/", 0o755))
        .file(Item::link("lib", "usr/lib"))
        .file(Item::link("up", "../../.."))
        .file(Item::link("loop", "loop"));
    let through = Sample::new("b 1")
        .file(Item::directory("lib/", 0o700))
        .file(file("lib/x", "1"))
        .file(file("up/etc/y", "2"));
    let image = Image::of(&[merged.clone(), through]).expect("an image");
    assert_eq!(image.root.owner(&at("usr/lib/x")), Some(1));
    let entry = image.root.database_entry(1).expect("an entry");
    assert!(entry.contains("F:lib\nM:0:0:0700\nR:x\n"), "{entry}");
    let done = image.finish().expect("a tree");
    assert_eq!(done.text("usr/lib/x"), "1");
    assert_eq!(done.text("etc/y"), "2");
    assert_eq!(done.link("lib").as_deref(), Some("usr/lib"));
    assert_eq!(done.link("usr/lib/apk"), None);
    let mode = done.tree.find(&at("usr/lib")).expect("it").attributes.mode;
    assert_eq!(
        mode, 0o755,
        "the link leads to what another package brought"
    );

    refused(
        &[merged.clone(), Sample::new("b 1").file(file("loop/x", "1"))],
        "`b-1` cannot be unpacked: /loop/x is one of symbolic links without an end",
    );
    refused(
        &[Sample::new("b 1").file(Item::hard_link("x", "etc/shadow"))],
        "`b-1` cannot be unpacked: /x is a hard link to /etc/shadow, which is not there",
    );
}

#[test]
fn the_first_package_that_brings_a_directory_says_whose_it_is() {
    let root = |id: &str, mode| Sample::new(id).file(Item::directory("tmp/", mode).owned(3, 3));
    let done = Image::of(&[root("a 1", 0o1770), root("b 1", 0o755)]);
    let done = done.expect("an image").finish().expect("a tree");
    let attributes = &done.tree.find(&at("tmp")).expect("it").attributes;
    assert_eq!((attributes.mode, attributes.uid), (0o1770, 3));
}

#[test]
fn busybox_has_the_names_that_its_package_lists() {
    let busybox = Sample::new("busybox 1.36.1-r5")
        .file(Item::file("bin/busybox", 0o755, b"busybox"))
        .file(file("bin/ls", "another one"))
        .file(file(
            "etc/busybox-paths.d/busybox",
            "/bin/busybox\n/bin/sh\n/bin/ls\n/usr/bin/[\n\nodd\n",
        ));
    let done = Image::of(&[busybox])
        .expect("an image")
        .finish()
        .expect("a tree");
    assert_eq!(done.link("bin/sh").as_deref(), Some("/bin/busybox"));
    assert_eq!(done.link("usr/bin/[").as_deref(), Some("/bin/busybox"));
    assert_eq!(done.text("bin/ls"), "another one");
    assert_eq!(done.text("bin/busybox"), "busybox");
    assert_eq!(done.link("sbin/init"), None);
    let modified = done
        .tree
        .find(&at("bin/sh"))
        .expect("it")
        .attributes
        .modified;
    assert_eq!(modified, 1_700_000_000);
}

#[test]
fn busybox_without_a_list_has_the_names_that_all_have() {
    let program = || Item::file("bin/busybox", 0o755, b"busybox");
    let old = Sample::new("busybox-static 1.35.0-r1")
        .line("provides = busybox=1.35.0-r1")
        .file(program());
    let done = Image::of(&[old])
        .expect("an image")
        .finish()
        .expect("a tree");
    for path in [
        "bin/sh",
        "bin/ls",
        "usr/bin/[[",
        "sbin/ifconfig",
        "usr/sbin/chroot",
    ] {
        assert_eq!(done.link(path).as_deref(), Some("/bin/busybox"), "{path}");
    }
    let own = Image::of(&[Sample::new("a 1").file(program())]).expect("an image");
    let own = own.finish().expect("a tree");
    assert_eq!(own.tree.find(&at("bin/sh")), None);
    assert_eq!(own.text("bin/busybox"), "busybox");
    let climbs = Sample::new("busybox 1-r0")
        .file(program())
        .file(file("etc/busybox-paths.d/busybox", "/../../x\n"));
    refused(
        &[climbs],
        "/etc/busybox-paths.d/busybox cannot be read: it climbs out with `..`",
    );
}

#[test]
fn a_key_that_a_package_brings_too_is_the_same_or_an_error() {
    let path = "etc/apk/keys/test.rsa.pub";
    let same = Sample::new("keys 1").file(file(path, SIGNER.key.pem()));
    let done = Image::of(&[same])
        .expect("an image")
        .finish()
        .expect("a tree");
    assert_eq!(done.text(path), SIGNER.key.pem());
    let error = "/etc/apk/keys/test.rsa.pub was brought by a package, and is not the one that the image has to have";
    refused(&[Sample::new("keys 1").file(file(path, "another"))], error);
    let other = SIGNER.key.pem().replace('M', "N");
    refused(&[Sample::new("keys 1").file(file(path, &other))], error);
}
