//! Making a declared image on another one: of the catalog, from outside, or from a file of its directory.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::declared::Came;
use super::each::Each;
use super::image::MakeError;
use super::run::{Known, Report, Run};
use super::shelved::{BringError, name_platforms};
use crate::assemble::{AssembleError, assemble_on};
use crate::catalog::ImageId;
use crate::declared::{BaseImage, ImageFile};
use crate::engine::{PARENTS, render_parents};
use crate::host::fs::FileError;
use crate::host::{Scratch, Watch, platform};
use crate::oci::{Digest, Platform, Reference};
use crate::unpack::Unpacked;
use crate::verify::save_image;

impl Run<'_> {
    /// Makes an image on a base, and keeps it.
    pub(super) async fn assemble_on(
        &self,
        image: ImageId,
        (file, base): (&ImageFile, &BaseImage),
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = self.date_of(image)?;
        let parents = self.parents(image, &known.borrow())?;
        let (_, snapshot) = self.take(image, report.limit).await?;
        let mut labels = self.labels_of_declared(image, date, &snapshot.inputs);
        labels.insert(PARENTS.to_owned(), render_parents(&parents));
        let watch = Watch::default();
        let _waiting = watch.end_when_dropped();
        let scratch = Scratch::new(&self.environment.large_temporary(), &watch);
        let below = match base {
            BaseImage::File(path) => Below::File(find_inside(&described.directory, path)?),
            BaseImage::Named(_) | BaseImage::Pinned(_) => {
                let base = self.loaded.find_base(image);
                let found = base.and_then(|base| parents.iter().find(|(label, _)| label == base));
                let Some((label, id)) = found else {
                    let label = base.unwrap_or(&described.label).clone();
                    return Err(MakeError::NoParent { label });
                };
                labels.extend(Self::name_base(label));
                Below::Image(label, id)
            }
        };
        let place = self.scratch()?;
        let about = (file, described.directory.as_path());
        let each = Each::new(about, labels, date.to_utc(), place.path())?;
        let mut made = Vec::new();
        for place in each.places() {
            let wanted = match file.architectures.as_slice() {
                [] => Wanted::Machine,
                _ => Wanted::Exactly(place.0.platform()),
            };
            let of_others = (file, parents.as_slice());
            let others = self.unpack_others(image, of_others, (&wanted, &scratch), report);
            let others = others.await?;
            let unpacked = self.unpack_base(&below, &wanted, &scratch);
            let unpacked = self.in_time("assembly", unpacked, report).await??;
            let work = async |came: Came<'_>| {
                let making = each.begin(place, came);
                Ok(vec![assemble_on(&making, unpacked, others, came).await?])
            };
            made.extend(self.assemble_in_time(image, work, report).await?);
        }
        // Files were read meanwhile: they are still what the label says.
        self.take(image, report.limit).await?;
        self.keep(image, made, report).await
    }

    async fn unpack_base(
        &self,
        below: &Below<'_>,
        wanted: &Wanted,
        scratch: &Scratch,
    ) -> Result<Unpacked, MakeError> {
        match below {
            Below::File(path) => {
                let unpacked = unpack(path.clone(), wanted.platform(), scratch.clone()).await?;
                wanted.check(&path.display().to_string(), &unpacked)?;
                Ok(unpacked)
            }
            Below::Image(label, id) => self.unpack_image(label, id, wanted, scratch).await,
        }
    }

    /// Reads the images that files are taken from.
    async fn unpack_others(
        &self,
        image: ImageId,
        (file, parents): (&ImageFile, &[(Reference, Digest)]),
        (wanted, scratch): (&Wanted, &Scratch),
        report: &mut Report<'_>,
    ) -> Result<Vec<(String, Unpacked)>, MakeError> {
        let layers = file.changes.layers.iter();
        let names: BTreeSet<&str> = layers.filter_map(|layer| layer.from.as_deref()).collect();
        let mut unpacked = Vec::new();
        for name in names {
            let named = self.loaded.find_named(name);
            let found = named.and_then(|it| parents.iter().find(|(label, _)| label == it));
            let Some((label, id)) = found else {
                let own = &self.loaded.catalog.image(image).label;
                let label = named.unwrap_or(own).clone();
                return Err(MakeError::NoParent { label });
            };
            let unpacking = self.unpack_image(label, id, wanted, scratch);
            let other = self.in_time("assembly", unpacking, report).await??;
            unpacked.push((name.to_owned(), other));
        }
        Ok(unpacked)
    }

    /// Reads an image of the shelf or of the engine, every byte checked.
    async fn unpack_image(
        &self,
        label: &Reference,
        id: &Digest,
        wanted: &Wanted,
        scratch: &Scratch,
    ) -> Result<Unpacked, MakeError> {
        let scratch = scratch.clone();
        if let Some(shelved) = self.find_shelved(label, id)? {
            let at = shelved.directory().to_owned();
            let mut there = shelved.platforms().iter();
            let platform = wanted.platform();
            if shelved.is_index() && !there.any(|one| platform.is_met_by(one)) {
                return Err(AssembleError::BasePlatform {
                    name: label.to_string(),
                    there: name_platforms(shelved.platforms()),
                    wanted: platform.to_string(),
                }
                .into());
            }
            let unpacked = unpack(at.clone(), platform, scratch).await;
            let unpacked = unpacked.map_err(|error| match error {
                MakeError::Assemble(AssembleError::Base(source)) => {
                    BringError::Unpack { at, source }.into()
                }
                error => error,
            })?;
            wanted.check(&label.to_string(), &unpacked)?;
            return Ok(unpacked);
        }
        let engine = self.engine()?;
        let saved = save_image(engine, id, &scratch).await?;
        let expected = engine.identifies_by_config().then(|| id.clone());
        let platform = engine.find_platform(id).await?.unwrap_or_else(platform);
        let unpacking = tokio::task::spawn_blocking(move || {
            let image = Unpacked::of_tar(saved, &platform, &scratch)?;
            image.check_identity(expected)?;
            Ok::<_, AssembleError>(image)
        });
        let unpacked = unpacking.await;
        let unpacked =
            unpacked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        wanted.check(&label.to_string(), &unpacked)?;
        Ok(unpacked)
    }
}

/// What an image is made on.
enum Below<'a> {
    /// A layout or an archive of its directory.
    File(PathBuf),
    /// An image with its identity.
    Image(&'a Reference, &'a Digest),
}

/// Which image of a base is taken.
enum Wanted {
    /// That of the machine, and one alone whatever it is for.
    Machine,
    /// That of an architecture which the declaration names, and no other one.
    Exactly(Platform),
}

impl Wanted {
    fn platform(&self) -> Platform {
        match self {
            Self::Machine => platform(),
            Self::Exactly(platform) => platform.clone(),
        }
    }

    /// Fails where another one was found.
    fn check(&self, name: &str, found: &Unpacked) -> Result<(), AssembleError> {
        let there = found.platform();
        match self {
            Self::Exactly(wanted) if !wanted.is_met_by(&there) => {
                Err(AssembleError::BasePlatform {
                    name: name.to_owned(),
                    there: there.to_string(),
                    wanted: wanted.to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// Finds a file of an image directory; one to which a link leads out of it is none.
fn find_inside(directory: &Path, path: &str) -> Result<PathBuf, MakeError> {
    let written = directory.join(path);
    let failed = |source| FileError::new("read", &written, source);
    let real = written.canonicalize().map_err(failed)?;
    let top = directory.canonicalize().map_err(failed)?;
    if !real.starts_with(top) {
        let out = std::io::Error::other("it is a link out of the image's directory");
        return Err(failed(out).into());
    }
    // What a link within a layout leads to would not count among the inputs.
    for entry in walkdir::WalkDir::new(&real) {
        let entry = entry.map_err(|error| failed(error.into()))?;
        if entry.path_is_symlink() && entry.depth() > 0 {
            let link = std::io::Error::other("it is a link, and a layout has none");
            return Err(FileError::new("read", entry.path(), link).into());
        }
    }
    Ok(real)
}

/// Reads an OCI layout or an archive.
async fn unpack(
    path: PathBuf,
    platform: Platform,
    scratch: Scratch,
) -> Result<Unpacked, MakeError> {
    let unpacking = tokio::task::spawn_blocking(move || Unpacked::open(&path, &platform, &scratch));
    let unpacked = unpacking.await;
    let unpacked = unpacked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    Ok(unpacked.map_err(AssembleError::from)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_layout_is_read_where_no_link_leads_on() {
        let top = tempfile::tempdir().expect("a directory");
        let layout = top.path().join("oci");
        std::fs::create_dir_all(layout.join("blobs/sha256")).expect("directories");
        symlink("oci", top.path().join("link")).expect("a link");
        for path in ["oci", "link"] {
            find_inside(top.path(), path).expect(path);
        }
        symlink("/etc/hostname", layout.join("blobs/sha256/e3")).expect("a link");
        symlink("/etc", top.path().join("out")).expect("a link");
        for (path, cause) in [("oci", "blobs/sha256/e3"), ("out", "out")] {
            let error = find_inside(top.path(), path).expect_err(path).to_string();
            assert!(error.contains(cause), "{error}");
        }
    }
}
