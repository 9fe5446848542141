//! A new entry on top of a changelog: the rest of the file keeps its bytes.
//!
//! ```text
//! nginx (1.22.1-9-s1) wikimedia; urgency=high
//!
//!    Refresh for update in parent image bookworm:
//!    Security update
//!
//!  -- Ann Example <ann@example.org>  Sun,  5 Jul 2026 09:08:07 +0000
//! ```
//!
//! The day is padded with a blank, as docker-pkg does it and deb-changelog(5) allows.

use std::fmt;

use chrono::{DateTime, FixedOffset};

use super::cut::find_header_start;
use super::{Author, ChangelogError, parse_top_entry};
use crate::debian::Version;

/// An entry that is to be written.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The name of the image.
    pub package: String,
    /// The version.
    pub version: Version,
    /// Where it goes: `wikimedia`, `unstable`.
    pub distribution: String,
    /// How the reason is written, and how urgent it is.
    pub form: EntryForm,
    /// Why: one line or more; blank lines stay between the others.
    pub reason: String,
    /// Who writes it.
    pub author: Author,
    /// When.
    pub date: DateTime<FixedOffset>,
}

/// How an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryForm {
    /// As docker-pkg updates: urgency `high`, an empty line, three blanks before each line.
    Update,
    /// As dch(1) does: urgency `medium`, each line an item behind an asterisk.
    Items,
}

impl NewEntry {
    /// Gives the lines of the entry, without line ends.
    fn lines(&self) -> Vec<String> {
        let Self {
            package, version, ..
        } = self;
        let (urgency, indent) = match self.form {
            EntryForm::Update => ("high", "   "),
            EntryForm::Items => ("medium", "  * "),
        };
        let mut lines = vec![
            format!(
                "{package} ({version}) {}; urgency={urgency}",
                self.distribution
            ),
            String::new(),
        ];
        lines.extend(self.reason.lines().map(|line| match line.trim() {
            "" => String::new(),
            _ => format!("{indent}{line}"),
        }));
        let Author { name, email } = &self.author;
        let date = self.date.format("%a, %e %b %Y %H:%M:%S %z");
        lines.extend([String::new(), format!(" -- {name} <{email}>  {date}")]);
        lines
    }
}

/// The entry, as a changelog that begins with it has it.
impl fmt::Display for NewEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines()
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Puts an entry above the top entry of a changelog, with the line ends that the file has.
///
/// What stands above the top entry (blank lines, notes to editors) stays above. A missing line end at the end of the file
/// is added. A text that would not give the name and the version of the new entry when it is read again is an error: the
/// name, the distribution or the author has something that a changelog cannot hold.
pub fn insert_entry(text: &str, entry: &NewEntry) -> Result<String, ChangelogError> {
    let start = find_header_start(text).ok_or(ChangelogError::Empty)?;
    let (above, below) = text.split_at(start);
    let line_end = match below.find('\n') {
        Some(at) if below[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    };
    let lines = entry.lines();
    let refused = || ChangelogError::Unreadable {
        line: above.matches('\n').count() + 1,
        package: entry.package.clone(),
    };
    let is_plain = |line: &String| line.chars().all(|c| c == '\t' || !c.is_control());
    if !lines.iter().all(is_plain) {
        return Err(refused());
    }
    let mut changed = above.to_owned();
    for line in lines {
        changed.push_str(&line);
        changed.push_str(line_end);
    }
    changed.push_str(line_end);
    changed.push_str(below);
    if !below.ends_with('\n') {
        changed.push_str(line_end);
    }
    let top = parse_top_entry(&changed)?;
    if top.package == entry.package && top.version.as_str() == entry.version.as_str() {
        Ok(changed)
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_changelog;
    use super::*;

    const OLD: &str =
        "a (1.0) w; urgency=low\n\n  * X.\n\n -- A B <a@b>  Sun, 16 Aug 2026 06:00:30 +0000\n";

    fn entry(reason: &str) -> NewEntry {
        NewEntry {
            package: "a".to_owned(),
            version: "2.0-1".parse().expect("a version"),
            distribution: "wikimedia".to_owned(),
            form: EntryForm::Update,
            reason: reason.to_owned(),
            author: Author {
                name: "Test Author".to_owned(),
                email: "test@example.org".to_owned(),
            },
            date: DateTime::parse_from_rfc3339("2026-07-05T09:08:07+00:00").expect("a date"),
        }
    }

    #[track_caller]
    fn case(old: &str, reason: &str, expected: &str) {
        let changed = insert_entry(old, &entry(reason)).expect("a changelog");
        assert_eq!(changed, expected);
        let entries = parse_changelog(&changed).expect("entries").entries;
        let versions: Vec<_> = entries.iter().map(|one| one.version.as_str()).collect();
        assert_eq!(versions, ["2.0-1", "1.0"]);
    }

    const NEW: &str = "a (2.0-1) wikimedia; urgency=high\n\n   One\n   two  \n\n -- Test Author \
                       <test@example.org>  Sun,  5 Jul 2026 09:08:07 +0000\n\n";

    #[test]
    fn an_entry_is_written_as_docker_pkg_writes_it() {
        case(OLD, "One\ntwo  ", &format!("{NEW}{OLD}"));
        // The last line end is added, and nothing below is touched.
        case(OLD.trim_end(), "One\ntwo  ", &format!("{NEW}{OLD}"));
        let rest = format!("{}\n\n\n", OLD.replace("  * X.", "\t* X. "));
        case(&rest, "One\ntwo  ", &format!("{NEW}{rest}"));
    }

    #[test]
    fn items_are_written_as_dch_writes_them() {
        let mut items = entry("Weekly rebuild.\nFor openssl.");
        items.form = EntryForm::Items;
        let changed = insert_entry(OLD, &items).expect("a changelog");
        let new = "a (2.0-1) wikimedia; urgency=medium\n\n  * Weekly rebuild.\n  * For openssl.\n\n -- Test Author \
                   <test@example.org>  Sun,  5 Jul 2026 09:08:07 +0000\n\n";
        assert_eq!(changed, format!("{new}{OLD}"));
    }

    #[test]
    fn what_stands_above_the_top_entry_stays_there() {
        for above in ["\n\n", "# vim: ts=2\n", "\u{feff}", "\u{feff}\n \n"] {
            let old = format!("{above}{OLD}");
            case(&old, "One\ntwo  ", &format!("{above}{NEW}{OLD}"));
        }
    }

    #[test]
    fn line_ends_are_those_of_the_file() {
        let windows = |text: &str| text.replace('\n', "\r\n");
        case(
            &windows(OLD),
            "One\r\ntwo  ",
            &windows(&format!("{NEW}{OLD}")),
        );
    }

    #[test]
    fn blank_lines_stay_where_the_reason_has_them() {
        let new = NEW.replace("   One\n   two  \n", "   One\n\n   two\n");
        case(OLD, "One\n \ntwo", &format!("{new}{OLD}"));
    }

    #[test]
    fn what_a_changelog_cannot_hold_is_refused() {
        let mut strange = entry("x");
        strange.distribution = String::new();
        insert_entry(OLD, &strange).expect_err("no distribution");
        let mut strange = entry("x");
        strange.author.name = "A\nb (3) c; urgency=low\n".to_owned();
        insert_entry(OLD, &strange).expect_err("two lines");
        insert_entry(OLD, &entry("a\u{1b}[2J")).expect_err("an order to the terminal");
        assert_eq!(insert_entry(" \n", &entry("x")), Err(ChangelogError::Empty));
    }
}
