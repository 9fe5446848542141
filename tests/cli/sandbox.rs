//! The sandbox itself: what it gives to the program, and what it shows of it.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn the_program_starts_and_ends() {
    Sandbox::new().pkg(&["--version"]).assert_code(0);
}

#[test]
fn a_snapshot_shows_both_streams_and_the_exit_status() {
    let script = "echo data; printf talk >&2; exit 3";
    Sandbox::new()
        .run("sh", &["-c", script])
        .assert_snapshot(str![[r#"
data
------- stderr -------
talk[no newline]
[exit status: 3]
[EOF]

"#]]);
}

#[test]
fn a_snapshot_hides_what_differs_from_run_to_run() {
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let script = format!(
        "echo $PWD/a $HOME/b sha256:{digest} http://127.0.0.1:4711/v2/; \
         echo built in 1.52s, 2m 3s, 250ms, not 1.2.3-20s or a5s"
    );
    Sandbox::new()
        .run("sh", &["-c", &script])
        .assert_snapshot(str![[r#"
$SANDBOX/a $HOME/b sha256:[DIGEST] http://127.0.0.1:[PORT]/v2/
built in [TIME], [TIME], [TIME], not 1.2.3-20s or a5s
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn nothing_of_this_machines_environment_reaches_the_program() {
    Sandbox::new()
        .env("DOCKER_HOST", "unix:///nowhere")
        .program(
            "greet",
            "#!/bin/sh\nenv | grep -v -e ^PATH= -e ^_= | sort\n",
        )
        .run("sh", &["-c", "greet"])
        .assert_snapshot(str![[r#"
COLUMNS=100
DOCKER_HOST=unix:///nowhere
HOME=$HOME
LC_ALL=C.UTF-8
NO_COLOR=1
PWD=$SANDBOX
SOURCE_DATE_EPOCH=1795219200
TERM=dumb
TZ=UTC
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn files_are_laid_out_with_their_directories_and_modes() {
    let sandbox = Sandbox::new()
        .file("images/a/changelog", "a (1) b; urgency=high\n")
        .executable("images/a/test.sh", "#!/bin/sh\necho tested\n");
    assert_eq!(sandbox.files("images"), ["a/changelog", "a/test.sh"]);
    assert_eq!(
        sandbox.read("images/a/changelog"),
        "a (1) b; urgency=high\n"
    );
    let output = sandbox.run("images/a/test.sh", &[]);
    assert_eq!(output.stdout, "tested\n");
}
