//! Makes a declared image: its packages, then what is laid over them and changed in them, and the tars of it all.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::AssembleError;
use super::accounts::{add_accounts, find_user};
use super::certificates::add_certificates;
use super::debian::{Supply, install_debian};
use super::filling::Filling;
use super::installed::{Installed, Packed};
use super::layers::lay_over;
use super::loader::write_loader_cache;
use super::paths::apply_paths;
use super::rootfs::{Rootfs, Written};
use super::runtime::run_config;
use super::software::find_software;
use super::spreading::write_layers;
use crate::declared::{Architecture, Changes, DebianContents, Layering, Runtime};
use crate::rootfs::check_names;

/// What made the cache of libraries; without a version, so that images do not depend on it.
const GENERATOR: &str = "pkg";

/// What a declared image is made of.
#[derive(Debug)]
pub struct Making<'a> {
    /// The packages, and where they come from; nothing for an image of its own files alone.
    pub packages: Option<(&'a DebianContents, Supply<'a>)>,
    /// What is changed and laid over them.
    pub changes: &'a Changes,
    /// What containers get of it.
    pub runtime: &'a Runtime,
    /// The architecture that it is made for.
    pub architecture: Architecture,
    /// How its files are spread over layers.
    pub layering: Layering,
    /// The image's directory.
    pub directory: &'a Path,
    /// Labels of this program.
    pub labels: BTreeMap<String, String>,
    /// The date of the changelog entry, and of everything that is made here.
    pub created: DateTime<Utc>,
    /// A directory for the tars, and for what packages hold.
    pub scratch: &'a Path,
}

/// Makes an image; `came` is told what is done.
pub async fn assemble(
    making: &Making<'_>,
    came: &(dyn Fn(&str) + Sync),
) -> Result<Rootfs, AssembleError> {
    let modified = making.created.timestamp();
    let (filling, packed) = match &making.packages {
        None => (Filling::new(modified), Packed::default()),
        Some((contents, supply)) => {
            let installed = install_debian(supply, contents, modified, came).await;
            installed.map_err(Box::new)?
        }
    };
    tell_packages(&packed.installed, came);
    let changes = making.changes.clone();
    let places = (making.directory.to_owned(), making.scratch.to_owned());
    let change = move || change(filling, &changes, (&places.0, &places.1));
    let made_by = match making.packages {
        Some(_) => "pkg: packages of Debian",
        None => "pkg: files",
    };
    finish(making, (packed, change), made_by).await
}

/// Tells of each package that is there.
pub(super) fn tell_packages(installed: &[Installed], came: &(dyn Fn(&str) + Sync)) {
    for one in installed {
        came(&format!(
            "{} {} {}",
            one.name, one.version, one.architecture
        ));
    }
}

/// Writes what `change` gives as the layers of an image.
pub(super) async fn finish<C>(
    making: &Making<'_>,
    (packed, change): (Packed, C),
    made_by: &'static str,
) -> Result<Rootfs, AssembleError>
where
    C: FnOnce() -> Result<Filling, AssembleError> + Send + 'static,
{
    let rootfs = Rootfs::new(making.scratch, making.architecture.platform());
    let (layering, scratch) = (making.layering, making.scratch.to_owned());
    let user = making.runtime.user.clone();
    let write = move || {
        let mut filling = change()?;
        write_loader_cache(&mut filling, GENERATOR)?;
        check_names(&filling.tree)?;
        let user = user.map(|user| find_user(&filling, &user)).transpose()?;
        let software = find_software(&filling, &packed.installed)?;
        let made_by = write_layers(&filling, &packed, (layering, made_by), &scratch)?;
        Ok::<_, AssembleError>((user, Written { made_by, software }))
    };
    let written = tokio::task::spawn_blocking(write).await;
    let (user, written) =
        written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let mut run = run_config(making.runtime, &making.labels);
    run.user = user;
    Ok(rootfs.finish(run, written, making.created).await?)
}

pub(super) fn change(
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
