//! Building: runs a plan, image by image, as many at once as asked.

mod again;
mod aside;
mod based;
mod declared;
mod each;
mod event;
mod fault;
mod image;
mod inputs;
mod labels;
mod locked;
mod log;
mod login;
mod passing;
mod pull;
mod run;
mod secrets;
mod shelved;
mod slots;
mod supply;
mod tries;

pub use aside::Beginning;
pub use event::{Event, Fault, Outcome, Phase};
pub use inputs::{Below, Tries, build_timeout};
pub(crate) use log::Log;
pub use login::find_login;
pub use run::{Bases, Cache, Made, OnFailure, Run};
pub use secrets::{BuildSecrets, SecretDoubt, SecretError, SecretErrors, hide_all};
pub use shelved::{BringError, Brought, load_shelved};
