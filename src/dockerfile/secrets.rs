//! The secrets that the steps of a Dockerfile mount: `RUN --mount=type=secret,id=npm,required npm ci`.

use super::options::Mount;
use super::parse::Dockerfile;

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
        let secrets = runs.flat_map(|run| {
            let mounts = run.mounts().into_iter();
            mounts.filter_map(|mount| find_secret(&mount, run.line))
        });
        secrets.collect()
    }
}

fn find_secret(mount: &Mount, line: usize) -> Option<SecretMount> {
    // Without a name it has that of its file.
    let target = mount.find(&["target", "dst", "destination"]);
    let last = target.and_then(|target| target.rsplit('/').next());
    let id = mount.find(&["id"]).filter(|id| !id.is_empty()).or(last)?;
    // As Go reads a boolean (pkg.go.dev/strconv, ParseBool).
    let is_yes = |value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
    (mount.is_of("secret") && !id.is_empty() && !id.contains('$')).then(|| SecretMount {
        id: id.to_owned(),
        is_required: mount.find(&["required"]).is_some_and(is_yes),
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
