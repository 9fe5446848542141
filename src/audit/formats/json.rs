//! This program's own JSON, version 1 (docs/json.md).

use serde_json::{Value, json};

use crate::audit::{Audit, Finding, Unchecked};
use crate::place::Place;
use crate::settings::Severity;

/// Renders an audit.
#[must_use]
pub fn render_json(audit: &Audit) -> String {
    let findings: Vec<Value> = audit.findings.iter().map(finding).collect();
    let unchecked = |list: &[Unchecked]| -> Vec<Value> {
        list.iter()
            .map(|one| json!({ "rule": one.rule.id, "image": one.subject, "reason": one.reason }))
            .collect()
    };
    let value = json!({
        "version": 1,
        "images": audit.subjects.len(),
        "counts": {
            "error": audit.count(Severity::Error),
            "warning": audit.count(Severity::Warning),
            "note": audit.count(Severity::Note),
        },
        "findings": findings,
        "unchecked": unchecked(&audit.unchecked),
        "inapplicable": unchecked(&audit.inapplicable),
    });
    format!("{value:#}\n")
}

fn finding(one: &Finding) -> Value {
    json!({
        "rule": one.rule.id,
        "severity": one.severity.as_str(),
        "image": one.subject,
        "message": one.message,
        "places": one.places.iter().map(place).collect::<Vec<_>>(),
        "hint": one.hint,
        "fixable": one.fix.is_some(),
    })
}

fn place(place: &Place) -> Value {
    json!({
        "file": place.path(),
        "line": place.line_number(),
        "column": place.column_number(),
    })
}
