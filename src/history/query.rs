//! Which entries a question is about.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Moment, Record};

/// A question; what it does not say is not asked.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Entries of this day or time, and later ones.
    pub since: Option<Moment>,
    /// Entries of this day or time, and earlier ones.
    pub until: Option<Moment>,
    /// A part of the author's name or address; upper and lower case are the same.
    pub author: Option<String>,
    /// The images, by the names that they have or that an entry gives them.
    pub images: Option<BTreeSet<String>>,
}

/// The entries that a question is about.
#[derive(Clone, Debug, Default)]
pub struct Answer<'a> {
    /// Those of the time that was asked for, newest first.
    pub dated: Vec<&'a Record>,
    /// Those without a date that may be of that time by the entries around them, in the order of their places.
    pub undated: Vec<&'a Record>,
    /// Those of that time whose author cannot be read, where one was asked for.
    pub unsigned: Vec<&'a Record>,
    /// Those that are older, newest first, and last of all those without a date.
    pub older: Vec<&'a Record>,
}

/// Answers a question.
#[must_use]
pub fn answer<'a>(records: &'a [Record], query: &Query) -> Answer<'a> {
    let author = query.author.as_ref().map(|part| part.to_lowercase());
    let mut answer = Answer::default();
    let of_images = records
        .iter()
        .filter(|record| is_of_image(record, query.images.as_ref()));
    for record in of_images {
        let is_unsigned = author.is_some() && record.entry.author.is_none();
        if !is_unsigned && !is_of_author(record, author.as_deref()) {
            continue;
        }
        let date = record.entry.date;
        let earliest = date.or(record.not_before);
        let latest = date.or(record.not_after);
        if earliest.is_some_and(|date| query.until.is_some_and(|until| until.is_before(date))) {
            continue;
        }
        let is_older =
            latest.is_some_and(|date| query.since.is_some_and(|since| since.is_after(date)));
        match (is_unsigned, is_older, date) {
            (true, true, _) => {}
            (true, false, _) => answer.unsigned.push(record),
            (false, true, _) => answer.older.push(record),
            (false, false, Some(_)) => answer.dated.push(record),
            (false, false, None) => answer.undated.push(record),
        }
    }
    for list in [&mut answer.dated, &mut answer.older] {
        // Entries of one moment keep the order of their files.
        list.sort_by_key(|record| Reverse(record.entry.date));
    }
    answer.undated.sort_by(|a, b| a.place.cmp(&b.place));
    answer
}

fn is_of_image(record: &Record, images: Option<&BTreeSet<String>>) -> bool {
    images.is_none_or(|images| {
        images.contains(&record.image) || images.contains(&record.entry.package)
    })
}

fn is_of_author(record: &Record, part: Option<&str>) -> bool {
    let Some(part) = part else { return true };
    record.entry.author.as_ref().is_some_and(|author| {
        let whole = format!("{} <{}>", author.name, author.email);
        whole.to_lowercase().contains(part)
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::{named, parse};
    use super::*;
    use crate::history::parse_moment;

    const CHANGELOGS: [&str; 2] = [
        "web 2 | Ann Ö <ann@example.org> | 2026-11-20T10:00:00Z | two
         site 1 | Ben <ben@example.org> | 2026-11-01T10:00:00Z | one",
        "app 3 | Ben <ben@example.org> | 2026-11-20T11:00:00+02:00 | three
         app 2 | | - | two
         app 1 | Ann Ö <ann@example.org> | 2026-10-01T10:00:00Z | one",
    ];

    #[track_caller]
    fn case(query: &Query, dated: &str, undated: &str, older: &str) {
        let records = parse(&CHANGELOGS);
        let found = answer(&records, query);
        assert_eq!(named(&found.dated), dated);
        assert_eq!(named(&found.undated), undated);
        assert_eq!(named(&found.older), older);
    }

    fn moment(text: &str) -> Moment {
        let now = "2026-11-21T00:00:00Z".parse().expect("a time");
        parse_moment(text, now).expect("a day or a time")
    }

    #[test]
    fn a_question_without_conditions_is_about_everything() {
        case(
            &Query::default(),
            "web 2, app 3, site 1, app 1",
            "app 2",
            "",
        );
    }

    #[test]
    fn a_time_has_two_ends_and_undated_entries_may_be_of_it() {
        let query = |since: Option<&str>, until: Option<&str>| Query {
            since: since.map(moment),
            until: until.map(moment),
            ..Query::default()
        };
        case(
            &query(Some("2026-11-01"), None),
            "web 2, app 3, site 1",
            "app 2",
            "app 1",
        );
        case(
            &query(Some("2026-11-02"), None),
            "web 2, app 3",
            "app 2",
            "site 1, app 1",
        );
        case(
            &query(None, Some("2026-11-01")),
            "site 1, app 1",
            "app 2",
            "",
        );
        case(
            &query(Some("2026-11-01"), Some("2026-11-19")),
            "site 1",
            "app 2",
            "app 1",
        );
        case(
            &query(Some("2026-11-20T09:30:00Z"), None),
            "web 2",
            "",
            "app 3, site 1, app 1, app 2",
        );
        case(&query(None, Some("2026-09-30")), "", "", "");
    }

    #[test]
    fn an_author_is_found_by_a_part_of_name_or_address() {
        let query = |part: &str| Query {
            author: Some(part.to_owned()),
            ..Query::default()
        };
        case(&query("ann ö"), "web 2, app 1", "", "");
        case(&query("BEN@example"), "app 3, site 1", "", "");
        case(&query("nobody"), "", "", "");
        let records = parse(&CHANGELOGS);
        let unsigned = |query: &Query| named(&answer(&records, query).unsigned);
        assert_eq!(unsigned(&query("ben")), "app 2");
        assert_eq!(unsigned(&Query::default()), "");
        let late = Query {
            since: Some(moment("2026-11-21")),
            ..query("ben")
        };
        assert_eq!(unsigned(&late), "");
    }

    #[test]
    fn an_image_is_found_by_its_present_and_by_its_former_name() {
        let query = |name: &str| Query {
            images: Some([name.to_owned()].into()),
            ..Query::default()
        };
        case(&query("web"), "web 2, site 1", "", "");
        case(&query("site"), "site 1", "", "");
        case(&query("app"), "app 3, app 1", "app 2", "");
    }
}
