//! Exports, read by other programs: skopeo, umoci, runc, docker, tar.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use pkg::oci::Compression;
use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::Catalog;
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
