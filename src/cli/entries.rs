//! Writing changelog entries, as `update` and `refresh` do it: locked, prepared, all or none, printed.

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use serde_json::json;

use super::Ending;
use super::claims::{Waiting, begin_changes};
use super::session::Session;
use crate::changelogs::{Draft, Signature, Update, prepare};
use crate::debian::{Author, EntryForm};
use crate::error::{Diagnostic, Severity};
use crate::host::{Change, find_author};
use crate::scan::Loaded;
use crate::settings::Settings;
use crate::ui::{Cell, Column, Tone};

/// What is done with the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// They are written, and a table says which.
    Write,
    /// They are written, and JSON says which.
    WriteJson,
    /// A patch shows them.
    Show,
    /// JSON shows them.
    ShowJson,
}

impl Manner {
    pub(super) fn of(dry_run: bool, json: bool) -> Self {
        match (dry_run, json) {
            (false, false) => Self::Write,
            (false, true) => Self::WriteJson,
            (true, false) => Self::Show,
            (true, true) => Self::ShowJson,
        }
    }
}

/// What a command writes, and where.
pub(super) struct Writing<'a> {
    pub(super) manner: Manner,
    pub(super) directories: &'a [PathBuf],
    pub(super) settings: &'a Settings,
    pub(super) form: EntryForm,
    pub(super) waiting: &'a Waiting,
}

/// Loads the catalog, lets the command draft its entries, and writes all of them or none.
pub(super) fn write(
    session: &Session,
    writing: &Writing<'_>,
    draft: impl FnOnce(&Loaded) -> anyhow::Result<Vec<Draft>>,
) -> anyhow::Result<Ending> {
    // A dry run changes nothing, and so does not wait for another run either.
    let command = match writing.form {
        EntryForm::Update => "update",
        EntryForm::Items => "refresh",
    };
    let changes = match writing.manner {
        Manner::Write | Manner::WriteJson => {
            let directories = (command, writing.directories);
            let Some(writer) = begin_changes(session, directories, writing.waiting)? else {
                return Ok(Ending::Hindered);
            };
            tell_of_undone(session, writer.0.undone().len());
            Some(writer)
        }
        Manner::Show | Manner::ShowJson => None,
    };
    let loaded = session.load(writing.directories, writing.settings)?;
    let drafts = draft(&loaded)?;
    let signature = sign(session, writing)?;
    let updates = prepare(&loaded, drafts, &signature)?;
    warn_of_earlier_dates(session, &loaded, &updates, signature.date);
    if let Some((changes, _note)) = changes
        && !updates.is_empty()
    {
        let texts: Vec<Change> = updates.iter().map(Update::change).collect();
        changes.make(&texts)?;
    }
    if updates.is_empty() {
        session.ui.say("nothing to write: no image needs an entry");
    }
    match writing.manner {
        Manner::WriteJson | Manner::ShowJson => print_json(session, &loaded, &updates)?,
        Manner::Show => {
            let patch: String = updates.iter().map(Update::diff).collect();
            session.ui.print(&patch)?;
        }
        Manner::Write => print_table(session, &loaded, &updates)?,
    }
    Ok(Ending::Done)
}

/// Warns of entries that are dated before those below them: the clock went back, or `SOURCE_DATE_EPOCH` is left from elsewhere.
fn warn_of_earlier_dates(
    session: &Session,
    loaded: &Loaded,
    updates: &[Update],
    date: DateTime<FixedOffset>,
) {
    // Clocks of writers and zones differ by hours, days are meant.
    let below = updates.iter().filter_map(|update| {
        let image = loaded.catalog.image(update.image);
        let dated = image.dated?;
        (date.date_naive() < dated.date_naive() && date < dated).then_some((dated, image))
    });
    let below: Vec<_> = below.collect();
    let Some((latest, _)) = below.iter().max_by_key(|(dated, _)| *dated) else {
        return;
    };
    let entries = match below.len() {
        1 => "the new entry is".to_owned(),
        count => format!("{count} new entries are"),
    };
    let message = format!(
        "{entries} dated {}, before the one below of {}",
        date.date_naive(),
        latest.date_naive()
    );
    let places = below.iter().map(|(_, image)| image.entry.clone());
    let diagnostic = Diagnostic {
        places: places.collect(),
        ..Diagnostic::new(Severity::Warning, message)
    };
    session.ui.diagnostic(
        &diagnostic.hint("look at the clock of this machine, and whether SOURCE_DATE_EPOCH is set"),
    );
}

/// Says that what a killed run had changed is as before.
pub(super) fn tell_of_undone(session: &Session, count: usize) {
    if count > 0 {
        session.ui.say(&format!(
            "undone: what a run that was killed had changed ({count} changelogs)"
        ));
    }
}

fn sign(session: &Session, writing: &Writing<'_>) -> anyhow::Result<Signature> {
    let directory = writing
        .directories
        .first()
        .map_or(Path::new("."), |directory| directory);
    Ok(Signature {
        distribution: writing.settings.distribution.clone(),
        form: writing.form,
        author: find_signer(session, writing.settings, directory)?,
        date: session.clock()?.now(),
    })
}

/// Finds who writes entries below a directory.
pub(super) fn find_signer(
    session: &Session,
    settings: &Settings,
    directory: &Path,
) -> anyhow::Result<Author> {
    let fallback = Author {
        name: settings.fallback_author.clone(),
        email: settings.fallback_email.clone(),
    };
    Session::block_on(async { Ok(find_author(&session.environment, directory, fallback).await) })
}

fn print_table(session: &Session, loaded: &Loaded, updates: &[Update]) -> anyhow::Result<()> {
    let rows: Vec<Vec<Cell>> = updates
        .iter()
        .map(|update| {
            vec![
                Cell::new(
                    Tone::Strong,
                    loaded.catalog.image(update.image).name.to_string(),
                ),
                Cell::new(Tone::Dim, update.old.to_string()),
                Cell::from(update.new.to_string()),
                Cell::new(Tone::Dim, update.path.display().to_string()),
            ]
        })
        .collect();
    let columns = ["NAME", "FROM", "TO", "CHANGELOG"].map(Column::left);
    Ok(session.ui.table(&columns, &rows)?)
}

fn print_json(session: &Session, loaded: &Loaded, updates: &[Update]) -> anyhow::Result<()> {
    let updates: Vec<_> = updates
        .iter()
        .map(|update| {
            json!({
                "name": loaded.catalog.image(update.image).name.to_string(),
                "from": update.old.to_string(),
                "to": update.new.to_string(),
                "changelog": update.path,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "version": 1, "updates": updates }))?;
    Ok(session.ui.print(&format!("{text}\n"))?)
}
