//! `pkg update`.

use std::path::PathBuf;

use super::Ending;
use super::entries::{Manner, Writing, write};
use super::session::{Flavour, Session, find_image};
use crate::changelogs::{Order, UpdateWish, draft_update};
use crate::debian::{EntryForm, Version};
use crate::error::UsageError;
use crate::oci::Reference;
use crate::settings::Settings;

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
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Security update",
        allow_hyphen_values = true
    )]
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
    let writing = Writing {
        manner: Manner::of(args.dry_run, args.json),
        directories: &args.directories,
        settings: &settings,
        form: EntryForm::Update,
    };
    write(session, &writing, |loaded| {
        let image = find_image(loaded, &args.name)
            .map_err(|error| explain_name(&args.name, &settings).unwrap_or(error))?;
        let wish = UpdateWish {
            image,
            version: args.version.clone(),
            reason: args.reason.clone(),
            order: if args.force {
                Order::Any
            } else {
                Order::Ascending
            },
        };
        let (catalog, graph) = (&loaded.catalog, &loaded.graph);
        Ok(draft_update(catalog, graph, &wish, &settings.update_id)?)
    })
}

pub(super) fn check_reason(reason: &str) -> Result<(), UsageError> {
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
