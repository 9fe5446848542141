//! The right to work on directories, which one run has at a time: a build, a publication, or a change of files.
//!
//! What only looks takes none. Who comes second is told who is there, or waits with `--wait`.

use std::path::PathBuf;
use std::time::Duration;

use super::session::Session;
use crate::error::{Diagnostic, Severity};
use crate::host::{ChangeError, Changes};
use crate::ledger::{BusyDirectory, Claim, ClaimError, Holder, HolderNote, LockOrigin};
use crate::settings::find_duration;

/// How long a run waits for another one on the same directories.
#[derive(Debug, clap::Args)]
pub(super) struct Waiting {
    /// Wait so long for another run on these directories (`30m`) instead of giving up at once
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    wait: Option<Duration>,
}

fn parse_time(text: &str) -> Result<Duration, String> {
    find_duration(text)
        .ok_or_else(|| "a length of time such as `90` (seconds), `15m` or `1h30m`".to_owned())
}

/// Takes the right to work on some directories; nothing where another run has it, which is told.
pub(super) fn claim(
    session: &Session,
    (command, directories): (&str, &[PathBuf]),
    waiting: &Waiting,
) -> anyhow::Result<Option<Claim>> {
    let state = session.state()?;
    let holder = holder(session, command, directories)?;
    let patience = waiting.wait.unwrap_or_default();
    let waits = |busy: &BusyDirectory| tell_of_wait(session, busy);
    match Claim::take((&state, directories), &holder, patience, waits) {
        Ok(claim) => {
            for fault in claim.unlocked() {
                let message = format!("{fault}: nothing keeps another run away from it");
                session
                    .ui
                    .diagnostic(&Diagnostic::new(Severity::Warning, message));
            }
            Ok(Some(claim))
        }
        Err(ClaimError::Busy(busy)) => {
            refuse(session, &busy);
            Ok(None)
        }
        Err(ClaimError::File(error)) => Err(error.into()),
    }
}

/// The right to change files of some directories, and the word for others who has it.
pub(super) type Writer = (Changes, Option<HolderNote>);

/// Takes the right to change files, and undoes what a killed run left half done; nothing where another run has it, which is
/// told.
pub(super) fn begin_changes(
    session: &Session,
    (command, directories): (&str, &[PathBuf]),
    waiting: &Waiting,
) -> anyhow::Result<Option<Writer>> {
    let state = session.state().ok();
    let zone = *session.clock()?.now().offset();
    let mut begun = Changes::begin(directories);
    for patience in [waiting.wait, None] {
        let Err(ChangeError::Busy(at)) = &begun else {
            break;
        };
        let busy = BusyDirectory::new(state.as_deref(), directories, at, zone);
        let Some(patience) = patience else {
            refuse(session, &busy);
            return Ok(None);
        };
        tell_of_wait(session, &busy);
        begun = Changes::begin_within(directories, patience);
    }
    let changes = begun?;
    let note = state.map(|state| {
        let holder = holder(session, command, directories)?;
        Ok::<_, anyhow::Error>(holder.note(&state))
    });
    Ok(Some((changes, note.transpose()?)))
}

fn tell_of_wait(session: &Session, busy: &BusyDirectory) {
    session.ui.say(&format!("waiting: {busy}"));
}

fn refuse(session: &Session, busy: &BusyDirectory) {
    let mut diagnostic = Diagnostic::new(Severity::Error, busy.to_string());
    if busy.origin == LockOrigin::Inherited {
        let why = "the lock is of who started this run, as `flock DIRECTORY pkg …` takes it: leave that out, or give it another \
                   file; directories are locked without it";
        session.ui.diagnostic(&diagnostic.hint(why));
        return;
    }
    if busy.holder.is_none() {
        let why = "who that is cannot be seen from here, as of a run in another container";
        diagnostic = diagnostic.hint(why);
    }
    let hint = "wait for it, `--wait 2h` does so for you";
    session.ui.diagnostic(&diagnostic.hint(hint));
}

/// Describes this run for others that want to work on the same directories.
fn holder(session: &Session, command: &str, directories: &[PathBuf]) -> anyhow::Result<Holder> {
    let names = directories.iter().map(|it| it.display().to_string());
    let words: Vec<String> = ["pkg".to_owned(), command.to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let now = session.clock()?.now();
    Ok(Holder::of_this_run(words.join(" "), now, directories))
}
