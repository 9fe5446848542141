//! Single values of an `image.yaml`: what they may be, and the place of what is wrong.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::image_file::{Command, ImageFileError};
use super::written::Text;

/// What was read, or what is wrong in it.
pub(super) type Values<T> = Result<T, ImageFileError>;

/// Says what is wrong with a value, at its line.
pub(super) fn at<T>(value: &Spanned<T>, message: String) -> ImageFileError {
    ImageFileError {
        message,
        line: usize::try_from(value.referenced.line())
            .ok()
            .filter(|line| *line > 0),
        file: None,
    }
}

/// Says what is wrong with the file as a whole.
pub(super) fn nowhere(message: String) -> ImageFileError {
    ImageFileError {
        message,
        line: None,
        file: None,
    }
}

/// What a word may hold besides letters and digits, as the inside of a regular expression's class.
pub(super) const WORD: &str = "+.:=~/_-";

/// These words become arguments of mmdebstrap, which reads commas, blanks, leading dashes and shell patterns its own way.
pub(super) fn check_word(key: &str, word: &Text) -> Values<()> {
    let bytes = || word.value.bytes();
    let starts = bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let fits = |b: u8| b.is_ascii_alphanumeric() || WORD.as_bytes().contains(&b);
    if starts && bytes().all(fits) {
        return Ok(());
    }
    let message = format!(
        "`{key}` cannot hold `{}`: letters, digits and `+-.:=~/_` after a letter or digit",
        word.value
    );
    Err(at(word, message))
}

/// Reads a text of one line that is not empty.
pub(super) fn read_line(key: &str, text: &Text) -> Values<String> {
    let value = text.value.trim();
    if value.is_empty() || value.contains(|c: char| c.is_control()) {
        return Err(at(text, format!("`{key}` has to be a line of text")));
    }
    Ok(value.to_owned())
}

pub(super) fn read_lines(key: &str, texts: &[Text]) -> Values<Vec<String>> {
    texts.iter().map(|text| read_line(key, text)).collect()
}

/// Tells whether a path begins at the root and never goes up.
pub(super) fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0') && path.split('/').all(|part| part != "..")
}

pub(super) fn read_absolute(key: &str, path: &Text) -> Values<String> {
    if is_absolute(&path.value) {
        return Ok(path.value.clone());
    }
    let message = format!(
        "`{key}` has to be an absolute path without `..`: `{}`",
        path.value
    );
    Err(at(path, message))
}

/// Reads a mode in octal digits. Without a leading zero it is refused: YAML has `755` for a decimal number.
pub(super) fn read_mode(text: &Text) -> Values<u32> {
    let digits = text
        .value
        .strip_prefix("0o")
        .or_else(|| text.value.strip_prefix('0'));
    let mode = digits.and_then(|digits| u32::from_str_radix(digits, 8).ok());
    mode.filter(|mode| *mode <= 0o7777).ok_or_else(|| {
        let message = format!(
            "`permissions` has to be octal with a leading zero, as `0o755`: `{}`",
            text.value
        );
        at(text, message)
    })
}

/// Splits a command as a shell does.
pub(super) fn split_command(key: &str, text: &Text) -> Values<Command> {
    let words = shlex::split(&text.value).map(Command);
    words.ok_or_else(|| {
        let message = format!("`{key}` has a quote that is not closed: `{}`", text.value);
        at(text, message)
    })
}

/// Reads variables, labels and the like: names without `=`, values without NUL.
pub(super) fn read_map(
    key: &str,
    map: &BTreeMap<String, Text>,
) -> Values<BTreeMap<String, String>> {
    let mut read = BTreeMap::new();
    for (name, value) in map {
        if name.is_empty() || name.contains(['=', '\0', '\n']) {
            let message = format!(
                "`{key}` cannot hold one that is named `{}`",
                name.escape_debug()
            );
            return Err(at(value, message));
        }
        if value.value.contains('\0') {
            return Err(at(value, format!("`{key}.{name}` holds a NUL")));
        }
        read.insert(name.clone(), value.value.clone());
    }
    Ok(read)
}
