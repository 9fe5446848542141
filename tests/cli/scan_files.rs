//! Files of image directories that are links, or something else than regular files.

use std::fs;
use std::os::unix::fs::symlink;

use snapbox::str;

use crate::support::sandbox::Sandbox;

const LIST: [&str; 3] = ["list", "--offline", "images"];
const TEMPLATE: &str = "FROM scratch\n";

#[test]
fn files_of_an_image_that_lie_outside_of_the_given_directories() {
    let sandbox = Sandbox::with_settings()
        .file("outside/Dockerfile.template", TEMPLATE)
        .file("outside/changelog", "changelog (1.0) d; urgency=low\n")
        .file("outside/images/common/template", TEMPLATE)
        .image("images/changelog", "changelog (1.0)", TEMPLATE)
        .image("images/control", "control (1.0)", TEMPLATE)
        .image("images/declared", "declared (1.0)", TEMPLATE)
        .image("images/gone", "gone (1.0)", TEMPLATE)
        .image("images/inside", "inside (1.0)", TEMPLATE)
        .file("images/common/template", TEMPLATE)
        .image("images/template", "template (1.0)", TEMPLATE);
    let link = |target: &str, path: &str| {
        let path = sandbox.path().join("images").join(path);
        let _ = fs::remove_file(&path);
        symlink(target, path).expect("a link");
    };
    link("../../outside/changelog", "changelog/changelog");
    link("../../outside/changelog", "control/control");
    fs::remove_file(sandbox.path().join("images/declared/Dockerfile.template")).expect("a file");
    link("../../outside/changelog", "declared/image.yaml");
    link("nothing", "gone/Dockerfile.template");
    link("../common/template", "inside/Dockerfile.template");
    link(
        "../../outside/Dockerfile.template",
        "template/Dockerfile.template",
    );
    sandbox
        .pkg(&LIST)
        .assert_code(1)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the link images/changelog/changelog leads to $SANDBOX/outside/changelog, outside of the given directories
hint: copy the file to where the link is, or give the directory that holds it as well
error: the link images/control/control leads to $SANDBOX/outside/changelog, outside of the given directories
hint: copy the file to where the link is, or give the directory that holds it as well
error: the link images/declared/image.yaml leads to $SANDBOX/outside/changelog, outside of the given directories
hint: copy the file to where the link is, or give the directory that holds it as well
error: cannot read images/gone/Dockerfile.template
caused by: No such file or directory (os error 2)
error: the link images/template/Dockerfile.template leads to $SANDBOX/outside/Dockerfile.template, outside of the given directories
hint: copy the file to where the link is, or give the directory that holds it as well
[exit status: 1]
[EOF]

"#]]);
    for image in ["changelog", "control", "declared", "gone"] {
        fs::remove_dir_all(sandbox.path().join("images").join(image)).expect("a directory");
    }
    link(
        "../../outside/images/common/template",
        "template/Dockerfile.template",
    );
    sandbox
        .pkg(&["list", "--offline", "images", "outside/images"])
        .assert_snapshot(str![[r#"
NAME      VERSION  DIRECTORY
inside    1.0      images/inside
template  1.0      images/template
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn files_of_an_image_that_are_no_regular_files() {
    let sandbox = Sandbox::with_settings()
        .file("images/alone/changelog/a", "")
        .file("images/alone/control/a", "")
        .file("images/directory/changelog/a", "")
        .file("images/directory/Dockerfile.template", TEMPLATE)
        .file("images/fifo/Dockerfile.template", TEMPLATE)
        .file("images/recipe/changelog", "recipe (1.0) d; urgency=low\n")
        .file("images/recipe/image.yaml/a", "")
        .image("images/control", "control (1.0)", TEMPLATE)
        .file("images/control/control/a", "");
    sandbox
        .run("mkfifo", &["images/fifo/changelog"])
        .assert_code(0);
    let socket = sandbox.path().join("images/recipe/control");
    let _socket = std::os::unix::net::UnixListener::bind(socket).expect("a socket");
    sandbox.pkg(&LIST).assert_snapshot(str![[r#"
------- stderr -------
error: cannot read images/control/control
caused by: it is a directory
error: cannot read images/directory/changelog
caused by: it is a directory
error: cannot read images/fifo/changelog
caused by: it is no regular file
error: cannot read images/recipe/control
caused by: it is no regular file
error: cannot read images/recipe/image.yaml
caused by: it is a directory
[exit status: 1]
[EOF]

"#]]);
}
