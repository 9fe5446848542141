//! `pkg new`.

use std::path::{Component, Path, PathBuf};

use super::Ending;
use super::claims::{Waiting, begin_changes};
use super::entries::{find_signer, tell_of_undone};
use super::session::{Flavour, Session};
use crate::catalog::{ImageName, NameError};
use crate::debian::Version;
use crate::error::{UsageError, closest_names};
use crate::scaffold::{ParentKind, Scaffold, write_scaffold};
use crate::scan::Loaded;
use crate::settings::Settings;

/// Make a directory for a new image
///
/// It gets a changelog, a control file, a template and a test, and can be built as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the new image
    #[arg(value_name = "NAME")]
    name: String,
    /// The directories with images; the new one is made in the first
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// What it is built on: an image of the catalog, or a base image of the settings
    #[arg(long, value_name = "IMAGE")]
    from: String,
    /// The directory of the new image, below the first of the directories [default: NAME]
    #[arg(long, value_name = "PATH")]
    at: Option<PathBuf>,
    /// The first version
    #[arg(long, value_name = "VERSION", default_value = "0.1.0-1")]
    version: Version,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let directories = ("new", args.directories.as_slice());
    let Some((changes, _note)) = begin_changes(session, directories, &args.waiting)? else {
        return Ok(Ending::Hindered);
    };
    tell_of_undone(session, changes.undone().len());
    let loaded = session.load(&args.directories, &settings)?;
    let name = name(args, &loaded)?;
    args.version.as_tag().map_err(|error| {
        refuse(
            format!("version {error}"),
            "leave out an epoch, `+` and `~`",
        )
    })?;
    let Some(root) = args.directories.first() else {
        unreachable!("clap wants one directory at least")
    };
    let directory = directory(args, root, &name)?;
    let scaffold = Scaffold {
        kind: parent_kind(&args.from, &settings, &loaded)?,
        from: args.from.clone(),
        name,
        version: args.version.clone(),
        distribution: settings.distribution.clone(),
        author: find_signer(session, &settings, root)?,
        date: session.clock()?.now(),
    };
    let files = scaffold.files();
    write_scaffold(&changes, &directory, &files)?;
    let lines = files
        .iter()
        .map(|file| format!("{}\n", directory.join(file.name).display()));
    session.ui.print(&lines.collect::<String>())?;
    Ok(Ending::Done)
}

/// Gives the directory of the new image, which is below the root and not there yet.
fn directory(args: &Args, root: &Path, name: &ImageName) -> Result<PathBuf, UsageError> {
    let below = args.at.as_deref().unwrap_or(Path::new(name.as_str()));
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !below.components().all(is_plain) {
        let message = format!("{} leads out of {}", below.display(), root.display());
        return Err(refuse(message, "`--at services/web`"));
    }
    let directory = root.join(below);
    if directory.symlink_metadata().is_ok() {
        let message = format!("{} is there already", directory.display());
        return Err(refuse(message, "name another one with `--at`"));
    }
    Ok(directory)
}

fn refuse(message: String, hint: &str) -> UsageError {
    let hints = vec![hint.to_owned()];
    UsageError { message, hints }
}

fn name(args: &Args, loaded: &Loaded) -> anyhow::Result<ImageName> {
    let name: ImageName = args.name.parse().map_err(|error: NameError| UsageError {
        message: error.to_string(),
        hints: Vec::new(),
    })?;
    if let Some(id) = loaded.catalog.find(name.as_str()) {
        let directory = loaded.catalog.image(id).directory.display();
        let message = format!("{directory} is named `{name}` already");
        return Err(refuse(message, "`pkg update` writes a new version of it").into());
    }
    Ok(name)
}

fn parent_kind(from: &str, settings: &Settings, loaded: &Loaded) -> Result<ParentKind, UsageError> {
    if loaded.catalog.find(from).is_some() {
        return Ok(ParentKind::Catalog);
    }
    let bases = &settings.base_images;
    let is_base = bases
        .iter()
        .any(|base| [base.short_name(), &base.name()].contains(&from));
    if is_base {
        return Ok(ParentKind::Base);
    }
    let near = loaded.catalog.near_names(from);
    let hint = closest_names(&near).unwrap_or_else(|| "list it in `base_images`".to_owned());
    let message =
        format!("there is no image `{from}`, neither in the catalog nor among `base_images`");
    Err(refuse(message, &hint))
}
