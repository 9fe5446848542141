//! The variables that a word may name: what `ARG` and `ENV` lines give them, as far as the file says it.
//!
//! ```text
//! FROM debian:12 AS base      # whatever else the base has set is unknown
//! ENV owner=33
//! FROM base                   # has the ENV of the stage it is made from, and none of its ARG
//! ARG group=${owner}
//! USER ${owner}:${group}      # 33:33
//! ```

use std::collections::BTreeMap;

use super::expand::{Expanded, expand};
use super::words::Words;

/// What a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// It has a value.
    Text(String),
    /// It has none.
    Unset,
    /// Only the engine knows.
    Unknown,
}

impl Value {
    /// Gives the text, where it is known.
    pub(super) fn find_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Unset | Self::Unknown => None,
        }
    }
}

impl From<Expanded> for Value {
    fn from(expanded: Expanded) -> Self {
        match expanded {
            Expanded::Text(text) => Self::Text(text),
            Expanded::Unknown => Self::Unknown,
        }
    }
}

/// All variables at one place of the file.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    arguments: BTreeMap<String, Value>,
    environment: BTreeMap<String, Value>,
    /// What a name is that stands on no line.
    otherwise: Value,
}

impl Scope {
    /// Nothing is set, and nothing else can be.
    pub(super) fn empty() -> Self {
        Self {
            arguments: BTreeMap::new(),
            environment: BTreeMap::new(),
            otherwise: Value::Unset,
        }
    }

    /// Begins a stage on an image that may have an environment of its own.
    pub(super) fn of_image() -> Self {
        Self {
            otherwise: Value::Unknown,
            ..Self::empty()
        }
    }

    /// Begins a stage on another one, which ends with this scope.
    pub(super) fn of_stage(&self) -> Self {
        Self {
            arguments: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// Gives the value of a variable; `ENV` goes before `ARG`.
    pub(super) fn value(&self, name: &str) -> &Value {
        let set = self.environment.get(name);
        set.or_else(|| self.arguments.get(name))
            .unwrap_or(&self.otherwise)
    }

    /// Notes an `ARG`.
    pub(super) fn set_argument(&mut self, name: &str, value: Value) {
        self.arguments.insert(name.to_owned(), value);
    }

    /// Reads what follows `ARG` in a stage; without a default it has the one of the same name before the first `FROM`.
    pub(super) fn read_arguments(&mut self, text: &str, escape: char, globals: &Self) {
        for word in Words::of(text, escape) {
            let (name, value) = match text[word.clone()].split_once('=') {
                Some((name, value)) => (name, self.expand(value, escape)),
                None => (&text[word.clone()], globals.value(&text[word]).clone()),
            };
            self.set_argument(name, value);
        }
    }

    /// Reads what follows `ENV`: `name=value` pairs, or a name and then its value up to the end.
    pub(super) fn read_environment(&mut self, text: &str, escape: char) {
        let mut words = Words::of(text, escape).peekable();
        let is_pair = |word: &std::ops::Range<usize>| text[word.clone()].contains('=');
        if words.peek().is_some_and(|first| !is_pair(first)) {
            if let Some(name) = words.next() {
                let value = self.expand(text[name.end..].trim(), escape);
                self.environment.insert(text[name].to_owned(), value);
            }
            return;
        }
        // All pairs of a line see the values from before it.
        let pairs = words.filter_map(|word| text[word].split_once('='));
        let pairs: Vec<_> = pairs
            .map(|(name, value)| (name.to_owned(), self.expand(value, escape)))
            .collect();
        self.environment.extend(pairs);
    }

    /// Puts the variables into a text; one that is broken is the engine's to refuse.
    pub(super) fn expand(&self, text: &str, escape: char) -> Value {
        expand(text, escape, self).map_or(Value::Unknown, Value::from)
    }
}
