//! Publishing: the version first, `latest` last, and nothing is called published before the registry confirmed the digest.
//!
//! 1. An image comes to its repository under a tag that means nothing (`staging`), where the registry answered 404 for its
//!    version, or where the user wants to publish over what was seen when the plan was made. What is there already is left
//!    as it is; where it is the very image that is to be published, an earlier run was cut, and this one goes on with 3.
//! 2. What came is read by the digest that the push gave: its bytes have that digest, and the configuration
//!    that it names is the image that passed its tests.
//!    To an image of the shelf its SBOM is attached then.
//! 3. The registry is asked once more for the version, and then the very same manifest is put under it. Then the tag has to
//!    have the same digest.
//! 4. `latest` follows, only forward, in the same way ([`Standing`]).
//!
//! A later run finds what is published without `latest` ([`find_overdue`]) and does 4 alone. A candidate ([`Target`]) has
//! tags of its own, which may move, and neither takes the version nor moves `latest`. To a version that somebody else took
//! meanwhile ([`find_strangers`]) `latest` does not go.

mod attach;
mod candidate;
mod error;
mod latest;
mod patience;
mod push;
mod run;
mod staging;
mod stranger;
mod target;
mod upload;

pub use attach::Unattached;
pub use candidate::{TakenTag, check_candidates};
pub use latest::{Doubt, Followers, Lead, Overdue, Standing, Unfollowed, find_overdue};
pub use run::{Kept, Latest, Notes, Publication};
pub use stranger::{Strangers, find_strangers};
pub use target::{CandidateTag, CandidateTagError, Place, PlaceError, Target};
