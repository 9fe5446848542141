//! The work on one image: building it from its recipe, and running its tests.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inputs::{build_timeout, verify_timeout};
use super::run::{Cache, Ending, Known, Report, Run};
use super::shelved::BringError;
use super::{Event, Outcome, Phase};
use crate::assemble::AssembleError;
use crate::catalog::ImageId;
use crate::context::ContextError;
use crate::debian::ChangelogError;
use crate::engine::{BuildFault, BuildProgress, BuildRequest, Builder, Engine, EngineError, Make};
use crate::host::ProcessError;
use crate::host::fs::FileError;
use crate::locking::{HeldError, MirrorsFault};
use crate::mirror::MirrorError;
use crate::observe::{InventoryError, Snapshot, Sources};
use crate::oci::{Digest, Reference};
use crate::registry::CredentialsError;
use crate::settings::{ContainerLimits, PROXY_VARIABLES, without_login};
use crate::structure::render_text;
use crate::verify::{Test, Verification, VerifyError, verify};
use crate::web::ClientError;

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
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
    #[error(transparent)]
    Mirrors(#[from] MirrorsFault),
    #[error(transparent)]
    Lock(#[from] HeldError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    #[error("the mirrors cannot be asked")]
    Client(#[source] ClientError),
    #[error("`image.yaml` declares `{0}` as this version cannot make it yet")]
    NotYet(&'static str),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Inputs(#[from] InventoryError),
    #[error("`{label}` is not there to build on")]
    NoParent { label: Reference },
    #[error("the engine does not have {0} any more")]
    Lost(Reference),
    #[error("the {what} took longer than {}s, the time of its build (`build_timeout`)", allowed.as_secs())]
    Late {
        what: &'static str,
        allowed: Duration,
    },
    #[error("{0} since the run began: run again")]
    Changed(String),
    #[error("{0} was given to another image meanwhile")]
    Moved(Reference),
    #[error(
        "line {line} of the rendered Dockerfile has a here-document, which {} takes for nothing", name_classic(*by)
    )]
    HereDocument { line: usize, by: Make },
    #[error("{0}")]
    Passing(String),
    #[error(
        "line {line} of the rendered Dockerfile mounts a secret, which only BuildKit can, and this image is built by {}",
        name_classic(*by)
    )]
    SecretMount { line: usize, by: Make },
    #[error(
        "line {line} of the rendered Dockerfile declares `ARG {name}`, which would put the login of the proxy into the image's \
         history: leave it out, every step has the variable without it"
    )]
    ProxyInHistory { line: usize, name: String },
    #[error("an engine is needed, and none answers")]
    NoEngine,
    #[error(transparent)]
    Bring(#[from] BringError),
    #[error("interrupted")]
    Interrupted,
}

/// podman imitates the classic builder, and its users need not know that one.
fn name_classic(by: Make) -> &'static str {
    match by {
        Make::Docker => "the classic builder",
        Make::Podman => "podman",
    }
}

impl MakeError {
    pub(super) fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::Interrupted
                | Self::Assemble(AssembleError::Program(ProcessError::Cancelled { .. }))
        )
    }
}

impl Run<'_> {
    /// Builds an image from its recipe, then runs its tests.
    pub(super) async fn build_and_verify(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Ending {
        let began = Instant::now();
        let described = self.loaded.catalog.image(image);
        let label = described.label.clone();
        (report.tell)(Event::Started {
            image: label.clone(),
            phase: Phase::Build,
        });
        report.log.begin(&format!("build {label}"));
        // What cannot be run is known before the long part of the work.
        let found = self.find_test(image, report).await;
        let structure = |test: Option<Test>| match test {
            Some(test) => test.structure().map_err(MakeError::from),
            None => Ok(None),
        };
        if let Err(error) = found.and_then(structure) {
            return Ending::failed(Phase::Verify, &error, &mut report.log, began);
        }
        let id = match self.make_with_patience(image, known, report).await {
            Ok(id) => id,
            Err(error) if error.is_interruption() => {
                return Ending::interrupted(Phase::Build, began);
            }
            Err(error) => return Ending::failed(Phase::Build, &error, &mut report.log, began),
        };
        report.log.heading(&format!("built {id}"));
        match self.find_test(image, report).await {
            Ok(None) => Ending::done(Phase::Build, id, began),
            Err(error) if error.is_interruption() => Ending::interrupted(Phase::Build, began),
            Err(error) => Ending::failed(Phase::Verify, &error, &mut report.log, began),
            Ok(Some(test)) => {
                (report.tell)(Event::Finished {
                    image: label,
                    phase: Phase::Build,
                    outcome: Outcome::Done,
                    took: began.elapsed(),
                });
                Box::pin(self.verify(image, id, &test, report)).await
            }
        }
    }

    /// Runs the tests of an image that was built in an earlier run.
    pub(super) async fn verify_built(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Ending {
        let began = Instant::now();
        let described = self.loaded.catalog.image(image);
        let Some(id) = known.borrow().images.get(&image).cloned() else {
            let error = MakeError::Lost(described.label.clone());
            return Ending::failed(Phase::Verify, &error, &mut report.log, began);
        };
        match self.find_test(image, report).await {
            Ok(None) => match self.hold(&described.label, &id, report).await {
                Ok(_) => Ending::done(Phase::Verify, id, began),
                Err(error) if error.is_interruption() => Ending::interrupted(Phase::Verify, began),
                Err(error) => Ending::failed(Phase::Verify, &error, &mut report.log, began),
            },
            Err(error) if error.is_interruption() => Ending::interrupted(Phase::Verify, began),
            Ok(Some(test)) => Box::pin(self.verify(image, id, &test, report)).await,
            Err(error) => Ending::failed(Phase::Verify, &error, &mut report.log, began),
        }
    }

    async fn verify(
        &self,
        image: ImageId,
        id: Digest,
        test: &Test,
        report: &mut Report<'_>,
    ) -> Ending {
        let began = Instant::now();
        let label = &self.loaded.catalog.image(image).label;
        (report.tell)(Event::Started {
            image: label.clone(),
            phase: Phase::Verify,
        });
        report.log.begin(&format!("verify {label}"));
        let held = match self.hold(label, &id, report).await {
            Ok(held) => held,
            Err(error) if error.is_interruption() => {
                return Ending::interrupted(Phase::Verify, began);
            }
            Err(error) => return Ending::failed(Phase::Verify, &error, &mut report.log, began),
        };
        let how = Verification {
            subject: held.subject(),
            environment: self.environment,
            deadline: verify_timeout(self.settings, label),
            cancelled: &self.cancelled,
            mask: &self.mask,
        };
        let test = test.clone().of_run(&self.id);
        let mut tell = |line: &str| {
            report.log.line(line);
            (report.tell)(Event::Line {
                image: label.clone(),
                text: line.to_owned(),
            });
        };
        let verified = verify(&test, &how, &mut tell).await;
        if test.has_structure() {
            render_text(&verified.report).lines().for_each(tell);
        }
        let skipped = verified.report.counts().skipped;
        let passed = verified.passed.and(match skipped {
            0 => Ok(()),
            // An image has not passed what was not run.
            _ => Err(VerifyError::NeedsEngine),
        });
        let passed = match passed {
            Err(VerifyError::NeedsEngine) if self.engine.is_some() => {
                Err(VerifyError::NeedsMachine)
            }
            passed => passed,
        };
        match passed.map_err(|error| held.explain(error)) {
            Ok(()) => match self.is_still(label, &held).await {
                Ok(()) => {
                    // Without the record they run once more, and that is all.
                    if let Err(error) = self.verified.note(&id, test.digest()) {
                        report.log.heading(&format!("not recorded: {error}"));
                    }
                    Ending::done(Phase::Verify, id, began)
                }
                Err(error) => Ending::failed(Phase::Verify, &error, &mut report.log, began),
            },
            Err(error) if error.is_interruption() => Ending::interrupted(Phase::Verify, began),
            Err(error) => Ending::failed(Phase::Verify, &error, &mut report.log, began),
        }
    }

    pub(super) async fn build(
        &self,
        image: ImageId,
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let parents = self.parents(image, &known.borrow())?;
        let mut pins = Vec::new();
        let engine = self.engine()?;
        for (label, id) in &parents {
            let there = self.bring(label, id, report).await?;
            pins.push((label.clone(), engine.pin(&there, label, &self.id).await?));
        }
        self.refuse_proxy_in_history(image)?;
        let (sources, snapshot) = self.take(image, report.limit).await?;
        let labels = self.labels(image, &parents, &snapshot.inputs).await?;
        let mut request = self.request(image, engine, labels);
        request.deadline = report.limit.left();
        request.logins = self.logins_of_build(image, &pins).await?;
        let files = (sources, snapshot);
        let built = self
            .build_with(image, (&request, &files), &pins, report)
            .await;
        let refused = match built {
            Err(MakeError::Build(BuildFault::Engine(error))) if error.is_refusal_of_buildkit() => {
                error
            }
            built => return built,
        };
        report
            .log
            .heading(&format!("{refused}; now with the classic builder"));
        request.builder = Builder::Classic;
        self.build_with(image, (&request, &files), &pins, report)
            .await
    }

    /// What a recipe declares as an argument stands in the history of the image, with its value.
    fn refuse_proxy_in_history(&self, image: ImageId) -> Result<(), MakeError> {
        let proxy = self.settings.proxies.http.as_deref().unwrap_or_default();
        let Some(rendering) = self.loaded.rendering(image) else {
            return Ok(());
        };
        if without_login(proxy) == proxy {
            return Ok(());
        }
        let dockerfile = rendering.dockerfile();
        let global = dockerfile.global_args.iter();
        let global = global.map(|arg| (arg.line, arg.name.as_str()));
        let stages = dockerfile.stages.iter();
        let steps = stages.flat_map(|stage| &stage.instructions);
        let declared = steps.filter(|one| one.keyword == "ARG").flat_map(|one| {
            one.arguments
                .split_whitespace()
                .map(|word| (one.line, word))
        });
        let mut declared = global
            .chain(declared)
            .map(|(line, word)| (line, word.split('=').next().unwrap_or_default()));
        let found = declared.find(|(_, name)| PROXY_VARIABLES.contains(name));
        found.map_or(Ok(()), |(line, name)| {
            let name = name.to_owned();
            Err(MakeError::ProxyInHistory { line, name })
        })
    }

    async fn build_with(
        &self,
        image: ImageId,
        (request, files): (&BuildRequest, &(Arc<Sources>, Snapshot)),
        pins: &[(Reference, String)],
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let engine = self.engine()?;
        let by = engine.make();
        if let (Builder::Classic, Some(line)) = (request.builder, self.loaded.heredoc_line(image)) {
            return Err(MakeError::HereDocument { line, by });
        }
        if let (Builder::Classic, [mount, ..]) =
            (request.builder, self.loaded.secret_mounts(image).as_slice())
        {
            return Err(MakeError::SecretMount {
                line: mount.line,
                by,
            });
        }
        let described = self.loaded.catalog.image(image);
        let dockerfile = self.loaded.pinned_dockerfile(image, pins);
        let label = described.label.clone();
        let (sources, snapshot) = files.clone();
        let context =
            move |out: &mut dyn std::io::Write| sources.write_context(&snapshot, &dockerfile, out);
        let build = engine.build(request, context, |progress| {
            let progress = show_names(progress, pins);
            report.log.progress(&progress);
            report.words.progress(&progress);
            tell_progress(&label, &progress, report.tell);
        });
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(MakeError::Interrupted),
            built = build => built.map_err(|fault| match fault {
                BuildFault::Step(text) => BuildFault::Step(show_labels(text, pins)).into(),
                other => other.into(),
            }),
        }
    }

    /// The images that a build is based on, with the identities that were observed in this run.
    pub(super) fn parents(
        &self,
        image: ImageId,
        known: &Known,
    ) -> Result<Vec<(Reference, Digest)>, MakeError> {
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

    fn request(
        &self,
        image: ImageId,
        engine: &Engine,
        labels: BTreeMap<String, String>,
    ) -> BuildRequest {
        let described = self.loaded.catalog.image(image);
        let limits = self.settings.container_limits.clone();
        let mut arguments = BTreeMap::new();
        if let Some(proxy) = &self.settings.proxies.http {
            for name in PROXY_VARIABLES {
                arguments.insert(name.to_owned(), proxy.clone());
            }
        }
        BuildRequest {
            label: described.label.clone(),
            arguments,
            labels,
            logins: BTreeMap::new(),
            secrets: self.secrets.of(image),
            use_cache: self.cache == Cache::Use,
            builder: if limits == ContainerLimits::default() {
                engine.builder()
            } else {
                let keeping = engine.builder_with_limits();
                keeping.unwrap_or_else(|| engine.builder())
            },
            limits,
            deadline: build_timeout(self.settings, &described.label),
        }
    }
}

/// The engine talks of pins; the user knows labels.
fn show_names(progress: BuildProgress, pins: &[(Reference, String)]) -> BuildProgress {
    let shown = |text| show_labels(text, pins);
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

fn show_labels(text: String, pins: &[(Reference, String)]) -> String {
    pins.iter().fold(text, |text, (label, pin)| {
        text.replace(pin, &label.to_string())
    })
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
