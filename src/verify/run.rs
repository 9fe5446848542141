//! Runs the verify command of the settings, as docker-pkg does: `/bin/bash -c "{path}/test.sh {image}"` unless another
//! one is set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::host::fs::{self, FileError};
use crate::host::{Environment, ProcessError, Program};
use crate::oci::{Digest, Reference};
use crate::settings::VerifyCommand;

/// What a test sees of the environment: enough to find programs, the engine and the way out.
const HANDED_ON: [&str; 10] = [
    "PATH",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// The tests of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    command: String,
    arguments: Vec<String>,
    directory: PathBuf,
    digest: Digest,
}

/// Why an image did not pass.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The command failed, or could not run.
    #[error(transparent)]
    Command(#[from] ProcessError),
}

impl Test {
    /// Gives the digest of command and test file: when it differs, a passed test is no longer that.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Finds the tests of an image directory; nothing where the file that the verify command names is not there.
///
/// `{path}` stands for the directory, `{image}` for the label.
pub fn find_test(
    verify: &VerifyCommand,
    directory: &Path,
    label: &Reference,
) -> Result<Option<Test>, FileError> {
    let path = std::path::absolute(directory)
        .map_err(|source| FileError::new("find", directory, source))?;
    let shown = path.to_string_lossy();
    let fill = |text: &String| {
        text.replace("{path}", &shown)
            .replace("{image}", &label.to_string())
    };
    let file = verify
        .args
        .iter()
        .chain([&verify.command])
        .find_map(|text| find_named_file(text));
    let content = match file.map(|name| fs::read_bytes(&directory.join(name))) {
        None => Vec::new(),
        Some(Ok(content)) => content,
        Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Some(Err(error)) => return Err(error),
    };
    let mut written = format!("{}\0{}\0", verify.command, verify.args.join("\0")).into_bytes();
    written.extend(content);
    Ok(Some(Test {
        command: fill(&verify.command),
        arguments: verify.args.iter().map(fill).collect(),
        directory: path,
        digest: Digest::of(&written),
    }))
}

/// `test.sh` of `{path}/test.sh {image}`.
fn find_named_file(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("{path}/")?;
    let end = rest
        .find(|c: char| c.is_whitespace() || "'\";&|".contains(c))
        .unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// Runs the tests; `on_line` gets what they print.
pub async fn verify(
    test: &Test,
    environment: &Environment,
    deadline: Duration,
    cancelled: &CancellationToken,
    mut on_line: impl FnMut(&str),
) -> Result<(), VerifyError> {
    let program = Program::new(&test.command)
        .arguments(&test.arguments)
        .directory(&test.directory);
    let program = HANDED_ON
        .iter()
        .fold(program, |program, name| match environment.find(name) {
            Some(value) => program.variable(name, value),
            None => program,
        });
    program
        .deadline(deadline)
        .run(cancelled, |_, line| on_line(line))
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> VerifyCommand {
        VerifyCommand {
            command: "/bin/bash".to_owned(),
            args: vec!["-c".to_owned(), "{path}/test.sh {image}".to_owned()],
        }
    }

    #[test]
    fn no_test_file_means_no_test_and_another_text_another_digest() {
        let directory = tempfile::tempdir().unwrap();
        let label: Reference = "example/a:1".parse().unwrap();
        assert_eq!(find_test(&usual(), directory.path(), &label).unwrap(), None);
        let path = directory.path().join("test.sh");
        let digest_of = |text: &str| {
            fs::write_atomically(&path, text.as_bytes()).unwrap();
            let test = find_test(&usual(), directory.path(), &label)
                .unwrap()
                .expect("a test");
            test.digest().clone()
        };
        assert_ne!(digest_of("true"), digest_of("false"));
    }

    #[test]
    fn the_file_is_the_one_that_the_command_names() {
        assert_eq!(find_named_file("{path}/test.sh {image}"), Some("test.sh"));
        assert_eq!(
            find_named_file("cd {path} && '{path}/t/run' x"),
            Some("t/run")
        );
        assert_eq!(find_named_file("{image}"), None);
        assert_eq!(find_named_file("{path}/"), None);
    }

    #[tokio::test]
    async fn a_test_sees_its_image_and_little_else() {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomically(
            &directory.path().join("test.sh"),
            b"echo $1; env | cut -d= -f1 | sort | xargs; exit 3",
        )
        .unwrap();
        let verify_command = VerifyCommand {
            command: "sh".to_owned(),
            args: vec!["{path}/test.sh".to_owned(), "{image}".to_owned()],
        };
        let label = "example/a:1".parse().unwrap();
        let test = find_test(&verify_command, directory.path(), &label)
            .unwrap()
            .expect("a test");
        let environment = Environment::from([
            ("PATH", "/usr/bin:/bin"),
            ("TOKEN", "x"),
            ("http_proxy", "p"),
        ]);
        let mut lines = Vec::new();
        let deadline = Duration::from_secs(10);
        let result = verify(
            &test,
            &environment,
            deadline,
            &CancellationToken::new(),
            |line| lines.push(line.to_owned()),
        )
        .await;
        assert!(
            matches!(
                result,
                Err(VerifyError::Command(ProcessError::Exit { code: 3, .. }))
            ),
            "{result:?}"
        );
        assert_eq!(lines, ["example/a:1", "PATH PWD http_proxy"]);
    }

    #[test]
    fn the_digest_follows_the_command_and_not_the_label() {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomically(&directory.path().join("test.sh"), b"true").unwrap();
        let digest_of = |verify_command: &VerifyCommand, label: &str| {
            let label = label.parse().unwrap();
            let test = find_test(verify_command, directory.path(), &label).unwrap();
            test.expect("a test").digest().clone()
        };
        let other = VerifyCommand {
            command: "/bin/sh".to_owned(),
            ..usual()
        };
        let first = digest_of(&usual(), "example/a:1");
        assert_eq!(first, digest_of(&usual(), "example/a:2"));
        assert_ne!(first, digest_of(&other, "example/a:1"));
    }

    #[test]
    fn a_command_that_names_no_file_always_runs() {
        let directory = tempfile::tempdir().unwrap();
        let verify_command = VerifyCommand {
            command: "check".to_owned(),
            args: vec!["{path}".to_owned(), "{image}".to_owned()],
        };
        let label = "example/a:1".parse().unwrap();
        let test = find_test(&verify_command, directory.path(), &label).unwrap();
        let path = directory.path().display().to_string();
        assert_eq!(
            test.expect("a test").arguments,
            [path, "example/a:1".to_owned()]
        );
    }

    #[tokio::test]
    async fn tests_that_take_too_long_and_tests_that_are_interrupted_did_not_pass() {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomically(&directory.path().join("test.sh"), b"exec sleep 60").unwrap();
        let verify_command = VerifyCommand {
            command: "sh".to_owned(),
            args: vec!["{path}/test.sh".to_owned()],
        };
        let label = "example/a:1".parse().unwrap();
        let test = find_test(&verify_command, directory.path(), &label).unwrap();
        let test = test.expect("a test");
        let environment = Environment::from([("PATH", "/usr/bin:/bin")]);
        let (never, cancelled) = (CancellationToken::new(), CancellationToken::new());
        let soon = Duration::from_millis(20);
        let result = verify(&test, &environment, soon, &never, |_| ()).await;
        assert!(
            matches!(
                result,
                Err(VerifyError::Command(ProcessError::Deadline { .. }))
            ),
            "{result:?}"
        );
        cancelled.cancel();
        let long = Duration::from_secs(60);
        let result = verify(&test, &environment, long, &cancelled, |_| ()).await;
        assert!(
            matches!(
                result,
                Err(VerifyError::Command(ProcessError::Cancelled { .. }))
            ),
            "{result:?}"
        );
    }
}
