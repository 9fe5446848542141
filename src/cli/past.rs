//! What past failures mean for a plan, in words and as JSON: what waits for its next try, and what that blocks.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, FixedOffset, SecondsFormat};
use serde_json::{Value, json};

use super::prepare::Prepared;
use crate::catalog::ImageId;
use crate::error::{Diagnostic, Severity};
use crate::ledger::{Due, InputsSince, NextTry, PastFailures};
use crate::plan::Action;

/// What past failures mean for the steps of a plan.
pub(super) struct Past {
    failures: BTreeMap<ImageId, PastFailures>,
    /// What is not tried because of an image that waits, by that.
    blocked: BTreeMap<ImageId, ImageId>,
}

impl Past {
    /// Follows from what waits what is blocked by it.
    pub(super) fn new(prepared: &Prepared, failures: BTreeMap<ImageId, PastFailures>) -> Self {
        let mut past = Self {
            failures,
            blocked: BTreeMap::new(),
        };
        for step in &prepared.plan.steps {
            let is_made = matches!(
                step.action,
                Action::Build(_) | Action::Verify | Action::Publish
            );
            if !is_made {
                continue;
            }
            let parents = prepared.loaded.graph.parents(step.image).iter();
            let mut by = parents.filter_map(|parent| {
                let waits = past.until(*parent).map(|_| *parent);
                waits.or_else(|| past.blocked.get(parent).copied())
            });
            if let Some(by) = by.next() {
                past.blocked.insert(step.image, by);
            }
        }
        past
    }

    /// Tells whether an image is not tried because it failed, and not because of another one.
    pub(super) fn waits(&self, image: ImageId) -> bool {
        self.until(image).is_some() && !self.blocked.contains_key(&image)
    }

    /// Gives the log of the last try, where it is still there.
    pub(super) fn log(&self, image: ImageId) -> Option<&Path> {
        self.failures.get(&image)?.log.as_deref()
    }

    /// Gives the time before which an image is not tried, where it waits.
    fn until(&self, image: ImageId) -> Option<Due> {
        match self.failures.get(&image)?.next {
            NextTry::NotBefore(due) => Some(due),
            NextTry::Now => None,
        }
    }

    /// Says what is done with an image instead of what is planned, and why, where something stands against that.
    pub(super) fn instead(
        &self,
        prepared: &Prepared,
        image: ImageId,
    ) -> Option<(&'static str, String)> {
        if let Some(by) = self.blocked.get(&image) {
            let by = &prepared.loaded.catalog.image(*by).name;
            return Some(("blocked", format!("{by} waits")));
        }
        let until = self.until(image)?;
        let failed = self.describe(image)?;
        Some(("wait", format!("{failed}, next try {until}")))
    }

    /// Says how often an image failed, and whether it would be the same again.
    pub(super) fn describe(&self, image: ImageId) -> Option<String> {
        let past = self.failures.get(&image)?;
        let times = match past.failures {
            1 => "once".to_owned(),
            times => format!("{times} times in a row"),
        };
        Some(match past.inputs {
            InputsSince::Same => format!("failed {times} with the same inputs"),
            InputsSince::Changed => format!("failed {times}, with other inputs"),
        })
    }

    /// Tells of each image that waits how long, what that blocks, and where to read on.
    pub(super) fn warnings(&self, prepared: &Prepared) -> Vec<Diagnostic> {
        let catalog = &prepared.loaded.catalog;
        let waiting = self
            .failures
            .keys()
            .filter(|image| !self.blocked.contains_key(image));
        let each = waiting.filter_map(|image| {
            let until = self.until(*image)?;
            let failed = self.describe(*image)?;
            let label = &catalog.image(*image).label;
            let mut message = format!("{label} {failed}, and is not tried before {until}");
            let blocked = self.blocked.iter().filter(|(_, by)| *by == image);
            let blocked = blocked.map(|(image, _)| catalog.image(*image).name.to_string());
            let blocked: Vec<String> = blocked.collect();
            if !blocked.is_empty() {
                message.extend(["; it blocks ", &blocked.join(", ")]);
            }
            let mut diagnostic = Diagnostic::new(Severity::Warning, message);
            if let Some(log) = &self.failures[image].log {
                diagnostic =
                    diagnostic.hint(format!("the log of the last try is {}", log.display()));
            }
            Some(diagnostic)
        });
        let mut warnings: Vec<Diagnostic> = each.collect();
        if let Some(last) = warnings.last_mut() {
            last.hints
                .push("`pkg build --retry` tries now what waits".to_owned());
        }
        warnings
    }

    /// Gives the fields of a step.
    pub(super) fn to_json(
        &self,
        prepared: &Prepared,
        image: ImageId,
    ) -> [(&'static str, Value); 2] {
        let past = self.failures.get(&image).map(|past| {
            json!({
                "failures": past.failures,
                "last": render_json_time(past.last),
                "inputs": match past.inputs {
                    InputsSince::Same => "same",
                    InputsSince::Changed => "changed",
                },
                "waits_until": match past.next {
                    NextTry::NotBefore(due) => Some(render_json_time(due.time)),
                    NextTry::Now => None,
                },
                "log": past.log,
            })
        });
        let by = self.blocked.get(&image);
        let by = by.map(|by| prepared.loaded.catalog.image(*by).name.to_string());
        [("failed", json!(past)), ("blocked_by", json!(by))]
    }
}

fn render_json_time(time: DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}
