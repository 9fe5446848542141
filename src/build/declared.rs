//! Making a declared image: of packages and files, or of a bootstrap.

use std::cell::RefCell;
use std::path::Path;

use super::Event;
use super::each::Each;
use super::image::MakeError;
use super::locked::Pinned;
use super::run::{Known, Report, Run};

use chrono::{DateTime, FixedOffset};
use tempfile::TempDir;

use crate::assemble::{
    self, AssembleError, Bootstrap, Chosen, DebianFault, Origin, Rootfs, Supply, bootstrap,
    check_agreement, choose_debian, list_origins,
};
use crate::catalog::ImageId;
use crate::declared::{BootstrapFile, DebianArchive, DebianContents, ImageFile, Making, Runtime};
use crate::host::fs::FileError;
use crate::host::{Clock, RUN_VARIABLE};
use crate::ledger::temporary_prefix;
use crate::locking::{find_mirrors, mirror_options};
use crate::mirror::{self, MirrorError};
use crate::oci::Digest;

/// Is told what is done.
pub(super) type Came<'a> = &'a (dyn Fn(&str) + Sync);

/// Finds a field that is read and says something, and that nothing is done with yet.
fn find_undone(file: &ImageFile) -> Option<&'static str> {
    let has_providers = !file.changes.certificate_providers.is_empty();
    let is_undone = has_providers && !matches!(file.making, Making::Apk(_));
    is_undone.then_some("certificates.providers")
}

/// Makes the image of each architecture of its packages: those of a lock, else those of this moment.
async fn assemble_debian(
    each: &Each<'_>,
    (contents, pinned): (&DebianContents, Option<&Pinned>),
    supplies: Vec<Supply<'_>>,
    came: Came<'_>,
) -> Result<Vec<Rootfs>, AssembleError> {
    let chosen = match pinned {
        Some(_) => Vec::new(),
        None => choose_all(&supplies, contents, came).await?,
    };
    let mut chosen = chosen.iter();
    let mut made = Vec::new();
    for (place, mut supply) in std::iter::zip(each.places(), supplies) {
        supply.lock = match pinned {
            Some(pinned) => Some(pinned.locked(supply.architecture).map_err(Box::new)?),
            None => chosen.next().map(Chosen::locked),
        };
        let making = assemble::Making {
            packages: Some((contents, supply)),
            ..each.begin(place, came)
        };
        made.push(assemble::assemble(&making, came).await?);
    }
    Ok(made)
}

/// Makes the image of each architecture of files alone.
async fn assemble_plain(each: &Each<'_>, came: Came<'_>) -> Result<Vec<Rootfs>, AssembleError> {
    let mut made = Vec::new();
    for place in each.places() {
        made.push(assemble::assemble(&each.begin(place, came), came).await?);
    }
    Ok(made)
}

/// Chooses packages for several architectures, which have to agree; for one, whoever installs them does.
async fn choose_all(
    supplies: &[Supply<'_>],
    contents: &DebianContents,
    came: Came<'_>,
) -> Result<Vec<Chosen>, AssembleError> {
    if supplies.len() < 2 {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for supply in supplies {
        let chosen = choose_debian(supply, contents, came).await;
        all.push(chosen.map_err(|fault| {
            Box::new(DebianFault::Of {
                architecture: supply.architecture.to_owned(),
                fault: Box::new(fault),
            })
        })?);
    }
    let pins: Vec<_> = all.iter().map(Chosen::pins).collect();
    check_agreement(&contents.packages, &pins).map_err(Box::new)?;
    Ok(all)
}

impl Run<'_> {
    /// Makes a declared image, puts it on the shelf, and loads it into the engine where one answers.
    pub(super) async fn assemble(
        &self,
        image: ImageId,
        file: &ImageFile,
        known: &RefCell<Known>,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        if let Some(field) = find_undone(file) {
            return Err(MakeError::NotYet(field));
        }
        match &file.making {
            Making::Bootstrap(base) => self.bootstrap(image, (base, &file.runtime), report).await,
            Making::Debian(_) | Making::Scratch => self.assemble_files(image, file, report).await,
            Making::Apk(contents) => self.assemble_apk(image, (file, contents), report).await,
            Making::Base(base) => self.assemble_on(image, (file, base), known, report).await,
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
        let client = mirror::Client::new(&mirror_options(self.settings, self.environment))
            .map_err(MakeError::Client)?;
        let pinned = match &file.making {
            Making::Debian(contents) => self.find_pinned(image, contents)?,
            _ => None,
        };
        let archives = match (&file.making, &pinned) {
            (Making::Debian(contents), None) => {
                self.archives(&contents.archive, &described.directory)?
            }
            _ => Vec::new(),
        };
        let labels = self.labels_of_declared(image, date, &snapshot.inputs);
        let about = (file, described.directory.as_path());
        let each = Each::new(about, labels, date.to_utc(), scratch.path())?;
        let now = Clock::of_machine().now().to_utc();
        let supplies = each.places().map(|(architecture, place)| Supply {
            client: &client,
            store: &store,
            archives: &archives,
            lock: None,
            architecture: architecture.debian,
            now,
            scratch: place,
        });
        let supplies: Vec<Supply<'_>> = supplies.collect();
        let work = async |came: Came<'_>| match &file.making {
            Making::Debian(contents) => {
                let wanted = (contents, pinned.as_ref());
                assemble_debian(&each, wanted, supplies, came).await
            }
            _ => assemble_plain(&each, came).await,
        };
        let made = self.assemble_in_time(image, work, report).await?;
        // Files were read meanwhile: they are still what the label says.
        self.take(image, report.limit).await?;
        self.keep(image, made, report).await
    }

    /// Makes it within the time of the image, and tells what is done.
    pub(super) async fn assemble_in_time(
        &self,
        image: ImageId,
        work: impl AsyncFnOnce(Came<'_>) -> Result<Vec<Rootfs>, AssembleError>,
        report: &mut Report<'_>,
    ) -> Result<Vec<Rootfs>, MakeError> {
        let (lines, mut told) = tokio::sync::mpsc::unbounded_channel::<String>();
        let came = move |line: &str| {
            // Nobody listens any more once the build is given up.
            let _ = lines.send(line.to_owned());
        };
        let made = {
            let limit = tokio::time::sleep(report.limit.left());
            let work = work(&came);
            tokio::pin!(work, limit);
            loop {
                tokio::select! {
                    biased;
                    () = self.cancelled.cancelled() => return Err(MakeError::Interrupted),
                    Some(line) = told.recv() => self.tell_line(image, &line, report),
                    made = &mut work => break made,
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
        Ok(made?)
    }

    pub(super) fn tell_line(&self, image: ImageId, line: &str, report: &mut Report<'_>) {
        report.log.line(line);
        report.words.line(line);
        (report.tell)(Event::Step {
            image: self.loaded.catalog.image(image).label.clone(),
            name: line.to_owned(),
        });
    }

    /// Names the archives that packages come from, with the keys that sign them.
    fn archives(
        &self,
        archive: &DebianArchive,
        directory: &Path,
    ) -> Result<Vec<mirror::Archive>, MakeError> {
        let mirrors = |suite: &str| find_mirrors(self.settings, suite);
        let origins = list_origins(archive, directory, mirrors)?;
        let archives = origins.iter().map(Origin::archive);
        Ok(archives.collect::<Result<_, _>>()?)
    }

    pub(super) fn date_of(&self, image: ImageId) -> Result<DateTime<FixedOffset>, MakeError> {
        let described = self.loaded.catalog.image(image);
        let date = described.dated;
        date.ok_or_else(|| MakeError::NoDate(described.entry.path().to_owned()))
    }

    pub(super) fn scratch(&self) -> Result<TempDir, FileError> {
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
            mirrors: find_mirrors(self.settings, &file.suite)?,
            created: date.to_utc(),
            labels: self.labels_of_declared(image, date, &snapshot.inputs),
            environment: self.program_environment(),
            scratch: scratch.path(),
            deadline: report.limit.left(),
            mask: &self.mask,
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
        self.keep(image, vec![rootfs], report).await
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
