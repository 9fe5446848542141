//! Runs the part of a plan that makes images: base images are refreshed, published parents fetched, the rest built and
//! tested, as many at once as asked and each as soon as all that it needs is there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::again::Limit;
use super::inputs::{Tries, build_timeout};
use super::log::Log;
use super::passing::Words;
use super::secrets::BuildSecrets;
use super::shelved::Brought;
use super::slots::{Slot, Slots};
use super::tries::{time_name, weigh};
use super::{Beginning, Event, Fault, Outcome, Phase};
use crate::catalog::ImageId;
use crate::engine::Engine;
use crate::host::{Environment, cause};
use crate::layout::Shelf;
use crate::locking::Held;
use crate::observe::{Inventory, Provenance};
use crate::oci::{Digest, Reference};
use crate::plan::{Action, Ended, Facts, Plan, Schedule, Step};
use crate::registry::Credentials;
use crate::scan::Loaded;
use crate::settings::{Mask, Settings};
use crate::verify::VerifiedRecord;

/// Whether steps may come from the engine's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Every step runs.
    Ignore,
    /// A step that ran before with the same input is not run again.
    Use,
}

/// Whether base images are asked for anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bases {
    /// Each one in use is pulled before the first build that needs it.
    Refresh,
    /// What the engine has is taken; what it lacks is pulled.
    Keep,
}

/// What happens to the rest when one image fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// What does not need it is still made.
    GoOn,
    /// What has not begun is given up.
    Stop,
}

/// All that a run needs besides its plan.
#[derive(Debug)]
pub struct Run<'a> {
    /// The catalog, its graph and the rendered recipes.
    pub loaded: &'a Loaded,
    /// What its images are made from.
    pub inventory: &'a Inventory<'a>,
    /// What they were made from when the run began.
    pub beginning: Beginning,
    /// The locks that they are made by.
    pub locks: &'a Held,
    /// Where its sources are kept.
    pub provenance: &'a Provenance,
    /// When the run began.
    pub began: DateTime<FixedOffset>,
    /// The settings.
    pub settings: &'a Settings,
    /// The engine that builds; without one, only declared images are made.
    pub engine: Option<&'a Engine>,
    /// The shelf for what is made without an engine.
    pub shelf: &'a Shelf,
    /// What of it was brought to the engine.
    pub brought: Brought,
    /// The logins for pulls.
    pub credentials: Credentials,
    /// What builds may mount.
    pub secrets: BuildSecrets,
    /// What is hidden in the logs.
    pub mask: Mask,
    /// What programs are given of the environment.
    pub environment: &'a Environment,
    /// The directory of this run's logs.
    pub logs: PathBuf,
    /// The record of passed tests.
    pub verified: &'a VerifiedRecord,
    /// What past runs noted, and what that means for this one.
    pub tries: &'a Tries<'a>,
    /// How many images are worked on at once.
    pub jobs: usize,
    /// Whether steps may come from the cache.
    pub cache: Cache,
    /// Whether base images are refreshed.
    pub bases: Bases,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
    /// Tells that the run is to end.
    pub cancelled: CancellationToken,
    /// A name that no other run has.
    pub id: String,
}

/// What came out: the identity of each image that was built here and passed its tests.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The identities.
    pub passed: BTreeMap<ImageId, Digest>,
    /// Whether everything that was to be made was made.
    pub is_whole: bool,
}

#[derive(Clone, Debug)]
enum Work {
    Base(Reference),
    Image(Step),
}

/// How one piece of work ended, before it is told.
pub(super) struct Ending {
    pub(super) phase: Phase,
    pub(super) outcome: Outcome,
    pub(super) id: Option<Digest>,
    pub(super) took: Duration,
}

/// Where the work on one image tells what happens: its log, and the display.
pub(super) struct Report<'a> {
    pub(super) log: Log,
    /// What the last try said, for what it may tell of its failure.
    pub(super) words: Words,
    /// How long the work may still take.
    pub(super) limit: Limit,
    pub(super) slot: Slot<'a>,
    pub(super) tell: &'a dyn Fn(Event),
}

/// The identities that builds are based on, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) images: BTreeMap<ImageId, Digest>,
    pub(super) bases: BTreeMap<Reference, Digest>,
    /// What the images were built on that are only tested, as they say.
    pub(super) built_on: BTreeMap<ImageId, Vec<(Reference, Digest)>>,
    /// All identities of what is not built anew.
    pub(super) identities: BTreeMap<ImageId, Vec<Digest>>,
    passed: BTreeMap<ImageId, Digest>,
}

impl Known {
    /// What is known before anything runs: the images that the engine has and that are not made anew.
    fn new(plan: &Plan, facts: &[Facts]) -> Self {
        let mut known = Self::default();
        for step in &plan.steps {
            if !matches!(step.action, Action::Build(_)) {
                let identities = facts[step.image.0].identities();
                known.identities.insert(step.image, identities);
            }
            let Some(local) = &facts[step.image.0].local else {
                continue;
            };
            if !matches!(step.action, Action::Build(_) | Action::Pull(_)) {
                known.images.insert(step.image, local.id.clone());
            }
            if let (Action::Verify, Some(built_on)) = (&step.action, &local.parents) {
                known.built_on.insert(step.image, built_on.clone());
            }
            if step.action == Action::Publish {
                known.passed.insert(step.image, local.id.clone());
            }
        }
        known
    }
}

impl Run<'_> {
    /// Runs the plan; everything that happens is told as it happens.
    pub async fn make(&self, plan: &Plan, facts: &[Facts], tell: &dyn Fn(Event)) -> Made {
        let (works, before) = self.works(plan);
        let mut schedule = Schedule::weighted(&before, &self.weights(&works));
        let known = RefCell::new(Known::new(plan, facts));
        let slots = Slots::new(self.jobs);
        let mut running = FuturesUnordered::new();
        let mut beginning = pin!(self.take_beginning(plan));
        let (mut has_begun, mut is_whole) = (false, true);
        loop {
            if self.cancelled.is_cancelled() {
                schedule.give_up();
            }
            while let Some(slot) = slots.find_free() {
                let Some(i) = schedule.start_next() else {
                    break;
                };
                let (work, known) = (&works[i], &known);
                let working = Box::pin(self.work(work, known, (slot, tell)));
                running.push(async move { (i, working.await) });
            }
            let ended = tokio::select! {
                ended = running.next() => ended,
                () = slots.lent() => continue,
                () = &mut beginning, if !has_begun => {
                    has_begun = true;
                    continue;
                }
            };
            let Some((i, ending)) = ended else {
                break;
            };
            let (work, was_interrupted) = (&works[i], ending.outcome == Outcome::Interrupted);
            // That of an earlier run is no failure of this one.
            let was_tried = !matches!(ending.outcome, Outcome::Waiting { .. });
            let how = self.settle(work, ending, &known, tell);
            let blocked = schedule.end(i, how);
            // After an interruption nothing is anybody's fault: what did not begin is counted by the display.
            if !was_interrupted {
                let by = self.label(work);
                for blocked in blocked {
                    let outcome = Outcome::Blocked { by: by.clone() };
                    self.tell_given_up(&works[blocked], outcome, tell);
                }
            }
            is_whole &= how == Ended::Done;
            if how == Ended::Failed && was_tried && self.on_failure == OnFailure::Stop {
                for left in schedule.give_up() {
                    self.tell_given_up(&works[left], Outcome::NotBegun, tell);
                }
            }
        }
        drop(running);
        Made {
            passed: known.into_inner().passed,
            is_whole,
        }
    }

    /// The work of a plan and what each piece waits for: images for their parents and for the base images that they use.
    fn works(&self, plan: &Plan) -> (Vec<Work>, Vec<Vec<usize>>) {
        let steps: Vec<&Step> = plan
            .steps
            .iter()
            .filter(|step| {
                matches!(
                    step.action,
                    Action::Build(_) | Action::Pull(_) | Action::Verify
                )
            })
            .collect();
        let bases_of = |step: &Step| match step.action {
            Action::Build(_) => self.loaded.bases(step.image),
            _ => &[],
        };
        let bases: BTreeSet<&Reference> = steps.iter().flat_map(|step| bases_of(step)).collect();
        let bases: Vec<&Reference> = bases.into_iter().collect();
        let place: BTreeMap<ImageId, usize> = steps
            .iter()
            .enumerate()
            .map(|(i, step)| (step.image, bases.len() + i))
            .collect();
        let mut before = vec![Vec::new(); bases.len()];
        for step in &steps {
            let parents = self
                .loaded
                .graph
                .parents(step.image)
                .iter()
                .filter_map(|parent| place.get(parent).copied());
            let used = bases_of(step)
                .iter()
                .filter_map(|base| bases.binary_search(&base).ok());
            before.push(parents.chain(used).collect());
        }
        let bases = bases.into_iter().cloned().map(Work::Base);
        (
            bases
                .chain(steps.into_iter().cloned().map(Work::Image))
                .collect(),
            before,
        )
    }

    fn weights(&self, works: &[Work]) -> Vec<u64> {
        let measured = works.iter().map(|work| {
            let phase = first_phase(work);
            let time = self.find_time(work, phase);
            (phase, time)
        });
        weigh(&measured.collect::<Vec<_>>())
    }

    fn find_time(&self, work: &Work, phase: Phase) -> Option<Duration> {
        let root = match work {
            Work::Base(_) => Path::new(""),
            Work::Image(step) => &self.loaded.catalog.image(step.image).root,
        };
        let (ledger, label) = (self.tries.ledger, self.label(work));
        ledger.find_time(root, time_name(phase), &label)
    }

    /// Does one piece of work, with a log of its own.
    async fn work(
        &self,
        work: &Work,
        known: &RefCell<Known>,
        (slot, tell): (Slot<'_>, &dyn Fn(Event)),
    ) -> Ending {
        let label = self.label(work);
        let log = match Log::open(&self.logs, &log_name(work, &label)) {
            Ok(log) => log.hiding(self.mask.clone()),
            Err(error) => return Ending::failed_early(first_phase(work), &error, Instant::now()),
        };
        let mut report = Report {
            log,
            words: Words::default(),
            limit: Limit::new(build_timeout(self.settings, &label)),
            slot,
            tell,
        };
        let began = Instant::now();
        let ending = match work {
            Work::Base(base) => {
                let ending = self.refresh_base(base, &mut report).await;
                if ending.outcome == Outcome::Done {
                    let passed = (base, ending.took);
                    self.tries
                        .ledger
                        .note_passed(Path::new(""), time_name(Phase::Pull), passed);
                }
                ending
            }
            Work::Image(step) => match &step.action {
                Action::Pull(digest) => self.pull_parent(&label, digest, &mut report).await,
                _ => Box::pin(self.try_image(step, known, &mut report)).await,
            },
        };
        match report.log.close() {
            // A build whose log is lost cannot be explained to anybody: it did not go well.
            Err(error) if ending.outcome == Outcome::Done => {
                Ending::failed_early(ending.phase, &error, began)
            }
            _ => ending,
        }
    }

    /// Notes what came out of a piece of work, and tells it.
    fn settle(
        &self,
        work: &Work,
        ending: Ending,
        known: &RefCell<Known>,
        tell: &dyn Fn(Event),
    ) -> Ended {
        let Ending {
            phase,
            outcome,
            id,
            took,
        } = ending;
        let is_done = outcome == Outcome::Done;
        let mut known = known.borrow_mut();
        match (work, id) {
            (Work::Base(base), Some(id)) if is_done => {
                known.bases.insert(base.clone(), id);
            }
            (Work::Image(step), Some(id)) if is_done => {
                known.images.insert(step.image, id.clone());
                if !matches!(step.action, Action::Pull(_)) {
                    known.passed.insert(step.image, id);
                }
            }
            _ => (),
        }
        tell(Event::Finished {
            image: self.label(work),
            phase,
            outcome,
            took,
        });
        if is_done { Ended::Done } else { Ended::Failed }
    }

    fn tell_given_up(&self, work: &Work, outcome: Outcome, tell: &dyn Fn(Event)) {
        // That a base image was not pulled which nobody needs any more is no news.
        let is_base = matches!(work, Work::Base(_)) && outcome == Outcome::NotBegun;
        if !is_base {
            tell(Event::Finished {
                image: self.label(work),
                phase: first_phase(work),
                outcome,
                took: Duration::ZERO,
            });
        }
    }

    fn label(&self, work: &Work) -> Reference {
        match work {
            Work::Base(base) => base.clone(),
            Work::Image(step) => self.loaded.catalog.image(step.image).label.clone(),
        }
    }
}

fn first_phase(work: &Work) -> Phase {
    match work {
        Work::Base(_) => Phase::Pull,
        Work::Image(step) => first_phase_of(&step.action),
    }
}

pub(super) fn first_phase_of(action: &Action) -> Phase {
    match action {
        Action::Pull(_) => Phase::Pull,
        Action::Verify => Phase::Verify,
        _ => Phase::Build,
    }
}

/// Gives each piece of work of a run a log of its own. Names are unique in a catalog and hold no `_`, so the log of an
/// image is `nginx_1.22.1-9`, as Debian names files; that of a base image, `pull+docker.io+library+debian=12`, holds
/// what no name has.
fn log_name(work: &Work, label: &Reference) -> String {
    match work {
        Work::Base(_) => format!("pull+{label}").replace('/', "+").replace(':', "="),
        Work::Image(_) => {
            let tag = label.tag().map(|tag| format!("_{tag}")).unwrap_or_default();
            format!("{}{tag}", label.short_name())
        }
    }
}

impl Ending {
    pub(super) fn done(phase: Phase, id: Digest, began: Instant) -> Self {
        Self {
            phase,
            outcome: Outcome::Done,
            id: Some(id),
            took: began.elapsed(),
        }
    }

    pub(super) fn interrupted(phase: Phase, began: Instant) -> Self {
        Self {
            phase,
            outcome: Outcome::Interrupted,
            id: None,
            took: began.elapsed(),
        }
    }

    /// A failure without a log to read on in.
    pub(super) fn failed_early<E: std::error::Error>(
        phase: Phase,
        error: &E,
        began: Instant,
    ) -> Self
    where
        Fault: for<'e> From<&'e E>,
    {
        Self {
            phase,
            outcome: Outcome::Failed {
                fault: error.into(),
                cause: cause(error),
                last_lines: Vec::new(),
                log: None,
            },
            id: None,
            took: began.elapsed(),
        }
    }

    /// A failure that the log explains.
    pub(super) fn failed<E: std::error::Error>(
        phase: Phase,
        error: &E,
        log: &mut Log,
        began: Instant,
    ) -> Self
    where
        Fault: for<'e> From<&'e E>,
    {
        let cause = cause(error);
        log.heading(&format!("failed: {cause}"));
        Self {
            phase,
            outcome: Outcome::Failed {
                fault: error.into(),
                cause,
                last_lines: log.last_lines(),
                log: Some(log.path().to_owned()),
            },
            id: None,
            took: began.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ImageId;
    use crate::plan::Reason;

    #[test]
    fn no_two_pieces_of_work_share_a_log() {
        let image = Step {
            image: ImageId(0),
            action: Action::Build(Reason::NotBuilt),
            publish: false,
            replaces: None,
        };
        let image = |label: &str| (Work::Image(image.clone()), label.to_owned());
        let base = |label: &str| {
            let reference = label.parse().expect("a reference");
            (Work::Base(reference), label.to_owned())
        };
        let mut names: Vec<String> = [
            image("r.example.org/base/nodejs:20-1"),
            image("r.example.org/base/nodejs-20:1"),
            image("r.example.org/base/debian:12"),
            base("debian:12"),
            base("debian"),
            base("docker.io/library/debian:12"),
            base("other.example.org:5000/library/debian:12"),
            base("docker.io/library/debian/12"),
            base("docker.io/library/debian_12"),
            base("docker.io/library-debian:12"),
        ]
        .iter()
        .map(|(work, label)| log_name(work, &label.parse().expect("a reference")))
        .collect();
        assert_eq!(names[0], "nodejs_20-1");
        assert_eq!(names[5], "pull+docker.io+library+debian=12");
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
        assert!(!names.concat().contains(['/', ':']), "{names:?}");
    }
}
