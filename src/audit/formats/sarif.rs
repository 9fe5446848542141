//! SARIF 2.1.0 (OASIS), as GitHub and editors read it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::audit::{Audit, Finding, Rule, Unchecked, rules};
use crate::place::Place;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Renders an audit; what could not be checked is told as notifications of the run.
#[must_use]
pub fn render_sarif(audit: &Audit) -> String {
    let value = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "pkg",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules().iter().map(rule).collect::<Vec<_>>(),
                },
            },
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications":
                    audit.unchecked.iter().map(notification).collect::<Vec<_>>(),
            }],
            "results": audit.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    });
    format!("{value:#}\n")
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.summary },
        "help": { "text": rule.page, "markdown": rule.page },
        "defaultConfiguration": { "level": rule.severity.as_str() },
    })
}

fn result(finding: &Finding) -> Value {
    let index = rules().iter().position(|rule| rule.id == finding.rule.id);
    let text = match &finding.hint {
        Some(hint) => format!("{} ({hint})", finding.message),
        None => finding.message.clone(),
    };
    let mut places = finding.places.iter().map(location);
    let first: Vec<Value> = places.next().into_iter().collect();
    let mut value = json!({
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.severity.as_str(),
        "message": { "text": text },
        "locations": first,
    });
    let rest: Vec<Value> = places.collect();
    if !rest.is_empty() {
        value["relatedLocations"] = rest.into();
    }
    value
}

fn notification(one: &Unchecked) -> Value {
    json!({
        "level": "note",
        "message": { "text": format!("could not check `{}` of `{}`: {}", one.rule.id, one.subject, one.reason) },
        "associatedRule": { "id": one.rule.id },
    })
}

fn location(place: &Place) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(place.path()) } });
    let mut region = Map::new();
    if let Some(line) = place.line_number() {
        region.insert("startLine".to_owned(), line.into());
    }
    if let Some(column) = place.column_number() {
        region.insert("startColumn".to_owned(), column.into());
    }
    if !region.is_empty() {
        physical["region"] = region.into();
    }
    json!({ "physicalLocation": physical })
}

/// Writes a path as a reference of RFC 3986.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        for (path, expected) in [
            (
                "images/a/Dockerfile.template",
                "images/a/Dockerfile.template",
            ),
            ("/tmp/a b", "file:///tmp/a%20b"),
            ("./é#x", "./%C3%A9%23x"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }
}
