//! What `build` and `publish` share: running a plan with a display that a signal can end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::prepare::{Prepared, Retry};
use super::session::Session;
use super::target::{self};
use super::words;
use crate::build::{
    Bases, Beginning, Below, Brought, Cache, Event, Made, OnFailure, Phase, Run, Tries, hide_all,
};
use crate::catalog::ImageId;
use crate::engine::{EngineError, Make};
use crate::error::{Diagnostic, Severity};
use crate::host::fs::FileError;
use crate::host::{Clock, Environment, cause, unique_hex};
use crate::ledger::{Ledger, PastFailures, RunRoom};
use crate::observe::{Inventory, Provenance, PublishedRecord};
use crate::oci::{Digest, Reference};
use crate::plan::{Action, Extent};
use crate::publish::{Latest, Notes, Publication};
use crate::settings::{Mask, PROXY_VARIABLES, Settings};
use crate::ui::{RunSize, Summary};

/// How a plan is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) jobs: usize,
    pub(super) cache: Cache,
    pub(super) bases: Bases,
    pub(super) on_failure: OnFailure,
    pub(super) latest: Latest,
    pub(super) retry: Retry,
}

/// Runs a plan to its end or to the first signal, and tells the summary.
pub(super) async fn execute(
    session: &Session,
    prepared: &Prepared,
    manner: Manner,
) -> anyhow::Result<Ending> {
    prepared.secrets.check()?;
    for doubt in prepared.secret_doubts() {
        session.ui.diagnostic(&doubt);
    }
    let began = session.clock()?.now();
    // What tells runs apart and when they are over is the machine's time: that of the dates may be the same for ever.
    let now = Clock::of_machine().now();
    let id = name_run(now);
    let state = session.state()?;
    let (room, fault) = RunRoom::open(&state, &id)?;
    let over = room.clean_up(&state, &session.environment, now);
    prepared.verified.bound();
    PublishedRecord::new(&state).bound();
    let ledger = Ledger::open(&state, &prepared.roots, now);
    let cancelled = CancellationToken::new();
    let signals = session.watch_signals(&cancelled)?;
    let progress = session.ui.progress(size(prepared, manner.jobs));
    progress.expect(prepared.expected(&ledger));
    let mask = mask(&prepared.settings, &session.environment);
    // What an earlier run built may print its secrets too; what a variable held for this run's builds is read already.
    let mask = hide_all(&prepared.settings, &session.environment, mask);
    let mask = prepared.secrets.hidden_by(mask);
    let tell = |event: Event| progress.event(&event.hiding(&mask));
    let errand = Errand {
        began,
        provenance: prepared.ask_provenance(&session.environment).await,
        id,
        logs: room.logs().to_owned(),
        mask: mask.clone(),
        cancelled,
        manner,
        ledger: &ledger,
    };
    let stale = day(now - LONGEST_RUN);
    let work = async {
        let made = prepared.make(&session.environment, &errand, &tell).await;
        let of_whom = |run: &str| run == errand.id || run < stale.as_str() || over.contains(run);
        let unpinned = prepared.remove_pins(of_whom).await;
        // After a failure, `--fail-fast` begins nothing more, and that holds for publishing too.
        let goes_on = made.is_whole || errand.manner.on_failure == OnFailure::GoOn;
        if !goes_on {
            return (unpinned, Notes::default());
        }
        let (notes, tidied) = prepared.publish(&made, &errand, &tell).await;
        (unpinned.and(tidied), notes)
    };
    let (untagged, notes) = match signals.unless_again(work).await {
        Ok(done) => done,
        Err(signal) => return Ok(Ending::Interrupted(signal)),
    };
    let fault = fault.or_else(|| ledger.take_fault());
    let not_kept = fault.map(|fault| not_kept(&fault, room.logs()));
    let unattached = notes.unattached.iter().map(target::unattached);
    let kept = notes.kept.iter().map(target::kept);
    let more = kept.chain(unattached).chain(not_kept);
    let summary = prepared.tell_summary(session, progress.finish(), more);
    if let Some(signal) = signals.received() {
        return Ok(Ending::Interrupted(signal));
    }
    untagged?;
    Ok(prepared.ending(&summary))
}

/// What is told when nothing can be kept for the next run.
fn not_kept(fault: &FileError, logs: &Path) -> Diagnostic {
    let message = "nothing of this run is remembered: the next one tests again";
    let mut diagnostic = Diagnostic::new(Severity::Warning, message)
        .hint(format!("the logs of this run are in {}", logs.display()));
    diagnostic.causes.push(cause(fault));
    diagnostic
}

/// Gives what is hidden in all that a run prints: a step, a test or the engine may print it.
pub(super) fn mask(settings: &Settings, environment: &Environment) -> Mask {
    let chosen = settings.credentials.iter().map(|it| &it.password);
    let written = settings.login.password.iter().map(|(it, _)| it);
    let mask = chosen
        .chain(written)
        .fold(Mask::default(), |mask, password| {
            mask.with(password.reveal().as_bytes())
        });
    let (proxies, mirrors) = (&settings.proxies, &settings.mirrors);
    let set = [
        &proxies.http,
        &proxies.apt_only,
        &mirrors.main,
        &mirrors.security,
    ];
    let of_machine = PROXY_VARIABLES
        .iter()
        .filter_map(|name| environment.find(name));
    let addresses = set.into_iter().flatten().cloned().chain(of_machine);
    addresses.fold(mask, |mask, address| mask.with_address(&address))
}

/// A run that began longer ago than this and still has pins was killed.
const LONGEST_RUN: TimeDelta = TimeDelta::days(7);

fn day(time: DateTime<FixedOffset>) -> String {
    time.format("%Y%m%d").to_string()
}

/// Gives a run a name that no other one has, not even one in another container that has the same engine, time and
/// process id.
fn name_run(began: DateTime<FixedOffset>) -> String {
    format!("{}-{}", began.format("%Y%m%d-%H%M%S"), unique_hex())
}

/// One run of a plan.
struct Errand<'a> {
    began: DateTime<FixedOffset>,
    provenance: Provenance,
    id: String,
    logs: PathBuf,
    mask: Mask,
    cancelled: CancellationToken,
    manner: Manner,
    ledger: &'a Ledger,
}

impl Prepared {
    /// Tells what came out of a run, and what the user should know besides.
    fn tell_summary(
        &self,
        session: &Session,
        mut summary: Summary,
        more: impl Iterator<Item = Diagnostic>,
    ) -> Summary {
        for step in &self.plan.steps {
            if let Action::Skip(skip) = &step.action {
                summary.skip(words::skip(skip));
            }
        }
        session.ui.summary(&summary);
        let is_podmans = matches!(&self.engine, Ok(engine) if engine.make() == Make::Podman);
        if !summary.interrupted.is_empty() && is_podmans {
            session.ui.diagnostic(&words::podman_goes_on());
        }
        let severity = match self.extent {
            Extent::Publish => Severity::Warning,
            Extent::Build | Extent::BuildAndPublish => Severity::Error,
        };
        for diagnostic in self.doubts(severity).into_iter().chain(more) {
            session.ui.diagnostic(&diagnostic);
        }
        summary
    }

    fn ending(&self, summary: &Summary) -> Ending {
        let is_refused =
            self.extent != Extent::Publish && self.plan.refused(&self.facts).next().is_some();
        let published = &self.published;
        let is_unknown = published.followers.is_unknown() || published.elsewhere.is_unknown();
        let is_taken = self.plan.taken().next().is_some() || !published.followers.doubts.is_empty();
        if summary.is_success() && (is_unknown || self.needs_engine()) {
            Ending::Hindered
        } else if summary.is_success() && !published.elsewhere.is_empty() {
            Ending::Failed
        } else if summary.is_success() && (is_refused || is_taken) {
            Ending::Found
        } else if summary.is_success() {
            Ending::Done
        } else if summary.is_environments_fault() {
            Ending::Hindered
        } else {
            Ending::Failed
        }
    }

    /// Takes from the engine the names by which this run and killed ones handed it parents.
    async fn remove_pins(&self, of_whom: impl Fn(&str) -> bool) -> Result<(), EngineError> {
        match &self.engine {
            Ok(engine) => engine.remove_pins(of_whom).await,
            Err(_) => Ok(()),
        }
    }

    async fn ask_provenance(&self, environment: &Environment) -> Provenance {
        if self.plan.builds().next().is_none() {
            return Provenance::default();
        }
        Provenance::ask(environment, &self.roots).await
    }

    async fn make(
        &self,
        environment: &Environment,
        errand: &Errand<'_>,
        tell: &dyn Fn(Event),
    ) -> Made {
        let inventory = Inventory::new(&self.loaded, &self.without_proxies);
        let run = Run {
            inventory: &inventory,
            beginning: Beginning::default(),
            locks: &self.locks,
            tries: &self.tries((&inventory, errand.ledger), errand.manner.retry),
            provenance: &errand.provenance,
            began: errand.began,
            loaded: &self.loaded,
            settings: &self.settings,
            engine: self.engine.as_ref().ok(),
            shelf: &self.shelf,
            brought: Brought::default(),
            credentials: self.credentials.clone(),
            secrets: self.secrets.clone(),
            mask: errand.mask.clone(),
            environment,
            logs: errand.logs.clone(),
            verified: &self.verified,
            jobs: errand.manner.jobs,
            cache: errand.manner.cache,
            bases: errand.manner.bases,
            on_failure: errand.manner.on_failure,
            cancelled: errand.cancelled.clone(),
            id: errand.id.clone(),
        };
        run.make(&self.plan, &self.facts, tell).await
    }

    /// Gives what decides which images are tried.
    fn tries<'a>(
        &'a self,
        (inventory, ledger): (&'a Inventory<'a>, &'a Ledger),
        retry: Retry,
    ) -> Tries<'a> {
        Tries {
            inventory,
            settings: &self.settings,
            engine: self.engine.as_ref().ok(),
            ledger,
            secrets: &self.secrets,
            impatient: self.impatient(retry),
            hashed: RefCell::default(),
        }
    }

    /// Gives the images that are tried however often they failed.
    ///
    /// What is built on an image that a release builds anew is tried with it. A nightly run builds all images anew each time.
    fn impatient(&self, retry: Retry) -> BTreeSet<ImageId> {
        if retry == Retry::Now {
            return self.loaded.catalog.iter().map(|(id, _)| id).collect();
        }
        let is_release = self.settings.naming.suffix.is_none();
        let built: BTreeSet<ImageId> = self.plan.builds().filter(|_| is_release).collect();
        let steps = self.plan.steps.iter().map(|step| step.image);
        let on_built = steps.filter(|image| {
            let mut parents = self.loaded.graph.parents(*image).iter();
            parents.any(|parent| built.contains(parent))
        });
        on_built.chain(self.only).collect()
    }

    /// Tells what past failures mean for the images that would be built or tested: as a run decides it, with the base images
    /// that the engine has now.
    pub(super) async fn find_past(
        &self,
        session: &Session,
        retry: Retry,
    ) -> anyhow::Result<BTreeMap<ImageId, PastFailures>> {
        let ledger = Ledger::open(&session.state()?, &self.roots, Clock::of_machine().now());
        let inventory = Inventory::new(&self.loaded, &self.without_proxies);
        let tries = self.tries((&inventory, &ledger), retry);
        let mut past = BTreeMap::new();
        for step in &self.plan.steps {
            let image = step.image;
            let described = self.loaded.catalog.image(image);
            let failed = ledger.find_attempt(&described.root, &described.label);
            if failed.is_none() {
                continue;
            }
            let bases = match &step.action {
                Action::Build(_) => self.find_bases(image).await?,
                Action::Verify => {
                    let local = self.facts[image.0].local.as_ref();
                    let parents = local.and_then(|local| local.parents.clone());
                    parents.unwrap_or_default()
                }
                _ => continue,
            };
            let parents = self.find_parents(image);
            let judged = tries.judge(image, &Below { bases, parents }).await;
            past.extend(judged.map(|found| (image, found)));
        }
        Ok(past)
    }

    async fn find_bases(&self, image: ImageId) -> anyhow::Result<Vec<(Reference, Digest)>> {
        let built: BTreeSet<ImageId> = self.plan.builds().collect();
        let ancestors = self.loaded.graph.ancestors([image]).into_iter();
        let ancestors = ancestors.filter(|it| built.contains(it));
        let images = ancestors.chain([image]);
        let bases: BTreeSet<&Reference> = images.flat_map(|it| self.loaded.bases(it)).collect();
        let mut found = Vec::new();
        let Ok(engine) = &self.engine else {
            return Ok(found);
        };
        for base in bases {
            let id = engine.find_id(base).await?;
            found.extend(id.map(|id| (base.clone(), id)));
        }
        Ok(found)
    }

    /// Gives the identities of the parents of an image that are not built before it.
    fn find_parents(&self, image: ImageId) -> BTreeMap<ImageId, Vec<Digest>> {
        let built: BTreeSet<ImageId> = self.plan.builds().collect();
        let parents = self.loaded.graph.parents(image).iter();
        let parents = parents.filter(|parent| !built.contains(parent));
        parents
            .map(|parent| (*parent, self.facts[parent.0].identities()))
            .collect()
    }

    /// Gives how long the images of the run took the last time, as far as that is known.
    fn expected(&self, ledger: &Ledger) -> HashMap<Reference, Duration> {
        let expected = self.plan.steps.iter().filter_map(|step| {
            let what = match step.action {
                Action::Build(_) => "build",
                Action::Verify => "verify",
                _ => return None,
            };
            let image = self.loaded.catalog.image(step.image);
            let time = ledger.find_time(&image.root, what, &image.label)?;
            Some((image.label.clone(), time))
        });
        expected.collect()
    }

    /// Publishes, and gives what is told of it, and how it went to take from the engine what was only
    /// for the way.
    async fn publish(
        &self,
        made: &Made,
        errand: &Errand<'_>,
        tell: &dyn Fn(Event),
    ) -> (Notes, Result<(), EngineError>) {
        let Some(registry) = &self.registry else {
            return (Notes::default(), Ok(()));
        };
        let publication = Publication {
            loaded: &self.loaded,
            engine: self.engine.as_ref().ok(),
            shelf: &self.shelf,
            registry,
            login: self.login.clone(),
            target: &self.target,
            latest: errand.manner.latest,
            settings: &self.settings,
            logs: errand.logs.clone(),
            cancelled: errand.cancelled.clone(),
            mask: errand.mask.clone(),
            notes: Mutex::default(),
        };
        publication.publish(&self.plan, made, tell).await;
        let tidied = publication.sweep().await;
        publication
            .repair(&self.published.followers.overdue, tell)
            .await;
        (publication.into_notes(), tidied)
    }
}

/// The display counts images by the furthest thing that is done with all of them.
fn size(prepared: &Prepared, jobs: usize) -> RunSize {
    let count = |wanted: fn(&Action) -> bool| {
        let steps = &prepared.plan.steps;
        steps.iter().filter(|step| wanted(&step.action)).count()
    };
    let builds = count(|action| matches!(action, Action::Build(_)));
    let verifies = count(|action| matches!(action, Action::Verify));
    let overdue = prepared.published.followers.overdue.len();
    let publishes = count(|action| matches!(action, Action::Publish)) + overdue;
    let (work, images) = match (builds, verifies, publishes) {
        // Nothing is done: that is told in the word of the command.
        (0, 0, 0) if prepared.extent != Extent::Publish => (Phase::Build, 0),
        (0, 0, publishes) => (Phase::Publish, publishes),
        (0, verifies, _) => (Phase::Verify, verifies),
        (builds, _, _) => (Phase::Build, builds),
    };
    let steps = count(|action| !matches!(action, Action::Skip(_) | Action::Pull(_))) + overdue;
    RunSize {
        work,
        images,
        steps,
        jobs,
    }
}

/// Builds wait for the network about as long as they compute; more than four at once were not faster anywhere.
pub(super) fn usual_jobs() -> usize {
    std::thread::available_parallelism()
        .map_or(2, NonZeroUsize::get)
        .clamp(2, 4)
}
