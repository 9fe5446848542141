//! How wide, large and deep the values of a template may grow: more would fill the memory of the machine.

use minijinja::Error;

use super::arguments::refuse;

/// Larger texts are a mistake.
pub(super) const LARGEST: usize = 16 << 20;
/// Deeper lists and mappings come from nowhere but a mistake.
pub(in crate::render) const DEEPEST: usize = 100;
/// Wider texts are a mistake.
const WIDEST: usize = 10_000;

/// Takes a width, and refuses one that would fill the memory; a negative one is none.
pub(in crate::render) fn check_width(width: i64) -> Result<usize, Error> {
    let width = usize::try_from(width).unwrap_or_default();
    if width > WIDEST {
        return Err(refuse(format!(
            "{width} is too much for a width or a count: {WIDEST} is the most"
        )));
    }
    Ok(width)
}

/// Refuses a text that would fill the memory.
pub(in crate::render) fn check_size(size: usize) -> Result<(), Error> {
    if size > LARGEST {
        return Err(refuse("this text grows too large"));
    }
    Ok(())
}
