//! Images that nothing provides: one problem for each name, however many places ask for it.
//!
//! ```text
//! error: no directory provides `zlib`, which 25 images need
//!   --> images/app/control:4
//!   --> images/base/Dockerfile.template:1:9
//!   --> images/curl/control:4
//!   … and 22 more places
//! hint: give the directory that holds it as well, or list it in `base_images`
//! ```

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::diagnose::{at, closest_names};
use super::{Diagnostic, Severity};
use crate::catalog::GraphError;
use crate::place::Place;
use crate::render::{FilterError, RenderFault};
use crate::scan::Problem;

/// A tree is forgotten on the command line more often than a name is mistyped.
const OTHER_TREE: &str = "give the directory that holds it as well, or list it in `base_images`";

/// One place that asks for an image that is not there.
pub(super) struct Missing<'a> {
    name: &'a str,
    place: &'a Place,
    near: &'a [String],
    problem: &'a Problem,
}

impl<'a> Missing<'a> {
    /// Finds out whether a problem is one of these.
    pub(super) fn of(problem: &'a Problem) -> Option<Self> {
        let (name, place, near) = match problem {
            Problem::Render(error) => match &error.fault {
                RenderFault::Filter(FilterError::UnknownImage { name, near }) => {
                    (name, &error.place, near)
                }
                _ => return None,
            },
            Problem::Graph(error) => match error.as_ref() {
                GraphError::Missing {
                    name, place, near, ..
                } => (name, place, near),
                GraphError::Cycle { .. } => return None,
            },
            _ => return None,
        };
        Some(Self {
            name,
            place,
            near,
            problem,
        })
    }

    /// Gives for each name the places that ask for it, in order.
    pub(super) fn by_name(problems: &'a [Problem]) -> HashMap<&'a str, Vec<Self>> {
        let mut groups: HashMap<&str, Vec<Self>> = HashMap::new();
        for missing in problems.iter().filter_map(Self::of) {
            groups.entry(missing.name).or_default().push(missing);
        }
        groups
    }

    /// Gives what the user is told of a name, by all places that ask for it.
    pub(super) fn diagnose(all: &[Self]) -> Option<Diagnostic> {
        let first = all.first()?;
        let images: BTreeSet<Option<&Path>> = all.iter().map(Self::directory).collect();
        let message = if images.len() > 1 {
            format!(
                "no directory provides `{}`, which {} images need",
                first.name,
                images.len()
            )
        } else {
            // The graph knows which image it is that asks.
            let named = all
                .iter()
                .find(|one| matches!(one.problem, Problem::Graph(_)));
            named.unwrap_or(first).problem.to_string()
        };
        let hints = Self::find_near(all).into_iter();
        let hints = hints.chain([OTHER_TREE.to_owned()]).collect();
        let places = all.iter().map(|missing| missing.place);
        let excerpt = match (all, first.problem) {
            ([_], Problem::Render(error)) => error.excerpt.clone(),
            _ => None,
        };
        Some(Diagnostic {
            excerpt,
            hints,
            ..at(Severity::Error, message, places)
        })
    }

    /// Gives the hint with names that may have been meant; an image that asks for the name did not mean itself.
    fn find_near(all: &[Self]) -> Option<String> {
        let asks = |name: &&String| all.iter().any(|missing| missing.child() == Some(*name));
        let near = all.iter().map(|missing| missing.near);
        let near = near.max_by_key(|near| near.len()).unwrap_or_default();
        let near: Vec<&String> = near.iter().filter(|name| !asks(name)).collect();
        closest_names(&near)
    }

    /// Gives the image that asks, where the problem tells it.
    fn child(&self) -> Option<&'a str> {
        match self.problem {
            Problem::Graph(error) => match error.as_ref() {
                GraphError::Missing { child, .. } => Some(child),
                GraphError::Cycle { .. } => None,
            },
            _ => None,
        }
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    fn directory(&self) -> Option<&'a Path> {
        self.place.path().parent()
    }
}
