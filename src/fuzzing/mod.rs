//! Every parser of foreign bytes, as a function that takes any bytes and checks what has to hold of the answer.
//!
//! The functions stand beside what they try, because most parsers are private; this is the list of all. The fuzzer
//! (`make fuzz`) runs each under coverage feedback, `tests` runs them over the inputs in `fuzz/corpus/` and over what a
//! few changes make of those. A function panics where a rule is broken, and does nothing else.

mod formats;
mod model;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod tests;

pub use crate::FuzzTarget as Target;

/// Those of packages of Alpine. Each group has a fuzzer of its own: after each execution it looks through the counters of
/// all code that its functions reach.
pub const APK: &[Target] = crate::apk::fuzzing::TARGETS;
/// Those of archives of Debian packages.
pub const ARCHIVES: &[Target] = crate::debian::fuzzing::TARGETS;
/// Those of a module.
pub const AUDIT: &[Target] = model::AUDIT;
/// Likewise.
pub const CLI: &[Target] = crate::cli::fuzzing::TARGETS;
/// Likewise.
pub const ENGINE: &[Target] = crate::engine::fuzzing::TARGETS;
/// Those of the engine that need the HTTP library.
pub const ENGINE_HTTP: &[Target] = crate::engine::fuzzing::HTTP_TARGETS;
/// Those of all formats but YAML and archives of packages.
pub const FORMATS: &[Target] = formats::TARGETS;
/// Those of a module.
pub const HOST: &[Target] = crate::host::fuzzing::TARGETS;
/// Likewise.
pub const LEDGER: &[Target] = crate::ledger::fuzzing::TARGETS;
/// Those of the model that need neither YAML nor an audit.
pub const MODEL: &[Target] = model::TARGETS;
/// Those of a module.
pub const REGISTRY: &[Target] = crate::registry::fuzzing::TARGETS;
/// Likewise.
pub const RENDER: &[Target] = crate::render::fuzzing::TARGETS;
/// Likewise.
pub const REVISION: &[Target] = crate::revision::fuzzing::TARGETS;
/// Those of root file systems, of libraries in them, and of what the loader of those reads.
pub const ROOTFS: &[Target] = &[
    crate::elf::fuzzing::TARGET,
    crate::loader::fuzzing::TARGET,
    crate::rootfs::fuzzing::TARGET,
];
/// Likewise.
pub const SETTINGS: &[Target] = crate::settings::fuzzing::TARGETS;
/// Likewise.
pub const UI: &[Target] = crate::ui::fuzzing::TARGETS;
/// Likewise.
pub const VERIFY: &[Target] = crate::verify::fuzzing::TARGETS;
/// Those that read YAML.
pub const YAML: &[Target] = &[
    ("declared_image", formats::declared_image),
    ("settings", model::settings),
    crate::structure::fuzzing::TARGET,
];

/// Gives all of them, in the order of their names.
#[must_use]
pub fn targets() -> Vec<Target> {
    let groups = [
        APK,
        ARCHIVES,
        AUDIT,
        CLI,
        ENGINE,
        ENGINE_HTTP,
        FORMATS,
        HOST,
        LEDGER,
        MODEL,
        REGISTRY,
        RENDER,
        REVISION,
        ROOTFS,
        SETTINGS,
        UI,
        VERIFY,
        YAML,
    ];
    let mut all = groups.concat();
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

/// Counts the lines to which an error may point: the last may be the one behind the end of the file.
fn count_lines(text: &str) -> usize {
    text.matches('\n').count() + 1
}

/// YAML 1.1 ends lines at more characters than others do.
fn count_lines_of_yaml(text: &str) -> usize {
    text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .count()
        + 1
}
