//! Reads the changelogs of all images of some directories, whatever else is wrong with them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::session::Session;
use crate::catalog::Catalog;
use crate::debian::parse_readable_entries;
use crate::error::{Diagnostic, Severity, diagnose, diagnose_warnings};
use crate::history::{Answer, Record, records};
use crate::host::fs::read_text;
use crate::place::Place;
use crate::scan::{Problem, Problems, Scanned, Warning, scan_directories};
use crate::settings::Naming;

/// What the changelogs say.
pub(super) struct Logs {
    /// The images that could be read.
    pub(super) catalog: Catalog,
    /// The entries that could be read, also of the others.
    pub(super) records: Vec<Record>,
}

/// Reads the changelogs; what is wrong with some of them is told and hides nothing else.
pub(super) fn read_logs(
    session: &Session,
    directories: &[PathBuf],
    naming: &Naming,
) -> anyhow::Result<Logs> {
    let Scanned {
        catalog,
        warnings,
        problems,
        ..
    } = scan_directories(directories, naming);
    let is_slip = |problem: &Problem| {
        matches!(
            problem,
            Problem::NoDirectory(_) | Problem::NotADirectory(_) | Problem::Unfinished(_)
        )
    };
    if problems.iter().any(is_slip) {
        return Err(Problems { problems, warnings }.into());
    }
    // The others are about what an image is made from.
    let mut warnings = warnings;
    warnings.retain(|warning| matches!(warning, Warning::NoRecipe { .. }));
    for diagnostic in diagnose_warnings(&warnings) {
        session.ui.diagnostic(&diagnostic);
    }
    let mut changelogs: BTreeSet<PathBuf> = problems.iter().flat_map(changelogs_of).collect();
    for (_, image) in catalog.iter() {
        changelogs.remove(image.entry.path());
    }
    // What is wrong with a changelog itself is told when it is read.
    let others: Vec<Problem> = problems
        .into_iter()
        .filter(|problem| !matches!(problem, Problem::Changelog { .. }))
        .collect();
    if !others.is_empty() {
        let warnings = Vec::new();
        let problems = Problems {
            problems: others,
            warnings,
        };
        let (_, diagnostics) = diagnose(&problems.into());
        for diagnostic in diagnostics {
            warn(session, diagnostic);
        }
    }
    let named = catalog.iter().map(|(_, image)| Source {
        name: Some(image.name.as_str()),
        path: image.entry.path(),
    });
    let nameless = changelogs.iter().map(|path| Source { name: None, path });
    let mut found = Vec::new();
    for log in read_all(&named.chain(nameless).collect::<Vec<_>>()) {
        for diagnostic in log.diagnostics {
            warn(session, diagnostic);
        }
        found.extend(log.records);
    }
    let records = found;
    if records.is_empty() {
        session.ui.say("there is no entry in these directories");
    }
    Ok(Logs { catalog, records })
}

/// A changelog; without a name, the image has the one of its first entry that can be read.
struct Source<'a> {
    name: Option<&'a str>,
    path: &'a Path,
}

/// What one changelog says, and what is wrong with it.
struct Log {
    records: Vec<Record>,
    diagnostics: Vec<Diagnostic>,
}

/// Reads on as many threads as there are processors: years of entries take a while.
fn read_all(sources: &[Source<'_>]) -> Vec<Log> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = sources.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = sources
            .chunks(share)
            .map(|chunk| scope.spawn(|| chunk.iter().map(read).collect::<Vec<_>>()))
            .collect();
        let joined = threads.into_iter().flat_map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })
}

fn read(source: &Source<'_>) -> Log {
    let text = match read_text(source.path) {
        Ok(text) => text,
        Err(error) => {
            let (_, diagnostics) = diagnose(&error.into());
            let records = Vec::new();
            return Log {
                records,
                diagnostics,
            };
        }
    };
    let (entries, errors) = parse_readable_entries(&text);
    let diagnostics = errors.iter().map(|error| {
        let message = format!("an entry cannot be read and is not shown: {error}");
        diagnostic(message, vec![Place::line(source.path, error.line())])
    });
    let diagnostics = diagnostics.collect();
    let first = entries.first().map(|entry| entry.package.clone());
    let name = source.name.map(str::to_owned).or(first);
    let records = name.map(|name| records(&name, source.path, entries));
    Log {
        records: records.unwrap_or_default(),
        diagnostics,
    }
}

/// Gives the changelogs of the images with which something is wrong.
fn changelogs_of(problem: &Problem) -> Vec<PathBuf> {
    let beside = |place: &Place| Some(place.path().parent()?.join("changelog"));
    match problem {
        Problem::Changelog { place, .. }
        | Problem::Control { place, .. }
        | Problem::ImageFile { place, .. }
        | Problem::Name { place, .. }
        | Problem::Tag { place, .. }
        | Problem::ReservedTag { place, .. }
        | Problem::Label { place, .. } => beside(place).into_iter().collect(),
        Problem::Duplicate { places, .. } | Problem::TwoRecipes { places, .. } => {
            places.iter().filter_map(beside).collect()
        }
        // A changelog that cannot be opened is told already.
        Problem::File(error) if error.path().file_name() != Some("changelog".as_ref()) => {
            let directory = error.path().parent();
            directory
                .map(|directory| directory.join("changelog"))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Tells of entries of an answer that do not say when they were written, or by whom.
pub(super) fn tell_gaps(session: &Session, found: &Answer<'_>) {
    let records = || found.dated.iter().chain(&found.undated);
    let trailer = |record: &Record| {
        let path = record.place.path();
        let line = record.entry.trailer_line;
        line.map_or_else(|| record.place.clone(), |line| Place::line(path, line))
    };
    let undated = found.undated.iter().map(|record| trailer(record)).collect();
    let nobody = records().filter(|record| record.entry.author.is_none());
    let nobody = nobody.map(|record| trailer(record)).collect();
    let unsigned = found
        .unsigned
        .iter()
        .map(|record| trailer(record))
        .collect();
    let gaps: [(Vec<Place>, &str); 3] = [
        (undated, "no date that can be read, and stand at the end"),
        (nobody, "no author that can be read"),
        (unsigned, "no author that can be read, and are not shown"),
    ];
    for (places, what) in gaps {
        let message = match places.len() {
            0 => continue,
            1 => format!(
                "an entry has {}",
                what.replace("stand", "stands").replace("are", "is")
            ),
            several => format!("{several} entries have {what}"),
        };
        warn(session, diagnostic(message, places));
    }
}

fn diagnostic(message: String, places: Vec<Place>) -> Diagnostic {
    Diagnostic {
        places,
        ..Diagnostic::new(Severity::Warning, message)
    }
}

fn warn(session: &Session, mut diagnostic: Diagnostic) {
    diagnostic.severity = Severity::Warning;
    session.ui.diagnostic(&diagnostic);
}
