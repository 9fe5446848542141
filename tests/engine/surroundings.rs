//! What the program stands on: an engine that is not there or goes, and packages for declared bases.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::Test;
use crate::stopping::with_temporary_directory;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

pub(crate) const TESTS: &[Test] = &[
    (
        "without_an_engine_the_user_is_told_where_it_was_looked_for",
        without_an_engine_the_user_is_told_where_it_was_looked_for,
    ),
    (
        "an_answer_that_breaks_off_is_asked_for_once_more",
        an_answer_that_breaks_off_is_asked_for_once_more,
    ),
    (
        "an_engine_that_goes_in_the_middle_is_told_from_a_build_that_fails",
        an_engine_that_goes_in_the_middle_is_told_from_a_build_that_fails,
    ),
    (
        "a_declared_base_is_the_same_each_time_and_holds_nothing_of_this_machine",
        a_declared_base_is_the_same_each_time_and_holds_nothing_of_this_machine,
    ),
    (
        "an_image_of_packages_runs_is_known_to_dpkg_and_is_the_same_each_time",
        an_image_of_packages_runs_is_known_to_dpkg_and_is_the_same_each_time,
    ),
    (
        "the_login_of_a_proxy_does_not_get_into_the_history_of_an_image",
        the_login_of_a_proxy_does_not_get_into_the_history_of_an_image,
    ),
    (
        "a_missing_mirror_is_told_as_that",
        a_missing_mirror_is_told_as_that,
    ),
];

fn without_an_engine_the_user_is_told_where_it_was_looked_for(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    let output = catalog
        .sandbox()
        .command(env!("CARGO_BIN_EXE_pkg"))
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .args(["build", "images"])
        .output()
        .expect("the program");
    let talk = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(4), "{talk}");
    let error = "error: no Docker engine answers at unix:///nonexistent/docker.sock\n";
    assert!(talk.starts_with(error), "{talk}");
    assert!(talk.contains("hint: "), "{talk}");
    let state = catalog.sandbox().home().join(".local/state/pkg");
    assert!(!state.join("logs").exists(), "no run began");
}

/// Hands connections on to the real engine until it is cut.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<(bool, Vec<UnixStream>)>>);

impl Wire {
    fn start(&self, path: &Path) {
        let listener = UnixListener::bind(path).expect("a socket");
        let wire = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                wire.connect(client);
            }
        });
    }

    fn connect(&self, client: UnixStream) {
        let Ok(server) = UnixStream::connect("/var/run/docker.sock") else {
            return;
        };
        let mut state = self.0.lock().expect("the state");
        if state.0 {
            return;
        }
        for (mut from, mut to) in [
            (client.try_clone(), server.try_clone()),
            (server.try_clone(), client.try_clone()),
        ]
        .map(|(from, to)| (from.expect("a socket"), to.expect("a socket")))
        {
            std::thread::spawn(move || {
                // A connection that is cut ends with an error; either way the other side learns of it.
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
        state.1.extend([client, server]);
    }

    /// Ends every connection for good.
    fn cut(&self) {
        self.0.lock().expect("the state").0 = true;
        self.interrupt();
    }

    /// Ends every connection that there is; new ones are taken.
    fn interrupt(&self) {
        let mut state = self.0.lock().expect("the state");
        for stream in state.1.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn an_answer_that_breaks_off_is_asked_for_once_more(engine: &Engine) {
    let sandbox = Sandbox::new();
    let socket = sandbox.home().join("engine.sock");
    let wire = Wire::default();
    wire.start(&socket);
    let catalog = Catalog::in_sandbox(engine, sandbox)
        .with_variable("DOCKER_HOST", &format!("unix://{}", socket.display()));
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN echo begun && sleep 3");
    let run = catalog.start_build(&["--debug"]);
    run.wait_for("| begun");
    wire.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    assert_eq!(ended.talk.matches("| begun").count(), 2, "{}", ended.talk);
}

fn an_engine_that_goes_in_the_middle_is_told_from_a_build_that_fails(engine: &Engine) {
    let sandbox = Sandbox::new();
    let socket = sandbox.home().join("engine.sock");
    let wire = Wire::default();
    wire.start(&socket);
    let catalog = Catalog::in_sandbox(engine, sandbox)
        .with_variable("DOCKER_HOST", &format!("unix://{}", socket.display()));
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN echo begun && sleep 60")
        .image("b", "1-1", &["a"], "FROM $(a)\nRUN true");
    let run = catalog.start_build(&["--debug"]);
    run.wait_for("| begun");
    wire.cut();
    let ended = run.end();
    assert_eq!(ended.code, Some(4), "{}", ended.talk);
    assert!(
        ended.talk.contains("the engine broke off"),
        "{}",
        ended.talk
    );
    let blocked = format!("– blocked by {0}/a 1-1: {0}/b 1-1\n", engine.namespace());
    assert!(ended.talk.contains(&blocked), "{}", ended.talk);
}

const BASE: &str = "bootstrap: mmdebstrap\nsuite: bookworm\nvariant: apt\nenvironment: {GREETING: hello}\n\
                    cmd: /bin/sh\n";

fn a_declared_base_is_the_same_each_time_and_holds_nothing_of_this_machine(engine: &Engine) {
    let (sandbox, _) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .version("bookworm", "12-1")
        .write("images/bookworm/image.yaml", BASE.as_bytes())
        .image(
            "child",
            "1-1",
            &["bookworm"],
            "FROM $(bookworm)\nRUN echo \"$GREETING\" > /greeting",
        );
    let output = catalog.build(&[]);
    output.assert_code(0);
    let script = ". /etc/os-release && echo $VERSION_CODENAME && cat /greeting && dpkg --verify";
    assert_eq!(catalog.output_of("child", script), "bookworm\nhello\n");
    // An engine puts its own files over these in a container; what the image holds is seen in its archive.
    let base = format!("{}:12-1", catalog.repository("bookworm"));
    let names = engine.names_in(&base);
    for name in ["etc/resolv.conf", "etc/hostname"] {
        assert!(!names.contains(&name.to_owned()), "{name}");
    }
    assert!(names.contains(&"etc/os-release".to_owned()));
    assert_eq!(catalog.sandbox().files("temporary"), [""; 0]);

    let id = catalog.id("bookworm", "12-1");
    catalog.remove(&catalog.id("child", "1-1"));
    catalog.remove(&id);
    catalog
        .pkg(&["build", "--select", "*/bookworm:*", "images"])
        .assert_code(0);
    assert_eq!(catalog.id("bookworm", "12-1"), id);
}

/// Packages of the mirror without their scripts, a user, and a file of the directory.
const PACKAGES: &str = "suite: bookworm\ncontents: {packages: [base-files, ca-certificates, dash, dpkg, coreutils, grep]}\n\
                        accounts: {users: [{username: app, uid: 1000}], run-as: app}\n\
                        paths: [{path: /data, type: directory, uid: 1000, permissions: 0o750}]\n\
                        layers: [{source: motd, target: /etc/motd}]\nenvironment: {GREETING: hello}\ncmd: /bin/sh\n";

fn an_image_of_packages_runs_is_known_to_dpkg_and_is_the_same_each_time(engine: &Engine) {
    let (sandbox, _) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .version("app", "1-1")
        .write("images/app/image.yaml", PACKAGES.as_bytes())
        .write("images/app/motd", b"hello\n");
    catalog.build(&[]).assert_code(0);
    let script = "cat /etc/motd; id -un; stat -c '%U %a' /data; echo $GREETING; dpkg --verify; \
                  dpkg-query -W -f '${Package} ${Status}\\n' dash; readlink /bin; \
                  grep -c BEGIN /etc/ssl/certs/ca-certificates.crt | grep -q '^1..$' && echo certificates";
    assert_eq!(
        catalog.output_of("app", script),
        "hello\napp\napp 750\nhello\ndash install ok installed\nusr/bin\ncertificates\n"
    );
    assert_eq!(catalog.sandbox().files("temporary"), [""; 0]);
    let id = catalog.id("app", "1-1");
    let again = catalog.build(&[]);
    assert!(again.stderr.contains("already built"), "{}", again.stderr);
    catalog.remove(&id);
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.id("app", "1-1"), id);
    // What is laid over is a part of what it is made from.
    catalog.write("images/app/motd", b"good evening\n");
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.output_of("app", "cat /etc/motd"), "good evening\n");
}

fn the_login_of_a_proxy_does_not_get_into_the_history_of_an_image(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nARG x=1 http_proxy\nRUN true")
        .settings("http_proxy: http://ann:hush@127.0.0.1:9\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let told = "line 2 of the rendered Dockerfile declares `ARG http_proxy`";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    assert!(!output.stderr.contains("hush"), "{}", output.stderr);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN test -n \"$http_proxy\"");
    catalog.build(&[]).assert_code(0);
}

fn a_missing_mirror_is_told_as_that(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .version("base", "1-1")
        .write("images/base/image.yaml", BASE.as_bytes())
        .settings("base_images: []\nmirror: http://127.0.0.1:1/debian\nsecurity_mirror: http://127.0.0.1:1/security\nbuild_timeout: 15s\n");
    let output = catalog.build(&[]);
    output.assert_code(4);
    assert!(output.stderr.contains("127.0.0.1:1"), "{}", output.stderr);
    catalog
        .write(
            "images/base/image.yaml",
            BASE.replace("bookworm", "nosuchsuite").as_bytes(),
        )
        .settings("base_images: []\nbuild_timeout: 15s\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("set `mirror`") || output.stderr.contains("nosuchsuite"),
        "{}",
        output.stderr
    );
    assert_eq!(catalog.find_id("base", "1-1"), None);
}
