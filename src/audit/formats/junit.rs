//! The XML of `JUnit`, as CI systems read it: a suite for each image, a case for each rule that has something to say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::audit::{Audit, Finding, Unchecked};
use crate::settings::Severity;
use crate::xml::escape;

/// What one rule says of one image.
#[derive(Default)]
struct Case<'a> {
    findings: Vec<&'a Finding>,
    unchecked: Vec<&'a Unchecked>,
}

/// Renders an audit; findings below `fail_on` are passed cases that say something.
#[must_use]
pub fn render_junit(audit: &Audit, fail_on: Severity) -> String {
    let mut suites: BTreeMap<&str, BTreeMap<&str, Case<'_>>> = BTreeMap::new();
    for subject in &audit.subjects {
        suites.entry(subject).or_default();
    }
    for one in &audit.findings {
        let suite = suites.entry(&one.subject).or_default();
        suite.entry(one.rule.id).or_default().findings.push(one);
    }
    for one in audit.unchecked.iter().chain(&audit.inapplicable) {
        let suite = suites.entry(&one.subject).or_default();
        suite.entry(one.rule.id).or_default().unchecked.push(one);
    }
    let mut totals = [0; 3];
    let mut body = String::new();
    for (name, cases) in &suites {
        write_suite(&mut body, name, cases, fail_on, &mut totals);
    }
    let [tests, failures, skipped] = totals;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pkg audit\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n{body}</testsuites>\n"
    )
}

fn write_suite(
    out: &mut String,
    name: &str,
    cases: &BTreeMap<&str, Case<'_>>,
    fail_on: Severity,
    totals: &mut [usize; 3],
) {
    let name = escape(name);
    let mut counts = [0; 3];
    let mut body = String::new();
    for (rule, case) in cases {
        counts[0] += 1;
        let is_failed = case.findings.iter().any(|one| one.severity >= fail_on);
        let told: Vec<String> = case.findings.iter().map(|one| tell(one)).collect();
        let told = escape(&told.join("\n"));
        let inside = if is_failed {
            counts[1] += 1;
            let message = case.findings.first().map_or("", |one| &one.message);
            let severity = case
                .findings
                .first()
                .map_or(Severity::Note, |one| one.severity);
            format!(
                "<failure type=\"{severity}\" message=\"{}\">{told}</failure>",
                escape(message)
            )
        } else if told.is_empty() {
            counts[2] += 1;
            let reasons: Vec<&str> = case
                .unchecked
                .iter()
                .map(|one| one.reason.as_str())
                .collect();
            format!("<skipped message=\"{}\"/>", escape(&reasons.join("; ")))
        } else {
            format!("<system-out>{told}</system-out>")
        };
        let line = format!(
            "    <testcase classname=\"{name}\" name=\"{rule}\" time=\"0\">{inside}</testcase>\n"
        );
        body.push_str(&line);
    }
    if cases.is_empty() {
        counts[0] += 1;
        let line = format!("    <testcase classname=\"{name}\" name=\"audit\" time=\"0\"/>\n");
        body.push_str(&line);
    }
    let [tests, failures, skipped] = counts;
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"0\">\n{body}  </testsuite>"
    );
    for (total, count) in totals.iter_mut().zip(counts) {
        *total += count;
    }
}

fn tell(finding: &Finding) -> String {
    let places: Vec<String> = finding.places.iter().map(ToString::to_string).collect();
    format!(
        "{}: {}: {}",
        places.join(", "),
        finding.severity,
        finding.message
    )
}
