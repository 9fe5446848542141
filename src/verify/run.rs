//! The tests of an image: which there are, and running them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::command::TestCommand;
use super::digest_beside;
use super::error::VerifyError;
use super::structure::{STRUCTURE_FILE, StructureTests, Subject};
use crate::host::Environment;
use crate::host::fs::{self, FileError};
use crate::oci::{Digest, Reference};
use crate::settings::{Mask, VerifyCommand};
use crate::structure::{Counts, Report};

/// The tests of one image: a command, structure tests, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub(super) command: Option<TestCommand>,
    /// The file of structure tests.
    structure: Option<PathBuf>,
    /// The run that they are a part of.
    run: Option<String>,
    digest: Digest,
}

/// What tests are run on, and how.
#[derive(Clone, Copy, Debug)]
pub struct Verification<'a> {
    /// The image.
    pub subject: Subject<'a>,
    /// What tests see a part of.
    pub environment: &'a Environment,
    /// How long all of them may take.
    pub deadline: Duration,
    /// Ends them.
    pub cancelled: &'a CancellationToken,
    /// What is hidden in what they print, by who gets it.
    pub mask: &'a Mask,
}

/// How the tests of an image ended.
#[derive(Debug)]
pub struct Verified {
    /// Each of them, as far as they were run; the verify command is one.
    pub report: Report,
    /// Whether the image passed.
    pub passed: Result<(), VerifyError>,
}

impl Test {
    /// Gives the digest of the command, the test files and all that they may read beside themselves: when it differs, a passed
    /// test is no longer that.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Says which run it is a part of, in the variable [`RUN_VARIABLE`](crate::host::RUN_VARIABLE): what outlives a killed run is known by it.
    #[must_use]
    pub fn of_run(mut self, run: &str) -> Self {
        self.run = Some(run.to_owned());
        self
    }

    /// Tells whether some of them are commands, which only an engine runs.
    pub fn has_commands(&self) -> Result<bool, VerifyError> {
        let structure = self.structure()?;
        Ok(self.command.is_some() || structure.is_some_and(|tests| tests.has_commands()))
    }

    /// Tells whether structure tests are among them.
    #[must_use]
    pub fn has_structure(&self) -> bool {
        self.structure.is_some()
    }

    /// Reads the structure tests, where there are any.
    pub fn structure(&self) -> Result<Option<StructureTests>, VerifyError> {
        let file = self.structure.as_slice();
        (!file.is_empty())
            .then(|| StructureTests::read(file))
            .transpose()
    }
}

/// Finds the tests of an image directory; nothing where neither the file that the verify command names nor structure tests
/// are there.
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
    let content = match &file {
        None => Some(Vec::new()),
        Some(file) => find_bytes(file)?,
    };
    let structure = directory.join(STRUCTURE_FILE);
    let structure_content = find_bytes(&structure)?;
    if content.is_none() && structure_content.is_none() {
        return Ok(None);
    }
    let mut written = format!("{}\0{}\0", verify.command, verify.args.join("\0")).into_bytes();
    let command = content.map(|content| {
        written.extend(content);
        TestCommand {
            program: fill(&verify.command),
            arguments: verify.args.iter().map(fill).collect(),
            proxy: verify.proxy.clone(),
            file,
        }
    });
    let structure = structure_content.map(|content| {
        written.extend(format!("\0{STRUCTURE_FILE} {}\0", Digest::of(&content)).as_bytes());
        structure
    });
    written.extend(digest_beside(directory)?.as_str().as_bytes());
    Ok(Some(Test {
        command,
        structure,
        run: None,
        digest: Digest::of(&written),
    }))
}

fn find_bytes(file: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read_bytes(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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

/// Runs all tests of an image: the structure tests, then the verify command; `on_line` gets what that prints.
pub async fn verify(test: &Test, how: &Verification<'_>, on_line: impl FnMut(&str)) -> Verified {
    let mut report = Report::default();
    let mut passed = Ok(());
    let mut left = how.deadline;
    match test.structure() {
        Ok(None) => {}
        Ok(Some(tests)) => {
            // A command that gets no time at all could say nothing.
            const LEAST: Duration = Duration::from_secs(1);
            let began = Instant::now();
            match tests.run_within(how).await {
                Ok(found) => {
                    passed = judge(&found).map_err(|error| match error {
                        // All of them are commands.
                        VerifyError::NoTests if found.counts().skipped > 0 => {
                            VerifyError::NeedsEngine
                        }
                        error => error,
                    });
                    report = found;
                }
                Err(error) => passed = Err(error),
            }
            left = left.saturating_sub(began.elapsed()).max(LEAST);
        }
        Err(error) => passed = Err(error),
    }
    if let Some(command) = &test.command {
        let begun = Instant::now();
        let run = test.run.as_deref();
        let limits = (left, how.cancelled, how.mask);
        let done = match how.subject.engine() {
            Some(_) => command.run(run, how.environment, limits, on_line).await,
            // It is given the name of the image, under which nobody could give it any.
            None => Err(VerifyError::NeedsEngine),
        };
        report.results.push(command.result(&done, begun.elapsed()));
        passed = passed.and(done);
    }
    Verified { report, passed }
}

/// Tells whether structure tests passed.
pub fn judge(report: &Report) -> Result<(), VerifyError> {
    let Counts { passed, failed, .. } = report.counts();
    let total = passed + failed;
    match (failed, total) {
        (_, 0) => Err(VerifyError::NoTests),
        (0, _) => Ok(()),
        (failed, total) => Err(VerifyError::Structure { failed, total }),
    }
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
    fn structure_tests_are_tests_and_another_text_of_them_another_digest() {
        let directory = tempfile::tempdir().unwrap();
        let label: Reference = "example/a:1".parse().unwrap();
        let write = |name: &str, text: &str| {
            fs::write_atomically(&directory.path().join(name), text.as_bytes()).unwrap();
            let test = find_test(&usual(), directory.path(), &label);
            test.unwrap().expect("a test")
        };
        let one = write(STRUCTURE_FILE, "schemaVersion: 2.0.0\n");
        assert!(one.command.is_none());
        assert!(one.structure().unwrap().is_some());
        let other = write(STRUCTURE_FILE, "schemaVersion: 1.0.0\n");
        let both = write("test.sh", "true");
        assert!(both.command.is_some() && both.structure().unwrap().is_some());
        assert!(one.digest() != other.digest() && other.digest() != both.digest());
        let wrong = write(
            STRUCTURE_FILE,
            "schemaVersion: 2.0.0\nfileContentTests: [{name: a, path: b, expectedContents: ['(']}]\n",
        );
        let error = wrong.structure().expect_err("no regular expression");
        let place = directory.path().join(STRUCTURE_FILE).display().to_string();
        let expected = format!("{place}:2:58: `(` is no regular expression: unclosed group");
        assert_eq!(error.to_string(), expected);
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
            test.expect("a test").command.expect("a command").arguments,
            [path, "example/a:1".to_owned()]
        );
    }
}
