//! What an audit takes for a fault: the setting `audit`.
//!
//! ```yaml
//! audit:
//!   rules: {image-old: off, user-root: error}
//!   days: 90
//!   exclude:
//!     - {rule: test-missing, image: "*-exporter"}
//! ```

use std::fmt;
use std::str::FromStr;

use super::error::SettingsError;
use super::file::{Content, Node};
use super::reader::{Entry, Reader};
use super::value::Value;
use crate::place::Place;

/// The age over which an image is called old.
pub(super) const DAYS: u32 = 180;

/// How grave a finding is, the least grave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending.
    Warning,
    /// It has to be mended.
    Error,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// Gives the word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word is none of the severities.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a severity is `error`, `warning` or `note`")]
pub struct SeverityError;

impl FromStr for Severity {
    type Err = SeverityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|severity| severity.as_str() == text)
            .ok_or(SeverityError)
    }
}

/// The setting `audit`. Names of rules are as written: who knows the rules checks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// `rules`: what a rule's findings weigh.
    pub rules: Vec<RuleLevel>,
    /// `days`: the age over which an image is called old.
    pub days: u32,
    /// `exclude`: what is no finding.
    pub exclude: Vec<Exclusion>,
}

/// What the findings of one rule weigh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLevel {
    /// The id of the rule.
    pub rule: String,
    /// Where it stands.
    pub place: Place,
    /// The severity; nothing where the rule is off.
    pub severity: Option<Severity>,
}

/// Findings that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The id of the rule; all rules where there is none.
    pub rule: Option<String>,
    /// A shell pattern on the name of the image; all images where there is none.
    pub image: Option<String>,
    /// Where it stands.
    pub place: Place,
}

const KEYS: &str = "a mapping of `rules`, `days` and `exclude`";
const LEVEL: &str = "`error`, `warning`, `note` or `off`";
const RULES: &str = "a mapping of rules to `error`, `warning`, `note` or `off`";
const NUMBER: &str = "a whole number of days over 0";
const EXCLUSION: &str = "a list of mappings with `rule`, `image` or both";

pub(super) fn read_audit(reader: &mut Reader<'_>) -> AuditSettings {
    let mut audit = AuditSettings {
        rules: Vec::new(),
        days: DAYS,
        exclude: Vec::new(),
    };
    let mut errors = Vec::new();
    if let Some(entry) = reader.find("audit") {
        read_parts(entry, &mut audit, &mut errors);
    }
    reader.errors.append(&mut errors);
    audit
}

fn read_parts(entry: &Entry<'_>, audit: &mut AuditSettings, errors: &mut Vec<SettingsError>) {
    let Content::Mapping(pairs) = &entry.node.content else {
        errors.push(entry.wrong_type("audit", KEYS, &entry.node));
        return;
    };
    for (key, value) in pairs {
        if matches!(value.content, Content::Scalar(Value::None)) {
            continue;
        }
        match find_text(key) {
            Some("rules") => match read_rules(entry, value) {
                Ok(rules) => audit.rules = rules,
                Err(error) => errors.push(error),
            },
            Some("days") => {
                let days = match value.content {
                    Content::Scalar(Value::Integer(days)) => u32::try_from(days).ok(),
                    _ => None,
                };
                match days.filter(|days| *days > 0) {
                    Some(days) => audit.days = days,
                    None => errors.push(wrong(entry, "audit.days", NUMBER, value)),
                }
            }
            Some("exclude") => match read_exclusions(entry, value) {
                Ok(exclude) => audit.exclude = exclude,
                Err(error) => errors.push(error),
            },
            _ => errors.push(wrong(entry, "audit", KEYS, key)),
        }
    }
}

fn read_rules(entry: &Entry<'_>, node: &Node) -> Result<Vec<RuleLevel>, SettingsError> {
    let Content::Mapping(pairs) = &node.content else {
        return Err(entry.wrong_type("audit.rules", RULES, node));
    };
    let read = pairs.iter().map(|(key, value)| {
        let rule = find_text(key).ok_or_else(|| wrong(entry, "audit.rules", RULES, key))?;
        let severity = match &value.content {
            // YAML 1.1 reads `off` as a boolean.
            Content::Scalar(Value::Boolean(false)) => None,
            Content::Scalar(Value::Text(text)) if text == "off" => None,
            Content::Scalar(Value::Text(text)) => Some(
                text.parse()
                    .map_err(|_| wrong(entry, "audit.rules", LEVEL, value))?,
            ),
            _ => return Err(wrong(entry, "audit.rules", LEVEL, value)),
        };
        Ok(RuleLevel {
            rule: rule.to_owned(),
            place: entry.place_of(key.mark),
            severity,
        })
    });
    read.collect()
}

fn read_exclusions(entry: &Entry<'_>, node: &Node) -> Result<Vec<Exclusion>, SettingsError> {
    let Content::List(items) = &node.content else {
        return Err(entry.wrong_type("audit.exclude", EXCLUSION, node));
    };
    let read = items.iter().map(|item| {
        let refused = |node: &Node| wrong(entry, "audit.exclude", EXCLUSION, node);
        let Content::Mapping(pairs) = &item.content else {
            return Err(refused(item));
        };
        let mut exclusion = Exclusion {
            rule: None,
            image: None,
            place: entry.place_of(item.mark),
        };
        for (key, value) in pairs {
            let text = find_text(value).ok_or_else(|| refused(value))?.to_owned();
            match find_text(key) {
                Some("rule") => {
                    exclusion.rule = Some(text);
                    exclusion.place = entry.place_of(value.mark);
                }
                Some("image") => exclusion.image = Some(text),
                _ => return Err(refused(key)),
            }
        }
        if exclusion.rule.is_none() && exclusion.image.is_none() {
            return Err(refused(item));
        }
        Ok(exclusion)
    });
    read.collect()
}

fn find_text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn wrong(
    entry: &Entry<'_>,
    key: &'static str,
    expected: &'static str,
    node: &Node,
) -> SettingsError {
    SettingsError::Value {
        place: entry.place_of(node.mark),
        key,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::{Layer, parse_settings};

    fn read(text: &str) -> Result<AuditSettings, String> {
        let path = Path::new("config.yaml");
        parse_settings(&[Layer { path, text }])
            .map(|read| read.settings.audit)
            .map_err(|errors| errors.to_string())
    }

    #[test]
    fn levels_days_and_exclusions_are_read_with_their_places() {
        let audit = read(
            "audit:\n  rules: {image-old: off, user-root: error}\n  days: 90\n  exclude:\n  - {rule: a, image: '*x'}\n  - image: y\n",
        )
        .expect("settings");
        let levels: Vec<_> = audit
            .rules
            .iter()
            .map(|level| (level.rule.as_str(), level.severity, level.place.to_string()))
            .collect();
        assert_eq!(
            levels,
            [
                ("image-old", None, "config.yaml:2:11".to_owned()),
                (
                    "user-root",
                    Some(Severity::Error),
                    "config.yaml:2:27".to_owned()
                )
            ]
        );
        assert_eq!(audit.days, 90);
        let exclusions: Vec<_> = audit
            .exclude
            .iter()
            .map(|one| (one.rule.as_deref(), one.image.as_deref()))
            .collect();
        assert_eq!(exclusions, [(Some("a"), Some("*x")), (None, Some("y"))]);
        assert_eq!(read("").expect("nothing").days, DAYS);
        assert_eq!(
            read("audit: {rules: ~}\n").expect("nothing").rules,
            Vec::new()
        );
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(read(text).expect_err(text), expected);
    }

    #[test]
    fn what_is_no_setting_of_an_audit_is_refused_with_its_place() {
        refused(
            "audit: [a]",
            "config.yaml:1:8: `audit` has to be a mapping of `rules`, `days` and `exclude`, and this is a list",
        );
        refused(
            "audit: {day: 1}",
            "config.yaml:1:9: `audit` has to be a mapping of `rules`, `days` and `exclude`",
        );
        refused(
            "audit: {rules: {a: fatal}}",
            "config.yaml:1:20: `audit.rules` has to be `error`, `warning`, `note` or `off`",
        );
        for days in ["0", "soon", "99999999999"] {
            refused(
                &format!("audit: {{days: {days}}}"),
                "config.yaml:1:15: `audit.days` has to be a whole number of days over 0",
            );
        }
        for exclude in ["{}", "{rules: a}", "a"] {
            let error = read(&format!("audit: {{exclude: [{exclude}]}}")).expect_err(exclude);
            assert!(error.contains("a list of mappings"), "{error}");
        }
    }
}
