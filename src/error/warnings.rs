//! What the user is told of doubtful images, the same doubt about several of them at once:
//!
//! ```text
//! warning: the changelogs of 12 images name them otherwise than `Package` does
//!   --> images/cassandra/control:1
//!   --> images/httpd/control:1
//!   --> images/nodejs/control:1
//!   … and 9 more places
//! hint: the changelog counts: write its name in `Package` as well
//! ```

use super::diagnose::at;
use super::{Diagnostic, Severity};
use crate::place::Place;
use crate::scan::Warning;

/// Gives what the user is told of the warnings about a catalog.
#[must_use]
pub fn diagnose_warnings(warnings: &[Warning]) -> Vec<Diagnostic> {
    let mut other_names = Some(of_other_names(warnings));
    let each = warnings.iter().filter_map(|warning| match warning {
        // All of them are told where the first one stands.
        Warning::OtherName { .. } => other_names.take(),
        Warning::NoRecipe { place } => {
            let message = "this directory has a changelog and neither Dockerfile.template nor image.yaml: it is passed over";
            Some(warning_at(message, place))
        }
        Warning::NoChangelog { place } => {
            let message = "this directory has a recipe and no changelog: it is passed over";
            Some(warning_at(message, place))
        }
        Warning::Stripped {
            place,
            name,
            stripped,
        } => {
            let message = format!("`{stripped}` has no effect on the dependency `{name}`");
            Some(warning_at(&message, place))
        }
        Warning::Render { place, text } => Some(warning_at(text, place)),
    });
    each.collect()
}

fn warning_at(message: &str, place: &Place) -> Diagnostic {
    at(Severity::Warning, message.to_owned(), [place])
}

fn of_other_names(warnings: &[Warning]) -> Diagnostic {
    let mut count = 0;
    let (mut message, mut of_one, mut of_all) = (String::new(), Vec::new(), Vec::new());
    for warning in warnings {
        if let Warning::OtherName {
            name,
            package,
            places,
        } = warning
        {
            count += 1;
            message =
                format!("the changelog names this image `{name}`, and `Package` says `{package}`");
            of_one = places.iter().collect();
            of_all.extend(places.first());
        }
    }
    if count > 1 {
        message =
            format!("the changelogs of {count} images name them otherwise than `Package` does");
        of_one = of_all;
    }
    at(Severity::Warning, message, of_one)
        .hint("the changelog counts: write its name in `Package` as well")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn other_name(name: &str) -> Warning {
        let directory = Path::new("images").join(name);
        Warning::OtherName {
            name: name.parse().expect("a name"),
            package: "other".to_owned(),
            places: ["control", "changelog"].map(|file| Place::line(&directory.join(file), 1)),
        }
    }

    fn places(diagnostic: &Diagnostic) -> Vec<String> {
        diagnostic.places.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_other_name_is_told_with_both_files() {
        let told = diagnose_warnings(&[other_name("a")]);
        let [one] = told.as_slice() else {
            panic!("one warning: {told:?}");
        };
        assert_eq!(
            one.message,
            "the changelog names this image `a`, and `Package` says `other`"
        );
        assert_eq!(places(one), ["images/a/control:1", "images/a/changelog:1"]);
    }

    #[test]
    fn many_other_names_are_one_warning_where_the_first_stands() {
        let place = Place::file(Path::new("images/x/changelog"));
        let no_recipe = Warning::NoRecipe { place };
        let warnings = [other_name("a"), no_recipe, other_name("b"), other_name("c")];
        let told = diagnose_warnings(&warnings);
        let [all, _] = told.as_slice() else {
            panic!("two warnings: {told:?}");
        };
        assert_eq!(
            all.message,
            "the changelogs of 3 images name them otherwise than `Package` does"
        );
        let expected = ["a", "b", "c"].map(|name| format!("images/{name}/control:1"));
        assert_eq!(places(all), expected);
        assert_eq!(all.hints.len(), 1);
    }
}
