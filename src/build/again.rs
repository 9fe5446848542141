//! Trying again: what failed because of a network, a mirror or a registry that is in trouble for a moment is made once or
//! twice more, within the time that the image has.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::Event;
use super::image::MakeError;
use super::passing::Words;
use super::run::{Known, Report, Run};
use super::shelved::BringError;
use crate::assemble::AssembleError;
use crate::catalog::{ImageId, Recipe};
use crate::engine::{BuildFault, EngineError};
use crate::host::{ProcessError, cause};
use crate::oci::{Digest, Reference};

/// How long each further try waits: a mirror changes its files within seconds, a rate limit or a server needs longer.
const WAITS: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(30)];

/// How long the work on one image may take, all tries together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    began: Instant,
    allowed: Duration,
}

impl Limit {
    pub(super) fn new(allowed: Duration) -> Self {
        Self {
            began: Instant::now(),
            allowed,
        }
    }

    /// Gives all of it.
    pub(super) fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Gives what is left of it.
    pub(super) fn left(&self) -> Duration {
        self.allowed.saturating_sub(self.began.elapsed())
    }

    /// Takes out a time in which others worked.
    fn leave_out(&mut self, time: Duration) {
        self.began += time;
    }
}

/// The waits of one piece of work.
#[derive(Debug, Default)]
pub(super) struct Patience {
    tries: usize,
}

impl Patience {
    /// Gives how long the next try waits, where there is one: an engine that has gone comes back once or not at all.
    fn next_wait(&mut self, trouble: Trouble, left: Duration) -> Option<Wait> {
        let most = match trouble {
            Trouble::Mirror => WAITS.len(),
            Trouble::Engine => 1,
        };
        let wait = WAITS[..most].get(self.tries).copied();
        self.tries += 1;
        let wait = Wait {
            pause: wait.filter(|wait| *wait < left)?,
            next: (self.tries + 1, most + 1),
            trouble,
        };
        Some(wait)
    }
}

/// How long a try waits, which one it is, and of how many at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait {
    pause: Duration,
    next: (usize, usize),
    trouble: Trouble,
}

/// Whose trouble may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// A mirror's, a registry's, or that of the network between.
    Mirror,
    /// The engine's, which is being restarted, or lost an answer.
    Engine,
}

impl Run<'_> {
    /// Makes an image from its recipe; a failure that may pass is tried again.
    pub(super) async fn make_with_patience(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let mut patience = Patience::default();
        loop {
            report.words = Words::default();
            let made = match &described.recipe {
                Recipe::Template { .. } => self.build(image, known, report).await,
                Recipe::Declared { file, .. } => self.assemble(image, file, known, report).await,
            };
            let error = match made {
                Err(error) if !error.is_interruption() => error,
                made => return made,
            };
            let Some((trouble, why)) = find_trouble(&error, &report.words) else {
                return Err(in_all(error, report.limit));
            };
            match patience.next_wait(trouble, report.limit.left()) {
                Some(wait) => self.wait(&described.label, wait, &why, report).await?,
                None => return Err(last(error, trouble, &why)),
            }
        }
    }

    /// Waits before the next try of a pull that failed with what may pass; gives the error back when there is none.
    pub(super) async fn wait_to_pull(
        &self,
        image: &Reference,
        error: EngineError,
        (patience, report): (&mut Patience, &mut Report<'_>),
    ) -> Result<(), EngineError> {
        let Some((trouble, why)) = find_engine_trouble(&error) else {
            return Err(error);
        };
        let Some(wait) = patience.next_wait(trouble, report.limit.left()) else {
            return Err(error);
        };
        // Who interrupts is told by the next try.
        let _ = self.wait(image, wait, &why, report).await;
        Ok(())
    }

    async fn wait(
        &self,
        image: &Reference,
        Wait {
            pause,
            next,
            trouble,
        }: Wait,
        why: &str,
        report: &mut Report<'_>,
    ) -> Result<(), MakeError> {
        let (number, most) = next;
        let seconds = pause.as_secs();
        report.log.heading(&format!(
            "again in {seconds}s, try {number} of {most}: {why}"
        ));
        (report.tell)(Event::Again {
            image: image.clone(),
            wait: pause,
            next,
            cause: why.to_owned(),
        });
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(MakeError::Interrupted),
            () = report.wait(pause, trouble) => Ok(()),
        }
    }
}

impl Report<'_> {
    async fn wait(&mut self, wait: Duration, trouble: Trouble) {
        let sleeping = tokio::time::sleep(wait);
        match trouble {
            Trouble::Mirror => {
                let others = self.slot.lend_during(sleeping).await;
                self.limit.leave_out(others);
            }
            // Others would only meet the same.
            Trouble::Engine => sleeping.await,
        }
    }
}

/// Tells what may pass of a failure, in the words of whoever met it.
fn find_trouble(error: &MakeError, words: &Words) -> Option<(Trouble, String)> {
    let told = |error: &str| Some((Trouble::Mirror, words.find_passing(error)?));
    match error {
        MakeError::Build(BuildFault::Step(text)) => told(text),
        MakeError::Assemble(AssembleError::Program(ProcessError::Exit { .. })) => told(""),
        MakeError::Engine(error)
        | MakeError::Build(BuildFault::Engine(error))
        | MakeError::Bring(BringError::Engine(error)) => find_engine_trouble(error),
        _ => None,
    }
}

fn find_engine_trouble(error: &EngineError) -> Option<(Trouble, String)> {
    let trouble = match error {
        // 20.10 now and then cuts the end off the answer to a build that is done.
        EngineError::Broken { .. } | EngineError::Unreachable { .. } => Trouble::Engine,
        error if error.may_pass() => Trouble::Mirror,
        _ => return None,
    };
    Some((trouble, cause(error)))
}

/// What is told when the last try failed too: what failed, and with which words.
fn last(error: MakeError, trouble: Trouble, why: &str) -> MakeError {
    match (&error, trouble) {
        (MakeError::Build(BuildFault::Step(_)) | MakeError::Assemble(_), Trouble::Mirror) => {
            let text = cause(&error);
            let text = if text.contains(why) {
                text
            } else {
                format!("{text}: {why}")
            };
            MakeError::Passing(match error {
                MakeError::Assemble(_) => {
                    format!("{text} (`mirror` in the settings names another mirror)")
                }
                _ => text,
            })
        }
        _ => error,
    }
}

/// A later try has less time than all of them, and that is no news.
fn in_all(error: MakeError, limit: Limit) -> MakeError {
    match error {
        MakeError::Build(BuildFault::Deadline(_)) => BuildFault::Deadline(limit.allowed).into(),
        MakeError::Assemble(AssembleError::Program(ProcessError::Deadline { program, .. })) => {
            let deadline = limit.allowed;
            AssembleError::from(ProcessError::Deadline { program, deadline }).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_mirror_is_asked_three_times_and_an_engine_twice_within_the_time_that_is_left() {
        let mut patience = Patience::default();
        let wait = |pause, next, trouble| {
            Some(Wait {
                pause,
                next,
                trouble,
            })
        };
        let waits = [(); 3].map(|()| patience.next_wait(Trouble::Mirror, LONG));
        let expected = [
            wait(WAITS[0], (2, 3), Trouble::Mirror),
            wait(WAITS[1], (3, 3), Trouble::Mirror),
            None,
        ];
        assert_eq!(waits, expected);
        let mut patience = Patience::default();
        let waits = [(); 2].map(|()| patience.next_wait(Trouble::Engine, LONG));
        assert_eq!(waits, [wait(WAITS[0], (2, 2), Trouble::Engine), None]);
        let mut patience = Patience::default();
        assert_eq!(patience.next_wait(Trouble::Mirror, WAITS[0]), None);
    }

    fn words(lines: &[&str]) -> Words {
        let mut words = Words::default();
        for line in lines {
            words.line(line);
        }
        words
    }

    #[test]
    fn a_mirror_that_stays_away_is_the_environments_fault_and_a_wrong_step_is_not() {
        let step = || MakeError::from(BuildFault::Step("`x` ended with exit code 100".to_owned()));
        let line = "E: Failed to fetch http://m.example.org/debian  503  Service Unavailable";
        let (trouble, why) = find_trouble(&step(), &words(&[line])).expect("it may pass");
        let told = last(step(), trouble, &why);
        assert_eq!(
            told.to_string(),
            format!("`x` ended with exit code 100: {line}")
        );
        assert_eq!(
            super::super::Fault::from(&told),
            super::super::Fault::Environment
        );
        let wrong = words(&["E: Unable to locate package libpcre4"]);
        assert_eq!(find_trouble(&step(), &wrong), None);
        let exit = ProcessError::Exit {
            program: "mmdebstrap".to_owned(),
            code: 25,
        };
        let assembled = MakeError::from(AssembleError::from(exit));
        assert!(find_trouble(&assembled, &words(&[line])).is_some());
        assert_eq!(find_trouble(&assembled, &wrong), None);
        assert_eq!(find_trouble(&MakeError::Interrupted, &words(&[line])), None);
    }

    #[test]
    fn the_time_that_was_too_short_is_that_of_all_tries() {
        let limit = Limit::new(Duration::from_secs(60));
        let error = in_all(BuildFault::Deadline(Duration::from_secs(7)).into(), limit);
        assert_eq!(error.to_string(), "the build took longer than 60s");
    }
}
