//! `pkg render`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Ending;
use super::scope::FlavourArgs;
use super::session::{Session, find_image};
use super::stamping::{StampArgs, Stamping};
use crate::catalog::ImageId;
use crate::error::UsageError;
use crate::host::fs::{create_directory, resolve, write_generated};
use crate::scan::Loaded;
use crate::settings::Settings;

/// Print the Dockerfile of an image, or write those of all images
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// With `--all` the directories with images; else the name of an image and the directories
    #[arg(value_name = "[NAME] DIR", required = true)]
    operands: Vec<PathBuf>,
    /// Render every template
    #[arg(long, requires = "out")]
    all: bool,
    /// Write `OUT/<directory of the image below its root>/Dockerfile`
    #[arg(long, value_name = "OUT", requires = "all")]
    out: Option<PathBuf>,
    #[command(flatten)]
    flavour: FlavourArgs,
    #[command(flatten)]
    stamp: StampArgs,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let stamping = Stamping::ask(session, args.stamp)?;
    let settings = stamping.apply(session.settings(args.flavour.flavour())?);
    let Some(out) = &args.out else {
        return render_one(session, &settings, &args.operands);
    };
    check_out(out, &args.operands)?;
    let loaded = session.load(&args.operands, &settings)?;
    let dockerfiles = lay_out(&loaded, out)?;
    for (directory, id) in &dockerfiles {
        let dockerfile = loaded.dockerfile(*id).unwrap_or_default();
        create_directory(directory)?;
        write_generated(&directory.join("Dockerfile"), dockerfile.as_bytes())?;
    }
    let written = match dockerfiles.len() {
        1 => "1 Dockerfile".to_owned(),
        count => format!("{count} Dockerfiles"),
    };
    let out = out.display();
    session.ui.say(&format!("{written} written to {out}"));
    Ok(Ending::Done)
}

/// Refuses to write among the sources: the next scan and every build context would hold what is written there.
fn check_out(out: &Path, directories: &[PathBuf]) -> Result<(), UsageError> {
    let place = resolve(out);
    let is_above = |directory: &&PathBuf| place.starts_with(resolve(directory));
    let Some(directory) = directories.iter().find(is_above) else {
        return Ok(());
    };
    let relation = if place == resolve(directory) {
        "is".to_owned()
    } else {
        format!("lies in {},", directory.display())
    };
    let message = format!(
        "{} {relation} a directory with images: the Dockerfiles would be written among the sources",
        out.display()
    );
    let hints = vec!["name a directory outside, as in `--out /tmp/dockerfiles`".to_owned()];
    Err(UsageError { message, hints })
}

/// Gives each image with a Dockerfile its directory below `out`; nothing is written when two would share one.
fn lay_out(loaded: &Loaded, out: &Path) -> anyhow::Result<BTreeMap<PathBuf, ImageId>> {
    let mut directories = BTreeMap::new();
    for (id, image) in loaded.catalog.iter() {
        if loaded.dockerfile(id).is_none() {
            continue;
        }
        let directory = out.join(image.relative_directory());
        if let Some(other) = directories.insert(directory.clone(), id) {
            let other = &loaded.catalog.image(other).name;
            let message = format!(
                "`{other}` and `{}` would both be written to {}",
                image.name,
                directory.display()
            );
            let hints = vec!["give a directory that is above both of them".to_owned()];
            return Err(UsageError { message, hints }.into());
        }
    }
    Ok(directories)
}

fn render_one(
    session: &Session,
    settings: &Settings,
    operands: &[PathBuf],
) -> anyhow::Result<Ending> {
    let [name, directories @ ..] = operands else {
        unreachable!("clap wants one operand at least")
    };
    if directories.is_empty() {
        let message = "a name and a directory are needed".to_owned();
        let hints = vec!["`pkg render NAME DIR`, or `pkg render --all --out OUT DIR`".to_owned()];
        return Err(UsageError { message, hints }.into());
    }
    let loaded = session.load(directories, settings)?;
    let id = find_image(&loaded, &name.to_string_lossy())?;
    let Some(dockerfile) = loaded.dockerfile(id) else {
        let image = loaded.catalog.image(id);
        let message = format!("`{}` is declared and has no Dockerfile", image.name);
        let hints = vec![format!("it is made from {}", image.recipe_path().display())];
        return Err(UsageError { message, hints }.into());
    };
    session.ui.print_file(dockerfile)?;
    Ok(Ending::Done)
}
