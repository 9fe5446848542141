//! Plans in words.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Image, ImageId, Pattern};
use crate::debian::Version;
use crate::error::{Diagnostic, Severity, closest_names, diagnose};
use crate::oci::Reference;
use crate::plan::{Action, Drift, Facts, InputChange, Plan, Reason, Skip, describe_changes};
use crate::publish::Standing;
use crate::scan::Loaded;
use crate::settings::Settings;

/// The verb of an action.
pub(super) fn verb(action: &Action) -> &'static str {
    match action {
        Action::Build(_) => "build",
        Action::Pull(_) => "pull",
        Action::Verify => "verify",
        Action::Publish => "publish",
        Action::Skip(_) => "skip",
    }
}

/// Why an action is taken.
pub(super) fn because(action: &Action, catalog: &Catalog) -> String {
    match action {
        Action::Build(Reason::NotPublished) => "not published".to_owned(),
        Action::Build(Reason::NotBuilt) => "not built".to_owned(),
        Action::Build(Reason::NotOurs) => "the engine has one that something else built".to_owned(),
        Action::Build(Reason::InputsChanged(changes)) => describe_changes(changes),
        Action::Build(Reason::InputsUnreadable(why)) => {
            format!("its files cannot be compared: {why}")
        }
        Action::Build(Reason::ParentRebuilt { parent }) => {
            format!("{} is rebuilt", catalog.image(*parent).name)
        }
        Action::Build(Reason::ParentMoved {
            parent,
            built_on,
            now,
        }) => {
            format!(
                "built on {} as {}, now {}",
                parent.short_name(),
                built_on.short(),
                now.short()
            )
        }
        Action::Pull(digest) => format!(
            "published as {}, and images here are built on it",
            digest.short()
        ),
        Action::Verify => "built, and not tested with its files as they are now".to_owned(),
        Action::Publish => "built and tested, not published".to_owned(),
        Action::Skip(Skip::PublishedOnOldParent { parent, .. }) => {
            format!("published, on an older {}", catalog.image(*parent).name)
        }
        Action::Skip(Skip::Drifted { changes, .. }) => {
            format!("published, and since then {}", describe_changes(changes))
        }
        Action::Skip(Skip::Taken(digest)) => {
            format!("published by somebody else, as {}", digest.short())
        }
        Action::Skip(Skip::OnTaken { parent }) => {
            let parent = &catalog.image(*parent).name;
            format!("built on {parent}, which somebody else published")
        }
        Action::Skip(reason) => skip(reason).to_owned(),
    }
}

/// Why `latest` moves to a version that is published already.
pub(super) fn overdue(standing: &Standing, version: &Version) -> String {
    match standing {
        Standing::Behind {
            version: Some(old), ..
        } => format!("{version} is published, and `latest` is {old}"),
        Standing::Behind { digest, .. } => {
            format!("{version} is published, and `latest` is {}", digest.short())
        }
        Standing::Here | Standing::Missing | Standing::Ahead { .. } => {
            format!("{version} is published, and there is no `latest`")
        }
    }
}

/// Lengths of time for names that no image has: probably misspelt, and then the image has another time than it needs.
pub(super) fn unmatched_times(settings: &Settings, loaded: &Loaded) -> Vec<Diagnostic> {
    let names: Vec<&str> = loaded
        .catalog
        .iter()
        .map(|(_, it)| it.name.as_str())
        .collect();
    let bases: Vec<&str> = settings
        .base_images
        .iter()
        .map(Reference::short_name)
        .collect();
    // A base image is pulled within the time that it has under its name.
    let of_builds = (names.iter().chain(&bases), &settings.build_timeouts);
    let of_tests = (names.iter().chain(&[]), &settings.verify_timeouts);
    let each = [("build_timeouts", of_builds), ("verify_timeouts", of_tests)].into_iter();
    let unmatched = each.flat_map(|(key, (names, spans))| {
        let spans = spans.iter().filter(move |span| {
            let pattern = Pattern::parse(&span.pattern);
            let mut names = names.clone();
            !pattern.is_ok_and(|pattern| names.any(|name| pattern.matches(name)))
        });
        spans.map(move |span| (key, span))
    });
    let warnings = unmatched.map(|(key, span)| {
        let pattern = &span.pattern;
        let message = format!("no image of these directories is named like `{pattern}` of `{key}`");
        let mut warning = Diagnostic::new(Severity::Warning, message);
        warning.places.push(span.place.clone());
        match closest_names(&loaded.catalog.near_names(pattern)) {
            Some(near) => warning.hint(near),
            None => warning,
        }
    });
    warnings.collect()
}

/// What is told where no builder keeps limits.
pub(super) fn limits_without_effect() -> Diagnostic {
    let message = "`container_limits` have no effect: this engine keeps images in containerd, where only BuildKit \
                   builds, which ignores them";
    Diagnostic::new(Severity::Warning, message)
        .hint("limit the engine itself, or leave the setting out")
}

/// What is told where what was interrupted does not end at once.
pub(super) fn podman_goes_on() -> Diagnostic {
    let message =
        "podman ends a build only when its step ends: what was interrupted may still run there";
    Diagnostic::new(Severity::Warning, message)
}

/// Why an image is passed over, as it reads after a number.
pub(super) fn skip(skip: &Skip) -> &'static str {
    match skip {
        Skip::Published(_) => "already published",
        Skip::PublishedOnOldParent { .. } => "published on an older parent",
        Skip::Drifted { .. } => "published from other inputs",
        Skip::Taken(_) => "published by somebody else",
        Skip::OnTaken { .. } => "built on what somebody else published",
        Skip::NeedsEngine => "without an engine",
        Skip::Built => "already built",
        Skip::NotNeeded => "not needed",
        Skip::NotBuiltYet => "not built yet",
    }
}

/// What is left undone for lack of an engine, and why there is none.
pub(super) fn needing_engine(
    severity: Severity,
    (plan, catalog): (&Plan, &Catalog),
    error: &anyhow::Error,
) -> Option<Diagnostic> {
    let images = plan.needing_engine();
    let images: Vec<&str> = images.map(|id| catalog.image(id).name.as_str()).collect();
    let message = match images.as_slice() {
        [] => return None,
        [name] => format!("`{name}` needs an engine"),
        several => format!(
            "{} images need an engine: {}",
            several.len(),
            several.join(", ")
        ),
    };
    Some(with_cause(Diagnostic::new(severity, message), error))
}

/// Images of which only an engine knows whether they are built, and why none says so.
pub(super) fn unknown_without_engine(images: &[&str], error: &anyhow::Error) -> Option<Diagnostic> {
    let message = match images {
        [] => return None,
        [name] => format!("only an engine knows whether `{name}` is built"),
        several => format!(
            "only an engine knows whether {} images are built: {}",
            several.len(),
            several.join(", ")
        ),
    };
    let diagnostic = with_cause(Diagnostic::new(Severity::Warning, message), error);
    Some(diagnostic.hint("`--offline` asks nobody".to_owned()))
}

/// Images of which an engine may have more than was looked at, and why none says so.
pub(super) fn left_without_engine(images: &[&str], error: &anyhow::Error) -> Option<Diagnostic> {
    let message = match images {
        [] => return None,
        [name] => format!("only an engine knows which versions of `{name}` are there"),
        several => format!(
            "only an engine knows which versions of {} images are there: {}",
            several.len(),
            several.join(", ")
        ),
    };
    Some(with_cause(
        Diagnostic::new(Severity::Warning, message),
        error,
    ))
}

/// Adds an error to what it is the reason for.
fn with_cause(mut diagnostic: Diagnostic, error: &anyhow::Error) -> Diagnostic {
    for why in diagnose(error).1 {
        diagnostic.causes.push(why.message);
        diagnostic.causes.extend(why.causes);
        diagnostic.hints.extend(why.hints);
    }
    diagnostic
}

/// Published versions that stay on an older parent, told once for each parent: the user has to bump them.
pub(super) fn stale(plan: &Plan, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut children: BTreeMap<ImageId, Vec<&Image>> = BTreeMap::new();
    for step in &plan.steps {
        if let Action::Skip(Skip::PublishedOnOldParent { parent, .. }) = &step.action {
            let of_parent = children.entry(*parent).or_default();
            of_parent.push(catalog.image(step.image));
        }
    }
    let each = children.into_iter().map(|(parent, images)| {
        let parent = &catalog.image(parent).name;
        let message = match images.as_slice() {
            [image] => format!(
                "{} stays as it is published, built on an older `{parent}`",
                image.label
            ),
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|image| format!("{} {}", image.name, image.version))
                    .collect();
                format!(
                    "{} versions stay as they are published, built on an older `{parent}`: {}",
                    names.len(),
                    names.join(", ")
                )
            }
        };
        let mut diagnostic = Diagnostic::new(Severity::Warning, message)
            .hint("a published version does not change: add a changelog entry to build it anew");
        let entries = images.iter().map(|image| image.entry.clone());
        diagnostic.places.extend(entries);
        diagnostic
    });
    each.collect()
}

/// Published versions that are refused because their inputs changed.
pub(super) fn refused(
    severity: Severity,
    (plan, facts): (&Plan, &[Facts]),
    catalog: &Catalog,
) -> Option<Diagnostic> {
    let refused = plan.refused(facts);
    let drifted: Vec<(&Image, &[InputChange])> = refused
        .map(|(id, changes)| (catalog.image(id), changes))
        .collect();
    let message = match drifted.as_slice() {
        [] => return None,
        [(image, changes)] => format!(
            "{} is published, and since then {}",
            image.label,
            describe_changes(changes)
        ),
        several => {
            let each = several.iter();
            let each: Vec<String> = each
                .map(|(image, changes)| {
                    format!(
                        "{} {} ({})",
                        image.name,
                        image.version,
                        describe_changes(changes)
                    )
                })
                .collect();
            format!(
                "{} versions are published, and their inputs changed since: {}",
                several.len(),
                each.join(", ")
            )
        }
    };
    let hint = "a published version does not change: add a changelog entry; `build --force` publishes over it";
    let mut diagnostic = Diagnostic::new(severity, message).hint(hint);
    let entries = drifted.iter().map(|(image, _)| image.entry.clone());
    diagnostic.places.extend(entries);
    Some(diagnostic)
}

/// Published versions of which it is not known whether their inputs changed, because something was in the way.
pub(super) fn uncompared(plan: &Plan, facts: &[Facts]) -> Option<Diagnostic> {
    let unreadable = plan.steps.iter().filter_map(|step| {
        let Drift::Unreadable(why) = &facts[step.image.0].published else {
            return None;
        };
        Some(why)
    });
    let unreadable: Vec<&String> = unreadable.collect();
    let first = unreadable.first()?;
    let which = match unreadable.len() {
        1 => "1 published version".to_owned(),
        count => format!("{count} published versions"),
    };
    let message = format!("the inputs of {which} could not be compared: {first}");
    Some(Diagnostic::new(Severity::Warning, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::catalog;
    use crate::oci::Digest;
    use crate::plan::Step;

    /// Digests whose short forms are not alike.
    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn moved() -> Action {
        Action::Build(Reason::ParentMoved {
            parent: "r.example.org/base/left:1".parse().expect("a label"),
            built_on: digest("old"),
            now: digest("new"),
        })
    }

    fn on_old_parent(catalog: &Catalog) -> Action {
        Action::Skip(Skip::PublishedOnOldParent {
            digest: digest("published"),
            parent: catalog.find("left").expect("an image"),
        })
    }

    #[test]
    fn every_action_has_a_verb_and_a_reason() {
        let catalog = catalog(&["app", "left"]);
        let parent = catalog.find("left").expect("an image");
        let rows = [
            (Action::Build(Reason::NotPublished), "build: not published"),
            (Action::Build(Reason::NotBuilt), "build: not built"),
            (
                Action::Build(Reason::NotOurs),
                "build: the engine has one that something else built",
            ),
            (
                Action::Build(Reason::ParentRebuilt { parent }),
                "build: left is rebuilt",
            ),
            (moved(), "build: built on left as OLD, now NEW"),
            (
                Action::Pull(digest("published")),
                "pull: published as PUBLISHED, and images here are built on it",
            ),
            (
                Action::Verify,
                "verify: built, and not tested with its files as they are now",
            ),
            (Action::Publish, "publish: built and tested, not published"),
            (
                Action::Skip(Skip::Published(digest("published"))),
                "skip: already published",
            ),
            (on_old_parent(&catalog), "skip: published, on an older left"),
            (Action::Skip(Skip::Built), "skip: already built"),
            (
                Action::Skip(Skip::Taken(digest("published"))),
                "skip: published by somebody else, as PUBLISHED",
            ),
            (
                Action::Skip(Skip::OnTaken { parent }),
                "skip: built on left, which somebody else published",
            ),
            (Action::Skip(Skip::NotNeeded), "skip: not needed"),
            (Action::Skip(Skip::NotBuiltYet), "skip: not built yet"),
        ];
        for (action, expected) in rows {
            let mut shown = format!("{}: {}", verb(&action), because(&action, &catalog));
            for (text, word) in [("old", "OLD"), ("new", "NEW"), ("published", "PUBLISHED")] {
                shown = shown.replace(digest(text).short(), word);
            }
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn a_latest_that_did_not_follow_is_told_with_what_it_is() {
        let version = "1.22-2".parse().expect("a version");
        let behind = |old: Option<&str>| Standing::Behind {
            digest: digest("old"),
            version: old.map(|old| old.parse().expect("a version")),
        };
        let by_digest = format!(
            "1.22-2 is published, and `latest` is {}",
            digest("old").short()
        );
        for (standing, expected) in [
            (
                behind(Some("1.22-1")),
                "1.22-2 is published, and `latest` is 1.22-1",
            ),
            (behind(None), by_digest.as_str()),
            (
                Standing::Missing,
                "1.22-2 is published, and there is no `latest`",
            ),
        ] {
            assert_eq!(overdue(&standing, &version), expected);
        }
    }

    #[test]
    fn a_version_that_stays_on_an_older_parent_is_told_with_the_way_out() {
        let catalog = catalog(&["app", "left"]);
        let step = |action| Step {
            image: catalog.find("app").expect("an image"),
            action,
            publish: false,
            replaces: None,
        };
        let steps = vec![step(on_old_parent(&catalog)), step(Action::Verify)];
        let told = stale(&Plan { steps }, &catalog);
        let [warning] = told.as_slice() else {
            panic!("one of the two: {told:?}");
        };
        assert_eq!(
            warning.message,
            "r.example.org/base/app:1 stays as it is published, built on an older `left`"
        );
        assert_eq!(warning.places[0].to_string(), "images/app/changelog:1");
        assert!(warning.hints[0].contains("changelog entry"));
    }

    #[test]
    fn versions_that_stay_on_the_same_parent_are_one_warning() {
        let catalog = catalog(&["app", "left", "web"]);
        let steps = ["app", "web"].map(|name| Step {
            image: catalog.find(name).expect("an image"),
            action: on_old_parent(&catalog),
            publish: false,
            replaces: None,
        });
        let steps = steps.to_vec();
        let told = stale(&Plan { steps }, &catalog);
        let [warning] = told.as_slice() else {
            panic!("one for both: {told:?}");
        };
        assert_eq!(
            warning.message,
            "2 versions stay as they are published, built on an older `left`: app 1, web 1"
        );
        assert_eq!((warning.places.len(), warning.hints.len()), (2, 1));
    }
}
