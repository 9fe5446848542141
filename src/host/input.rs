//! Standard input.

use std::io::{self, Read as _};

/// Standard input could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read standard input")]
pub struct InputError(#[from] io::Error);

/// Reads standard input to its end, as text of at most so many bytes.
pub fn read_input(most_bytes: u64) -> Result<String, InputError> {
    let mut text = String::new();
    let count = io::stdin().take(most_bytes + 1).read_to_string(&mut text)?;
    if count as u64 > most_bytes {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge).into());
    }
    Ok(text)
}
