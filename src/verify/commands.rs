//! Commands of structure tests, each in a container of its own.
//!
//! What a setup command changes is kept as an image, which the next one and the test itself begin with. All containers and
//! images are known by name before the engine is asked for them, and go when the tests are over, whatever ended them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{RwLock, oneshot};

use super::error::VerifyError;
use super::structure::result;
use crate::engine::{Engine, EngineError, Trial, TrialEnd};
use crate::host::fs::read_text;
use crate::host::{Environment, unique_hex};
use crate::oci::{ContainerConfig, Digest};
use crate::structure::{
    Check, CommandTest, ImageView, Ran, RunOptions, Suite, TestResult, expand, expand_variables,
};

/// The commands of one image's tests.
#[derive(Debug)]
pub(super) struct Commands<'a> {
    engine: &'a Engine,
    image: &'a Digest,
    /// When nobody wants their containers any more, in seconds since 1970.
    until: i64,
    made: Mutex<Made>,
    /// Read by each request that makes something, as long as the engine is at work on it.
    busy: Arc<RwLock<()>>,
}

/// What was asked for, by name.
#[derive(Debug, Default)]
struct Made {
    containers: Vec<String>,
    images: Vec<String>,
}

/// What all commands of a test have.
struct Frame {
    environment: Vec<String>,
    run: RunOptions,
}

impl<'a> Commands<'a> {
    pub(super) fn new(engine: &'a Engine, image: &'a Digest, until: i64) -> Self {
        Self {
            engine,
            image,
            until,
            made: Mutex::default(),
            busy: Arc::default(),
        }
    }

    /// Runs one test: its setup, its command, its teardown.
    pub(super) async fn judge(
        &self,
        test: &CommandTest,
        (path, suite, machine): (&Path, &Suite, &Environment),
        config: &ContainerConfig,
    ) -> Result<TestResult, VerifyError> {
        let began = Instant::now();
        let mut known = ImageView::new(config, None).environment;
        let own = suite.variables.iter().chain(&test.variables);
        expand_variables(&mut known, own.clone());
        let mut environment = given(path, &suite.run, machine)?;
        // In their order, and with what they name put in.
        environment
            .extend(own.filter_map(|one| Some(format!("{}={}", one.key, known.get(&one.key)?))));
        let frame = Frame {
            environment,
            run: suite.run.clone(),
        };
        let judged = self.run_all(test, &frame, &known).await;
        self.clean_up().await?;
        let (ran, wrong) = judged?;
        let check = Check::Command(test);
        Ok(TestResult {
            stdout: ran.stdout,
            stderr: ran.stderr,
            ..result(&check, wrong, began.elapsed())
        })
    }

    async fn run_all(
        &self,
        test: &CommandTest,
        frame: &Frame,
        known: &BTreeMap<String, String>,
    ) -> Result<(Ran, Vec<String>), EngineError> {
        let mut image = self.image.as_str().to_owned();
        for words in &test.setup {
            let (container, end) = self.run(&image, &filled(words, known), frame).await?;
            if let Some(wrong) = failure("its setup command", words, &end) {
                return Ok((Ran::default(), vec![wrong]));
            }
            image = format!("pkg-trial:{}", unique_hex());
            self.made(|made| made.images.push(image.clone()));
            let (engine, name) = (self.engine.clone(), image.clone());
            self.finish(Box::pin(async move {
                engine.commit_trial(&container, &name).await
            }))
            .await?;
        }
        let (_, end) = self.run(&image, &filled(&test.words, known), frame).await?;
        let (ran, mut wrong) = match end {
            TrialEnd::Ended {
                code,
                stdout,
                stderr,
            } => {
                let ran = Ran {
                    exit_code: code,
                    stdout: String::from_utf8_lossy(&stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&stderr).into_owned(),
                };
                let wrong = test.judge(&ran);
                (ran, wrong)
            }
            end => {
                let wrong = failure("its command", &test.words, &end);
                (Ran::default(), wrong.into_iter().collect())
            }
        };
        for words in &test.teardown {
            let (_, end) = self.run(&image, &filled(words, known), frame).await?;
            wrong.extend(failure("its teardown command", words, &end));
        }
        Ok((ran, wrong))
    }

    async fn run(
        &self,
        image: &str,
        words: &[String],
        frame: &Frame,
    ) -> Result<(String, TrialEnd), EngineError> {
        let name = format!("pkg-trial-{}", unique_hex());
        self.made(|made| made.containers.push(name.clone()));
        let run = &frame.run;
        let trial = Trial {
            name: name.clone(),
            image: image.to_owned(),
            words: words.to_vec(),
            environment: frame.environment.clone(),
            user: run.user.clone(),
            privileged: run.privileged,
            has_terminal: run.allocate_tty,
            capabilities: run.capabilities.clone(),
            mounts: run.bind_mounts.clone(),
            until: self.until,
        };
        let (engine, made) = (self.engine.clone(), trial.clone());
        self.finish(Box::pin(async move { engine.make_trial(&made).await }))
            .await?;
        let (engine, started) = (self.engine.clone(), trial.clone());
        let started = self.finish(Box::pin(async move { engine.start_trial(&started).await }));
        let end = match started.await? {
            Some(why) => TrialEnd::NotStarted(why),
            None => self.engine.follow_trial(&trial).await?,
        };
        Ok((name, end))
    }

    /// Asks the engine for something that stays, and hears its answer also when nobody waits for it any more: what it was asked
    /// for comes about all the same, and could not be removed before.
    async fn finish<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let busy = Arc::clone(&self.busy).read_owned().await;
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let answer = request.await;
            drop(busy);
            // Whoever asked may be gone.
            let _ = tell.send(answer);
        });
        told.await.expect("a request that is told to its end")
    }

    fn made<T>(&self, change: impl FnOnce(&mut Made) -> T) -> T {
        // Each change is whole.
        change(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Removes all that was made so far, the newest first; what cannot be removed does not keep the rest. Who is ended while he
    /// waits for this may ask once more.
    pub(super) async fn clean_up(&self) -> Result<(), EngineError> {
        let cleaned = tokio::time::timeout(CLEANING, self.remove_all()).await;
        cleaned.unwrap_or_else(|_| {
            Err(EngineError::Silent {
                action: "remove what tests made".to_owned(),
                deadline: CLEANING,
            })
        })
    }

    async fn remove_all(&self) -> Result<(), EngineError> {
        // Until all that was asked for is there.
        drop(self.busy.write().await);
        let mut result = Ok(());
        for name in self.made(|made| made.containers.clone()).iter().rev() {
            let removed = again(|| self.engine.remove_trial(name)).await;
            if removed.is_ok() {
                self.made(|made| made.containers.retain(|one| one != name));
            }
            result = result.and(removed);
        }
        for name in self.made(|made| made.images.clone()).iter().rev() {
            let remove = || async { self.engine.remove_tag(name).await.map(drop) };
            let removed = again(remove).await;
            if removed.is_ok() {
                self.made(|made| made.images.retain(|one| one != name));
            }
            result = result.and(removed);
        }
        result
    }
}

/// For so long all of it may take, on an engine that does not answer.
const CLEANING: Duration = Duration::from_secs(120);
/// For so long something is removed again that the engine is not done with, with this time in between.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(300);

async fn again<F: Future<Output = Result<(), EngineError>>>(
    remove: impl Fn() -> F,
) -> Result<(), EngineError> {
    let began = Instant::now();
    loop {
        let removed = remove().await;
        if removed.is_ok() || began.elapsed() > PATIENCE {
            return removed;
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

fn filled(words: &[String], known: &BTreeMap<String, String>) -> Vec<String> {
    words.iter().map(|word| expand(word, known)).collect()
}

/// Says why a command is none that ended well; what it printed last is often the reason.
fn failure(what: &str, words: &[String], end: &TrialEnd) -> Option<String> {
    let command = words.join(" ");
    match end {
        TrialEnd::Ended { code: 0, .. } => None,
        TrialEnd::Ended {
            code,
            stdout,
            stderr,
        } => {
            let printed = String::from_utf8_lossy(if stderr.is_empty() { stdout } else { stderr });
            let last = printed.lines().last().unwrap_or_default();
            let said = if last.is_empty() { "" } else { ": " };
            Some(format!(
                "{what} `{command}` ended with exit code {code}{said}{last}"
            ))
        }
        TrialEnd::NotStarted(why) => Some(format!("{what} `{command}` cannot be started: {why}")),
        TrialEnd::Endless => Some(format!("{what} `{command}` printed more than 8 MiB")),
    }
}

/// Gives the variables of `containerRunOptions`: those of its file, which lies beside the tests, then those that are handed on.
fn given(path: &Path, run: &RunOptions, machine: &Environment) -> Result<Vec<String>, VerifyError> {
    let mut given = Vec::new();
    let handed_on = |name: &str| Some(format!("{name}={}", machine.find(name)?));
    if let Some(file) = &run.env_file {
        let text = read_text(&path.with_file_name(file))?;
        let lines = text.lines().map(str::trim_start);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        given.extend(lines.filter_map(|line| match line.split_once('=') {
            Some(_) => Some(line.to_owned()),
            None => handed_on(line.trim_end()),
        }));
    }
    given.extend(run.env_vars.iter().filter_map(|name| handed_on(name)));
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::write_generated;

    #[test]
    fn variables_come_from_the_file_beside_the_tests_and_from_the_machine() {
        let directory = tempfile::tempdir().unwrap();
        let text = b"# a comment\nA=1\n\n  B = 2\nPATH\nNO_SUCH_VARIABLE_OF_ANYBODY\n";
        write_generated(&directory.path().join("a.env"), text).unwrap();
        let run = RunOptions {
            env_file: Some("a.env".to_owned()),
            env_vars: vec!["PATH".to_owned(), "NO_SUCH_VARIABLE_OF_ANYBODY".to_owned()],
            ..RunOptions::default()
        };
        let machine = Environment::of_process();
        let path = format!("PATH={}", machine.find("PATH").unwrap());
        let given = given(
            &directory.path().join("structure-test.yaml"),
            &run,
            &machine,
        )
        .unwrap();
        assert_eq!(given, ["A=1", "B = 2", &path, &path]);
    }

    #[test]
    fn a_command_that_did_not_end_well_says_why() {
        let told = |end: &TrialEnd| failure("its command", &["a".to_owned(), "b".to_owned()], end);
        let ended = |code, stderr: &[u8]| TrialEnd::Ended {
            code,
            stdout: b"out".to_vec(),
            stderr: stderr.to_vec(),
        };
        assert_eq!(told(&ended(0, b"oops")), None);
        let expected = "its command `a b` ended with exit code 2: oops";
        assert_eq!(told(&ended(2, b"well\noops\n")).as_deref(), Some(expected));
        let expected = "its command `a b` ended with exit code 2: out";
        assert_eq!(told(&ended(2, b"")).as_deref(), Some(expected));
        let expected = "its command `a b` printed more than 8 MiB";
        assert_eq!(told(&TrialEnd::Endless).as_deref(), Some(expected));
    }
}
