//! Runs the verify command of the settings, as docker-pkg does: `/bin/bash -c "{path}/test.sh {image}"` unless another
//! one is set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::digest_beside;
use crate::host::fs::{self, FileError};
use crate::host::{Environment, ProcessError, Program, RUN_VARIABLE};
use crate::oci::{Digest, Reference};
use crate::settings::{PROXY_VARIABLES, VerifyCommand, without_login};

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
    proxy: Option<String>,
    /// The run that it is a part of.
    run: Option<String>,
    /// The file that the command names, as the user knows it.
    file: Option<PathBuf>,
    digest: Digest,
}

/// Why an image did not pass.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The command failed, or could not run.
    #[error(transparent)]
    Command(#[from] ProcessError),
    /// The test file said no: the command, mostly a shell, only hands its exit code on.
    #[error("its test {} ended with exit code {code}", file.display())]
    Test {
        /// The file.
        file: PathBuf,
        /// The exit code.
        code: i32,
    },
    /// The test file could not be run.
    #[error(
        "its test {} ended with exit code {code}, as it is not executable: `chmod +x {}`",
        file.display(), quote(file)
    )]
    NotExecutable {
        /// The file.
        file: PathBuf,
        /// The exit code.
        code: i32,
    },
}

/// Writes a path so that it can be pasted into a shell.
fn quote(path: &Path) -> String {
    let path = path.display().to_string();
    match shlex::try_quote(&path) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => path,
    }
}

impl Test {
    /// Gives the digest of the command, the test file and all that it may read beside itself: when it differs, a passed test
    /// is no longer that.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Says which run it is a part of, in the variable [`RUN_VARIABLE`]: what outlives a killed run is known by it.
    #[must_use]
    pub fn of_run(mut self, run: &str) -> Self {
        self.run = Some(run.to_owned());
        self
    }

    /// Says of the test file what the command only handed on.
    fn blame(&self, error: ProcessError) -> VerifyError {
        match (error, self.file.clone()) {
            (ProcessError::Exit { code, .. }, Some(file)) => {
                // With these a shell says that it could not run a file.
                if matches!(code, 126 | 127) && !fs::is_executable(&file) {
                    VerifyError::NotExecutable { file, code }
                } else {
                    VerifyError::Test { file, code }
                }
            }
            (error, _) => error.into(),
        }
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
    let file = find_test_file(verify).map(|name| directory.join(name));
    let content = match file.as_deref().map(fs::read_bytes) {
        None => Vec::new(),
        Some(Ok(content)) => content,
        Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Some(Err(error)) => return Err(error),
    };
    let mut written = format!("{}\0{}\0", verify.command, verify.args.join("\0")).into_bytes();
    written.extend(content);
    written.extend(digest_beside(directory).as_str().as_bytes());
    Ok(Some(Test {
        command: fill(&verify.command),
        arguments: verify.args.iter().map(fill).collect(),
        proxy: verify.proxy.clone(),
        run: None,
        file,
        digest: Digest::of(&written),
    }))
}

/// Finds the file of an image directory that the verify command names: `test.sh`, unless the settings have another one.
#[must_use]
pub fn find_test_file(verify: &VerifyCommand) -> Option<&str> {
    let texts = verify.args.iter().chain([&verify.command]);
    texts.map(String::as_str).find_map(find_named_file)
}

/// `test.sh` of `{path}/test.sh {image}`.
pub(super) fn find_named_file(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("{path}/")?;
    let end = rest
        .find(|c: char| c.is_whitespace() || "'\";&|".contains(c))
        .unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// Runs the tests where the program was started; `on_line` gets what they print.
///
/// The proxy of the settings goes before those of the environment; of neither are tests told the login.
pub async fn verify(
    test: &Test,
    environment: &Environment,
    deadline: Duration,
    cancelled: &CancellationToken,
    mut on_line: impl FnMut(&str),
) -> Result<(), VerifyError> {
    let program = Program::new(&test.command).arguments(&test.arguments);
    let program = HANDED_ON
        .iter()
        .fold(program, |program, name| match environment.find(name) {
            Some(value) if name.to_ascii_lowercase().ends_with("_proxy") => {
                program.variable(name, without_login(&value).as_ref())
            }
            Some(value) => program.variable(name, value),
            None => program,
        });
    let proxy = test
        .proxy
        .iter()
        .map(|proxy| without_login(proxy).into_owned());
    let program = proxy.fold(program, |program, proxy| {
        PROXY_VARIABLES
            .iter()
            .fold(program, |program, name| program.variable(*name, &proxy))
    });
    let program = match &test.run {
        Some(run) => program.variable(RUN_VARIABLE, run),
        None => program,
    };
    let run = program
        .deadline(deadline)
        .run(cancelled, |_, line| on_line(line));
    run.await.map_err(|error| test.blame(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> VerifyCommand {
        VerifyCommand {
            command: "/bin/bash".to_owned(),
            args: vec!["-c".to_owned(), "{path}/test.sh {image}".to_owned()],
            proxy: None,
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

    /// What a test prints that shows its arguments, its directory and its variables, and ends with 3.
    async fn lines_of_a_test(proxy: Option<&str>, environment: &Environment) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let script = b"echo $1; pwd; env -u PWD -u PATH | sort; echo ${PATH:+PATH}; exit 3";
        fs::write_atomically(&directory.path().join("test.sh"), script).unwrap();
        let verify_command = VerifyCommand {
            command: "sh".to_owned(),
            args: vec!["{path}/test.sh".to_owned(), "{image}".to_owned()],
            proxy: proxy.map(str::to_owned),
        };
        let label = "example/a:1".parse().unwrap();
        let test = find_test(&verify_command, directory.path(), &label)
            .unwrap()
            .expect("a test");
        let mut lines = Vec::new();
        let (deadline, never) = (Duration::from_secs(10), CancellationToken::new());
        let result = verify(&test, environment, deadline, &never, |line| {
            lines.push(line.to_owned());
        });
        let result = result.await;
        assert!(
            matches!(result, Err(VerifyError::Test { code: 3, .. })),
            "{result:?}"
        );
        lines
    }

    #[tokio::test]
    async fn a_test_sees_its_image_and_little_else() {
        let environment = Environment::from([
            ("PATH", "/usr/bin:/bin"),
            ("TOKEN", "x"),
            ("http_proxy", "p"),
            ("NO_PROXY", "n"),
        ]);
        let here = std::path::absolute(".").unwrap().display().to_string();
        assert_eq!(
            lines_of_a_test(None, &environment).await,
            ["example/a:1", &here, "NO_PROXY=n", "http_proxy=p", "PATH"]
        );
        assert_eq!(
            lines_of_a_test(Some("http://q:1"), &environment).await,
            [
                "example/a:1",
                &here,
                "HTTPS_PROXY=http://q:1",
                "HTTP_PROXY=http://q:1",
                "NO_PROXY=n",
                "http_proxy=http://q:1",
                "https_proxy=http://q:1",
                "PATH"
            ]
        );
    }

    #[track_caller]
    fn blame_case(file: Option<&str>, code: i32, expected: &str) {
        let test = Test {
            command: "/bin/bash".to_owned(),
            arguments: Vec::new(),
            proxy: None,
            run: None,
            file: file.map(PathBuf::from),
            digest: Digest::of(b""),
        };
        let program = "/bin/bash".to_owned();
        let error = test.blame(ProcessError::Exit { program, code });
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_failed_test_is_its_files_fault_and_not_the_shells() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.sh");
        fs::write_generated(&path, b"true").unwrap();
        let file = path.to_str().unwrap();
        let failed = format!("its test {file} ended with exit code");
        blame_case(Some(file), 1, &format!("{failed} 1"));
        let not_executable = format!("as it is not executable: `chmod +x {file}`");
        blame_case(Some(file), 126, &format!("{failed} 126, {not_executable}"));
        blame_case(Some(file), 127, &format!("{failed} 127, {not_executable}"));
        blame_case(
            Some("/bin/sh"),
            126,
            "its test /bin/sh ended with exit code 126",
        );
        blame_case(None, 126, "`/bin/bash` ended with exit code 126");
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
            proxy: None,
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
            proxy: None,
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
