//! The verify command of the settings, as docker-pkg runs it: `/bin/bash -c "{path}/test.sh {image}"` unless another one is
//! set.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::VerifyError;
use crate::host::{Environment, ProcessError, Program, RUN_VARIABLE, cause, fs};
use crate::place::Place;
use crate::settings::{Mask, PROXY_VARIABLES, without_login};
use crate::structure::{Outcome, TestResult};

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

/// The verify command of the settings, for one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TestCommand {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) proxy: Option<String>,
    /// The file that the command names, as the user knows it.
    pub(super) file: Option<PathBuf>,
}

impl TestCommand {
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

    /// Gives what a report says of it.
    pub(super) fn result(&self, passed: &Result<(), VerifyError>, took: Duration) -> TestResult {
        let file = self.file.as_deref();
        let name = file.map_or_else(|| self.program.clone(), |file| file.display().to_string());
        TestResult {
            title: format!("Verify Command: {name}"),
            place: Place::file(Path::new(&name)),
            outcome: match passed {
                Ok(()) => Outcome::Passed,
                Err(error) => Outcome::Failed(vec![cause(error)]),
            },
            stdout: String::new(),
            stderr: String::new(),
            took,
        }
    }

    /// Runs it where the program was started; `on_line` gets what it prints.
    ///
    /// The proxy of the settings goes before those of the environment; of neither are tests told the login.
    pub(super) async fn run(
        &self,
        run: Option<&str>,
        environment: &Environment,
        (deadline, cancelled, mask): (Duration, &CancellationToken, &Mask),
        mut on_line: impl FnMut(&str),
    ) -> Result<(), VerifyError> {
        let program = Program::new(&self.program).arguments(&self.arguments);
        let program =
            HANDED_ON
                .iter()
                .fold(program, |program, name| match environment.find(name) {
                    Some(value) if name.to_ascii_lowercase().ends_with("_proxy") => {
                        program.variable(name, without_login(&value).as_ref())
                    }
                    Some(value) => program.variable(name, value),
                    None => program,
                });
        let proxy = self
            .proxy
            .iter()
            .map(|proxy| without_login(proxy).into_owned());
        let program = proxy.fold(program, |program, proxy| {
            PROXY_VARIABLES
                .iter()
                .fold(program, |program, name| program.variable(*name, &proxy))
        });
        let program = match run {
            Some(run) => program.variable(RUN_VARIABLE, run),
            None => program,
        };
        let done = program
            .deadline(deadline)
            .hiding(mask)
            .run(cancelled, |_, line| on_line(line));
        done.await.map_err(|error| self.blame(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::find_test;
    use super::*;
    use crate::settings::VerifyCommand;

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
        let command = test.command.expect("a command");
        let mut lines = Vec::new();
        let (deadline, never) = (Duration::from_secs(10), CancellationToken::new());
        let limits = (deadline, &never, &Mask::default());
        let result = command.run(None, environment, limits, |line| {
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
        let command = TestCommand {
            program: "/bin/bash".to_owned(),
            arguments: Vec::new(),
            proxy: None,
            file: file.map(PathBuf::from),
        };
        let program = "/bin/bash".to_owned();
        let error = command.blame(ProcessError::Exit { program, code });
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
        let test = test.expect("a test").command.expect("a command");
        let environment = Environment::from([("PATH", "/usr/bin:/bin")]);
        let (never, cancelled) = (CancellationToken::new(), CancellationToken::new());
        let soon = Duration::from_millis(20);
        let none = Mask::default();
        let limits = (soon, &never, &none);
        let result = test.run(None, &environment, limits, |_| ()).await;
        assert!(
            matches!(
                result,
                Err(VerifyError::Command(ProcessError::Deadline { .. }))
            ),
            "{result:?}"
        );
        cancelled.cancel();
        let long = Duration::from_secs(60);
        let result = test
            .run(None, &environment, (long, &cancelled, &none), |_| ())
            .await;
        assert!(
            matches!(
                result,
                Err(VerifyError::Command(ProcessError::Cancelled { .. }))
            ),
            "{result:?}"
        );
    }
}
