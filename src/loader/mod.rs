//! What the dynamic loader of glibc reads (ld.so(8), ldconfig(8)): `ld.so.conf`, which names directories of libraries, and
//! `ld.so.cache`, which says where each library is.
//!
//! ```text
//! # /etc/ld.so.conf
//! include /etc/ld.so.conf.d/*.conf
//! /opt/app/lib
//! ```

mod cache;
mod conf;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod name;
mod pattern;
mod system;

pub use cache::{CacheEntry, CacheError, Hwcaps, render_cache};
pub use conf::{Directive, parse_conf};
pub use name::{compare_names, is_file_name, is_name};
pub use pattern::{Pattern, PatternError};
pub use system::{SYSTEMS, System};
