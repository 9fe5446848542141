//! `pkg render`.

use std::path::PathBuf;

use super::Ending;
use super::session::{Flavour, Session, find_image};
use crate::error::UsageError;
use crate::host::fs::{create_directory, write_generated};

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
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let Some(out) = &args.out else {
        return render_one(session, &settings, &args.operands);
    };
    let loaded = session.load(&args.operands, &settings)?;
    let mut count = 0;
    for (id, image) in loaded.catalog.iter() {
        let Some(dockerfile) = loaded.dockerfile(id) else {
            continue;
        };
        let directory = out.join(image.relative_directory());
        create_directory(&directory)?;
        write_generated(&directory.join("Dockerfile"), dockerfile.as_bytes())?;
        count += 1;
    }
    session
        .ui
        .note(&format!("{count} Dockerfiles written to {}", out.display()));
    Ok(Ending::Done)
}

fn render_one(
    session: &Session,
    settings: &crate::settings::Settings,
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
        let message = format!(
            "`{}` is declared and has no Dockerfile",
            loaded.catalog.image(id).name
        );
        return Err(UsageError {
            message,
            hints: Vec::new(),
        }
        .into());
    };
    session.ui.print(dockerfile)?;
    Ok(Ending::Done)
}
