//! A secret in `ARG` or `ENV` stays in the image's history for everybody who can pull it.

use super::finding::Notes;
use super::subject::{Ground, Subject};
use crate::dockerfile::Instruction;

/// A name that ends with one of these words is a secret's.
const WORDS: [&str; 9] = [
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
/// So is one that ends with these two.
const PAIRS: [(&str, &str); 4] = [
    ("api", "key"),
    ("access", "key"),
    ("private", "key"),
    ("secret", "key"),
];

pub(super) fn find(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
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
        for (name, value) in pairs(one) {
            if is_secret(name, value) {
                add(notes, origin.place(one.line), &one.keyword, name);
            }
        }
    }
}

fn add(notes: &mut Notes<'_>, place: crate::place::Place, keyword: &str, name: &str) {
    let message = format!("`{keyword} {name}` puts a secret into the history of the image");
    notes
        .add(place, message)
        .hint("give it to the step that needs it: `RUN --mount=type=secret,id=…`");
}

/// Gives the names that an `ARG` or `ENV` sets, each with its value.
fn pairs(one: &Instruction) -> Vec<(&str, Option<&str>)> {
    let words: Vec<&str> = one.arguments.split_whitespace().collect();
    match (one.keyword.as_str(), words.as_slice()) {
        // The old form: `ENV NAME the value`.
        ("ENV", [name, ..]) if !name.contains('=') => {
            let value = one.arguments[name.len()..].trim();
            vec![(name, Some(value))]
        }
        ("ENV", words) => words
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
    if has_login(value) {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(['_', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    // `TOKEN_LIFETIME` is about a token.
    let names_one = match words.as_slice() {
        [.., before, last] => WORDS.contains(last) || PAIRS.contains(&(before, last)),
        [last] => WORDS.contains(last),
        [] => false,
    };
    let is_public = words.contains(&"public");
    // An empty value holds a place, a path leads to the secret, and a switch is none.
    let is_harmless = value.is_empty()
        || value.starts_with('/')
        || ["true", "false", "0", "1", "none"].contains(&value.to_ascii_lowercase().as_str());
    names_one && !is_public && !is_harmless
}

/// Tells whether a value is an address with a password: `https://user:password@host`.
fn has_login(value: &str) -> bool {
    let authority = value.split_once("://").map(|(_, rest)| rest);
    let authority = authority.and_then(|rest| rest.split('/').next());
    let login = authority.and_then(|authority| authority.rsplit_once('@'));
    login
        .and_then(|(login, _)| login.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with('$'))
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
        ] {
            case(name, value, false);
        }
    }
}
