//! Many entries as few items.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use super::{Reason, Record};

/// What went out on one day.
#[derive(Clone, Debug)]
pub struct Day<'a> {
    /// The day.
    pub date: NaiveDate,
    /// What happened on it, newest first.
    pub items: Vec<Item<'a>>,
}

/// What became of one image.
#[derive(Clone, Debug)]
pub struct ImageHistory<'a> {
    /// Its present name.
    pub image: &'a str,
    /// What happened to it, newest first.
    pub items: Vec<Item<'a>>,
}

/// Entries that one author wrote for one reason.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The entries; at least one.
    pub records: Vec<&'a Record>,
    /// The entries of what is built on these images, written because of these entries.
    pub dependants: Vec<&'a Record>,
}

impl<'a> Item<'a> {
    fn new(record: &'a Record) -> Self {
        Self {
            records: vec![record],
            dependants: Vec::new(),
        }
    }

    /// Gives the entry that stands for all of them.
    #[must_use]
    pub fn first(&self) -> &'a Record {
        self.records[0]
    }

    fn has(&self, image: &str, changes: Option<&[String]>) -> bool {
        let is_it = |record: &&Record| record.image == image || record.entry.package == image;
        let reason = &self.first().reason;
        changes.is_none_or(|changes| reason.changes == changes) && self.records.iter().any(is_it)
    }
}

/// Folds entries that have dates, newest first, day by day.
#[must_use]
pub fn fold_by_day<'a>(records: &[&'a Record]) -> Vec<Day<'a>> {
    let mut days: BTreeMap<NaiveDate, Vec<&Record>> = BTreeMap::new();
    for record in records {
        if let Some(date) = record.entry.date {
            days.entry(date.date_naive()).or_default().push(record);
        }
    }
    let days = days.into_iter().rev();
    days.map(|(date, records)| Day {
        date,
        items: fold(&records),
    })
    .collect()
}

/// Folds entries, newest first, image by image in the order of their names.
#[must_use]
pub fn fold_by_image<'a>(records: &[&'a Record]) -> Vec<ImageHistory<'a>> {
    let mut images: BTreeMap<&str, Vec<Item<'a>>> = BTreeMap::new();
    for &record in records {
        let items = images.entry(&record.image).or_default();
        match items.last_mut() {
            Some(last) if is_same(last.first(), record) => last.records.push(record),
            _ => items.push(Item::new(record)),
        }
    }
    let images = images.into_iter();
    images
        .map(|(image, items)| ImageHistory { image, items })
        .collect()
}

/// Folds entries of which nobody knows when they were written.
#[must_use]
pub fn fold_undated<'a>(records: &[&'a Record]) -> Vec<Item<'a>> {
    records.iter().map(|record| Item::new(record)).collect()
}

fn is_same(a: &Record, b: &Record) -> bool {
    a.entry.author == b.entry.author && a.reason == b.reason
}

/// Folds the entries of one day: same author and reason to one item, dependants below what brought them about.
fn fold<'a>(records: &[&'a Record]) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut by_reason: HashMap<_, usize> = HashMap::new();
    for &record in records {
        let author = record.entry.author.as_ref();
        let author = author.map(|author| (author.name.as_str(), author.email.as_str()));
        let next = items.len();
        let index = *by_reason.entry((author, &record.reason)).or_insert(next);
        if index == next {
            items.push(Item::new(record));
        } else {
            items[index].records.push(record);
        }
    }
    let (refreshes, mut causes): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| item.first().reason.parent.is_some());
    let mut orphans = Vec::new();
    for refresh in refreshes {
        let Reason { changes, parent } = &refresh.first().reason;
        let parent = parent.as_deref().unwrap_or_default();
        // An image may have been updated twice on one day; the reason tells which update it was.
        let exact = causes
            .iter()
            .position(|item| item.has(parent, Some(changes)));
        match exact.or_else(|| causes.iter().position(|item| item.has(parent, None))) {
            Some(index) => causes[index].dependants.extend(refresh.records),
            None => orphans.push(refresh),
        }
    }
    causes.extend(orphans);
    for item in &mut causes {
        item.records
            .sort_by(|a, b| a.entry.package.cmp(&b.entry.package));
        item.dependants
            .sort_by(|a, b| a.entry.package.cmp(&b.entry.package));
    }
    causes.sort_by_key(|item| {
        let newest = item.records.iter().map(|record| record.entry.date).max();
        std::cmp::Reverse(newest)
    });
    causes
}

#[cfg(test)]
mod tests {
    use super::super::samples::{named, parse};
    use super::super::{Query, answer};
    use super::*;

    const ANN: &str = "Ann <ann@example.org>";
    const BEN: &str = "Ben <ben@example.org>";

    fn show(items: &[Item<'_>]) -> Vec<String> {
        let show = |item: &Item<'_>| match item.dependants.as_slice() {
            [] => named(&item.records),
            dependants => format!("{} > {}", named(&item.records), named(dependants)),
        };
        items.iter().map(show).collect()
    }

    #[track_caller]
    fn case(changelogs: &[String], expected: &[(&str, &[&str])]) {
        let texts: Vec<&str> = changelogs.iter().map(String::as_str).collect();
        let records = parse(&texts);
        let answer = answer(&records, &Query::default());
        let days: Vec<(String, Vec<String>)> = fold_by_day(&answer.dated)
            .iter()
            .map(|day| (day.date.to_string(), show(&day.items)))
            .collect();
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(day, items)| {
                let items = items.iter().map(|&item| item.to_owned()).collect();
                ((*day).to_owned(), items)
            })
            .collect();
        assert_eq!(days, expected);
    }

    #[test]
    fn one_author_and_one_reason_on_one_day_are_one_item() {
        case(
            &[
                format!("b 1 | {ANN} | 2026-11-20T10:00:00Z | * Weekly rebuild."),
                format!("a 1 | {ANN} | 2026-11-20T09:00:00Z | Weekly;rebuild."),
                format!("c 1 | {BEN} | 2026-11-20T09:30:00Z | Weekly rebuild."),
                format!("d 1 | {ANN} | 2026-11-21T00:10:00Z | Weekly rebuild."),
                "e 1 | | 2026-11-20T08:00:00Z | Weekly rebuild.".to_owned(),
            ],
            &[
                ("2026-11-21", &["d 1"]),
                ("2026-11-20", &["a 1, b 1", "c 1", "e 1"]),
            ],
        );
    }

    #[test]
    fn the_day_is_the_one_that_the_entry_names() {
        case(
            &[
                format!("a 1 | {ANN} | 2026-11-20T23:30:00-08:00 | x"),
                format!("b 1 | {ANN} | 2026-11-21T00:10:00Z | x"),
            ],
            &[("2026-11-21", &["b 1"]), ("2026-11-20", &["a 1"])],
        );
    }

    #[test]
    fn what_an_update_brought_about_stands_below_it() {
        let refresh = "Refresh for update in parent image tools:";
        case(
            &[
                format!(
                    "tools 3 | {ANN} | 2026-11-20T12:00:00Z | second
                     tools 2 | {ANN} | 2026-11-20T10:00:00Z | first"
                ),
                format!(
                    "web 3 | {ANN} | 2026-11-20T12:00:00Z | {refresh};second
                     web 2 | {ANN} | 2026-11-20T10:00:00Z | {refresh};first"
                ),
                // Somebody mended the text by hand, and somebody else wrote for a parent that has no entry of this day.
                format!("app 2 | {BEN} | 2026-11-20T12:00:00Z | {refresh};other words"),
                format!(
                    "cli 2 | {BEN} | 2026-11-20T09:00:00Z | Refresh for update in parent image base:;x"
                ),
                format!("late 2 | {ANN} | 2026-11-21T12:00:00Z | {refresh};second"),
            ],
            &[
                ("2026-11-21", &["late 2"]),
                (
                    "2026-11-20",
                    &["tools 3 > app 2, web 3", "tools 2 > web 2", "cli 2"],
                ),
            ],
        );
    }

    #[test]
    fn an_image_folds_what_follows_each_other() {
        let records = parse(&[
            &format!(
                "b 5 | {ANN} | 2026-11-20T10:00:00Z | Weekly rebuild.
                 b 4 | {ANN} | 2026-11-13T10:00:00Z | Weekly rebuild.
                 b 3 | {BEN} | 2026-11-10T10:00:00Z | New
                 b 2 | {ANN} | 2026-11-06T10:00:00Z | Weekly rebuild."
            ),
            &format!("a 1 | {ANN} | 2026-11-20T10:00:00Z | Weekly rebuild."),
        ]);
        let answer = answer(&records, &Query::default());
        let images: Vec<_> = fold_by_image(&answer.dated)
            .iter()
            .map(|history| (history.image, show(&history.items)))
            .collect();
        let items =
            |items: &[&str]| -> Vec<String> { items.iter().map(|&item| item.to_owned()).collect() };
        assert_eq!(
            images,
            [
                ("a", items(&["a 1"])),
                ("b", items(&["b 5, b 4", "b 3", "b 2"]))
            ]
        );
    }
}
