//! Making a declared base: bootstrap it, and load it into the engine.

use super::Event;
use super::image::MakeError;
use super::run::{Report, Run};
use crate::address::has_credentials;
use crate::assemble::{Bootstrap, bootstrap};
use crate::catalog::ImageId;
use crate::debian::Mirrors;
use crate::declared::{BootstrapFile, ImageFile, Making, Runtime};
use crate::host::fs::FileError;
use crate::host::{RUN_VARIABLE, find_machine_mirrors};
use crate::ledger::temporary_prefix;
use crate::oci::Digest;

impl Run<'_> {
    /// Makes a declared image and loads it into the engine.
    pub(super) async fn assemble(
        &self,
        image: ImageId,
        file: &ImageFile,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        match &file.making {
            Making::Bootstrap(base) => self.bootstrap(image, (base, &file.runtime), report).await,
            _ => todo!(),
        }
    }

    async fn bootstrap(
        &self,
        image: ImageId,
        (file, runtime): (&BootstrapFile, &Runtime),
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = described
            .dated
            .ok_or_else(|| MakeError::NoDate(described.entry.path().to_owned()))?;
        let (_, snapshot) = self.take(image, report.limit).await?;
        let prefix = temporary_prefix(&self.id);
        let scratch = tempfile::Builder::new().prefix(&prefix).tempdir();
        let scratch =
            scratch.map_err(|source| FileError::new("create", &std::env::temp_dir(), source))?;
        let base = Bootstrap {
            file,
            runtime,
            mirrors: self.mirrors(&file.suite)?,
            created: date.to_utc(),
            labels: self.labels_of_declared(image, date, &snapshot.inputs),
            environment: self.program_environment(),
            scratch: scratch.path(),
            deadline: report.limit.left(),
        };
        let rootfs = bootstrap(&base, &self.cancelled, |line| {
            report.log.line(line);
            report.words.line(line);
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
        let expected = rootfs.id();
        let loading = self
            .engine
            .load(move |out| rootfs.write_archive(&label, out));
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => return Err(MakeError::Interrupted),
            in_time = tokio::time::timeout(report.limit.left(), loading) => {
                let (what, allowed) = ("load", report.limit.allowed());
                in_time.map_err(|_| MakeError::Late { what, allowed })???;
            }
        }
        let found = self.engine.find_id(&described.label).await?;
        let id = found.ok_or_else(|| MakeError::Lost(described.label.clone()))?;
        if self.engine.identifies_by_config() && id != expected {
            return Err(MakeError::Moved(described.label.clone()));
        }
        Ok(id)
    }

    fn mirrors(&self, suite: &str) -> Result<Mirrors, MakeError> {
        let set = &self.settings.mirrors;
        let mirrors = match &set.main {
            Some(main) => Mirrors {
                main: main.clone(),
                security: set.security.clone(),
            },
            None => {
                find_machine_mirrors(suite).ok_or_else(|| MakeError::NoMirror(suite.to_owned()))?
            }
        };
        let mut all = std::iter::once(&mirrors.main).chain(&mirrors.security);
        if all.any(|uri| has_credentials(uri)) {
            return Err(MakeError::MirrorWithCredentials(suite.to_owned()));
        }
        Ok(mirrors)
    }

    fn program_environment(&self) -> Vec<(String, String)> {
        let names = ["PATH", "HOME", "http_proxy", "https_proxy", "no_proxy"];
        let own = names.iter();
        let own = own.filter_map(|name| Some(((*name).to_owned(), self.environment.find(name)?)));
        // The proxy of the settings is the one that builds have; later ones count.
        let set = self.settings.proxies.apt_only.iter();
        let run = (RUN_VARIABLE.to_owned(), self.id.clone());
        own.chain(set.map(|proxy| ("http_proxy".to_owned(), proxy.clone())))
            .chain([run])
            .collect()
    }
}
