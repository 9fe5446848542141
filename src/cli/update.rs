//! `pkg update`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Ending;
use super::session::{Flavour, Session, find_image};
use crate::debian::{Author, Version};
use crate::error::UsageError;
use crate::host::{Change, Changes, find_author};
use crate::oci::Reference;
use crate::scan::Loaded;
use crate::settings::Settings;
use crate::ui::{Cell, Column, Tone};
use crate::update::{Habits, Order, Update, Wish, prepare};

/// Write changelog entries for an image and for everything that depends on it
///
/// What depends on it, through any chain and in any of the directories, gets the version of its next rebuild: 1.2-1-s1,
/// then 1.2-1-s2. Neither engine nor registry is asked. All changelogs are changed, or none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the image
    #[arg(value_name = "NAME")]
    name: String,
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// The new version of the image [default: that of its next rebuild]
    #[arg(short, long, value_name = "VERSION")]
    version: Option<Version>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "Security update")]
    reason: String,
    /// Take a version that does not sort after the one that is there
    #[arg(long)]
    force: bool,
    /// Print what would change, as a patch, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    check_reason(&args.reason)?;
    let settings = session.settings(Flavour::Release)?;
    // A dry run changes nothing, and so does not wait for another run either.
    let changes = if args.dry_run {
        None
    } else {
        Some(begin(session, &args.directories)?)
    };
    let loaded = session.load(&args.directories, &settings)?;
    let wish = wish(session, args, &settings, &loaded)?;
    let habits = Habits {
        distribution: &settings.distribution,
        update_id: &settings.update_id,
    };
    let updates = prepare(&loaded, &wish, habits)?;
    if let Some(changes) = changes {
        let texts: Vec<Change> = updates.iter().map(Update::change).collect();
        changes.make(&texts)?;
    }
    if args.json {
        print_json(session, &loaded, &updates)?;
    } else if args.dry_run {
        let patch: String = updates.iter().map(Update::diff).collect();
        session.ui.print(&patch)?;
    } else {
        print_table(session, &loaded, &updates)?;
    }
    Ok(Ending::Done)
}

fn check_reason(reason: &str) -> Result<(), UsageError> {
    let is_refused = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    let message = match reason.replace("\r\n", "\n").chars().find(is_refused) {
        Some(character) => format!(
            "the reason holds `{}`, which cannot stand in a changelog",
            character.escape_debug()
        ),
        None if reason.trim().is_empty() => "a reason is needed".to_owned(),
        None => return Ok(()),
    };
    let hints = vec!["`--reason 'New upstream version'`".to_owned()];
    Err(UsageError { message, hints })
}

fn begin(session: &Session, directories: &[PathBuf]) -> anyhow::Result<Changes> {
    let changes = Changes::begin(directories)?;
    let count = changes.undone().len();
    if count > 0 {
        session.ui.say(&format!(
            "undone: what a run that was killed had changed ({count} changelogs)"
        ));
    }
    Ok(changes)
}

fn wish(
    session: &Session,
    args: &Args,
    settings: &Settings,
    loaded: &Loaded,
) -> anyhow::Result<Wish> {
    let image = find_image(loaded, &args.name)
        .map_err(|error| explain_name(&args.name, settings).unwrap_or(error))?;
    let fallback = Author {
        name: settings.fallback_author.clone(),
        email: settings.fallback_email.clone(),
    };
    let directory = args
        .directories
        .first()
        .map_or(Path::new("."), |directory| directory);
    let author = Session::block_on(async {
        Ok(find_author(&session.environment, directory, fallback).await)
    })?;
    Ok(Wish {
        image,
        version: args.version.clone(),
        reason: args.reason.clone(),
        order: if args.force {
            Order::Any
        } else {
            Order::Ascending
        },
        author,
        date: session.clock()?.now(),
    })
}

/// Says why a name that docker-pkg's users may have in mind is none here.
fn explain_name(name: &str, settings: &Settings) -> Option<anyhow::Error> {
    let is_base = |base: &Reference| [base.short_name(), &base.name()].contains(&name);
    let (message, hint) = if settings.base_images.iter().any(is_base) {
        (
            format!("`{name}` is an image from elsewhere and has no changelog here"),
            "name an image of these directories that is built on it",
        )
    } else if name.contains(['*', '?', '[']) {
        (
            format!("`{name}` is a pattern, and one name is needed"),
            "`pkg list --offline DIR` shows the names",
        )
    } else {
        return None;
    };
    let hints = vec![hint.to_owned()];
    Some(UsageError { message, hints }.into())
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
