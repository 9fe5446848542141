//! Making a declared image of APK packages: those of its lock, else those of this moment, and nothing else.

use crate::apk::{Lock, LockConfig};
use crate::assemble::{ApkSupply, AssembleError, assemble_apk, resolve_apk};
use crate::catalog::ImageId;
use crate::declared::{ApkContents, Architecture, ImageFile};
use crate::host::machine_architecture;
use crate::lock;
use crate::locking::mirror_options;
use crate::mirror::{self, MirrorError};
use crate::oci::Digest;

use super::declared::Came;
use super::each::Each;
use super::image::MakeError;
use super::run::{Report, Run};

impl Run<'_> {
    /// Makes an image of APK packages, and keeps it.
    pub(super) async fn assemble_apk(
        &self,
        image: ImageId,
        (file, contents): (&ImageFile, &ApkContents),
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = self.date_of(image)?;
        let (_, snapshot) = self.take(image, report.limit).await?;
        let scratch = self.scratch()?;
        let store = mirror::Store::of_environment(self.environment).map_err(MirrorError::from)?;
        let client = mirror::Client::new(&mirror_options(self.settings, self.environment))
            .map_err(MakeError::Client)?;
        let supply = ApkSupply {
            client: &client,
            store: &store,
            contents,
            runtime: &file.runtime,
            directory: &described.directory,
            architecture: machine_architecture().apk,
            scratch: scratch.path(),
        };
        let labels = self.labels_of_declared(image, date, &snapshot.inputs);
        let about = (file, described.directory.as_path());
        let each = Each::new(about, labels, date.to_utc(), scratch.path())?;
        let found = self.find_lock(image)?;
        let work = async |came: Came<'_>| {
            let lock = if let Some(lock::Lock::Apk(lock)) = found {
                *lock
            } else {
                let architectures = each.places().map(|(architecture, _)| architecture);
                let architectures: Vec<Architecture> = architectures.collect();
                choose(&supply, &architectures, file, came).await?
            };
            let mut made = Vec::new();
            for (architecture, place) in each.places() {
                let supply = ApkSupply {
                    architecture: architecture.apk,
                    scratch: place,
                    ..supply
                };
                let making = each.begin((architecture, place), came);
                made.push(assemble_apk(&making, &supply, &lock, came).await?);
            }
            Ok(made)
        };
        let made = self.assemble_in_time(image, work, report).await?;
        // Files were read meanwhile: they are still what the label says.
        self.take(image, report.limit).await?;
        self.keep(image, made, report).await
    }
}

/// Chooses the packages of this moment.
async fn choose(
    supply: &ApkSupply<'_>,
    architectures: &[Architecture],
    file: &ImageFile,
    came: Came<'_>,
) -> Result<Lock, AssembleError> {
    let config = LockConfig {
        name: "image.yaml".to_owned(),
        checksum: lock::checksum_of(&file.texts),
    };
    let lock = resolve_apk(supply, architectures, config, came).await;
    Ok(lock.map_err(Box::new)?)
}
