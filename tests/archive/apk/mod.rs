//! Images of APK packages: repositories that are made and signed here, served and as directories, and all that somebody on the
//! way, or in the store, could do to them.

mod building;
mod declaring;
mod following;
mod ground;
mod layering;
mod locking;
mod machines;
#[allow(
    clippy::needless_raw_string_hashes,
    reason = "snapbox writes snapshots with them"
)]
mod program;
mod repository;
#[path = "../../../src/apk/samples.rs"]
#[allow(
    dead_code,
    reason = "the library's own tests have this file, too, and use all of it"
)]
mod samples;
mod tampering;

use pkg::apk::{Checksum, Key, Sha256};
