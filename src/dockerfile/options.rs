//! The options of an instruction, which stand before everything else: `RUN --mount=type=secret,id=npm,required npm ci`.

use super::parse::Instruction;
use super::words::{Words, without_quotes};

/// What a step mounts, as it is written: fields with a value, or `true` where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    fields: Vec<(String, String)>,
}

impl Instruction {
    /// Parts the options from what follows them.
    #[must_use]
    pub fn part_options(&self) -> (Vec<&str>, &str) {
        let text = self.arguments.as_str();
        let mut options = Vec::new();
        for word in Words::of(text, '\\') {
            if !text[word.clone()].starts_with("--") {
                return (options, &text[word.start..]);
            }
            options.push(&text[word]);
        }
        (options, "")
    }

    /// Gives what the step mounts.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let (options, _) = self.part_options();
        let mounts = options.iter().filter_map(|it| it.strip_prefix("--mount="));
        mounts.map(Mount::parse).collect()
    }
}

impl Mount {
    fn parse(text: &str) -> Self {
        let fields = text.split(',').map(unquote).map(|field| {
            let (key, value) = field.split_once('=').unwrap_or((field, "true"));
            (key.trim().to_ascii_lowercase(), unquote(value).to_owned())
        });
        Self {
            fields: fields.collect(),
        }
    }

    /// Finds the last field with one of these names.
    #[must_use]
    pub fn find(&self, names: &[&str]) -> Option<&str> {
        let mut fields = self.fields.iter().rev();
        let (_, value) = fields.find(|(key, _)| names.contains(&key.as_str()))?;
        Some(value)
    }

    /// Tells whether it is of a kind; one that names none is a bind.
    #[must_use]
    pub fn is_of(&self, kind: &str) -> bool {
        let written = self.find(&["type"]).unwrap_or("bind");
        written.eq_ignore_ascii_case(kind)
    }
}

fn unquote(text: &str) -> &str {
    &text[without_quotes(text, 0..text.len())]
}

#[cfg(test)]
mod tests {
    use crate::dockerfile::parse_dockerfile;

    #[test]
    fn options_end_where_something_else_begins() {
        for (line, options, rest) in [
            ("COPY a b", &[][..], "a b"),
            (
                "COPY --from=x --chown=1 a --b",
                &["--from=x", "--chown=1"],
                "a --b",
            ),
            (
                "COPY  --link  [\"a  b\", \"/\"]",
                &["--link"],
                "[\"a  b\", \"/\"]",
            ),
            (
                "RUN --mount=\"type=bind, target=/a\" b",
                &["--mount=\"type=bind, target=/a\""],
                "b",
            ),
            ("RUN --network=none", &["--network=none"], ""),
        ] {
            let dockerfile = parse_dockerfile(&format!("FROM a\n{line}\n")).unwrap();
            let instruction = &dockerfile.stages[0].instructions[0];
            assert_eq!(
                instruction.part_options(),
                (options.to_vec(), rest),
                "{line}"
            );
        }
    }
}
