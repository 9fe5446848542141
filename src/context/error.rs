//! Why a directory cannot be sent.

use std::io;
use std::path::PathBuf;

use crate::dockerfile::IgnoreError;
use crate::host::fs::FileError;

/// Why a directory cannot be sent as a build context.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// A file or directory cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The `.dockerignore` holds no patterns.
    #[error("{}:{}: {source}", path.display(), source.line())]
    Ignore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and on which line.
        source: IgnoreError,
    },
    /// A link leads to a place outside of the tree of images.
    #[error("{} is a link to `{}`, outside of {}", path.display(), target.display(), tree_root.display())]
    LinkOutside {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
        /// The root that it leaves.
        tree_root: PathBuf,
    },
    /// A link leads to nothing.
    #[error("{} is a link to `{}`, which is not there", path.display(), target.display())]
    LinkDangling {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A link leads to itself or to a directory that holds it.
    #[error("{} is a link to `{}`, which leads back to the link", path.display(), target.display())]
    LinkLoop {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A build cannot have a file of this kind.
    #[error("{} is {kind}, which cannot be sent to a build", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is: "a socket".
        kind: &'static str,
    },
    /// The rendered file cannot take the place of a directory.
    #[error("{} is a directory, and the rendered Dockerfile has to stand there", .0.display())]
    DockerfileTaken(PathBuf),
    /// A file became longer or shorter while it was read.
    #[error("{} changed while it was read", .0.display())]
    Changed(PathBuf),
    /// What is sent is not what was listed before.
    #[error("{} changed since the run began: run again", .0.display())]
    Unexpected(PathBuf),
    /// Links to directories with links multiply, or something filled the directory.
    #[error("{} holds more than {most} files and directories", path.display())]
    TooMany {
        /// The image directory.
        path: PathBuf,
        /// How many there may be.
        most: u64,
    },
    /// The receiver takes no more.
    #[error("the build context cannot be handed on")]
    Write(#[source] io::Error),
}
