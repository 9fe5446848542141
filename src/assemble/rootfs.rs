//! A root file system as the tar of one layer, with the configuration of its image.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::host::architecture;
use crate::host::fs::FileError;
use crate::oci::{
    ArchivedLayer, Digest, Hasher, LayerHistory, Reference, RunConfig, render_config,
    write_docker_archive,
};

/// A root file system on disk; the file goes with this value.
#[derive(Debug)]
pub struct Rootfs {
    path: PathBuf,
    size_bytes: u64,
    diff_id: Digest,
    config: String,
}

impl Rootfs {
    /// Names the file below a directory; it is the caller's to write.
    pub(super) fn new(scratch: &Path) -> Self {
        Self {
            path: scratch.join("rootfs.tar"),
            size_bytes: 0,
            diff_id: Digest::of(b""),
            config: String::new(),
        }
    }

    /// Gives where the tar lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what was written, and makes the configuration.
    pub(super) async fn finish(
        mut self,
        run: RunConfig,
        created_by: String,
        created: DateTime<Utc>,
    ) -> Result<Self, FileError> {
        let path = self.path.clone();
        // Hundreds of megabytes would hold up everything else that runs.
        let hashed = tokio::task::spawn_blocking(move || hash(&path)).await;
        let hashed = hashed.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        let (diff_id, size_bytes) =
            hashed.map_err(|source| FileError::new("read", &self.path, source))?;
        let layer = LayerHistory {
            diff_id: diff_id.clone(),
            created_by,
        };
        self.config = render_config(&run, &[layer], created, architecture());
        self.size_bytes = size_bytes;
        self.diff_id = diff_id;
        Ok(self)
    }
    /// Gives the identity that the image has on an engine with a graph driver: the digest of its configuration.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(self.config.as_bytes())
    }

    /// Writes the archive from which an engine loads the image under `reference`.
    pub fn write_archive(
        &self,
        reference: &Reference,
        out: &mut dyn Write,
    ) -> Result<(), FileError> {
        let failed = |source| FileError::new("read", &self.path, source);
        let file = File::open(&self.path).map_err(failed)?;
        write_docker_archive(
            out,
            reference,
            &self.config,
            vec![ArchivedLayer {
                diff_id: self.diff_id.clone(),
                tar: BufReader::new(file),
                size_bytes: self.size_bytes,
            }],
        )
        .map_err(failed)
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        // The scratch directory goes at the end of the run anyway; this only gives the space back earlier.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn hash(path: &Path) -> io::Result<(Digest, u64)> {
    let mut hasher = Hasher::alone();
    io::copy(
        &mut BufReader::with_capacity(1 << 18, File::open(path)?),
        &mut hasher,
    )?;
    Ok(hasher.finish())
}
