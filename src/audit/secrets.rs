//! A secret in a recipe stays in the image's history or configuration for everybody who can pull it.

use super::allow::find_allowed;
use super::finding::Notes;
use super::policy::Policy;
use super::rule::find_rule;
use super::subject::{Ground, Recipe, Subject};
use super::tokens::find_secret;
use crate::catalog::Recipe as CatalogRecipe;
use crate::declared::ImageFile;
use crate::dockerfile::Instruction;
use crate::place::Place;

const RULE: &str = "secret-in-history";

/// A name whose last word ends so is a secret's.
const ENDINGS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "credential",
    "credentials",
    "apikey",
];
/// So is one that ends with one of these behind another word: `PWD` alone is the directory of a shell.
const SHORT: [&str; 3] = ["pwd", "pass", "pw"];
/// So is one that ends with these two.
const PAIRS: [(&str, &str); 9] = [
    ("api", "key"),
    ("access", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("encryption", "key"),
    ("signing", "key"),
    ("auth", "key"),
    // What redis-cli and Docker read.
    ("rediscli", "auth"),
    ("auth", "config"),
];

/// Values that switch something on or off.
const SWITCHES: [&str; 9] = ["true", "false", "0", "1", "none", "yes", "no", "on", "off"];

pub(super) fn find(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    if let Some(CatalogRecipe::Declared { path, file }) = subject.image.map(|image| &image.recipe) {
        let text = subject.declaration_text.as_deref().unwrap_or_default();
        let place = |name: &str| match find_key_line(text, name) {
            Some(line) => Place::line(path, line),
            None => Place::file(path),
        };
        find_declared(file, place, notes);
        return;
    }
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    for arg in &recipe.dockerfile.global_args {
        if is_secret(&arg.name, arg.value.as_deref().or(Some("?"))) {
            add(notes, origin.place(arg.line), "ARG", &arg.name);
        }
    }
    let stages = recipe.dockerfile.stages.iter();
    for one in stages.flat_map(|stage| &stage.instructions) {
        if ["ARG", "ENV"].contains(&one.keyword.as_str()) {
            for (name, value) in pairs(one) {
                if is_secret(name, value) {
                    add(notes, origin.place(one.line), &one.keyword, name);
                }
            }
        } else if let Some((line, form)) = find_in_lines(recipe, one) {
            let message = format!(
                "`{}` puts {} into the history of the image",
                one.keyword,
                form.describe()
            );
            notes.add(origin.place(line), message).hint(MOUNT);
        }
    }
}

const MOUNT: &str = "give it to the step that needs it: `RUN --mount=type=secret,id=…`";

fn add(notes: &mut Notes<'_>, place: Place, keyword: &str, name: &str) {
    let message = format!("`{keyword} {name}` puts a secret into the history of the image");
    notes.add(place, message).hint(MOUNT);
}

/// Finds the first line of an instruction that holds a secret.
fn find_in_lines(recipe: &Recipe<'_>, one: &Instruction) -> Option<(usize, super::tokens::Form)> {
    let written = recipe.text.get(one.span.clone()).unwrap_or_default();
    let lines = written.lines().enumerate();
    // A comment between the lines of an instruction is none of it.
    let mut lines =
        lines.filter(|(index, line)| *index == 0 || !line.trim_start().starts_with('#'));
    lines.find_map(|(index, line)| Some((one.line + index, find_secret(line)?)))
}

/// What an `image.yaml` declares is in the configuration of the image.
fn find_declared(file: &ImageFile, place: impl Fn(&str) -> Place, notes: &mut Notes<'_>) {
    const HINT: &str = "give it to the container when it is run";
    let runtime = &file.runtime;
    for (name, value) in &runtime.environment {
        if is_secret(name, Some(value)) {
            let message = format!("`environment` puts a secret into the image: `{name}`");
            notes.add(place(name), message).hint(HINT);
        }
    }
    let cmd = runtime.cmd.clone().unwrap_or_default();
    for (key, command) in [("entrypoint", &runtime.entrypoint), ("cmd", &cmd)] {
        if let Some(form) = command.0.iter().find_map(|word| find_secret(word)) {
            let message = format!("`{key}` puts {} into the image", form.describe());
            notes.add(place(key), message).hint(HINT);
        }
    }
}

/// Finds the line of an `image.yaml` in which a key stands.
fn find_key_line(text: &str, key: &str) -> Option<usize> {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let has_key = |line: &str| {
        line.match_indices(key).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + key.len()..].trim_start_matches(['"', '\'', ' ']);
            !before.is_some_and(is_of_key) && after.starts_with(':')
        })
    };
    text.lines().position(has_key).map(|index| index + 1)
}

/// Tells whether a line of a Dockerfile names a secret, or holds one.
#[must_use]
pub fn names_secret(line: &str) -> bool {
    let mut names = line.split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
    names.any(|name| is_secret(name, Some("?"))) || find_secret(line).is_some()
}

/// A value in an `ARG`, `ENV` or `LABEL` that is a secret by its form, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baked {
    /// `ARG`, `ENV` or `LABEL`.
    pub keyword: String,
    /// The name that it has.
    pub name: String,
    /// What it is: `a token`.
    pub form: &'static str,
    /// The line of the instruction, counted from 1.
    pub line: usize,
}

/// Finds what an `ARG`, `ENV` or `LABEL` would put into an image and what is for certain a secret, unless the settings or a comment
/// allow that at an image of this name.
#[must_use]
pub fn find_baked(policy: &Policy, name: &str, recipe: &Recipe<'_>) -> Vec<Baked> {
    let is_asked = find_rule(RULE)
        .is_some_and(|rule| policy.severity(rule).is_some() && !policy.excludes(rule, name));
    let is_allowed = |text: &str| find_allowed(text).contains(RULE);
    if !is_asked || is_allowed(recipe.source) || is_allowed(recipe.text) {
        return Vec::new();
    }
    let global = recipe.dockerfile.global_args.iter().filter_map(|arg| {
        Some(Baked {
            keyword: "ARG".to_owned(),
            name: arg.name.clone(),
            form: find_secret(arg.value.as_deref()?)?.describe(),
            line: arg.line,
        })
    });
    let stages = recipe.dockerfile.stages.iter();
    let steps = stages.flat_map(|stage| &stage.instructions);
    let set = steps.filter(|one| ["ARG", "ENV", "LABEL"].contains(&one.keyword.as_str()));
    let set = set.filter_map(|one| {
        let form = find_secret(&one.arguments)?.describe();
        let pairs = pairs(one);
        let holds = |value: Option<&str>| value.is_some_and(|it| find_secret(it).is_some());
        // A value with blanks in it is in several words.
        let (name, _) = pairs
            .iter()
            .find(|(_, value)| holds(*value))
            .or(pairs.first())?;
        Some(Baked {
            keyword: one.keyword.clone(),
            name: (*name).to_owned(),
            form,
            line: one.line,
        })
    });
    global.chain(set).collect()
}

/// Gives the names that an `ARG`, `ENV` or `LABEL` sets, each with its value.
fn pairs(one: &Instruction) -> Vec<(&str, Option<&str>)> {
    let words: Vec<&str> = one.arguments.split_whitespace().collect();
    match (one.keyword.as_str(), words.as_slice()) {
        // The old form: `ENV NAME the value`.
        ("ENV" | "LABEL", [name, ..]) if !name.contains('=') => {
            let value = one.arguments[name.len()..].trim();
            vec![(name, Some(value))]
        }
        ("ENV" | "LABEL", words) => words
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name, Some(value)))
            .collect(),
        ("ARG", words) => words
            .iter()
            .map(|word| match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (*word, Some("?")),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn is_secret(name: &str, value: Option<&str>) -> bool {
    let value = value.unwrap_or_default().trim_matches(['"', '\'']);
    if find_secret(value).is_some() {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(['_', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    // `TOKEN_LIFETIME` is about a token.
    let ends = |last: &str| ENDINGS.iter().any(|ending| last.ends_with(ending));
    let names_one = match words.as_slice() {
        [.., before, last] => ends(last) || SHORT.contains(last) || PAIRS.contains(&(before, last)),
        [last] => ends(last),
        [] => false,
    };
    let is_public = words.contains(&"public");
    // An empty value holds a place, a path leads to the secret, and a switch is none.
    let is_harmless = value.is_empty()
        || value.starts_with('/')
        || SWITCHES.contains(&value.to_ascii_lowercase().as_str());
    names_one && !is_public && !is_harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(name: &str, value: &str, expected: bool) {
        assert_eq!(is_secret(name, Some(value)), expected, "{name}={value}");
    }

    #[test]
    fn names_and_values_tell_a_secret() {
        case("DB_PASSWORD", "x", true);
        case("GITHUB_TOKEN", "?", true);
        case("AWS_SECRET_ACCESS_KEY", "x", true);
        case("api-key", "x", true);
        case("PGPASSWORD", "x", true);
        case("MYSQL_PWD", "x", true);
        case("DB_PASS", "x", true);
        case("REDISCLI_AUTH", "x", true);
        case("X", &format!("ghp_{}", "a".repeat(36)), true);
        case("PROXY", "http://ann:hush@proxy.example.org/", true);
        for (name, value) in [
            ("DB_PASSWORD", ""),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("PUBLIC_TOKEN", "x"),
            ("TOKENIZER", "x"),
            ("TOKEN_LIFETIME", "3600"),
            ("MAX_TOKENS", "4096"),
            ("MONKEY", "x"),
            ("KEY", "x"),
            ("PATH", "/usr/bin:$PATH"),
            ("PROXY", "http://ann@proxy.example.org/"),
            ("PROXY", "http://ann:$PASS@proxy.example.org/"),
            ("REQUIRE_TOKEN", "true"),
            ("ALLOW_EMPTY_PASSWORD", "yes"),
            ("PWD", "x"),
            ("OLD_PWD", "/srv"),
            ("BYPASS", "x"),
        ] {
            case(name, value, false);
        }
    }

    #[test]
    fn a_key_of_a_declaration_is_found_by_its_line() {
        let text = "bootstrap: x\nenvironment:\n  A_KEY: 1\n  \"KEY\": 2\n";
        assert_eq!(find_key_line(text, "KEY"), Some(4));
        assert_eq!(find_key_line(text, "A_KEY"), Some(3));
        assert_eq!(find_key_line(text, "B"), None);
        assert_eq!(find_key_line("environment: {A: x, KEY: y}", "KEY"), Some(1));
    }
}
