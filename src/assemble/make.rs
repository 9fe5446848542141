//! Makes a declared image: its packages, then what is laid over them and changed in them, and one tar of it all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::AssembleError;
use super::accounts::{add_accounts, find_user};
use super::certificates::add_certificates;
use super::debian::{Supply, install_debian};
use super::filling::Filling;
use super::layers::lay_over;
use super::paths::apply_paths;
use super::rootfs::Rootfs;
use super::runtime::run_config;
use crate::declared::{Changes, DebianContents, Runtime};
use crate::host::fs::FileError;
use crate::rootfs::{RootPath, write_tar};

/// What a declared image is made of.
#[derive(Debug)]
pub struct Making<'a> {
    /// The packages, and where they come from; nothing for an image of its own files alone.
    pub packages: Option<(&'a DebianContents, Supply<'a>)>,
    /// What is changed and laid over them.
    pub changes: &'a Changes,
    /// What containers get of it.
    pub runtime: &'a Runtime,
    /// The image's directory.
    pub directory: &'a Path,
    /// Labels of this program.
    pub labels: BTreeMap<String, String>,
    /// The date of the changelog entry, and of everything that is made here.
    pub created: DateTime<Utc>,
    /// A directory for the tar, and for what packages hold.
    pub scratch: &'a Path,
}

/// Makes an image; `came` is told what is done.
pub async fn assemble(
    making: &Making<'_>,
    came: &(dyn Fn(&str) + Sync),
) -> Result<Rootfs, AssembleError> {
    let modified = making.created.timestamp();
    let filling = match &making.packages {
        None => Filling::new(modified),
        Some((contents, supply)) => {
            let asked = (
                contents.packages.as_slice(),
                contents.without_scripts.as_slice(),
            );
            let installed = install_debian(supply, asked, modified, came).await;
            let (filling, installed) = installed.map_err(Box::new)?;
            for one in &installed {
                came(&format!(
                    "{} {} {}",
                    one.name, one.version, one.architecture
                ));
            }
            filling
        }
    };
    let rootfs = Rootfs::new(making.scratch);
    let path = rootfs.path().to_owned();
    let changes = making.changes.clone();
    let places = (making.directory.to_owned(), making.scratch.to_owned());
    let user = making.runtime.user.clone();
    let write = move || {
        let filling = change(filling, &changes, (&places.0, &places.1))?;
        let user = user.map(|user| find_user(&filling, &user)).transpose()?;
        write(&filling, &path)?;
        Ok::<_, AssembleError>(user)
    };
    let written = tokio::task::spawn_blocking(write).await;
    let user = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let mut run = run_config(making.runtime, &making.labels);
    run.user = user;
    let made_by = match making.packages {
        Some(_) => "pkg: packages of Debian",
        None => "pkg: files",
    };
    Ok(rootfs
        .finish(run, made_by.to_owned(), making.created)
        .await?)
}

fn change(
    mut filling: Filling,
    changes: &Changes,
    places: (&Path, &Path),
) -> Result<Filling, AssembleError> {
    lay_over(&mut filling, &changes.layers, places)?;
    add_accounts(&mut filling, &changes.accounts)?;
    apply_paths(&mut filling, &changes.paths)?;
    add_certificates(&mut filling, &changes.certificates)?;
    Ok(filling)
}

fn write(filling: &Filling, path: &Path) -> Result<(), AssembleError> {
    let failed = |source| FileError::new("write", path, source);
    let file = File::create(path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let fetch =
        |extent: &crate::rootfs::Extent, out: &mut dyn io::Write| filling.volumes.copy(extent, out);
    write_tar(&filling.tree, &RootPath::root(), &mut out, &fetch).map_err(failed)?;
    out.flush().map_err(failed)?;
    Ok(())
}
