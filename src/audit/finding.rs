//! What an audit gives.

use super::fix::Fix;
use super::rule::Rule;
use super::subject::{Recipe, Subject};
use crate::place::Place;
use crate::settings::Severity;

/// One result of a rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What it weighs.
    pub severity: Severity,
    /// The image, or the directory of one that has no name.
    pub subject: String,
    /// What is wrong, on one line without a full stop.
    pub message: String,
    /// Where, most important first; at least one.
    pub places: Vec<Place>,
    /// What can be done about it.
    pub hint: Option<String>,
    /// What `--fix` does about it.
    pub fix: Option<Fix>,
}

/// A rule that did not look at a subject: neither fine nor at fault.
#[derive(Clone, Debug)]
pub struct Unchecked {
    /// The rule.
    pub rule: &'static Rule,
    /// The image, or the directory of one that has no name.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// All that an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// The findings, in the order of subjects, files and lines.
    pub findings: Vec<Finding>,
    /// What could not be checked.
    pub unchecked: Vec<Unchecked>,
    /// What there is nothing to check of: rules on Dockerfiles, where an image has none.
    pub inapplicable: Vec<Unchecked>,
    /// Every subject, in the order of the findings.
    pub subjects: Vec<String>,
}

impl Audit {
    /// Counts the findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings.filter(|one| one.severity == severity).count()
    }
}

/// Takes down what one rule finds at one subject.
pub(super) struct Notes<'a> {
    pub(super) rule: &'static Rule,
    pub(super) severity: Severity,
    pub(super) subject: &'a Subject<'a>,
    pub(super) findings: Vec<Finding>,
    pub(super) unchecked: Vec<Unchecked>,
    pub(super) inapplicable: Vec<Unchecked>,
}

impl Notes<'_> {
    /// Adds a finding, which can be told more of.
    pub(super) fn add(&mut self, place: Place, message: impl Into<String>) -> &mut Finding {
        self.findings.push(Finding {
            rule: self.rule,
            severity: self.severity,
            subject: self.subject.title.clone(),
            message: message.into(),
            places: vec![place],
            hint: None,
            fix: None,
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Adds a finding about an entry of the changelog, counted from 0 at the top: what was written once is worth a note.
    pub(super) fn add_of_entry(
        &mut self,
        number: usize,
        place: Place,
        message: impl Into<String>,
    ) -> &mut Finding {
        let severity = if number == 0 {
            self.severity
        } else {
            self.severity.min(Severity::Note)
        };
        let finding = self.add(place, message);
        finding.severity = severity;
        finding
    }

    /// Gives the rendered recipe, and says why there is none.
    pub(super) fn recipe<'s>(&mut self, subject: &'s Subject<'s>) -> Option<&'s Recipe<'s>> {
        if subject.recipe.is_none() {
            if subject.is_declared() {
                let reason = "an `image.yaml` declares it, and it has no Dockerfile";
                self.inapplicable.push(self.unchecked(reason));
            } else {
                self.cannot(subject.lack_of_recipe());
            }
        }
        subject.recipe.as_ref()
    }

    /// Says that the rule cannot look at the subject.
    pub(super) fn cannot(&mut self, reason: impl Into<String>) {
        self.unchecked.push(self.unchecked(reason));
    }

    fn unchecked(&self, reason: impl Into<String>) -> Unchecked {
        Unchecked {
            rule: self.rule,
            subject: self.subject.title.clone(),
            reason: reason.into(),
        }
    }
}

impl Finding {
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn also(&mut self, place: Place) -> &mut Self {
        self.places.push(place);
        self
    }

    pub(super) fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fix = Some(fix);
        self
    }
}
