//! The secrets that the steps of a Dockerfile mount: `RUN --mount=type=secret,id=npm,required npm ci`.

use super::parse::Dockerfile;
use super::words::{Words, within_quotes};

/// A secret that a step mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMount {
    /// The name by which it is asked for.
    pub id: String,
    /// Whether the step is not to run without it.
    pub is_required: bool,
    /// The line of the instruction, counted from 1.
    pub line: usize,
}

impl Dockerfile {
    /// Finds the secrets that steps mount, in order. A name that only the engine knows, with a variable in it, is none.
    #[must_use]
    pub fn secret_mounts(&self) -> Vec<SecretMount> {
        let steps = self.stages.iter().flat_map(|stage| &stage.instructions);
        let runs = steps.filter(|step| step.keyword == "RUN");
        let mounts = runs.flat_map(|run| {
            let text = run.arguments.as_str();
            let words = Words::of(text, '\\');
            let flags = words.take_while(|word| text[word.clone()].starts_with("--"));
            flags.filter_map(|word| {
                text[word.clone()].strip_prefix("--mount=")?;
                let value = within_quotes(text, word.start + "--mount=".len()..word.end);
                find_secret(&text[value], run.line)
            })
        });
        mounts.collect()
    }
}

fn find_secret(value: &str, line: usize) -> Option<SecretMount> {
    let (mut is_secret, mut is_required) = (false, false);
    let (mut id, mut target) = ("", "");
    for part in value.split(',') {
        let field = &part[within_quotes(part, 0..part.len())];
        let (key, value) = field.split_once('=').unwrap_or((field, "true"));
        match key.trim().to_ascii_lowercase().as_str() {
            "type" => is_secret = value.eq_ignore_ascii_case("secret"),
            "id" => id = value,
            "target" | "dst" | "destination" => target = value,
            // As Go reads a boolean (pkg.go.dev/strconv, ParseBool).
            "required" => is_required = matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"),
            _ => (),
        }
    }
    // Without a name it has that of its file.
    let id = match id {
        "" => target.rsplit('/').next().unwrap_or_default(),
        id => id,
    };
    (is_secret && !id.is_empty() && !id.contains('$')).then(|| SecretMount {
        id: id.to_owned(),
        is_required,
        line,
    })
}

#[cfg(test)]
mod tests {
    use crate::dockerfile::parse_dockerfile;

    #[track_caller]
    fn case(flags: &str, expected: &[(&str, bool)]) {
        let text = format!("FROM a\nRUN {flags} make --mount=type=secret,id=no\n");
        let mounts = parse_dockerfile(&text).unwrap().secret_mounts();
        assert!(mounts.iter().all(|mount| mount.line == 2));
        let mounts: Vec<_> = mounts
            .iter()
            .map(|mount| (mount.id.as_str(), mount.is_required))
            .collect();
        assert_eq!(mounts, expected, "{flags}");
    }

    #[test]
    fn the_secrets_of_a_step_are_found() {
        case("", &[]);
        case("--mount=type=cache,id=a", &[]);
        case("--mount=type=secret,id=a", &[("a", false)]);
        case("--mount=type=secret,id=a,required", &[("a", true)]);
        case("--mount=required=true,type=SECRET,id=a", &[("a", true)]);
        case("--mount=type=secret,id=a,required=false", &[("a", false)]);
        case(
            "--mount=type=secret,target=/root/.netrc",
            &[(".netrc", false)],
        );
        case("--mount=type=secret,id=$A", &[]);
        case("--mount=type=secret,\"id=a\"", &[("a", false)]);
        case(
            "--network=none --mount=type=secret,id=a \\\n  --mount=type=secret,id=b,mode=0400",
            &[("a", false), ("b", false)],
        );
    }
}
