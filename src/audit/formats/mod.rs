//! Audits for other programs.

mod json;
mod junit;
mod sarif;

pub use json::render_json;
pub use junit::render_junit;
pub use sarif::render_sarif;
