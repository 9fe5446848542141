//! The work on one image: pulling, building, making a declared base, testing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::context::{ContextError, write_context};
use super::labels::{PARENTS, render_parents};
use super::log::Log;
use super::run::{Bases, Cache, Ending, Known, Run};
use super::{Event, Outcome, Phase};
use crate::assemble::{AssembleError, Bootstrap, bootstrap};
use crate::catalog::{ImageId, Recipe};
use crate::debian::{ChangelogError, Mirrors, parse_changelog};
use crate::declared::ImageFile;
use crate::engine::{BuildFault, BuildProgress, BuildRequest, Builder, EngineError};
use crate::host::fs::{FileError, read_text};
use crate::host::{ProcessError, find_machine_mirrors};
use crate::oci::{Digest, Reference};
use crate::verify::{Test, VerifyError, find_test, verify};

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Build(#[from] BuildFault<ContextError>),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the changelog cannot be read")]
    Changelog(#[from] ChangelogError),
    #[error("the top entry of {} has no date", .0.display())]
    NoDate(PathBuf),
    #[error(
        "no mirror is known for Debian `{0}`: set `mirror` (and `security_mirror`) in the settings"
    )]
    NoMirror(String),
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error("`{label}` is not there to build on")]
    NoParent { label: Reference },
    #[error("the engine does not have {0} any more")]
    Lost(Reference),
    #[error("interrupted")]
    Interrupted,
}

impl MakeError {
    fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::Interrupted
                | Self::Assemble(AssembleError::Program(ProcessError::Cancelled { .. }))
        )
    }
}

impl Run<'_> {
    /// Pulls a base image, or finds the one that the engine has, and gives its identity.
    pub(super) async fn refresh_base(
        &self,
        base: &Reference,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Ending {
        let began = Instant::now();
        let found = match self.bases {
            Bases::Refresh => Ok(None),
            Bases::Keep => self.engine.find_id(base).await,
        };
        match found {
            Ok(Some(id)) => Ending::done(Phase::Pull, id, began),
            Ok(None) => self.pull(base, base, log, tell).await,
            Err(error) => Ending::failed(Phase::Pull, &error, log, began),
        }
    }

    /// Pulls a published parent by its digest and gives it its label.
    pub(super) async fn pull_parent(
        &self,
        label: &Reference,
        digest: &Digest,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Ending {
        let began = Instant::now();
        let ending = self
            .pull(label, &label.with_digest(digest.clone()), log, tell)
            .await;
        if let Some(id) = &ending.id
            && let Err(error) = self.engine.tag(id, label).await
        {
            return Ending::failed(Phase::Pull, &error, log, began);
        }
        ending
    }

    async fn pull(
        &self,
        image: &Reference,
        what: &Reference,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Ending {
        let began = Instant::now();
        tell(Event::Started {
            image: image.clone(),
            phase: Phase::Pull,
        });
        log.heading(&format!("pull {what}"));
        // Foreign registries are not given the login of the settings' registry.
        let own = image.registry().is_some()
            && image.registry() == self.settings.naming.registry.as_deref();
        let login = self.login.as_ref().filter(|_| own);
        let pulled = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => return Ending::interrupted(Phase::Pull, began),
            pulled = self.engine.pull(what, login, |line| log.line(&line)) => pulled,
        };
        let found = match pulled {
            Ok(()) => self.engine.find_id(what).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(id)) => Ending::done(Phase::Pull, id, began),
            Ok(None) => Ending::failed(Phase::Pull, &MakeError::Lost(what.clone()), log, began),
            Err(error) => Ending::failed(Phase::Pull, &error, log, began),
        }
    }

    /// Builds an image from its recipe, then runs its tests.
    pub(super) async fn build_and_verify(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Ending {
        let began = Instant::now();
        let described = self.loaded.catalog.image(image);
        let label = described.label.clone();
        tell(Event::Started {
            image: label.clone(),
            phase: Phase::Build,
        });
        log.heading(&format!("build {label}"));
        let built = match &described.recipe {
            Recipe::Template { .. } => self.build(image, known, log, tell).await,
            Recipe::Declared { file, .. } => self.assemble(image, file, log, tell).await,
        };
        let id = match built {
            Ok(id) => id,
            Err(error) if error.is_interruption() => {
                return Ending::interrupted(Phase::Build, began);
            }
            Err(error) => return Ending::failed(Phase::Build, &error, log, began),
        };
        log.heading(&format!("built {id}"));
        match find_test(&self.settings.verify, &described.directory, &label) {
            Ok(None) => Ending::done(Phase::Build, id, began),
            Err(error) => Ending::failed(Phase::Verify, &error, log, began),
            Ok(Some(test)) => {
                tell(Event::Finished {
                    image: label,
                    phase: Phase::Build,
                    outcome: Outcome::Done,
                    took: began.elapsed(),
                });
                self.verify(image, id, &test, log, tell).await
            }
        }
    }

    /// Runs the tests of an image that was built in an earlier run.
    pub(super) async fn verify_built(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Ending {
        let began = Instant::now();
        let described = self.loaded.catalog.image(image);
        let Some(id) = known.borrow().images.get(&image).cloned() else {
            let error = MakeError::Lost(described.label.clone());
            return Ending::failed(Phase::Verify, &error, log, began);
        };
        match find_test(
            &self.settings.verify,
            &described.directory,
            &described.label,
        ) {
            Ok(None) => Ending::done(Phase::Verify, id, began),
            Ok(Some(test)) => self.verify(image, id, &test, log, tell).await,
            Err(error) => Ending::failed(Phase::Verify, &error, log, began),
        }
    }

    async fn verify(
        &self,
        image: ImageId,
        id: Digest,
        test: &Test,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Ending {
        let began = Instant::now();
        let label = &self.loaded.catalog.image(image).label;
        tell(Event::Started {
            image: label.clone(),
            phase: Phase::Verify,
        });
        log.heading(&format!("verify {label}"));
        let deadline = self.settings.verify_timeout;
        let passed = verify(test, self.environment, deadline, &self.cancelled, |line| {
            log.line(line);
            tell(Event::Line {
                image: label.clone(),
                text: line.to_owned(),
            });
        });
        match passed.await {
            Ok(()) => match self.verified.note(&id, test.digest()) {
                Ok(()) => Ending::done(Phase::Verify, id, began),
                Err(error) => Ending::failed(Phase::Verify, &error, log, began),
            },
            Err(VerifyError::Command(ProcessError::Cancelled { .. })) => {
                Ending::interrupted(Phase::Verify, began)
            }
            Err(error) => Ending::failed(Phase::Verify, &error, log, began),
        }
    }

    async fn build(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Result<Digest, MakeError> {
        let parents = self.parents(image, known)?;
        let mut pins = Vec::new();
        for (label, id) in &parents {
            pins.push((label.clone(), self.engine.pin(id, label, &self.id).await?));
        }
        let described = self.loaded.catalog.image(image);
        let dockerfile = self.loaded.pinned_dockerfile(image, &pins);
        let request = self.request(image, &parents);
        let (directory, root) = (described.directory.clone(), described.root.clone());
        let label = described.label.clone();
        let context = move |out: &mut dyn std::io::Write| {
            write_context(&directory, &root, &dockerfile, out).map(drop)
        };
        let build = self.engine.build(&request, context, |progress| {
            let progress = show_names(progress, &pins);
            log.progress(&progress);
            tell_progress(&label, &progress, tell);
        });
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(MakeError::Interrupted),
            built = build => Ok(built?),
        }
    }

    /// The images that a build is based on, with the identities that were observed in this run.
    fn parents(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
    ) -> Result<Vec<(Reference, Digest)>, MakeError> {
        let known = known.borrow();
        let catalog = &self.loaded.catalog;
        let mut parents = Vec::new();
        for parent in self.loaded.graph.parents(image) {
            let label = &catalog.image(*parent).label;
            match known.images.get(parent) {
                Some(id) => parents.push((label.clone(), id.clone())),
                // What is only declared, and not used by the recipe, may be absent.
                None if !self.loaded.uses(image, label) => (),
                None => {
                    return Err(MakeError::NoParent {
                        label: label.clone(),
                    });
                }
            }
        }
        for base in self.loaded.bases(image) {
            match known.bases.get(base) {
                Some(id) => parents.push((base.clone(), id.clone())),
                None => {
                    return Err(MakeError::NoParent {
                        label: base.clone(),
                    });
                }
            }
        }
        Ok(parents)
    }

    fn request(&self, image: ImageId, parents: &[(Reference, Digest)]) -> BuildRequest {
        let described = self.loaded.catalog.image(image);
        let limits = self.settings.container_limits.clone();
        let mut arguments = BTreeMap::new();
        if let Some(proxy) = &self.settings.proxies.http {
            for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
                arguments.insert(name.to_owned(), proxy.clone());
            }
        }
        let labels = [
            (PARENTS.to_owned(), render_parents(parents)),
            (
                "org.opencontainers.image.title".to_owned(),
                described.name.to_string(),
            ),
            (
                "org.opencontainers.image.version".to_owned(),
                described.version.to_string(),
            ),
        ];
        BuildRequest {
            label: described.label.clone(),
            arguments,
            labels: labels.into(),
            use_cache: self.cache == Cache::Use,
            // BuildKit does not keep limits: where they are asked for, the builder that does is used.
            builder: if limits == Default::default() {
                self.engine.builder()
            } else {
                Builder::Classic
            },
            limits,
            deadline: self.settings.build_timeout,
        }
    }

    /// Makes a declared base and loads it into the engine.
    async fn assemble(
        &self,
        image: ImageId,
        file: &ImageFile,
        log: &mut Log,
        tell: &dyn Fn(Event),
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let changelog = described.directory.join("changelog");
        let entries = parse_changelog(&read_text(&changelog)?)?.entries;
        let date = entries
            .first()
            .and_then(|entry| entry.date)
            .ok_or(MakeError::NoDate(changelog))?;
        let scratch = tempfile::Builder::new().prefix("pkg-").tempdir();
        let scratch =
            scratch.map_err(|source| FileError::new("create", &std::env::temp_dir(), source))?;
        let base = Bootstrap {
            file,
            mirrors: self.mirrors(&file.suite)?,
            created: date.to_utc(),
            environment: self.program_environment(),
            scratch: scratch.path(),
            deadline: self.settings.build_timeout,
        };
        let rootfs = bootstrap(&base, &self.cancelled, |line| {
            log.line(line);
            let step = line.strip_prefix("I: ").map(str::to_owned);
            tell(match step {
                Some(name) => Event::Step {
                    image: described.label.clone(),
                    name,
                },
                None => Event::Line {
                    image: described.label.clone(),
                    text: line.to_owned(),
                },
            });
        })
        .await?;
        let label = described.label.clone();
        self.engine
            .load(move |out| rootfs.write_archive(&label, out))
            .await??;
        let id = self.engine.find_id(&described.label).await?;
        id.ok_or_else(|| MakeError::Lost(described.label.clone()))
    }

    fn mirrors(&self, suite: &str) -> Result<Mirrors, MakeError> {
        let set = &self.settings.mirrors;
        match &set.main {
            Some(main) => Ok(Mirrors {
                main: main.clone(),
                security: set.security.clone(),
            }),
            None => {
                find_machine_mirrors(suite).ok_or_else(|| MakeError::NoMirror(suite.to_owned()))
            }
        }
    }

    fn program_environment(&self) -> Vec<(String, String)> {
        let names = ["PATH", "HOME", "http_proxy", "https_proxy", "no_proxy"];
        names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.environment.find(name)?)))
            .collect()
    }
}

/// The engine talks of pins; the user knows labels.
fn show_names(progress: BuildProgress, pins: &[(Reference, String)]) -> BuildProgress {
    let shown = |text: String| {
        pins.iter().fold(text, |text, (label, pin)| {
            text.replace(pin, &label.to_string())
        })
    };
    match progress {
        BuildProgress::Started { step, name } => BuildProgress::Started {
            step,
            name: shown(name),
        },
        BuildProgress::Line { step, text } => BuildProgress::Line {
            step,
            text: shown(text),
        },
        BuildProgress::Ended {
            step,
            cached,
            error,
            took,
        } => BuildProgress::Ended {
            step,
            cached,
            error: error.map(shown),
            took,
        },
    }
}

fn tell_progress(image: &Reference, progress: &BuildProgress, tell: &dyn Fn(Event)) {
    match progress {
        BuildProgress::Started { name, .. } if !name.starts_with("[internal]") => {
            tell(Event::Step {
                image: image.clone(),
                name: name.clone(),
            });
        }
        BuildProgress::Line { text, .. } => tell(Event::Line {
            image: image.clone(),
            text: text.clone(),
        }),
        _ => (),
    }
}
