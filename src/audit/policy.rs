//! What the settings and the command line make of the rules.

use std::collections::BTreeSet;

use super::rule::{Rule, find_rule, near_rules};
use crate::catalog::Pattern;
use crate::settings::{AuditSettings, SettingsError, SettingsErrors, Severity};

/// Which rules are asked, what their findings weigh, and what is no finding.
#[derive(Debug, Default)]
pub struct Policy {
    levels: Vec<(&'static str, Option<Severity>)>,
    excluded: Vec<(Option<&'static str>, Option<Pattern>)>,
    only: BTreeSet<&'static str>,
}

impl Policy {
    /// Reads what the settings say; `only` are the rules that are asked, all where it is empty.
    pub fn new(
        settings: &AuditSettings,
        only: impl IntoIterator<Item = &'static Rule>,
    ) -> Result<Self, SettingsErrors> {
        let mut policy = Self {
            only: only.into_iter().map(|rule| rule.id).collect(),
            ..Self::default()
        };
        let mut errors = Vec::new();
        for level in &settings.rules {
            match find_rule(&level.rule) {
                Some(rule) => policy.levels.push((rule.id, level.severity)),
                None => errors.push(unknown(&level.rule, &level.place)),
            }
        }
        for exclusion in &settings.exclude {
            let rule = exclusion.rule.as_deref().map(|id| {
                find_rule(id).map_or_else(|| Err(unknown(id, &exclusion.place)), |rule| Ok(rule.id))
            });
            let pattern = exclusion.image.as_deref().map(Pattern::parse);
            match (rule.transpose(), pattern.transpose()) {
                (Ok(rule), Ok(pattern)) => policy.excluded.push((rule, pattern)),
                (Err(error), _) => errors.push(error),
                (_, Err(_)) => errors.push(SettingsError::Value {
                    place: exclusion.place.clone(),
                    key: "audit.exclude",
                    expected: "a shell pattern that is not huge",
                }),
            }
        }
        match SettingsErrors::of(errors) {
            Some(errors) => Err(errors),
            None => Ok(policy),
        }
    }

    /// Gives what the findings of a rule weigh; nothing where it is not asked.
    pub(super) fn severity(&self, rule: &Rule) -> Option<Severity> {
        if self.only.is_empty() {
            let level = self.levels.iter().rev().find(|(id, _)| *id == rule.id);
            level.map_or(Some(rule.severity), |(_, severity)| *severity)
        } else {
            // What is asked for by name is answered, also where the settings put it off.
            let level = self.levels.iter().rev().find(|(id, _)| *id == rule.id);
            let severity = level.and_then(|(_, severity)| *severity);
            let is_asked = self.only.contains(rule.id);
            is_asked.then_some(severity.unwrap_or(rule.severity))
        }
    }

    /// Tells whether the settings take a rule's findings at an image for none.
    pub(super) fn excludes(&self, rule: &Rule, image: &str) -> bool {
        self.excluded.iter().any(|(id, pattern)| {
            id.is_none_or(|id| id == rule.id)
                && pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(image))
        })
    }
}

fn unknown(id: &str, place: &crate::place::Place) -> SettingsError {
    SettingsError::Rule {
        place: place.clone(),
        rule: id.to_owned(),
        near: near_rules(id).first().copied(),
    }
}
