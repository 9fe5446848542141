//! What `build`, `plan` and `publish` share: observing, planning, and running with a display that a signal can end.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::login::Need;
use super::scope::Scope;
use super::session::Session;
use super::target::{self, check_publishing, observe_at, registry_at};
use super::words;
use crate::build::{Bases, BuildSecrets, Cache, Event, Made, OnFailure, Phase, Run};
use crate::catalog::ImageId;
use crate::engine::{Engine, RegistryLogin};
use crate::error::{Diagnostic, Severity};
use crate::host::fs::FileError;
use crate::host::{Environment, architecture, cause, unique_hex};
use crate::ledger::{Attempt, Claim, ClaimError, Holder, Ledger, RunRoom, render_time};
use crate::observe::{
    Comparison, Inventory, Observer, Provenance, PublishedRecord, WithoutProxies,
};
use crate::oci::Reference;
use crate::plan::{Action, Extent, Facts, Goal, Overwrite, Plan, Step, plan};
use crate::publish::{Kept, Latest, Overdue, Publication, Target, find_overdue};
use crate::registry;
use crate::scan::Loaded;
use crate::settings::{ContainerLimits, Mask, PROXY_VARIABLES, Settings, find_duration};
use crate::ui::{RunSize, Summary};
use crate::verify::VerifiedRecord;

/// What a command asks of a plan.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    pub(super) scope: &'a Scope,
    pub(super) publish: WhetherPublish,
    pub(super) overwrite: Overwrite,
    pub(super) target: Target,
}

/// When something is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhetherPublish {
    /// Never.
    No,
    /// When the settings have the credentials for it.
    WithCredentials,
    /// It is what was asked for, and nothing is built.
    Only,
}

impl WhetherPublish {
    fn extent(self, has_credentials: bool) -> Extent {
        match self {
            Self::Only => Extent::Publish,
            Self::WithCredentials if has_credentials => Extent::BuildAndPublish,
            Self::WithCredentials | Self::No => Extent::Build,
        }
    }
}

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

/// What is done with images that failed more than once with the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// They wait until their next try is due, unless one of them is all that was asked for.
    WhenDue,
    /// They are tried.
    Now,
}

/// How long a run waits for another one on the same directories.
#[derive(Debug, clap::Args)]
pub(super) struct Waiting {
    /// Wait so long for another run on these directories (`30m`) instead of giving up at once
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    wait: Option<Duration>,
}

fn parse_time(text: &str) -> Result<Duration, String> {
    find_duration(text)
        .ok_or_else(|| "a length of time such as `90` (seconds), `15m` or `1h30m`".to_owned())
}

/// Takes the right to work on some directories; nothing where another run has it, which is told.
pub(super) fn claim(
    session: &Session,
    (command, directories): (&str, &[PathBuf]),
    waiting: &Waiting,
) -> anyhow::Result<Option<Claim>> {
    let state = session.state()?;
    let holder = holder(session, command, directories)?;
    let patience = waiting.wait.unwrap_or_default();
    let waits = |busy: &ClaimError| session.ui.say(&format!("waiting: {busy}"));
    match Claim::take((&state, directories), &holder, patience, waits) {
        Ok(claim) => {
            for fault in claim.unlocked() {
                let message = format!("{fault}: nothing keeps another run away from it");
                session
                    .ui
                    .diagnostic(&Diagnostic::new(Severity::Warning, message));
            }
            Ok(Some(claim))
        }
        Err(busy @ ClaimError::Busy { .. }) => {
            let hint = "wait for it, `--wait 2h` does so for you";
            let diagnostic = Diagnostic::new(Severity::Error, busy.to_string()).hint(hint);
            session.ui.diagnostic(&diagnostic);
            Ok(None)
        }
        Err(ClaimError::File(error)) => Err(error.into()),
    }
}

/// Tells of images of a plan that failed before and may have to wait.
pub(super) fn tell_of_waits(session: &Session, prepared: &Prepared) -> anyhow::Result<()> {
    let ledger = Ledger::open(&session.state()?, &prepared.roots, session.clock()?.now());
    for step in &prepared.plan.steps {
        let label = &prepared.loaded.catalog.image(step.image).label;
        let is_tried = matches!(step.action, Action::Build(_) | Action::Verify);
        let failed = ledger.find_attempt(label).filter(|_| is_tried);
        let waits = |failed: &Attempt| failed.failures > 1 && failed.next_try() > ledger.now();
        if let Some(failed) = failed.filter(waits) {
            let message = format!(
                "{label} failed {} times in a row: it is not tried before {}, unless its inputs have changed",
                failed.failures,
                render_time(failed.next_try())
            );
            let diagnostic = Diagnostic::new(Severity::Warning, message);
            session
                .ui
                .diagnostic(&diagnostic.hint("`pkg build --retry` tries it now"));
        }
    }
    Ok(())
}

/// Describes this run for others that want to work on the same directories.
pub(super) fn holder(
    session: &Session,
    command: &str,
    directories: &[PathBuf],
) -> anyhow::Result<Holder> {
    let names = directories.iter().map(|it| it.display().to_string());
    let words: Vec<String> = ["pkg".to_owned(), command.to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    Ok(Holder::of_this_run(words.join(" "), session.clock()?.now()))
}

/// A plan with all that it was made from.
pub(super) struct Prepared {
    pub(super) settings: Settings,
    roots: Vec<PathBuf>,
    without_proxies: WithoutProxies,
    pub(super) loaded: Loaded,
    pub(super) facts: Vec<Facts>,
    pub(super) plan: Plan,
    /// What is published, and `latest` did not follow.
    pub(super) overdue: Vec<Overdue>,
    target: Target,
    extent: Extent,
    engine: Engine,
    registry: Option<registry::Client>,
    login: Option<RegistryLogin>,
    credentials: registry::Credentials,
    verified: VerifiedRecord,
    /// The image, where the selection names exactly one.
    only: Option<ImageId>,
}

/// Reads the catalog, asks engine and registry, and makes the plan.
pub(super) async fn prepare(session: &Session, wish: &Wish<'_>) -> anyhow::Result<Prepared> {
    let login = (&wish.scope.login, need(wish.publish));
    let settings = session.settings_with_login(wish.scope.flavour(), login)?;
    if wish.publish == WhetherPublish::Only {
        check_publishing(&settings, &wish.target)?;
    }
    let loaded = session.load(&wish.scope.directories, &settings)?;
    let selection = session.select(&loaded, wish.scope.select.as_deref())?;
    let engine = session.engine(&settings).await?;
    let registry = registry_at(session, &settings, &wish.target)?;
    let verified = session.verified()?;
    let concerned = concerned(&loaded, selection.as_ref());
    let without_proxies = WithoutProxies::load(&wish.scope.directories, &settings);
    let inventory = Inventory::new(&loaded, &without_proxies);
    let scanned = (&settings, &inventory, &concerned);
    let asked = (&engine, registry.as_ref(), &verified);
    let facts = find_facts(session, wish, scanned, asked).await?;
    let has_credentials = settings.credentials.is_some() && registry.is_some();
    let only = selection.as_ref().filter(|selection| selection.len() == 1);
    let only = only.and_then(|selection| selection.first().copied());
    let extent = wish.publish.extent(has_credentials);
    let plan = plan(
        &loaded.catalog,
        &loaded.graph,
        &facts,
        &Goal {
            extent,
            selection: selection.clone(),
            overwrite: wish.overwrite,
        },
    );
    let asked = registry
        .as_ref()
        .filter(|_| extent != Extent::Build && wish.scope.latest() == Latest::Moves);
    let planned = (&loaded, &plan);
    let overdue = match asked {
        Some(asked) => find_overdue(asked, &wish.target, planned, selection.as_ref()).await?,
        None => Vec::new(),
    };
    tell_of_limits(session, &settings, &engine, (&plan, &loaded));
    let login = session.login(&settings, wish.target.host()).await?;
    let credentials = session.credentials(&settings);
    Ok(Prepared {
        settings,
        roots: wish.scope.directories.clone(),
        without_proxies,
        loaded,
        facts,
        plan,
        overdue,
        target: wish.target.clone(),
        extent,
        engine,
        registry,
        login,
        credentials,
        verified,
        only,
    })
}

/// Gives how much half of a login matters: to publish is to log in.
fn need(publish: WhetherPublish) -> Need {
    match publish {
        WhetherPublish::Only => Need::Required,
        WhetherPublish::WithCredentials | WhetherPublish::No => Need::Optional,
    }
}

/// Asks engine and registry, and holds what they have against what there is here.
async fn find_facts(
    session: &Session,
    wish: &Wish<'_>,
    (settings, inventory, concerned): (&Settings, &Inventory<'_>, &BTreeSet<ImageId>),
    (engine, registry, verified): (&Engine, Option<&registry::Client>, &VerifiedRecord),
) -> anyhow::Result<Vec<Facts>> {
    let usual = registry.filter(|_| wish.target.is_usual());
    let observer = Observer {
        engine: Some(engine),
        registry: usual,
        verified,
        settings,
    };
    let loaded = inventory.loaded();
    let mut facts = observer.observe(loaded, concerned).await?;
    if let Some(registry) = registry {
        observe_at(registry, &wish.target, (loaded, concerned), &mut facts).await?;
    }
    let comparison = Comparison {
        inventory,
        registry: usual,
        published: &PublishedRecord::new(&session.state()?),
        architecture: architecture(),
    };
    comparison.compare(concerned, &mut facts).await;
    Ok(facts)
}

/// Says what `container_limits` mean for the builds of a plan.
fn tell_of_limits(
    session: &Session,
    settings: &Settings,
    engine: &Engine,
    (plan, loaded): (&Plan, &Loaded),
) {
    let is_limited = |step: &Step| {
        matches!(step.action, Action::Build(_)) && loaded.dockerfile(step.image).is_some()
    };
    if settings.container_limits == ContainerLimits::default() || !plan.steps.iter().any(is_limited)
    {
        return;
    }
    match engine.builder_with_limits() {
        None => session.ui.diagnostic(&words::limits_without_effect()),
        Some(builder) if builder != engine.builder() => session
            .ui
            .note("building with the classic builder: BuildKit ignores `container_limits`"),
        Some(_) => (),
    }
}

/// The selected images and everything that they need.
fn concerned(loaded: &Loaded, selection: Option<&BTreeSet<ImageId>>) -> BTreeSet<ImageId> {
    match selection {
        None => loaded.catalog.iter().map(|(id, _)| id).collect(),
        Some(selection) => {
            let mut concerned = loaded.graph.ancestors(selection.iter().copied());
            concerned.extend(selection);
            concerned
        }
    }
}

/// Runs a plan to its end or to the first signal, and tells the summary.
pub(super) async fn execute(
    session: &Session,
    prepared: &Prepared,
    manner: Manner,
) -> anyhow::Result<Ending> {
    let secrets = BuildSecrets::read(
        &prepared.plan,
        &prepared.loaded,
        &prepared.settings,
        &session.environment,
    )?;
    let now = session.clock()?.now();
    let id = name_run(now);
    let state = session.state()?;
    let (room, fault) = RunRoom::open(&state, &id)?;
    let over = room.clean_up(&state, &session.environment, now);
    let ledger = Ledger::open(&state, &prepared.roots, now);
    let cancelled = CancellationToken::new();
    let signals = session.watch_signals(&cancelled)?;
    let progress = session.ui.progress(size(prepared, manner.jobs));
    progress.expect(prepared.expected(&ledger));
    let mask = secrets.hidden_by(mask(&prepared.settings, &session.environment));
    let tell = |event: Event| progress.event(&event.hiding(&mask));
    let errand = Errand {
        began: now,
        provenance: prepared.ask_provenance(&session.environment).await,
        id,
        logs: room.logs().to_owned(),
        mask: mask.clone(),
        secrets,
        cancelled,
        manner,
        ledger: &ledger,
    };
    let stale = day(now - LONGEST_RUN);
    let work = async {
        let made = prepared.make(&session.environment, &errand, &tell).await;
        let of_whom = |run: &str| run == errand.id || run < stale.as_str() || over.contains(run);
        let unpinned = prepared.engine.remove_pins(of_whom).await;
        // After a failure, `--fail-fast` begins nothing more, and that holds for publishing too.
        let goes_on = made.is_whole || errand.manner.on_failure == OnFailure::GoOn;
        if !goes_on {
            return (unpinned, Vec::new());
        }
        (unpinned, prepared.publish(&made, &errand, &tell).await)
    };
    let (unpinned, kept) = match signals.unless_again(work).await {
        Ok(done) => done,
        Err(signal) => return Ok(Ending::Interrupted(signal)),
    };
    let fault = fault.or_else(|| ledger.take_fault());
    let not_kept = fault.map(|fault| not_kept(&fault, room.logs()));
    let more = kept.iter().map(target::kept).chain(not_kept);
    let summary = prepared.tell_summary(session, progress.finish(), more);
    if let Some(signal) = signals.received() {
        return Ok(Ending::Interrupted(signal));
    }
    unpinned?;
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
fn mask(settings: &Settings, environment: &Environment) -> Mask {
    let password = settings.credentials.iter();
    let mask = password.fold(Mask::default(), |mask, credentials| {
        mask.with(credentials.password.reveal().as_bytes())
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
    secrets: BuildSecrets,
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
        let severity = match self.extent {
            Extent::Publish => Severity::Warning,
            Extent::Build | Extent::BuildAndPublish => Severity::Error,
        };
        for diagnostic in self.doubts(severity).into_iter().chain(more) {
            session.ui.diagnostic(&diagnostic);
        }
        summary
    }

    /// Gives what the user should know of a plan besides its steps; `severity` is that of versions that are refused.
    pub(super) fn doubts(&self, severity: Severity) -> Vec<Diagnostic> {
        let mut doubts = words::stale(&self.plan, &self.loaded.catalog);
        doubts.extend(words::uncompared(&self.plan, &self.facts));
        let planned = (&self.plan, self.facts.as_slice());
        doubts.extend(words::refused(severity, planned, &self.loaded.catalog));
        doubts
    }

    fn ending(&self, summary: &Summary) -> Ending {
        let is_refused =
            self.extent != Extent::Publish && self.plan.refused(&self.facts).next().is_some();
        if summary.is_success() && is_refused {
            Ending::Found
        } else if summary.is_success() {
            Ending::Done
        } else if summary.is_environments_fault() {
            Ending::Hindered
        } else {
            Ending::Failed
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
        let run = Run {
            inventory: &Inventory::new(&self.loaded, &self.without_proxies),
            provenance: &errand.provenance,
            began: errand.began,
            loaded: &self.loaded,
            settings: &self.settings,
            engine: &self.engine,
            credentials: self.credentials.clone(),
            secrets: errand.secrets.clone(),
            mask: errand.mask.clone(),
            environment,
            logs: errand.logs.clone(),
            verified: &self.verified,
            ledger: errand.ledger,
            impatient: self.impatient(errand.manner.retry),
            jobs: errand.manner.jobs,
            cache: errand.manner.cache,
            bases: errand.manner.bases,
            on_failure: errand.manner.on_failure,
            cancelled: errand.cancelled.clone(),
            id: errand.id.clone(),
        };
        run.make(&self.plan, &self.facts, tell).await
    }

    /// Gives the images that are tried however often they failed.
    fn impatient(&self, retry: Retry) -> BTreeSet<ImageId> {
        match retry {
            Retry::Now => self.loaded.catalog.iter().map(|(id, _)| id).collect(),
            Retry::WhenDue => self.only.into_iter().collect(),
        }
    }

    /// Gives how long the images of the run took the last time, as far as that is known.
    fn expected(&self, ledger: &Ledger) -> HashMap<Reference, Duration> {
        let expected = self.plan.steps.iter().filter_map(|step| {
            let what = match step.action {
                Action::Build(_) => "build",
                Action::Verify => "verify",
                _ => return None,
            };
            let label = &self.loaded.catalog.image(step.image).label;
            Some((label.clone(), ledger.find_time(what, label)?))
        });
        expected.collect()
    }

    async fn publish(&self, made: &Made, errand: &Errand<'_>, tell: &dyn Fn(Event)) -> Vec<Kept> {
        let Some(registry) = &self.registry else {
            return Vec::new();
        };
        let publication = Publication {
            loaded: &self.loaded,
            engine: &self.engine,
            registry,
            login: self.login.clone(),
            target: &self.target,
            latest: errand.manner.latest,
            patience: self.settings.registry_timeout,
            logs: errand.logs.clone(),
            cancelled: errand.cancelled.clone(),
            mask: errand.mask.clone(),
            kept: Mutex::default(),
        };
        publication.publish(&self.plan, made, tell).await;
        publication.repair(&self.overdue, tell).await;
        publication.into_kept()
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
    let overdue = prepared.overdue.len();
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
