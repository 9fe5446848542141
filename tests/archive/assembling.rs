//! Images of packages of an archive, without an engine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use pkg::assemble::{AssembleError, DebianFault, Making, Rootfs, Supply, assemble};
use pkg::declared::{Architecture, ImageFile, Making as Declared, parse_image_file};
use pkg::mirror::{Archive, Client, Location, Options, Store};
use pkg::rootfs::{Kind, Node, RootPath, Tree, Volume, read_tar};
use tempfile::TempDir;

use super::repository::{ARCHITECTURE, Form, Repository};
use super::run;

/// An archive with a package of programs, one that needs it, and others that do not go with them.
fn repository() -> Repository {
    let mut repository = Repository::new();
    let mut add = |fields: &str, files: &[(&str, &str)]| {
        repository.add(fields, files, "xz");
    };
    add(
        "Package: tool\nVersion: 1.0\nDepends: libtool (>= 2)\n",
        &[("bin/tool", "#!/bin/sh\n"), ("etc/tool.conf", "a\n")],
    );
    add(
        "Package: libtool\nVersion: 2.0\nMulti-Arch: same\n",
        &[
            ("lib/libtool.so.2", "library"),
            ("usr/lib/tool/data", "data"),
        ],
    );
    add(
        "Package: other\nVersion: 1\n",
        &[("usr/bin/tool", "another\n")],
    );
    add(
        "Package: better\nVersion: 1\nReplaces: tool\nDepends: tool\n",
        &[("usr/bin/tool", "better\n")],
    );
    add(
        "Package: older\nVersion: 1\nReplaces: tool (<< 1)\nDepends: tool\n",
        &[("usr/bin/tool", "older\n")],
    );
    add(
        "Package: scripted\nVersion: 1\n",
        &[
            ("DEBIAN/postinst", "#!/bin/sh\nset -e\nadduser scripted\n"),
            ("usr/bin/scripted", "scripted\n"),
        ],
    );
    add(
        "Package: idle\nVersion: 1\n",
        &[
            ("DEBIAN/postinst", "#!/bin/sh\nset -e\nexit 0\n"),
            ("usr/bin/idle", "idle\n"),
        ],
    );
    repository.publish(&Form::default());
    repository
}

/// An image directory, a store and the place of a run.
struct Ground {
    repository: Repository,
    directory: TempDir,
    cache: TempDir,
    scratch: TempDir,
}

impl Ground {
    fn new() -> Self {
        let temporary = || tempfile::tempdir().unwrap();
        Self {
            repository: repository(),
            directory: temporary(),
            cache: temporary(),
            scratch: temporary(),
        }
    }

    fn try_make(&self, text: &str) -> Result<(Rootfs, Vec<String>), AssembleError> {
        let text = format!("suite: stable\n{text}");
        let file = parse_image_file(&text, &mut |_, _| panic!("nothing is included"));
        let file: ImageFile = file.unwrap();
        let Declared::Debian(contents) = &file.making else {
            panic!("{file:?}");
        };
        let client = Client::new(&Options::default()).unwrap();
        let store = Store::new(self.cache.path());
        let archives = [Archive {
            bases: vec![
                Location::parse(&format!("file:{}", self.repository.path().display())).unwrap(),
            ],
            suite: "stable".to_owned(),
            components: vec!["main".to_owned()],
            keyring: self.repository.keyring(),
        }];
        let supply = Supply {
            client: &client,
            store: &store,
            archives: &archives,
            lock: None,
            architecture: ARCHITECTURE,
            now: Utc::now(),
            scratch: self.scratch.path(),
        };
        let making = Making {
            packages: Some((contents, supply)),
            changes: &file.changes,
            runtime: &file.runtime,
            architecture: Architecture::find(ARCHITECTURE).unwrap(),
            layering: file.layering,
            directory: self.directory.path(),
            labels: BTreeMap::new(),
            created: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            scratch: self.scratch.path(),
        };
        let lines = Mutex::new(Vec::new());
        let came = |line: &str| lines.lock().unwrap().push(line.to_owned());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rootfs = runtime.block_on(assemble(&making, &came))?;
        Ok((rootfs, lines.into_inner().unwrap()))
    }

    #[track_caller]
    fn refused(&self, packages: &str) -> String {
        let text = format!("contents: {{packages: [{packages}]}}\n");
        let error = self.try_make(&text).map(|_| ()).unwrap_err();
        match error {
            AssembleError::Debian(fault) => fault_text(&fault),
            other => panic!("{other:?}"),
        }
    }

    /// Makes an image, and gives the tree of its only layer with the tar.
    #[track_caller]
    fn make(&self, text: &str) -> (Tree, Vec<u8>) {
        let (rootfs, _) = self.try_make(text).unwrap();
        let mut archive = Vec::new();
        let reference = "app:1".parse().unwrap();
        rootfs.write_archive(&reference, &mut archive).unwrap();
        let mut members = tar::Archive::new(archive.as_slice());
        let mut layer = Vec::new();
        for member in members.entries().unwrap() {
            let mut member = member.unwrap();
            if member.path_bytes().ends_with(b".tar") {
                std::io::copy(&mut member, &mut layer).unwrap();
            }
        }
        let mut tree = Tree::default();
        let entries = read_tar(&mut std::io::Cursor::new(&layer), Volume(0)).unwrap();
        tree.apply_layer(entries).unwrap();
        (tree, layer)
    }
}

fn fault_text(fault: &DebianFault) -> String {
    fault.to_string()
}

fn find<'a>(tree: &'a Tree, path: &str) -> Option<&'a Node> {
    tree.find(&RootPath::parse(path.as_bytes()).unwrap())
}

/// Unpacks a layer as tar does.
fn unpack(layer: &[u8]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let tar = place.path().join("layer.tar");
    fs::write(&tar, layer).unwrap();
    let root = place.path().join("root");
    fs::create_dir(&root).unwrap();
    run(Command::new("tar")
        .arg("-xf")
        .arg(&tar)
        .arg("-C")
        .arg(&root));
    place
}

#[test]
fn packages_lie_behind_the_links_of_a_merged_usr_with_what_they_need() {
    let ground = Ground::new();
    let (tree, layer) = ground.make("contents: {packages: [tool, idle]}\n");
    assert_eq!(
        find(&tree, "bin").map(|node| &node.kind),
        Some(&Kind::Link(b"usr/bin".to_vec()))
    );
    let program = find(&tree, "usr/bin/tool").expect("behind the link");
    assert_eq!(program.attributes.mode, 0o755);
    assert!(find(&tree, "usr/lib/libtool.so.2").is_some());
    assert!(find(&tree, "usr/bin/idle").is_some());
    let place = unpack(&layer);
    let root = place.path().join("root");
    let mut query = Command::new("dpkg-query");
    query.arg(format!("--admindir={}/var/lib/dpkg", root.display()));
    let output = run(query.args(["-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\n"]));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "idle 1 ii \nlibtool 2.0 ii \ntool 1.0 ii \n"
    );
    let output = run(Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        .args(["-S", "/etc/tool.conf"]));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "tool: /etc/tool.conf\n"
    );
    let status = fs::read_to_string(root.join("var/lib/dpkg/status.d/tool")).unwrap();
    assert!(
        status.starts_with("Package: tool\nVersion: 1.0\n"),
        "{status}"
    );
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap();
    assert!(passwd.starts_with("root:x:0:0:"), "{passwd}");
}

#[test]
fn what_does_not_go_together_is_refused_and_named() {
    let ground = Ground::new();
    assert_eq!(
        ground.refused("tool, other"),
        "`other` and `tool` both have /bin/tool"
    );
    let text = ground.refused("scripted");
    assert!(
        text.starts_with("`scripted` has a `postinst` that does something"),
        "{text}"
    );
    let text = ground.refused("nowhere");
    assert!(text.contains("no package satisfies `nowhere`"), "{text}");
    let text = ground.refused("'tool (>= 9)'");
    assert!(text.contains("there is tool 1.0"), "{text}");
}

#[test]
fn a_package_that_replaces_another_one_has_its_files() {
    let ground = Ground::new();
    let (_, layer) = ground.make("contents: {packages: [better]}\n");
    let place = unpack(&layer);
    let root = place.path().join("root");
    let text = fs::read_to_string(root.join("usr/bin/tool")).unwrap();
    assert_eq!(text, "better\n");
    let list = fs::read_to_string(root.join("var/lib/dpkg/info/tool.list")).unwrap();
    assert!(!list.contains("/bin/tool\n"), "{list}");
    assert!(list.contains("/etc/tool.conf\n"), "{list}");
    // Of another version it does not.
    let text = ground.refused("older");
    assert_eq!(text, "`older` and `tool` both have /bin/tool");
}

#[test]
fn a_script_that_the_image_does_not_need_is_left_out_where_that_is_said() {
    let ground = Ground::new();
    let (tree, _) = ground.make("contents: {packages: [scripted], without-scripts: [scripted]}\n");
    assert!(find(&tree, "usr/bin/scripted").is_some());
}

#[test]
fn the_same_declaration_is_the_same_bytes_wherever_it_is_made() {
    let text = "contents: {packages: [tool]}\naccounts: {users: [{username: app, uid: 7}]}\n\
                paths: [{path: /srv/a, type: directory, uid: 7, permissions: 0o750}]\n\
                layers: [{source: files, target: /opt}]\n";
    let write = |directory: &Path, order: [&str; 2], modes: [u32; 2]| {
        let files = directory.join("files");
        fs::create_dir(&files).unwrap();
        for name in order {
            fs::write(files.join(name), name).unwrap();
            let mode = if name == "run" { modes[0] } else { modes[1] };
            fs::set_permissions(files.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let mut ground = Ground::new();
    write(ground.directory.path(), ["run", "data"], [0o755, 0o644]);
    let (tree, first) = ground.make(text);
    // Elsewhere: another store, another order, and what another umask leaves of modes.
    for place in [
        &mut ground.directory,
        &mut ground.cache,
        &mut ground.scratch,
    ] {
        *place = tempfile::tempdir().unwrap();
    }
    write(ground.directory.path(), ["data", "run"], [0o700, 0o600]);
    let (_, second) = ground.make(text);
    assert_eq!(first.len(), second.len());
    assert!(first == second, "the layers differ");
    let run = find(&tree, "opt/run").unwrap();
    assert_eq!(
        (run.attributes.mode, run.attributes.modified),
        (0o755, 1_700_000_000)
    );
    assert_eq!(find(&tree, "opt/data").unwrap().attributes.mode, 0o644);
    assert_eq!(find(&tree, "srv/a").unwrap().attributes.uid, 7);
    assert!(find(&tree, "home/app").is_some());
}

#[test]
fn what_is_laid_over_keeps_directories_and_takes_the_place_of_none() {
    let ground = Ground::new();
    let files = ground.directory.path().join("files");
    for name in ["tmp", "etc", "root"] {
        fs::create_dir_all(files.join(name)).unwrap();
        fs::write(files.join(name).join("a"), "a").unwrap();
    }
    let layers = "contents: {packages: [tool]}\nlayers: [{source: files, uid: 7}]\n";
    let (tree, _) = ground.make(layers);
    let of = |path: &str| {
        let node = find(&tree, path).expect(path);
        (node.attributes.mode, node.attributes.uid)
    };
    assert_eq!(
        (of("tmp"), of("etc"), of("root")),
        ((0o1777, 0), (0o755, 0), (0o700, 0))
    );
    assert_eq!(of("etc/a"), (0o644, 7));
    for (source, target, message) in [
        ("files/etc/a", "/etc", "`/etc` is a directory in the image"),
        ("files/etc/a", "/", "`/` is a directory in the image"),
        (
            "files",
            "/etc/tool.conf",
            "`/etc/tool.conf` is in the image, and no directory",
        ),
    ] {
        let text = format!(
            "contents: {{packages: [tool]}}\nlayers: [{{source: {source}, target: {target}}}]\n"
        );
        let error = ground.try_make(&text).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let unknown = "contents: {packages: [tool]}\naccounts: {run-as: ap}\n";
    let error = ground.try_make(unknown).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("`accounts.run-as` names `ap`"),
        "{error}"
    );
}

#[test]
fn a_name_that_would_remove_another_file_is_refused() {
    let ground = Ground::new();
    fs::write(ground.directory.path().join("a"), "a").unwrap();
    let text = "contents: {packages: [tool]}\nlayers: [{source: a, target: /etc/.wh.tool.conf}]\n";
    let error = ground.try_make(text).map(|_| ()).unwrap_err();
    let AssembleError::Difference(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        error.to_string(),
        "/etc/.wh.tool.conf has a name that no layer can hold: it would remove another file"
    );
}

#[test]
fn nothing_is_left_where_packages_were_unpacked() {
    let ground = Ground::new();
    let (rootfs, lines) = ground.try_make("contents: {packages: [tool]}\n").unwrap();
    assert!(lines.contains(&"tool 1.0 amd64".to_owned()), "{lines:?}");
    drop(rootfs);
    assert_eq!(fs::read_dir(ground.scratch.path()).unwrap().count(), 0);
}
