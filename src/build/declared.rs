//! Making a declared base: bootstrap it, and load it into the engine.

use super::Event;
use super::image::MakeError;
use super::run::{Report, Run};
use crate::assemble::{Bootstrap, bootstrap};
use crate::catalog::ImageId;
use crate::debian::{Mirrors, parse_changelog};
use crate::declared::ImageFile;
use crate::host::find_machine_mirrors;
use crate::host::fs::{FileError, read_text};
use crate::oci::Digest;

impl Run<'_> {
    /// Makes a declared base and loads it into the engine.
    pub(super) async fn assemble(
        &self,
        image: ImageId,
        file: &ImageFile,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let changelog = described.directory.join("changelog");
        let entries = parse_changelog(&read_text(&changelog)?)?.entries;
        let date = entries
            .first()
            .and_then(|entry| entry.date)
            .ok_or(MakeError::NoDate(changelog))?;
        let scratch = tempfile::Builder::new().prefix("pkg-").tempdir();
        let scratch =
            scratch.map_err(|source| FileError::new("create", &std::env::temp_dir(), source))?;
        let base = Bootstrap {
            file,
            mirrors: self.mirrors(&file.suite)?,
            created: date.to_utc(),
            environment: self.program_environment(),
            scratch: scratch.path(),
            deadline: self.settings.build_timeout,
        };
        let rootfs = bootstrap(&base, &self.cancelled, |line| {
            report.log.line(line);
            let step = line.strip_prefix("I: ").map(str::to_owned);
            (report.tell)(match step {
                Some(name) => Event::Step {
                    image: described.label.clone(),
                    name,
                },
                None => Event::Line {
                    image: described.label.clone(),
                    text: line.to_owned(),
                },
            });
        })
        .await?;
        let label = described.label.clone();
        self.engine
            .load(move |out| rootfs.write_archive(&label, out))
            .await??;
        let id = self.engine.find_id(&described.label).await?;
        id.ok_or_else(|| MakeError::Lost(described.label.clone()))
    }

    fn mirrors(&self, suite: &str) -> Result<Mirrors, MakeError> {
        let set = &self.settings.mirrors;
        match &set.main {
            Some(main) => Ok(Mirrors {
                main: main.clone(),
                security: set.security.clone(),
            }),
            None => {
                find_machine_mirrors(suite).ok_or_else(|| MakeError::NoMirror(suite.to_owned()))
            }
        }
    }

    fn program_environment(&self) -> Vec<(String, String)> {
        let names = ["PATH", "HOME", "http_proxy", "https_proxy", "no_proxy"];
        names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.environment.find(name)?)))
            .collect()
    }
}
