//! Publishing: the version first, `latest` last, and nothing is called published before the registry confirmed the digest.
//!
//! 1. A version is pushed only where the registry answered 404 for it, or over what the user wants replaced and what was
//!    seen when the plan was made. One that is there already is left as it is; where
//!    it is the very image that is to be published, an earlier run was cut, and this one goes on with 2.
//! 2. The registry's manifest is read by the digest that the push gave: its bytes have that digest, and the configuration
//!    that it names is the image that passed its tests. Then the tag has to have the same digest.
//! 3. `latest` follows, only forward, by putting the very same manifest under it ([`Standing`]); the tag is asked for after.
//!
//! A later run finds what is published without `latest` ([`find_overdue`]) and does 3 alone. A candidate ([`Target`]) has
//! tags of its own, which may move, and neither takes the version nor moves `latest`.

mod error;
mod latest;
mod push;
mod run;
mod target;

pub use latest::{Overdue, Standing, find_overdue};
pub use run::{Kept, Latest, Publication};
pub use target::{CandidateTag, CandidateTagError, Place, PlaceError, Target};
