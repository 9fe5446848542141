//! `structure-test.yaml`: what an image has to hold and to do, in the schema 2.0.0 of container-structure-test, read strictly
//! and judged without an engine as far as that goes.
//!
//! ```yaml
//! schemaVersion: 2.0.0
//! fileExistenceTests:
//!   - name: the certificates are there
//!     path: /etc/ssl/certs/ca-certificates.crt
//!     permissions: -rw-r--r--
//! commandTests:
//!   - name: it tells its version
//!     command: app
//!     args: [--version]
//!     expectedOutput: ['^app 1\.\d+']
//! ```
//!
//! Schema 1.0.0 differs in three things: a command is a list of words, it has no `args`, and metadata call the environment
//! `env`. An image is a tree, a configuration, and a way to the bytes of its files; nothing of it is written to a disk, so
//! owners and links are as the image has them.

mod error;
mod expand;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod licenses;
mod metadata;
mod mode;
mod output;
mod pattern;
mod re2;
mod read;
mod render;
mod report;
mod suite;
mod view;
mod written;

pub use error::{StructureError, StructureErrors, StructureFault};
pub use expand::{expand, expand_variables};
pub use output::Ran;
pub use pattern::Pattern;
pub use read::parse_suite;
pub use render::{render_json, render_junit, render_text};
pub use report::{Counts, Outcome, Report, TestResult};
pub use suite::{
    Check, CommandTest, ContentTest, Execution, ExistenceTest, LicenseTest, MetadataTest, Pair,
    RunOptions, Suite, Variable,
};
pub use view::{Files, ImageView};

#[cfg(test)]
mod samples;
