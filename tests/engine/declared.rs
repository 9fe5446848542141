//! Declared images beside an engine: what is on the shelf comes into it, and images of one kind are built on those of the
//! other.

use std::fs;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "declared_images_and_templates_are_built_on_each_other",
        declared_images_and_templates_are_built_on_each_other,
    ),
    (
        "what_was_made_while_the_engine_was_away_comes_into_it_and_is_tested_there",
        what_was_made_while_the_engine_was_away_comes_into_it_and_is_tested_there,
    ),
    (
        "a_declared_image_is_published_by_the_program_and_pulled_by_the_engine",
        a_declared_image_is_published_by_the_program_and_pulled_by_the_engine,
    ),
    (
        "a_declared_image_takes_files_from_one_that_the_engine_built",
        a_declared_image_takes_files_from_one_that_the_engine_built,
    ),
];

const FILES: &str = "layers: [{source: greeting, target: /etc/greeting}, {source: who, target: /etc/who}]\nenvironment: {WHO: everybody}\n";

/// Two tests whose images are the same to the bit have one image on the engine, which either may remove: so each has its name
/// in its image.
fn files(catalog: &Catalog) {
    let name = catalog.repository("files");
    catalog
        .write("images/files/who", name.as_bytes())
        .version("files", "1-1")
        .write("images/files/image.yaml", FILES.as_bytes())
        .write("images/files/greeting", b"hello\n");
}

fn declared_images_and_templates_are_built_on_each_other(engine: &Engine) {
    let catalog = Catalog::new(engine);
    files(&catalog);
    catalog.image(
        "middle",
        "1-1",
        &["files"],
        "FROM $BASE\nCOPY --from=$(files) /etc/greeting /etc/greeting\nENV WHO=nobody",
    );
    catalog
        .version("top", "1-1")
        .write(
            "images/top/image.yaml",
            b"base: middle\nlayers: [{source: more, target: /etc/more}]\nenvironment: {ALL: '$WHO at all'}\n\
              paths: [{path: /etc/greeting, type: permissions, permissions: 0o600}]\n",
        )
        .write("images/top/more", b"more\n");
    catalog.build(&[]).assert_code(0);
    assert_eq!(
        catalog.output_of(
            "top",
            "cat /etc/greeting /etc/more; echo $ALL; stat -c %a /etc/greeting"
        ),
        "hello\nmore\nnobody at all\n600\n"
    );
    let again = catalog.build(&[]);
    assert!(again.stderr.contains("3 already built"), "{}", again.stderr);
    // A change at the bottom goes through to the top.
    catalog.write("images/files/greeting", b"good evening\n");
    catalog.build(&[]).assert_code(0);
    assert_eq!(
        catalog.output_of("top", "cat /etc/greeting"),
        "good evening\n"
    );
}

fn what_was_made_while_the_engine_was_away_comes_into_it_and_is_tested_there(engine: &Engine) {
    let catalog = Catalog::new(engine);
    files(&catalog);
    let away = |arguments: &[&str]| {
        let mut command = catalog.sandbox().command(env!("CARGO_BIN_EXE_pkg"));
        command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        let output = command.args(arguments).output().expect("the program");
        let talk = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(0), "{talk}");
    };
    away(&["build", "images"]);
    assert_eq!(catalog.find_id("files", "1-1"), None);
    catalog.image(
        "child",
        "1-1",
        &["files"],
        "FROM $BASE\nCOPY --from=$(files) /etc/greeting /etc/greeting",
    );
    catalog.build(&[]).assert_code(0);
    assert!(catalog.find_id("files", "1-1").is_some());
    assert_eq!(catalog.output_of("child", "cat /etc/greeting"), "hello\n");
}

fn a_declared_image_is_published_by_the_program_and_pulled_by_the_engine(engine: &Engine) {
    let registry = DockerRegistry::start();
    let settings = "username: ann\npassword: hush\n";
    let catalog = Catalog::new(engine).with_registry(registry.host(), settings);
    files(&catalog);
    catalog.build(&[]).assert_code(0);
    let published = catalog.id("files", "1-1");
    // Nothing is left of it here, and something is built on it.
    catalog.remove(&published);
    fs::remove_dir_all(catalog.sandbox().home().join(".cache/pkg/images-1")).expect("the shelf");
    catalog.image(
        "child",
        "1-1",
        &["files"],
        "FROM $BASE\nCOPY --from=$(files) /etc/greeting /etc/greeting",
    );
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.output_of("child", "cat /etc/greeting"), "hello\n");
    // The containerd store knows it by another digest then: the registry's manifest, and not one of its own making.
    assert!(catalog.find_id("files", "1-1").is_some());
}

fn a_declared_image_takes_files_from_one_that_the_engine_built(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let make = "mkdir /made && echo one > /made/a && chmod 0700 /made/a && ln -s a /made/b";
    catalog
        .image("below", "1-1", &[], "FROM $BASE\nRUN echo below > /names")
        .image("made", "1-1", &[], &format!("FROM $BASE\nRUN {make}"))
        .version("top", "1-1")
        .write(
            "images/top/image.yaml",
            b"base: below\nlayers:\n- {from: made, source: /made, target: /srv/taken}\n\
              - {from: made, source: /made/b, target: /srv/alone, uid: 7}\n",
        );
    catalog.build(&[]).assert_code(0);
    let script = "cat /names; cd /srv; stat -c '%a %u' taken/a alone; readlink taken/b; cat alone";
    assert_eq!(
        catalog.output_of("top", script),
        "below\n700 0\n700 7\na\none\n"
    );
    let again = catalog.build(&[]);
    assert!(again.stderr.contains("3 already built"), "{}", again.stderr);
    // What it takes files from is made anew, and so is what has them.
    let make = make.replace("one", "two");
    catalog.image("made", "1-1", &[], &format!("FROM $BASE\nRUN {make}"));
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.output_of("top", "cat /srv/alone"), "two\n");
    // Without an engine it is told what lacks one.
    let mut command = catalog.sandbox().command(env!("CARGO_BIN_EXE_pkg"));
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let output = command
        .args(["plan", "images"])
        .output()
        .expect("the program");
    let talk = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(4), "{talk}");
    assert!(
        talk.contains("3 images need an engine: below, made, top"),
        "{talk}"
    );
}
