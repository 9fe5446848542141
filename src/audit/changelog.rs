//! Rules on changelogs (deb-changelog(5)).

use std::collections::BTreeMap;

use chrono::Datelike as _;

use super::finding::Notes;
use super::fix::Fix;
use super::subject::{Ground, Subject};
use crate::debian::Entry;

/// What Debian Policy 5.6.17 knows.
const URGENCIES: [&str; 5] = ["low", "medium", "high", "emergency", "critical"];

/// Debian's suites and releases, with or without what is put behind them (`-backports`).
const SUITES: [&str; 17] = [
    "unstable",
    "testing",
    "stable",
    "oldstable",
    "oldoldstable",
    "experimental",
    "sid",
    "jessie",
    "stretch",
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "jammy",
    "noble",
];
const POCKETS: [&str; 6] = [
    "backports",
    "backports-sloppy",
    "proposed-updates",
    "security",
    "updates",
    "proposed",
];

fn entries<'a>(subject: &'a Subject<'_>, notes: &mut Notes<'_>) -> &'a [Entry] {
    if let Some(changelog) = &subject.changelog {
        &changelog.entries
    } else {
        notes.cannot("the changelog cannot be read");
        &[]
    }
}

/// Pairs each entry with the next older one.
fn pairs<'a>(subject: &'a Subject<'_>, notes: &mut Notes<'_>) -> Vec<(&'a Entry, &'a Entry)> {
    let entries = entries(subject, notes);
    entries.iter().zip(entries.iter().skip(1)).collect()
}

pub(super) fn find_version_order(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    for (number, (newer, older)) in pairs(subject, notes).into_iter().enumerate() {
        let (new, old) = (&newer.version, &older.version);
        if new != old && !new.may_follow(old) {
            let message = format!(
                "version `{}` stands above `{}` and sorts before it",
                newer.version, older.version
            );
            notes
                .add_of_entry(number, subject.changelog_line(newer.header_line), message)
                .also(subject.changelog_line(older.header_line));
        }
    }
}

pub(super) fn find_version_duplicates(
    subject: &Subject<'_>,
    _: &Ground<'_>,
    notes: &mut Notes<'_>,
) {
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        let line = entry.header_line;
        if let Some((first, above)) = seen.insert(entry.version.as_str(), (number, line)) {
            let message = format!("two entries have the version `{}`", entry.version);
            notes
                .add_of_entry(first, subject.changelog_line(above), message)
                .also(subject.changelog_line(line));
        }
    }
}

pub(super) fn find_date_order(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    for (number, (newer, older)) in pairs(subject, notes).into_iter().enumerate() {
        let (Some(above), Some(below)) = (newer.date, older.date) else {
            continue;
        };
        // Clocks of writers and zones differ by hours, days are meant.
        if above.date_naive() < below.date_naive() && above < below {
            let message = format!(
                "the entry of `{}` is dated {}, and the one below it {}",
                newer.version,
                above.format("%Y-%m-%d"),
                below.format("%Y-%m-%d")
            );
            let line = |entry: &Entry| {
                subject.changelog_line(entry.trailer_line.unwrap_or(entry.header_line))
            };
            notes
                .add_of_entry(number, line(newer), message)
                .also(line(older));
        }
    }
}

pub(super) fn find_future_dates(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        // A day of grace: the writer's clock and zone are not this machine's.
        let latest = ground.now + chrono::TimeDelta::days(1);
        if let Some(date) = entry.date.filter(|date| *date > latest) {
            let message = format!(
                "the entry of `{}` is dated {}, which is to come",
                entry.version,
                date.format("%Y-%m-%d")
            );
            let line = entry.trailer_line.unwrap_or(entry.header_line);
            notes.add_of_entry(number, subject.changelog_line(line), message);
        }
    }
}

pub(super) fn find_dates(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        // Without a trailer, or with one that is none, there is no date to be wrong.
        let (Some(line), Some(_)) = (entry.trailer_line, &entry.author) else {
            continue;
        };
        if let Some(message) = find_date_fault(entry) {
            notes
                .add_of_entry(number, subject.changelog_line(line), message)
                .hint("`date -R` prints a date as a changelog has it");
        }
    }
}

fn find_date_fault(entry: &Entry) -> Option<String> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let text = &entry.date_text;
    let Some(date) = entry.date else {
        return Some(format!("`{text}` is no date"));
    };
    let (weekday, rest) = text.split_once(',')?;
    let month = rest.split_whitespace().nth(1)?;
    let right = DAYS[date.weekday().num_days_from_monday() as usize];
    if !DAYS.contains(&weekday.trim()) {
        return Some(format!("`{}` is no day of the week", weekday.trim()));
    }
    if weekday.trim() != right {
        return Some(format!(
            "{} is a {}, and the line says {}",
            date.format("%Y-%m-%d"),
            date.format("%A"),
            date_name(weekday.trim())
        ));
    }
    (month.len() != 3).then(|| format!("`{month}` is no month of three letters"))
}

fn date_name(short: &str) -> &str {
    match short {
        "Mon" => "Monday",
        "Tue" => "Tuesday",
        "Wed" => "Wednesday",
        "Thu" => "Thursday",
        "Fri" => "Friday",
        "Sat" => "Saturday",
        _ => "Sunday",
    }
}

pub(super) fn find_maintainers(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let text = subject.changelog_text.as_deref().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        let (Some(line), Some(author)) = (entry.trailer_line, &entry.author) else {
            continue;
        };
        let written = lines.get(line - 1).copied().unwrap_or_default();
        let message = if author.name.is_empty() {
            "the entry has nobody's name".to_owned()
        } else if !is_address(&author.email) {
            format!("`{}` is no mail address", author.email)
        } else if written.matches('<').count() > 1 {
            "an address stands within an address".to_owned()
        } else {
            continue;
        };
        notes
            .add_of_entry(number, subject.changelog_line(line), message)
            .hint("write ` -- Ann Example <ann@example.org>  DATE`");
    }
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}

pub(super) fn find_trailers(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let text = subject.changelog_text.as_deref().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        let message = match (entry.trailer_line, &entry.author) {
            (None, _) => format!(
                "the entry of `{}` has no line that says who wrote it and when",
                entry.version
            ),
            (Some(_), None) => "the last line of the entry names nobody".to_owned(),
            (Some(line), Some(_)) => {
                let written = lines.get(line - 1).copied().unwrap_or_default();
                let parted = written.rsplit_once('>');
                if parted.is_some_and(|(_, date)| date.starts_with("  ") || date.trim().is_empty())
                {
                    continue;
                }
                "the address and the date have to be parted by two blanks".to_owned()
            }
        };
        let line = entry.trailer_line.unwrap_or(entry.header_line);
        notes
            .add_of_entry(number, subject.changelog_line(line), message)
            .hint("write ` -- Ann Example <ann@example.org>  DATE`");
    }
}

pub(super) fn find_distributions(
    subject: &Subject<'_>,
    ground: &Ground<'_>,
    notes: &mut Notes<'_>,
) {
    let is_suite = |text: &str| {
        let behind = |suite: &str| {
            let rest = text.strip_prefix(suite)?;
            Some(rest.is_empty() || rest.strip_prefix('-').is_some_and(|p| POCKETS.contains(&p)))
        };
        SUITES.iter().any(|suite| behind(suite) == Some(true))
    };
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        let is_known = |text: &&String| {
            **text == ground.settings.distribution
                || is_suite(text)
                || ground.distributions.contains(*text)
        };
        let unknown = entry.distributions.iter().find(|one| !is_known(one));
        if let Some(unknown) = unknown {
            let message = if unknown == "UNRELEASED" {
                format!(
                    "the entry of `{}` says that it is not released",
                    entry.version
                )
            } else {
                format!("there is no distribution `{unknown}`")
            };
            notes
                .add_of_entry(number, subject.changelog_line(entry.header_line), message)
                .hint(format!(
                    "write `{}`, which is `distribution` of the settings, or a suite of Debian",
                    ground.settings.distribution
                ));
        }
    }
}

pub(super) fn find_urgencies(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        let message = match entry.urgency.as_deref() {
            None => "the entry has no urgency".to_owned(),
            Some(urgency) => {
                // A word may follow, as in `high (security)`.
                let first = urgency.split_whitespace().next().unwrap_or_default();
                if URGENCIES.contains(&first.to_ascii_lowercase().as_str()) {
                    continue;
                }
                format!("there is no urgency `{urgency}`")
            }
        };
        notes
            .add_of_entry(number, subject.changelog_line(entry.header_line), message)
            .hint(format!("one of {} is meant", URGENCIES.join(", ")));
    }
}

pub(super) fn find_empty_entries(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    for (number, entry) in entries(subject, notes).iter().enumerate() {
        let says = |line: &String| {
            let text = line.trim().trim_start_matches(['*', '-', '+']);
            let is_heading = text.starts_with('[') && text.ends_with(']');
            !text.trim().is_empty() && !is_heading
        };
        if !entry.body.iter().any(says) {
            let message = format!("the entry of `{}` does not say what changed", entry.version);
            notes.add_of_entry(number, subject.changelog_line(entry.header_line), message);
        }
    }
}

pub(super) fn find_final_newline(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(text) = &subject.changelog_text else {
        notes.cannot("the changelog cannot be read");
        return;
    };
    if !text.is_empty() && !text.ends_with('\n') {
        let path = subject.file("changelog");
        notes
            .add(
                subject.changelog_line(text.lines().count()),
                "the last line of the changelog has no end",
            )
            .fix(Fix::FinalNewline { path });
    }
}
