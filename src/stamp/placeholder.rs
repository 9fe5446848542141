//! Stamps in texts that are no templates: `{{ stamp.KEY }}`, as templates have it.
//!
//! ```text
//! annotations: {org.opencontainers.image.revision: "{{ stamp.STABLE_GIT_COMMIT }}"}
//! --tag "ci-{{ stamp.STABLE_GIT_COMMIT }}"
//! ```
//!
//! Any other braces are what they are.

use super::stamps::Stamps;
use super::status::is_key;
use crate::near::find_near;

/// Why a text cannot be stamped.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StampError {
    /// A stamp that does not end, or is more than a key.
    #[error("a stamp is `{{{{ stamp.KEY }}}}` and nothing more: `{0}`")]
    Malformed(String),
    /// A key that nobody knows.
    #[error("`stamp.{key}` has no value")]
    Unknown {
        /// The key.
        key: String,
        /// The text, as far as it is the stamp.
        written: String,
        /// Keys that may be meant.
        near: Vec<String>,
    },
}

impl StampError {
    /// Gives what stands there.
    #[must_use]
    pub fn written(&self) -> &str {
        match self {
            Self::Malformed(written) | Self::Unknown { written, .. } => written,
        }
    }

    /// Gives what can be done about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Malformed(_) => {
                "what is more than a value is for the status command to print".to_owned()
            }
            Self::Unknown { key, near, .. } => hint_of_unknown(key, near),
        }
    }
}

/// Says how a key becomes known, or which one is.
pub(crate) fn hint_of_unknown(key: &str, near: &[impl AsRef<str>]) -> String {
    match near.first() {
        Some(near) => format!("the closest key is `{}`", near.as_ref()),
        None => format!(
            "the settings name each key with what it is without `--stamp`: `stamp_defaults: {{{key}: \"…\"}}`"
        ),
    }
}

/// Puts values in the place of the stamps in a text; `use_key` gets each key.
pub fn fill_stamps<'t>(
    text: &'t str,
    stamps: &Stamps,
    mut use_key: impl FnMut(&'t str),
) -> Result<String, StampError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, found) = rest.split_at(at);
        filled.push_str(before);
        let Some(inside) = found[2..].trim_start().strip_prefix("stamp.") else {
            // One sign alone: of `{{{`, the second and third may begin a stamp.
            filled.push('{');
            rest = &found[1..];
            continue;
        };
        let written = |end: usize| found[..found.len() - inside.len() + end].to_owned();
        let line_end = inside.find('\n').unwrap_or(inside.len());
        let Some(end) = inside[..line_end].find("}}") else {
            return Err(StampError::Malformed(written(line_end)));
        };
        let key = inside[..end].trim_end();
        if !is_key(key) {
            return Err(StampError::Malformed(written(end + 2)));
        }
        let Some(value) = stamps.find(key) else {
            let near = find_near(key, stamps.keys()).into_iter();
            return Err(StampError::Unknown {
                key: key.to_owned(),
                written: written(end + 2),
                near: near.map(str::to_owned).collect(),
            });
        };
        use_key(key);
        filled.push_str(value);
        rest = &inside[end + 2..];
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::parse_status;

    fn fill(text: &str) -> Result<(String, Vec<&str>), StampError> {
        let constants = [("STABLE_A", "a"), ("B", "b")];
        let constants = constants.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let status = parse_status("STABLE_A 1\nB {{ stamp.B }}\n").expect("a status");
        let mut used = Vec::new();
        let stamps = Stamps::new(constants).with(&status);
        let filled = fill_stamps(text, &stamps, |key| used.push(key))?;
        Ok((filled, used))
    }

    #[track_caller]
    fn case(text: &str, expected: &str, used: &[&str]) {
        assert_eq!(fill(text), Ok((expected.to_owned(), used.to_vec())));
    }

    #[test]
    fn stamps_are_filled_once_and_other_braces_stay() {
        case("v{{ stamp.STABLE_A }}-x", "v1-x", &["STABLE_A"]);
        case(
            "{{stamp.STABLE_A}}{{  stamp.B}}",
            "1{{ stamp.B }}",
            &["STABLE_A", "B"],
        );
        case("{{{ stamp.STABLE_A }}}", "{1}", &["STABLE_A"]);
        for text in [
            "",
            "{",
            "{{",
            "{{ }}",
            "{{ other }}",
            "stamp.B",
            "{ stamp.B }",
            "{{ü",
        ] {
            case(text, text, &[]);
        }
    }

    #[track_caller]
    fn refused(text: &str, written: &str, message: &str) {
        let error = fill(text).expect_err(text);
        assert_eq!(
            (error.written(), error.to_string().as_str()),
            (written, message)
        );
    }

    #[test]
    fn what_is_more_or_less_than_a_key_is_refused() {
        let message =
            |text: &str| format!("a stamp is `{{{{ stamp.KEY }}}}` and nothing more: `{text}`");
        for text in [
            "{{ stamp.B",
            "{{ stamp.B }",
            "{{ stamp. }}",
            "{{ stamp.B | upper }}",
        ] {
            refused(&format!("a {text}"), text, &message(text));
        }
        refused("{{ stamp.B\n}}", "{{ stamp.B", &message("{{ stamp.B"));
        refused("{{stamp.C}}", "{{stamp.C}}", "`stamp.C` has no value");
    }

    #[test]
    fn a_key_that_may_be_meant_is_named() {
        let hint = |text: &str| fill(text).expect_err(text).hint();
        assert_eq!(
            hint("{{ stamp.STABLE_B }}"),
            "the closest key is `STABLE_A`"
        );
        assert!(hint("{{ stamp.COMMIT }}").contains("`stamp_defaults: {COMMIT: \"…\"}`"));
    }
}
