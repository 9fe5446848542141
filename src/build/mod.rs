//! Building: runs a plan, image by image, as many at once as asked.

mod event;

pub use event::{Event, Outcome, Phase};
