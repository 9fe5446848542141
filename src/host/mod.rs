//! The machine: environment, clock, files, programs. Nothing else in the crate asks it anything directly.

mod apt;
mod author;
mod cause;
mod chance;
mod changes;
mod clock;
mod conversation;
mod environment;
pub mod fs;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod git;
mod holders;
mod input;
mod leftovers;
mod lines;
mod lock;
mod machine;
mod memory;
mod newest;
mod parallel;
mod process;
mod record;
mod scratch;
mod status;
mod volumes;
mod watch;

pub use apt::find_machine_mirrors;
pub use author::find_author;
pub use cause::cause;
pub use chance::unique_hex;
pub use changes::{
    Change, ChangeError, Changes, Edited, WORKSHOP, has_unfinished_changes, is_being_changed,
};
pub use clock::{Clock, ClockError};
pub use environment::Environment;
pub use git::{
    Added, Git, GitError, find_added_lines, find_cut_commits, find_uncommitted, find_work_tree,
    walk_commits,
};
pub use holders::{ForeignProcess, find_lock_holders, find_process, is_lock_inherited};
pub use input::{InputError, read_input};
pub use leftovers::{RUN_VARIABLE, kill_marked};
pub use lock::{HeldDirectory, TreeLocks, lock_directory, lock_trees};
pub use machine::{
    alpine_architecture, architecture, debian_architecture, host_name, machine_architecture,
    platform,
};
pub use memory::find_memory_bytes;
pub use parallel::in_parallel;
pub use process::{Output, ProcessError, Program, Stream};
pub use record::Record;
pub use scratch::{Scratch, ScratchError, Store};
pub use status::{StatusCommandError, ask_status};
pub use volumes::{Volumes, Window};
pub use watch::{Watch, Watched};
