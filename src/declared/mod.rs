//! `image.yaml`: an image declared by what it has, in the field names of apko, read strictly.
//!
//! ```yaml
//! suite: bookworm                       # packages of Debian, unpacked without their scripts
//! contents:
//!   packages: [ca-certificates, tzdata]
//! accounts:
//!   users: [{username: app, uid: 10000}]
//!   run-as: app
//! paths:
//!   - {path: /srv, type: directory, permissions: 0o755, uid: 10000}
//! layers:
//!   - {source: motd, target: /etc/motd}
//! environment: {LANG: C.UTF-8}
//! cmd: /usr/bin/app --serve
//! ```
//!
//! With `bootstrap: mmdebstrap` it is a full Debian instead; `contents.repositories` names other sources, of Debian's or of
//! Alpine's packages; `base` names an image to lay files and settings over.

mod accounts;
mod architecture;
mod base;
mod bootstrap;
mod image_file;
mod meaning;
mod paths;
mod repositories;
mod schema;
mod stamping;
#[cfg(test)]
mod tests;
mod value;
mod written;

pub use accounts::{Accounts, Group, User};
pub use architecture::Architecture;
pub use bootstrap::{Bootstrap, BootstrapFile, Variant};
pub use image_file::{
    BaseImage, Changes, Command, ImageFile, ImageFileError, Layering, Making, Runtime,
};
pub use meaning::parse_image_file;
pub use paths::{LayerRule, PathKind, PathRule};
pub use repositories::{ApkContents, ApkRepository, DebianArchive, DebianContents, DebianSource};
pub use schema::render_schema;
