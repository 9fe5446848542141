//! A full Debian base: mmdebstrap unpacks and configures packages, their maintainer scripts included.
//!
//! The result depends on the packages of the mirror and on the date of the changelog entry alone: mmdebstrap takes
//! `SOURCE_DATE_EPOCH` for all times, and what it would copy from this machine is removed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::AssembleError;
use super::filling::Filling;
use super::rootfs::{Rootfs, Written, layer_path};
use super::runtime::run_config;
use super::software::find_software;
use crate::debian::Mirrors;
use crate::declared::{BootstrapFile, Runtime};
use crate::host::fs::FileError;
use crate::host::{Output, Program, Window, platform};
use crate::rootfs::read_tar;
use crate::settings::Mask;
use crate::spdx::Software;

/// What a base is made of.
#[derive(Debug)]
pub struct Bootstrap<'a> {
    /// What the image declares.
    pub file: &'a BootstrapFile,
    /// What containers get of it.
    pub runtime: &'a Runtime,
    /// Where the packages come from, security updates included where the suite has them.
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
    /// What is hidden in what the program says, by who gets it.
    pub mask: &'a Mask,
}

/// Runs mmdebstrap and gives the root file system; `on_line` gets what the program says.
pub async fn bootstrap(
    base: &Bootstrap<'_>,
    cancelled: &CancellationToken,
    mut on_line: impl FnMut(&str),
) -> Result<Rootfs, AssembleError> {
    let rootfs = Rootfs::new(base.scratch, platform());
    let path = layer_path(base.scratch, 0);
    let file = File::create(&path);
    let file = file.map_err(|source| FileError::new("create", &path, source))?;
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
        .hiding(base.mask)
        .grace(Duration::from_secs(20))
        .run(cancelled, |_, line| on_line(line))
        .await?;
    let variant = base.file.variant.as_str();
    let made_by = format!("mmdebstrap --variant={variant} {}", base.file.suite);
    let run = run_config(base.runtime, &base.labels);
    let software = tokio::task::spawn_blocking(move || read_software(&path)).await;
    let software =
        software.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let written = Written {
        made_by: vec![made_by],
        software,
    };
    Ok(rootfs.finish(run, written, base.created).await?)
}

/// Finds out what the program installed.
fn read_software(path: &Path) -> Result<Software, AssembleError> {
    let failed = |source| FileError::new("read", path, source);
    let file = File::open(path).map_err(failed)?;
    let mut tar = Window::of_file(file).map_err(failed)?;
    let mut filling = Filling::default();
    let volume = filling.volumes.add(tar.clone());
    let entries = read_tar(&mut tar, volume);
    let entries = entries.map_err(|error| failed(io::Error::other(error)))?;
    let applied = filling.tree.apply_layer(entries);
    applied.map_err(|error| failed(io::Error::other(error)))?;
    Ok(find_software(&filling, &[])?)
}

/// Tells whether a suite has updates and a security suite beside it: unstable and experimental do not.
#[must_use]
pub fn has_updates(suite: &str) -> bool {
    !matches!(suite, "sid" | "unstable" | "experimental")
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
    if has_updates(suite) {
        arguments.push(format!("deb {} {suite}-updates {components}", mirrors.main));
        if let Some(security) = &mirrors.security {
            arguments.push(format!("deb {security} {suite}-security {components}"));
        }
    }
    arguments
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
