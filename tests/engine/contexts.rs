//! What reaches a build: the context as it is on disk, limits, proxies; and how much memory that takes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use crate::Test;
use crate::support::catalog::{Catalog, wait_until};
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "the_classic_builder_is_given_no_here_document",
        the_classic_builder_is_given_no_here_document,
    ),
    (
        "limits_hold_in_the_build_also_above_two_gibibytes",
        limits_hold_in_the_build_also_above_two_gibibytes,
    ),
    (
        "a_proxy_is_there_in_the_build_and_nowhere_in_the_image",
        a_proxy_is_there_in_the_build_and_nowhere_in_the_image,
    ),
    (
        "a_context_arrives_as_dockerignore_leaves_it_with_names_and_modes",
        a_context_arrives_as_dockerignore_leaves_it_with_names_and_modes,
    ),
    (
        "a_fifo_in_a_context_is_named_and_fails_its_image_alone",
        a_fifo_in_a_context_is_named_and_fails_its_image_alone,
    ),
    (
        "a_large_context_takes_little_memory",
        a_large_context_takes_little_memory,
    ),
];

fn limits_hold_in_the_build_also_above_two_gibibytes(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let files = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes";
    let recipe = format!("FROM $BASE\nRUN cat {files} > /limit || true");
    for (version, written, bytes) in [("1-1", "64m", 64_u64 << 20), ("1-2", "3g", 3 << 30)] {
        catalog.image("a", version, &[], &recipe).settings(&format!(
            "container_limits: \"memory={written},memswap={written}\"\n"
        ));
        let output = catalog.build(&["--debug"]);
        output.assert_code(0);
        let image = format!("{}:{version}", catalog.repository("a"));
        let limit = catalog.output_in(&image, "cat /limit");
        assert_eq!(limit, format!("{bytes}\n"), "{}", output.stderr);
    }
}

fn the_classic_builder_is_given_no_here_document(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN <<EOF\ntrue\nEOF")
        .settings("container_limits: \"cpushares=512\"\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "line 2 of the rendered Dockerfile has a here-document";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
}

fn a_proxy_is_there_in_the_build_and_nowhere_in_the_image(engine: &Engine) {
    for limits in ["", "container_limits: \"cpushares=512\"\n"] {
        let catalog = Catalog::new(engine);
        let proxy = "http_proxy: \"http://ann:hush-hush@127.0.0.1:9/\"\n";
        let names = "http_proxy https_proxy HTTP_PROXY HTTPS_PROXY";
        let recipe = format!(
            "FROM $BASE\nRUN for name in {names}; do env | grep -q \"^$name=http://ann:hush\" || exit 1; done"
        );
        catalog
            .image("a", "1-1", &[], &recipe)
            .settings(&format!("{proxy}{limits}"));
        let output = catalog.build(&["--debug"]);
        output.assert_code(0);
        let image = format!("{}:1-1", catalog.repository("a"));
        let history = engine.wait(engine.docker().image_history(&image));
        let history = format!("{:?}", history.expect("a history"));
        let config = format!("{:?}", catalog.find(&image).expect("an image"));
        for text in [
            &history,
            &config,
            &output.stderr,
            &catalog.everything_kept(),
        ] {
            // The history shows the recipe, which asks for the name alone.
            assert!(!text.contains("hush-hush"), "{text}");
        }
    }
}

fn a_context_arrives_as_dockerignore_leaves_it_with_names_and_modes(engine: &Engine) {
    let catalog = Catalog::new(engine);
    // Dockerfile and .dockerignore themselves are always sent.
    let list = "cd /context && busybox find * ! -type d ! -name Dockerfile | busybox sort";
    catalog
        .image("outer", "1-1", &[], "FROM $BASE\nCOPY . /context/")
        .image("outer/inner", "1-1", &[], "FROM $BASE\nRUN true")
        .version("outer", "1-1")
        .write(
            "images/outer/.dockerignore",
            b"*\n!keep\n!inner\ninner/control\n!with*\n!tool\n",
        )
        .write("images/outer/keep/a", b"a\n")
        .write("images/outer/keep/b", b"b\n")
        .write("images/outer/lost", b"lost\n")
        .write("images/outer/with two blanks", b"blanks\n")
        .write("images/outer/tool", b"#!/bin/sh\n");
    rename_inner(&catalog);
    let directory = catalog.sandbox().path().join("images/outer");
    let odd = directory.join(OsStr::from_bytes(b"with-\xff"));
    fs::write(odd, "odd\n").expect("a file");
    let tool = directory.join("tool");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o4755)).expect("permissions");
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_eq!(
        catalog.output_of("outer", list),
        "inner/Dockerfile.template\ninner/changelog\nkeep/a\nkeep/b\ntool\nwith two blanks\n\
         with-\u{fffd}\n"
    );
    let modes = "cd /context && busybox stat -c '%a %u %g' tool keep/a && cat with-*";
    assert_eq!(
        catalog.output_of("outer", modes),
        "4755 0 0\n644 0 0\nodd\n"
    );
    assert!(catalog.find_id("inner", "1-1").is_some());
}

/// A name is one component; the directory of the nested image is not.
fn rename_inner(catalog: &Catalog<'_>) {
    let changelog = catalog.sandbox().read("images/outer/inner/changelog");
    let control = catalog.sandbox().read("images/outer/inner/control");
    catalog
        .write(
            "images/outer/inner/changelog",
            changelog.replace("outer/inner", "inner").as_bytes(),
        )
        .write(
            "images/outer/inner/control",
            control.replace("outer/inner", "inner").as_bytes(),
        );
}

fn a_fifo_in_a_context_is_named_and_fails_its_image_alone(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nCOPY . /context/")
        .image("b", "1-1", &[], "FROM $BASE\nRUN true");
    let fifo = catalog.sandbox().path().join("images/a/waits");
    let fifo = fifo.to_str().expect("a path");
    catalog.sandbox().run("mkfifo", &[fifo]).assert_code(0);
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("images/a/waits"),
        "{}",
        output.stderr
    );
    assert!(catalog.find_id("a", "1-1").is_none());
    assert!(catalog.find_id("b", "1-1").is_some());
    // What is not in the context is nobody's business.
    catalog.write("images/a/.dockerignore", b"waits\n");
    catalog.build(&[]).assert_code(0);
}

fn a_large_context_takes_little_memory(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    let large = catalog.sandbox().path().join("images/a/large");
    let large = fs::File::create(large).expect("a file");
    large.set_len(100 << 20).expect("100 MiB");
    let mut run = catalog.start_build(&[]);
    let mut most = 0;
    wait_until("the program ends", || {
        most = most.max(peak_kib(run.pid()).unwrap_or_default());
        run.has_ended()
    });
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    assert!(most > 1024, "the peak was never read: {most} KiB");
    assert!(most < 60 * 1024, "{most} KiB");
}

/// Reads the most memory that a process ever had resident.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
