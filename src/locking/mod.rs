//! Locks beside their declarations: how they stand, and what would be locked now.
//!
//! ```text
//! image.lock.json ── find_standings ─→ Standing: missing, unreadable, stale, fresh ─┬──────────────→ Held, for a builder
//! image.yaml ─────── resolve ────────→ Lock ─────────────────────────────── Fitting ┴→ Change, [Move], [Difference]
//! ```
//!
//! Nothing is written here: a [`Fitting`] is what would be written, and why.

mod fault;
mod fetch;
mod fitting;
mod gathering;
mod held;
mod resolve;
mod standing;
mod supply;
mod told;

pub use fault::{Demand, LockFault, LockFaults, LockingFault, LockingFaults, RelockFault, Unmade};
pub use fetch::Files;
pub use fitting::Fitting;
pub use held::{Found, Held, HeldError};
pub use resolve::{Means, Resolved, resolve};
pub use standing::{Standing, State, find_standings};
pub use supply::{MirrorsFault, find_known_mirrors, find_mirrors, mirror_options};
pub use told::{Tell, Told};
