//! Names and content addresses of images, as the OCI distribution specification and Docker write them.
//!
//! ```text
//! registry.example.org:5000/base/nginx:1.22.1-9@sha256:3f5c…
//! └────── registry ───────┘ └repository┘ └ tag ┘ └ digest ─┘
//! ```

mod digest;
mod reference;
mod tag;

pub use digest::{Digest, DigestError};
pub use reference::{Reference, ReferenceError};
pub use tag::{Tag, TagError};
