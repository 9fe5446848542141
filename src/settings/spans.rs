//! Lengths of time for images that need another one than most: the settings `build_timeouts` and `verify_timeouts`.
//!
//! ```yaml
//! build_timeouts: {chromium: 8h, "*-toolchain": 4h}
//! ```

use std::time::Duration;

use super::error::SettingsError;
use super::file::{Content, Node};
use super::reader::{Entry, Reader};
use super::span::find_duration;
use super::value::Value;
use crate::place::Place;

/// What images of some names need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSpan {
    /// A shell pattern on the names of images; of several that match, the first counts.
    pub pattern: String,
    /// The length of time.
    pub span: Duration,
    /// Where it stands.
    pub place: Place,
}

/// What an image can be called, and the signs of a pattern; `*/nginx:*`, the pattern of a label, would match no name.
pub(super) const PATTERN: &str = r"^[A-Za-z0-9.+*?!\[\]_-]{1,128}$";

pub(super) fn read_spans(reader: &mut Reader<'_>, key: &'static str) -> Vec<NamedSpan> {
    let read = reader.find(key).map(|entry| read_mapping(entry, key));
    match read {
        None => Vec::new(),
        Some(Ok(spans)) => spans,
        Some(Err(error)) => {
            reader.errors.push(error);
            Vec::new()
        }
    }
}

fn read_mapping(entry: &Entry<'_>, key: &'static str) -> Result<Vec<NamedSpan>, SettingsError> {
    const EXPECTED: &str = "a mapping of names of images to lengths of time";
    let Content::Mapping(pairs) = &entry.node.content else {
        return Err(entry.wrong_type(key, EXPECTED, &entry.node));
    };
    let read = pairs.iter().map(|(name, span)| {
        let Content::Scalar(Value::Text(pattern)) = &name.content else {
            return Err(entry.wrong_type(key, EXPECTED, name));
        };
        let value = |node: &Node, expected| SettingsError::Value {
            place: entry.place_of(node.mark),
            key,
            expected,
        };
        if !is_pattern(pattern) {
            let expected = "a mapping of names of images, or patterns such as `*-toolchain`, to lengths of time";
            return Err(value(name, expected));
        }
        let expected = "a mapping to lengths of time such as `90` (seconds), `15m` or `1h30m`";
        let text = match &span.content {
            Content::Scalar(Value::Text(text)) => text.clone(),
            Content::Scalar(Value::Integer(seconds)) => seconds.to_string(),
            _ => return Err(value(span, expected)),
        };
        Ok(NamedSpan {
            pattern: pattern.clone(),
            span: find_duration(&text).ok_or_else(|| value(span, expected))?,
            place: entry.place_of(name.mark),
        })
    });
    read.collect()
}

fn is_pattern(text: &str) -> bool {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || ".+*?![]_-".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(may_stand)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Layer, parse_settings};
    use super::*;

    #[track_caller]
    fn fault(text: &str, expected: &str) {
        let layer = Layer {
            path: Path::new("config.yaml"),
            text,
        };
        let errors = parse_settings(&[layer]).expect_err("a fault");
        let told: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {error}", error.place()))
            .collect();
        assert_eq!(told, [expected]);
    }

    #[test]
    fn what_stands_first_comes_first() {
        let layer = Layer {
            path: Path::new("config.yaml"),
            text: "build_timeouts:\n  chromium: 8h\n  '*-dev': 90\nverify_timeouts: {a: 1m}\n",
        };
        let settings = parse_settings(&[layer]).unwrap().settings;
        let shown = |spans: &[NamedSpan]| -> Vec<String> {
            let each = spans.iter();
            each.map(|it| format!("{} {} {}", it.place, it.pattern, it.span.as_secs()))
                .collect()
        };
        let expected = ["config.yaml:2:3 chromium 28800", "config.yaml:3:3 *-dev 90"];
        assert_eq!(shown(&settings.build_timeouts), expected);
        assert_eq!(shown(&settings.verify_timeouts), ["config.yaml:4:19 a 60"]);
    }

    #[test]
    fn what_cannot_be_is_told_where_it_stands() {
        fault(
            "build_timeouts: 4h\n",
            "config.yaml:1:17: `build_timeouts` has to be a mapping of names of images to lengths of time, and this is a text",
        );
        fault(
            "a: 1\nbuild_timeouts:\n  chromium: 8 hours\n",
            "config.yaml:3:13: `build_timeouts` has to be a mapping to lengths of time such as `90` (seconds), `15m` or `1h30m`",
        );
        fault(
            "verify_timeouts:\n  '*/nginx:*': 1h\n",
            "config.yaml:2:3: `verify_timeouts` has to be a mapping of names of images, or patterns such as `*-toolchain`, to lengths of time",
        );
    }
}
