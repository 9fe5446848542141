//! A rule as a value.

use super::finding::Notes;
use super::subject::{Ground, Subject};
use super::table::RULES;
use crate::near::find_near;
use crate::settings::Severity;

/// One thing that may be wrong with an image directory.
#[derive(Debug)]
pub struct Rule {
    /// The name, in small letters and hyphens.
    pub id: &'static str,
    /// What a finding weighs, unless the settings say otherwise.
    pub severity: Severity,
    /// What a finding says, in one line.
    pub summary: &'static str,
    /// The page that explains it, in Markdown.
    pub page: &'static str,
    pub(super) check: Check,
}

/// How the findings of a rule come about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// Reading the catalog comes upon them.
    Reading,
    /// Each subject is looked at.
    Subject(fn(&Subject<'_>, &Ground<'_>, &mut Notes<'_>)),
}

/// Gives all rules, in the order of their ids.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &RULES
}

/// Finds a rule by its id.
#[must_use]
pub fn find_rule(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id == id)
}

/// Gives the ids that a text may have meant: those that look like it, else those of which it is a word.
#[must_use]
pub fn near_rules(text: &str) -> Vec<&'static str> {
    let ids = || rules().iter().map(|rule| rule.id);
    let near = find_near(text, ids());
    if near.is_empty() {
        return ids()
            .filter(|id| id.split('-').any(|word| word == text))
            .collect();
    }
    near
}
