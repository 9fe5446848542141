//! What the real `docker build` sends: the program speaks to an engine that takes every context and builds nothing.
//!
//! The program decides alone what a `.dockerignore` leaves out, so its context is the measure for ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::still_engine::StillEngine;

/// The program `docker`, with an engine that only listens.
pub(crate) struct DockerClient {
    home: tempfile::TempDir,
    engine: StillEngine,
}

impl DockerClient {
    /// Starts the engine.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let engine = StillEngine::start(|request| match request {
            request if request.contains("_ping") => (200, "OK"),
            _ => (200, "{}"),
        });
        Self { home, engine }
    }

    /// Gives the names of all that is no directory in the context of a directory, or what the program says against it.
    pub(crate) fn context_of(&self, directory: &Path) -> Result<BTreeSet<PathBuf>, String> {
        let output = Command::new("docker")
            .args(["build", "--quiet", "."])
            .current_dir(directory)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("DOCKER_BUILDKIT", "0")
            .env("DOCKER_HOST", self.engine.address())
            .stdin(Stdio::null())
            .output()
            .expect("the program `docker`, which scripts/prepare installs");
        if output.status.success() {
            Ok(names_in(&self.engine.body()))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// Gives the names of all entries of an archive that are no directories.
pub(crate) fn names_in(context: &[u8]) -> BTreeSet<PathBuf> {
    let mut archive = tar::Archive::new(context);
    let entries = archive.entries().expect("an archive");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| !entry.header().entry_type().is_dir());
    files
        .map(|entry| entry.path().expect("a name").into_owned())
        .collect()
}
