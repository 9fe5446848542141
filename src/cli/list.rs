//! `pkg list`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use super::Ending;
use super::scope::FlavourArgs;
use super::session::Session;
use crate::catalog::ImageId;
use crate::observe::Observer;
use crate::plan::{Availability, Facts};
use crate::scan::Loaded;
use crate::settings::Settings;
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
    #[command(flatten)]
    flavour: FlavourArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(args.flavour.flavour())?;
    let loaded = session.load(&args.directories, &settings)?;
    let selection = session.select(&loaded, args.select.as_deref())?;
    let wanted: BTreeSet<ImageId> = match selection {
        Some(selection) => selection,
        None => loaded.catalog.iter().map(|(id, _)| id).collect(),
    };
    let facts = if args.offline {
        None
    } else {
        Some(observe(session, &settings, &loaded, &wanted)?)
    };
    if args.json {
        print_json(session, &loaded, &wanted, facts.as_deref())?;
    } else {
        print_table(session, &loaded, &wanted, facts.as_deref())?;
    }
    Ok(Ending::Done)
}

fn observe(
    session: &Session,
    settings: &Settings,
    loaded: &Loaded,
    wanted: &BTreeSet<ImageId>,
) -> anyhow::Result<Vec<Facts>> {
    Session::block_on(async {
        let (engine, registry) = (session.engine().await?, session.registry(settings)?);
        let observer = Observer {
            engine: Some(&engine),
            registry: registry.as_ref(),
            verified: &session.verified()?,
            settings,
        };
        Ok(observer.observe(loaded, wanted).await?)
    })
}

fn print_table(
    session: &Session,
    loaded: &Loaded,
    wanted: &BTreeSet<ImageId>,
    facts: Option<&[Facts]>,
) -> anyhow::Result<()> {
    let rows: Vec<Vec<Cell>> = wanted
        .iter()
        .map(|&id| {
            let image = loaded.catalog.image(id);
            let tag = image.label.tag();
            let mut row = vec![
                Cell::new(Tone::Strong, image.name.to_string()),
                Cell::from(tag.map_or_else(|| image.version.to_string(), ToString::to_string)),
            ];
            if let Some(facts) = facts {
                row.push(presence(&facts[id.0]));
            }
            row.push(Cell::new(Tone::Dim, image.directory.display().to_string()));
            row
        })
        .collect();
    let mut columns = vec![Column::left("NAME"), Column::left("VERSION")];
    if facts.is_some() {
        columns.push(Column::left("PRESENCE"));
    }
    columns.push(Column::left("DIRECTORY"));
    Ok(session.ui.table(&columns, &rows)?)
}

fn presence(facts: &Facts) -> Cell {
    match (&facts.registry, &facts.local) {
        (Availability::Present(_), _) => Cell::new(Tone::Good, "published"),
        (_, Some(local)) if local.verified => Cell::from("built".to_owned()),
        (_, Some(_)) => Cell::new(Tone::Caution, "built, untested"),
        (_, None) => Cell::new(Tone::Dim, "-"),
    }
}

fn print_json(
    session: &Session,
    loaded: &Loaded,
    wanted: &BTreeSet<ImageId>,
    facts: Option<&[Facts]>,
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
            if let Some(facts) = facts {
                value["published"] = match &facts[id.0].registry {
                    Availability::NotAsked => json!(null),
                    Availability::Absent => json!(false),
                    Availability::Present(digest) => json!(digest.as_str()),
                };
                value["built"] = match &facts[id.0].local {
                    Some(local) => json!({ "id": local.id.as_str(), "verified": local.verified }),
                    None => json!(null),
                };
            }
            value
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "version": 1, "images": images }))?;
    Ok(session.ui.print(&format!("{text}\n"))?)
}
