//! Structure tests of an image: everything but commands on its files and its configuration, commands through the engine.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commands::Commands;
use super::error::VerifyError;
use super::run::Verification;
use crate::engine::Engine;
use crate::host::fs::{FileError, read_text};
use crate::host::{Clock, Environment, Scratch, Watch, Window, platform as machine_platform};
use crate::oci::{ContainerConfig, Digest, Platform};
use crate::rootfs::Extent;
use crate::structure::{
    Check, Files, ImageView, Outcome, Report, StructureErrors, Suite, TestResult, parse_suite,
};
use crate::unpack::Unpacked;

/// What is made for tests may take so long to be removed.
const LONGEST_END: i64 = 3600; // seconds
/// The file beside the recipe of an image.
pub const STRUCTURE_FILE: &str = "structure-test.yaml";

/// The tests of one or more files.
#[derive(Clone, Debug)]
pub struct StructureTests(pub(super) Arc<Vec<(PathBuf, Suite)>>);

/// An image that tests are run on.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// An image of the engine.
    Built(&'a Engine, &'a Digest),
    /// A layout or an archive at a path, for these kinds of machines, and the machine's where none is told; commands run on the
    /// same image of an engine, where there is one, which is the first of them.
    Archive(&'a Path, &'a [Platform], Option<(&'a Engine, &'a Digest)>),
}

impl<'a> Subject<'a> {
    /// Gives what runs commands.
    #[must_use]
    pub fn engine(&self) -> Option<(&'a Engine, &'a Digest)> {
        match *self {
            Self::Built(engine, id) => Some((engine, id)),
            Self::Archive(_, _, engine) => engine,
        }
    }
}

impl StructureTests {
    /// Reads files of tests; all that is wrong with them is told at once.
    pub fn read(paths: &[PathBuf]) -> Result<Self, VerifyError> {
        let mut files = Vec::new();
        let mut errors = Vec::new();
        for path in paths {
            match parse_suite(path, &read_text(path)?) {
                Ok(suite) => files.push((path.clone(), suite)),
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() {
            Ok(Self(Arc::new(files)))
        } else {
            Err(StructureErrors(errors).into())
        }
    }

    fn checks(&self) -> impl Iterator<Item = Check<'_>> {
        self.0.iter().flat_map(|(_, suite)| suite.checks())
    }

    pub(super) fn has_commands(&self) -> bool {
        self.checks()
            .any(|check| matches!(check, Check::Command(_)))
    }

    fn need_files(&self) -> bool {
        self.checks().any(|check| check.needs_files())
    }

    /// Runs all tests on an image, commands where there is an engine. What was made for them is removed, also when they take
    /// too long or the user ends them; what even that leaves, a later run removes.
    pub(super) async fn run_within(&self, how: &Verification<'_>) -> Result<Report, VerifyError> {
        let now = Clock::of_machine().now().timestamp();
        let allowed = i64::try_from(how.deadline.as_secs()).unwrap_or(i64::MAX);
        let until = now.saturating_add(allowed).saturating_add(LONGEST_END);
        let engine = how.subject.engine();
        let commands = engine.map(|(engine, id)| Commands::new(engine, id, until));
        if let Some((engine, _)) = engine
            && self.has_commands()
        {
            engine.remove_old_trials(now).await?;
        }
        let work = self.run(how.subject, how.environment, commands.as_ref());
        let ended = tokio::select! {
            biased;
            () = how.cancelled.cancelled() => Err(VerifyError::Interrupted),
            done = tokio::time::timeout(how.deadline, work) => {
                done.unwrap_or(Err(VerifyError::Late(how.deadline)))
            }
        };
        let cleaned = match &commands {
            Some(commands) => commands.clean_up().await,
            None => Ok(()),
        };
        let report = ended?;
        cleaned?;
        Ok(report)
    }

    /// Runs all tests, in their order; whoever drops this leaves containers to [`Commands::clean_up`].
    async fn run(
        &self,
        subject: Subject<'_>,
        environment: &Environment,
        commands: Option<&Commands<'_>>,
    ) -> Result<Report, VerifyError> {
        let watch = Watch::default();
        let _waiting = watch.end_when_dropped();
        let scratch = Scratch::new(&environment.large_temporary(), &watch);
        let mut others = Vec::new();
        let source = match subject {
            Subject::Archive(path, platforms, _) => {
                let all = platforms.iter().cloned();
                let mut all = all.map(|platform| Source::Archive(path.to_owned(), platform));
                let first = all.next();
                others.extend(all);
                first.unwrap_or_else(|| Source::Archive(path.to_owned(), machine_platform()))
            }
            Subject::Built(engine, id) if self.need_files() => {
                let expected = engine.identifies_by_config().then(|| id.clone());
                let platform = engine.find_platform(id).await?;
                let platform = platform.unwrap_or_else(machine_platform);
                Source::Saved(save_image(engine, id, &scratch).await?, expected, platform)
            }
            Subject::Built(engine, id) => Source::Config(engine.image_config(id).await?),
        };
        let first = source.platform().filter(|_| !others.is_empty()).cloned();
        let (config, judged) = self.judge_apart(source, &scratch).await?;
        let mut judged = judged.into_iter();
        let mut results = Vec::new();
        for (path, suite) in self.0.iter() {
            for check in suite.checks() {
                let result = match (check, commands) {
                    (Check::Command(test), Some(commands)) => {
                        let about = (path.as_path(), suite, environment);
                        commands.judge(test, about, &config).await?
                    }
                    (Check::Command(_), None) => skipped(&check),
                    _ => judged.next().unwrap_or_else(|| skipped(&check)),
                };
                results.push(match &first {
                    Some(platform) => result.of(platform),
                    None => result,
                });
            }
        }
        for source in others {
            let platform = source.platform().cloned();
            let (_, judged) = self.judge_apart(source, &scratch).await?;
            let judged = judged.into_iter().map(|result| match &platform {
                Some(platform) => result.of(platform),
                None => result,
            });
            results.extend(judged);
        }
        Ok(Report { results })
    }

    /// Judges on a thread of its own: digests, decompression and matching keep one busy.
    async fn judge_apart(
        &self,
        source: Source,
        scratch: &Scratch,
    ) -> Result<(ContainerConfig, Vec<TestResult>), VerifyError> {
        let (tests, scratch) = (self.clone(), scratch.clone());
        let judged = tokio::task::spawn_blocking(move || tests.judge(source, &scratch));
        judged.await.map_err(std::io::Error::from)?
    }

    /// Judges everything but commands.
    fn judge(
        &self,
        source: Source,
        scratch: &Scratch,
    ) -> Result<(ContainerConfig, Vec<TestResult>), VerifyError> {
        let image = match source {
            Source::Config(config) => {
                let results = self.judge_on(&ImageView::new(&config, None));
                return Ok((config, results));
            }
            Source::Archive(path, platform) => Unpacked::open(&path, &platform, scratch)?,
            Source::Saved(saved, expected, platform) => {
                let image = Unpacked::of_tar(saved, &platform, scratch)?;
                image.check_identity(expected)?;
                image
            }
        };
        let config = image.configuration.config.clone().unwrap_or_default();
        // Without tests of files nothing has to be read of them.
        if !self.need_files() {
            let results = self.judge_on(&ImageView::new(&config, None));
            return Ok((config, results));
        }
        let tree = image.tree()?;
        let fetch = |extent: &Extent, out: &mut dyn std::io::Write| image.copy(extent, out);
        let files = Files {
            tree: &tree,
            fetch: &fetch,
        };
        let results = self.judge_on(&ImageView::new(&config, Some(files)));
        Ok((config, results))
    }

    fn judge_on(&self, view: &ImageView<'_>) -> Vec<TestResult> {
        let judge = |check: Check<'_>| {
            let began = Instant::now();
            let wrong = view.judge(&check)?;
            Some(result(&check, wrong, began.elapsed()))
        };
        self.checks().filter_map(judge).collect()
    }
}

/// Runs structure tests on a layout or an archive; commands are skipped.
pub async fn verify_archive(
    tests: &StructureTests,
    path: &Path,
    environment: &Environment,
) -> Result<Report, VerifyError> {
    let run = tests.run(Subject::Archive(path, &[], None), environment, None);
    run.await.map_err(|error| match error {
        VerifyError::Unpack(error) => VerifyError::Archive(error),
        error => error,
    })
}

/// Where the files and the configuration of an image are read from.
enum Source {
    Archive(PathBuf, Platform),
    Saved(Window, Option<Digest>, Platform),
    Config(ContainerConfig),
}

impl Source {
    /// Gives the kind of machine of an image that may be one of several.
    fn platform(&self) -> Option<&Platform> {
        match self {
            Self::Archive(_, platform) => Some(platform),
            Self::Saved(..) | Self::Config(_) => None,
        }
    }
}

/// Takes an image out of the engine; the file has no name, and goes with this process whatever ends that.
pub async fn save_image(
    engine: &Engine,
    id: &Digest,
    scratch: &Scratch,
) -> Result<Window, VerifyError> {
    let failed = |source| FileError::new("write", scratch.directory(), source);
    let file = tempfile::tempfile_in(scratch.directory()).map_err(failed)?;
    let mut out = BufWriter::new(file);
    engine.save(id, &mut out).await?.map_err(failed)?;
    let file = out.into_inner();
    let file = file.map_err(|error| failed(error.into_error()))?;
    Ok(Window::of_file(file).map_err(failed)?)
}

fn skipped(check: &Check<'_>) -> TestResult {
    let why = "no engine runs its command".to_owned();
    TestResult {
        outcome: Outcome::Skipped(why),
        ..result(check, Vec::new(), Duration::ZERO)
    }
}

pub(super) fn result(check: &Check<'_>, wrong: Vec<String>, took: Duration) -> TestResult {
    TestResult {
        title: check.title(),
        place: check.place().clone(),
        outcome: if wrong.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Failed(wrong)
        },
        stdout: String::new(),
        stderr: String::new(),
        took,
    }
}
