//! What is stamped into images: the settings `status_command` and `stamp_defaults`.
//!
//! ```yaml
//! status_command: scripts/status.sh --short
//! stamp_defaults: {STABLE_GIT_COMMIT: unknown, CI_PIPELINE: none}
//! ```

use super::error::SettingsError;
use super::file::{Content, Node};
use super::reader::{Entry, Reader};
use super::value::Value;
use crate::place::Place;
use crate::stamp::{Stamps, check_value, is_key};

/// The program that tells the values of stamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCommand {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where the settings name it.
    pub place: Place,
}

const COMMAND_KEY: &str = "status_command";
const COMMAND: &str =
    "a command as a shell has it, with no quote left open, or a list of its words";
const DEFAULTS_KEY: &str = "stamp_defaults";
const DEFAULTS: &str = "a mapping of keys to texts (in quotes where they look like something else)";
const KEYS: &str = "a mapping of keys, which are letters, digits and `_` and begin with no digit";
const VALUES: &str =
    "a mapping to texts of one line, of 4096 bytes at most, that do not end in `\\`";

pub(super) fn read_status_command(reader: &mut Reader<'_>) -> Option<StatusCommand> {
    match read_command(reader.find(COMMAND_KEY)?) {
        Ok(command) => Some(command),
        Err(error) => {
            reader.errors.push(error);
            None
        }
    }
}

fn read_command(entry: &Entry<'_>) -> Result<StatusCommand, SettingsError> {
    let wrong = |node: &Node| entry.wrong_type(COMMAND_KEY, COMMAND, node);
    let words = match &entry.node.content {
        Content::Scalar(Value::Text(text)) => shlex::split(text),
        Content::List(items) => {
            let words = items.iter().map(|item| match &item.content {
                Content::Scalar(Value::Text(word)) => Ok(word.clone()),
                _ => Err(wrong(item)),
            });
            Some(words.collect::<Result<_, _>>()?)
        }
        _ => return Err(wrong(&entry.node)),
    };
    let mut words = words.unwrap_or_default().into_iter();
    match words.next() {
        Some(program) if !program.is_empty() => Ok(StatusCommand {
            program,
            arguments: words.collect(),
            place: entry.place(),
        }),
        _ => Err(SettingsError::Value {
            place: entry.place(),
            key: COMMAND_KEY,
            expected: COMMAND,
        }),
    }
}

pub(super) fn read_stamps(reader: &mut Reader<'_>) -> Stamps {
    let Some(entry) = reader.find(DEFAULTS_KEY) else {
        return Stamps::default();
    };
    let Content::Mapping(pairs) = &entry.node.content else {
        let error = entry.wrong_type(DEFAULTS_KEY, DEFAULTS, &entry.node);
        reader.errors.push(error);
        return Stamps::default();
    };
    let mut errors = Vec::new();
    let mut constants = Vec::new();
    for (key, value) in pairs {
        match read_constant(entry, (key, value)) {
            Ok(constant) => constants.push(constant),
            Err(error) => errors.push(error),
        }
    }
    reader.errors.append(&mut errors);
    Stamps::new(constants)
}

fn read_constant(
    entry: &Entry<'_>,
    (key, value): (&Node, &Node),
) -> Result<(String, String), SettingsError> {
    let refused = |expected, node: &Node| SettingsError::Value {
        place: entry.place_of(node.mark),
        key: DEFAULTS_KEY,
        expected,
    };
    let name = match &key.content {
        Content::Scalar(Value::Text(name)) if is_key(name) => name,
        _ => return Err(refused(KEYS, key)),
    };
    let Content::Scalar(Value::Text(text)) = &value.content else {
        return Err(entry.wrong_type(DEFAULTS_KEY, DEFAULTS, value));
    };
    check_value(text).map_err(|_| refused(VALUES, value))?;
    Ok((name.clone(), text.clone()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::{Layer, Settings, parse_settings};

    fn read(text: &str) -> Result<Settings, String> {
        let path = Path::new("config.yaml");
        parse_settings(&[Layer { path, text }])
            .map(|read| read.settings)
            .map_err(|errors| errors.to_string())
    }

    #[track_caller]
    fn command(text: &str, expected: &[&str]) {
        let command = read(text).expect(text).status_command.expect(text);
        let words: Vec<_> = [&command.program]
            .into_iter()
            .chain(&command.arguments)
            .collect();
        assert_eq!(words, expected, "{text}");
        assert_eq!(command.place.to_string(), "config.yaml:1:17");
    }

    #[test]
    fn a_status_command_is_a_text_or_a_list_of_words() {
        command("status_command: ./status.sh", &["./status.sh"]);
        command(
            "status_command: sh -c 'echo A 1'",
            &["sh", "-c", "echo A 1"],
        );
        command("status_command: [sh, '-c', 'a b']", &["sh", "-c", "a b"]);
        assert_eq!(
            read("status_command:").expect("nothing").status_command,
            None
        );
    }

    #[test]
    fn constants_are_texts_by_their_keys() {
        let settings = read("stamp_defaults: {STABLE_A: '1.10', B: '', BUILD_TIMESTAMP: '7'}");
        let stamps = settings.expect("settings").stamps;
        for (key, value) in [("STABLE_A", "1.10"), ("B", ""), ("BUILD_TIMESTAMP", "7")] {
            assert_eq!(stamps.find(key), Some(value), "{key}");
        }
        assert_eq!(read("").expect("nothing").stamps, Stamps::default());
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(
            read(text).expect_err(text),
            format!("config.yaml:{expected}")
        );
    }

    #[test]
    fn what_is_no_command_or_no_constant_is_refused_with_its_place() {
        for text in ["''", "[]", "\"'\"", "['']"] {
            let text = format!("status_command: {text}");
            refused(
                &text,
                &format!("1:17: `status_command` has to be {COMMAND}"),
            );
        }
        refused(
            "status_command: [a, 1]",
            &format!("1:21: `status_command` has to be {COMMAND}, and this is a whole number"),
        );
        refused(
            "stamp_defaults: [A]",
            &format!("1:17: `stamp_defaults` has to be {DEFAULTS}, and this is a list"),
        );
        refused(
            "stamp_defaults: {A: 1.10}",
            &format!("1:21: `stamp_defaults` has to be {DEFAULTS}, and this is a number"),
        );
        for key in ["A-B", "'1A'", "1", "''"] {
            let text = format!("stamp_defaults: {{{key}: x}}");
            refused(&text, &format!("1:18: `stamp_defaults` has to be {KEYS}"));
        }
        refused(
            "stamp_defaults: {A: \"x\\ny\"}",
            &format!("1:21: `stamp_defaults` has to be {VALUES}"),
        );
    }
}
