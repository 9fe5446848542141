//! Structure tests on images of the real engine: every kind that passes, every kind that fails, and nothing that stays.

use std::time::{Duration, Instant};

use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder};
use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;
use crate::support::sandbox::Output;

pub(crate) const TESTS: &[Test] = &[
    (
        "structure_tests_of_each_kind_pass_and_the_image_with_them",
        structure_tests_of_each_kind_pass_and_the_image_with_them,
    ),
    (
        "structure_tests_of_each_kind_fail_with_what_is_wrong",
        structure_tests_of_each_kind_fail_with_what_is_wrong,
    ),
    (
        "an_image_passes_only_with_both_kinds_of_tests",
        an_image_passes_only_with_both_kinds_of_tests,
    ),
    (
        "options_of_containers_are_kept",
        options_of_containers_are_kept,
    ),
    (
        "an_interrupted_command_test_leaves_no_container_and_no_image",
        an_interrupted_command_test_leaves_no_container_and_no_image,
    ),
    (
        "a_command_test_that_prints_or_takes_too_much_is_ended",
        a_command_test_that_prints_or_takes_too_much_is_ended,
    ),
];

const RECIPE: &str = r#"FROM $BASE
RUN busybox mkdir -p /srv/data /usr/share/doc/a /tmp && busybox chmod 1777 /tmp && echo GPL > /usr/share/doc/a/copyright && \
    echo name = app > /srv/conf && busybox chown 900:901 /srv/conf && busybox chmod 4750 /srv/conf && \
    busybox ln -s ../srv/conf /srv/link
ENV GREETING=hello PATH=/bin
LABEL maintainer=ann
EXPOSE 8080
VOLUME /srv/data
WORKDIR /srv
USER 900
ENTRYPOINT ["/bin/false"]
CMD ["nothing"]"#;

const PASSING: &str = r"schemaVersion: 2.0.0
globalEnvVars: [{key: WHO, value: all of you}, {key: GREETING, value: '$GREETING,'}]
commandTests:
- {name: words, command: echo, args: [$GREETING, '${WHO}', $UNKNOWN], expectedOutput: ['^hello, all of you \$UNKNOWN\n$']}
- name: a shell
  command: sh
  args: [-c, 'echo out; echo trouble >&2; exit 3']
  envVars: [{key: A, value: b}]
  expectedOutput: [out]
  excludedOutput: [trouble]
  expectedError: [trouble]
  excludedError: [out]
  exitCode: 3
- name: what setup made
  setup: [[sh, -c, 'echo one > /tmp/a'], [sh, -c, 'echo two >> /tmp/a']]
  command: cat
  args: [/tmp/a]
  teardown: [[cat, /tmp/a]]
  expectedOutput: ['^one\ntwo\n$']
- {name: nothing of another test, command: ls, args: [/tmp/a], expectedError: [No such file], exitCode: 1}
- {name: the user and the directory, command: sh, args: [-c, 'id -u; busybox pwd'], expectedOutput: ['^900\n/srv\n$']}
fileExistenceTests:
- {name: mode and owner, path: /srv/conf, permissions: urwxr-x---, uid: 900, gid: 901, isExecutableBy: group}
- {name: a link, path: /srv/link, permissions: Lrwxrwxrwx}
- {name: nothing, path: /srv/none, shouldExist: false}
fileContentTests:
- {name: content, path: /srv/link, expectedContents: ['^name = app\n$'], excludedContents: [other]}
licenseTests: [{debian: true, files: [/usr/share/doc/a/copyright]}]
metadataTest:
  envVars: [{key: GREETING, value: hello}, {key: PATH, value: '^/b', isRegex: true}]
  unboundEnvVars: [{key: WHO}]
  labels: [{key: maintainer, value: ann}]
  entrypoint: [/bin/false]
  cmd: [nothing]
  exposedPorts: ['8080']
  unexposedPorts: ['22']
  volumes: [/srv/data]
  unmountedVolumes: [/tmp]
  workdir: /srv
  user: '900'
";

const FAILING: &str = r"schemaVersion: 2.0.0
commandTests:
- {name: output, command: echo, args: [a], expectedOutput: [b]}
- {name: code, command: 'false'}
- {name: no program, command: /no/such/program}
- {name: setup, setup: [['false']], command: 'true'}
- {name: teardown, command: 'true', teardown: [[sh, -c, 'echo oops; exit 4']]}
- {name: passes, command: 'true'}
fileExistenceTests: [{name: owner, path: /srv/conf, uid: 0}]
fileContentTests: [{name: content, path: /srv/conf, expectedContents: [other]}]
licenseTests: [{files: [/none]}]
metadataTest: {user: root}
";

fn built<'a>(engine: &'a Engine, tests: &str) -> Catalog<'a> {
    let catalog = Catalog::new(engine);
    catalog.image("app", "1.0-1", &[], RECIPE);
    catalog.build(&[]).assert_code(0);
    write(&catalog, tests);
    catalog
}

fn write(catalog: &Catalog<'_>, tests: &str) {
    catalog.write("images/app/structure-test.yaml", tests.as_bytes());
}

fn verify(catalog: &Catalog<'_>, more: &[&str]) -> Output {
    catalog.pkg(&[&["verify", "app", "images"], more].concat())
}

/// The containers and images that tests made of this test's images and that are there now; they have its label.
fn left(engine: &Engine) -> usize {
    let own = format!("pkgtest={}", engine.namespace());
    let filters = [("label", vec![own.as_str(), "pkg.trial-until"])].into();
    let containers = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters);
    let images = ListImagesOptionsBuilder::new().all(true).filters(&filters);
    let docker = engine.docker();
    let containers = engine.wait(docker.list_containers(Some(containers.build())));
    let images = engine.wait(docker.list_images(Some(images.build())));
    containers.expect("a list").len() + images.expect("a list").len()
}

fn structure_tests_of_each_kind_pass_and_the_image_with_them(engine: &Engine) {
    let catalog = built(engine, PASSING);
    let output = verify(&catalog, &[]);
    output.assert_code(0);
    assert!(
        output.stdout.ends_with("11 passed, 0 failed\n"),
        "{}",
        output.stdout
    );
    assert_eq!(left(engine), 0);
    // That they passed is known, until they change.
    let plan = || catalog.pkg(&["plan", "images"]).render();
    let known = plan();
    write(&catalog, &PASSING.replace("all of you", "both of you"));
    assert_ne!(plan(), known);
    write(&catalog, PASSING);
    assert_eq!(plan(), known);
}

fn structure_tests_of_each_kind_fail_with_what_is_wrong(engine: &Engine) {
    let catalog = built(engine, FAILING);
    let output = verify(&catalog, &["--format", "json"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("9 of 10 structure tests failed"),
        "{}",
        output.stderr
    );
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let results = report["Results"].as_array().expect("results");
    let errors = results
        .iter()
        .map(|one| one["Errors"].as_array().cloned().unwrap_or_default());
    let errors: Vec<String> = errors
        .map(|errors| {
            errors
                .iter()
                .filter_map(|one| one.as_str())
                .collect::<Vec<_>>()
                .join("; ")
        })
        .collect();
    let expected = [
        "stdout does not match `b`",
        "it ended with exit code 1, and not 0",
        "its command `/no/such/program` cannot be started: ",
        "its setup command `false` ended with exit code 1",
        "its teardown command `sh -c echo oops; exit 4` ended with exit code 4: oops",
        "",
        "/srv/conf does not match `other`",
        "/srv/conf belongs to the user 900, and not to 0",
        "/none is not there",
        "the user is `900`, and not `root`",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (found, expected) in errors.iter().zip(expected) {
        assert!(
            found.starts_with(expected) && found.is_empty() == expected.is_empty(),
            "{found}: {expected}"
        );
    }
    assert_eq!(results[0]["Stdout"], "a\n");
    assert_eq!(left(engine), 0);
}

fn an_image_passes_only_with_both_kinds_of_tests(engine: &Engine) {
    let metadata = |user: &str| format!("schemaVersion: 2.0.0\nmetadataTest: {{user: '{user}'}}\n");
    let catalog = built(engine, &metadata("901"));
    catalog.test("app", "exit 0");
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("1 of 1 structure tests failed"),
        "{}",
        output.stderr
    );
    write(&catalog, &metadata("900"));
    catalog.test("app", "exit 7");
    let output = verify(&catalog, &["--format", "junit"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("ended with exit code 7"),
        "{}",
        output.stderr
    );
    for part in [
        "failures=\"1\" tests=\"2\"",
        "<testcase name=\"Metadata Test\"",
        "<testcase name=\"Verify Command: images/app/test.sh\"",
    ] {
        assert!(
            output.stdout.contains(part),
            "{part} is not in\n{}",
            output.stdout
        );
    }
    catalog.test("app", "exit 0");
    catalog.build(&[]).assert_code(0);
    verify(&catalog, &[]).assert_code(0);
    // What cannot be read fails before an image is made.
    write(&catalog, "schemaVersion: 2.0.0\nmetadataTests: {}\n");
    let again = catalog.version("app", "1.0-2").build(&[]);
    again.assert_code(1);
    assert!(
        again
            .stderr
            .contains("there is no key `metadataTests` here"),
        "{}",
        again.stderr
    );
    assert_eq!(catalog.find_id("app", "1.0-2"), None);
}

fn options_of_containers_are_kept(engine: &Engine) {
    let catalog = built(engine, "").with_variable("HANDED_ON", "3");
    let mount = catalog.sandbox().path().join("mounted");
    catalog.write("mounted/file", b"of the machine\n");
    catalog.write("images/app/some.env", b"# a comment\nFROM_FILE=1\n");
    let tests = format!(
        r"schemaVersion: 2.0.0
commandTests:
- {{name: user, command: id, args: [-u], expectedOutput: ['^0\s']}}
- {{name: variables, command: sh, args: [-c, 'echo $FROM_FILE $OWN $HANDED_ON'], envVars: [{{key: OWN, value: '2'}}], expectedOutput: ['^1 2 3\s']}}
- {{name: mount, command: cat, args: [/mounted/file], expectedOutput: [of the machine]}}
- {{name: read only, command: sh, args: [-c, 'echo > /mounted/file'], exitCode: 1, expectedOutput: [Read-only]}}
- {{name: terminal, command: busybox, args: [tty], expectedOutput: [/dev/]}}
- {{name: capability, command: grep, args: [CapEff, /proc/self/status]}}
containerRunOptions:
  user: '0'
  allocateTty: true
  envFile: some.env
  envVars: [HANDED_ON]
  capabilities: [NET_ADMIN]
  bindMounts: ['{}:/mounted:ro']
",
        mount.display()
    );
    write(&catalog, &tests);
    let output = verify(&catalog, &[]);
    output.assert_code(0);
    assert!(
        output.stdout.ends_with("6 passed, 0 failed\n"),
        "{}",
        output.render()
    );
    assert_eq!(left(engine), 0);
}

fn an_interrupted_command_test_leaves_no_container_and_no_image(engine: &Engine) {
    let tests = "schemaVersion: 2.0.0\ncommandTests:\n\
                 - {name: a, setup: [[sh, -c, 'echo 1 > /tmp/a']], command: sleep, args: ['600']}\n";
    let catalog = built(engine, tests);
    let running = catalog.start(&["verify", "app", "images"]);
    // The image that setup made, and the containers of both commands.
    crate::support::catalog::wait_until("its command runs", || left(engine) == 3);
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    assert_eq!(left(engine), 0, "{}", ended.talk);
}

fn a_command_test_that_prints_or_takes_too_much_is_ended(engine: &Engine) {
    let tests = "schemaVersion: 2.0.0\ncommandTests:\n\
                 - {name: a, command: sh, args: [-c, 'while true; do echo 0123456789012345678901234567890123456789; done']}\n";
    let catalog = built(engine, tests);
    let output = verify(&catalog, &[]);
    output.assert_code(1);
    assert!(
        output.stdout.contains("printed more than 8 MiB"),
        "{}",
        output.stdout
    );
    assert_eq!(left(engine), 0);
    write(
        &catalog,
        "schemaVersion: 2.0.0\ncommandTests: [{name: a, command: sleep, args: ['600']}]\n",
    );
    catalog.settings("verify_timeout: 3\n");
    let began = Instant::now();
    let output = verify(&catalog, &[]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("took longer than 3s"),
        "{}",
        output.stderr
    );
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(left(engine), 0);
}
