//! What the machine, git and a repository of somebody else's may hold, as anybody might have written it.

use std::ops::ControlFlow;
use std::path::Component;

use super::Environment;
use super::author::clean;
use super::changes::Journal;
use super::clock::Clock;
use super::git::{AddedLines, Commits, path_of};
use super::lines::LineSplitter;
use super::memory::parse_status;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("host_author", author),
    ("host_clock", clock),
    ("host_git_log", git_log),
    ("host_journal", journal),
    ("host_lines", lines),
    ("host_memory", memory),
];

/// What is kept of a name can stand in the last line of an entry, and is kept again.
fn author(bytes: &[u8]) {
    let Some(name) = clean(&String::from_utf8_lossy(bytes)) else {
        return;
    };
    assert!(!name.contains(|c: char| matches!(c, '<' | '>') || c.is_control()));
    assert_eq!(clean(&name), Some(name));
}

/// The time of a run has a year of four digits.
fn clock(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let environment = Environment::from([("SOURCE_DATE_EPOCH", text.as_ref())]);
    if let Ok(clock) = Clock::of_run(&environment) {
        let year = clock.now().format("%Y").to_string();
        assert_eq!(year.len(), 4, "{year}");
    }
}

/// Commits, files and added lines are no more than git wrote.
fn git_log(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut commits = Commits::default();
    let mut size = 0;
    let mut count = |commit: &str, paths: &[std::path::PathBuf]| {
        let paths = paths.iter().map(|path| path.as_os_str().len());
        size += commit.len() + paths.sum::<usize>();
        ControlFlow::Continue(())
    };
    for line in text.lines() {
        let _ = commits.take(line, &mut count);
    }
    commits.finish(&mut count);
    assert!(size <= text.len(), "{size} bytes");
    let mut added = AddedLines::default();
    for line in text.lines() {
        added.take(line, &mut |_, _, added: &str| {
            assert!(line.ends_with(added), "{line:?} {added:?}");
        });
        assert!(path_of(line).as_os_str().len() <= line.len());
    }
}

/// A journal reads as it was written, and names no file outside of its root.
fn journal(bytes: &[u8]) {
    let Some(journal) = Journal::parse(bytes) else {
        return;
    };
    for file in &journal.files {
        let mut parts = file.path.components();
        assert!(
            parts.all(|part| matches!(part, Component::Normal(_))),
            "{journal:?}"
        );
    }
    assert_eq!(Journal::parse(&journal.render()), Some(journal));
}

/// Lines are the same however the bytes come, and hold all of them.
fn lines(bytes: &[u8]) {
    let gather = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut splitter = LineSplitter::default();
        let mut found = Vec::new();
        for piece in pieces {
            splitter.push(piece, |line| found.push(line.to_owned()));
        }
        splitter.finish(|line| found.push(line.to_owned()));
        found
    };
    let whole = gather(&mut [bytes].into_iter());
    assert_eq!(whole, gather(&mut bytes.chunks(1)));
    let is_line = |line: &String| line.len() <= 3 * LineSplitter::LIMIT && !line.contains('\n');
    assert!(whole.iter().all(is_line));
}

/// A size is read or not.
fn memory(bytes: &[u8]) {
    let size = parse_status(&String::from_utf8_lossy(bytes));
    assert!(size.is_none_or(|size| size % 1024 == 0), "{size:?}");
}
