//! An image as files that other programs take: an OCI layout, a docker archive, a runtime bundle, a root file system; and what
//! it is made of.
//!
//! All of them are written whole or not at all, and the same image gives the same bytes.

mod bundle;
mod disk;
mod document;
mod error;
mod layout;
mod output;
mod overlay;
mod runtime;
mod user;
mod workplace;
mod write;

pub use document::{check_document, find_shelved, write_document};
pub use error::ExportError;
pub use output::{Output, Stream};
pub use write::{Export, Format, check, export};
