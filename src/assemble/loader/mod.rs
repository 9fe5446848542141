//! `/etc/ld.so.cache` and the links of libraries' names, as ldconfig(8) makes them when a package of libraries is installed.
//!
//! ```text
//! ld.so.conf ── search ──→ directories ── library ──→ libraries, their links ──→ ld.so.cache
//! ```
//!
//! What differs from ldconfig of glibc 2.36: links that lead nowhere stay, directories of hardware other than `glibc-hwcaps`
//! are not looked into (2.37 and later do not either), and neither is one whose path climbs with `..`; a library of i386 is
//! one of glibc whatever it needs, as with 2.37. Names that not all loaders would look for at the same place are in no cache. A
//! directory of hardware that has no library leaves no name in the strings.

mod library;
mod search;
#[cfg(test)]
mod tests;
mod write;

pub use write::write_loader_cache;
