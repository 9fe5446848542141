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

/// Gives all of them, in the order of their names.
#[must_use]
pub fn targets() -> Vec<Target> {
    let mut all: Vec<Target> = [
        crate::cli::fuzzing::TARGETS,
        crate::engine::fuzzing::TARGETS,
        crate::host::fuzzing::TARGETS,
        crate::registry::fuzzing::TARGETS,
        crate::render::fuzzing::TARGETS,
        crate::revision::fuzzing::TARGETS,
        crate::ui::fuzzing::TARGETS,
        crate::verify::fuzzing::TARGETS,
        formats::TARGETS,
        model::TARGETS,
    ]
    .concat();
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

/// Finds one by its name.
#[must_use]
pub fn find_target(name: &str) -> Option<fn(&[u8])> {
    let mut all = targets().into_iter();
    all.find_map(|(known, run)| (known == name).then_some(run))
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
