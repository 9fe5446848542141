//! Which files of its directory a recipe takes into the image.

use std::path::Path;

use crate::audit::Recipe;
use crate::catalog::Pattern;
use crate::dockerfile::{IgnoreRules, Instruction};

/// Tells whether a file, named below its image directory, can change what is built.
pub(super) fn is_taken(file: &Path, recipe: Option<&Recipe<'_>>, ignored: &IgnoreRules) -> bool {
    let name = file.to_string_lossy();
    if ["Dockerfile.template", "image.yaml", "control"].contains(&&*name) {
        return true;
    }
    let Some(recipe) = recipe else {
        // A declared image is made of its `image.yaml`; what cannot be rendered takes nobody knows what.
        return false;
    };
    let stages = recipe.dockerfile.stages.iter();
    let mut instructions = stages.flat_map(|stage| &stage.instructions);
    let is_copied = instructions.any(|one| takes(one, &name));
    // A template may include a file, or name it in a way that is not seen here.
    let is_named = file
        .file_name()
        .is_some_and(|last| recipe.source.contains(&*last.to_string_lossy()));
    (is_copied || is_named) && !ignored.excludes(name.as_bytes())
}

fn takes(one: &Instruction, file: &str) -> bool {
    if one.keyword == "RUN" {
        let is_bound = one.arguments.contains("--mount=type=bind");
        return is_bound && !one.arguments.contains("from=");
    }
    if !["COPY", "ADD"].contains(&one.keyword.as_str()) || one.arguments.contains("--from=") {
        return false;
    }
    let words = serde_json::from_str::<Vec<String>>(&one.arguments).unwrap_or_else(|_| {
        let words = one.arguments.split_whitespace();
        let words = words.filter(|word| !word.starts_with("--"));
        words
            .map(|word| word.trim_matches(['[', ']', ',', '"', '\'']).to_owned())
            .collect()
    });
    let sources = words
        .split_last()
        .map_or([].as_slice(), |(_, sources)| sources);
    sources.iter().any(|source| covers(source, file))
}

fn covers(source: &str, file: &str) -> bool {
    let source = source.trim_start_matches("./").trim_matches('/');
    if source.is_empty() || source == "." || source.contains('$') {
        return true;
    }
    if source.contains(['*', '?', '[']) {
        let above = Path::new(file).ancestors();
        let pattern = Pattern::parse(source);
        return above.into_iter().any(|path| {
            pattern
                .as_ref()
                .is_ok_and(|one| one.matches(&path.to_string_lossy()))
        });
    }
    file.strip_prefix(source)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse_dockerfile;

    #[track_caller]
    fn case(line: &str, file: &str, expected: bool) {
        let text = format!("FROM scratch\n{line}\n");
        let dockerfile = parse_dockerfile(&text).expect("a Dockerfile");
        let recipe = Recipe {
            path: Path::new("t"),
            source: "",
            text: &text,
            dockerfile: &dockerfile,
        };
        let ignored = IgnoreRules::parse("*.md\n").expect("patterns");
        let taken = is_taken(Path::new(file), Some(&recipe), &ignored);
        assert_eq!(taken, expected, "{line}: {file}");
    }

    #[test]
    fn only_what_the_recipe_copies_can_change_the_image() {
        case("COPY . /", "test.sh", true);
        case("COPY . /", "README.md", false);
        case("COPY ./src /src", "src/a", true);
        case("COPY src /src", "srcs", false);
        case("COPY --chown=1 [\"a b\", \"/\"]", "control", true);
        case("COPY [\"a b\", \"/\"]", "a b", true);
        case("COPY *.conf /etc/", "x.conf", true);
        case("COPY *.conf /etc/", "test.sh", false);
        case("COPY conf* /etc/", "conf.d/x", true);
        case("COPY --from=x . /", "test.sh", false);
        case("RUN --mount=type=bind,target=/x make", "Makefile", true);
        case("RUN make", "Makefile", false);
        case("RUN make", "Dockerfile.template", true);
    }
}
