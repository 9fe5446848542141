//! Rules on what `RUN` does with apt.

use super::finding::Notes;
use super::shell::{ShellCommand, parse_commands};
use super::subject::{Ground, Recipe, Subject};
use crate::dockerfile::{Instruction, Stage};

/// Options of apt that take the next word.
const WITH_VALUE: [&str; 8] = [
    "-o",
    "--option",
    "-c",
    "--config-file",
    "-t",
    "--target-release",
    "--default-release",
    "-a",
];

/// One run of apt.
struct Apt<'a> {
    /// `install`, `update` and so on.
    verb: &'a str,
    line: usize,
    arguments: Vec<&'a str>,
}

impl<'a> Apt<'a> {
    fn of(command: &'a ShellCommand) -> Option<Self> {
        let call = command.call()?;
        if !["apt-get", "apt"].contains(&call.program) {
            return None;
        }
        let arguments: Vec<&str> = call
            .arguments
            .iter()
            .map(|(word, _)| word.as_str())
            .collect();
        let mut rest = arguments.iter();
        let verb = loop {
            let word = *rest.next()?;
            if WITH_VALUE.contains(&word) {
                rest.next();
            } else if !word.starts_with('-') {
                break word;
            }
        };
        Some(Self {
            verb,
            line: call.line,
            arguments,
        })
    }

    fn installs(&self) -> bool {
        ["install", "build-dep"].contains(&self.verb)
    }

    fn says(&self, option: &str) -> bool {
        self.arguments.contains(&option)
    }
}

fn runs<'a>(stages: impl IntoIterator<Item = &'a Stage>) -> impl Iterator<Item = &'a Instruction> {
    let instructions = stages.into_iter().flat_map(|stage| &stage.instructions);
    instructions.filter(|instruction| instruction.keyword == "RUN")
}

fn commands(recipe: &Recipe<'_>) -> Vec<ShellCommand> {
    let runs = runs(&recipe.dockerfile.stages);
    runs.flat_map(|run| parse_commands(recipe.text, run))
        .collect()
}

/// The filter takes care of all that is easily forgotten.
pub(super) fn find_without_filter(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    for command in commands(recipe) {
        let Some(apt) = Apt::of(&command) else {
            continue;
        };
        // The filter cannot install what packages recommend.
        if apt.verb != "install" || apt.says("--install-recommends") {
            continue;
        }
        let place = origin.place(apt.line);
        // What the filter wrote stands in no line of the template.
        let literal = origin.literal_line(&place);
        if literal.contains("apt") && literal.contains("install") {
            notes
                .add(
                    place,
                    "`apt-get install` is written out where the filter `apt_install` is there",
                )
                .hint("write `RUN {{ \"PACKAGES\" | apt_install }}`");
        }
    }
}

pub(super) fn find_recommends(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    // A file of apt's own settings may say it for every command.
    if recipe.text.contains("Install-Recommends") {
        return;
    }
    let origin = recipe.origin();
    for command in commands(recipe) {
        let Some(apt) = Apt::of(&command) else {
            continue;
        };
        let is_decided = ["--no-install-recommends", "--install-recommends"]
            .iter()
            .any(|option| apt.says(option));
        if apt.installs() && !is_decided {
            let message = format!("`apt-get {}` without `--no-install-recommends`", apt.verb);
            notes.add(origin.place(apt.line), message);
        }
    }
}

pub(super) fn find_lists(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    for run in runs(recipe.dockerfile.result_stages()) {
        // What is mounted stays out of the image.
        if run.arguments.contains("target=/var/lib/apt") {
            continue;
        }
        let commands = parse_commands(recipe.text, run);
        let update = commands
            .iter()
            .filter_map(Apt::of)
            .find(|apt| apt.verb == "update");
        let Some(update) = update else { continue };
        let removes = |command: &ShellCommand| {
            let words = &command.words;
            let lists = words
                .iter()
                .any(|(word, _)| word.starts_with("/var/lib/apt/lists") || word == "/var/lib/apt");
            let cleans = Apt::of(command).is_some_and(|apt| apt.verb == "distclean");
            cleans
                || lists
                    && command
                        .call()
                        .is_some_and(|call| ["rm", "find"].contains(&call.program))
        };
        if !commands.iter().any(removes) {
            notes
                .add(
                    origin.place(update.line),
                    "the lists that `apt-get update` fetches stay in the image",
                )
                .hint("end the same `RUN` with `&& rm -rf /var/lib/apt/lists/*`");
        }
    }
}
