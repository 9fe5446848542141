//! What an image holds, and that it is the same each time.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::server::{Fault, Server};
use super::ground::{CREATED, Ground, Image, PACKED, count_files, declare, of};
use super::repository::{ARCHITECTURE, Repository};
use super::samples::{Item, SIGNER, Sample};

/// A program with what it needs, and one that joins by itself.
fn samples() -> Vec<Sample> {
    let summed = |path, mode, text: &str| Item::file(path, mode, text.as_bytes()).summed();
    vec![
        Sample::new("baselayout 1.0-r0")
            .file(Item::directory("etc", 0o755))
            .file(summed(
                "etc/passwd",
                0o644,
                "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n",
            ))
            .file(summed("etc/group", 0o644, "root:x:0:\nmail:x:12:\n"))
            .file(Item::directory("usr", 0o755))
            .file(Item::directory("usr/lib", 0o755))
            .file(Item::link("lib", "usr/lib")),
        Sample::new("libtool 2.1-r0")
            .line("depend = baselayout")
            .line("provides = so:libtool.so.2=2.1")
            .file(summed("lib/libtool.so.2", 0o755, "library")),
        Sample::new("tool 1.0-r3")
            .line("depend = so:libtool.so.2")
            .line("origin = tools")
            .file(Item::directory("var", 0o755))
            .file(Item::directory("var/lib", 0o755))
            .file(Item::directory("var/lib/tool", 0o2750).owned(65, 66))
            .file(summed("var/lib/tool/state", 0o640, "state").owned(65, 66))
            .file(Item::directory("usr", 0o755))
            .file(Item::directory("usr/bin", 0o755))
            .file(summed("usr/bin/tool", 0o4755, "tool"))
            .file(Item::hard_link("usr/bin/also", "usr/bin/tool"))
            .script(".post-install", "#!/bin/sh\nadduser tool\n"),
        Sample::new("tool-doc 1.0-r3")
            .line("install_if = tool=1.0-r3")
            .file(summed("usr/share/doc/tool", 0o644, "doc")),
    ]
}

#[test]
fn the_packages_that_are_asked_for_come_with_what_they_need_as_they_were_packed() {
    let repository = Repository::of(&samples());
    let ground = Ground::new();
    let image = ground.make(&of(&repository, "tool"));
    assert_eq!(image.text("usr/lib/libtool.so.2"), "library");
    assert_eq!(image.text("usr/share/doc/tool"), "doc");
    assert_eq!(image.link("lib"), "usr/lib");
    // Owners, modes and times are those of the package.
    assert_eq!(
        image.attributes("var/lib/tool"),
        (0o2750, 65, 66, PACKED),
        "a directory of the package"
    );
    assert_eq!(
        image.attributes("var/lib/tool/state"),
        (0o640, 65, 66, PACKED)
    );
    assert_eq!(image.attributes("usr/bin/tool"), (0o4755, 0, 0, PACKED));
    assert_eq!(image.find("usr/bin/also"), image.find("usr/bin/tool"));
    // What is made here has the date of the changelog.
    for path in ["proc", "dev/null", "etc/apk/world", "root"] {
        assert_eq!(image.attributes(path).3, CREATED, "{path}");
    }
    let installed = image.text("usr/lib/apk/db/installed");
    let names = installed.lines().filter(|line| line.starts_with("P:"));
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["P:baselayout", "P:libtool", "P:tool", "P:tool-doc"]
    );
    assert!(installed.contains("a:65:66:0640\n"), "{installed}");
    assert_eq!(image.text("etc/apk/world"), "tool\n");
    assert_eq!(image.text("etc/apk/arch"), format!("{ARCHITECTURE}\n"));
    assert_eq!(image.text("etc/apk/keys/test.rsa.pub"), SIGNER.key.pem());
    // No script was run, and each is kept.
    assert!(!image.text("etc/passwd").contains("tool"));
    assert!(
        image
            .text("usr/lib/apk/db/scripts.tar")
            .contains("adduser tool")
    );
    assert_eq!(fs::read_dir(ground.scratch.path()).unwrap().count(), 0);
}

#[test]
fn the_same_declaration_is_the_same_bytes_wherever_it_is_made() {
    let mut repository = Repository::of(&samples());
    let server = Server::start(repository.path());
    let rest = "accounts: {users: [{username: app, uid: 1000}], run-as: app}\n";
    let made = |text: &str| {
        let ground = Ground::new();
        let image = ground.make(&format!("{text}{rest}"));
        (image.layer, image.config)
    };
    let here = of(&repository, "tool, baselayout");
    let there = declare(&server.address, "tool, baselayout");
    let (first, served) = (made(&here), made(&there));
    repository.turn();
    assert!(first == made(&here), "the images differ");
    assert!(served == made(&there), "the images differ");
    // Where it comes from is in the list of repositories alone.
    let ground = Ground::new();
    let image = ground.make(&there);
    assert_eq!(
        image.text("etc/apk/repositories"),
        format!("{}\n", server.address)
    );
    assert_eq!(ground.make(&here).text("etc/apk/repositories"), "\n");
}

#[test]
fn what_is_in_the_store_is_not_fetched_again_and_what_is_spoiled_there_is() {
    let repository = Repository::of(&samples());
    let server = Server::start(repository.path());
    let ground = Ground::new();
    let text = declare(&server.address, "tool");
    let first = ground.make(&text);
    let packages = || {
        let asked = server.asked().into_iter();
        asked.filter(|path| path.contains(".apk")).count()
    };
    assert_eq!(packages(), 4);
    let again = ground.make(&text);
    assert_eq!(packages(), 0);
    assert!(first.layer == again.layer);
    assert_eq!(
        count_files(ground.cache.path()),
        8,
        "a note for each package"
    );
    for entry in walkdir::WalkDir::new(ground.cache.path()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let mut bytes = fs::read(entry.path()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::remove_file(entry.path()).unwrap();
            fs::write(entry.path(), bytes).unwrap();
        }
    }
    let again = ground.make(&text);
    assert_eq!(packages(), 4);
    assert!(first.layer == again.layer);
    // One that is there in place of another one is as good as spoiled.
    let notes: Vec<_> = walkdir::WalkDir::new(ground.cache.path().join("apk"))
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .collect();
    let text_of_first = fs::read(notes[0].path()).unwrap();
    for note in &notes {
        fs::write(note.path(), &text_of_first).unwrap();
    }
    let again = ground.make(&text);
    assert_eq!(packages(), 3);
    assert!(first.layer == again.layer);
}

#[test]
fn no_file_stays_open_for_a_package_that_came() {
    let samples: Vec<Sample> = (0..40)
        .map(|number| Sample::new(&format!("a{number} 1-r0")))
        .collect();
    let names: Vec<&str> = samples.iter().map(Sample::name).collect();
    let repository = Repository::of(&samples);
    let text = of(&repository, &names.join(", "));
    let ground = Ground::new();
    let most = AtomicUsize::new(0);
    let count = |_: &str| {
        let open = fs::read_dir("/proc/self/fd").unwrap();
        let targets = open.filter_map(|one| fs::read_link(one.ok()?.path()).ok());
        let of_store = targets.filter(|target| target.starts_with(ground.cache.path()));
        most.fetch_max(of_store.count(), Ordering::Relaxed);
    };
    // The second time all are in the store.
    for _ in 0..2 {
        ground.try_lock_and(&text, &count).unwrap();
        // No more than there are requests at once, of which each may read and write one.
        let most = most.load(Ordering::Relaxed);
        assert!(most < 30, "{most} files");
    }
}

#[test]
fn a_mirror_in_trouble_is_asked_again() {
    let repository = Repository::of(&samples());
    let server = Server::start(repository.path());
    let after = Fault::Status(503, "retry-after: 0\r\n");
    server.misbehave("APKINDEX", after.clone(), 1);
    server.misbehave("libtool", Fault::Half, 1);
    server.misbehave("test.rsa.pub", after, 1);
    let image = Ground::new().make(&declare(&server.address, "tool"));
    assert_eq!(image.text("usr/bin/tool"), "tool");
}

#[test]
fn packages_of_a_repository_with_a_tag_are_taken_where_the_tag_is_named() {
    let sample = |version: &str| {
        let id = format!("tool {version}");
        Sample::new(&id).file(Item::file("usr/bin/tool", 0o755, version.as_bytes()).summed())
    };
    let (main, edge) = (
        Repository::of(&[sample("1.0-r0")]),
        Repository::of(&[sample("2.0-r0")]),
    );
    let edge_server = Server::start(edge.path());
    let declared = |packages: &str| {
        format!(
            "contents: {{repositories: ['{main}', '@edge {edge}'], keyring: ['{main}/test.rsa.pub'], packages: [{packages}]}}\n",
            main = main.path().display(),
            edge = edge_server.address
        )
    };
    let ground = Ground::new();
    let image = ground.make(&declared("tool"));
    assert_eq!(image.text("usr/bin/tool"), "1.0-r0");
    let image = ground.make(&declared("tool@edge"));
    assert_eq!(image.text("usr/bin/tool"), "2.0-r0");
    assert_eq!(image.text("etc/apk/world"), "tool@edge\n");
    let line = format!("@edge {}\n", edge_server.address);
    assert_eq!(image.text("etc/apk/repositories"), line);
}

#[test]
fn packages_that_do_not_go_together_are_named_with_the_path() {
    let tool = |name: &str, text: &str, more: &str| {
        Sample::new(&format!("{name} 1-r0"))
            .line(&format!("origin = {name}s"))
            .line(more)
            .file(Item::file("usr/bin/tool", 0o755, text.as_bytes()).summed())
    };
    let repository = Repository::of(&[
        tool("one", "one", "pkgdesc = one"),
        tool("two", "two", "pkgdesc = two"),
        tool("same", "one", "pkgdesc = same"),
        tool("better", "better", "replaces = one"),
        Sample::new("odd 1-r0").file(Item::directory("usr/bin/tool", 0o755)),
        Sample::new("device 1-r0").file(Item::file("dev/null", 0o644, b"").summed()),
        Sample::new("not 1-r0").line("depend = !one"),
    ]);
    let ground = Ground::new();
    let refused = |packages: &str| ground.refused(&of(&repository, packages));
    assert_eq!(
        refused("one, two"),
        "/usr/bin/tool is in `one-1-r0` (from `ones`) and in `two-1-r0` (from `twos`)"
    );
    let text = refused("one, odd");
    assert!(
        text.contains("/usr/bin/tool is a directory in one of"),
        "{text}"
    );
    let text = refused("device");
    assert!(text.contains("/dev/null in `device-1-r0` is"), "{text}");
    let text = refused("one, not");
    assert!(
        text.contains("`not-1-r0` cannot be there with `one-1-r0`"),
        "{text}"
    );
    let image = ground.make(&of(&repository, "one, same"));
    assert_eq!(image.text("usr/bin/tool"), "one");
    let image = ground.make(&of(&repository, "one, better"));
    assert_eq!(image.text("usr/bin/tool"), "better");
}

#[test]
fn nothing_of_a_package_leaves_the_root() {
    let evil = |name: &str, items: &[Item]| {
        let sample = Sample::new(&format!("{name} 1-r0"));
        items.iter().cloned().fold(sample, Sample::file)
    };
    let file = |path: &str| Item::file(path, 0o644, b"evil").summed();
    let repository = Repository::of(&[
        evil("up", &[file("../up")]),
        evil("absolute", &[file("/etc/absolute")]),
        evil(
            "linked",
            &[Item::link("out", "../../.."), file("out/linked")],
        ),
        evil("far", &[Item::hard_link("usr/far", "../../etc/passwd")]),
        evil("pipe", &[Item::pipe("usr/pipe")]),
        evil(
            "circle",
            &[Item::link("a", "b"), Item::link("b", "a"), file("a/c")],
        ),
    ]);
    let ground = Ground::new();
    let refused = |packages: &str| ground.refused(&of(&repository, packages));
    let text = refused("up");
    assert!(
        text.starts_with("the package `up-1-r0` cannot be used: "),
        "{text}"
    );
    let text = refused("far");
    assert!(
        text.starts_with("the package `far-1-r0` cannot be used: "),
        "{text}"
    );
    let text = refused("pipe");
    assert!(text.contains("/usr/pipe is a device or a pipe"), "{text}");
    let text = refused("circle");
    assert!(
        text.starts_with("`circle-1-r0` cannot be unpacked: "),
        "{text}"
    );
    // What goes up from the root is the root, and a path that begins there is one like the others.
    let image = ground.make(&of(&repository, "linked, absolute"));
    assert_eq!(image.text("linked"), "evil");
    assert_eq!(image.text("etc/absolute"), "evil");
    let names = |image: &Image| {
        let paths = image.tree.iter().map(|(path, _)| path.to_string());
        paths.filter(|path| path.contains("..")).count()
    };
    assert_eq!(names(&image), 0);
}
