//! `pkg list`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::Ending;
use super::login::{LoginArgs, Need};
use super::presence::{Known, Published, Whom, observe};
use super::scope::FlavourArgs;
use super::session::Session;
use crate::catalog::{Image, ImageId};
use crate::error::{UsageError, diagnose};
use crate::observe::ObserveError;
use crate::plan::Availability;
use crate::scan::Loaded;
use crate::ui::{Cell, Column, Tone};

/// List the images with their versions and where they are
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Only images whose whole label matches this pattern (`*/nginx:*`)
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    /// Ask neither engine nor registry
    #[arg(long)]
    offline: bool,
    /// Only images whose version the registry has, or does not have
    #[arg(long, value_enum, value_name = "WHICH", conflicts_with = "offline")]
    only: Option<Published>,
    /// Print this alone, a line for each image: for scripts
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "json")]
    print: Option<Part>,
    #[command(flatten)]
    flavour: FlavourArgs,
    #[command(flatten)]
    login: LoginArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is printed of an image.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// The name.
    Name,
    /// The version, with the date of a nightly.
    Version,
    /// Registry, namespace, name and version.
    Label,
    /// The directory, as it was given.
    Directory,
    /// The changelog, as it was given.
    Changelog,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings =
        session.settings_with_login(args.flavour.flavour(), (&args.login, Need::Optional))?;
    let loaded = session.load(&args.directories, &settings)?;
    let selection = session.select(&loaded, args.select.as_deref())?;
    let mut wanted: BTreeSet<ImageId> = match selection {
        Some(selection) => selection,
        None => loaded.catalog.iter().map(|(id, _)| id).collect(),
    };
    if args.only.is_some() && settings.naming.registry.is_none() {
        let message = "no registry is set, so nothing is published".to_owned();
        let hints = vec!["set `registry` in the settings".to_owned()];
        return Err(UsageError { message, hints }.into());
    }
    let known = match args.whom() {
        None => None,
        Some(whom) => match observe(session, &settings, &loaded, (&wanted, whom)) {
            Ok(known) => Some(known),
            Err(error) if error.is::<ObserveError>() => return Ok(tell_way_out(session, &error)),
            Err(error) => return Err(error),
        },
    };
    if let Some(known) = &known {
        wanted.retain(|id| args.only.is_none_or(|only| only == known.published(*id)));
    }
    if let Some(part) = args.print {
        let lines = wanted
            .iter()
            .map(|id| part.of(loaded.catalog.image(*id)) + "\n");
        session.ui.print(&lines.collect::<String>())?;
        return Ok(Ending::Done);
    }
    if args.json {
        print_json(session, &loaded, &wanted, known.as_ref())?;
    } else {
        print_table(session, &loaded, &wanted, known.as_ref())?;
    }
    Ok(known.map_or(Ending::Done, |known| {
        known.tell_unknown(session, &loaded, &wanted)
    }))
}

impl Args {
    /// Gives who is asked, if anybody: what is printed for scripts says nothing of where an image is.
    fn whom(&self) -> Option<Whom> {
        match (self.only, self.print) {
            _ if self.offline => None,
            // What the registry has is known without an engine.
            (Some(_), _) => Some(Whom::Registry),
            (None, Some(_)) => None,
            (None, None) => Some(Whom::Both),
        }
    }
}

impl Part {
    fn of(self, image: &Image) -> String {
        match self {
            Self::Name => image.name.to_string(),
            Self::Version => tag_of(image),
            Self::Label => image.label.to_string(),
            Self::Directory => image.directory.display().to_string(),
            Self::Changelog => image.entry.path().display().to_string(),
        }
    }
}

/// The version, with what a nightly puts behind it.
fn tag_of(image: &Image) -> String {
    let tag = image.label.tag();
    tag.map_or_else(|| image.version.to_string(), ToString::to_string)
}

/// Tells why it cannot be known where the images are, and how to do without.
fn tell_way_out(session: &Session, error: &anyhow::Error) -> Ending {
    let (_, mut diagnostics) = diagnose(error);
    if let Some(last) = diagnostics.last_mut() {
        last.hints.push("`--offline` asks nobody".to_owned());
    }
    for diagnostic in &diagnostics {
        session.ui.diagnostic(diagnostic);
    }
    Ending::Hindered
}

fn print_table(
    session: &Session,
    loaded: &Loaded,
    wanted: &BTreeSet<ImageId>,
    known: Option<&Known>,
) -> anyhow::Result<()> {
    let rows: Vec<Vec<Cell>> = wanted
        .iter()
        .map(|&id| {
            let image = loaded.catalog.image(id);
            let mut row = vec![
                Cell::new(Tone::Strong, image.name.to_string()),
                Cell::from(tag_of(image)),
            ];
            if let Some(known) = known {
                row.push(known.presence(id, image));
            }
            row.push(Cell::new(Tone::Dim, image.directory.display().to_string()));
            row
        })
        .collect();
    let mut columns = vec![Column::left("NAME"), Column::left("VERSION")];
    if known.is_some() {
        columns.push(Column::left("PRESENCE"));
    }
    columns.push(Column::left("DIRECTORY"));
    Ok(session.ui.table(&columns, &rows)?)
}

fn print_json(
    session: &Session,
    loaded: &Loaded,
    wanted: &BTreeSet<ImageId>,
    known: Option<&Known>,
) -> anyhow::Result<()> {
    let images: Vec<_> = wanted
        .iter()
        .map(|&id| {
            let image = loaded.catalog.image(id);
            let parents = loaded
                .graph
                .parents(id)
                .iter()
                .map(|parent| loaded.catalog.image(*parent).name.to_string());
            let mut value = json!({
                "name": image.name.to_string(),
                "version": image.version.to_string(),
                "label": image.label.to_string(),
                "directory": image.directory,
                "parents": parents.collect::<Vec<_>>(),
            });
            if let Some(known) = known {
                value["published"] = match &known.facts[id.0].registry {
                    Availability::NotAsked => json!(null),
                    Availability::Absent => json!(false),
                    Availability::Present(digest) | Availability::Taken(digest) => {
                        json!(digest.as_str())
                    }
                };
                match &known.facts[id.0].local {
                    Some(local) => {
                        let id = local.id.as_str();
                        value["built"] = json!({ "id": id, "verified": local.verified });
                    }
                    // What nobody knows is not there.
                    None if known.needs_engine(image) => {}
                    None => value["built"] = json!(null),
                }
            }
            value
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "version": 1, "images": images }))?;
    Ok(session.ui.print(&format!("{text}\n"))?)
}
