//! What an image is made of, as an SPDX document (SPDX 2.3, JSON): the image, its layers, its distribution, every package,
//! and the source that each is made from. The same image gives the same bytes.
//!
//! ```text
//! {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": […], "relationships": […], …}
//! ```

mod document;
mod field;
mod id;
mod license;
mod purl;
mod render;
#[cfg(test)]
mod tests;

pub use document::{
    Distribution, Document, Image, IndexDocument, Package, Packaging, Software, Source,
};
