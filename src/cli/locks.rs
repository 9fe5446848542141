//! What commands do about locks: `lock` makes them, `build` and `plan` follow them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::claims::{Waiting, begin_changes};
use super::prepare::concerned;
use super::scope::Scope;
use super::session::Session;
use crate::build::{Event, Outcome, Phase};
use crate::catalog::{ImageId, Pattern, Recipe};
use crate::error::{Diagnostic, Severity};
use crate::host::{Change, ChangeError, Changes, Clock, machine_architecture};
use crate::lock::Staleness;
use crate::locking::{
    Demand, Files, Fitting, Held, LockFaults, LockingFaults, Means, Resolved, Standing, State,
    Told, Unmade, find_standings, mirror_options, resolve,
};
use crate::mirror::{Client, MirrorError, Store};
use crate::plan::Plan;
use crate::scan::{Loaded, load};
use crate::settings::Settings;
use crate::ui::RunSize;

/// The part of a command line that says what locks mean.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct LocksArgs {
    /// Refuse images of packages that have no lock, or one that was made from another declaration
    #[arg(long)]
    locked: bool,
}

/// What locks mean for a build.
#[derive(Clone, Debug)]
pub(super) enum Locks {
    /// Those that are there are followed; some could not be made anew before.
    Followed(Unmade),
    /// Each image of packages needs one, and it has to be that of its declaration.
    Required,
}

impl LocksArgs {
    pub(super) fn locks(self) -> Locks {
        if self.locked {
            Locks::Required
        } else {
            Locks::Followed(Unmade::default())
        }
    }
}

/// Checks the locks of images that may be built, warns of what a build makes anew, and holds them as they are now.
pub(super) fn check(
    session: &Session,
    (loaded, images): (&Loaded, &BTreeSet<ImageId>),
    locks: &Locks,
) -> anyhow::Result<Held> {
    let standings = find_standings(loaded, images.iter().copied())?;
    let faults_of = |wanted: &dyn Fn(&Standing) -> bool| {
        let found = standings.iter().filter(|one| wanted(one));
        found
            .filter_map(|one| one.fault(loaded))
            .collect::<Vec<_>>()
    };
    let (demand, faults) = match locks {
        Locks::Required => (Demand::Fresh, faults_of(&|_| true)),
        Locks::Followed(_) => {
            let is_unreadable = |one: &Standing| matches!(one.state, State::Unreadable(_));
            (Demand::Readable, faults_of(&is_unreadable))
        }
    };
    if !faults.is_empty() {
        return Err(LockFaults { demand, faults }.into());
    }
    let none = Unmade::default();
    let unmade = match locks {
        Locks::Followed(unmade) => unmade,
        Locks::Required => &none,
    };
    let is_to_be_made = |one: &Standing| {
        let name = name_of(loaded, one.image);
        matches!(one.state, State::Stale(..)) && unmade.find(name).is_none()
    };
    for fault in faults_of(&is_to_be_made) {
        let diagnostic = Diagnostic {
            places: vec![fault.place],
            ..Diagnostic::new(Severity::Warning, fault.message)
        };
        session
            .ui
            .diagnostic(&diagnostic.hint("a build makes it anew first"));
    }
    Ok(Held::new(loaded, standings, unmade))
}

/// Warns of locks that could not be made anew and whose images are not built, so that nothing else tells of them.
pub(super) fn tell_unbuilt(session: &Session, loaded: &Loaded, (held, plan): (&Held, &Plan)) {
    let built: BTreeSet<ImageId> = plan.builds().collect();
    for (image, why) in held.unmade().filter(|(image, _)| !built.contains(image)) {
        let message = format!("`{}` is not built, and {why}", name_of(loaded, image));
        session
            .ui
            .diagnostic(&Diagnostic::new(Severity::Warning, message));
    }
}

fn name_of(loaded: &Loaded, image: ImageId) -> &str {
    loaded.catalog.image(image).name.as_str()
}

/// Makes the locks anew whose declarations changed, before a build looks at them, and gives those that cannot be made: only their
/// images fail. Gives nothing where somebody else is at work there.
pub(super) fn relock(
    session: &Session,
    scope: &Scope,
    waiting: &Waiting,
) -> anyhow::Result<Option<Unmade>> {
    let settings = session.settings_silently(scope.flavour())?;
    // What is wrong with the directories is told by the build itself.
    let Some(images) = find_stale(scope, &settings).filter(|images| !images.is_empty()) else {
        return Ok(Some(Unmade::default()));
    };
    let Some((changes, _note)) = begin_changes(session, ("build", &scope.directories), waiting)?
    else {
        return Ok(None);
    };
    let loaded = load(&scope.directories, &settings)?;
    let standings = find_standings(&loaded, loaded.catalog.iter().map(|(id, _)| id))?;
    let is_asked = |one: &Standing| {
        let name = name_of(&loaded, one.image);
        images.contains(name) && matches!(one.state, State::Stale(..))
    };
    let standings: Vec<Standing> = standings.into_iter().filter(is_asked).collect();
    let (fittings, faults) = fit(session, (&settings, &loaded), standings, Files::Named)?;
    write(&changes, &fittings)?;
    for fitting in &fittings {
        tell_relocked(session, &loaded, fitting);
    }
    Ok(Some(Unmade::of(faults)))
}

fn tell_relocked(session: &Session, loaded: &Loaded, fitting: &Fitting) {
    let name = name_of(loaded, fitting.standing.image);
    let changed = match &fitting.standing.state {
        State::Stale(_, Staleness::Keys(keys)) => format!("`{keys}`"),
        _ => "its declaration".to_owned(),
    };
    let said = match &fitting.standing.state {
        State::Stale(_, Staleness::Architecture(lacking)) => {
            format!("`{name}`: locked anew, as the lock had nothing for {lacking}")
        }
        _ => format!("`{name}`: locked anew, as {changed} changed"),
    };
    session.ui.say(&said);
    for one in &fitting.moves {
        let show = |version: &Option<String>| version.clone().unwrap_or("nothing".to_owned());
        let (old, new) = (show(&one.old), show(&one.new));
        session
            .ui
            .say(&format!("`{name}`: {} {old} → {new}", one.package));
    }
}

/// Finds the names of the images in scope whose locks are stale.
fn find_stale(scope: &Scope, settings: &Settings) -> Option<BTreeSet<String>> {
    let loaded = load(&scope.directories, settings).ok()?;
    let has_declared = loaded
        .catalog
        .iter()
        .any(|(_, image)| matches!(image.recipe, Recipe::Declared { .. }));
    if !has_declared {
        return None;
    }
    let selection = match scope.select.as_deref().map(Pattern::parse) {
        None => None,
        Some(pattern) => {
            let pattern = pattern.ok()?;
            let images = loaded.catalog.iter();
            let images = images.filter(|(_, image)| pattern.matches(&image.label.to_string()));
            Some(images.map(|(id, _)| id).collect::<BTreeSet<_>>())
        }
    };
    let images = concerned(&loaded, selection.as_ref());
    let standings = find_standings(&loaded, images).ok()?.into_iter();
    let stale = standings.filter(|one| matches!(one.state, State::Stale(..)));
    let names = stale.map(|one| name_of(&loaded, one.image).to_owned());
    Some(names.collect())
}

/// Chooses the packages of images anew, and holds them against the locks that are there; gives why some have none, too.
pub(super) fn fit(
    session: &Session,
    (settings, loaded): (&Settings, &Loaded),
    standings: Vec<Standing>,
    files: Files,
) -> anyhow::Result<(Vec<Fitting>, LockingFaults)> {
    let client = Client::new(&mirror_options(settings, &session.environment))?;
    let store = Store::of_environment(&session.environment).map_err(MirrorError::from)?;
    let means = Means {
        client: &client,
        store: &store,
        settings,
        architecture: machine_architecture(),
        scratch: &std::env::temp_dir(),
        files,
        now: Clock::of_machine().now().to_utc(),
    };
    let images: Vec<ImageId> = standings.iter().map(|one| one.image).collect();
    let resolved = resolve_shown(session, loaded, (&images, &means))?;
    let mut locks = resolved.locks;
    let mut fittings = Vec::with_capacity(standings.len());
    for standing in standings {
        let image = loaded.catalog.image(standing.image);
        let lock = locks.remove(&standing.image);
        if let (Some(lock), Recipe::Declared { file, .. }) = (lock, &image.recipe) {
            fittings.push(Fitting::new(standing, lock, file)?);
        }
    }
    Ok((fittings, resolved.faults))
}

/// Chooses packages, with a display that goes away at the end.
fn resolve_shown(
    session: &Session,
    loaded: &Loaded,
    (images, means): (&[ImageId], &Means<'_>),
) -> anyhow::Result<Resolved> {
    let progress = session.ui.progress(RunSize {
        work: Phase::Resolve,
        images: images.len(),
        steps: images.len(),
        jobs: images.len(),
    });
    let label = |image: ImageId| loaded.catalog.image(image).label.clone();
    let began: Mutex<BTreeMap<ImageId, Instant>> = Mutex::default();
    let tell = |told: Told<'_>| {
        let mut began = began.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = Phase::Resolve;
        progress.event(&match told {
            Told::Began(image) => {
                began.insert(image, Instant::now());
                let image = label(image);
                Event::Started { image, phase }
            }
            Told::Step(image, line) => Event::Step {
                image: label(image),
                name: line.to_owned(),
            },
            Told::Done(image) => Event::Finished {
                took: began.get(&image).map(Instant::elapsed).unwrap_or_default(),
                image: label(image),
                phase,
                outcome: Outcome::Done,
            },
        });
    };
    Session::block_on(async { Ok(resolve(loaded, images, means, &tell).await) })
}

/// Writes the locks that say something new, all or none.
pub(super) fn write(changes: &Changes, fittings: &[Fitting]) -> Result<(), ChangeError> {
    let all = fittings.iter().filter_map(|fitting| fitting.change.clone());
    let all: Vec<Change> = all.collect();
    changes.make(&all)
}
