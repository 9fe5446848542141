//! `pkg verify`.

use std::path::PathBuf;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::built::find_built;
use super::session::{Flavour, Session, find_image};
use super::work::mask;
use crate::build::hide_all;
use crate::catalog::find_of_name;
use crate::error::{Diagnostic, Severity};
use crate::verify::{find_test, verify};

/// Run the tests of an image that is built
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the image
    name: String,
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let loaded = session.load(&args.directories, &settings)?;
    let image = loaded.catalog.image(find_image(&loaded, &args.name)?);
    let test = find_test(&settings.verify, &image.directory, &image.label)?;
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
        let deadline = own.map_or(settings.verify_timeout, |own| own.span);
        let mask = mask(&settings, &session.environment);
        let mask = hide_all(&settings, &session.environment, mask);
        let passed = verify(&test, &session.environment, deadline, &cancelled, |line| {
            session.ui.say(&mask.hide(line));
        });
        let passed = match signals.unless_again(passed).await {
            Ok(passed) => passed,
            Err(signal) => return Ok(Ending::Interrupted(signal)),
        };
        if let Some(signal) = signals.received() {
            return Ok(Ending::Interrupted(signal));
        }
        passed.with_context(|| format!("{} did not pass its tests", image.label))?;
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
