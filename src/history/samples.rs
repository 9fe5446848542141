//! Changelogs for tests, one line for each entry: `name version | author <mail> | date, or - | reason`.

use std::path::Path;

use super::{Record, records};
use crate::debian::{Author, Entry};

/// Reads one text for each changelog; `;` parts the lines of a reason.
#[track_caller]
pub(super) fn parse(changelogs: &[&str]) -> Vec<Record> {
    let read = |text: &&str| {
        let entries: Vec<Entry> = text.lines().map(parse_entry).collect();
        let image = entries[0].package.clone();
        records(&image, &Path::new(&image).join("changelog"), entries)
    };
    changelogs.iter().flat_map(read).collect()
}

fn parse_entry(line: &str) -> Entry {
    let parts: Vec<&str> = line.trim().split('|').map(str::trim).collect();
    let [what, who, when, why] = parts[..] else {
        panic!("four parts: {line}");
    };
    let (package, version) = what.split_once(' ').expect("name and version");
    Entry {
        package: package.to_owned(),
        version: version.parse().expect("a version"),
        distributions: vec!["stable".to_owned()],
        urgency: Some("high".to_owned()),
        body: why
            .split(';')
            .map(|line| format!("   {}", line.trim()))
            .collect(),
        author: who.split_once('<').map(|(name, email)| Author {
            name: name.trim().to_owned(),
            email: email.trim_end_matches('>').to_owned(),
        }),
        date: (when != "-").then(|| when.parse().expect("a date")),
        date_text: when.to_owned(),
        header_line: 1,
        trailer_line: Some(5),
    }
}

/// Names entries: `web 2, app 3`.
pub(super) fn named(records: &[&Record]) -> String {
    let names = records
        .iter()
        .map(|record| format!("{} {}", record.entry.package, record.entry.version));
    names.collect::<Vec<_>>().join(", ")
}
