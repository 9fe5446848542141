//! What a command line may hold.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::Cli;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[("cli_words", words)];

/// Words, one a line, are a command or an error with a text.
fn words(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| OsString::from_vec(line.to_vec()));
    let words: Vec<OsString> = std::iter::once("pkg".into()).chain(lines).collect();
    if let Err(error) = Cli::parse_words(&words) {
        assert!(!error.to_string().is_empty());
    }
}
