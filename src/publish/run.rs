//! All images of a run: parents before children, several at once, and each with its log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::attach::Unattached;
use super::error::PublishError;
use super::latest::{Lead, Overdue};
use super::push::Parcel;
use super::target::Target;
use crate::build::{Event, Log, Made, Outcome, Phase};
use crate::catalog::ImageId;
use crate::debian::Version;
use crate::engine::{Engine, RegistryLogin};
use crate::host::cause;
use crate::layout::Shelf;
use crate::oci::{Digest, Reference, Tag};
use crate::plan::{Action, Ended, Plan, Schedule};
use crate::registry::Client;
use crate::scan::Loaded;
use crate::settings::{Mask, Settings};

/// How many pushes run at once.
const PUSHES_AT_ONCE: usize = 4;

/// Whether `latest` follows a published version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latest {
    /// It does, as the last thing.
    Moves,
    /// It stays: nightly and snapshot builds are not what users of `latest` want.
    Stays,
}

/// All that publishing needs besides the plan and what was made.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The catalog and its graph.
    pub loaded: &'a Loaded,
    /// The engine that holds the images; without one, only those of the shelf are published.
    pub engine: Option<&'a Engine>,
    /// The shelf of the images that were made without an engine.
    pub shelf: &'a Shelf,
    /// The registry's client, for confirmation.
    pub registry: &'a Client,
    /// The login for pushes.
    pub login: Option<RegistryLogin>,
    /// Where the images go, and under which tags.
    pub target: &'a Target,
    /// Whether `latest` follows.
    pub latest: Latest,
    /// How long a push may take, and how long it is repeated where it failed in a way that may pass.
    pub settings: &'a Settings,
    /// The directory of this run's logs.
    pub logs: PathBuf,
    /// What is hidden in them.
    pub mask: Mask,
    /// Tells that the run is to end.
    pub cancelled: CancellationToken,
    /// What is told of what was published.
    pub notes: Mutex<Notes>,
}

/// What is told of what was published.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// What was published while `latest` stays at something newer.
    pub kept: Vec<Kept>,
    /// What was published without what it is made of.
    pub unattached: Vec<Unattached>,
}

/// A version that was published while a newer one is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The version that was published.
    pub version: Reference,
    /// The newer one.
    pub newer: Version,
    /// Where that one is.
    pub lead: Lead,
}

/// An image to publish.
#[derive(Clone, Copy)]
struct Due<'m> {
    image: ImageId,
    id: &'m Digest,
    replaces: Option<&'m Digest>,
}

impl Publication<'_> {
    /// Publishes what the plan says and what passed its tests, with all that it is built on; parents go before children,
    /// and an image whose parent could not be published stays back.
    pub async fn publish(&self, plan: &Plan, made: &Made, tell: &dyn Fn(Event)) {
        let due = self.due(plan, made, tell);
        let place: BTreeMap<ImageId, usize> = due
            .iter()
            .enumerate()
            .map(|(i, due)| (due.image, i))
            .collect();
        let before: Vec<Vec<usize>> = due
            .iter()
            .map(|it| {
                let ancestors = self.loaded.graph.ancestors([it.image]);
                let due = ancestors.iter().filter_map(|it| place.get(it).copied());
                due.collect()
            })
            .collect();
        let mut schedule = Schedule::new(&before);
        let mut running = FuturesUnordered::new();
        loop {
            if self.cancelled.is_cancelled() {
                schedule.give_up();
            }
            while running.len() < PUSHES_AT_ONCE {
                let Some(i) = schedule.start_next() else {
                    break;
                };
                let Due {
                    image,
                    id,
                    replaces,
                } = due[i];
                running.push(async move {
                    let label = &self.shown(image);
                    let work = async |parcel: &mut Parcel<'_>| {
                        parcel.replaces = replaces.cloned();
                        self.deliver(parcel).await
                    };
                    (i, self.one((image, id), label, tell, work).await)
                });
            }
            let Some((i, how)) = running.next().await else {
                break;
            };
            let label = |i: usize| self.shown(due[i].image);
            let blocked = schedule.end(i, how);
            if !self.cancelled.is_cancelled() {
                for blocked in blocked {
                    let outcome = Outcome::Blocked { by: label(i) };
                    tell(finished(&label(blocked), outcome, Duration::ZERO));
                }
            }
        }
    }

    /// Gives what is told of what was published.
    #[must_use]
    pub fn into_notes(self) -> Notes {
        self.notes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that `latest` stays.
    pub(super) fn keep(&self, kept: Kept) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.kept.push(kept);
    }

    /// Notes that an image goes on without what it is made of.
    pub(super) fn note_unattached(&self, unattached: Unattached) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        // An index and its images may get the same answer.
        if !notes.unattached.contains(&unattached) {
            notes.unattached.push(unattached);
        }
    }

    /// The images to publish. One that passed its own tests is blocked all the same when something that it is built on
    /// was to be built or tested in this run and did not pass.
    fn due<'m>(&self, plan: &'m Plan, made: &'m Made, tell: &dyn Fn(Event)) -> Vec<Due<'m>> {
        let failed: BTreeSet<ImageId> = plan
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::Build(_) | Action::Verify))
            .map(|step| step.image)
            .filter(|image| !made.passed.contains_key(image))
            .collect();
        let mut due = Vec::new();
        for step in plan.steps.iter().filter(|step| step.publish) {
            let Some(id) = made.passed.get(&step.image) else {
                continue;
            };
            let ancestors = self.loaded.graph.ancestors([step.image]);
            match ancestors.intersection(&failed).next() {
                None => due.push(Due {
                    image: step.image,
                    id,
                    replaces: step.replaces.as_ref(),
                }),
                Some(_) if self.cancelled.is_cancelled() => {}
                Some(&by) => {
                    let label = |image| self.loaded.catalog.image(image).label.clone();
                    let outcome = Outcome::Blocked { by: label(by) };
                    tell(finished(&label(step.image), outcome, Duration::ZERO));
                }
            }
        }
        due
    }

    /// Gives what an image is published as: the version where it goes, or the first tag of a candidate, which is no version.
    fn shown(&self, image: ImageId) -> Reference {
        let label = &self.image(image).label;
        let version = self.target.version(label);
        let version = version.unwrap_or_else(|_| label.clone());
        match self.target.candidates.first() {
            Some(candidate) => version.with_tag(candidate.tag().clone()),
            None => version,
        }
    }

    /// Does the work on one image, which the events name by `label`.
    async fn one(
        &self,
        (image, id): (ImageId, &Digest),
        label: &Reference,
        tell: &dyn Fn(Event),
        work: impl AsyncFnOnce(&mut Parcel<'_>) -> Result<Digest, PublishError>,
    ) -> Ended {
        tell(Event::Started {
            image: label.clone(),
            phase: Phase::Publish,
        });
        let began = Instant::now();
        let pushed = match Log::open(&self.logs, &format!("{}.push", label.short_name())) {
            Ok(log) => {
                let mut log = log.hiding(self.mask.clone());
                let mut parcel = Parcel {
                    image: self.image(image),
                    shown: label,
                    id,
                    shelved: None,
                    replaces: None,
                    log: &mut log,
                    tell,
                };
                let pushed = async {
                    parcel.shelved = self.find_shelved(&parcel)?;
                    work(&mut parcel).await
                };
                let pushed = tokio::select! {
                    biased;
                    () = self.cancelled.cancelled() => Err(PublishError::Interrupted),
                    pushed = pushed => pushed,
                };
                pushed.map_err(|error| (error, Some(log)))
            }
            Err(error) => Err((PublishError::Log(error), None)),
        };
        let (how, outcome) = match pushed {
            Ok(digest) => (Ended::Done, Outcome::Published(digest)),
            Err((PublishError::Interrupted, _)) => (Ended::Failed, Outcome::Interrupted),
            Err((error, log)) => {
                let outcome = Outcome::Failed {
                    fault: (&error).into(),
                    cause: cause(&error),
                    last_lines: log.as_ref().map(Log::last_lines).unwrap_or_default(),
                    log: log.map(|log| log.path().to_owned()),
                };
                (Ended::Failed, outcome)
            }
        };
        tell(finished(label, outcome, began.elapsed()));
        how
    }

    /// Lets `latest` follow the versions that were published without it.
    pub async fn repair(&self, overdue: &[Overdue], tell: &dyn Fn(Event)) {
        let repairs = overdue.iter().map(|it| async move {
            if self.cancelled.is_cancelled() {
                return;
            }
            let image = self.image(it.image);
            let version = self.target.version(&image.label);
            let latest = version.unwrap_or_else(|_| image.label.clone());
            let latest = latest.with_tag(Tag::latest());
            let work = async |parcel: &mut Parcel<'_>| {
                self.repair_version(parcel, &it.digest).await?;
                Ok(it.digest.clone())
            };
            self.one((it.image, &it.digest), &latest, tell, work).await;
        });
        futures_util::stream::iter(repairs)
            .buffer_unordered(PUSHES_AT_ONCE)
            .collect::<Vec<()>>()
            .await;
    }
}

fn finished(image: &Reference, outcome: Outcome, took: Duration) -> Event {
    Event::Finished {
        image: image.clone(),
        phase: Phase::Publish,
        outcome,
        took,
    }
}
