//! What reading the catalog came upon, as findings of the rules that are about it.

use std::path::Path;

use crate::audit::{Fault, names_secret};
use crate::catalog::GraphError;
use crate::host::fs::FileError;
use crate::place::Place;
use crate::render::{FilterError, RenderFault};
use crate::scan::{Problem, Problems, Survey, Warning};

/// Gives all problems and warnings of a survey as faults; those that are about the command line or another run end the
/// audit.
pub fn find_faults(survey: &mut Survey) -> Result<Vec<Fault>, Problems> {
    let ends_it = |problem: &Problem| {
        matches!(
            problem,
            Problem::NoDirectory(_)
                | Problem::NotADirectory(_)
                | Problem::Unfinished(_)
                | Problem::Runaway { .. }
                | Problem::Thread(_)
        )
    };
    if survey.problems.iter().any(ends_it) {
        let problems = std::mem::take(&mut survey.problems);
        return Err(Problems {
            problems: problems.into_iter().filter(ends_it).collect(),
            warnings: Vec::new(),
        });
    }
    let problems = survey.problems.iter().filter_map(of_problem);
    let warnings = survey.warnings.iter().filter_map(of_warning);
    Ok(problems.chain(warnings).collect())
}

fn fault(rule: &'static str, message: String, places: &[Place]) -> Fault {
    let directory = places.first().and_then(|place| place.path().parent());
    Fault {
        rule,
        directory: directory.map(Path::to_owned),
        message,
        places: places.to_vec(),
        hint: None,
    }
}

fn of_problem(problem: &Problem) -> Option<Fault> {
    let message = problem.to_string();
    let at = |rule, place: &Place| fault(rule, message.clone(), std::slice::from_ref(place));
    Some(match problem {
        // The rule `user-name` looks at that, also where the settings do not ask for it.
        Problem::NoDirectory(_)
        | Problem::NotADirectory(_)
        | Problem::Unfinished(_)
        | Problem::Runaway { .. }
        | Problem::Thread(_)
        | Problem::UserName { .. }
        | Problem::UserUnknown { .. } => return None,
        Problem::File(error) => of_file(error),
        Problem::LinkOut { link, .. } => at("file-unreadable", &Place::file(link)),
        Problem::Walk { path, source } => of_walk(path, source, &message),
        Problem::Changelog { place, .. } => at("changelog-unreadable", place),
        Problem::Control { place, .. } => at("control-unreadable", place),
        Problem::ImageFile { place, .. } => at("image-file-unreadable", place),
        Problem::Stamp { place, source } => Fault {
            hint: Some(source.hint()),
            ..at("image-file-unreadable", place)
        },
        Problem::Name { place, .. } | Problem::Label { place, .. } => at("name-invalid", place),
        Problem::Tag { place, .. } => Fault {
            hint: Some("leave out an epoch, and write `-` or `.` for other signs".to_owned()),
            ..at("version-untaggable", place)
        },
        Problem::ReservedTag { place, .. } => at("version-untaggable", place),
        Problem::TwoRecipes { places, .. } => fault("recipe-duplicate", message, places),
        Problem::Duplicate { places, .. } => fault("name-duplicate", message, places),
        Problem::Render(error) => {
            let (rule, near) = match &error.fault {
                RenderFault::Filter(FilterError::UnknownImage { near, .. }) => {
                    ("dependency-unknown", near.as_slice())
                }
                _ => ("template-fails", [].as_slice()),
            };
            let hint = closest(near).or_else(|| error.hints.first().cloned());
            Fault {
                hint,
                ..at(rule, &error.place)
            }
        }
        Problem::Dockerfile {
            place,
            line,
            source,
        } => Fault {
            hint: line
                .as_ref()
                .filter(|line| !names_secret(line))
                .map(|line| format!("line {} of the rendered text is `{line}`", source.line())),
            ..at("dockerfile-unreadable", place)
        },
        Problem::Graph(error) => of_graph(error),
    })
}

fn of_walk(path: &Path, source: &walkdir::Error, message: &str) -> Fault {
    let error = source.io_error();
    let cause = error.map_or_else(|| source.to_string(), ToString::to_string);
    let message = format!("{message}: {cause}");
    fault("file-unreadable", message, &[Place::file(path)])
}

fn of_graph(error: &GraphError) -> Fault {
    let message = error.to_string();
    match error {
        GraphError::Missing { place, near, .. } => Fault {
            hint: closest(near),
            ..fault("dependency-unknown", message, std::slice::from_ref(place))
        },
        GraphError::Cycle { places, .. } => fault("dependency-cycle", message, places),
    }
}

fn closest(near: &[String]) -> Option<String> {
    let first = near.first()?;
    Some(format!("the closest name is `{first}`"))
}

fn of_file(error: &FileError) -> Fault {
    let cause = match error.kind() {
        std::io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        kind => kind.to_string(),
    };
    fault(
        "file-unreadable",
        format!("{error}: {cause}"),
        &[Place::file(error.path())],
    )
}

fn of_warning(warning: &Warning) -> Option<Fault> {
    let one = |rule, message: &str, place: &Place| {
        Some(fault(rule, message.to_owned(), std::slice::from_ref(place)))
    };
    match warning {
        Warning::NoRecipe { place } => one(
            "directory-incomplete",
            "this directory has a changelog and no recipe",
            place,
        ),
        Warning::NoChangelog { place } => one(
            "directory-incomplete",
            "this directory has a recipe and no changelog",
            place,
        ),
        Warning::Stripped {
            place,
            name,
            stripped,
        } => one(
            "dependency-qualifier",
            &format!("`{stripped}` has no effect on the dependency `{name}`"),
            place,
        ),
        Warning::Render { place, text } => one("template-doubtful", text, place),
        // The rule `name-differs` looks at that.
        Warning::OtherName { .. } => None,
    }
}
