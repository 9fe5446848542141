//! What can be wrong with image directories, each with its place.

use std::path::PathBuf;
use std::time::Duration;

use crate::catalog::{GraphError, ImageName, NameError};
use crate::debian::{ChangelogError, ControlError};
use crate::declared::ImageFileError;
use crate::dockerfile::DockerfileError;
use crate::host::fs::FileError;
use crate::oci::{ReferenceError, Tag, TagError};
use crate::place::Place;
use crate::render::{FilterError, RenderError, RenderFault};
use crate::stamp::StampError;

/// Something that has to be mended before anything is done.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A directory of the command line is none.
    #[error("there is no such directory: {}", .0.display())]
    NoDirectory(PathBuf),
    /// A directory of the command line is a file.
    #[error("{} is no directory", .0.display())]
    NotADirectory(PathBuf),
    /// A file or directory cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A directory cannot be walked.
    #[error("cannot walk through {}", path.display())]
    Walk {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: Box<walkdir::Error>,
    },
    /// A link leads out of the directories of the command line.
    #[error("the link {} leads to {}, outside of the given directories", link.display(), target.display())]
    LinkOut {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A changelog is none.
    #[error("the changelog cannot be read: {source}")]
    Changelog {
        /// Where.
        place: Place,
        /// Why.
        source: Box<ChangelogError>,
    },
    /// A control file is none.
    #[error("the control file cannot be read: {source}")]
    Control {
        /// Where.
        place: Place,
        /// Why.
        source: Box<ControlError>,
    },
    /// An `image.yaml` is none.
    #[error("the image file cannot be read: {source}")]
    ImageFile {
        /// Where.
        place: Place,
        /// Why.
        source: Box<ImageFileError>,
    },
    /// A stamp in an `image.yaml` that has no value.
    #[error("{source}")]
    Stamp {
        /// Where.
        place: Place,
        /// Why.
        source: Box<StampError>,
    },
    /// The name of a changelog cannot name an image.
    #[error("{source}")]
    Name {
        /// The header of the top entry.
        place: Place,
        /// Why.
        source: Box<NameError>,
    },
    /// The version of a changelog cannot be a tag.
    #[error("version {source}")]
    Tag {
        /// The header of the top entry.
        place: Place,
        /// Why.
        source: Box<TagError>,
    },
    /// The version of a changelog is a tag that moves.
    #[error("version `{tag}` is a tag that moves, and a published version does not")]
    ReservedTag {
        /// The header of the top entry.
        place: Place,
        /// The tag.
        tag: Tag,
    },
    /// Registry, namespace, name and version make no label.
    #[error("{source}")]
    Label {
        /// The header of the top entry.
        place: Place,
        /// Why.
        source: Box<ReferenceError>,
    },
    /// Changelogs below a directory are being changed, or were when a run was killed: some are new and some old.
    #[error("changelogs below {} are being changed, or a run was killed while it changed them", .0.display())]
    Unfinished(PathBuf),
    /// A directory has two recipes.
    #[error("{} has two recipes", directory.display())]
    TwoRecipes {
        /// The directory.
        directory: PathBuf,
        /// The recipes.
        places: Vec<Place>,
    },
    /// Several directories have one name.
    #[error("{} directories are named `{name}`", places.len())]
    Duplicate {
        /// The name.
        name: ImageName,
        /// The top entries that give it.
        places: Vec<Place>,
    },
    /// A template cannot be rendered.
    #[error(transparent)]
    Render(#[from] Box<RenderError>),
    /// Templates take more memory or time than any should; of memory, one of several is at fault.
    #[error("{}: {excess}", if places.len() == 1 { "rendering this template was given up" } else { "rendering these templates was given up" })]
    Runaway {
        /// What they take too much of.
        excess: Excess,
        /// The templates.
        places: Vec<Place>,
    },
    /// The machine gives no thread to render in.
    #[error("cannot start a thread that renders templates: {0}")]
    Thread(std::io::Error),
    /// A rendered template is no Dockerfile.
    #[error("the rendered template is no Dockerfile: {source}")]
    Dockerfile {
        /// The template.
        place: Place,
        /// The line of the rendered text at fault, unless it is the whole that is.
        line: Option<String>,
        /// Why.
        source: Box<DockerfileError>,
    },
    /// The last user of an image is no number, and the settings ask for one.
    #[error("the last USER of `{name}` is `{user}`, and `force_numeric_user` asks for a number")]
    UserName {
        /// The template.
        place: Place,
        /// The image.
        name: ImageName,
        /// What the line says.
        user: String,
    },
    /// Nobody but the engine can tell the last user of an image, and the settings ask for a number.
    #[error(
        "the last USER of `{name}` is `{user}`, to which the Dockerfile gives no value, and `force_numeric_user` asks for a number"
    )]
    UserUnknown {
        /// The template.
        place: Place,
        /// The image.
        name: ImageName,
        /// What the line says.
        user: String,
    },
    /// The images have no build order.
    #[error(transparent)]
    Graph(Box<GraphError>),
}

/// What a template takes too much of, with the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// It runs for longer than this.
    #[error("it takes more than {} s", .0.as_secs())]
    Time(Duration),
    /// So many more bytes are held than before.
    #[error("it fills more than {} MiB of memory", .0 >> 20)]
    Memory(u64),
}

impl Problem {
    /// Tells whether the problem is that nothing has some name: it may have been meant for an image that cannot be read.
    #[must_use]
    pub fn is_missing_name(&self) -> bool {
        match self {
            Self::Render(error) => matches!(
                error.fault,
                RenderFault::Filter(FilterError::UnknownImage { .. })
            ),
            Self::Graph(error) => matches!(**error, GraphError::Missing { .. }),
            _ => false,
        }
    }
}

/// All that has to be mended, never nothing, and the warnings that came with it.
#[derive(Debug)]
pub struct Problems {
    /// What has to be mended.
    pub problems: Vec<Problem>,
    /// What the user should know as well: it may be the reason.
    pub warnings: Vec<Warning>,
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// Something that the user should know, and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A directory has a changelog and no recipe.
    NoRecipe {
        /// The changelog.
        place: Place,
    },
    /// A directory has a recipe and no changelog.
    NoChangelog {
        /// The recipe.
        place: Place,
    },
    /// A part of a dependency has no effect.
    Stripped {
        /// Where it stands.
        place: Place,
        /// The name that counts.
        name: String,
        /// What does not.
        stripped: String,
    },
    /// `Package` of the control file is not the name that the changelog gives.
    OtherName {
        /// The name, as the changelog has it.
        name: ImageName,
        /// What `Package` says.
        package: String,
        /// The field, and the top entry.
        places: [Place; 2],
    },
    /// Rendering has a word to say.
    Render {
        /// The template.
        place: Place,
        /// The words.
        text: String,
    },
}
