//! `pkg verify`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::built::{Built, find_built};
use super::session::{Flavour, Session, find_image};
use super::work::mask;
use crate::build::{hide_all, load_shelved};
use crate::catalog::{Image, find_of_name};
use crate::engine::{Engine, EngineError};
use crate::error::{Diagnostic, Severity};
use crate::host::fs::write_generated;
use crate::oci::Digest;
use crate::settings::{Mask, Settings};
use crate::structure::{Report, render_json, render_junit, render_text};
use crate::verify::{
    StructureTests, Test, Verification, VerifyError, find_test, judge, verify, verify_archive,
};

/// Run the tests of an image that is built
///
/// Tests are the verify command of the settings (`test.sh`) and the structure tests in `structure-test.yaml`; the image has
/// to pass all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the image
    #[arg(required_unless_present = "image")]
    name: Option<String>,
    /// The directories with images
    #[arg(value_name = "DIR", required_unless_present = "image")]
    directories: Vec<PathBuf>,
    /// Run structure tests on this OCI layout or archive, without an engine; their commands are skipped
    #[arg(
        long,
        value_name = "PATH",
        requires = "structure_tests",
        conflicts_with_all = ["name", "directories"]
    )]
    image: Option<PathBuf>,
    /// The structure tests for `--image`; can be given several times
    #[arg(long = "structure-test", value_name = "FILE", requires = "image")]
    structure_tests: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Write the report to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    test_report: Option<PathBuf>,
}

/// How tests are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// In the shape of container-structure-test's JSON
    Json,
    /// The XML of `JUnit`
    Junit,
}

/// What container-structure-test calls its suite.
const USUAL_SUITE: &str = "container-structure-test.test";

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    match (&args.image, &args.name) {
        (Some(path), _) => run_on_archive(session, args, path),
        (None, Some(name)) => run_on_built(session, args, name),
        // Without an image to read, the name is required.
        (None, None) => Ok(Ending::Failed),
    }
}

fn run_on_archive(session: &Session, args: &Args, path: &Path) -> anyhow::Result<Ending> {
    let tests = StructureTests::read(&args.structure_tests)?;
    Session::block_on(async {
        let cancelled = CancellationToken::new();
        let signals = session.watch_signals(&cancelled)?;
        let work = verify_archive(&tests, path, &session.environment);
        let report = tokio::select! {
            biased;
            () = cancelled.cancelled() => {
                return Ok(Ending::Interrupted(signals.received().unwrap_or_default()));
            }
            report = work => report,
        };
        let report = report.with_context(|| format!("{} cannot be tested", path.display()))?;
        print_report(session, args, (&report, USUAL_SUITE), &Mask::default())?;
        if let Some(warning) = warn_of_skipped(report.counts().skipped) {
            session.ui.diagnostic(&warning);
        }
        let passed = judge(&report);
        passed.with_context(|| format!("{} did not pass its tests", path.display()))?;
        Ok(Ending::Done)
    })
}

fn run_on_built(session: &Session, args: &Args, name: &str) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let loaded = session.load(&args.directories, &settings)?;
    let image = loaded.catalog.image(find_image(&loaded, name)?);
    let test = find_test(&settings.verify, &image.directory, &image.label)?;
    if let Some(test) = &test {
        test.structure()?;
    }
    Session::block_on(async {
        let Some(built) = find_built(session, &settings, image, &args.directories).await? else {
            return Ok(Ending::Failed);
        };
        let Some(test) = test else {
            session.ui.say(&format!("{} has no tests", image.label));
            return Ok(Ending::Done);
        };
        let cancelled = CancellationToken::new();
        let signals = session.watch_signals(&cancelled)?;
        let own = find_of_name(&settings.verify_timeouts, image.name.as_str(), |it| {
            &it.pattern
        });
        let mask = mask(&settings, &session.environment);
        let mask = hide_all(&settings, &session.environment, mask);
        let deadline = own.map_or(settings.verify_timeout, |own| own.span);
        let finding = find_engine(session, (&settings, image), (&built, &test));
        let there = tokio::select! {
            biased;
            () = cancelled.cancelled() => {
                return Ok(Ending::Interrupted(signals.received().unwrap_or_default()));
            }
            there = tokio::time::timeout(deadline, finding) => {
                there.map_err(|_| VerifyError::Late(deadline))??
            }
        };
        let how = Verification {
            subject: built.subject(there.as_ref().map(|(engine, id)| (engine, id))),
            environment: &session.environment,
            deadline,
            cancelled: &cancelled,
            mask: &mask,
        };
        let work = Box::pin(verify(&test, &how, |line| session.ui.say(&mask.hide(line))));
        let verified = match signals.unless_again(work).await {
            Ok(verified) => verified,
            Err(signal) => return Ok(Ending::Interrupted(signal)),
        };
        if let Some(signal) = signals.received() {
            return Ok(Ending::Interrupted(signal));
        }
        let was_run = !verified.report.results.is_empty()
            || matches!(verified.passed, Err(VerifyError::NoTests));
        if was_run && (test.has_structure() || args.format != Format::Text) {
            let suite = image.label.to_string();
            print_report(session, args, (&verified.report, &suite), &mask)?;
        }
        let skipped = verified.report.counts().skipped;
        let passed = verified.passed;
        passed.with_context(|| format!("{} did not pass its tests", image.label))?;
        tell_passed(session, image, (&built, &test, skipped))?;
        Ok(Ending::Done)
    })
}

/// Tells that an image passed, and records it unless some tests were not run.
fn tell_passed(
    session: &Session,
    image: &Image,
    (built, test, skipped): (&Built, &Test, usize),
) -> anyhow::Result<()> {
    if let Some(warning) = warn_of_skipped(skipped) {
        session.ui.diagnostic(&warning);
    }
    let id = match built {
        Built::There(_, id) => id,
        Built::Shelved(shelved) => shelved.id(),
    };
    // Without the record they run once more, and that is all.
    if skipped == 0
        && let Err(error) = session.verified()?.note(id, test.digest())
    {
        let message = format!("that is not recorded: {error}");
        let warning = Diagnostic::new(Severity::Warning, message);
        session.ui.diagnostic(&warning);
    }
    session.ui.say(&format!("{} passed its tests", image.label));
    Ok(())
}

/// Finds an engine that runs the commands of the tests of what the shelf has, with the identity that the image has there;
/// where none answers, they are skipped.
async fn find_engine(
    session: &Session,
    (settings, image): (&Settings, &Image),
    (built, test): (&Built, &Test),
) -> anyhow::Result<Option<(Engine, Digest)>> {
    let Built::Shelved(shelved) = built else {
        return Ok(None);
    };
    if !test.has_commands()? {
        return Ok(None);
    }
    let engine = match session.engine(settings).await {
        Ok(engine) => engine,
        Err(error) if error.is::<EngineError>() => {
            session.tell_as_warning(&error);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if shelved.of_machine().is_none() {
        session.tell_as_warning(&VerifyError::NeedsMachine.into());
        return Ok(None);
    }
    let id = load_shelved(&engine, &image.label, shelved, &session.environment).await?;
    Ok(Some((engine, id)))
}

/// Says how many commands of tests were not run.
fn warn_of_skipped(count: usize) -> Option<Diagnostic> {
    let message = match count {
        0 => return None,
        1 => "1 command test was not run: that needs an engine".to_owned(),
        count => format!("{count} command tests were not run: that needs an engine"),
    };
    Some(Diagnostic::new(Severity::Warning, message))
}

/// Writes a report where it is wanted, without what may be secret.
fn print_report(
    session: &Session,
    args: &Args,
    (report, suite): (&Report, &str),
    mask: &Mask,
) -> anyhow::Result<()> {
    let text = match args.format {
        Format::Text => render_text(report),
        Format::Json => render_json(report),
        Format::Junit => render_junit(report, suite),
    };
    let text = mask.hide(&text);
    match &args.test_report {
        Some(file) => write_generated(file, text.as_bytes())?,
        None => session.ui.print(&text)?,
    }
    Ok(())
}
