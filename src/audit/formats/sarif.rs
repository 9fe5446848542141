//! SARIF 2.1.0 (OASIS), as GitHub and editors read it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::audit::{Audit, Finding, Rule, Unchecked, rules};
use crate::place::Place;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What paths from the top of the repository are relative to: the name that GitHub gives it.
const TOP: &str = "%SRCROOT%";

/// Renders an audit; what was not checked is told as notifications of the run.
///
/// `find_below_top` gives the path of a file from the top of its repository, which is what readers of reports go by; a file
/// that is in none keeps the path that the user gave.
#[must_use]
pub fn render_sarif(audit: &Audit, find_below_top: impl Fn(&Path) -> Option<PathBuf>) -> String {
    let unchecked = audit.unchecked.iter().map(unchecked);
    let inapplicable = audit.inapplicable.iter().map(inapplicable);
    let results: Vec<Value> = audit
        .findings
        .iter()
        .map(|finding| result(finding, &find_below_top))
        .collect();
    let mut value = json!({
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
                "toolExecutionNotifications": unchecked.chain(inapplicable).collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    });
    let mut places = audit.findings.iter().flat_map(|finding| &finding.places);
    if places.any(|place| find_below_top(place.path()).is_some()) {
        value["runs"][0]["originalUriBaseIds"] =
            json!({ TOP: { "description": { "text": "The top of the git repository" } } });
    }
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

fn result(finding: &Finding, find_below_top: &impl Fn(&Path) -> Option<PathBuf>) -> Value {
    let index = rules().iter().position(|rule| rule.id == finding.rule.id);
    let text = match &finding.hint {
        Some(hint) => format!("{} ({hint})", finding.message),
        None => finding.message.clone(),
    };
    let mut places = finding
        .places
        .iter()
        .map(|place| location(place, find_below_top));
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

fn unchecked(one: &Unchecked) -> Value {
    let Unchecked {
        rule,
        subject,
        reason,
    } = one;
    let text = format!("could not check `{}` of `{subject}`: {reason}", rule.id);
    notification(rule, "note", &text)
}

fn inapplicable(one: &Unchecked) -> Value {
    let Unchecked {
        rule,
        subject,
        reason,
    } = one;
    let text = format!("`{}` does not apply to `{subject}`: {reason}", rule.id);
    notification(rule, "none", &text)
}

fn notification(rule: &Rule, level: &str, text: &str) -> Value {
    json!({
        "level": level,
        "message": { "text": text },
        "associatedRule": { "id": rule.id },
    })
}

fn location(place: &Place, find_below_top: &impl Fn(&Path) -> Option<PathBuf>) -> Value {
    let artifact = match find_below_top(place.path()) {
        Some(path) => json!({ "uri": uri(&path), "uriBaseId": TOP }),
        None => json!({ "uri": uri(place.path()) }),
    };
    let mut physical = json!({ "artifactLocation": artifact });
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
