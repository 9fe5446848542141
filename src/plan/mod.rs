//! The plan: for each image whether it is built, tested, published or passed over, and why. A pure value; a dry run is
//! its printing.

mod inputs;
mod make;
#[cfg(test)]
mod properties;
mod reason;
#[cfg(test)]
mod samples;
mod schedule;
#[cfg(test)]
mod table;
#[cfg(test)]
mod without_engine;

pub use inputs::{Drift, InputChange, Inputs, InputsError, describe_changes, describe_input};
pub use make::{
    Availability, Extent, Facts, Goal, LocalImage, Means, MovedBase, Overwrite, Plan, Step, plan,
};
pub use reason::{Action, Reason, Skip};
pub use schedule::{Ended, Schedule};
