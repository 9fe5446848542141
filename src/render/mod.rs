//! Rendering: a template of a Dockerfile and the settings make a Dockerfile, byte for byte the one of docker-pkg.
//!
//! ```text
//! FROM {{ "bookworm" | image_tag }}
//! {% set packages = "git curl" -%}
//! RUN {{ packages | apt_install }}
//! USER {{ "www-data" | uid }}
//! ```
//!
//! ```text
//! as the engine reads   template → source
//! what templates use    python → variables, stamps, jinja; known, apt → filters, those of docker-pkg
//! what goes wrong       error → whereabouts → hints → fault
//! all of it, set up     renderer
//! ```
//!
//! Rendering is pure, but for the files that a template includes, which the caller reads. The engine is set up once;
//! what a template asked for comes back with its text, so that dependencies need not be guessed. Steps, depth and size
//! are bounded.

mod apt;
mod bounded;
#[cfg(test)]
mod cases;
mod error;
mod fault;
mod filters;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod hints;
mod jinja;
mod known;
mod python;
mod renderer;
mod source;
mod stamps;
mod template;
mod variables;
mod whereabouts;

pub use error::{Excerpt, RenderError, RenderFault, RenderWarning};
pub use filters::FilterError;
pub use known::{ImageKind, KnownImage, KnownImages};
pub use renderer::{Counted, Rendered, Renderer, STACK_BYTES, UsedImage};
pub use source::Bulk;
pub use template::Template;
