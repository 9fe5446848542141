//! What templates see of the settings.

use std::collections::BTreeMap;
use std::fmt;

use super::known::{Literal, Preset, SETTINGS};
use super::reader::Reader;
use super::value::Value;
use crate::address::has_credentials;

/// Every setting by name, as templates see them: what the files hold over the defaults.
///
/// The password is left out, as are addresses with a login in them, and debugging output shows only names.
#[derive(Clone, Default, PartialEq)]
pub struct Variables(BTreeMap<String, Value>);

impl Variables {
    /// Finds the value of a setting.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Gives names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Puts a value in the place of another one.
    pub(super) fn insert(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        let text = |text: &str| Self::Text(text.to_owned());
        match literal {
            Literal::Nothing => Self::None,
            Literal::Flag(flag) => Self::Boolean(flag),
            Literal::Number(number) => Self::Integer(number.into()),
            Literal::Text(content) => text(content),
            Literal::Texts(items) => Self::List(items.iter().map(|item| text(item)).collect()),
            Literal::Users(users) => {
                let pairs = users.iter();
                let pairs = pairs.map(|(name, uid)| (text(name), Self::Integer((*uid).into())));
                Self::Mapping(pairs.collect())
            }
        }
    }
}

/// Settings that may be addresses with a login.
pub(super) const ADDRESSES: [&str; 3] = ["http_proxy", "mirror", "security_mirror"];

/// Puts what the files hold over the defaults.
pub(super) fn read_variables(reader: &Reader<'_>) -> Variables {
    let mut variables = Variables::default();
    for setting in &SETTINGS {
        if let Preset::Shown(literal) = setting.preset {
            variables.insert(setting.name, Value::from(literal));
        }
    }
    for (name, entry) in &reader.entries {
        variables.insert(name, entry.node.to_value());
    }
    if reader.find("password").is_some() {
        // A template would write it into an image.
        variables.remove("password");
    }
    for name in ADDRESSES {
        let value = variables.find(name).map(Value::print);
        if value.is_some_and(|address| has_credentials(&address)) {
            variables.remove(name);
        }
    }
    if variables.find("apt_only_proxy") == Some(&Value::None) {
        // With a login in it, it is not there: apt takes it from the environment of the build.
        let proxy = variables.find("http_proxy").cloned();
        variables.insert("apt_only_proxy", proxy.unwrap_or(Value::None));
    }
    variables
}
