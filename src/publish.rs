//! Publishing: the version first, `latest` last, and nothing is called published before the registry confirmed the digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use crate::build::{Event, Fault, Log, Made, Outcome, Phase, cause};
use crate::catalog::ImageId;
use crate::engine::{Engine, EngineError, RegistryLogin};
use crate::host::fs::FileError;
use crate::oci::{Digest, Reference, Tag};
use crate::plan::{Action, Ended, Plan, Schedule};
use crate::registry::{Client, Presence, RegistryError};
use crate::scan::Loaded;
use crate::settings::Mask;

/// How many pushes run at once.
const PUSHES_AT_ONCE: usize = 4;

/// How long is waited before a push is repeated; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

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
    /// The engine that holds the images.
    pub engine: &'a Engine,
    /// The registry's client, for confirmation.
    pub registry: &'a Client,
    /// The login for pushes.
    pub login: Option<RegistryLogin>,
    /// Whether `latest` follows.
    pub latest: Latest,
    /// How long a push is repeated that failed in a way that may pass.
    pub patience: Duration,
    /// The directory of this run's logs.
    pub logs: PathBuf,
    /// What is hidden in them.
    pub mask: Mask,
    /// Tells that the run is to end.
    pub cancelled: CancellationToken,
}

/// Why an image is not published.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Log(#[from] FileError),
    #[error("{label} is not the image any more that passed its tests")]
    Moved { label: Reference },
    #[error(
        "the registry got {label} as {digest} from somebody else meanwhile; a published version does not change"
    )]
    Overtaken { label: Reference, digest: Digest },
    #[error(
        "the registry does not confirm {reference}: it was pushed as {pushed}, and there is {}",
        found(there)
    )]
    Unconfirmed {
        reference: Reference,
        pushed: Digest,
        there: Presence,
    },
    #[error("{label} is published, and `latest` is not moved to it")]
    Latest {
        label: Reference,
        source: Box<PublishError>,
    },
    #[error("interrupted")]
    Interrupted,
}

fn found(there: &Presence) -> String {
    match there {
        Presence::Absent => "nothing".to_owned(),
        Presence::Present(digest) => digest.to_string(),
    }
}

impl Publication<'_> {
    /// Publishes what the plan says and what passed its tests, with all that it is built on; parents go before children,
    /// and an image whose parent could not be published stays back.
    pub async fn publish(&self, plan: &Plan, made: &Made, tell: &dyn Fn(Event)) {
        let due = self.due(plan, made, tell);
        let place: BTreeMap<ImageId, usize> = due
            .iter()
            .enumerate()
            .map(|(i, (image, _))| (*image, i))
            .collect();
        let before: Vec<Vec<usize>> = due
            .iter()
            .map(|(image, _)| {
                let ancestors = self.loaded.graph.ancestors([*image]);
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
                let (image, id) = due[i];
                running.push(async move { (i, self.one(image, id, tell).await) });
            }
            let Some((i, how)) = running.next().await else {
                break;
            };
            let label = |i: usize| self.loaded.catalog.image(due[i].0).label.clone();
            let blocked = schedule.end(i, how);
            if !self.cancelled.is_cancelled() {
                for blocked in blocked {
                    let outcome = Outcome::Blocked { by: label(i) };
                    tell(finished(&label(blocked), outcome, Duration::ZERO));
                }
            }
        }
    }

    /// The images to publish. One that passed its own tests is blocked all the same when something that it is built on
    /// was to be built or tested in this run and did not pass.
    fn due<'m>(
        &self,
        plan: &Plan,
        made: &'m Made,
        tell: &dyn Fn(Event),
    ) -> Vec<(ImageId, &'m Digest)> {
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
                None => due.push((step.image, id)),
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

    async fn one(&self, image: ImageId, id: &Digest, tell: &dyn Fn(Event)) -> Ended {
        let label = &self.loaded.catalog.image(image).label;
        tell(Event::Started {
            image: label.clone(),
            phase: Phase::Publish,
        });
        let began = Instant::now();
        let pushed = match Log::open(&self.logs, &format!("{}.push", label.short_name())) {
            Ok(log) => {
                let mut log = log.hiding(self.mask.clone());
                let pushed = tokio::select! {
                    biased;
                    () = self.cancelled.cancelled() => Err(PublishError::Interrupted),
                    pushed = self.push(label, id, &mut log, tell) => pushed,
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
                    fault: match &error {
                        PublishError::Engine(error) => error.into(),
                        _ => Fault::Work,
                    },
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

    async fn push(
        &self,
        label: &Reference,
        id: &Digest,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Result<Digest, PublishError> {
        self.is_still(label, id).await?;
        if let Presence::Present(digest) = self.registry.presence(label).await? {
            return Err(PublishError::Overtaken {
                label: label.clone(),
                digest,
            });
        }
        let step = |reference: &Reference| Event::Step {
            image: label.clone(),
            name: format!("push {reference}"),
        };
        tell(step(label));
        let digest = self.push_one(label, id, log).await?;
        self.confirm(label.with_digest(digest.clone()), &digest)
            .await?;
        self.confirm(label.clone(), &digest).await?;
        if self.latest == Latest::Moves {
            let latest = label.with_tag(Tag::latest());
            tell(step(&latest));
            let moved = self.move_latest(latest, id, log).await;
            moved.map_err(|source| PublishError::Latest {
                label: label.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(digest)
    }

    async fn move_latest(
        &self,
        latest: Reference,
        id: &Digest,
        log: &mut Log,
    ) -> Result<(), PublishError> {
        self.engine.tag(id, &latest).await?;
        let digest = self.push_one(&latest, id, log).await?;
        self.confirm(latest, &digest).await
    }

    /// The engine pushes what a reference points to at that moment: it has to be the image that passed, before and after.
    async fn is_still(&self, reference: &Reference, id: &Digest) -> Result<(), PublishError> {
        if self.engine.find_id(reference).await?.as_ref() == Some(id) {
            return Ok(());
        }
        Err(PublishError::Moved {
            label: reference.clone(),
        })
    }

    /// Pushes, and again where the failure may pass: then only what the registry lacks is sent.
    async fn push_one(
        &self,
        reference: &Reference,
        id: &Digest,
        log: &mut Log,
    ) -> Result<Digest, PublishError> {
        log.heading(&format!("push {reference}"));
        let (mut failed_since, mut wait) = (None, FIRST_WAIT);
        loop {
            self.is_still(reference, id).await?;
            let pushed = self
                .engine
                .push(reference, self.login.as_ref(), |line| log.line(&line))
                .await;
            let error = match pushed {
                Ok(digest) => {
                    self.is_still(reference, id).await?;
                    return Ok(digest);
                }
                Err(error) => error,
            };
            let since = *failed_since.get_or_insert_with(Instant::now);
            if !error.may_pass() || since.elapsed() + wait >= self.patience {
                return Err(error.into());
            }
            log.heading(&format!("{error}; again in {}s", wait.as_secs()));
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }

    async fn confirm(&self, reference: Reference, pushed: &Digest) -> Result<(), PublishError> {
        let there = self.registry.presence(&reference).await?;
        if there == Presence::Present(pushed.clone()) {
            return Ok(());
        }
        Err(PublishError::Unconfirmed {
            reference,
            pushed: pushed.clone(),
            there,
        })
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
