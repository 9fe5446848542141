//! What reaches a build: the context as it is on disk, limits, proxies; and how much memory that takes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::Test;
use crate::stopping::with_temporary_directory;
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
        "each_limit_reaches_the_containers_of_a_build",
        each_limit_reaches_the_containers_of_a_build,
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
        "each_fault_in_a_context_is_told_with_its_path_and_leaves_nothing",
        each_fault_in_a_context_is_told_with_its_path_and_leaves_nothing,
    ),
    (
        "a_file_that_the_user_may_not_read_is_named",
        a_file_that_the_user_may_not_read_is_named,
    ),
    (
        "what_is_odd_in_a_directory_arrives_with_either_builder",
        what_is_odd_in_a_directory_arrives_with_either_builder,
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

fn each_limit_reaches_the_containers_of_a_build(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN echo begun && sleep 5")
        .settings("container_limits: memory=64m,memswap=128m,cpushares=512,cpusetcpus=0\n");
    let run = catalog.start_build(&["--debug"]);
    run.wait_for("| begun");
    let containers = engine.containers();
    let [container] = containers.as_slice() else {
        panic!("one container builds: {containers:?}");
    };
    let inspected = engine.docker().inspect_container(container, None);
    let host = engine.wait(inspected).expect("a container").host_config;
    let host = host.expect("its limits");
    assert_eq!(host.memory, Some(64 << 20));
    assert_eq!(host.memory_swap, Some(128 << 20));
    assert_eq!(host.cpu_shares, Some(512));
    assert_eq!(host.cpuset_cpus.as_deref(), Some("0"));
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    let note = "building with the classic builder: BuildKit ignores `container_limits`\n";
    assert!(ended.talk.contains(note), "{}", ended.talk);
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
            "FROM $BASE\nRUN for name in {names}; do env | grep -q \"^$name=http://ann:hush\" || exit 1; done\n\
             RUN test $(env | grep -ic _proxy=) = 4"
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

/// Images with a fault in their directories, and what is to be told of it.
const FAULTS: [(&str, &str); 9] = [
    (
        "fifo",
        "images/fifo/x is a named pipe, which cannot be sent to a build",
    ),
    (
        "socket",
        "images/socket/x is a socket, which cannot be sent to a build",
    ),
    (
        "device",
        "images/device/x is a device, which cannot be sent to a build",
    ),
    (
        "dangling",
        "images/dangling/x is a link to `nowhere`, which is not there",
    ),
    (
        "circle",
        "images/circle/x is a link to `x`, which leads back to the link",
    ),
    (
        "loop",
        "images/loop/x is a link to `.`, which leads back to the link",
    ),
    (
        "outside",
        "images/outside/x is a link to `/etc/hostname`, outside of images",
    ),
    (
        "patterns",
        "images/patterns/.dockerignore:2: `[` is no pattern: ",
    ),
    (
        "taken",
        "images/taken/Dockerfile is a directory, and the rendered Dockerfile has to stand there",
    ),
];

/// Makes an image directory for each fault.
fn make_faults(catalog: &Catalog<'_>) {
    let images = catalog.sandbox().path().join("images");
    for (name, _) in FAULTS {
        catalog.image(name, "1-1", &[], "FROM $BASE\nCOPY . /context/");
    }
    let sandbox = catalog.sandbox();
    sandbox.run("mkfifo", &["images/fifo/x"]).assert_code(0);
    sandbox
        .run("mknod", &["images/device/x", "c", "1", "3"])
        .assert_code(0);
    let socket = UnixListener::bind(images.join("socket/x")).expect("a socket");
    drop(socket);
    for (name, target) in [
        ("dangling", "nowhere"),
        ("circle", "x"),
        ("loop", "."),
        ("outside", "/etc/hostname"),
    ] {
        symlink(target, images.join(name).join("x")).expect("a link");
    }
    catalog
        .write("images/patterns/.dockerignore", b"x\n[\n")
        .write("images/taken/Dockerfile/x", b"");
}

fn each_fault_in_a_context_is_told_with_its_path_and_leaves_nothing(engine: &Engine) {
    let (sandbox, _) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    make_faults(&catalog);
    let before = engine.images();
    let output = catalog.build(&[]);
    output.assert_code(1);
    for (name, message) in FAULTS {
        let told = output.stderr.matches(message).count();
        assert!(told > 0, "{name}: {}", output.stderr);
    }
    let failed = format!("{} failed", FAULTS.len());
    assert!(output.stderr.contains(&failed), "{}", output.stderr);
    assert_eq!(engine.images(), before);
    assert_eq!(engine.containers(), [""; 0]);
    assert_eq!(catalog.sandbox().files("temporary"), [""; 0]);
}

/// Nobody in particular, with the group that may talk to the engine.
fn a_file_that_the_user_may_not_read_is_named(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .write("images/a/closed", b"x");
    let (work, home) = (catalog.sandbox().path(), catalog.sandbox().home());
    let root = work.parent().expect("a directory");
    let program = root.join("bin/pkg");
    fs::copy(env!("CARGO_BIN_EXE_pkg"), &program).expect("a program");
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    open(root, 0o755);
    open(&home, 0o777);
    open(&work.join("images/a/closed"), 0o000);
    let group = fs::metadata("/var/run/docker.sock").map_or(65534, |socket| socket.gid());
    let group = format!("--regid={group}");
    let program = program.to_str().expect("a path");
    let arguments = [
        "--reuid=65534",
        &group,
        "--clear-groups",
        program,
        "build",
        "--no-pull",
        "images",
    ];
    let output = catalog.sandbox().run("setpriv", &arguments);
    output.assert_code(1);
    let message = "cannot read images/a/closed: Permission denied";
    assert!(output.stderr.contains(message), "{}", output.stderr);
    assert_eq!(catalog.find_id("a", "1-1"), None);
}

fn what_is_odd_in_a_directory_arrives_with_either_builder(engine: &Engine) {
    for limits in ["", "container_limits: \"cpushares=512\"\n"] {
        let catalog = Catalog::new(engine);
        let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
        catalog
            .settings(limits)
            .image("a", "1-1", &[], "FROM $BASE\nCOPY . /context/")
            .write(&format!("images/a/{long}"), b"long")
            .write("images/a/first\nsecond", b"lines")
            .write("images/a/none", b"zero")
            .write("images/a/closed/inner", b"inner")
            .write("images/common/shared/b", b"b");
        let directory = catalog.sandbox().path().join("images/a");
        let set = |name: &str, mode| {
            fs::set_permissions(directory.join(name), fs::Permissions::from_mode(mode))
                .expect("permissions");
        };
        fs::create_dir(directory.join("empty")).expect("a directory");
        set("none", 0o000);
        set("closed", 0o000);
        set("empty", 0o1777);
        fs::hard_link(directory.join("none"), directory.join("hard")).expect("a link");
        symlink("../common/shared", directory.join("shared")).expect("a link");
        symlink("none", directory.join("link")).expect("a link");
        let sparse = fs::File::create(directory.join("sparse")).expect("a file");
        sparse.set_len(5 << 20).expect("5 MiB");
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        sparse.set_modified(then).expect("a time");
        catalog.build(&[]).assert_code(0);
        let script = format!(
            "cd /context && stat='busybox stat -c' && $stat '%a %F' none closed empty hard link shared && \
             cat {long} first* none hard link closed/inner shared/b && echo && $stat '%s %Y' sparse"
        );
        assert_eq!(
            catalog.output_of("a", &script),
            "0 regular file\n0 directory\n1777 directory\n0 regular file\n0 regular file\n755 directory\n\
             longlineszerozerozeroinnerb\n5242880 1000000000\n"
        );
    }
}

fn a_large_context_takes_little_memory(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    // What the program itself takes grows with its code.
    let small = peak_of_build(&catalog);
    catalog.version("a", "1-2");
    let large = catalog.sandbox().path().join("images/a/large");
    let large = fs::File::create(large).expect("a file");
    large.set_len(100 << 20).expect("100 MiB");
    let many = catalog.sandbox().path().join("images/a/many");
    fs::create_dir(&many).expect("a directory");
    for number in 0..100_000 {
        fs::File::create(many.join(number.to_string())).expect("a file");
    }
    let most = peak_of_build(&catalog);
    assert!(
        most < small + 24 * 1024,
        "{most} KiB, and {small} KiB with a small context"
    );
    assert!(most < 60 * 1024, "{most} KiB in all");
}

/// Builds, and gives the most memory that this took.
fn peak_of_build(catalog: &Catalog<'_>) -> u64 {
    let mut run = catalog.start_build(&[]);
    let mut most = 0;
    wait_until("the program ends", || {
        most = most.max(peak_kib(run.pid()).unwrap_or_default());
        run.has_ended()
    });
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    assert!(most > 1024, "the peak was never read: {most} KiB");
    most
}

/// Reads the most memory that a process ever had resident.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
