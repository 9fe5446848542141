//! What a command line may hold.

use std::cell::RefCell;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::CommandFactory as _;

use super::Cli;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[("cli_words", words)];

thread_local! {
    static PROGRAM: RefCell<clap::Command> = RefCell::new(Cli::command());
}

/// Words, one a line, are a command or an error with a text.
fn words(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| OsString::from_vec(line.to_vec()));
    let words: Vec<OsString> = std::iter::once("pkg".into()).chain(lines).collect();
    let parsed = PROGRAM.with_borrow_mut(|program| Cli::parse_words_with(program, &words));
    if let Err(error) = &parsed {
        assert!(!error.to_string().is_empty());
    }
    if crate::is_chosen(bytes, 256) {
        let anew = Cli::parse_words(&words);
        let said = |parsed: Result<Cli, clap::Error>| match parsed {
            Ok(cli) => format!("{cli:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(said(parsed), said(anew), "what was read before has no say");
    }
}
