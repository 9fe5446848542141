//! Makes an image of the packages of a lock, with all else that is declared.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::super::AssembleError;
use super::super::accounts::add_accounts;
use super::super::certificates::add_certificates;
use super::super::filling::Filling;
use super::super::installed::Packed;
use super::super::layers::lay_over;
use super::super::make::{Making, finish, tell_packages};
use super::super::paths::apply_paths;
use super::super::rootfs::Rootfs;
use super::Came;
use super::additions::{make_homes, trust_providers, write_services};
use super::install::{ApkFilling, install_apk};
use super::supply::ApkSupply;
use crate::apk::{Lock, link_busybox};
use crate::declared::{Changes, Runtime};
use crate::rootfs::Extent;

/// What containers have in their environment where the declaration does not say otherwise.
const ENVIRONMENT: [(&str, &str); 2] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin",
    ),
    ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
];

/// Makes an image of the packages of a lock; `making` says the rest of it, and no packages. `came` is told what is done.
pub async fn assemble_apk(
    making: &Making<'_>,
    supply: &ApkSupply<'_>,
    lock: &Lock,
    came: Came<'_>,
) -> Result<Rootfs, AssembleError> {
    let modified = making.created.timestamp();
    let image = install_apk(supply, lock, modified, came).await;
    let mut image = image.map_err(Box::new)?;
    tell_packages(&image.installed, came);
    let packed = Packed::new(
        &image.filling.tree,
        std::mem::take(&mut image.installed),
        std::mem::take(&mut image.owners),
    );
    let changes = making.changes.clone();
    let places = (making.directory.to_owned(), making.scratch.to_owned());
    let runtime = with_usual_environment(making.runtime);
    let services = runtime.clone();
    let change = move || change(image, (&changes, &services), (&places.0, &places.1));
    let whole = Making {
        packages: None,
        changes: making.changes,
        runtime: &runtime,
        architecture: making.architecture,
        layering: making.layering,
        directory: making.directory,
        labels: making.labels.clone(),
        created: making.created,
        scratch: making.scratch,
    };
    finish(&whole, (packed, change), "pkg: packages of APK").await
}

fn with_usual_environment(runtime: &Runtime) -> Runtime {
    let usual = ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut environment = BTreeMap::from(usual);
    environment.extend(runtime.environment.clone());
    Runtime {
        environment,
        ..runtime.clone()
    }
}

/// Changes what packages made, in the order in which apko does; files of the image's directory come first.
fn change(
    mut image: ApkFilling,
    (changes, runtime): (&Changes, &Runtime),
    places: (&Path, &Path),
) -> Result<Filling, AssembleError> {
    lay_over(&mut image.filling, &changes.layers, places)?;
    add_accounts(&mut image.filling, &changes.accounts)?;
    make_homes(&mut image.filling)?;
    apply_paths(&mut image.filling, &changes.paths)?;
    add_certificates(&mut image.filling, &changes.certificates)?;
    trust_providers(&mut image, &changes.certificate_providers)?;
    let mut filling = image.filling;
    write_services(&mut filling, runtime)?;
    let Filling { tree, volumes, .. } = &mut filling;
    let fetch = |extent: &Extent, out: &mut dyn io::Write| volumes.copy(extent, out);
    link_busybox(tree, image.busybox.as_deref(), &fetch)?;
    Ok(filling)
}
