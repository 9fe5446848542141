//! Turns the errors of all modules into diagnostics: the one place that knows kinds, places and hints.

use std::collections::HashSet;
use std::path::Path;

use super::changing::{hints_of_change, is_hindered};
use super::exporting::{hint_of_export, kind_of_export};
use super::locking::{kind_of_locking, kind_of_locks, of_locking, of_locks};
use super::missing::Missing;
use super::secrets::of_secrets;
use super::warnings::diagnose_warnings;
use super::{BundleError, Diagnostic, Kind, PrintError, Severity, UsageError};
use crate::build::{BringError, Fault, SecretErrors};
use crate::catalog::{GraphError, PatternError};
use crate::changelogs::{UpdateError, UpdateErrors};
use crate::engine::EngineError;
use crate::host::fs::FileError;
use crate::host::{ChangeError, ClockError, GitError, ProcessError, StatusCommandError};
use crate::layout::ShelfError;
use crate::locking::{LockFaults, LockingFaults};
use crate::observe::ObserveError;
use crate::oci::TagError;
use crate::place::Place;
use crate::registry::{ClientError, RegistryError};
use crate::revision::{PastFaults, RevisionError};
use crate::scan::{Problem, Problems};
use crate::settings::{HalfCredentials, SettingsError, SettingsErrors, SettingsWarning};
use crate::stamp::StampError;
use crate::structure::StructureError;
use crate::verify::VerifyError;

/// Gives the kind of an error and what the user is told of it; problems that were found together are told together.
#[must_use]
pub fn diagnose(error: &anyhow::Error) -> (Kind, Vec<Diagnostic>) {
    if let Some(problems) = error.downcast_ref::<Problems>() {
        return (kind_of_problems(problems), of_problems(problems));
    }
    if let Some(faults) = error.downcast_ref::<PastFaults>() {
        return (Kind::Work, of_past(faults));
    }
    if let Some(errors) = error.downcast_ref::<UpdateErrors>() {
        return (
            kind_of_updates(errors),
            errors.0.iter().map(of_update).collect(),
        );
    }
    if let Some(errors) = error.downcast_ref::<SettingsErrors>() {
        return (Kind::Work, errors.iter().map(of_settings).collect());
    }
    if let Some(errors) = error.downcast_ref::<SecretErrors>() {
        return (Kind::Work, of_secrets(errors));
    }
    if let Some(faults) = error.downcast_ref::<LockFaults>() {
        return (kind_of_locks(faults), of_locks(faults));
    }
    if let Some(faults) = error.downcast_ref::<LockingFaults>() {
        return (kind_of_locking(faults), of_locking(faults));
    }
    if let Some(VerifyError::Unreadable(errors)) = error.downcast_ref() {
        return (Kind::Work, errors.0.iter().map(of_structure).collect());
    }
    if let Some(file) = error.downcast_ref::<FileError>()
        && is_no_text(file)
    {
        return (kind(error), vec![of_file(file)]);
    }
    let mut causes: Vec<String> = Vec::new();
    let mut said = error.to_string();
    for cause in own_causes(error) {
        if !said.contains(&cause) {
            said.push_str(&cause);
            causes.push(cause);
        }
    }
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        message: error.to_string(),
        causes,
        places: find_place(error).into_iter().collect(),
        excerpt: None,
        hints: hints(error),
    };
    (kind(error), vec![diagnostic])
}

fn find_place(error: &anyhow::Error) -> Option<Place> {
    let bundle = error.downcast_ref::<BundleError>();
    let half = error.downcast_ref::<HalfCredentials>();
    let half = half.and_then(|half| half.place().cloned());
    let status = error.downcast_ref::<StatusCommandError>();
    let status = status.map(|status| status.place().clone());
    bundle
        .map(|bundle| bundle.place.clone())
        .or(half)
        .or(status)
}

fn of_problems(problems: &Problems) -> Vec<Diagnostic> {
    let mut diagnostics = diagnose_warnings(&problems.warnings);
    let all = &problems.problems;
    // All places that ask for one name are told where the first one stands.
    let mut missing = Missing::by_name(all);
    diagnostics.extend(all.iter().filter_map(|problem| match Missing::of(problem) {
        Some(one) => Missing::diagnose(&missing.remove(one.name())?),
        None => Some(of_problem(problem)),
    }));
    tell_long_hints_once(&mut diagnostics);
    diagnostics
}

/// The files of a revision are named as git names them, and not by where they were laid out.
fn of_past(faults: &PastFaults) -> Vec<Diagnostic> {
    let top = format!("{}/", faults.files.display());
    let name = |text: &str| text.replace(&top, &format!("{}:", faults.revision));
    let mut diagnostics = of_problems(&faults.problems);
    for diagnostic in &mut diagnostics {
        diagnostic.message = name(&diagnostic.message);
        for text in diagnostic.causes.iter_mut().chain(&mut diagnostic.hints) {
            *text = name(text);
        }
        for place in &mut diagnostic.places {
            let path = name(&place.path().display().to_string());
            *place = place.in_file(Path::new(&path));
        }
    }
    diagnostics
}

/// So many characters of a hint are read again without annoyance; only lists of names are longer.
const LONGEST_HINT_AGAIN: usize = 100;

/// Drops long hints that stand below an earlier problem already: what all templates know is the same for each of them.
fn tell_long_hints_once(diagnostics: &mut [Diagnostic]) {
    let mut told: HashSet<String> = HashSet::new();
    for diagnostic in diagnostics {
        diagnostic
            .hints
            .retain(|hint| hint.chars().count() <= LONGEST_HINT_AGAIN || told.insert(hint.clone()));
    }
}

/// Gives the causes that are told, from the outermost: between an error of a connection and its innermost cause stand
/// only libraries.
fn own_causes(error: &anyhow::Error) -> Vec<String> {
    let is_own = |cause: &(dyn std::error::Error + 'static)| {
        let observed = cause.downcast_ref::<ObserveError>();
        let client = cause.downcast_ref::<ClientError>();
        cause.is::<EngineError>()
            || matches!(observed, Some(ObserveError::Engine(_)))
            || matches!(client, Some(ClientError::Tls(_)))
    };
    let causes: Vec<_> = error.chain().collect();
    let own = causes.iter().rposition(|cause| is_own(*cause));
    let told = causes
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(index, _)| own.is_none_or(|own| *index <= own || *index + 1 == causes.len()));
    told.map(|(_, cause)| cause.to_string()).collect()
}

/// Gives the hint with names that may have been meant, unless there is none.
#[must_use]
pub fn closest_names(names: &[impl std::fmt::Display]) -> Option<String> {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("the closest name is {one}")),
        several => Some(format!("the closest names are {}", several.join(", "))),
    }
}

impl From<&SettingsWarning> for Diagnostic {
    fn from(warning: &SettingsWarning) -> Self {
        at(Severity::Warning, warning.to_string(), [warning.place()])
    }
}

pub(super) fn at<'a>(
    severity: Severity,
    message: String,
    places: impl IntoIterator<Item = &'a Place>,
) -> Diagnostic {
    Diagnostic {
        places: places.into_iter().cloned().collect(),
        ..Diagnostic::new(severity, message)
    }
}

/// Directories that do not exist are a slip on the command line, as long as nothing else is wrong.
fn kind_of_problems(problems: &Problems) -> Kind {
    let is_slip =
        |problem: &Problem| matches!(problem, Problem::NoDirectory(_) | Problem::NotADirectory(_));
    if problems.problems.iter().all(is_slip) {
        Kind::Usage
    } else {
        Kind::Work
    }
}

/// What names no history is a slip on the command line; that git does not do its work is the machine's.
fn kind_of_revision(error: &RevisionError) -> Option<Kind> {
    match error {
        RevisionError::NoRepository { .. }
        | RevisionError::TwoRepositories { .. }
        | RevisionError::Unknown { .. } => Some(Kind::Usage),
        RevisionError::Git { .. } | RevisionError::Answer(_) => Some(Kind::Environment),
        RevisionError::File(file) => (!file.is_of_reading()).then_some(Kind::Environment),
    }
}

fn hint_of_revision(error: &RevisionError) -> Option<&'static str> {
    match error {
        RevisionError::Unknown {
            is_shallow: true, ..
        } => Some(
            "this clone has only a part of the history: `git fetch --unshallow` brings the rest",
        ),
        RevisionError::Unknown { .. } => {
            Some("a commit, a branch or a tag: `HEAD~3`, `v1.2`, `origin/main`")
        }
        RevisionError::TwoRepositories { .. } => Some("compare one after the other"),
        RevisionError::Git {
            source: GitError::Process(ProcessError::NotFound { .. }),
            ..
        } => Some("install git"),
        _ => None,
    }
}

fn kind(error: &anyhow::Error) -> Kind {
    let is = |found: bool, kind: Kind| found.then_some(kind);
    is(
        error.is::<ClockError>() || error.is::<PatternError>(),
        Kind::Usage,
    )
    .or_else(|| {
        let is_usage = error.is::<UsageError>() || error.is::<HalfCredentials>();
        is(is_usage, Kind::Usage)
    })
    .or_else(|| kind_of_revision(error.downcast_ref::<RevisionError>()?))
    .or_else(|| error.downcast_ref().map(kind_of_export))
    .or_else(|| error.downcast_ref().and_then(kind_of_verify))
    .or_else(|| error.downcast_ref().and_then(kind_of_bringing))
    .or_else(|| {
        is(
            error.is::<EngineError>() || error.is::<RegistryError>(),
            Kind::Environment,
        )
    })
    .or_else(|| {
        is(
            error.is::<ObserveError>() || error.is::<ClientError>() || error.is::<ShelfError>(),
            Kind::Environment,
        )
    })
    .or_else(|| {
        // What cannot be read is a file of the user's; what cannot be written is the disk's.
        let file = error.downcast_ref::<FileError>();
        let is_of_disk = file.is_some_and(|file| !file.is_of_reading());
        let change = error.downcast_ref::<ChangeError>();
        let is_of_disk = is_of_disk || change.is_some_and(is_hindered);
        is(is_of_disk || error.is::<PrintError>(), Kind::Environment)
    })
    .unwrap_or(Kind::Work)
}

fn hints(error: &anyhow::Error) -> Vec<String> {
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        return usage.hints.clone();
    }
    if error.is::<HalfCredentials>() {
        let hint = "set both, or none: then those of `docker login` are taken";
        return vec![hint.to_owned()];
    }
    if let Some(revision) = error.downcast_ref::<RevisionError>() {
        let hint = hint_of_revision(revision);
        return hint.map(str::to_owned).into_iter().collect();
    }
    if let Some(status) = error.downcast_ref::<StatusCommandError>() {
        return status.hint().into_iter().collect();
    }
    if let Some(export) = error.downcast_ref() {
        let hint = hint_of_export(export);
        return hint.map(str::to_owned).into_iter().collect();
    }
    let engine = error.downcast_ref::<EngineError>();
    let engine = engine.or_else(|| match error.downcast_ref::<ObserveError>() {
        Some(ObserveError::Engine(error)) => Some(error),
        _ => None,
    });
    let engine = engine.or_else(|| match error.downcast_ref::<BringError>() {
        Some(BringError::Engine(error)) => Some(error),
        _ => None,
    });
    let registry = error.downcast_ref::<RegistryError>();
    let registry = registry.or_else(|| match error.downcast_ref::<ObserveError>() {
        Some(ObserveError::Registry(error)) => Some(error),
        _ => None,
    });
    let engine = engine.and_then(|error| match error {
        EngineError::Forbidden { .. } => {
            Some("run as root, or become a member of its group: adduser USER docker".to_owned())
        }
        EngineError::Unreachable { .. } => {
            Some("start the engine, or name another one with DOCKER_HOST".to_owned())
        }
        EngineError::NoContext { .. } => Some(
            "take a newer engine, or turn `containerd-snapshotter` off in its daemon.json"
                .to_owned(),
        ),
        _ => None,
    });
    let registry = registry
        .and_then(RegistryError::hint)
        .map(|hint| hint.to_string());
    let change = error.downcast_ref::<ChangeError>().map(hints_of_change);
    let change = change.into_iter().flatten();
    engine.into_iter().chain(registry).chain(change).collect()
}

/// A version that cannot be is one of the command line.
fn kind_of_updates(errors: &UpdateErrors) -> Kind {
    let is_slip = |error: &UpdateError| {
        matches!(
            error,
            UpdateError::NotHigher { .. } | UpdateError::Tag { .. }
        )
    };
    if errors.0.iter().all(is_slip) {
        Kind::Usage
    } else {
        Kind::Work
    }
}

fn of_update(error: &UpdateError) -> Diagnostic {
    let message = error.to_string();
    match error {
        UpdateError::File(error) => of_file(error),
        UpdateError::NotHigher { place, .. } => {
            at(Severity::Error, message, [place]).hint("`--force` takes it all the same")
        }
        UpdateError::Tag { source, .. } => Diagnostic {
            hints: of_tag(source).map(str::to_owned).into_iter().collect(),
            ..Diagnostic::new(Severity::Error, message)
        },
        UpdateError::Bump { place, .. } => {
            at(Severity::Error, message, [place]).hint("name one with `--version`")
        }
        UpdateError::UpdateId { .. } => at(Severity::Error, message, [])
            .hint("set `update_id` to letters, as in `update_id: s`"),
        UpdateError::Entry { place, .. } => at(Severity::Error, message, [place])
            .hint("look at `distribution` in the settings, at the reason and at the author"),
        UpdateError::Moved { place, .. } => {
            at(Severity::Error, message, [place]).hint("run it again")
        }
    }
}

fn of_settings(error: &SettingsError) -> Diagnostic {
    Diagnostic {
        causes: causes(error),
        ..at(Severity::Error, error.to_string(), [error.place()])
    }
}

fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |cause| cause.source())
        .map(ToString::to_string)
        .collect()
}

fn of_problem(problem: &Problem) -> Diagnostic {
    let message = problem.to_string();
    match problem {
        Problem::NoDirectory(_) | Problem::NotADirectory(_) | Problem::Thread(_) => {
            at(Severity::Error, message, [])
        }
        Problem::LinkOut { .. } => at(Severity::Error, message, [])
            .hint("copy the file to where the link is, or give the directory that holds it as well"),
        Problem::Changelog { place, source } => Diagnostic {
            causes: causes(source.as_ref()),
            ..at(Severity::Error, message, [place])
        },
        Problem::File(error) => of_file(error),
        Problem::Walk { source, .. } => Diagnostic {
            // The error itself says again which directory it is about.
            causes: vec![match source.io_error() {
                Some(error) => error.to_string(),
                None => source.to_string(),
            }],
            ..at(Severity::Error, message, [])
        },
        Problem::Label { place, source } => Diagnostic {
            causes: causes(source.as_ref()),
            ..at(Severity::Error, message, [place])
        },
        Problem::Control { place, .. }
        | Problem::ImageFile { place, .. }
        | Problem::Name { place, .. } => at(Severity::Error, message, [place]),
        Problem::Stamp { place, source } => of_stamp(place, source),
        Problem::Dockerfile {
            place,
            line,
            source,
        } => Diagnostic {
            hints: line
                .iter()
                .map(|line| format!("line {} of the rendered text is `{line}`", source.line()))
                .collect(),
            ..at(Severity::Error, message, [place])
        },
        Problem::Tag { place, source } => Diagnostic {
            hints: of_tag(source).map(str::to_owned).into_iter().collect(),
            ..at(Severity::Error, message, [place])
        },
        Problem::ReservedTag { place, .. } => at(Severity::Error, message, [place])
            .hint("give it another version: one begins with a digit, as a rule"),
        Problem::Unfinished(_) => at(Severity::Error, message, [])
            .hint("when no other run is at work, the next `pkg update` of this directory begins with undoing what is half done"),
        Problem::TwoRecipes { places, .. } => {
            at(Severity::Error, message, places).hint("keep one of them")
        }
        Problem::Duplicate { places, .. } => at(Severity::Error, message, places)
            .hint("the first word of a changelog is the name: change it in all but one"),
        Problem::Render(error) => of_render(error),
        Problem::Runaway { places, .. } => at(Severity::Error, message, places),
        Problem::UserName { place, .. } | Problem::UserUnknown { place, .. } => {
            at(Severity::Error, message, [place])
                .hint("write the number, as `USER {{ \"www-data\" | uid }}` does")
        }
        Problem::Graph(error) => of_graph(error, message),
    }
}

fn of_stamp(place: &Place, error: &StampError) -> Diagnostic {
    at(Severity::Error, error.to_string(), [place]).hint(error.hint())
}

/// The version of an image becomes its tag.
fn of_tag(error: &TagError) -> Option<&'static str> {
    match error {
        TagError::Character { character: ':', .. } => {
            Some("a version becomes a tag: leave out the epoch, the number before the `:`")
        }
        TagError::Character { .. } => {
            Some("a version becomes a tag: write `-` or `.` instead, as in `2.0-rc1`")
        }
        TagError::Empty | TagError::TooLong(_) => None,
    }
}

fn is_no_text(error: &FileError) -> bool {
    error.is_of_reading() && error.kind() == std::io::ErrorKind::InvalidData
}

fn of_file(error: &FileError) -> Diagnostic {
    if is_no_text(error) {
        let message = format!("{} is not UTF-8", error.path().display());
        return at(Severity::Error, message, []);
    }
    Diagnostic {
        causes: causes(error),
        ..at(Severity::Error, error.to_string(), [])
    }
}

fn of_structure(error: &StructureError) -> Diagnostic {
    Diagnostic {
        hints: error.fault.hint().into_iter().collect(),
        ..at(Severity::Error, error.to_string(), [&error.place])
    }
}

/// What the engine, a disk or an archive spoiled is no fault of the image.
fn kind_of_verify(error: &VerifyError) -> Option<Kind> {
    match error {
        VerifyError::Engine(EngineError::Refused { .. }) => None,
        VerifyError::Engine(_)
        | VerifyError::NeedsEngine
        | VerifyError::NeedsMachine
        | VerifyError::Thread(_)
        | VerifyError::Unpack(_) => Some(Kind::Environment),
        VerifyError::File(file) => (!file.is_of_reading()).then_some(Kind::Environment),
        _ => None,
    }
}

fn kind_of_bringing(error: &BringError) -> Option<Kind> {
    (Fault::from(error) == Fault::Environment).then_some(Kind::Environment)
}

fn of_render(error: &crate::render::RenderError) -> Diagnostic {
    Diagnostic {
        causes: causes(error),
        excerpt: error.excerpt.clone(),
        hints: error.hints.clone(),
        ..at(Severity::Error, error.to_string(), [&error.place])
    }
}

fn of_graph(error: &GraphError, message: String) -> Diagnostic {
    match error {
        GraphError::Missing { place, .. } => at(Severity::Error, message, [place]),
        GraphError::Cycle { path, places } => {
            let message = match path.as_slice() {
                [itself, _] => format!("image `{itself}` needs itself"),
                _ => message,
            };
            at(Severity::Error, message, places)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context as _;

    use super::*;
    use crate::scan::Warning;

    fn file_error(action: &'static str) -> FileError {
        let source = io::ErrorKind::PermissionDenied.into();
        FileError::new(action, Path::new("file"), source)
    }

    #[track_caller]
    fn case(error: impl Into<anyhow::Error>, exit_code: u8) {
        let error = error.into();
        let (kind, diagnostics) = diagnose(&error);
        assert_eq!(kind.exit_code(), exit_code, "{error}");
        assert!(!diagnostics.is_empty(), "nothing is told of {error}");
        // What was found to be the case further down counts as well.
        let (kind, _) = diagnose(&Err::<(), _>(error).context("on top").expect_err("an error"));
        assert_eq!(kind.exit_code(), exit_code);
    }

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let problems = |problems| Problems {
            problems,
            warnings: Vec::new(),
        };
        let no_directory = || Problem::NoDirectory("imgaes".into());
        case(anyhow::anyhow!("something else"), 1);
        case(file_error("read"), 1);
        case(problems(vec![file_error("read").into()]), 1);
        case(problems(vec![no_directory(), file_error("read").into()]), 1);
        case(problems(vec![no_directory()]), 2);
        let usage = UsageError {
            message: "wrong".to_owned(),
            hints: Vec::new(),
        };
        case(usage, 2);
        let pattern = crate::catalog::Pattern::parse(&"[a-z]?".repeat(20_000));
        case(pattern.expect_err("too long"), 2);
        case(file_error("write"), 4);
        case(PrintError(io::ErrorKind::StorageFull.into()), 4);
        let silent = || EngineError::Silent {
            action: "answer".to_owned(),
            deadline: std::time::Duration::from_secs(5),
        };
        case(silent(), 4);
        case(ObserveError::Engine(silent()), 4);
        case(ClientError::Proxy, 4);
        let unknown = RevisionError::Unknown {
            revision: "v1".to_owned(),
            top: "/".into(),
            is_shallow: false,
        };
        case(unknown, 2);
        case(RevisionError::Answer("it is empty"), 4);
        case(RevisionError::File(file_error("read")), 1);
        let faults = PastFaults {
            revision: "v1".to_owned(),
            files: "/scratch".into(),
            problems: problems(vec![no_directory()]),
        };
        case(faults, 1);
    }

    #[test]
    fn the_files_of_a_revision_are_named_as_git_names_them() {
        let place = Place::column(Path::new("/scratch/images/a/changelog"), 3, 7);
        let warning = Warning::NoRecipe { place };
        let cause = file_error("read");
        let walk = FileError::new("read", Path::new("/scratch/b"), io::Error::other("odd"));
        let faults = PastFaults {
            revision: "HEAD~1".to_owned(),
            files: "/scratch".into(),
            problems: Problems {
                problems: vec![cause.into(), walk.into()],
                warnings: vec![warning],
            },
        };
        let (_, diagnostics) = diagnose(&faults.into());
        assert_eq!(
            diagnostics[0].places[0].to_string(),
            "HEAD~1:images/a/changelog:3:7"
        );
        assert_eq!(diagnostics[1].message, "cannot read file");
        assert_eq!(diagnostics[2].message, "cannot read HEAD~1:b");
    }

    fn only(error: impl Into<anyhow::Error>) -> Diagnostic {
        let (_, mut diagnostics) = diagnose(&error.into());
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        diagnostics.remove(0)
    }

    #[test]
    fn causes_are_told_once_from_the_outermost() {
        let error = anyhow::Error::from(file_error("read")).context("cannot start");
        let diagnostic = only(error);
        assert_eq!(diagnostic.message, "cannot start");
        assert_eq!(diagnostic.causes, ["cannot read file", "permission denied"]);
        let error = anyhow::anyhow!("inner").context("outer: inner");
        assert_eq!(only(error).causes, [""; 0]);
    }

    #[test]
    fn a_directory_that_cannot_be_walked_names_its_reason() {
        let entries = walkdir::WalkDir::new("/nowhere/at/all").into_iter();
        let source = entries.last().expect("an entry").expect_err("no directory");
        let problem = Problem::Walk {
            path: "images/a".into(),
            source: Box::new(source),
        };
        let diagnostic = of_problem(&problem);
        assert_eq!(diagnostic.message, "cannot walk through images/a");
        let [cause] = diagnostic.causes.as_slice() else {
            panic!("one cause: {diagnostic:?}");
        };
        assert_eq!(cause, "No such file or directory (os error 2)");
    }

    #[test]
    fn warnings_are_told_before_the_errors_that_they_may_explain() {
        let warning = Warning::NoChangelog {
            place: Place::file(Path::new("images/a/image.yaml")),
        };
        let problems = Problems {
            problems: vec![Problem::NoDirectory("b".into())],
            warnings: vec![warning],
        };
        let (_, diagnostics) = diagnose(&problems.into());
        let severities: Vec<_> = diagnostics.iter().map(|one| one.severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Error]);
    }

    #[test]
    fn a_list_of_names_is_told_once_and_a_short_hint_with_each_problem() {
        let (list, short) = ("`name`, ".repeat(13), "the closest name is `a`");
        let problem = |message| Diagnostic::new(Severity::Error, message);
        let mut diagnostics = [1, 2].map(|_| problem("no value").hint(short).hint(&list));
        tell_long_hints_once(&mut diagnostics);
        assert_eq!(diagnostics[0].hints, [short, &list]);
        assert_eq!(diagnostics[1].hints, [short]);
    }

    #[test]
    fn near_names_are_counted() {
        assert_eq!(closest_names(&[""; 0]), None);
        let hint = |names: &[&str]| closest_names(names).expect("a hint");
        assert_eq!(hint(&["a"]), "the closest name is `a`");
        assert_eq!(hint(&["a", "b"]), "the closest names are `a`, `b`");
    }
}
