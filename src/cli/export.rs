//! `pkg export`.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::built::{Built, find_built};
use super::session::{Flavour, Session, find_image};
use crate::catalog::{Image, Recipe};
use crate::declared::Architecture;
use crate::engine::Engine;
use crate::error::UsageError;
use crate::export::{
    Export, ExportError, Format, Output, Stream, check, check_document, export, find_shelved,
    write_document,
};
use crate::host::{Scratch, Watch, Window, platform};
use crate::layout::Shelved;
use crate::oci::{Compression, Digest, Platform, Reference};
use crate::rootfs::RootPath;
use crate::unpack::Unpacked;

/// Write an image that is built as files for other programs
///
/// It is written whole or not at all, every layer is checked against its digest, and the same image gives the same bytes.
/// The end of a file's name says how it is compressed: `.tar`, `.tar.gz`, `.tar.xz`, `.tar.zst`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the image
    name: String,
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: FormatName,
    /// The file or directory to write; `-` is standard output
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// Compress the layers of an OCI layout so; gzip where nothing is said
    #[arg(long, value_enum, value_name = "HOW")]
    layers: Option<Layers>,
    /// Write the image for this kind of machine, `linux/arm64`, of one for several; where nothing is said, an OCI layout and an
    /// SPDX document are of all of them, and other formats for this machine
    #[arg(long, value_name = "PLATFORM", value_parser = parse_platform)]
    platform: Option<Platform>,
    /// Put the entries of this tar over the root file system; repeat it for more
    #[arg(long, value_name = "TAR")]
    overlay: Vec<PathBuf>,
    /// Put the root file system below this directory of the tar
    #[arg(long, value_name = "DIRECTORY")]
    prefix: Option<String>,
}

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// An OCI layout: a directory, or a tar where the name ends so
    Oci,
    /// An archive that `docker load` reads
    Docker,
    /// A bundle that `runc run` runs: a directory (written by root), or a tar
    Bundle,
    /// A tar of the root file system
    Rootfs,
    /// What a declared image is made of, as an SPDX document (JSON)
    Spdx,
}

impl FormatName {
    /// Gives what is written of the image itself.
    fn format(self) -> Option<Format> {
        match self {
            Self::Oci => Some(Format::Oci),
            Self::Docker => Some(Format::Docker),
            Self::Bundle => Some(Format::Bundle),
            Self::Rootfs => Some(Format::Rootfs),
            Self::Spdx => None,
        }
    }
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Layers {
    /// As every program reads them
    #[default]
    Gzip,
    /// Smaller and faster, for programs since 2021
    Zstd,
    /// Not at all
    None,
}

impl Layers {
    fn compression(self) -> Compression {
        match self {
            Self::Gzip => Compression::Gzip,
            Self::Zstd => Compression::Zstd,
            Self::None => Compression::None,
        }
    }
}

/// Reads `linux/arm64`, or the architecture alone, by any of its names.
fn parse_platform(text: &str) -> Result<Platform, String> {
    let name = text.strip_prefix("linux/").unwrap_or(text);
    let found = Architecture::find(name);
    found.map(|found| found.platform()).ok_or_else(|| {
        let known = Architecture::names().collect::<Vec<_>>();
        format!("it is `linux/` and one of {}", known.join(", "))
    })
}

/// How long a thread may take to see that its work was ended, while it hangs at who reads what it writes.
const LONGEST_END: Duration = Duration::from_secs(2);

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let prefix = check_options(session, args)?;
    let output = output(session, &args.output);
    let format = args.format.format();
    match format {
        Some(format) => check(format, &output, &args.overlay)?,
        None => check_document(&output)?,
    }
    let settings = session.settings(Flavour::Release)?;
    let loaded = session.load(&args.directories, &settings)?;
    let image = loaded.catalog.image(find_image(&loaded, &args.name)?);
    if format.is_none() && matches!(image.recipe, Recipe::Template { .. }) {
        return Err(ExportError::NoDocument(image.label.clone()).into());
    }
    Session::block_on(async {
        let Some(built) = find_built(session, &settings, image, &args.directories).await? else {
            return Ok(Ending::Failed);
        };
        let Some(format) = format else {
            export_document((image, &built), args.platform.as_ref(), &output)?;
            tell_written(session, image, args);
            return Ok(Ending::Done);
        };
        let cancelled = CancellationToken::new();
        let signals = session.watch_signals(&cancelled)?;
        let wanted = Wanted {
            reference: image.label.clone(),
            format,
            layers: args.layers.unwrap_or_default().compression(),
            platform: args.platform.clone(),
            overlays: args.overlay.clone(),
            prefix,
            scratch: Scratch::new(&scratch_directory(session, &output), &Watch::default()),
            output,
        };
        let work = wanted.write(&built, &cancelled);
        let written = match signals.unless_again(work).await {
            Ok(written) => written,
            Err(signal) => return Ok(Ending::Interrupted(signal)),
        };
        if let Some(signal) = signals.received() {
            return Ok(Ending::Interrupted(signal));
        }
        written.with_context(|| format!("{} cannot be exported", image.label))?;
        tell_written(session, image, args);
        Ok(Ending::Done)
    })
}

fn tell_written(session: &Session, image: &Image, args: &Args) {
    if !is_stdout(&args.output) {
        let (label, whereto) = (&image.label, args.output.display());
        let what = match args.format {
            FormatName::Spdx => format!("what {label} is made of"),
            _ => label.to_string(),
        };
        session.ui.say(&format!("{what} is written to {whereto}"));
    }
}

/// Writes what is kept beside an image of the shelf; of what an engine has under its name nothing is known.
fn export_document(
    (image, built): (&Image, &Built),
    platform: Option<&Platform>,
    output: &Output,
) -> Result<(), ExportError> {
    match built {
        Built::Shelved(shelved) => write_document(shelved, platform, (output, &Watch::default())),
        Built::There(..) => Err(ExportError::NoDocument(image.label.clone())),
    }
}

/// Chooses where there is room for what is as large as the image: where the user says, where the image goes, or where
/// systems keep large temporary files (file-hierarchy(7)); `/tmp` is memory on many.
fn scratch_directory(session: &Session, output: &Output) -> PathBuf {
    let told = session.environment.find("TMPDIR").map(PathBuf::from);
    let beside = told.or_else(|| output.directory());
    beside.unwrap_or_else(|| PathBuf::from("/var/tmp"))
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

fn output(session: &Session, path: &Path) -> Output {
    if is_stdout(path) {
        Output::Stdout(Stream::new(session.ui.data_writer()))
    } else {
        Output::Path(path.to_owned())
    }
}

fn refuse<T>(message: String, hint: &str) -> Result<T, UsageError> {
    let hints = vec![hint.to_owned()];
    Err(UsageError { message, hints })
}

/// Refuses names whose end says what is not done.
fn check_name(args: &Args) -> Result<(), UsageError> {
    let name = args.output.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let is_unknown = Compression::is_unknown(name);
    let is_directory = matches!(args.format, FormatName::Oci | FormatName::Bundle);
    let is_compressed = Compression::of_name(name) != Compression::None;
    if is_unknown || (is_directory && is_compressed && Compression::of_tar_name(name).is_none()) {
        return refuse(
            format!("nothing is written as the end of `{name}` says"),
            "the ends that are known are `.tar`, `.tar.gz` (`.tgz`), `.tar.xz` (`.txz`) and `.tar.zst` (`.tzst`)",
        );
    }
    Ok(())
}

/// Refuses options that the format has no use for, and gives the place in the tar.
fn check_options(session: &Session, args: &Args) -> Result<RootPath, UsageError> {
    check_name(args)?;
    let is_text = args.format == FormatName::Spdx;
    if is_stdout(&args.output) && session.ui.prints_to_terminal() && !is_text {
        let message = "stdout is a terminal, and a tar is nothing to read".to_owned();
        return refuse(
            message,
            "hand it to a program (`| docker load`), or name a file",
        );
    }
    let has_rootfs = matches!(args.format, FormatName::Bundle | FormatName::Rootfs);
    if !args.overlay.is_empty() && !has_rootfs {
        let hint =
            "an overlay lies over a root file system: use `--format rootfs` or `--format bundle`";
        return refuse(
            "this format keeps the image's layers as they are".to_owned(),
            hint,
        );
    }
    if args.layers.is_some() && args.format != FormatName::Oci {
        let message = "`--layers` says how the layers of an OCI layout are compressed".to_owned();
        return refuse(
            message,
            "use it with `--format oci`; a tar is compressed as the end of its name says",
        );
    }
    if args.prefix.is_some() && args.format != FormatName::Rootfs {
        let message = "`--prefix` says where in its tar a root file system lies".to_owned();
        return refuse(message, "use it with `--format rootfs`");
    }
    let prefix = args.prefix.as_deref().unwrap_or_default();
    RootPath::parse(prefix.as_bytes()).map_err(|error| UsageError {
        message: format!("`{prefix}` is no directory of a tar: {error}"),
        hints: Vec::new(),
    })
}

/// What is asked for, for the thread that does it.
struct Wanted {
    reference: Reference,
    format: Format,
    layers: Compression,
    platform: Option<Platform>,
    overlays: Vec<PathBuf>,
    prefix: RootPath,
    scratch: Scratch,
    output: Output,
}

impl Wanted {
    /// Takes the image out of the engine or off the shelf, and writes it in its format.
    async fn write(self, built: &Built, cancelled: &CancellationToken) -> anyhow::Result<()> {
        let source = match built {
            Built::Shelved(shelved) => Source::Layout(shelved.clone(), self.choose(shelved)?),
            Built::There(engine, id) => Source::Saved(self.save((engine, id), cancelled).await?),
        };
        self.write_from(source, cancelled).await
    }

    /// Chooses the images of the shelf that are written.
    fn choose(&self, shelved: &Shelved) -> Result<Vec<Platform>, ExportError> {
        let all = shelved.images().iter();
        match (&self.platform, self.format) {
            (Some(wanted), _) => Ok(vec![find_shelved(shelved, wanted)?.platform().clone()]),
            (None, Format::Oci) => Ok(all.map(|image| image.platform().clone()).collect()),
            (None, _) => match shelved.of_machine() {
                Some(image) => Ok(vec![image.platform().clone()]),
                None => Ok(vec![find_shelved(shelved, &platform())?.platform().clone()]),
            },
        }
    }

    async fn save(
        &self,
        (engine, id): (&Engine, &Digest),
        cancelled: &CancellationToken,
    ) -> anyhow::Result<Saved> {
        // It has no name, and goes with this process whatever ends that.
        let file = self.scratch.open().map_err(ExportError::from)?;
        let failed = |source| ExportError::from(self.scratch.failed(source));
        let mut out = BufWriter::new(file);
        tokio::select! {
            biased;
            () = cancelled.cancelled() => return Err(ExportError::Interrupted.into()),
            done = engine.save(id, &mut out) => done?.map_err(failed)?,
        }
        let file = out.into_inner();
        let file = file.map_err(|error| failed(error.into_error()))?;
        Ok(Saved {
            archive: Window::of_file(file).map_err(failed)?,
            platform: find_platform(engine, id).await?,
            expected: engine.identifies_by_config().then(|| id.clone()),
        })
    }

    async fn write_from(self, source: Source, cancelled: &CancellationToken) -> anyhow::Result<()> {
        let watch = self.scratch.watch().clone();
        let is_stream = self.output.directory().is_none();
        let mut work = tokio::task::spawn_blocking(move || self.convert(source));
        tokio::select! {
            biased;
            () = cancelled.cancelled() => watch.end(),
            done = &mut work => return Ok(done??),
        }
        if !is_stream {
            // It removes what it has begun; who does not want to wait says so once more.
            return Ok(work.await??);
        }
        // What hangs at a reader that takes nothing ends with the process.
        match tokio::time::timeout(LONGEST_END, work).await {
            Ok(done) => Ok(done??),
            Err(_) => Err(ExportError::Interrupted.into()),
        }
    }

    fn convert(self, source: Source) -> Result<(), ExportError> {
        let mut annotations = BTreeMap::new();
        let unpacked = match source {
            Source::Layout(shelved, platforms) => {
                annotations.clone_from(shelved.annotations());
                let images = platforms
                    .iter()
                    .map(|platform| Unpacked::open(shelved.directory(), platform, &self.scratch));
                images.collect::<Result<Vec<_>, _>>()
            }
            Source::Saved(saved) => {
                let image = Unpacked::of_tar(saved.archive, &saved.platform, &self.scratch);
                let checked = image.and_then(|image| {
                    image.check_identity(saved.expected)?;
                    Ok(image)
                });
                checked.map(|image| vec![image])
            }
        };
        if self.scratch.watch().is_ended() {
            return Err(ExportError::Interrupted);
        }
        let mut images = unpacked?;
        if let (Some(wanted), [image]) = (&self.platform, images.as_slice())
            && !wanted.is_met_by(&image.platform())
        {
            return Err(ExportError::Platform {
                there: image.platform().to_string(),
                wanted: wanted.clone(),
            });
        }
        let wanted = Export {
            reference: &self.reference,
            format: self.format,
            layers: self.layers,
            annotations,
            overlays: self.overlays,
            prefix: self.prefix,
            output: self.output,
        };
        export(&mut images, &wanted, &self.scratch)
    }
}

/// Where an image is taken from.
enum Source {
    /// A layout of the shelf, and which of its images.
    Layout(Box<Shelved>, Vec<Platform>),
    /// What an engine gave.
    Saved(Saved),
}

/// What the engine gave, and said of it.
struct Saved {
    archive: Window,
    platform: Platform,
    /// The digest of its configuration, where that is its identity.
    expected: Option<Digest>,
}

/// Asks for which machine an image is; an engine that does not say has it for its own, which is this one's mostly.
async fn find_platform(engine: &Engine, id: &Digest) -> anyhow::Result<Platform> {
    let told = engine.find_platform(id).await?;
    Ok(told.unwrap_or_else(platform))
}
