//! Settings by name, the upper file over the lower one, read as the types that they have to be.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::SettingsError;
use super::file::{Content, Mark, Node, parse_document};
use super::value::Value;
use crate::place::Place;

/// The text of one settings file.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// What it holds.
    pub text: &'a str,
}

/// One setting as a file gives it.
pub(super) struct Entry<'a> {
    path: &'a Path,
    name_mark: Mark,
    pub(super) node: Node,
}

impl Entry<'_> {
    pub(super) fn place(&self) -> Place {
        self.place_of(self.node.mark)
    }

    pub(super) fn place_of(&self, mark: Mark) -> Place {
        Place::column(self.path, mark.line, mark.column)
    }

    pub(super) fn name_place(&self) -> Place {
        self.place_of(self.name_mark)
    }

    pub(super) fn wrong_type(
        &self,
        key: &'static str,
        expected: &'static str,
        node: &Node,
    ) -> SettingsError {
        SettingsError::Type {
            place: self.place_of(node.mark),
            key,
            expected,
            found: node.to_value().kind(),
        }
    }
}

const TEXT: &str = "a text (in quotes where it looks like something else)";

/// All settings of all layers, and the faults that were met.
#[derive(Default)]
pub(super) struct Reader<'a> {
    pub(super) entries: BTreeMap<String, Entry<'a>>,
    pub(super) errors: Vec<SettingsError>,
}

impl<'a> Reader<'a> {
    /// Reads the layers, the lowest first.
    pub(super) fn read(layers: &[Layer<'a>]) -> Self {
        let mut reader = Self::default();
        for layer in layers {
            if let Err(error) = reader.read_layer(*layer) {
                reader.errors.push(error);
            }
        }
        reader
    }

    fn read_layer(&mut self, layer: Layer<'a>) -> Result<(), SettingsError> {
        let place = |mark: Mark| Place::column(layer.path, mark.line, mark.column);
        let document = parse_document(layer.text).map_err(|(mark, source)| {
            let place = place(mark);
            SettingsError::Yaml {
                place,
                source: source.into(),
            }
        })?;
        let pairs = match document.map(|document| (document.mark, document.content)) {
            // An empty file, or one with comments only.
            None | Some((_, Content::Scalar(Value::None))) => return Ok(()),
            Some((_, Content::Mapping(pairs))) => pairs,
            Some((mark, content)) => {
                let found = Node { content, mark }.to_value().kind();
                let place = place(mark);
                return Err(SettingsError::NoMapping { place, found });
            }
        };
        for (name, node) in pairs {
            match name.to_value() {
                Value::Text(text) => {
                    let entry = Entry {
                        path: layer.path,
                        name_mark: name.mark,
                        node,
                    };
                    self.entries.insert(text, entry);
                }
                other => self.errors.push(SettingsError::Name {
                    place: place(name.mark),
                    found: other.kind(),
                }),
            }
        }
        Ok(())
    }

    /// Finds a setting that is there and is not `null`.
    pub(super) fn find(&self, key: &str) -> Option<&Entry<'a>> {
        let entry = self.entries.get(key)?;
        match entry.node.content {
            Content::Scalar(Value::None) => None,
            _ => Some(entry),
        }
    }

    /// Reads a setting with a reader of its node; a fault is kept, and gives none as if nothing stood there.
    fn read_with<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Entry<'a>) -> Result<T, SettingsError>,
    ) -> Option<T> {
        match read(self.find(key)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.read_with(key, |entry| match &entry.node.content {
            Content::Scalar(Value::Text(text)) => Ok(text.clone()),
            _ => Err(entry.wrong_type(key, TEXT, &entry.node)),
        })
    }

    /// Reads a text; an empty one counts as none.
    pub(super) fn filled_text(&mut self, key: &'static str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// Reads a text, or `false` for none.
    pub(super) fn text_or_false(&mut self, key: &'static str) -> Option<String> {
        match self.find(key)?.node.content {
            Content::Scalar(Value::Boolean(false)) => None,
            _ => self.filled_text(key),
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.read_with(key, |entry| match entry.node.content {
            Content::Scalar(Value::Boolean(value)) => Ok(value),
            _ => Err(entry.wrong_type(key, "`true` or `false`", &entry.node)),
        })
    }

    /// Reads a text that a reader understands, or a number as its text.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read_with(key, |entry| {
            let text = match &entry.node.content {
                Content::Scalar(Value::Text(text)) => text.clone(),
                Content::Scalar(Value::Integer(number)) => number.to_string(),
                _ => return Err(entry.wrong_type(key, expected, &entry.node)),
            };
            find(&text).ok_or_else(|| SettingsError::Value {
                place: entry.place(),
                key,
                expected,
            })
        })
    }

    /// Reads a list of texts, each with its place.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<(Place, String)>> {
        self.read_with(key, |entry| {
            let Content::List(items) = &entry.node.content else {
                return Err(entry.wrong_type(key, "a list of texts", &entry.node));
            };
            let read = items.iter().map(|item| match &item.content {
                Content::Scalar(Value::Text(text)) => Ok((entry.place_of(item.mark), text.clone())),
                _ => Err(entry.wrong_type(key, "a list of texts", item)),
            });
            read.collect()
        })
    }

    /// Reads a mapping of texts to numbers of 32 bits.
    pub(super) fn numbers(&mut self, key: &'static str) -> Option<BTreeMap<String, u32>> {
        const EXPECTED: &str = "a mapping of names to numbers";
        self.read_with(key, |entry| {
            let Content::Mapping(pairs) = &entry.node.content else {
                return Err(entry.wrong_type(key, EXPECTED, &entry.node));
            };
            let read = pairs.iter().map(|(name, number)| {
                let Content::Scalar(Value::Text(text)) = &name.content else {
                    return Err(entry.wrong_type(key, EXPECTED, name));
                };
                let read = match &number.content {
                    Content::Scalar(Value::Integer(number)) => u32::try_from(*number).ok(),
                    Content::Scalar(Value::Text(digits)) => {
                        let number: Option<u32> = digits.parse().ok();
                        number.filter(|number| number.to_string() == *digits)
                    }
                    _ => return Err(entry.wrong_type(key, EXPECTED, number)),
                };
                let read = read.ok_or_else(|| SettingsError::Value {
                    place: entry.place_of(number.mark),
                    key,
                    expected: "a mapping of names to numbers from 0 to 4294967295",
                })?;
                Ok((text.clone(), read))
            });
            read.collect()
        })
    }
}
