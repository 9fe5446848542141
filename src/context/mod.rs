//! The build context: what the engine gets of an image directory, as a tar stream.
//!
//! The whole directory goes in, with templates and nested images, as docker-pkg sends it; the rendered Dockerfile is the file
//! `Dockerfile` in it:
//!
//! ```text
//! Dockerfile              rendered, mode 0644
//! Dockerfile.template
//! changelog
//! fpm/Dockerfile.template
//! fpm/test.sh             a link to ../../common/test.sh: its bytes
//! ```
//!
//! Only `.dockerignore` keeps something out. Links are followed as far as the tree of images goes: real trees share files
//! that way. A link that leaves the tree would send what nobody meant to publish, so it is an error. The order of names, the
//! owners (0:0) and whole seconds make the bytes the same for the same directory. Nothing is held in memory but the
//! names of the directories on the way to a file, and a buffer.
//!
//! A context is read once to tell what an image is made from and once more to be sent. What is sent is hashed on its way, and
//! ends without an end where it is not what was told.

mod archive;
mod content;
mod error;
mod laid;
mod listing;
mod receive;
mod send;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
#[cfg(test)]
mod while_sent;

pub use archive::ContextSize;
pub use error::ContextError;
pub use laid::list_laid;
pub use listing::{ContextFile, Listed, list_context};
pub use send::{Expected, write_context, write_expected_context};
