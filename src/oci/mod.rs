//! Names and content addresses of images, as the OCI distribution specification and Docker write them, and the
//! files that an image made here consists of.
//!
//! ```text
//! registry.example.org:5000/base/nginx:1.22.1-9@sha256:3f5c…
//! └────── registry ───────┘ └repository┘ └ tag ┘ └ digest ─┘
//! ```

mod archive;
mod compression;
mod config;
mod digest;
mod gzip;
mod hasher;
mod layer;
mod manifest;
mod reference;
mod tag;

pub use archive::{ArchivedLayer, write_docker_archive};
pub use compression::Compression;
pub use config::{LayerHistory, RunConfig, extend_config, render_config};
pub use digest::{Digest, DigestError};
pub use hasher::Hasher;
pub use layer::{WrittenLayer, write_layer};
pub use manifest::{
    ContainerConfig, Descriptor, ImageConfig, ImageIndex, ImageManifest, Platform, RootfsConfig,
    annotation, media,
};
pub use reference::{Reference, ReferenceError};
pub use tag::{Tag, TagError};
