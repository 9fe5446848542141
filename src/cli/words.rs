//! Plans in words.

use crate::catalog::Catalog;
use crate::error::{Diagnostic, Severity};
use crate::plan::{Action, Plan, Reason, Skip};

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
        Action::Verify => "built, and its tests did not pass yet".to_owned(),
        Action::Publish => "built and tested, not published".to_owned(),
        Action::Skip(Skip::PublishedOnOldParent { parent, .. }) => {
            format!("published, on an older {}", catalog.image(*parent).name)
        }
        Action::Skip(reason) => skip(reason).to_owned(),
    }
}

/// Why an image is passed over, as it reads after a number.
pub(super) fn skip(skip: &Skip) -> &'static str {
    match skip {
        Skip::Published(_) => "already published",
        Skip::PublishedOnOldParent { .. } => "published on an older parent",
        Skip::Built => "already built",
        Skip::NotNeeded => "not needed",
        Skip::NotBuiltYet => "not built yet",
    }
}

/// Published versions that stay on an older parent: the user has to bump them.
pub(super) fn stale(plan: &Plan, catalog: &Catalog) -> Vec<Diagnostic> {
    let stale = |step: &crate::plan::Step| match &step.action {
        Action::Skip(Skip::PublishedOnOldParent { parent, .. }) => {
            let image = catalog.image(step.image);
            Some(Diagnostic {
                severity: Severity::Warning,
                message: format!(
                    "{} stays as it is published, built on an older `{}`",
                    image.label,
                    catalog.image(*parent).name
                ),
                causes: Vec::new(),
                places: vec![image.entry.clone()],
                hints: vec![
                    "a published version does not change: add a changelog entry to build it anew"
                        .to_owned(),
                ],
            })
        }
        _ => None,
    };
    plan.steps.iter().filter_map(stale).collect()
}
