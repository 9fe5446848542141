//! `$X` and `${X}` in commands and paths, from the environment of an image.

use std::collections::BTreeMap;

use super::suite::Variable;

/// No argument of a process is longer (Linux, `MAX_ARG_STRLEN`); variables in variables could grow without an end.
const LONGEST_BYTES: usize = 128 << 10;

/// Puts the values of variables in the place of `$X` and `${X}`.
///
/// What the environment does not have stays as it is written: in `sh -c 'for i in 1 2; do echo $i; done'` it is the shell's.
#[must_use]
pub fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let found = split_name(after).and_then(|(name, behind)| {
            let value = environment.get(name)?;
            Some((value, behind))
        });
        rest = match found {
            Some((value, behind)) if expanded.len() + value.len() <= LONGEST_BYTES => {
                expanded.push_str(value);
                behind
            }
            _ => {
                expanded.push('$');
                after
            }
        };
    }
    expanded.push_str(rest);
    expanded
}

/// Splits the name of a variable off what stands behind a `$`.
fn split_name(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        let (name, behind) = braced.split_once('}')?;
        let (whole, nothing) = split_word(name)?;
        return nothing.is_empty().then_some((whole, behind));
    }
    split_word(text)
}

fn split_word(text: &str) -> Option<(&str, &str)> {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    starts.then(|| text.split_at(end))
}

/// Adds variables to an environment, in their order: a value may name those before it, as `$PATH:/opt/bin` does.
pub fn expand_variables<'a>(
    environment: &mut BTreeMap<String, String>,
    variables: impl IntoIterator<Item = &'a Variable>,
) {
    for variable in variables {
        let value = expand(&variable.value, environment);
        environment.insert(variable.key.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: &str) {
        let environment = [
            ("PATH", "/bin:/usr/bin"),
            ("A1", "one"),
            ("_", "u"),
            ("EMPTY", ""),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(expand(text, &environment.into()), expected);
    }

    #[test]
    fn variables_of_the_environment_are_put_in() {
        case("$PATH", "/bin:/usr/bin");
        case("${A1}x$A1/$_", "onexone/u");
        case("a${EMPTY}b", "ab");
    }

    #[test]
    fn what_is_not_there_stays_as_it_is_written() {
        for text in [
            "$B", "${B}", "$1", "$", "$$", "${A1", "${}", "${A1-x}", "$A1x", "a$", "$ä",
        ] {
            case(text, text);
        }
        case("$$A1", "$one");
    }

    #[test]
    fn a_value_may_name_what_stands_before_it() {
        let mut environment = [("PATH".to_owned(), "/bin".to_owned())].into();
        let variables = [("PATH", "$PATH:/opt"), ("X", "<$PATH>"), ("Y", "$Z")];
        let variables = variables.map(|(key, value)| Variable {
            key: key.to_owned(),
            value: value.to_owned(),
        });
        expand_variables(&mut environment, &variables);
        let shown: Vec<String> = environment
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(shown, ["PATH=/bin:/opt", "X=</bin:/opt>", "Y=$Z"]);
    }

    #[test]
    fn variables_in_variables_end() {
        let mut environment = [("X".to_owned(), "x".repeat(1000))].into();
        let twice = Variable {
            key: "X".to_owned(),
            value: "$X$X".to_owned(),
        };
        expand_variables(&mut environment, &vec![twice; 40]);
        assert!(environment["X"].len() < 2 * LONGEST_BYTES);
    }
}
