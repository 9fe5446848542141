//! A plan as commands ask for it: observed, planned, and with what is doubtful about it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Ending;
use super::locks::{self, Locks};
use super::login::Need;
use super::scope::Scope;
use super::session::Session;
use super::stamping::Stamping;
use super::target::{self, Elsewhere, check_publishing, observe_at, registry_at};
use super::words;
use crate::build::BuildSecrets;
use crate::catalog::{ImageId, Recipe};
use crate::engine::{Engine, EngineError, RegistryLogin};
use crate::error::{Diagnostic, Severity, doubt_secrets};
use crate::host::architecture;
use crate::layout::Shelf;
use crate::locking::Held;
use crate::observe::{Comparison, Inventory, Observer, PublishedRecord, WithoutProxies};
use crate::plan::{Action, Availability, Extent, Facts, Goal, Means, Overwrite, Plan, Step, plan};
use crate::publish::{Followers, Latest, Target, find_overdue, find_strangers};
use crate::registry;
use crate::scan::Loaded;
use crate::settings::{ContainerLimits, Settings};
use crate::verify::VerifiedRecord;

/// What a command asks of a plan.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    pub(super) scope: &'a Scope,
    pub(super) publish: WhetherPublish,
    pub(super) overwrite: Overwrite,
    pub(super) target: Target,
    pub(super) locks: Locks,
    pub(super) stamping: Stamping,
}

impl Wish<'_> {
    /// Takes who logs in on the command line to the place that stands there, and stamps.
    fn direct(&self, settings: Settings) -> Settings {
        let mut settings = self.stamping.apply(settings);
        if let (Some(own), true) = (&mut settings.credentials, self.scope.login.is_given()) {
            own.host = self.target.host().map(str::to_owned);
        }
        settings
    }
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

/// What is done with images that failed more than once with the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// They wait until their next try is due, unless one of them is all that was asked for.
    WhenDue,
    /// They are tried.
    Now,
}

/// A plan with all that it was made from.
pub(super) struct Prepared {
    pub(super) settings: Settings,
    pub(super) roots: Vec<PathBuf>,
    pub(super) without_proxies: WithoutProxies,
    pub(super) loaded: Loaded,
    pub(super) locks: Held,
    pub(super) facts: Vec<Facts>,
    pub(super) plan: Plan,
    pub(super) published: Published,
    pub(super) target: Target,
    pub(super) extent: Extent,
    /// The engine, or why there is none.
    pub(super) engine: anyhow::Result<Engine>,
    pub(super) shelf: Shelf,
    pub(super) registry: Option<registry::Client>,
    pub(super) login: Option<RegistryLogin>,
    pub(super) credentials: registry::Credentials,
    pub(super) secrets: BuildSecrets,
    pub(super) verified: VerifiedRecord,
    /// The image, where the selection names exactly one.
    pub(super) only: Option<ImageId>,
}

/// What is to be known of published images besides their digests.
#[derive(Default)]
pub(super) struct Published {
    /// Those that `latest` has not followed.
    pub(super) followers: Followers,
    /// The versions that do not go to another place, and that the settings' registry has.
    pub(super) elsewhere: Elsewhere,
}

/// Asks who published what, and where `latest` stands.
async fn find_published(
    wish: &Wish<'_>,
    (registry, selection): (Option<&registry::Client>, Option<&BTreeSet<ImageId>>),
    (settings, loaded): (&Settings, &Loaded),
    (plan, extent): (&Plan, Extent),
) -> anyhow::Result<Published> {
    let Some(registry) = registry else {
        return Ok(Published::default());
    };
    let mut published = Published::default();
    let planned = (loaded, plan);
    if extent != Extent::Build && wish.scope.latest() == Latest::Moves {
        published.followers = find_overdue(registry, &wish.target, planned, selection).await?;
    }
    if !wish.target.is_usual() && settings.naming.registry.is_some() {
        published.elsewhere = target::find_elsewhere(registry, planned, selection).await;
    }
    Ok(published)
}

/// Reads the catalog, asks engine and registry, and makes the plan.
pub(super) async fn prepare(session: &Session, wish: &Wish<'_>) -> anyhow::Result<Prepared> {
    let login = (&wish.scope.login, need(wish.publish));
    let settings = wish.direct(session.settings_with_login(wish.scope.flavour(), login)?);
    if wish.publish == WhetherPublish::Only {
        check_publishing(&settings, &wish.target)?;
    }
    let (loaded, selection) = load_selection(session, wish, &settings)?;
    target::check_tags(&wish.target, &loaded)?;
    let concerned = concerned(&loaded, selection.as_ref());
    let held = hold_locks(session, wish, (&loaded, &concerned))?;
    let engine = find_engine(session, &settings, (&loaded, &concerned)).await?;
    let shelf = session.shelf();
    let registry = registry_at(session, &settings, &wish.target)?;
    let verified = session.verified()?;
    let without_proxies = WithoutProxies::load(&wish.scope.directories, &settings);
    let inventory = Inventory::new(&loaded, &without_proxies);
    let scanned = (&settings, &inventory, &concerned);
    let here = (engine.as_ref().ok(), &shelf);
    let asked = (here, registry.as_ref(), &verified);
    let facts = find_facts(session, wish, scanned, asked).await?;
    let has_credentials = settings.credentials.is_some() && registry.is_some();
    let extent = wish.publish.extent(has_credentials);
    let goal = Goal {
        extent,
        means: engine.as_ref().map_or(Means::NoEngine, |_| Means::Engine),
        selection: selection.clone(),
        overwrite: wish.overwrite,
    };
    let plan = plan(&loaded.catalog, &loaded.graph, &facts, &goal);
    locks::tell_unbuilt(session, &loaded, (&held, &plan));
    let asked = (registry.as_ref(), selection.as_ref());
    let published = find_published(wish, asked, (&settings, &loaded), (&plan, extent)).await?;
    if let Ok(engine) = &engine {
        check_engine(session, &settings, engine, (&plan, &loaded))?;
    }
    let secrets = BuildSecrets::read(&plan, &loaded, &settings, &session.environment)?;
    let login = session.login(&settings, wish.target.host()).await?;
    let credentials = session.credentials(&settings);
    Ok(Prepared {
        settings,
        roots: wish.scope.directories.clone(),
        without_proxies,
        loaded,
        locks: held,
        facts,
        plan,
        published,
        target: wish.target.clone(),
        extent,
        engine,
        shelf,
        registry,
        login,
        credentials,
        secrets,
        verified,
        only: find_only(selection.as_ref()),
    })
}

/// Checks the locks of what may be built, and holds them.
fn hold_locks(
    session: &Session,
    wish: &Wish<'_>,
    scanned: (&Loaded, &BTreeSet<ImageId>),
) -> anyhow::Result<Held> {
    if wish.publish == WhetherPublish::Only {
        return Ok(Held::default());
    }
    locks::check(session, scanned, &wish.locks)
}

fn find_only(selection: Option<&BTreeSet<ImageId>>) -> Option<ImageId> {
    let selection = selection.filter(|selection| selection.len() == 1)?;
    selection.first().copied()
}

/// Connects to the engine; where none answers, declared images can do without.
async fn find_engine(
    session: &Session,
    settings: &Settings,
    (loaded, concerned): (&Loaded, &BTreeSet<ImageId>),
) -> anyhow::Result<anyhow::Result<Engine>> {
    let is_declared = |id: &ImageId| {
        let recipe = &loaded.catalog.image(*id).recipe;
        matches!(recipe, Recipe::Declared { .. })
    };
    match session.find_engine(settings).await? {
        Err(error) if !concerned.iter().any(is_declared) => Err(error),
        engine => Ok(engine),
    }
}

/// Reads the catalog, and finds the images that are selected of it.
fn load_selection(
    session: &Session,
    wish: &Wish<'_>,
    settings: &Settings,
) -> anyhow::Result<(Loaded, Option<BTreeSet<ImageId>>)> {
    let loaded = session.load(&wish.scope.directories, settings)?;
    for warning in words::unmatched_times(settings, &loaded) {
        session.ui.diagnostic(&warning);
    }
    let selection = session.select(&loaded, wish.scope.select.as_deref())?;
    Ok((loaded, selection))
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
    ((engine, shelf), registry, verified): (
        (Option<&Engine>, &Shelf),
        Option<&registry::Client>,
        &VerifiedRecord,
    ),
) -> anyhow::Result<Vec<Facts>> {
    let usual = registry.filter(|_| wish.target.is_usual());
    let observer = Observer {
        engine,
        shelf: Some(shelf),
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
    if let Some(registry) = registry {
        let strangers = find_strangers(registry, &wish.target, (loaded, &facts)).await?;
        for (id, digest) in strangers {
            facts[id.0].registry = Availability::Taken(digest);
        }
    }
    Ok(facts)
}

/// Tells whether a step is the engine's work, as a declared base is not.
fn is_built_by_engine(step: &Step, loaded: &Loaded) -> bool {
    matches!(step.action, Action::Build(_)) && loaded.dockerfile(step.image).is_some()
}

/// Refuses an engine that cannot build what is planned, and says what it does not keep.
fn check_engine(
    session: &Session,
    settings: &Settings,
    engine: &Engine,
    (plan, loaded): (&Plan, &Loaded),
) -> Result<(), EngineError> {
    let mut steps = plan.steps.iter();
    if steps.any(|step| is_built_by_engine(step, loaded)) {
        engine.check_takes_contexts()?;
        tell_of_limits(session, settings, engine);
    }
    Ok(())
}

/// Says what `container_limits` mean for builds.
fn tell_of_limits(session: &Session, settings: &Settings, engine: &Engine) {
    if settings.container_limits == ContainerLimits::default() {
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
pub(super) fn concerned(
    loaded: &Loaded,
    selection: Option<&BTreeSet<ImageId>>,
) -> BTreeSet<ImageId> {
    match selection {
        None => loaded.catalog.iter().map(|(id, _)| id).collect(),
        Some(selection) => {
            let mut concerned = loaded.graph.ancestors(selection.iter().copied());
            concerned.extend(selection);
            concerned
        }
    }
}

impl Prepared {
    /// Gives what the user should know of a plan besides its steps; `severity` is that of versions that are refused.
    pub(super) fn doubts(&self, severity: Severity) -> Vec<Diagnostic> {
        let mut doubts = words::stale(&self.plan, &self.loaded.catalog);
        doubts.extend(words::uncompared(&self.plan, &self.facts));
        let planned = (&self.plan, self.facts.as_slice());
        doubts.extend(words::refused(severity, planned, &self.loaded.catalog));
        doubts.extend(target::taken(&self.plan, &self.loaded.catalog));
        if let Err(error) = &self.engine {
            doubts.extend(words::needing_engine(
                severity,
                (&self.plan, &self.loaded.catalog),
                error,
            ));
        }
        if self.extent == Extent::Publish {
            let known = (&self.loaded, self.facts.as_slice());
            doubts.extend(target::not_here(&self.published.elsewhere, known));
            doubts.extend(target::outdated(
                known,
                &self.plan,
                &self.published.elsewhere,
            ));
        }
        doubts.extend(self.doubts_of_latest());
        doubts
    }

    /// Gives where it could not be found out where `latest` stands.
    pub(super) fn doubts_of_latest(&self) -> Vec<Diagnostic> {
        let unknown = self.published.followers.doubts.iter();
        let doubts = unknown.map(|doubt| target::doubt(doubt, &self.loaded.catalog));
        doubts.collect()
    }

    /// Gives what the user should know of a plan that is only printed.
    pub(super) fn doubts_of_plan(&self) -> Vec<Diagnostic> {
        let mut doubts = self.secret_doubts();
        doubts.extend(self.doubts(Severity::Warning));
        doubts
    }

    /// Gives how a command ends that only prints the plan, in whatever form: as a run would that can do all of it.
    pub(super) fn ending_of_plan(&self) -> Ending {
        if self.published.followers.is_unknown() || self.needs_engine() {
            Ending::Hindered
        } else {
            Ending::Done
        }
    }

    /// Tells whether something is left undone for lack of an engine.
    pub(super) fn needs_engine(&self) -> bool {
        self.plan.needing_engine().next().is_some()
    }

    /// Gives what is doubtful about the secrets of the images that are built, and what of them a build would lack here.
    pub(super) fn secret_doubts(&self) -> Vec<Diagnostic> {
        let doubts = self.secrets.doubts().iter().map(Diagnostic::from);
        let lacking = self.secrets.check().err();
        let lacking = lacking.iter().flat_map(doubt_secrets);
        doubts.chain(lacking).collect()
    }
}
