//! `pkg export`, as far as it goes without an engine: what cannot be written is found before one is asked.

use snapbox::str;

use crate::support::sandbox::Sandbox;

/// Exports an image where no engine is.
#[track_caller]
fn case(arguments: &[&str], code: i32, said: &str) {
    let sandbox = Sandbox::with_settings()
        .diamond()
        .file("there/file", "")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let before = sandbox.files(".");
    let output = sandbox.pkg(&[&["export", "left", "images"], arguments].concat());
    output.assert_code(code);
    assert!(output.stderr.contains(said), "{}", output.stderr);
    assert_eq!(sandbox.files("."), before);
}

#[test]
fn what_cannot_be_written_is_found_before_the_engine_is_asked() {
    case(
        &["--format", "oci", "-o", "there"],
        1,
        "there is there already",
    );
    case(
        &["--format", "docker", "-o", "there"],
        1,
        "there is there already",
    );
    case(
        &["--format", "oci", "-o", "none/deep/x"],
        4,
        "cannot write none/deep/x",
    );
    case(
        &["--format", "rootfs", "-o", "none/x.tar"],
        4,
        "cannot write none/x.tar",
    );
    let overlay = ["--format", "rootfs", "-o", "x.tar", "--overlay"];
    case(
        &[&overlay[..], &["none.tar"]].concat(),
        1,
        "cannot read none.tar",
    );
    case(
        &[&overlay[..], &["there"]].concat(),
        1,
        "it is no regular file",
    );
    // All is well, and the engine is asked.
    case(
        &["--format", "rootfs", "-o", "x.tar"],
        4,
        "nowhere/docker.sock",
    );
}

#[test]
fn options_and_names_that_say_what_is_not_done_are_refused() {
    for name in ["x.tar.bz2", "x.tar.lz4", "x.tbz2"] {
        case(&["--format", "rootfs", "-o", name], 2, name);
    }
    case(&["--format", "oci", "-o", "x.gz"], 2, "x.gz");
    for format in ["docker", "bundle", "rootfs"] {
        let arguments = ["--format", format, "-o", "x.tar", "--layers", "zstd"];
        case(&arguments, 2, "`--layers` says");
    }
    let sandbox = Sandbox::with_settings().diamond();
    let arguments = [
        "export",
        "left",
        "images",
        "--format",
        "rootfs",
        "-o",
        "root.tar.bz2",
    ];
    sandbox.pkg(&arguments).assert_snapshot(str![[r#"
------- stderr -------
error: nothing is written as the end of `root.tar.bz2` says
hint: the ends that are known are `.tar`, `.tar.gz` (`.tgz`), `.tar.xz` (`.txz`) and `.tar.zst` (`.tzst`)
[exit status: 2]
[EOF]

"#]]);
}
