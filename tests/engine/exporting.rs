//! Exports, read by other programs: skopeo, umoci, runc, docker, tar.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use pkg::host::{Scratch, Watch};
use pkg::oci::{Compression, Descriptor, Platform};
use pkg::unpack::Unpacked;
use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::{Catalog, wait_until};
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "a_layout_is_what_skopeo_and_umoci_read",
        a_layout_is_what_skopeo_and_umoci_read,
    ),
    (
        "an_archive_is_the_same_image_when_it_is_loaded",
        an_archive_is_the_same_image_when_it_is_loaded,
    ),
    (
        "a_bundle_runs_as_the_image_says",
        a_bundle_runs_as_the_image_says,
    ),
    (
        "a_root_file_system_is_the_same_however_it_is_compressed",
        a_root_file_system_is_the_same_however_it_is_compressed,
    ),
    (
        "overlays_lie_over_the_root_file_system",
        overlays_lie_over_the_root_file_system,
    ),
    (
        "whiteouts_are_applied_as_umoci_applies_them",
        whiteouts_are_applied_as_umoci_applies_them,
    ),
    (
        "pipes_and_links_stay_what_they_are",
        pipes_and_links_stay_what_they_are,
    ),
    (
        "what_an_interrupted_or_killed_export_began_is_removed",
        what_an_interrupted_or_killed_export_began_is_removed,
    ),
    (
        "what_cannot_be_exported_leaves_nothing",
        what_cannot_be_exported_leaves_nothing,
    ),
    (
        "an_interrupted_export_ends_and_leaves_nothing",
        an_interrupted_export_ends_and_leaves_nothing,
    ),
];

/// Two layers over the base: owners, bits, links, a hard link, and what the second removes and changes of the first.
const RECIPE: &str = r#"FROM $BASE
COPY root/ /
RUN busybox chown -R 900:901 /srv && busybox chmod 4755 /srv/tool && busybox ln /srv/tool /srv/same && \
    busybox ln -s ../srv/tool /bin/tool && busybox mkdir -p /srv/gone/deep /srv/kept && busybox mkfifo /srv/pipe && \
    echo 1 > /srv/gone/deep/file && echo 1 > /srv/kept/file && echo 1 > /srv/changed
RUN busybox rm -r /srv/gone /srv/kept/file && echo 22 > /srv/changed && busybox rm /bin/false
ENV GREETING=hello
EXPOSE 8080
VOLUME /srv/cache
WORKDIR /srv/kept
USER web
STOPSIGNAL SIGINT
CMD ["/bin/sh", "-c", "id; busybox pwd; echo $GREETING $HOME; ls /srv"]"#;

fn catalog_of(engine: &Engine) -> Catalog<'_> {
    let catalog = Catalog::new(engine);
    catalog
        .image("app", "1.0-1", &[], RECIPE)
        .write(
            "images/app/root/etc/passwd",
            b"root:x:0:0:root:/root:/bin/sh\nweb:x:900:901:web:/home/web:/bin/sh\n",
        )
        .write(
            "images/app/root/etc/group",
            b"root:x:0:\nweb:x:901:\nlogs:x:950:root,web\n",
        )
        .write("images/app/root/srv/tool", b"#!/bin/sh\n");
    catalog.build(&[]).assert_code(0);
    catalog
}

#[track_caller]
fn export(catalog: &Catalog<'_>, format: &str, output: &str, more: &[&str]) {
    let arguments = [
        "export", "app", "images", "--format", format, "--output", output,
    ];
    let done = catalog.pkg(&[&arguments, more].concat());
    done.assert_code(0);
    assert_eq!(done.stdout, "");
}

/// Runs another program in the sandbox and gives what it says.
#[track_caller]
fn run(catalog: &Catalog<'_>, program: &str, arguments: &[&str]) -> String {
    let done = catalog.sandbox().run(program, arguments);
    done.assert_code(0);
    done.stdout
}

/// Lists a directory: each path with kind, mode, owners, size, time and target, but for directories' sizes.
fn listing(root: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name();
    let lines = walk.into_iter().map(|entry| {
        let entry = entry.expect("an entry");
        let about = entry.path().symlink_metadata().expect("a file");
        let size = if about.is_dir() { 0 } else { about.size() };
        let target = fs::read_link(entry.path()).unwrap_or_default();
        format!(
            "{} {:o} {}:{} {} links={} {} {}",
            entry.path().strip_prefix(root).expect("below").display(),
            about.mode(),
            about.uid(),
            about.gid(),
            size,
            if about.is_dir() { 0 } else { about.nlink() },
            about.mtime(),
            target.display()
        )
    });
    lines.collect()
}

fn a_layout_is_what_skopeo_and_umoci_read(engine: &Engine) {
    let catalog = catalog_of(engine);
    let path = |name: &str| catalog.sandbox().path().join(name);
    export(&catalog, "oci", "layout", &[]);
    export(&catalog, "oci", "layout.tar", &[]);
    export(&catalog, "oci", "again.tar", &[]);
    export(&catalog, "oci", "zstd", &["--layers", "zstd"]);
    assert_eq!(
        fs::read(path("layout.tar")).expect("a tar"),
        fs::read(path("again.tar")).expect("a tar")
    );
    let inspect = |name: &str| run(&catalog, "skopeo", &["inspect", "--config", name]);
    let config: serde_json::Value =
        serde_json::from_str(&inspect("oci:layout:1.0-1")).expect("JSON");
    assert_eq!(config["config"]["User"], "web");
    assert_eq!(
        config["config"]["ExposedPorts"]["8080/tcp"],
        serde_json::json!({})
    );
    let config = inspect("oci:layout:1.0-1");
    assert_eq!(inspect("oci-archive:layout.tar"), config);
    assert_eq!(inspect("oci:zstd:1.0-1"), config);
    // skopeo checks every blob that it copies.
    run(
        &catalog,
        "skopeo",
        &["copy", "oci:zstd:1.0-1", "oci:copy:1"],
    );
    run(
        &catalog,
        "umoci",
        &["unpack", "--image", "layout:1.0-1", "unpacked"],
    );
    export(&catalog, "bundle", "bundle", &[]);
    let ours = listing(&path("bundle/rootfs"));
    assert!(
        ours.iter()
            .any(|line| line.starts_with("srv/tool 104755 900:901 10 links=2")),
        "{ours:#?}"
    );
    assert!(
        !ours
            .iter()
            .any(|line| line.starts_with("srv/gone") || line.starts_with("bin/false"))
    );
    assert_eq!(ours, listing(&path("unpacked/rootfs")));
}

fn an_archive_is_the_same_image_when_it_is_loaded(engine: &Engine) {
    let catalog = catalog_of(engine);
    export(&catalog, "docker", "app.tar.gz", &[]);
    let id = catalog.id("app", "1.0-1");
    let name = format!("{}:1.0-1", catalog.repository("app"));
    catalog.remove(&name);
    assert_eq!(catalog.find_id("app", "1.0-1"), None);
    run(&catalog, "docker", &["load", "--input", "app.tar.gz"]);
    assert_eq!(catalog.id("app", "1.0-1"), id);
    assert_eq!(catalog.output_in(&name, "cat /srv/changed"), "22\n");
}

fn a_bundle_runs_as_the_image_says(engine: &Engine) {
    let catalog = catalog_of(engine);
    export(&catalog, "bundle", "bundle", &[]);
    export(&catalog, "bundle", "bundle.tar.zst", &[]);
    let name = engine.name("bundle").replace('/', "-");
    let bundle = catalog.sandbox().path().join("bundle");
    // It holds programs that run as root.
    assert_eq!(bundle.metadata().expect("a bundle").mode() & 0o7777, 0o700);
    let state = catalog.sandbox().path().join("runc");
    let state = state.to_str().expect("a path");
    let said = run(
        &catalog,
        "runc",
        &["--root", state, "run", "--bundle", "bundle", &name],
    );
    assert_eq!(
        said,
        "uid=900(web) gid=901(web) groups=950(logs)\n/srv/kept\nhello /home/web\ncache\nchanged\nkept\npipe\nsame\ntool\n"
    );
    let names = run(&catalog, "tar", &["--zstd", "-tf", "bundle.tar.zst"]);
    assert!(
        names.starts_with("config.json\nrootfs\nrootfs/bin\n"),
        "{names}"
    );
    let config = run(
        &catalog,
        "tar",
        &["--zstd", "-xOf", "bundle.tar.zst", "config.json"],
    );
    assert_eq!(config, catalog.sandbox().read("bundle/config.json"));
}

fn a_root_file_system_is_the_same_however_it_is_compressed(engine: &Engine) {
    let catalog = catalog_of(engine);
    let read = |name: &str| fs::read(catalog.sandbox().path().join(name)).expect("a tar");
    export(&catalog, "rootfs", "plain.tar", &[]);
    let plain = read("plain.tar");
    for name in ["a.tar.gz", "a.tar.xz", "a.tar.zst"] {
        export(&catalog, "rootfs", name, &[]);
        let bytes = read(name);
        let compression = Compression::sniff(&bytes);
        assert_eq!(compression, Compression::of_name(name));
        let mut back = Vec::new();
        let mut decoder = compression.decoder(bytes.as_slice()).expect("a decoder");
        decoder.read_to_end(&mut back).expect("the tar");
        assert!(back == plain, "{name} holds another tar");
    }
    let names = run(&catalog, "tar", &["--numeric-owner", "-tvf", "plain.tar"]);
    for line in [
        "-rwsr-xr-x 900/901",
        "hrwsr-xr-x 900/901",
        "prw-r--r-- 0/0",
        "bin/tool -> ../srv/tool",
    ] {
        assert!(names.contains(line), "{line} is not in\n{names}");
    }
    let pkg = env!("CARGO_BIN_EXE_pkg");
    let script = format!("'{pkg}' export app images --format rootfs -o - > piped.tar");
    run(&catalog, "sh", &["-c", &script]);
    assert!(read("piped.tar") == plain, "stdout has another tar");
    export(&catalog, "rootfs", "below.tar", &["--prefix", "rootfs"]);
    let names = run(&catalog, "tar", &["-tf", "below.tar"]);
    assert!(
        names.starts_with("rootfs\nrootfs/bin\nrootfs/bin/busybox\n"),
        "{names}"
    );
}

fn overlays_lie_over_the_root_file_system(engine: &Engine) {
    let catalog = catalog_of(engine);
    catalog
        .write("over/etc/hosts", b"127.0.0.1 localhost\n")
        .write("over/srv/changed", b"333\n")
        .write("last/srv/changed", b"4444\n")
        .write("last/srv/.wh.tool", b"");
    for (name, more) in [
        ("over", &["-cf", "over.tar"]),
        ("last", &["-czf", "last.tgz"]),
    ] {
        run(&catalog, "tar", &[&more[..], &["-C", name, "."]].concat());
    }
    let overlays = ["--overlay", "over.tar", "--overlay", "last.tgz"];
    export(&catalog, "rootfs", "whole.tar", &overlays);
    let read = |name: &str| run(&catalog, "tar", &["-xOf", "whole.tar", name]);
    assert_eq!(read("srv/changed"), "4444\n");
    assert_eq!(read("etc/hosts"), "127.0.0.1 localhost\n");
    assert!(read("etc/passwd").contains("web:x:900"));
    let names = run(&catalog, "tar", &["-tf", "whole.tar"]);
    assert!(
        !names.contains("srv/tool") && names.contains("srv/same"),
        "{names}"
    );
}

/// An image, options, the exit code, and a part of what is said.
const REFUSED: &[(&str, &[&str], i32, &str)] = &[
    (
        "app",
        &["--format", "oci", "-o", "there"],
        1,
        "there is there already",
    ),
    (
        "app",
        &["--format", "docker", "-o", "there"],
        1,
        "there is there already",
    ),
    (
        "app",
        &["--format", "oci", "-o", "/proc/none/x"],
        4,
        "/proc/none",
    ),
    (
        "app",
        &["--format", "rootfs", "-o", "/dev/full/x"],
        4,
        "/dev/full/x",
    ),
    (
        "app",
        &["--format", "oci", "-o", "x", "--overlay", "a"],
        2,
        "keeps the image's layers",
    ),
    (
        "app",
        &["--format", "oci", "-o", "x", "--prefix", "a"],
        2,
        "`--prefix`",
    ),
    (
        "app",
        &["--format", "rootfs", "-o", "x", "--prefix", "../a"],
        2,
        "it climbs out",
    ),
    (
        "app",
        &["--format", "rootfs", "-o", "x", "--overlay", "none.tar"],
        1,
        "none.tar",
    ),
    (
        "app",
        &["--format", "rootfs", "-o", "x", "--overlay", "broken.tar"],
        1,
        "is no whole tar",
    ),
    (
        "app",
        &["--format", "rootfs", "-o", "x", "--overlay", "cut.tgz"],
        1,
        "cannot decompress cut.tgz",
    ),
    (
        "silent",
        &["--format", "bundle", "-o", "x"],
        1,
        "runs nothing",
    ),
    (
        "missing",
        &["--format", "oci", "-o", "x"],
        2,
        "no directory provides an image named `missing`",
    ),
];

fn what_cannot_be_exported_leaves_nothing(engine: &Engine) {
    let catalog = catalog_of(engine);
    catalog
        .write("there/file", b"")
        .write("broken.tar", b"this is no tar at all")
        .image("silent", "1-1", &[], "FROM scratch\nCOPY file /file")
        .write("images/silent/file", b"");
    catalog.build(&["--select", "*silent*"]).assert_code(0);
    run(
        &catalog,
        "sh",
        &["-c", "tar -cz images | head -c 300 > cut.tgz"],
    );
    let before = catalog.sandbox().files(".");
    for (name, arguments, code, said) in REFUSED {
        let done = catalog.pkg(&[&["export", name, "images"][..], arguments].concat());
        done.assert_code(*code);
        assert!(
            done.stderr.contains(said),
            "{said} is not in\n{}",
            done.stderr
        );
    }
    assert_eq!(catalog.sandbox().files("."), before);
}

/// A name with what it is (`d`, `f`, or a link's target), for a layer.
type Named<'a> = (&'a str, &'a str);

fn layer(entries: &[Named<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, what) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_size(0);
        let kind = match *what {
            "d" => tar::EntryType::Directory,
            "f" => tar::EntryType::Regular,
            target => {
                header.set_link_name(target).expect("a target");
                tar::EntryType::Symlink
            }
        };
        header.set_entry_type(kind);
        tar.append_data(&mut header, name, &[][..]).expect("memory");
    }
    tar.into_inner().expect("memory")
}

/// Writes an OCI layout of plain layers.
fn write_layout(directory: &Path, layers: &[Vec<u8>]) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a directory");
    let blob = |kind: &str, bytes: &[u8]| {
        let descriptor = Descriptor::of(format!("application/vnd.oci.image.{kind}"), bytes);
        fs::write(blobs.join(descriptor.digest.hex()), bytes).expect("a blob");
        descriptor
    };
    let layers: Vec<_> = layers.iter().map(|tar| blob("layer.v1.tar", tar)).collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    let config = json(serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }));
    let config = blob("config.v1+json", &config);
    let manifest = json(serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": layers,
    }));
    let mut manifest = blob("manifest.v1+json", &manifest);
    let name = "org.opencontainers.image.ref.name".to_owned();
    manifest.annotations.insert(name, "1".to_owned());
    let index = json(serde_json::json!({"schemaVersion": 2, "manifests": [manifest]}));
    fs::write(directory.join("index.json"), index).expect("a file");
    let version = "{\"imageLayoutVersion\":\"1.0.0\"}";
    fs::write(directory.join("oci-layout"), version).expect("a file");
}

fn whiteouts_are_applied_as_umoci_applies_them(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let lower: &[Named<'_>] = &[
        ("srv", "d"),
        ("srv/data", "d"),
        ("srv/data/a", "f"),
        ("var", "d"),
        ("var/www", "/srv/data"),
        ("usr", "d"),
        ("usr/lib", "d"),
        ("usr/lib/old", "f"),
    ];
    let uppers: &[&[Named<'_>]] = &[
        // A directory in the place of a link, with marks in it.
        &[
            ("var/www", "d"),
            ("var/www/.wh..wh..opq", "f"),
            ("var/www/b", "f"),
        ],
        &[("var/www", "d"), ("var/www/.wh.a", "f"), ("var/www/b", "f")],
        // Directories that stay.
        &[("usr/lib/.wh..wh..opq", "f"), ("usr/lib/new", "f")],
        &[("usr/lib", "d"), ("usr/lib/.wh.old", "f")],
        &[("var", "d"), ("var/.wh.www", "f"), ("srv/.wh.data", "f")],
        &[("var/www", "f"), ("srv", "usr")],
    ];
    let platform = Platform {
        architecture: "amd64".to_owned(),
        os: "linux".to_owned(),
        variant: None,
    };
    for (number, upper) in uppers.iter().enumerate() {
        let layout = catalog.sandbox().path().join(format!("layout{number}"));
        write_layout(&layout, &[layer(lower), layer(upper)]);
        let (image, out) = (format!("layout{number}:1"), format!("out{number}"));
        run(&catalog, "umoci", &["unpack", "--image", &image, &out]);
        let rootfs = catalog.sandbox().path().join(out).join("rootfs");
        let walk = walkdir::WalkDir::new(&rootfs).min_depth(1);
        let mut theirs: Vec<String> = walk
            .into_iter()
            .map(|entry| {
                let entry = entry.expect("an entry");
                let name = entry.path().strip_prefix(&rootfs).expect("below").display();
                format!("/{name} {:?}", entry.file_type().is_dir())
            })
            .collect();
        theirs.sort();
        let scratch = Scratch::new(catalog.sandbox().path().as_path(), &Watch::default());
        let image = Unpacked::open(&layout, &platform, &scratch).expect("an image");
        let tree = image.tree().expect("a tree");
        let mut ours: Vec<String> = tree
            .iter()
            .skip(1)
            .map(|(path, node)| format!("{path} {:?}", node.is_directory()))
            .collect();
        ours.sort();
        assert_eq!(ours, theirs, "{upper:?}");
    }
}

fn pipes_and_links_stay_what_they_are(engine: &Engine) {
    let catalog = catalog_of(engine);
    export(&catalog, "rootfs", "plain.tar", &[]);
    let path = |name: &str| catalog.sandbox().path().join(name);
    let plain = fs::read(path("plain.tar")).expect("a tar");
    run(&catalog, "mkfifo", &["pipe"]);
    let pipe = path("pipe");
    let reader = std::thread::spawn(move || fs::read(pipe).expect("a pipe"));
    export(&catalog, "rootfs", "pipe", &[]);
    assert!(reader.join().expect("a reader") == plain);
    run(&catalog, "ln", &["-s", "plain.tar", "link.tar"]);
    run(&catalog, "chmod", &["640", "plain.tar"]);
    fs::write(path("plain.tar"), "old").expect("a file");
    export(&catalog, "rootfs", "link.tar", &[]);
    assert!(path("link.tar").is_symlink());
    assert!(fs::read(path("plain.tar")).expect("a tar") == plain);
    let about = path("plain.tar").metadata().expect("a tar");
    assert_eq!(about.mode() & 0o7777, 0o640);
    run(&catalog, "ln", &["-s", "/dev/null", "null"]);
    export(&catalog, "docker", "null", &[]);
    let null = path("null").metadata().expect("a device");
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(
        &null.file_type()
    ));
}

fn what_an_interrupted_or_killed_export_began_is_removed(engine: &Engine) {
    let catalog = Catalog::new(engine);
    // Nothing that can be compressed: it takes some time.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(24 << 20)
    .collect();
    catalog
        .image("big", "1-1", &[], "FROM scratch\nCOPY big /big")
        .write("images/big/big", &noise);
    catalog.build(&[]).assert_code(0);
    let before = catalog.sandbox().files(".");
    let begun = || {
        let there = fs::read_dir(catalog.sandbox().path()).expect("a directory");
        let mut names = there.map(|entry| entry.expect("an entry").path());
        names.find(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            name.starts_with(".pkg-export-") && path.join("whole").exists()
        })
    };
    let start = || {
        let arguments = ["export", "big", "images", "--format", "rootfs"];
        let running = catalog.start(&[&arguments[..], &["-o", "big.tar.xz"]].concat());
        wait_until("the export writes", || begun().is_some());
        running
    };
    let running = start();
    running.signal(Signal::INT);
    assert_eq!(running.end().code, Some(130));
    assert_eq!(catalog.sandbox().files("."), before);
    assert_eq!(begun(), None);
    let running = start();
    running.signal(Signal::KILL);
    running.end();
    assert!(begun().is_some());
    let arguments = [
        "export", "big", "images", "--format", "docker", "-o", "big.tar",
    ];
    catalog.pkg(&arguments).assert_code(0);
    assert_eq!(begun(), None);
}

fn an_interrupted_export_ends_and_leaves_nothing(engine: &Engine) {
    let catalog = catalog_of(engine);
    // Nobody takes what is written into it: the export stands in the middle.
    let output = catalog.sandbox().path().join("out");
    run(&catalog, "mkfifo", &["full"]);
    let full = catalog.sandbox().path().join("full");
    let before = catalog.sandbox().files(".");
    let script = format!(
        "exec '{}' export app images --format rootfs -o - > '{}'",
        env!("CARGO_BIN_EXE_pkg"),
        full.display()
    );
    let mut command = catalog.sandbox().command("sh");
    let mut child = command.args(["-c", &script]).spawn().expect("a shell");
    let mut reader = fs::File::open(&full).expect("the pipe");
    // When the first bytes are there, it writes.
    reader
        .read_exact(&mut [0; 512])
        .expect("the beginning of a tar");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::INT).expect("a process");
    let ended = child.wait().expect("a child");
    assert_eq!(ended.code(), Some(130));
    assert!(!output.exists());
    assert_eq!(catalog.sandbox().files("."), before);
}
