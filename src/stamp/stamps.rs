//! The stamps of a run: each key with its constant, and with its value where images are stamped.

use std::collections::BTreeMap;

use super::status::Status;

/// What a key that counts by its value begins with.
const STABLE: &str = "STABLE_";
/// The second of a run, which is given without a status command: seconds since 1970.
pub(super) const TIMESTAMP: &str = "BUILD_TIMESTAMP";

/// The stamps that a recipe uses and that count, with their values.
pub type CountedStamps = BTreeMap<String, String>;

/// The stamps that a recipe uses and that count by their constants, with these.
pub type Constants = BTreeMap<String, String>;

/// The stamps of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamps(BTreeMap<String, Stamp>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    constant: String,
    /// What the run gives; nothing where it does not stamp, or gives nothing.
    value: Option<String>,
}

/// Tells whether a key counts by its value.
#[must_use]
pub fn is_stable(key: &str) -> bool {
    key.starts_with(STABLE)
}

impl Default for Stamps {
    fn default() -> Self {
        Self::new([])
    }
}

impl Stamps {
    /// Takes the constants of all keys; that of `BUILD_TIMESTAMP` is 0 where none is given.
    pub fn new(constants: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = [(TIMESTAMP.to_owned(), "0".to_owned())];
        let constants = known.into_iter().chain(constants);
        let stamps = constants.map(|(key, constant)| {
            let value = None;
            (key, Stamp { constant, value })
        });
        Self(stamps.collect())
    }

    /// Gives the keys the values that a status has for them.
    #[must_use]
    pub fn with(mut self, status: &Status) -> Self {
        for (key, stamp) in &mut self.0 {
            stamp.value = status.find(key).map(str::to_owned);
        }
        self
    }

    /// Finds what a key stands for.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&str> {
        let stamp = self.0.get(key)?;
        Some(stamp.value.as_ref().unwrap_or(&stamp.constant))
    }

    /// Finds what a key counts as: the value of one that is stable, the constant of another one.
    #[must_use]
    pub fn find_counted(&self, key: &str) -> Option<&str> {
        if is_stable(key) {
            return self.find(key);
        }
        Some(&self.0.get(key)?.constant)
    }

    /// Gives those of some keys that count, with their values.
    pub fn counted<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> CountedStamps {
        let keys = keys.into_iter().filter(|key| is_stable(key));
        let pairs = keys.filter_map(|key| Some((key.to_owned(), self.find(key)?.to_owned())));
        pairs.collect()
    }

    /// Gives those of some keys that count by their constants, with these.
    pub fn constants<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Constants {
        let keys = keys.into_iter().filter(|key| !is_stable(key));
        let pairs = keys.filter_map(|key| {
            let constant = self.find_counted(key)?;
            Some((key.to_owned(), constant.to_owned()))
        });
        pairs.collect()
    }

    /// Gives the keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Gives the keys of the settings to which a status gives nothing.
    pub fn missing_in<'a>(&'a self, status: &'a Status) -> impl Iterator<Item = &'a str> {
        self.keys().filter(|key| status.find(key).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::parse_status;

    fn stamps() -> Stamps {
        let constants = [("STABLE_COMMIT", "none"), ("BRANCH", "local")];
        Stamps::new(constants.map(|(key, constant)| (key.to_owned(), constant.to_owned())))
    }

    #[track_caller]
    fn case(stamps: &Stamps, key: &str, found: Option<&str>, counted: Option<&str>) {
        assert_eq!(stamps.find(key), found, "{key}");
        assert_eq!(stamps.find_counted(key), counted, "{key}");
    }

    #[test]
    fn without_a_status_every_key_is_its_constant() {
        let stamps = stamps();
        case(&stamps, "STABLE_COMMIT", Some("none"), Some("none"));
        case(&stamps, "BRANCH", Some("local"), Some("local"));
        case(&stamps, "BUILD_TIMESTAMP", Some("0"), Some("0"));
        case(&stamps, "OTHER", None, None);
    }

    #[test]
    fn only_stable_keys_count_by_their_values() {
        let status = parse_status("STABLE_COMMIT 4f2a\nBRANCH main\nOTHER x\n").expect("a status");
        let stamps = stamps().with(&status.at(7));
        case(&stamps, "STABLE_COMMIT", Some("4f2a"), Some("4f2a"));
        case(&stamps, "BRANCH", Some("main"), Some("local"));
        case(&stamps, "BUILD_TIMESTAMP", Some("7"), Some("0"));
        case(&stamps, "OTHER", None, None);
        let counted = stamps.counted(["BRANCH", "STABLE_COMMIT", "STABLE_OTHER"]);
        let expected = [("STABLE_COMMIT".to_owned(), "4f2a".to_owned())];
        assert_eq!(counted, CountedStamps::from(expected));
        let constants = stamps.constants(["BRANCH", "STABLE_COMMIT", "OTHER"]);
        let expected = [("BRANCH".to_owned(), "local".to_owned())];
        assert_eq!(constants, Constants::from(expected));
    }

    #[test]
    fn what_a_status_does_not_give_stays_its_constant_and_is_named() {
        let status = parse_status("BRANCH main\n").expect("a status").at(7);
        let stamps = stamps();
        let missing: Vec<&str> = stamps.missing_in(&status).collect();
        assert_eq!(missing, ["STABLE_COMMIT"]);
        assert_eq!(stamps.with(&status).find("STABLE_COMMIT"), Some("none"));
    }
}
