//! What templates see of the settings.

use std::collections::BTreeMap;
use std::fmt;

use super::reader::Reader;
use super::value::Value;

/// Every setting by name, as templates see them: what the files hold over the defaults.
///
/// The password is left out, and debugging output shows only names.
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

    fn insert(&mut self, name: &str, value: Value) {
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

/// Puts what the files hold over the defaults.
pub(super) fn read_variables(reader: &Reader<'_>) -> Variables {
    let text = |text: &str| Value::Text(text.to_owned());
    let users = [("root", 0), ("www-data", 33), ("nobody", 65534)];
    let users = users.map(|(name, uid)| (text(name), Value::Integer(uid)));
    let args = ["-c", "{path}/test.sh {image}"];
    let defaults = [
        ("registry", text("")),
        ("username", Value::None),
        ("password", Value::None),
        ("base_images", Value::List(Vec::new())),
        ("apt_options", text("")),
        ("http_proxy", Value::None),
        ("apt_only_proxy", Value::None),
        ("namespace", text("")),
        ("scan_workers", Value::Integer(8)),
        ("fallback_author", text("Author")),
        ("fallback_email", text("email@domain")),
        ("distribution", text("wikimedia")),
        ("update_id", text("s")),
        ("ca_bundle", Value::None),
        ("force_numeric_user", Value::Boolean(false)),
        ("known_uid_mappings", Value::Mapping(users.into())),
        ("verify_command", text("/bin/bash")),
        ("verify_args", Value::List(args.map(text).into())),
    ];
    let mut variables = Variables::default();
    for (name, value) in defaults {
        variables.insert(name, value);
    }
    for (name, entry) in &reader.entries {
        variables.insert(name, entry.node.to_value());
    }
    if reader.find("password").is_some() {
        // A template would write it into an image.
        variables.remove("password");
    }
    if variables.find("apt_only_proxy") == Some(&Value::None) {
        let proxy = variables.find("http_proxy").cloned();
        variables.insert("apt_only_proxy", proxy.unwrap_or(Value::None));
    }
    variables
}
