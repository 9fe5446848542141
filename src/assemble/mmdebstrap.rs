//! A full Debian base: mmdebstrap unpacks and configures packages, their maintainer scripts included.
//!
//! The result depends on the packages of the mirror and on the date of the changelog entry alone: mmdebstrap takes
//! `SOURCE_DATE_EPOCH` for all times, and what it would copy from this machine is removed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::runtime::run_config;
use crate::debian::Mirrors;
use crate::declared::{BootstrapFile, Runtime};
use crate::host::fs::FileError;
use crate::host::{Output, ProcessError, Program, architecture};
use crate::oci::{
    ArchivedLayer, Digest, LayerHistory, Reference, render_config, write_docker_archive,
};

/// What a base is made of.
#[derive(Debug)]
pub struct Bootstrap<'a> {
    /// What the image declares.
    pub file: &'a BootstrapFile,
    /// What containers get of it.
    pub runtime: &'a Runtime,
    /// Where the packages come from.
    pub mirrors: Mirrors,
    /// The date of the changelog entry.
    pub created: DateTime<Utc>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Variables for the program: the search path, proxies.
    pub environment: Vec<(String, String)>,
    /// A directory for the tar, which is as large as the base.
    pub scratch: &'a Path,
    /// How long it may take.
    pub deadline: Duration,
}

/// A root file system on disk; the file goes with this value.
#[derive(Debug)]
pub struct Rootfs {
    path: PathBuf,
    size_bytes: u64,
    diff_id: Digest,
    config: String,
}

/// Why a base could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// mmdebstrap failed; its lines were given as they came.
    #[error(transparent)]
    Program(#[from] ProcessError),
    /// The tar could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Runs mmdebstrap and gives the root file system; `on_line` gets what the program says.
pub async fn bootstrap(
    base: &Bootstrap<'_>,
    cancelled: &CancellationToken,
    mut on_line: impl FnMut(&str),
) -> Result<Rootfs, AssembleError> {
    let path = base.scratch.join("rootfs.tar");
    let file = File::create(&path).map_err(|source| FileError::new("create", &path, source))?;
    let mut rootfs = Rootfs {
        path,
        size_bytes: 0,
        diff_id: Digest::of(b""),
        config: String::new(),
    };
    let program = base
        .environment
        .iter()
        .fold(Program::new("mmdebstrap"), |program, (name, value)| {
            program.variable(name, value)
        });
    program
        .arguments(arguments(base.file, &base.mirrors))
        .variable("SOURCE_DATE_EPOCH", base.created.timestamp().to_string())
        .variable("TMPDIR", base.scratch)
        .output(Output::File(file))
        .deadline(base.deadline)
        .grace(Duration::from_secs(20))
        .run(cancelled, |_, line| on_line(line))
        .await?;
    let path = rootfs.path.clone();
    // Hundreds of megabytes would hold up everything else that runs.
    let hashed = tokio::task::spawn_blocking(move || hash(&path)).await;
    let hashed = hashed.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    let (digest, size_bytes) =
        hashed.map_err(|source| FileError::new("read", &rootfs.path, source))?;
    rootfs.size_bytes = size_bytes;
    rootfs.config = config(base, digest.clone());
    rootfs.diff_id = digest;
    Ok(rootfs)
}

impl Rootfs {
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

fn arguments(file: &BootstrapFile, mirrors: &Mirrors) -> Vec<String> {
    let mut arguments = vec![
        format!("--variant={}", file.variant.as_str()),
        format!("--components={}", file.components.join(",")),
        "--format=tar".to_owned(),
        // mmdebstrap copies these from the machine; an engine gives each container its own.
        "--customize-hook=rm -f \"$1/etc/resolv.conf\" \"$1/etc/hostname\"".to_owned(),
    ];
    if !file.packages.is_empty() {
        arguments.push(format!("--include={}", file.packages.join(",")));
    }
    let components = file.components.join(" ");
    let suite = &file.suite;
    arguments.extend([
        suite.clone(),
        "-".to_owned(),
        format!("deb {} {suite} {components}", mirrors.main),
    ]);
    // Neither unstable nor experimental has updates or a security suite.
    if !matches!(suite.as_str(), "sid" | "unstable" | "experimental") {
        arguments.push(format!("deb {} {suite}-updates {components}", mirrors.main));
        if let Some(security) = &mirrors.security {
            arguments.push(format!("deb {security} {suite}-security {components}"));
        }
    }
    arguments
}

fn hash(path: &Path) -> io::Result<(Digest, u64)> {
    use sha2::Digest as _;
    let mut file = File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size_bytes = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((Digest::from_sha256(&hasher.finalize().into()), size_bytes));
        }
        hasher.update(&buffer[..count]);
        size_bytes += count as u64;
    }
}

fn config(base: &Bootstrap<'_>, diff_id: Digest) -> String {
    let file = base.file;
    let run = run_config(base.runtime, &base.labels);
    let layer = LayerHistory {
        diff_id,
        created_by: format!(
            "mmdebstrap --variant={} {}",
            file.variant.as_str(),
            file.suite
        ),
    };
    render_config(&run, &[layer], base.created, architecture())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::{Making, parse_image_file};

    #[test]
    fn updates_and_security_are_sources_of_a_release_and_not_of_sid() {
        let mirrors = Mirrors {
            main: "http://m.example.org/debian".to_owned(),
            security: Some("http://m.example.org/security".to_owned()),
        };
        let text = "bootstrap: mmdebstrap\nsuite: SUITE\ncontents: {packages: [ca-certificates, tzdata]}\n";
        let file = |suite| {
            let text = text.replace("SUITE", suite);
            let file = parse_image_file(&text, &mut |_, _| panic!("nothing is included"));
            match file.expect("an image file").making {
                Making::Bootstrap(file) => file,
                other => panic!("{other:?}"),
            }
        };
        let arguments_of = |suite| arguments(&file(suite), &mirrors);
        let bookworm = arguments_of("bookworm");
        assert!(bookworm.contains(&"--include=ca-certificates,tzdata".to_owned()));
        assert_eq!(
            bookworm[bookworm.len() - 5..],
            [
                "bookworm",
                "-",
                "deb http://m.example.org/debian bookworm main",
                "deb http://m.example.org/debian bookworm-updates main",
                "deb http://m.example.org/security bookworm-security main",
            ]
        );
        assert_eq!(
            arguments_of("sid").last().unwrap(),
            "deb http://m.example.org/debian sid main"
        );
    }
}
