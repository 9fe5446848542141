//! `image.yaml`: an image declared by what it has, in the field names of apko, read strictly.
//!
//! ```yaml
//! bootstrap: mmdebstrap
//! suite: bookworm
//! variant: minbase
//! components: [main]
//! contents:
//!   packages: [ca-certificates]
//! environment: {LANG: C.UTF-8}
//! cmd: /bin/bash
//! ```

mod image_file;
mod schema;

pub use image_file::{Bootstrap, Command, ImageFile, ImageFileError, Variant, parse_image_file};
pub use schema::render_schema;
