//! Long options that are cut short, as Python's argparse takes them: what a refused one may have meant.
//!
//! ```text
//! --no  →  error: `--no` may be `--no-publish` or `--no-pull`
//! ```

use std::ffi::OsStr;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::near::find_near;

/// Names the options that a refused one may have meant: all that begin with it, else those that are written almost so.
pub(super) fn explain(
    mut error: clap::Error,
    program: &mut Command,
    words: &[impl AsRef<OsStr>],
) -> clap::Error {
    let refused = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(refused)) if error.kind() == ErrorKind::UnknownArgument => {
            refused
        }
        _ => return error,
    };
    let Some(name) = refused.strip_prefix("--").filter(|name| !name.is_empty()) else {
        return error;
    };
    program.build();
    let command = find_command(program, refused, words);
    let names: Vec<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    let mut meant: Vec<String> = names
        .iter()
        .filter(|long| long.starts_with(name))
        .map(|long| format!("--{long}"))
        .collect();
    meant.sort();
    if meant.len() > 1 {
        return ambiguous(refused, &meant);
    }
    if meant.is_empty() {
        meant = find_near(name, names.iter().copied())
            .iter()
            .map(|long| format!("--{long}"))
            .collect();
        meant.sort();
    }
    // What clap would offer may be a name that nobody should see.
    error.remove(ContextKind::SuggestedArg);
    if !meant.is_empty() {
        error.insert(ContextKind::SuggestedArg, ContextValue::Strings(meant));
    }
    error
}

/// Says what an option that was cut too short may be. clap would add how to use the command with an option of its choice.
fn ambiguous(refused: &str, meant: &[String]) -> clap::Error {
    let quoted: Vec<String> = meant.iter().map(|long| format!("`{long}`")).collect();
    let all = match quoted.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    };
    let message = format!("`{refused}` may be {all}\n");
    clap::Error::raw(ErrorKind::UnknownArgument, message)
}

/// Finds the command whose option a word was taken for.
fn find_command<'a>(
    program: &'a Command,
    refused: &str,
    words: &[impl AsRef<OsStr>],
) -> &'a Command {
    let mut command = program;
    for word in words
        .iter()
        .skip(1)
        .filter_map(|word| word.as_ref().to_str())
    {
        if word.split('=').next() == Some(refused) {
            break;
        }
        command = command.find_subcommand(word).unwrap_or(command);
    }
    command
}
