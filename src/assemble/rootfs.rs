//! What was made: layers as tars, those of a base first, with the configuration of their image.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::AssembleError;
use crate::host::Window;
use crate::host::fs::FileError;
use crate::layout::{Bill, PartLayer, Parts};
use crate::oci::{
    ArchivedLayer, Compression, Digest, Hasher, LayerHistory, Platform, Reference, RunConfig,
    extend_config, render_config, write_docker_archive,
};
use crate::spdx::Software;
use crate::unpack::{Layer, Unpacked};

/// A tar without entries.
const NOTHING_BYTES: u64 = 1024;

/// An image on disk; the files of its own layers go with this value.
#[derive(Debug)]
pub struct Rootfs {
    /// Where its own layers lie.
    scratch: PathBuf,
    /// The layers of its base.
    below: Vec<Layer>,
    /// Its own, the lowest first; none where it is its base but for the configuration.
    own: Vec<OwnLayer>,
    config: String,
    platform: Platform,
    software: Software,
    created: DateTime<Utc>,
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    /// What made each layer, the lowest first.
    pub(super) made_by: Vec<String>,
    /// What they hold.
    pub(super) software: Software,
}

/// A tar that was written here.
#[derive(Debug)]
struct OwnLayer {
    diff_id: Digest,
    size_bytes: u64,
}

/// Gives where the tar of a layer is to lie, the lowest being number 0.
pub(super) fn layer_path(scratch: &Path, number: usize) -> PathBuf {
    scratch.join(format!("layer-{number}.tar"))
}

impl Rootfs {
    /// Takes the layers of a directory; they are the caller's to write, as [`layer_path`] names them.
    pub(super) fn new(scratch: &Path, platform: Platform) -> Self {
        Self {
            scratch: scratch.to_owned(),
            below: Vec::new(),
            own: Vec::new(),
            config: String::new(),
            platform,
            software: Software::default(),
            created: DateTime::UNIX_EPOCH,
        }
    }

    /// Reads the layers that were written, and makes the configuration.
    pub(super) async fn finish(
        mut self,
        run: RunConfig,
        written: Written,
        created: DateTime<Utc>,
    ) -> Result<Self, FileError> {
        let mut layers = Vec::new();
        for (number, created_by) in written.made_by.into_iter().enumerate() {
            let own = self.hash(number).await?;
            layers.push(LayerHistory {
                diff_id: own.diff_id.clone(),
                created_by,
            });
            self.own.push(own);
        }
        self.config = render_config(&run, &layers, created, &self.platform);
        (self.software, self.created) = (written.software, created);
        Ok(self)
    }

    /// Reads what was written over a base, and makes the configuration of that one's.
    pub(super) async fn finish_on(
        mut self,
        (base, software): (Unpacked, Software),
        run: RunConfig,
        (created, made_by): (DateTime<Utc>, &str),
    ) -> Result<Self, AssembleError> {
        let own = self.hash(0).await?;
        let layer = LayerHistory {
            diff_id: own.diff_id.clone(),
            created_by: made_by.to_owned(),
        };
        let layer = (own.size_bytes > NOTHING_BYTES).then_some(&layer);
        let config = extend_config(&base.config, &run, layer, (created, made_by));
        self.config = config.map_err(|_| AssembleError::BaseConfig)?;
        self.own = layer.map(|_| own).into_iter().collect();
        self.platform = base.platform();
        self.below = base.layers;
        (self.software, self.created) = (software, created);
        Ok(self)
    }

    /// Hashes a tar that was written.
    async fn hash(&self, number: usize) -> Result<OwnLayer, FileError> {
        let path = layer_path(&self.scratch, number);
        let of_thread = path.clone();
        // Hundreds of megabytes would hold up everything else that runs.
        let hashed = tokio::task::spawn_blocking(move || hash(&of_thread)).await;
        let hashed = hashed.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        hashed.map_err(|source| FileError::new("read", &path, source))
    }

    /// Gives the kind of machine that its image is for.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Gives its layers, those of its base as they are.
    pub fn layers(&self) -> Result<Vec<PartLayer>, FileError> {
        let below = self.below.iter().map(|layer| match &layer.blob {
            // Some engines hand out layers as they have unpacked them.
            Some((descriptor, blob)) if descriptor.digest != layer.diff_id => {
                PartLayer::Kept(descriptor.clone(), blob.clone())
            }
            _ => PartLayer::Plain(layer.tar.clone()),
        });
        let mut layers: Vec<PartLayer> = below.collect();
        for number in 0..self.own.len() {
            layers.push(PartLayer::Plain(self.window(number)?));
        }
        Ok(layers)
    }

    fn window(&self, number: usize) -> Result<Window, FileError> {
        let path = layer_path(&self.scratch, number);
        let failed = |source| FileError::new("read", &path, source);
        Window::of_file(File::open(&path).map_err(failed)?).map_err(failed)
    }

    /// Gives what its image consists of, for a layout; `layers` are what [`Self::layers`] gave.
    #[must_use]
    pub fn parts<'a>(&'a self, layers: &'a [PartLayer]) -> Parts<'a> {
        Parts {
            config: self.config.as_bytes(),
            platform: self.platform.clone(),
            layers,
            compression: Compression::Gzip,
        }
    }

    /// Gives what is told of its image beside that.
    #[must_use]
    pub fn bill(&self) -> Bill<'_> {
        Bill {
            software: &self.software,
            created: self.created,
        }
    }

    /// Writes the archive from which an engine loads the image under `reference`.
    pub fn write_archive(
        &self,
        reference: &Reference,
        out: &mut dyn Write,
    ) -> Result<(), FileError> {
        let below = self.below.iter().map(|layer| ArchivedLayer {
            diff_id: layer.diff_id.clone(),
            tar: layer.tar.part(0, u64::MAX),
            size_bytes: layer.tar.size_bytes(),
        });
        let mut layers: Vec<_> = below.collect();
        for (number, own) in self.own.iter().enumerate() {
            layers.push(ArchivedLayer {
                diff_id: own.diff_id.clone(),
                tar: self.window(number)?,
                size_bytes: own.size_bytes,
            });
        }
        let failed = |source| FileError::new("read", &self.scratch, source);
        write_docker_archive(out, reference, &self.config, layers).map_err(failed)
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        // The scratch directory goes at the end of the run anyway; this only gives the space back earlier.
        let layers = (0..).map(|number| layer_path(&self.scratch, number));
        layers
            .map_while(|path| std::fs::remove_file(path).ok())
            .for_each(drop);
    }
}

fn hash(path: &Path) -> io::Result<OwnLayer> {
    let mut hasher = Hasher::alone();
    io::copy(
        &mut BufReader::with_capacity(1 << 18, File::open(path)?),
        &mut hasher,
    )?;
    let (diff_id, size_bytes) = hasher.finish();
    Ok(OwnLayer {
        diff_id,
        size_bytes,
    })
}
