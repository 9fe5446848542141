//! `pkg verify`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::built::find_built;
use super::session::{Flavour, Session, find_image};
use super::work::mask;
use crate::build::hide_all;
use crate::catalog::find_of_name;
use crate::error::{Diagnostic, Severity};
use crate::host::fs::write_generated;
use crate::settings::Mask;
use crate::structure::{Report, render_json, render_junit, render_text};
use crate::verify::{
    StructureTests, Verification, VerifyError, find_test, judge, verify, verify_archive,
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
        let skipped = match report.counts().skipped {
            0 => None,
            1 => Some("1 command test was not run: that needs an engine".to_owned()),
            count => Some(format!(
                "{count} command tests were not run: that needs an engine"
            )),
        };
        if let Some(message) = skipped {
            let warning = Diagnostic::new(Severity::Warning, message);
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
        let engine = session.engine(&settings).await?;
        let Some(id) = find_built(session, &engine, image, &args.directories).await? else {
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
        let how = Verification {
            engine: &engine,
            id: &id,
            environment: &session.environment,
            deadline: own.map_or(settings.verify_timeout, |own| own.span),
            cancelled: &cancelled,
        };
        let verified = verify(&test, &how, |line| session.ui.say(&mask.hide(line)));
        let verified = Box::pin(verified);
        let verified = match signals.unless_again(verified).await {
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
        verified
            .passed
            .with_context(|| format!("{} did not pass its tests", image.label))?;
        // Without the record they run once more, and that is all.
        if let Err(error) = session.verified()?.note(&id, test.digest()) {
            let message = format!("that is not recorded: {error}");
            session
                .ui
                .diagnostic(&Diagnostic::new(Severity::Warning, message));
        }
        session.ui.say(&format!("{} passed its tests", image.label));
        Ok(Ending::Done)
    })
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
