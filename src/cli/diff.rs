//! `pkg diff`.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::Ending;
use super::changes::{print_changes, print_json, print_table, summary};
use super::session::{Flavour, Session};
use crate::error::{Diagnostic, Severity};
use crate::host::fs::read_text;
use crate::place::Place;
use crate::revision::{ImageChange, LeftOut, Past, PastFaults, Request, Sides, compare, open};
use crate::scan::{Loaded, load};
use crate::settings::Settings;

/// Print what changed in the images since a git revision
///
/// The revision is compared with the working tree as it is, with files that git does not follow yet and without those that it
/// ignores. Dockerfiles are compared as they are rendered, each side with its own settings. Images that were rebuilt, so that
/// their Dockerfiles differ at most in the versions of what they are built on, are one line; `--info` shows all.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revision, as git understands it (HEAD~3, v1.2, origin/main)
    #[arg(value_name = "REV")]
    revision: String,
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Print a line for each image
    #[arg(long)]
    stat: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "stat")]
    json: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let new = session.load(&args.directories, &settings)?;
    Session::block_on(async {
        let cancelled = CancellationToken::new();
        let signals = session.watch_signals(&cancelled)?;
        let request = Request {
            revision: &args.revision,
            roots: &args.directories,
            settings: session.config(),
        };
        let past = match open(&session.environment, request, &cancelled).await {
            Ok(past) => past,
            Err(error) => match signals.received() {
                Some(signal) => return Ok(Ending::Interrupted(signal)),
                None => return Err(error.into()),
            },
        };
        tell_gaps(session, &past);
        let old = load_past(session, &past, &settings)?;
        let sides = Sides {
            past: &past,
            old: old.as_ref(),
            new: &new,
            verify: &settings.verify,
        };
        let changes = compare(sides)?;
        if let Some(signal) = signals.received() {
            return Ok(Ending::Interrupted(signal));
        }
        print(session, args, &past, &changes)?;
        Ok(Ending::Done)
    })
}

/// Loads the catalog of the revision with its own settings; nothing where it had none of the directories.
fn load_past(session: &Session, past: &Past, today: &Settings) -> anyhow::Result<Option<Loaded>> {
    let roots = past.laid_out_roots();
    if roots.is_empty() {
        return Ok(None);
    }
    let own = if let Some(below) = &past.settings {
        let text = read_text(&past.files().join(below))?;
        let name = past.name(below);
        Some(session.parse_settings(Path::new(&name), &text)?.settings)
    } else {
        session.ui.say(&format!(
            "{} is not in {}: both sides are read with the settings of now",
            session.config().display(),
            past.revision
        ));
        None
    };
    let loaded = load(&roots, own.as_ref().unwrap_or(today));
    let loaded = loaded.map_err(|problems| PastFaults {
        revision: past.revision.clone(),
        files: past.files().to_owned(),
        problems,
    })?;
    Ok(Some(loaded))
}

/// Tells what the revision does not have, and what of it cannot be compared.
fn tell_gaps(session: &Session, past: &Past) {
    for root in past.roots.iter().filter(|root| !root.is_there) {
        session.ui.say(&format!(
            "{} was not there in {}: all its images are new",
            root.given.display(),
            past.revision
        ));
    }
    for left_out in &past.left_out {
        let (path, message) = match left_out {
            LeftOut::Submodule(path) => {
                (path, "this is a submodule, and its files are not compared")
            }
            LeftOut::Link(path) => (
                path,
                "this link leads out of the repository and is not followed",
            ),
        };
        session.ui.diagnostic(&Diagnostic {
            places: vec![Place::file(Path::new(&past.name(path)))],
            ..Diagnostic::new(Severity::Warning, message)
        });
    }
}

fn print(
    session: &Session,
    args: &Args,
    past: &Past,
    changes: &[ImageChange],
) -> anyhow::Result<()> {
    if args.json {
        return print_json(session, past, changes);
    }
    if args.stat {
        print_table(session, changes)?;
    } else {
        print_changes(session, changes)?;
    }
    session.ui.say(&summary(past, changes));
    Ok(())
}
