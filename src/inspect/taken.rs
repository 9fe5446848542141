//! Which files of its directory a recipe takes into the image.

use std::path::Path;

use crate::audit::Recipe;
use crate::catalog::Taken;
use crate::dockerfile::IgnoreRules;
use crate::lock::LOCK_FILE;

/// Tells whether a file, named below its image directory, can change what is built.
pub(super) fn is_taken(
    file: &Path,
    recipe: Option<(&Recipe<'_>, &Taken)>,
    ignored: &IgnoreRules,
) -> bool {
    let name = file.to_string_lossy();
    if ["Dockerfile.template", "image.yaml", "control"].contains(&&*name) {
        return true;
    }
    if name == LOCK_FILE {
        return recipe.is_none();
    }
    let Some((recipe, taken)) = recipe else {
        // A declared image is made of its `image.yaml` and the lock of its packages; what cannot be rendered takes nobody knows what.
        return false;
    };
    // A template may include a file, or name it in a way that is not seen here.
    let is_named = file
        .file_name()
        .is_some_and(|last| recipe.source.contains(&*last.to_string_lossy()));
    (is_named || taken.holds(&name)) && !ignored.excludes(name.as_bytes())
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
        let recipe = (&recipe, &Taken::by(&dockerfile));
        let counts = is_taken(Path::new(file), Some(recipe), &ignored);
        assert_eq!(counts, expected, "{line}: {file}");
    }

    #[test]
    fn only_what_the_recipe_takes_and_nothing_ignores_can_change_the_image() {
        case("COPY . /", "test.sh", true);
        case("COPY . /", "README.md", false);
        case("COPY src /src", "test.sh", false);
        case("RUN make", "Makefile", false);
        case("RUN make", "Dockerfile.template", true);
        case("RUN make", "control", true);
    }
}
