//! The entries of a changelog, as values.

use chrono::{DateTime, FixedOffset};
use debian_changelog::{ChangeLog, Entry as ReadEntry};

use super::cut::{CutEntry, Entries};
use super::error::ChangelogError;
use crate::debian::Version;

/// What the top entry of a changelog says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopEntry {
    /// The name before the version.
    pub package: String,
    /// The version in parentheses.
    pub version: Version,
    /// When the entry was written; nothing where the text is no date.
    pub date: Option<DateTime<FixedOffset>>,
    /// The line of the header, counted from 1.
    pub line: usize,
}

/// All entries of a changelog, newest first, as the file has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changelog {
    /// The entries; at least one.
    pub entries: Vec<Entry>,
}

/// One entry of a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name before the version.
    pub package: String,
    /// The version in parentheses.
    pub version: Version,
    /// The distributions between the version and the semicolon.
    pub distributions: Vec<String>,
    /// The urgency as written, where there is one.
    pub urgency: Option<String>,
    /// The lines between header and trailer as written, without blank lines at the start and the end.
    pub body: Vec<String>,
    /// Who wrote the entry; nothing where the entry has no trailer or its trailer has no author.
    pub author: Option<Author>,
    /// When the entry was written; nothing where the text is no date.
    pub date: Option<DateTime<FixedOffset>>,
    /// The date as written; empty where there is none.
    pub date_text: String,
    /// The line of the header, counted from 1.
    pub header_line: usize,
    /// The line of the trailer, counted from 1, where there is a trailer.
    pub trailer_line: Option<usize>,
}

/// Who wrote an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The mail address, without angle brackets.
    pub email: String,
}

/// Reads the name and the version of the top entry; the rest of the file is not looked at.
pub fn parse_top_entry(text: &str) -> Result<TopEntry, ChangelogError> {
    let cut = Entries::of(text)
        .find_next()?
        .ok_or(ChangelogError::Empty)?;
    read_entry(&cut)?;
    Ok(TopEntry {
        package: cut.header.package.to_owned(),
        version: cut.header.version,
        date: cut.trailer.and_then(|trailer| parse_trailer(trailer).date),
        line: cut.header_line,
    })
}

/// Reads all entries.
pub fn parse_changelog(text: &str) -> Result<Changelog, ChangelogError> {
    let mut cuts = Entries::of(text);
    let mut entries = Vec::new();
    while let Some(cut) = cuts.find_next()? {
        // An entry takes the crate ten times as long as it takes to cut it, and only the top one names an image.
        if entries.is_empty() {
            read_entry(&cut)?;
        }
        entries.push(parse_entry(cut));
    }
    if entries.is_empty() {
        return Err(ChangelogError::Empty);
    }
    Ok(Changelog { entries })
}

/// Reads the entries that can be read, and tells where one cannot.
#[must_use]
pub fn parse_readable_entries(text: &str) -> (Vec<Entry>, Vec<ChangelogError>) {
    let mut cuts = Entries::of(text);
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    loop {
        match cuts.find_next() {
            Ok(Some(cut)) => match read_entry(&cut) {
                Ok(_) => entries.push(parse_entry(cut)),
                Err(error) => errors.push(error),
            },
            Ok(None) => break,
            Err(error) => {
                errors.push(error);
                cuts.skip_to_header();
            }
        }
    }
    if entries.is_empty() && errors.is_empty() {
        errors.push(ChangelogError::Empty);
    }
    (entries, errors)
}

fn parse_entry(cut: CutEntry<'_>) -> Entry {
    let trailer = cut.trailer.map(parse_trailer).unwrap_or_default();
    let metadata = cut.header.metadata.split(',');
    let urgency = metadata
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("urgency"));
    let is_blank = |line: &&str| line.trim().is_empty();
    let start = cut.body.iter().take_while(|line| is_blank(line)).count();
    let end = cut
        .body
        .iter()
        .rev()
        .take_while(|line| is_blank(line))
        .count();
    let body = cut
        .body
        .get(start..cut.body.len() - end)
        .unwrap_or_default();
    let distributions = cut.header.distributions.split_whitespace();
    Entry {
        package: cut.header.package.to_owned(),
        version: cut.header.version,
        distributions: distributions.map(str::to_owned).collect(),
        urgency: urgency.map(|(_, value)| value.trim().to_owned()),
        body: body.iter().map(|&line| line.to_owned()).collect(),
        author: trailer.author,
        date: trailer.date,
        date_text: trailer.date_text,
        header_line: cut.header_line,
        trailer_line: cut.trailer_line,
    }
}

#[derive(Default)]
struct Trailer {
    author: Option<Author>,
    date: Option<DateTime<FixedOffset>>,
    date_text: String,
}

/// Reads ` -- author <mail>  date`; an address in an address is the innermost, and the weekday is not held against the date.
fn parse_trailer(line: &str) -> Trailer {
    let text = line.trim_start().trim_start_matches("--").trim();
    let (who, date_text) = match text.rsplit_once('>') {
        Some((who, date)) => (Some(who.trim_end_matches('>')), date.trim()),
        None => (None, text),
    };
    let author = who
        .and_then(|who| Some((who.split_once('<')?.0, who.rsplit_once('<')?.1)))
        .map(|(name, email)| Author {
            name: name.trim().to_owned(),
            email: email.trim().to_owned(),
        });
    Trailer {
        author,
        date: find_date(date_text),
        date_text: date_text.to_owned(),
    }
}

/// Finds the date in `Sun, 16 Aug 2026 06:00:30 +0000`; real entries also write `June` and `Sept`.
fn find_date(text: &str) -> Option<DateTime<FixedOffset>> {
    let without_weekday = text.split_once(',').map_or(text, |(_, rest)| rest);
    let parts: Vec<&str> = without_weekday.split_whitespace().collect();
    let [day, month, year, time, zone] = parts[..] else {
        return None;
    };
    let month = month.get(..3)?;
    let plain = format!("{day} {month} {year} {time} {zone}");
    DateTime::parse_from_str(&plain, "%d %b %Y %H:%M:%S %z").ok()
}

/// Has the crate read the header of an entry, and holds what it found against what was found here. It says nothing of the
/// rest, which takes it ten times as long.
fn read_entry(cut: &CutEntry<'_>) -> Result<ReadEntry, ChangelogError> {
    let read = ChangeLog::parse_relaxed(&format!("{}\n", cut.header_text));
    let read = read.iter().next();
    let fits = |read: &ReadEntry| {
        let version = read.try_version().and_then(Result::ok);
        let version = version.and_then(|version| version.to_string().parse::<Version>().ok());
        read.package().as_deref() == Some(cut.header.package)
            && version.as_ref() == Some(&cut.header.version)
    };
    read.filter(fits).ok_or_else(|| ChangelogError::Unreadable {
        line: cut.header_line,
        package: cut.header.package.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRAILER: &str = " -- Ann Example <ann@example.org>  Sun, 16 Aug 2026 06:00:30 +0000\n";

    #[track_caller]
    fn case(text: &str, package: &str, version: &str, line: usize) {
        let top = parse_top_entry(text).expect("an entry");
        assert_eq!((top.package.as_str(), top.line), (package, line));
        assert_eq!(top.version.as_str(), version, "the text is kept");
        let all = parse_changelog(text).expect("a changelog");
        assert_eq!(
            (all.entries[0].package.as_str(), all.entries[0].header_line),
            (package, line)
        );
    }

    #[test]
    fn name_version_and_line_of_the_top_entry_are_found() {
        let entry = format!("a.b-c (1.22.1-9) d; urgency=medium\n\n  * X.\n\n{TRAILER}");
        case(&entry, "a.b-c", "1.22.1-9", 1);
        case(&format!("\n \n{entry}"), "a.b-c", "1.22.1-9", 3);
        case(&format!("\u{feff}{entry}"), "a.b-c", "1.22.1-9", 1);
        case(&entry.replace('\n', "\r\n"), "a.b-c", "1.22.1-9", 1);
        case(entry.trim_end(), "a.b-c", "1.22.1-9", 1);
        case(
            &format!("# vim: ts=2\nvim:ts=2\n{entry}"),
            "a.b-c",
            "1.22.1-9",
            3,
        );
        case(
            &format!("{entry}\nb (2) d; urgency=low\n"),
            "a.b-c",
            "1.22.1-9",
            1,
        );
        case(
            &format!("{entry}\nLocal variables:\nmode: x\nEnd:\n"),
            "a.b-c",
            "1.22.1-9",
            1,
        );
        case(
            &entry.replace("1.22.1-9", "1:2~rc1+dfsg-2"),
            "a.b-c",
            "1:2~rc1+dfsg-2",
            1,
        );
        case(&entry.replace("1.22.1-9", "00:01.0"), "a.b-c", "00:01.0", 1);
        case(&entry.replace("1.22.1-9", "v1"), "a.b-c", "v1", 1);
        case(&entry.replace("a.b-c", "7zip"), "7zip", "1.22.1-9", 1);
        case(
            &entry.replace("Ann Example <ann@example.org>", "A <A <m@x>>"),
            "a.b-c",
            "1.22.1-9",
            1,
        );
        case("a (1) d; urgency=low", "a", "1", 1);
        case(
            "a (1) d e; urgency=low, binary-only=yes\n# c\n  * x",
            "a",
            "1",
            1,
        );
        case(
            "a (1) d; urgency=low\n\n  * x\n\nb (2) d; urgency=low\n",
            "a",
            "1",
            1,
        );
    }

    #[test]
    fn what_stands_below_the_top_entry_is_not_read() {
        let text = format!("a (1) d; urgency=low\n\n  * x\n\n{TRAILER}\n<<<<<<< rubbish\n");
        assert_eq!(parse_top_entry(&text).expect("an entry").package, "a");
        let error = parse_changelog(&text).expect_err("rubbish follows");
        assert_eq!(error.line(), 7);
    }

    #[track_caller]
    fn refused(text: &str, line: usize, message: &str) {
        let error = parse_top_entry(text).expect_err("no entry");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.line(), line);
        assert_eq!(parse_changelog(text).expect_err("no entry"), error);
    }

    #[test]
    fn what_is_no_entry_is_refused_with_its_line() {
        let form = "which begins with `name (version) distribution; urgency=…`";
        let rest = format!("\n\n  * x\n\n{TRAILER}");
        refused("", 1, &format!("a changelog needs an entry, {form}"));
        refused("\n# c\n", 1, &format!("a changelog needs an entry, {form}"));
        for header in [
            "Changes of a",
            "a 1 d; urgency=low",
            "a (1); urgency=low",
            "a (1) d",
            "  a (1) d; u=l",
            "(1) d; u=l",
        ] {
            refused(
                &format!("\n{header}{rest}"),
                2,
                &format!("expected an entry, {form}, not `{header}`"),
            );
        }
        for (name, character) in [
            ("a/foo", '/'),
            ("a+foo", '+'),
            ("a_b", '_'),
            ("a~b", '~'),
            (".a", '.'),
            ("ä", 'ä'),
        ] {
            let message = format!(
                "`{name}` cannot be the name of an image: it holds `{character}`, and a name has only letters, digits, `.` and `-`"
            );
            refused(&format!("{name} (1) d; urgency=low{rest}"), 1, &message);
        }
        refused(
            &format!("a (1_2) d; urgency=low{rest}"),
            1,
            "the version of `a` cannot be read",
        );
        refused(
            &format!("a () d; urgency=low{rest}"),
            1,
            "the version of `a` cannot be read",
        );
        refused(
            "a (1) d; urgency=low\n\n* x\n",
            3,
            "expected a change, indented by two blanks, or ` -- author <mail>  date`, not `* x`",
        );
    }

    #[test]
    fn an_entry_that_cannot_be_read_hides_no_other() {
        let entry = |header: &str| format!("{header} d; urgency=low\n\n  * x\n\n{TRAILER}\n");
        let text = [
            entry("a (3)"),
            entry("a/b (2)"),
            "<<<<<<< rubbish\n\n  * x\n".to_owned(),
            entry("a (1)"),
            "a (0) d; urgency=low\n\nflush left\n\n".to_owned(),
            entry("a (0~)"),
        ]
        .concat();
        let (entries, errors) = parse_readable_entries(&text);
        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry.version.as_str(), entry.header_line))
            .collect();
        assert_eq!(found, [("3", 1), ("1", 16), ("0~", 26)]);
        let lines: Vec<_> = errors.iter().map(ChangelogError::line).collect();
        assert_eq!(lines, [7, 24], "what follows an error is a part of it");
        assert_eq!(
            parse_readable_entries(""),
            (Vec::new(), vec![ChangelogError::Empty])
        );
    }

    #[test]
    fn every_part_of_every_entry_is_found() {
        let text = "\
a (1.1-s1) wikimedia other; urgency=high

   Refresh for update in parent image b:

   * Security.

 -- A  B <a@example.org>  Sun,  6 Aug 2026 06:00:30 +0200

a (1) wikimedia; binary-only=yes, Urgency=Medium

  [ Ann ]
  * x
\t  y
 -- Ann <Ann <m@example.org>>  Sunday
";
        let changelog = parse_changelog(text).expect("a changelog");
        let [first, second] = &changelog.entries[..] else {
            panic!("two entries: {changelog:?}");
        };
        assert_eq!(first.version.as_str(), "1.1-s1");
        assert_eq!(first.distributions, ["wikimedia", "other"]);
        assert_eq!(first.urgency.as_deref(), Some("high"));
        assert_eq!(
            first.body,
            [
                "   Refresh for update in parent image b:",
                "",
                "   * Security."
            ]
        );
        let author = |name: &str, email: &str| {
            let (name, email) = (name.to_owned(), email.to_owned());
            Some(Author { name, email })
        };
        assert_eq!(first.author, author("A  B", "a@example.org"));
        assert_eq!(
            first.date.expect("a date").to_rfc3339(),
            "2026-08-06T06:00:30+02:00"
        );
        assert_eq!((first.header_line, first.trailer_line), (1, Some(7)));
        assert_eq!(second.urgency.as_deref(), Some("Medium"));
        assert_eq!(second.body, ["  [ Ann ]", "  * x", "\t  y"]);
        assert_eq!(second.author, author("Ann", "m@example.org"));
        assert_eq!((second.date, second.date_text.as_str()), (None, "Sunday"));
        assert_eq!((second.header_line, second.trailer_line), (9, Some(14)));
    }

    #[test]
    fn months_may_be_written_longer_than_three_letters() {
        for text in [
            "Mon, 25 Sept 2023 09:28:16 +0200",
            "25 September 2023 09:28:16 +0200",
        ] {
            let date = find_date(text).expect("a date");
            assert_eq!(date.to_rfc3339(), "2023-09-25T09:28:16+02:00");
        }
        for text in [
            "",
            "Tue, 02 JMay 2023 08:53:00 -0500",
            "Tue, 32 May 2023 08:53:00 -0500",
            "1 é 2 3 4",
        ] {
            assert_eq!(find_date(text), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([a(1) d;=<>@#:\\-+\r\n\t,.é]|\\PC|a \\(1\\) d; urgency=low\n| -- A <m@x>  Sun, 6 Aug 2026 06:00:30 \\+0000\n){0,40}") {
            let top = parse_top_entry(&text);
            let (entries, errors) = parse_readable_entries(&text);
            prop_assert_eq!(parse_changelog(&text).is_ok(), errors.is_empty());
            if let Ok(all) = parse_changelog(&text) {
                prop_assert_eq!(&all.entries, &entries);
                let first = &all.entries[0];
                let expected = TopEntry {
                    package: first.package.clone(),
                    version: first.version.clone(),
                    date: first.date,
                    line: first.header_line,
                };
                prop_assert_eq!(top, Ok(expected));
            }
        }
    }
}
