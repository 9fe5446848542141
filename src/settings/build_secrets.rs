//! What builds are given in secret, as the setting `secrets` names it.
//!
//! ```yaml
//! secrets:
//!   npm: {env: NPM_TOKEN}
//!   netrc: {file: ~/.netrc, images: ["web-*"]}
//! ```
//!
//! The file says where a value is, never the value: settings are committed. A recipe asks for it with
//! `RUN --mount=type=secret,id=npm`.

use std::path::PathBuf;

use super::error::SettingsError;
use super::file::{Content, Node};
use super::reader::{Entry, Reader};
use super::value::Value;
use crate::place::Place;

/// A secret that builds may mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildSecret {
    /// The name by which a recipe mounts it.
    pub id: String,
    /// Where its value is.
    pub source: SecretSource,
    /// Shell patterns on the names of the images that get it; all images where there is none.
    pub images: Option<Vec<String>>,
    /// Where the settings name it.
    pub place: Place,
}

/// Where the value of a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In an environment variable.
    Variable(String),
    /// In a file; one that begins with `~/` is in the home directory.
    File(PathBuf),
}

const KEY: &str = "secrets";
const SECRETS: &str = "a mapping of ids to `{env: VARIABLE}` or `{file: PATH}`";
const ID: &str = "a mapping of ids, which are letters, digits, `_`, `.` and `-`";
const ONE_SOURCE: &str = "a mapping of ids to either `env: VARIABLE` or `file: PATH`, with or without `images: [PATTERN]`";
const PATTERNS: &str = "given `images` as a list of patterns";

pub(super) fn read_build_secrets(reader: &mut Reader<'_>) -> Vec<BuildSecret> {
    let Some(entry) = reader.find(KEY) else {
        return Vec::new();
    };
    let Content::Mapping(pairs) = &entry.node.content else {
        let error = entry.wrong_type(KEY, SECRETS, &entry.node);
        reader.errors.push(error);
        return Vec::new();
    };
    let read = pairs.iter().map(|(id, node)| read_one(entry, id, node));
    let (secrets, mut errors) = read.fold(
        (Vec::new(), Vec::new()),
        |(mut secrets, mut errors), one| {
            match one {
                Ok(secret) => secrets.push(secret),
                Err(error) => errors.push(error),
            }
            (secrets, errors)
        },
    );
    reader.errors.append(&mut errors);
    secrets
}

fn read_one(entry: &Entry<'_>, id: &Node, node: &Node) -> Result<BuildSecret, SettingsError> {
    let refused = |expected, node: &Node| SettingsError::Value {
        place: entry.place_of(node.mark),
        key: KEY,
        expected,
    };
    let text = find_text(id).filter(|text| is_id(text));
    let text = text.ok_or_else(|| refused(ID, id))?;
    let Content::Mapping(pairs) = &node.content else {
        // What stands here may be the secret: only its type is told.
        return Err(entry.wrong_type(KEY, SECRETS, node));
    };
    let mut sources = Vec::new();
    let mut images = None;
    for (key, value) in pairs {
        let filled = find_text(value).filter(|text| !text.is_empty());
        match (find_text(key), filled) {
            (Some("env"), Some(name)) => sources.push(SecretSource::Variable(name.to_owned())),
            (Some("file"), Some(path)) => sources.push(SecretSource::File(path.into())),
            (Some("images"), _) => {
                images = Some(find_texts(value).ok_or_else(|| refused(PATTERNS, value))?);
            }
            _ => return Err(refused(ONE_SOURCE, key)),
        }
    }
    match <[SecretSource; 1]>::try_from(sources) {
        Ok([source]) => Ok(BuildSecret {
            id: text.to_owned(),
            source,
            images,
            place: entry.place_of(id.mark),
        }),
        Err(_) => Err(refused(ONE_SOURCE, node)),
    }
}

/// A comma or a quote would end the id in the recipe.
fn is_id(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.chars().all(is_part)
}

fn find_text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn find_texts(node: &Node) -> Option<Vec<String>> {
    let Content::List(items) = &node.content else {
        return None;
    };
    let texts = items.iter().map(|item| find_text(item).map(str::to_owned));
    texts.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::{Layer, Settings, SettingsErrors, parse_settings};

    fn read(text: &str) -> Result<Settings, SettingsErrors> {
        let path = Path::new("config.yaml");
        parse_settings(&[Layer { path, text }]).map(|read| read.settings)
    }

    #[test]
    fn a_secret_is_in_a_variable_or_a_file() {
        let text =
            "secrets:\n  npm: {env: NPM_TOKEN}\n  netrc: {file: ~/.netrc, images: [\"web-*\"]}\n";
        let secrets = read(text).unwrap().secrets;
        let [npm, netrc] = secrets.as_slice() else {
            panic!("{secrets:?}");
        };
        assert_eq!((npm.id.as_str(), &npm.images), ("npm", &None));
        assert_eq!(npm.source, SecretSource::Variable("NPM_TOKEN".to_owned()));
        assert_eq!(npm.place.to_string(), "config.yaml:2:3");
        assert_eq!(netrc.source, SecretSource::File("~/.netrc".into()));
        assert_eq!(netrc.images.as_deref(), Some(&["web-*".to_owned()][..]));
        assert_eq!(read("secrets:\n").unwrap().secrets, []);
    }

    #[track_caller]
    fn refused(text: &str, place: &str) {
        let error = read(text).expect_err(text).to_string();
        assert!(
            error.starts_with(&format!("config.yaml:{place}: ")),
            "{error}"
        );
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn a_value_in_the_settings_is_refused_and_not_repeated() {
        refused("secrets: hush", "1:10");
        refused("secrets: {npm: hush}", "1:16");
        refused("secrets: {npm: {value: hush}}", "1:17");
        refused("secrets: {npm: {env: A, file: b}}", "1:16");
        refused("secrets: {npm: {images: [a]}}", "1:16");
        refused("secrets: {npm: {env: A, images: a}}", "1:33");
        refused("secrets: {npm: {env: ''}}", "1:17");
        refused("secrets: {\"a,b\": {env: A}}", "1:11");
    }
}
