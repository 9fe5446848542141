//! Names and content addresses of images, as the OCI distribution specification and Docker write them, and the
//! files that an image made here consists of.
//!
//! ```text
//! registry.example.org:5000/base/nginx:1.22.1-9@sha256:3f5c…
//! └────── registry ───────┘ └repository┘ └ tag ┘ └ digest ─┘
//! ```

mod archive;
mod config;
mod digest;
mod reference;
mod tag;

pub use archive::write_docker_archive;
pub use config::{LayerHistory, RunConfig, render_config};
pub use digest::{Digest, DigestError};
pub use reference::{Reference, ReferenceError};
pub use tag::{Tag, TagError};
