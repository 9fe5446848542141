//! Rules on how images are kept: their age, their use, their tests, and changes without an entry.

use chrono::TimeDelta;

use super::finding::Notes;
use super::subject::{Ground, History, Published, Subject};
use crate::place::Place;
use crate::plan::describe_changes;
use crate::settings::Severity;

/// So many days is nobody's image left alone.
const ABANDONED_DAYS: i64 = 365;

/// Gives the age of the top entry in days.
fn age(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) -> Option<i64> {
    let Some(changelog) = &subject.changelog else {
        notes.cannot("the changelog cannot be read");
        return None;
    };
    let top = changelog.entries.first()?;
    let Some(date) = top.date else {
        notes.cannot("the top entry of the changelog has no date");
        return None;
    };
    Some((ground.now - date).num_days())
}

fn top_line(subject: &Subject<'_>) -> Place {
    let entries = subject
        .changelog
        .iter()
        .flat_map(|changelog| &changelog.entries);
    subject.changelog_line(entries.map(|entry| entry.header_line).next().unwrap_or(1))
}

pub(super) fn find_old(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    let limit = i64::from(ground.settings.audit.days);
    let Some(days) = age(subject, ground, notes).filter(|days| *days > limit) else {
        return;
    };
    notes
        .add(
            top_line(subject),
            format!("the last entry is {days} days old, over {limit}"),
        )
        .hint("an image gets the updates of its packages only when it is built anew");
}

pub(super) fn find_abandoned(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    if !subject.dependants.is_empty() || subject.image.is_none() {
        return;
    }
    let is_long = |days: &i64| TimeDelta::days(*days) > TimeDelta::days(ABANDONED_DAYS);
    if let Some(days) = age(subject, ground, notes).filter(is_long) {
        let message =
            format!("nothing here is built on this image, and its last entry is {days} days old");
        notes
            .add(top_line(subject), message)
            .hint("remove it where nobody runs it");
    }
}

pub(super) fn find_missing_tests(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let stages = recipe.dockerfile.result_stages();
    let mut instructions = stages.flat_map(|stage| &stage.instructions);
    let Some(expose) = instructions.find(|one| one.keyword == "EXPOSE") else {
        return;
    };
    if !subject.has_test {
        let place = recipe.origin().place(expose.line);
        notes.add(place, "this image serves a port, and it has no test");
    }
}

pub(super) fn find_published_differences(
    subject: &Subject<'_>,
    _: &Ground<'_>,
    notes: &mut Notes<'_>,
) {
    match (&subject.published, subject.image) {
        (Published::Unknown(reason), _) => notes.cannot(reason.as_str()),
        (Published::Differs(changes), Some(image)) => {
            let message = format!(
                "{} is published, and since then {}",
                image.version,
                describe_changes(changes)
            );
            let hint = "`pkg update` writes an entry: without a new version nobody gets the change";
            notes.add(top_line(subject), message).hint(hint);
        }
        _ => (),
    }
}

pub(super) fn find_missing_entries(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let files = match &subject.history {
        History::Unchanged => return,
        History::Unknown(reason) => return notes.cannot(reason.as_str()),
        History::Changed(files) => files,
    };
    let names: Vec<String> = files
        .iter()
        .map(|file| {
            let name = file.strip_prefix(subject.directory).unwrap_or(file);
            format!("`{}`", name.display())
        })
        .collect();
    let message = match names.as_slice() {
        [] => return,
        [one] => format!("{one} has changed since the top entry was written"),
        [one, rest @ ..] => format!(
            "{one} and {} more have changed since the top entry was written",
            rest.len()
        ),
    };
    let is_declaration = files.iter().all(|file| file.ends_with("control"));
    let finding = notes.add(top_line(subject), message);
    if is_declaration {
        finding.severity = finding.severity.min(Severity::Note);
        finding.hint(
            "it changes the order of builds and not the image: the next entry may as well tell of it",
        );
    } else {
        finding.hint("`pkg update` writes an entry: without a new version nobody gets the change");
    }
    for file in files {
        finding.also(Place::file(file));
    }
}
