//! `pkg lock`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Ending;
use super::claims::{Waiting, begin_changes};
use super::entries::tell_of_undone;
use super::locks::{fit, write};
use super::session::{Flavour, Session, find_image};
use crate::catalog::ImageId;
use crate::error::UsageError;
use crate::host::fs::resolve;
use crate::locking::{Demand, Files, Fitting, LockFaults, Standing, find_standings};
use crate::scan::Loaded;
use crate::ui::{Cell, Column, Tone};

/// Choose the packages of declared images, and write down which
///
/// Each image that its `image.yaml` makes of packages gets an `image.lock.json`, with the version, the file and the hash of
/// each package; builds take these then and look at no index. A lock is written only where it says something new, and all
/// of a run are written or none.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command line"
)]
#[derive(Debug, clap::Args)]
#[command(override_usage = "pkg lock [OPTIONS] <DIR>... [NAME]")]
pub(super) struct Args {
    /// The directories with images, and behind them the name of one image, where it is for that alone
    #[arg(value_name = "DIR", required = true)]
    words: Vec<PathBuf>,
    /// Write nothing and ask nobody: tell which locks are missing, or were made from other declarations
    #[arg(long)]
    check: bool,
    /// Choose anew for `--check`, and tell what would move
    #[arg(long, requires = "check")]
    resolve: bool,
    /// Bring the packages into the store of this machine, too, so that builds need no archive
    #[arg(long, conflicts_with = "check")]
    fetch: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Parts the directories from the name of an image: what stands last behind a directory, and is none itself or lies in it.
    fn split(&self) -> Result<(&[PathBuf], Option<&str>), UsageError> {
        let all = (self.words.as_slice(), None);
        let Some((last, directories)) = self.words.split_last() else {
            return Ok(all);
        };
        let name = last.to_str().filter(|name| !name.contains('/'));
        let (Some(name), false) = (name, directories.is_empty()) else {
            return Ok(all);
        };
        // A directory in another one that is given says nothing that the other does not say.
        let real = resolve(last);
        let is_inside = directories.iter().any(|it| real.starts_with(resolve(it)));
        if !last.is_dir() || is_inside {
            return Ok((directories, Some(name)));
        }
        match directories.iter().find(|it| it.join(name).is_dir()) {
            None => Ok(all),
            Some(directory) => Err(UsageError {
                message: format!(
                    "`{name}` is a directory here, and one in {}",
                    directory.display()
                ),
                hints: vec![format!(
                    "`./{name}` is the one here; from another directory `{name}` is the name of an image"
                )],
            }),
        }
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let (directories, name) = args.split()?;
    let settings = session.settings(Flavour::Release)?;
    let writer = if args.check {
        None
    } else {
        let Some(writer) = begin_changes(session, ("lock", directories), &args.waiting)? else {
            return Ok(Ending::Hindered);
        };
        tell_of_undone(session, writer.0.undone().len());
        Some(writer)
    };
    let loaded = session.load(directories, &settings)?;
    let standings = find_asked(&loaded, name)?;
    if standings.is_empty() {
        session
            .ui
            .say("nothing to lock: no image here is made of packages");
    }
    let faults = standings.iter().filter_map(|one| one.fault(&loaded));
    let faults = LockFaults {
        demand: Demand::Fresh,
        faults: faults.collect(),
    };
    if args.check && !args.resolve {
        return tell_check(session, &loaded, (&standings, faults), args.json);
    }
    let files = if args.fetch {
        Files::Fetched
    } else {
        Files::Named
    };
    let (fittings, unchosen) = fit(session, (&settings, &loaded), standings, files)?;
    unchosen.check()?;
    let is_found = if let Some((changes, _note)) = writer {
        write(&changes, &fittings)?;
        false
    } else {
        let is_fresh = faults.faults.is_empty();
        if !args.json && !is_fresh {
            session.tell(&faults.into());
        }
        !is_fresh || fittings.iter().any(|fitting| fitting.change.is_some())
    };
    if args.json {
        let images = fittings.iter().map(|one| fitting_json(&loaded, one, args));
        print_json(session, images)?;
    } else {
        print_text(session, &loaded, &fittings, args)?;
    }
    Ok(if is_found {
        Ending::Found
    } else {
        Ending::Done
    })
}

/// Finds the locks that are asked for: that of one image, or all.
fn find_asked(loaded: &Loaded, name: Option<&str>) -> anyhow::Result<Vec<Standing>> {
    let Some(name) = name else {
        let all = loaded.catalog.iter().map(|(id, _)| id);
        return Ok(find_standings(loaded, all)?);
    };
    let image = find_image(loaded, name)?;
    let standings = find_standings(loaded, [image])?;
    if standings.is_empty() {
        let message = format!("`{name}` is not made of packages that a lock can pin");
        let hint =
            "a lock is for what an `image.yaml` lists in `contents.packages`, without `bootstrap`";
        let hints = vec![hint.to_owned()];
        return Err(UsageError { message, hints }.into());
    }
    Ok(standings)
}

/// Tells how the locks stand to their declarations.
fn tell_check(
    session: &Session,
    loaded: &Loaded,
    (standings, faults): (&[Standing], LockFaults),
    json: bool,
) -> anyhow::Result<Ending> {
    let is_fresh = faults.faults.is_empty();
    if json {
        let images = standings.iter().map(|one| standing_json(loaded, one));
        print_json(session, images)?;
        return Ok(if is_fresh {
            Ending::Done
        } else {
            Ending::Found
        });
    }
    if !is_fresh {
        return Err(faults.into());
    }
    tell_all_fresh(session, standings.len());
    Ok(Ending::Done)
}

fn tell_all_fresh(session: &Session, count: usize) {
    match count {
        0 => (),
        1 => session.ui.say("the lock is up to date"),
        count => session.ui.say(&format!("all {count} locks are up to date")),
    }
}

fn print_text(
    session: &Session,
    loaded: &Loaded,
    fittings: &[Fitting],
    args: &Args,
) -> anyhow::Result<()> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for fitting in fittings {
        rows.extend(rows_of(loaded, fitting));
        let name = name_of(loaded, fitting.standing.image);
        let is_new = fitting.standing.state.lock().is_none();
        let packages = match fitting.count {
            1 => "1 package".to_owned(),
            count => format!("{count} packages"),
        };
        let is_told = !fitting.moves.is_empty() || !fitting.differences.is_empty();
        if let (false, false, Some(change)) = (is_told, args.check, &fitting.change) {
            let why = if is_new {
                format!("{packages} locked")
            } else {
                "locked anew, and no package moved".to_owned()
            };
            session
                .ui
                .say(&format!("`{name}`: {why} in {}", change.path.display()));
        }
    }
    if fittings.iter().all(|fitting| fitting.change.is_none()) {
        tell_all_fresh(session, fittings.len());
    }
    let columns = ["IMAGE", "PACKAGE", "FROM", "TO"].map(Column::left);
    Ok(session.ui.table(&columns, &rows)?)
}

/// Gives the rows of an image: a package each, and what else differs.
fn rows_of(loaded: &Loaded, fitting: &Fitting) -> Vec<Vec<Cell>> {
    let name = name_of(loaded, fitting.standing.image);
    let row = |what: &str, old: &Option<String>, new: String| {
        vec![
            Cell::new(Tone::Strong, name.clone()),
            Cell::from(what.to_owned()),
            Cell::new(Tone::Dim, old.clone().unwrap_or_default()),
            Cell::from(new),
        ]
    };
    let moves = fitting.moves.iter().map(|one| {
        let new = match (&one.old, &one.new) {
            (Some(old), Some(new)) if old == new => format!("{new}, another file"),
            (_, new) => new.clone().unwrap_or_default(),
        };
        row(&one.package, &one.old, new)
    });
    let differences = fitting.differences.iter();
    let differences =
        differences.map(|one| row(&one.what, &one.old, one.new.clone().unwrap_or_default()));
    moves.chain(differences).collect()
}

fn name_of(loaded: &Loaded, image: ImageId) -> String {
    loaded.catalog.image(image).name.to_string()
}

fn standing_json(loaded: &Loaded, standing: &Standing) -> Value {
    json!({
        "name": name_of(loaded, standing.image),
        "lock": standing.path,
        "state": standing.state.as_str(),
    })
}

fn fitting_json(loaded: &Loaded, fitting: &Fitting, args: &Args) -> Value {
    let moves = fitting
        .moves
        .iter()
        .map(|one| json!({ "package": one.package, "from": one.old, "to": one.new }));
    let differences = fitting
        .differences
        .iter()
        .map(|one| json!({ "what": one.what, "from": one.old, "to": one.new }));
    let mut image = standing_json(loaded, &fitting.standing);
    image["packages"] = fitting.count.into();
    image["written"] = (!args.check && fitting.change.is_some()).into();
    image["moves"] = moves.collect();
    image["differences"] = differences.collect();
    image
}

fn print_json(session: &Session, images: impl Iterator<Item = Value>) -> anyhow::Result<()> {
    let images: Vec<Value> = images.collect();
    let text = serde_json::to_string_pretty(&json!({ "version": 1, "images": images }))?;
    Ok(session.ui.print(&format!("{text}\n"))?)
}
