//! The times of failures in the ledger: what waits goes by the machine's clock, so time passes for it when they grow older.

use std::fs;
use std::path::Path;

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde_json::Value;

/// Makes the failures that are remembered below a home directory older.
pub(crate) fn age(home: &Path, minutes: i64) {
    each(home, |attempt| {
        let last = last(attempt) - TimeDelta::minutes(minutes);
        attempt["last"] = Value::from(last.to_rfc3339());
    });
}

/// Tells when an image failed last.
pub(crate) fn find_last_failure(home: &Path, name: &str) -> DateTime<FixedOffset> {
    let mut found = None;
    each_named(home, |key, attempt| {
        if key.rsplit('/').next() == Some(name) {
            found = Some(last(attempt));
        }
    });
    found.unwrap_or_else(|| panic!("{name} has not failed"))
}

fn last(attempt: &Value) -> DateTime<FixedOffset> {
    let text = attempt["last"].as_str().expect("a text");
    DateTime::parse_from_rfc3339(text).expect("a time")
}

fn each(home: &Path, mut change: impl FnMut(&mut Value)) {
    each_named(home, |_, attempt| change(attempt));
}

fn each_named(home: &Path, mut change: impl FnMut(&str, &mut Value)) {
    let Ok(entries) = fs::read_dir(home.join(".local/state/pkg/ledger-1")) else {
        return;
    };
    let files = entries.map(|entry| entry.expect("an entry").path());
    for file in files.filter(|file| file.extension().is_some_and(|it| it == "json")) {
        let text = fs::read_to_string(&file).expect("a file");
        let mut notes: Value = serde_json::from_str(&text).expect("JSON");
        for (key, attempt) in notes["attempts"].as_object_mut().expect("attempts") {
            change(key, attempt);
        }
        fs::write(&file, notes.to_string()).expect("a file");
    }
}
