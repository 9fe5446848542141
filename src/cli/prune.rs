//! `pkg prune`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::plan::Form;
use super::session::{Flavour, Session};
use super::words;
use crate::catalog::{Catalog, ImageId, Recipe};
use crate::engine::{Activity, Engine, EngineImages};
use crate::error::{Diagnostic, Severity};
use crate::oci::{Reference, Tag, TagError};
use crate::prune::{self, Fate, Homes, LocalTag, Place, Pruning, Stock, Why};
use crate::scan::Loaded;
use crate::settings::Settings;
use crate::ui::{Cell, Column, Tone, render_size, render_stays_as, render_users};

/// Remove local versions of the images other than the changelogs'
///
/// What a container uses is named and kept; `latest` stays where it is the version that stays. Versions on the
/// shelf of what was made without an engine go as well. Nothing is removed from a registry.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Only images whose whole label matches this pattern (`*/nginx:*`)
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    /// Keep this nightly version of each image (1.0-1-ID) in place of the changelog's
    #[arg(long, value_name = "ID", value_parser = parse_nightly)]
    nightly: Option<String>,
    /// Print what would be removed and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print it as JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
}

/// What stands behind a version has to make a tag of it.
fn parse_nightly(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an ID is needed, such as 20261121".to_owned());
    }
    match format!("0-{text}").parse::<Tag>() {
        Ok(_) => Ok(text.to_owned()),
        Err(TagError::Character { character, .. }) => {
            Err(format!("no tag holds a `{}`", character.escape_debug()))
        }
        Err(_) => Err("it is too long for a tag".to_owned()),
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let mut settings = session.settings(Flavour::Release)?;
    settings.naming.suffix = args.nightly.as_ref().map(|id| format!("-{id}"));
    let loaded = session.load(&args.directories, &settings)?;
    let shelf = session.shelf();
    Session::block_on(async {
        let selection = session.select(&loaded, args.select.as_deref())?;
        let concerned = (&loaded, selection.as_ref());
        let engine = find_engine(session, &settings, concerned).await?;
        let homes = Homes {
            engine: engine.as_ref().ok(),
            shelf: &shelf,
        };
        let pruning = prepare(session, args, &settings, (concerned, homes)).await?;
        let ending = if args.dry_run {
            print(session, &pruning, &loaded.catalog, Form::of(args.json))?;
            Ending::Done
        } else {
            execute(session, &pruning, homes).await?
        };
        Ok(match engine {
            Err(error) if ending == Ending::Done => tell_unknown(session, concerned, &error),
            _ => ending,
        })
    })
}

/// The catalog, and the images of it that are selected, or all.
type Concerned<'a> = (&'a Loaded, Option<&'a BTreeSet<ImageId>>);

/// Gives the names of the images that engines build, or only those that are made without one.
fn find_names((loaded, selection): Concerned<'_>, is_declared: bool) -> Vec<&str> {
    let images = loaded.catalog.iter();
    let selected = images.filter(|(id, image)| {
        selection.is_none_or(|selection| selection.contains(id))
            && matches!(image.recipe, Recipe::Declared { .. }) == is_declared
    });
    selected.map(|(_, image)| image.name.as_str()).collect()
}

/// Connects to the engine, or gives why none answers, where images may lie on the shelf alone.
async fn find_engine(
    session: &Session,
    settings: &Settings,
    concerned: Concerned<'_>,
) -> anyhow::Result<anyhow::Result<Engine>> {
    match session.find_engine(settings).await? {
        Err(error) if find_names(concerned, true).is_empty() => Err(error),
        engine => Ok(engine),
    }
}

/// Tells once of which images an engine may have more.
fn tell_unknown(session: &Session, concerned: Concerned<'_>, error: &anyhow::Error) -> Ending {
    let names = find_names(concerned, false);
    match words::left_without_engine(&names, error) {
        Some(diagnostic) => {
            session.ui.diagnostic(&diagnostic);
            Ending::Hindered
        }
        None => Ending::Done,
    }
}

/// Asks engine and shelf, and decides what goes.
async fn prepare(
    session: &Session,
    args: &Args,
    settings: &Settings,
    ((loaded, selection), homes): (Concerned<'_>, Homes<'_>),
) -> anyhow::Result<Pruning> {
    let (images, containers) = match homes.engine {
        Some(engine) => tokio::try_join!(engine.images(), engine.containers())?,
        None => (EngineImages::default(), Vec::new()),
    };
    let stock = Stock {
        catalog: &loaded.catalog,
        graph: &loaded.graph,
        images: &images,
        containers: &containers,
        shelf: &homes.shelf.stock()?,
        base_images: &settings.base_images,
    };
    let pruning = prune::prepare(&stock, selection);
    let is_kept = |tag: &LocalTag| tag.fate == Fate::Stays(Why::Current);
    if let Some(id) = &args.nightly
        && !pruning.tags.is_empty()
        && !pruning.tags.iter().any(is_kept)
    {
        let message =
            format!("the engine has no image of the nightly `{id}`, so every local version goes");
        session
            .ui
            .diagnostic(&Diagnostic::new(Severity::Warning, message));
    }
    Ok(pruning)
}

async fn execute(session: &Session, pruning: &Pruning, homes: Homes<'_>) -> anyhow::Result<Ending> {
    let cancelled = CancellationToken::new();
    let signals = session.watch_signals(&cancelled)?;
    let began = Instant::now();
    let tell = |event: &prune::Event| session.ui.pruned(event);
    let done = prune::run(homes, pruning, &cancelled, &tell).await;
    session.ui.pruning_done(&done, began.elapsed());
    Ok(match signals.received() {
        Some(signal) => Ending::Interrupted(signal),
        // Nothing of the user's can be wrong with a removal.
        None if done.failed > 0 => Ending::Hindered,
        None => Ending::Done,
    })
}

/// Prints what was prepared: what is run is the same value.
fn print(
    session: &Session,
    pruning: &Pruning,
    catalog: &Catalog,
    form: Form,
) -> anyhow::Result<()> {
    if form == Form::Json {
        let text = serde_json::to_string_pretty(&to_json(pruning, catalog))?;
        return Ok(session.ui.print(&format!("{text}\n"))?);
    }
    let columns = [
        Column::left("WHAT"),
        Column::left("NAME"),
        Column::left("TAG"),
        Column::right("SIZE"),
        Column::left("WHY"),
    ];
    let rows: Vec<_> = pruning
        .tags
        .iter()
        .filter_map(|tag| row(tag, catalog))
        .collect();
    session.ui.table(&columns, &rows)?;
    let count = pruning.going().count();
    session.ui.say(&match (count, pruning.size_bytes()) {
        (0, _) => "nothing to remove".to_owned(),
        (count, 0) => format!("{count} to remove"),
        (count, bytes) => format!("{count} to remove, up to {} to free", render_size(bytes)),
    });
    Ok(())
}

/// The row of a tag; what stays as everybody expects has none.
fn row(tag: &LocalTag, catalog: &Catalog) -> Option<Vec<Cell>> {
    let (what, why) = match &tag.fate {
        Fate::Goes { stays_as } => {
            let version = version_of(tag.image, catalog);
            let why = match tag.place {
                Place::Shelf => format!("the version is {version}; this one is on the shelf"),
                Place::Engine if stays_as.is_empty() => format!("the version is {version}"),
                Place::Engine => {
                    format!("the version is {version}; {}", render_stays_as(stays_as))
                }
            };
            (Cell::new(Tone::Accent, "remove"), why)
        }
        Fate::Stays(Why::InUse(containers)) => {
            (Cell::new(Tone::Caution, "keep"), render_users(containers))
        }
        Fate::Stays(Why::BaseImage) => {
            let why = "`base_images` names it".to_owned();
            (Cell::new(Tone::Dim, "keep"), why)
        }
        Fate::Stays(Why::Current | Why::Latest) => return None,
    };
    Some(vec![
        what,
        Cell::new(Tone::Strong, catalog.image(tag.image).name.to_string()),
        Cell::from(tag_of(&tag.reference)),
        Cell::from(render_size(tag.size_bytes)),
        Cell::new(Tone::Dim, why),
    ])
}

/// The tag of the version that stays.
fn version_of(image: ImageId, catalog: &Catalog) -> String {
    tag_of(&catalog.image(image).label)
}

fn tag_of(reference: &Reference) -> String {
    let tag = reference.tag();
    tag.map(ToString::to_string).unwrap_or_default()
}

fn to_json(pruning: &Pruning, catalog: &Catalog) -> Value {
    let of = |place: Place| -> Vec<Value> {
        let tags = pruning.tags.iter().filter(|tag| tag.place == place);
        tags.map(|tag| tag_to_json(tag, catalog)).collect()
    };
    json!({
        "version": 1,
        "tags": of(Place::Engine),
        "shelf": of(Place::Shelf),
    })
}

fn tag_to_json(tag: &LocalTag, catalog: &Catalog) -> Value {
    let mut value = json!({
        "name": catalog.image(tag.image).name.to_string(),
        "id": tag.id.as_str(),
        "size_bytes": tag.size_bytes,
        "action": if tag.goes() { "remove" } else { "keep" },
        "reason": reason(tag, catalog),
    });
    value["reference"] = json!(tag.reference.to_string());
    if let (Fate::Goes { stays_as }, Place::Engine) = (&tag.fate, tag.place) {
        value["stays_as"] = json!(stays_as);
    }
    value
}

fn reason(tag: &LocalTag, catalog: &Catalog) -> Value {
    match &tag.fate {
        Fate::Goes { .. } => {
            json!({ "kind": "other-version", "version": version_of(tag.image, catalog) })
        }
        Fate::Stays(Why::Current) => json!({ "kind": "version" }),
        Fate::Stays(Why::Latest) => json!({ "kind": "latest" }),
        Fate::Stays(Why::BaseImage) => json!({ "kind": "base-image" }),
        Fate::Stays(Why::InUse(containers)) => {
            let containers = containers.iter().map(|container| {
                json!({
                    "name": container.name,
                    "running": container.activity == Activity::Running,
                })
            });
            json!({ "kind": "in-use", "containers": containers.collect::<Vec<_>>() })
        }
    }
}
