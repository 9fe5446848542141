//! The model: settings, patterns, names, dates, and what an audit makes of files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::DateTime;

use super::{Target, count_lines, count_lines_of_yaml};
use crate::audit::{
    Audit, Fix, Ground, History, Policy, Published, Recipe, Subject, apply, audit, find_allowed,
    render_json, render_junit, render_sarif,
};
use crate::catalog::{Catalog, ImageName, Pattern, Taken};
use crate::debian::{DependencyField, parse_changelog, parse_control};
use crate::dockerfile::parse_dockerfile;
use crate::history::{parse_moment, parse_reason};
use crate::place::Place;
use crate::plan::Inputs;
use crate::settings::{Layer, Settings, Severity, parse_settings};

/// The functions by name.
pub(super) const TARGETS: &[Target] = &[
    ("catalog_name", catalog_name),
    ("catalog_pattern", catalog_pattern),
    ("catalog_taken", catalog_taken),
    ("history_moment", history_moment),
    ("history_reason", history_reason),
    crate::lock::fuzzing::TARGET,
    ("plan_inputs", plan_inputs),
];

/// Those of an audit.
pub(super) const AUDIT: &[Target] = &[("audit_files", audit_files), ("audit_fix", audit_fix)];

/// An audit of one image of any three files: its findings point into them, and its reports are what they say they are.
fn audit_files(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\0').map(str::to_owned);
    let [template, changelog, control] = [(); 3].map(|()| parts.next());
    let template = template.unwrap_or_default();
    let dockerfile = parse_dockerfile(&template).ok();
    let path = Path::new("images/a/Dockerfile.template");
    let recipe = dockerfile.as_ref().map(|dockerfile| Recipe {
        path,
        source: &template,
        text: &template,
        dockerfile,
    });
    let subject = Subject {
        title: "a".to_owned(),
        directory: Path::new("images/a"),
        root: Path::new("images"),
        image: None,
        changelog: changelog
            .as_deref()
            .and_then(|text| parse_changelog(text).ok()),
        changelog_text: changelog.clone(),
        control: control.as_deref().and_then(|text| parse_control(text).ok()),
        control_text: control.clone(),
        declaration_text: None,
        recipe,
        uses: Vec::new(),
        dependants: BTreeSet::new(),
        has_test: false,
        history: History::Unchanged,
        published: Published::NotAsked,
        allowed: find_allowed(&template),
    };
    let (settings, catalog) = (Settings::default(), Catalog::default());
    let ground = Ground {
        settings: &settings,
        catalog: &catalog,
        labels: HashMap::new(),
        recipes: BTreeMap::new(),
        distributions: BTreeSet::new(),
        now: DateTime::from_timestamp(1_800_000_000, 0)
            .expect("a time")
            .fixed_offset(),
    };
    let lines = [&template].into_iter().chain(&changelog).chain(&control);
    let most = lines.map(|text| count_lines(text)).max();
    let audited = audit(&[subject], &ground, &[], &Policy::default());
    check_places(&audited, most.unwrap_or_default());
    // The reports tell of every rule, however few findings there are.
    if crate::is_chosen(bytes, 64) {
        check_reports(&audited);
    }
}

fn check_places(audited: &Audit, most: usize) {
    for finding in &audited.findings {
        let mut lines = finding.places.iter().filter_map(Place::line_number);
        assert!(lines.all(|line| (1..=most).contains(&line)), "{finding:?}");
    }
}

fn check_reports(audited: &Audit) {
    for json in [render_json(audited), render_sarif(audited, |_| None)] {
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    }
    // XML 1.0 has no other control characters, not even as references.
    let xml = render_junit(audited, Severity::Error);
    let is_wrong = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    assert!(!xml.contains(is_wrong), "{xml:?}");
}

/// What is mended reads as it was meant to, and is not mended again.
fn audit_fix(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("control").to_owned();
    let (field, name) = (DependencyField::Depends, "other".to_owned());
    for fix in [
        Fix::FinalNewline { path: path.clone() },
        Fix::Package {
            path: path.clone(),
            name: name.clone(),
        },
        Fix::Dependency {
            path,
            field,
            name: name.clone(),
        },
    ] {
        let Some(changed) = apply(&fix, &text) else {
            continue;
        };
        match fix {
            Fix::FinalNewline { .. } => {
                assert!(changed.starts_with(&*text) && apply(&fix, &changed).is_none());
            }
            Fix::Package { .. } => {
                let package = parse_control(&changed).expect("a control file").package;
                assert_eq!(package.map(|field| field.text), Some(name.clone()));
            }
            Fix::Dependency { .. } => {
                let [old, new] =
                    [&*text, &changed].map(|text| parse_control(text).expect("a control file"));
                assert_eq!(new.dependencies.len(), old.dependencies.len() + 1);
                assert!(
                    new.dependencies
                        .iter()
                        .any(|one| one.name == name && one.field == field)
                );
            }
        }
    }
}

/// A name of an image makes a label.
fn catalog_name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(name) = text.parse::<ImageName>() {
        assert_eq!(name.as_str(), text);
        if let Ok(label) = Settings::default().naming.label(name.as_str(), "1") {
            assert_eq!(label.to_string(), format!("{text}:1"));
        } else {
            assert!(text.len() > 100, "{text:?}");
        }
    }
}

/// A pattern and a label: one without special characters fits itself alone.
fn catalog_pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, label) = text
        .split_once('\0')
        .unwrap_or((&text, "r.example.org/a:1"));
    let Ok(read) = Pattern::parse(pattern) else {
        return;
    };
    let fits = read.matches(label);
    if !pattern.contains(['*', '?', '[']) {
        assert_eq!(fits, pattern == label, "{pattern:?} {label:?}");
    }
    if pattern.contains('*') && pattern.chars().all(|c| c == '*') {
        assert!(fits, "{pattern:?} {label:?}");
    }
}

/// A recipe takes every file, or no file, or some: more instructions never take fewer.
fn catalog_taken(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (file, text) = text.split_once('\0').unwrap_or(("src/a", &text));
    let Ok(dockerfile) = parse_dockerfile(text) else {
        return;
    };
    let mut taken = Taken::by(&dockerfile);
    let held = taken.holds(file);
    assert!(!(held && taken.is_nothing()));
    taken.extend(Taken::by_children_of(&dockerfile));
    assert!(!held || taken.holds(file), "{file:?}");
}

/// A day or a time is read; a day is told as it was asked for.
fn history_moment(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let now = DateTime::from_timestamp(1_800_000_000, 0)
        .expect("a time")
        .fixed_offset();
    if let Ok(moment) = parse_moment(&text, now) {
        assert!(
            !(moment.is_after(now) && moment.is_before(now)),
            "{moment:?}"
        );
    }
}

/// A reason holds words of the entry, and no line is empty.
fn history_reason(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let body: Vec<String> = text.lines().map(str::to_owned).collect();
    let reason = parse_reason(&body);
    let size: usize = reason.changes.iter().map(String::len).sum();
    assert!(size <= text.len(), "{reason:?}");
    assert!(
        reason.changes.iter().all(|change| !change.is_empty()),
        "{reason:?}"
    );
}

/// A label of inputs reads as it was written.
fn plan_inputs(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(inputs) = text.parse::<Inputs>() {
        let written = inputs.to_string();
        // Each byte that could part the words takes three.
        assert!(written.len() <= 3 * text.len(), "{written}");
        assert!(
            written.len() > 64 * 1024 || written.parse() == Ok(inputs),
            "{written}"
        );
    }
}

/// One file, or one over another one; an error points into its file.
pub(super) fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (lower, upper) = match text.split_once('\0') {
        Some((lower, upper)) => (lower, Some(upper)),
        None => (text.as_ref(), None),
    };
    let layers: Vec<Layer<'_>> = [("lower", Some(lower)), ("upper", upper)]
        .into_iter()
        .filter_map(|(path, text)| {
            Some(Layer {
                path: Path::new(path),
                text: text?,
            })
        })
        .collect();
    match parse_settings(&layers) {
        Ok(read) => {
            // Those that every template sees come on top.
            assert!(read.settings.variables().iter().count() <= text.len() + 100);
        }
        Err(errors) => {
            for error in errors.iter() {
                let place = error.place();
                let of = layers.iter().find(|layer| layer.path == place.path());
                let lines = count_lines_of_yaml(of.expect("the file").text);
                let line = place.line_number().unwrap_or(1);
                assert!((1..=lines).contains(&line), "{error}");
            }
        }
    }
}
