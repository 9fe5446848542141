//! An image on another one, without an engine: what that one holds stays to the byte, and one layer comes on top of it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::AssembleError;
use super::accounts::find_user;
use super::filling::Filling;
use super::make::{Making, change};
use super::rootfs::{Rootfs, layer_path};
use super::runtime::run_config;
use super::software::find_software;
use crate::declared::Runtime;
use crate::host::fs::FileError;
use crate::oci::RunConfig;
use crate::rootfs::{Extent, Owners, Tree, Volume, write_difference};
use crate::structure::expand;
use crate::unpack::{UnpackError, Unpacked};

/// What the image's history has of its own layer.
const MADE_BY: &str = "pkg: files on a base";

/// Makes an image on a base, with files of the images of these names; `came` is told what is done.
pub async fn assemble_on(
    making: &Making<'_>,
    base: Unpacked,
    others: Vec<(String, Unpacked)>,
    came: &(dyn Fn(&str) + Sync),
) -> Result<Rootfs, AssembleError> {
    came(&format!(
        "{} layers of the base are there",
        base.layers.len()
    ));
    let rootfs = Rootfs::new(making.scratch, making.architecture.platform());
    let path = layer_path(making.scratch, 0);
    let (modified, user) = (making.created.timestamp(), making.runtime.user.clone());
    let changes = making.changes.clone();
    let places = (making.directory.to_owned(), making.scratch.to_owned());
    let write = move || {
        let lower = base.tree()?;
        let mut filling = Filling {
            tree: lower.clone(),
            volumes: base.volumes().clone(),
            modified,
            ..Filling::default()
        };
        for (name, image) in &others {
            add_image(&mut filling, name, image)?;
        }
        let filling = change(filling, &changes, (&places.0, &places.1))?;
        let user = user.map(|user| find_user(&filling, &user)).transpose()?;
        let software = find_software(&filling, &[])?;
        write(&lower, &filling, &path)?;
        Ok::<_, AssembleError>(((base, software), user))
    };
    let written = tokio::task::spawn_blocking(write).await;
    let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let ((base, software), user) = written?;
    let mut run = run_config(making.runtime, &making.labels);
    run.user = user;
    expand_environment(&mut run, &base, making.runtime);
    let made = (making.created, MADE_BY);
    rootfs.finish_on((base, software), run, made).await
}

/// Adds an image that files are taken from.
fn add_image(filling: &mut Filling, name: &str, image: &Unpacked) -> Result<(), UnpackError> {
    let Volume(first) = filling.volumes.add_all(image.volumes());
    let mut tree = image.tree()?;
    tree.move_volumes(first);
    filling.images.insert(name.to_owned(), tree);
    Ok(())
}

/// Writes what differs from the base.
fn write(lower: &Tree, filling: &Filling, path: &Path) -> Result<(), AssembleError> {
    let failed = |source| FileError::new("write", path, source);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
    let fetch = |extent: &Extent, out: &mut dyn Write| filling.volumes.copy(extent, out);
    let trees = (lower, &filling.tree);
    write_difference(trees, Owners::default(), &mut out, &fetch)?;
    out.flush().map_err(failed)?;
    Ok(())
}

/// Puts the values of the base's variables in the place of `$X` and `${X}`, and those of own ones that come before in the order
/// of their names.
fn expand_environment(run: &mut RunConfig, base: &Unpacked, runtime: &Runtime) {
    let config = base.configuration.config.as_ref();
    let variables = config
        .and_then(|config| config.env.as_deref())
        .unwrap_or_default();
    let split = variables.iter().filter_map(|it| it.split_once('='));
    let mut known: std::collections::BTreeMap<String, String> = split
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (name, value) in &runtime.environment {
        let value = expand(value, &known);
        known.insert(name.clone(), value.clone());
        run.environment.insert(name.clone(), value);
    }
}
