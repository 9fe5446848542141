//! Asks every rule about every subject.

use std::collections::{BTreeSet, HashMap};

use super::finding::{Audit, Finding, Notes};
use super::policy::Policy;
use super::rule::{Check, Rule, rules};
use super::subject::{Fault, Ground, Subject};
use super::tokens::redact;

/// Audits subjects; `faults` are what reading them came upon.
#[must_use]
pub fn audit(
    subjects: &[Subject<'_>],
    ground: &Ground<'_>,
    faults: &[Fault],
    policy: &Policy,
) -> Audit {
    let mut audit = Audit {
        subjects: subjects.iter().map(|one| one.title.clone()).collect(),
        ..Audit::default()
    };
    for rule in rules() {
        let Some(severity) = policy.severity(rule) else {
            continue;
        };
        for fault in faults.iter().filter(|fault| fault.rule == rule.id) {
            let found = of_fault(fault, rule, subjects);
            let finding = Finding { severity, ..found };
            audit.findings.push(finding);
        }
        let Check::Subject(check) = rule.check else {
            continue;
        };
        for subject in subjects {
            let mut notes = Notes {
                rule,
                severity,
                subject,
                findings: Vec::new(),
                unchecked: Vec::new(),
                inapplicable: Vec::new(),
            };
            check(subject, ground, &mut notes);
            audit.findings.append(&mut notes.findings);
            audit.unchecked.append(&mut notes.unchecked);
            audit.inapplicable.append(&mut notes.inapplicable);
        }
    }
    let allowed: HashMap<&str, &BTreeSet<String>> = subjects
        .iter()
        .map(|subject| (subject.title.as_str(), &subject.allowed))
        .collect();
    let is_allowed = |id: &str, title: &str| allowed.get(title).is_some_and(|ids| ids.contains(id));
    let counts =
        |rule: &Rule, title: &str| !policy.excludes(rule, title) && !is_allowed(rule.id, title);
    audit.findings.retain(|one| counts(one.rule, &one.subject));
    for list in [&mut audit.unchecked, &mut audit.inapplicable] {
        list.retain(|one| counts(one.rule, &one.subject));
    }
    hide_secrets(&mut audit);
    audit.findings.sort_by(|a, b| {
        (&a.subject, &a.places, a.rule.id).cmp(&(&b.subject, &b.places, b.rule.id))
    });
    audit.findings.dedup_by(|a, b| {
        (a.rule.id, &a.places, &a.message, &a.subject)
            == (b.rule.id, &b.places, &b.message, &b.subject)
    });
    audit
}

/// Whatever a finding quotes, the secrets in it stay where they are.
fn hide_secrets(audit: &mut Audit) {
    for finding in &mut audit.findings {
        finding.message = redact(&finding.message);
        finding.hint = finding.hint.as_deref().map(redact);
    }
    for one in &mut audit.unchecked {
        one.reason = redact(&one.reason);
    }
}

fn of_fault(fault: &Fault, rule: &'static Rule, subjects: &[Subject<'_>]) -> Finding {
    let directory = fault.directory.as_deref();
    let of_directory = directory.map(|directory| {
        let subject = subjects.iter().find(|one| one.directory == directory);
        subject.map_or_else(|| directory.display().to_string(), |one| one.title.clone())
    });
    Finding {
        rule,
        severity: rule.severity,
        subject: of_directory.unwrap_or_default(),
        message: fault.message.clone(),
        places: fault.places.clone(),
        hint: fault.hint.clone(),
        fix: None,
    }
}
