//! Rules on control files.

use super::finding::Notes;
use super::fix::Fix;
use super::subject::{Ground, Subject};
use crate::place::Place;

pub(super) fn find_other_name(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let top = subject.changelog.as_ref();
    let Some(top) = top.and_then(|changelog| changelog.entries.first()) else {
        notes.cannot("the changelog cannot be read");
        return;
    };
    let name = top.package.as_str();
    let Some(control) = &subject.control else {
        notes.cannot("the control file cannot be read");
        return;
    };
    let Some(package) = &control.package else {
        return;
    };
    if package.text != name {
        let path = subject.file("control");
        let message = format!(
            "the changelog names this image `{name}`, and `Package` says `{}`",
            package.text
        );
        notes
            .add(Place::line(&path, package.line), message)
            .also(subject.changelog_line(top.header_line))
            .hint("the changelog counts: write its name in `Package` as well")
            .fix(Fix::Package {
                path,
                name: name.to_owned(),
            });
    }
}
