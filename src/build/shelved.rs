//! Images of the shelf as a run needs them: put there when they are made, and brought to the engine where one answers, for
//! those who start them, build on them, or test them with a command.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::image::MakeError;
use super::run::{Report, Run};
use crate::assemble::Rootfs;
use crate::catalog::ImageId;
use crate::engine::{Engine, EngineError, INPUTS};
use crate::host::fs::FileError;
use crate::host::{Environment, Scratch, Watch, platform};
use crate::layout::{Shelf, ShelfError, Shelved, ShelvedImage};
use crate::oci::{Digest, Platform, Reference};
use crate::unpack::{UnpackError, Unpacked};
use crate::verify::{Subject, VerifyError};

/// What was brought to the engine, under the identities that it has there; who brings an image holds what is known of it,
/// and others wait for that one alone.
#[derive(Debug, Default)]
pub struct Brought(std::sync::Mutex<BTreeMap<Reference, Arc<Mutex<Option<Arrived>>>>>);

impl Brought {
    fn of(&self, label: &Reference) -> Arc<Mutex<Option<Arrived>>> {
        let known = self.0.lock();
        let mut known = known.unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(known.entry(label.clone()).or_default())
    }
}

#[derive(Clone, Debug)]
struct Arrived {
    id: Digest,
    /// On the containerd store another one: the engine makes a manifest of its own.
    in_engine: Digest,
}

/// Where an image is that is tested.
#[derive(Clone, Debug)]
pub(super) enum Held<'a> {
    /// In an engine alone, under this identity.
    There(&'a Engine, Digest),
    /// On the shelf, and where there is an engine, also there.
    Shelved(Box<Shelved>, Option<(&'a Engine, Digest)>),
}

/// Why an image of the shelf could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    /// The shelf.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// What was made cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The image is not what it was.
    #[error("the image in {} cannot be read: remove that directory, and it is made anew", at.display())]
    Unpack {
        /// The directory of its layout.
        at: PathBuf,
        /// Why.
        source: UnpackError,
    },
    /// The engine does not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It cannot be handed to the engine.
    #[error("the image cannot be handed to the engine")]
    Archive(#[from] io::Error),
    /// The engine does not have what it took.
    #[error("the engine does not have {0} any more")]
    Lost(Reference),
    /// It is for machines of other kinds.
    #[error(
        "{label} is for {there}, and this machine is {own}: name its architecture in `archs`, too"
    )]
    OtherMachines {
        /// The image.
        label: Box<Reference>,
        /// What it is for.
        there: String,
        /// What the machine is.
        own: String,
    },
    /// The engine has another image under its name.
    #[error("{0} was given to another image meanwhile")]
    Moved(Reference),
}

/// Puts what was made, for each kind of machine, on the shelf; dropped, it ends soon.
async fn put(
    shelf: Shelf,
    label: Reference,
    made: Vec<Rootfs>,
) -> Result<(Shelved, Vec<Rootfs>), BringError> {
    let watch = Watch::default();
    let _waiting = watch.end_when_dropped();
    let putting = tokio::task::spawn_blocking(move || {
        let layers = made.iter().map(Rootfs::layers);
        let layers: Vec<_> = layers.collect::<Result<_, _>>()?;
        let images = std::iter::zip(&made, &layers);
        let images = images.map(|(rootfs, layers)| (rootfs.parts(layers), rootfs.bill()));
        let shelved = shelf.put(&label, &images.collect::<Vec<_>>(), &watch)?;
        Ok((shelved, made))
    });
    let done = putting.await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Loads an image of the shelf into an engine, every byte checked, and gives the identity that it has there.
pub async fn load_shelved(
    engine: &Engine,
    label: &Reference,
    shelved: &Shelved,
    environment: &Environment,
) -> Result<Digest, BringError> {
    let of_machine = find_of_machine(label, shelved)?;
    let id = of_machine.id();
    if engine.identifies_by_config() && engine.find_id(label).await?.as_ref() == Some(id) {
        return Ok(id.clone());
    }
    let watch = Watch::default();
    let _waiting = watch.end_when_dropped();
    let scratch = Scratch::new(&environment.large_temporary(), &watch);
    let at = shelved.directory().to_owned();
    let platform = of_machine.platform().clone();
    let unpacking = tokio::task::spawn_blocking(move || {
        let unpacked = Unpacked::open(&at, &platform, &scratch);
        unpacked.map_err(|source| BringError::Unpack { at, source })
    });
    let image = unpacking.await;
    let image = image.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let of_thread = label.clone();
    let loading = engine.load(move |out| image.write_docker_archive(&of_thread, out));
    loading.await??;
    find_loaded(engine, label, id).await
}

/// Finds what an engine of this machine gets of an image.
fn find_of_machine<'a>(
    label: &Reference,
    shelved: &'a Shelved,
) -> Result<&'a ShelvedImage, BringError> {
    let found = shelved.of_machine();
    found.ok_or_else(|| BringError::OtherMachines {
        label: Box::new(label.clone()),
        there: name_platforms(shelved.platforms()),
        own: platform().to_string(),
    })
}

/// Names kinds of machines: `linux/amd64, linux/arm64`.
pub(super) fn name_platforms(platforms: &[Platform]) -> String {
    let names = platforms.iter().map(Platform::to_string);
    names.collect::<Vec<_>>().join(", ")
}

/// Finds out under which identity an image came to an engine.
async fn find_loaded(
    engine: &Engine,
    label: &Reference,
    id: &Digest,
) -> Result<Digest, BringError> {
    let found = engine.find_id(label).await?;
    let there = found.ok_or_else(|| BringError::Lost(label.clone()))?;
    if engine.identifies_by_config() && there != *id {
        return Err(BringError::Moved(label.clone()));
    }
    Ok(there)
}

/// Takes a name from what an engine has of an image that was made for its machine once; what this program did not make stays.
async fn forget(engine: &Engine, label: &Reference) -> Result<(), EngineError> {
    let images = engine.images().await?;
    let found = images.find(label);
    if found.is_some_and(|found| found.labels.contains_key(INPUTS)) {
        engine.remove_tag(&label.to_string()).await?;
    }
    Ok(())
}

impl<'a> Held<'a> {
    /// Says of an image of the shelf that is spoiled where it is: nothing but removing it helps.
    pub(super) fn explain(&self, error: VerifyError) -> MakeError {
        match (self, error) {
            (Self::Shelved(shelved, _), VerifyError::Unpack(source)) => {
                let at = shelved.directory().to_owned();
                BringError::Unpack { at, source }.into()
            }
            (_, error) => error.into(),
        }
    }

    /// Gives what its tests are run on.
    pub(super) fn subject(&self) -> Subject<'_> {
        match self {
            Self::There(engine, id) => Subject::Built(engine, id),
            Self::Shelved(shelved, _) => {
                Subject::Archive(shelved.directory(), shelved.platforms(), self.in_engine())
            }
        }
    }

    fn in_engine(&self) -> Option<(&'a Engine, &Digest)> {
        match self {
            Self::There(engine, id) => Some((engine, id)),
            Self::Shelved(_, there) => there.as_ref().map(|(engine, id)| (*engine, id)),
        }
    }
}

impl Run<'_> {
    /// Gives the engine, which what comes now cannot do without.
    pub(super) fn engine(&self) -> Result<&Engine, MakeError> {
        self.engine.ok_or(MakeError::NoEngine)
    }

    /// Finds an image of the shelf by what is known of it.
    pub(super) fn find_shelved(
        &self,
        label: &Reference,
        id: &Digest,
    ) -> Result<Option<Shelved>, BringError> {
        let found = self.shelf.find(label)?;
        Ok(found.filter(|shelved| shelved.id() == id))
    }

    /// Puts what was made on the shelf, and into the engine where one answers; gives its identity.
    pub(super) async fn keep(
        &self,
        image: ImageId,
        made: Vec<Rootfs>,
        report: &mut Report<'_>,
    ) -> Result<Digest, MakeError> {
        let label = &self.loaded.catalog.image(image).label;
        let putting = put(self.shelf.clone(), label.clone(), made);
        let (shelved, made) = self.in_time("assembly", putting, report).await??;
        let id = shelved.id().clone();
        let Some(engine) = self.engine else {
            return Ok(id);
        };
        let of_machine = shelved.of_machine();
        let wanted = of_machine.map(ShelvedImage::platform);
        let mut made = made.into_iter();
        let found = made.find(|rootfs| Some(rootfs.platform()) == wanted);
        let (Some(of_machine), Some(rootfs)) = (of_machine, found) else {
            let there = name_platforms(shelved.platforms());
            let line = format!(
                "it is for {there} and stays on the shelf: the engine is {}",
                platform()
            );
            self.tell_line(image, &line, report);
            let forgetting = forget(engine, label);
            if let Err(error) = self.in_time("load", forgetting, report).await? {
                let line = format!("the engine keeps what it had as {label}: {error}");
                self.tell_line(image, &line, report);
            }
            return Ok(id);
        };
        let of_thread = label.clone();
        let loading = engine.load(move |out| rootfs.write_archive(&of_thread, out));
        self.in_time("load", loading, report).await???;
        let in_engine = find_loaded(engine, label, of_machine.id()).await?;
        let arrived = Arrived {
            id: id.clone(),
            in_engine,
        };
        *self.brought.of(label).lock().await = Some(arrived);
        Ok(id)
    }

    /// Gives the identity under which the engine has an image; one of the shelf is loaded where the engine lacks it.
    pub(super) async fn bring(
        &self,
        label: &Reference,
        id: &Digest,
        report: &Report<'_>,
    ) -> Result<Digest, MakeError> {
        let engine = self.engine()?;
        let Some(shelved) = self.find_shelved(label, id)? else {
            return Ok(id.clone());
        };
        // Several images that are built on it wait for the one who brings it.
        let brought = self.brought.of(label);
        let mut brought = self.in_time("load", brought.lock(), report).await?;
        let there = engine.find_id(label).await?;
        let arrived = brought.as_ref().filter(|arrived| arrived.id == *id);
        let expected = match arrived {
            Some(arrived) => Some(&arrived.in_engine),
            None if engine.identifies_by_config() => Some(find_of_machine(label, &shelved)?.id()),
            None => None,
        };
        if let (Some(there), Some(expected)) = (&there, expected)
            && there == expected
        {
            return Ok(there.clone());
        }
        let loading = load_shelved(engine, label, &shelved, self.environment);
        let in_engine = self.in_time("load", loading, report).await??;
        let arrived = Arrived {
            id: id.clone(),
            in_engine: in_engine.clone(),
        };
        *brought = Some(arrived);
        Ok(in_engine)
    }

    /// Waits for work within the time of the image, until the user ends it; it is dropped then.
    pub(super) async fn in_time<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = T>,
        report: &Report<'_>,
    ) -> Result<T, MakeError> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(MakeError::Interrupted),
            in_time = tokio::time::timeout(report.limit.left(), work) => {
                let allowed = report.limit.allowed();
                in_time.map_err(|_| MakeError::Late { what, allowed })
            }
        }
    }

    /// Finds an image for its tests; what engines run of them is brought there.
    pub(super) async fn hold(
        &self,
        label: &Reference,
        id: &Digest,
        report: &Report<'_>,
    ) -> Result<Held<'_>, MakeError> {
        let shelved = self.find_shelved(label, id)?;
        let is_for_engine = shelved.as_ref().is_none_or(|it| it.of_machine().is_some());
        let there = match self.engine.filter(|_| is_for_engine) {
            Some(engine) => Some((engine, self.bring(label, id, report).await?)),
            None => None,
        };
        let held = match (shelved, there) {
            (Some(shelved), there) => Held::Shelved(Box::new(shelved), there),
            (None, Some((engine, id))) => Held::There(engine, id),
            (None, None) => return Err(MakeError::NoEngine),
        };
        self.is_still(label, &held).await?;
        Ok(held)
    }

    /// The tests are given the label of an image: when that points elsewhere, they test another one.
    pub(super) async fn is_still(
        &self,
        label: &Reference,
        held: &Held<'_>,
    ) -> Result<(), MakeError> {
        let moved = || MakeError::Moved(label.clone());
        if let Held::Shelved(before, _) = held {
            let now = self.find_shelved(label, before.id())?;
            if now.is_none_or(|now| now.digest() != before.digest()) {
                return Err(moved());
            }
        }
        match held.in_engine() {
            Some((engine, id)) if engine.find_id(label).await?.as_ref() != Some(id) => Err(moved()),
            _ => Ok(()),
        }
    }
}
