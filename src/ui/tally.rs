//! The state of a run, counted from its events: what runs, what waits, how long the rest may take.
//!
//! Time is a value: how long the run has been going. The display of a moment and the summary come from the same tally,
//! so they cannot disagree.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::lines::{self, label, step_name};
use super::summary::{Blocked, Failure, Summary, Waiting};
use super::text;
use crate::build::{Event, Outcome, Phase};
use crate::oci::Reference;

/// How many images have to be done, and how long the run has to be going, before an estimate is worth its line.
const DONE_BEFORE_ESTIMATE: usize = 3;
const TIME_BEFORE_ESTIMATE: Duration = Duration::from_secs(10);

/// A step is kept no longer than any terminal is wide.
const STEP_COLUMNS: usize = 500;

/// What a run sets out to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSize {
    /// The phase that the run is about: an image whose `work` is done counts as done.
    pub work: Phase,
    /// How many images have that phase before them.
    pub images: usize,
    /// How many images something is made of, tested or published, whatever it is.
    pub steps: usize,
    /// How many images are worked on at once, at most.
    pub jobs: usize,
}

/// One phase of one image that is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) image: Reference,
    pub(super) phase: Phase,
    /// The current step, on one line.
    pub(super) step: Option<String>,
    /// When the phase began, in time of the run.
    pub(super) since: Duration,
}

/// How many images are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) images: usize,
    pub(super) done: usize,
    pub(super) running: usize,
    pub(super) waiting: usize,
    pub(super) failed: usize,
    pub(super) blocked: usize,
    pub(super) interrupted: usize,
}

/// What the events of a run add up to.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    size: RunSize,
    running: Vec<Running>,
    /// The images that do not wait any more: their work began or will not begin.
    met: HashSet<Reference>,
    /// The images of which something was made, tested or published, or given up: what comes later takes none back.
    finished: HashSet<Reference>,
    /// How much work was finished, and the time that it took together.
    worked: usize,
    busy: Duration,
    /// How long images took the last time, as far as that is known.
    expected: HashMap<Reference, Duration>,
    /// The width of the widest name so far: a column that never shrinks does not jump.
    label_columns: usize,
    summary: Summary,
}

impl Tally {
    pub(super) fn new(size: RunSize) -> Self {
        Self {
            size,
            running: Vec::new(),
            met: HashSet::new(),
            finished: HashSet::new(),
            worked: 0,
            busy: Duration::ZERO,
            expected: HashMap::new(),
            label_columns: 0,
            summary: Summary::new(size.work),
        }
    }

    /// Takes how long images took the last time.
    pub(super) fn expect(&mut self, expected: HashMap<Reference, Duration>) {
        self.expected = expected;
    }

    /// Takes an event that came when the run had been going for `now`.
    pub(super) fn take(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Started { image, phase } => {
                self.leave(image);
                self.meet(image, *phase);
                self.label_columns = self.label_columns.max(text::width(&label(image)));
                self.running.push(Running {
                    image: image.clone(),
                    phase: *phase,
                    step: None,
                    since: now,
                });
            }
            Event::Step { image, name } => {
                if let Some(running) = self.running.iter_mut().find(|r| r.image == *image) {
                    let step = step_name(name);
                    running.step = Some(text::cut(&step, STEP_COLUMNS, "").into_owned());
                }
            }
            Event::Again {
                image,
                wait,
                next,
                cause,
            } => {
                if let Some(running) = self.running.iter_mut().find(|r| r.image == *image) {
                    let step = lines::again(*wait, *next, cause);
                    running.step = Some(text::cut(&step, STEP_COLUMNS, "").into_owned());
                }
            }
            Event::Line { .. } => {}
            Event::Finished {
                image,
                phase,
                outcome,
                took,
            } => {
                // What was only waiting when the run was interrupted stays among the waiting.
                if *outcome == Outcome::Interrupted && !self.is_running(image) {
                    return;
                }
                self.leave(image);
                self.meet(image, *phase);
                self.finish(image, *phase, outcome, *took);
            }
        }
    }

    fn leave(&mut self, image: &Reference) {
        self.running.retain(|running| running.image != *image);
    }

    fn meet(&mut self, image: &Reference, phase: Phase) {
        if phase == self.size.work {
            self.met.insert(image.clone());
        }
    }

    fn finish(&mut self, image: &Reference, phase: Phase, outcome: &Outcome, took: Duration) {
        let image = image.clone();
        // What is pulled is no step of its own, and what was only sent may be refused yet.
        let is_sent = phase == Phase::Publish && *outcome == Outcome::Done;
        if phase != Phase::Pull && *outcome != Outcome::Interrupted && !is_sent {
            self.finished.insert(image.clone());
        }
        let summary = &mut self.summary;
        match outcome {
            // Only a digest that the registry confirmed makes an image published.
            Outcome::Done if phase == Phase::Publish => {}
            Outcome::Done | Outcome::Published(_) => {
                if phase == self.size.work {
                    self.worked += 1;
                    self.busy = self.busy.saturating_add(took);
                }
                summary.passed_mut(phase).push(image);
            }
            Outcome::Failed {
                fault,
                cause,
                last_lines,
                log,
            } => {
                // An image that does not pass its tests counts once, as failed.
                if phase == Phase::Verify {
                    summary.built.retain(|built| *built != image);
                }
                summary.failed.push(Failure {
                    image,
                    phase,
                    fault: *fault,
                    cause: cause.clone(),
                    last_lines: last_lines.clone(),
                    log: log.clone(),
                });
            }
            Outcome::Blocked { by } => summary.blocked.push(Blocked {
                image,
                by: by.clone(),
            }),
            Outcome::Waiting {
                failures,
                until,
                log,
            } => summary.waiting.push(Waiting {
                image,
                failures: *failures,
                until: *until,
                log: log.clone(),
            }),
            Outcome::NotBegun => summary.given_up.push(image),
            Outcome::Interrupted => summary.interrupted.push(image),
        }
    }

    /// Gives what is going on, the longest running first.
    pub(super) fn running(&self) -> &[Running] {
        &self.running
    }

    /// Tells whether a phase of an image is going on.
    pub(super) fn is_running(&self, image: &Reference) -> bool {
        self.running.iter().any(|running| running.image == *image)
    }

    /// Gives the columns that the names of images take.
    pub(super) fn label_columns(&self) -> usize {
        self.label_columns
    }

    /// Gives the phase that the run is about.
    pub(super) fn work(&self) -> Phase {
        self.size.work
    }

    /// Counts the steps that are over, however they ended, of all.
    pub(super) fn finished(&self) -> (usize, usize) {
        (self.finished.len(), self.size.steps)
    }

    /// Counts the images.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            images: self.size.images,
            done: self.summary.passed(self.size.work).len(),
            running: self.running.len(),
            waiting: self.size.images.saturating_sub(self.met.len()),
            failed: self.summary.failed.len(),
            blocked: self.summary.blocked.len(),
            interrupted: self.summary.interrupted.len(),
        }
    }

    /// Estimates what is left from how long images took the last time, for others from the mean, and from how much was
    /// done at once so far.
    ///
    /// Gives nothing as long as too little is known, and when all that runs takes longer than it should.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let is_known = self.expected.len() * 4 >= self.size.images * 3 && self.size.images > 0;
        let has_begun = self.worked >= DONE_BEFORE_ESTIMATE && now >= TIME_BEFORE_ESTIMATE;
        if !is_known && !has_begun {
            return None;
        }
        let mean = self.mean();
        let expected = |image: &Reference| {
            let known = self.expected.get(image).map(Duration::as_secs_f64);
            known.unwrap_or(mean)
        };
        let at_work = self.running.iter().filter(|r| r.phase == self.size.work);
        let (spent, running) = at_work.fold((self.busy.as_secs_f64(), 0.0), |(spent, left), it| {
            let elapsed = now.saturating_sub(it.since).as_secs_f64();
            let rest = (expected(&it.image) - elapsed).max(0.0);
            (spent + elapsed, left + rest)
        });
        let waiting = self
            .expected
            .iter()
            .filter(|(image, _)| !self.met.contains(*image));
        let known: Vec<f64> = waiting.map(|(_, time)| time.as_secs_f64()).collect();
        let unknown = self.counts().waiting.saturating_sub(known.len());
        let left = running + known.iter().sum::<f64>() + as_f64(unknown) * mean;
        let jobs = as_f64(self.size.jobs.max(1));
        let at_once = if has_begun {
            (spent / now.as_secs_f64()).clamp(1.0, jobs)
        } else {
            as_f64(self.running.len()).clamp(1.0, jobs)
        };
        // The longest of those that wait has to be waited for, however much is done beside it.
        let longest = known.iter().copied().fold(0.0, f64::max);
        let left = Duration::try_from_secs_f64((left / at_once).max(longest)).ok()?;
        (left > Duration::from_secs(1)).then_some(left)
    }

    /// The mean of what is done, or else of what was done the last time.
    fn mean(&self) -> f64 {
        let past = || {
            self.expected
                .values()
                .map(Duration::as_secs_f64)
                .sum::<f64>()
        };
        if self.worked > 0 {
            self.busy.as_secs_f64() / as_f64(self.worked)
        } else {
            past() / as_f64(self.expected.len().max(1))
        }
    }

    /// Ends the run: what is still running was interrupted, and what waits is not begun.
    pub(super) fn into_summary(mut self, took: Duration) -> Summary {
        let running = std::mem::take(&mut self.running);
        let interrupted = running.into_iter().map(|running| running.image);
        self.summary.interrupted.extend(interrupted);
        self.summary.not_begun = self.counts().waiting;
        self.summary.took = took;
        self.summary
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 images")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        blocked, done, failed, image, interrupted, seconds, size, started, step,
    };
    use super::*;

    fn tally(events: &[(u64, Event)]) -> Tally {
        let mut tally = Tally::new(size(27, 4));
        for (now, event) in events {
            tally.take(event, seconds(*now));
        }
        tally
    }

    #[test]
    fn an_image_waits_until_its_work_begins_or_is_given_up() {
        let tally = tally(&[
            (0, started("debian:bookworm", Phase::Pull)),
            (5, done("debian:bookworm", Phase::Pull, 5)),
            (5, started("base:1", Phase::Build)),
            (5, started("other:1", Phase::Build)),
            (9, done("base:1", Phase::Build, 4)),
            (9, started("base:1", Phase::Verify)),
            (9, failed("other:1", Phase::Build, "exit code 1")),
            (9, blocked("child:1", "other:1")),
        ]);
        let expected = Counts {
            images: 27,
            done: 1,
            running: 1,
            waiting: 24,
            failed: 1,
            blocked: 1,
            interrupted: 0,
        };
        assert_eq!(tally.counts(), expected);
    }

    #[test]
    fn every_step_is_counted_once_however_it_ends() {
        let run = [
            (done("debian:bookworm", Phase::Pull, 5), 0),
            (failed("debian:sid", Phase::Pull, "unknown"), 0),
            (done("base:1", Phase::Build, 4), 1),
            (done("tested:1", Phase::Verify, 4), 2),
            (failed("base:1", Phase::Verify, "exit code 1"), 2),
            (blocked("child:1", "base:1"), 3),
            (failed("other:1", Phase::Build, "exit code 1"), 4),
            (interrupted("last:1"), 4),
        ];
        let mut tally = Tally::new(size(27, 4));
        for (event, expected) in run {
            tally.take(&event, seconds(0));
            assert_eq!(tally.finished(), (expected, 27), "after {event:?}");
        }
    }

    #[test]
    fn a_step_belongs_to_the_running_phase_of_its_image() {
        let tally = tally(&[
            (0, step("base:1", "too early")),
            (1, started("base:1", Phase::Build)),
            (2, step("base:1", "[1/2]\tFROM \u{1b}[1mdebian\u{1b}[0m\n")),
        ]);
        let running = Running {
            image: image("base:1"),
            phase: Phase::Build,
            step: Some("[1/2] FROM debian".to_owned()),
            since: seconds(1),
        };
        assert_eq!(tally.running(), [running]);
    }

    #[test]
    fn an_image_whose_tests_fail_counts_only_as_failed() {
        let tally = tally(&[
            (0, started("base:1", Phase::Build)),
            (4, done("base:1", Phase::Build, 4)),
            (4, started("base:1", Phase::Verify)),
            (9, failed("base:1", Phase::Verify, "exit code 1")),
        ]);
        assert_eq!((tally.counts().done, tally.counts().failed), (0, 1));
        let summary = tally.into_summary(seconds(9));
        assert_eq!((summary.built.len(), summary.failed.len()), (0, 1));
    }

    #[test]
    fn a_sent_image_is_not_published_before_it_is_confirmed() {
        let tally = tally(&[(3, done("base:1", Phase::Publish, 3))]);
        let summary = tally.into_summary(seconds(3));
        assert_eq!(summary.passed(Phase::Publish), []);
    }

    #[test]
    fn what_runs_at_the_end_was_interrupted_and_what_waits_is_not_begun() {
        let events = [
            (0, started("base:1", Phase::Build)),
            (0, started("other:1", Phase::Build)),
            (1, interrupted("other:1")),
            (1, interrupted("waiting:1")),
        ];
        let summary = tally(&events).into_summary(seconds(1));
        assert_eq!(summary.interrupted, [image("other:1"), image("base:1")]);
        assert_eq!(summary.not_begun, 25);
    }

    /// Builds `count` images of ten seconds each, two at once, and starts another one at `since`.
    #[track_caller]
    fn left_case(count: u64, since: u64, now: u64, expected: Option<u64>) {
        let mut events = Vec::new();
        for number in 0..count {
            let name = format!("image{number}:1");
            events.push((0, started(&name, Phase::Build)));
            events.push((0, done(&name, Phase::Build, 10)));
        }
        events.push((since, started("last:1", Phase::Build)));
        let left = tally(&events).left(seconds(now));
        assert_eq!(left.map(|left| left.as_secs()), expected);
    }

    #[test]
    fn the_estimate_follows_the_mean_and_how_much_was_done_at_once() {
        left_case(2, 10, 20, None);
        left_case(3, 8, 9, None);
        // 40 s of work in 20 s: two at once; 22 images of 10 s wait, and 10 s of the running one are left.
        left_case(4, 20, 20, Some(230 / 2));
        // The running one is five seconds over its mean: only the waiting ones count.
        left_case(6, 25, 40, Some(200 * 40 / 75));
        // Nothing waits, and the last takes longer than the mean.
        left_case(26, 100, 140, None);
    }

    #[test]
    fn what_was_measured_before_is_expected_again() {
        let named = |number: u64| image(&format!("image{number}:1"));
        let mut tally = Tally::new(size(4, 2));
        assert_eq!(tally.left(seconds(0)), None);
        tally.expect([(named(0), seconds(100)), (named(1), seconds(60))].into());
        assert_eq!(tally.left(seconds(0)), None, "half of them is too few");
        tally.expect((0..3).map(|number| (named(number), seconds(60))).collect());
        for number in [0, 3] {
            let name = format!("image{number}:1");
            tally.take(&started(&name, Phase::Build), seconds(0));
        }
        // 40 s of each that runs, and 60 s of each that waits, two at once; what was never built takes the mean.
        let left = tally.left(seconds(20)).expect("an estimate");
        assert_eq!(left.as_secs(), (40 + 40 + 60 + 60) / 2);
        tally.take(&done("image0:1", Phase::Build, 60), seconds(60));
        tally.take(&done("image3:1", Phase::Build, 60), seconds(60));
        tally.take(&started("image1:1", Phase::Build), seconds(60));
        let left = tally.left(seconds(60)).expect("an estimate");
        assert_eq!(left.as_secs(), 120, "one at a time runs");
        tally.expect([1, 2, 3].map(|it| (named(it), seconds(500))).into());
        let left = tally.left(seconds(60)).expect("an estimate");
        assert!(left.as_secs() >= 500, "{left:?}");
    }
}
