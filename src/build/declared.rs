//! Making a declared base: bootstrap it, and load it into the engine.

use super::Event;
use super::image::MakeError;
use super::run::{Report, Run};
use crate::address::has_credentials;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use tempfile::TempDir;

use crate::assemble::{self, Bootstrap, Rootfs, Supply, bootstrap, has_updates};
use crate::catalog::ImageId;
use crate::debian::{Mirrors, SignedBy, Source};
use crate::declared::{
    BootstrapFile, DebianArchive, DebianSource, ImageFile, Layering, Making, Runtime,
};
use crate::host::fs::FileError;
use crate::host::{
    Clock, RUN_VARIABLE, alpine_architecture, debian_architecture, find_machine_mirrors,
};
use crate::ledger::temporary_prefix;
use crate::mirror::{self, MirrorError};
use crate::oci::Digest;
use crate::registry;

/// Where Debian's own package of its keys has them.
const DEBIANS_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Finds a field that is read and says something, and that nothing is done with yet.
fn find_undone(file: &ImageFile) -> Option<&'static str> {
    let own = [alpine_architecture().to_owned()];
    let fields = [
        (
            "archs",
            !file.architectures.is_empty() && file.architectures != own,
        ),
        ("layering", file.layering != Layering::One),
        (
            "certificates.providers",
            !file.changes.certificate_providers.is_empty(),
        ),
    ];
    let undone = fields.into_iter().find(|(_, is_said)| *is_said);
    undone.map(|(field, _)| field)
}

impl Run<'_> {
    /// Makes a declared image and loads it into the engine.
    pub(super) async fn assemble(
        &self,
        image: ImageId,
        file: &ImageFile,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        if let Some(field) = find_undone(file) {
            return Err(MakeError::NotYet(field));
        }
        match &file.making {
            Making::Bootstrap(base) => self.bootstrap(image, (base, &file.runtime), report).await,
            Making::Debian(_) | Making::Scratch => self.assemble_files(image, file, report).await,
            Making::Apk(_) => Err(MakeError::NotYet("contents.repositories")),
            Making::Base(_) => Err(MakeError::NotYet("base")),
        }
    }

    /// Makes an image of packages without their scripts, or of files alone.
    async fn assemble_files(
        &self,
        image: ImageId,
        file: &ImageFile,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = self.date_of(image)?;
        let (_, snapshot) = self.take(image, report.limit).await?;
        let scratch = self.scratch()?;
        let store = mirror::Store::of_environment(self.environment).map_err(MirrorError::from)?;
        let client = mirror::Client::new(&self.mirror_options()).map_err(MakeError::Client)?;
        let archives = match &file.making {
            Making::Debian(contents) => self.archives(&contents.archive, &described.directory)?,
            _ => Vec::new(),
        };
        let packages = match &file.making {
            Making::Debian(contents) => Some((
                contents,
                Supply {
                    client: &client,
                    store: &store,
                    archives: &archives,
                    architecture: debian_architecture(),
                    now: Clock::of_machine().now().to_utc(),
                    scratch: scratch.path(),
                },
            )),
            _ => None,
        };
        let making = assemble::Making {
            packages,
            changes: &file.changes,
            runtime: &file.runtime,
            directory: &described.directory,
            labels: self.labels_of_declared(image, date, &snapshot.inputs),
            created: date.to_utc(),
            scratch: scratch.path(),
        };
        let rootfs = self.assemble_in_time(image, &making, report).await?;
        // Files were read meanwhile: they are still what the label says.
        self.take(image, report.limit).await?;
        self.load_rootfs(image, rootfs, report).await
    }

    /// Makes it within the time of the image, and tells what is done.
    async fn assemble_in_time(
        &self,
        image: ImageId,
        making: &assemble::Making<'_>,
        report: &mut Report<'_>,
    ) -> Result<Rootfs, MakeError> {
        let (lines, mut told) = tokio::sync::mpsc::unbounded_channel::<String>();
        let came = move |line: &str| {
            // Nobody listens any more once the build is given up.
            let _ = lines.send(line.to_owned());
        };
        let rootfs = {
            let limit = tokio::time::sleep(report.limit.left());
            let work = assemble::assemble(making, &came);
            tokio::pin!(work, limit);
            loop {
                tokio::select! {
                    biased;
                    () = self.cancelled.cancelled() => return Err(MakeError::Interrupted),
                    Some(line) = told.recv() => self.tell_line(image, &line, report),
                    made = &mut work => break made?,
                    () = &mut limit => {
                        let (what, allowed) = ("assembly", report.limit.allowed());
                        return Err(MakeError::Late { what, allowed });
                    }
                }
            }
        };
        while let Ok(line) = told.try_recv() {
            self.tell_line(image, &line, report);
        }
        Ok(rootfs)
    }

    fn tell_line(&self, image: ImageId, line: &str, report: &mut Report<'_>) {
        report.log.line(line);
        report.words.line(line);
        (report.tell)(Event::Step {
            image: self.loaded.catalog.image(image).label.clone(),
            name: line.to_owned(),
        });
    }

    fn mirror_options(&self) -> mirror::Options {
        let without_tls = self.settings.proxies.apt_only.as_ref();
        mirror::Options {
            ca_bundle: self
                .settings
                .ca_bundle
                .as_ref()
                .map(|bundle| bundle.path.clone()),
            proxy: registry::Proxy::of_environment(self.environment),
            proxy_without_tls: without_tls.map(|url| registry::Proxy::new(url, "")),
            ..mirror::Options::default()
        }
    }

    /// Names the archives that packages come from, with the keys that sign them.
    fn archives(
        &self,
        archive: &DebianArchive,
        directory: &Path,
    ) -> Result<Vec<mirror::Archive>, MakeError> {
        let sources = match archive {
            DebianArchive::Sources(sources) => sources.clone(),
            DebianArchive::Release { suite, components } => {
                let mirrors = self.mirrors(suite)?;
                let source = |uri: &str, suite: String| DebianSource {
                    uris: vec![uri.to_owned()],
                    suites: vec![suite],
                    components: components.clone(),
                    signed_by: None,
                };
                let mut sources = vec![source(&mirrors.main, suite.clone())];
                if has_updates(suite) {
                    sources.push(source(&mirrors.main, format!("{suite}-updates")));
                    let security = mirrors.security.iter();
                    sources.extend(security.map(|uri| source(uri, format!("{suite}-security"))));
                }
                sources
            }
        };
        let mut archives = Vec::new();
        for source in sources {
            let signed_by = match source.signed_by {
                Some(file) => Some(directory.join(file)),
                None => Some(DEBIANS_KEYS.into()).filter(|keys: &PathBuf| keys.is_file()),
            };
            let named = signed_by.map(|path| SignedBy::Named(vec![path.display().to_string()]));
            let of_source = mirror::Archive::of_source(&Source {
                uris: source.uris,
                suites: source.suites,
                components: source.components,
                architectures: Vec::new(),
                signed_by: named,
            });
            archives.extend(of_source?);
        }
        Ok(archives)
    }

    fn date_of(&self, image: ImageId) -> Result<DateTime<FixedOffset>, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = described.dated;
        date.ok_or_else(|| MakeError::NoDate(described.entry.path().to_owned()))
    }

    fn scratch(&self) -> Result<TempDir, FileError> {
        let prefix = temporary_prefix(&self.id);
        let scratch = tempfile::Builder::new().prefix(&prefix).tempdir();
        scratch.map_err(|source| FileError::new("create", &std::env::temp_dir(), source))
    }

    async fn bootstrap(
        &self,
        image: ImageId,
        (file, runtime): (&BootstrapFile, &Runtime),
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = self.date_of(image)?;
        let (_, snapshot) = self.take(image, report.limit).await?;
        let scratch = self.scratch()?;
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
        self.load_rootfs(image, rootfs, report).await
    }

    /// Loads a root file system into the engine, and gives the identity that it has there.
    async fn load_rootfs(
        &self,
        image: ImageId,
        rootfs: Rootfs,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let described = self.loaded.catalog.image(image);
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
