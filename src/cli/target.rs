//! The part of a command that says where images are published, and what is there already.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::session::Session;
use super::words;
use crate::catalog::{Catalog, ImageId};
use crate::error::{Diagnostic, Severity, UsageError};
use crate::host::cause;
use crate::oci::Digest;
use crate::plan::{Action, Availability, Extent, Facts, Goal, Means, Overwrite, Plan, Skip, plan};
use crate::publish::{Doubt, Kept, Lead, Target, Unattached, Unfollowed, check_candidates};
use crate::registry::{Client, Presence, RegistryError};
use crate::scan::Loaded;
use crate::settings::Settings;

/// Questions that are prepared at once; how many are sent at once is up to the client.
const QUESTIONS_AHEAD: usize = 256;

/// Sets up the client for where images are published, or asked for.
pub(super) fn registry_at(
    session: &Session,
    settings: &Settings,
    target: &Target,
) -> anyhow::Result<Option<Client>> {
    match target.place {
        Some(_) => Ok(Some(session.client(settings)?)),
        None => session.registry(settings),
    }
}

/// Fails where there is nowhere to publish to, or half of what is needed for it.
pub(super) fn check_publishing(settings: &Settings, target: &Target) -> anyhow::Result<()> {
    if settings.naming.registry.is_none() && target.place.is_none() {
        let message = "the settings name no registry to publish to".to_owned();
        let hints = vec!["set `registry`".to_owned()];
        return Err(UsageError { message, hints }.into());
    }
    Ok(())
}

/// Fails where a candidate would take the tag of a version.
pub(super) fn check_tags(target: &Target, loaded: &Loaded) -> anyhow::Result<()> {
    check_candidates(target, &loaded.catalog)?.map_err(|taken| {
        let hints = vec![
            format!("{} has it", taken.place),
            "take a tag that is the version of no entry of a changelog".to_owned(),
        ];
        let message = taken.to_string();
        UsageError { message, hints }.into()
    })
}

/// Asks another place than the labels' which versions it holds.
pub(super) async fn observe_at(
    registry: &Client,
    target: &Target,
    (loaded, concerned): (&Loaded, &BTreeSet<ImageId>),
    facts: &mut [Facts],
) -> anyhow::Result<()> {
    if target.place.is_none() || !target.candidates.is_empty() {
        return Ok(());
    }
    let found: Vec<(ImageId, Availability, bool)> = futures_util::stream::iter(concerned)
        .map(|&id| {
            let local = facts[id.0].local.as_ref();
            async move {
                let version = target.version(&loaded.catalog.image(id).label)?;
                let Presence::Present(digest) = registry.presence(&version).await? else {
                    return anyhow::Ok((id, Availability::Absent, false));
                };
                // The engine may know the image by the manifest of another registry alone.
                let by_digest = version.with_digest(digest.clone());
                let is_local = match local {
                    Some(local) if !local.manifests.contains(&digest) => {
                        let manifest = registry.fetch_manifest(&by_digest).await?;
                        manifest.and_then(|it| it.config()).as_ref() == Some(&local.id)
                    }
                    _ => false,
                };
                Ok((id, Availability::Present(digest), is_local))
            }
        })
        .buffer_unordered(QUESTIONS_AHEAD)
        .try_collect()
        .await?;
    for (id, availability, is_local) in found {
        if let (Availability::Present(digest), true, Some(local)) =
            (&availability, is_local, &mut facts[id.0].local)
        {
            local.manifests.push(digest.clone());
        }
        facts[id.0].registry = availability;
    }
    Ok(())
}

/// The versions that do not go to another place, since the engine has no image for them.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Those that the settings' registry has.
    found: BTreeMap<ImageId, Digest>,
    /// Those of which it told nothing.
    unknown: Vec<(ImageId, RegistryError)>,
}

impl Elsewhere {
    /// Tells whether the settings' registry has none of them for certain.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Tells whether there is one of which it told nothing.
    pub(super) fn is_unknown(&self) -> bool {
        !self.unknown.is_empty()
    }
}

/// How many images may cost the whole patience each before no more are asked for.
const MOST_TROUBLES: usize = 3;

/// Finds the selected images that are not built here and that the settings' registry has, though they are to go elsewhere.
///
/// A registry that gives no answer is not waited for by each image.
pub(super) async fn find_elsewhere(
    registry: &Client,
    (loaded, plan): (&Loaded, &Plan),
    selection: Option<&BTreeSet<ImageId>>,
) -> Elsewhere {
    let mut elsewhere = Elsewhere::default();
    let is_asked_for = |id: &ImageId| selection.is_none_or(|selection| selection.contains(id));
    let left = plan
        .steps
        .iter()
        .filter(|step| step.action == Action::Skip(Skip::NotBuiltYet) && is_asked_for(&step.image));
    let mut answers = futures_util::stream::iter(left)
        .map(|step| async move {
            let label = &loaded.catalog.image(step.image).label;
            (step.image, registry.presence(label).await)
        })
        .buffered(QUESTIONS_AHEAD);
    let mut troubles = 0;
    while let Some((image, answer)) = answers.next().await {
        match answer {
            Ok(Presence::Present(digest)) => {
                elsewhere.found.insert(image, digest);
            }
            Ok(Presence::Absent) => {}
            Err(error) => {
                troubles += usize::from(error.may_pass());
                elsewhere.unknown.push((image, error));
            }
        }
        if troubles == MOST_TROUBLES {
            break;
        }
    }
    elsewhere
}

/// Tells of versions that did not go where they were to go, since they are not here, and at the settings' registry or
/// nobody knows where.
pub(super) fn not_here(
    elsewhere: &Elsewhere,
    (loaded, facts): (&Loaded, &[Facts]),
) -> Vec<Diagnostic> {
    let each = elsewhere.found.iter().map(|(id, digest)| {
        let label = &loaded.catalog.image(*id).label;
        let here = match facts[id.0].local {
            None => "is not on this engine",
            Some(_) => "another image is on this engine",
        };
        let message = format!(
            "{label} is published as {}, and {here}: it was not sent",
            digest.short()
        );
        Diagnostic::new(Severity::Error, message).hint(format!(
            "fetch it, and publish again: `docker pull {label}`"
        ))
    });
    let unknown = elsewhere.unknown.iter().map(|(id, error)| {
        let label = &loaded.catalog.image(*id).label;
        let message = format!("nobody knows whether {label} is published, and it was not sent");
        unanswered(message, error)
    });
    each.chain(unknown).collect()
}

/// Tells what is not known, since a registry gave no answer.
fn unanswered(message: String, error: &RegistryError) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(Severity::Error, message);
    diagnostic.causes.push(cause(error));
    match error.hint() {
        Some(hint) => diagnostic.hint(hint.to_string()),
        None => diagnostic,
    }
}

/// Tells of images that are built and not published, since a build would make them anew; of each one why.
pub(super) fn outdated(
    (loaded, facts): (&Loaded, &[Facts]),
    published: &Plan,
    elsewhere: &Elsewhere,
) -> Vec<Diagnostic> {
    let goal = Goal {
        extent: Extent::BuildAndPublish,
        means: Means::Engine,
        selection: None,
        overwrite: Overwrite::Never,
    };
    let built = plan(&loaded.catalog, &loaded.graph, facts, &goal);
    let left = published.steps.iter().filter(|step| {
        // What is published already is not made anew by any build.
        let is_elsewhere = elsewhere.found.contains_key(&step.image);
        let is_left = step.action == Action::Skip(Skip::NotBuiltYet) && !is_elsewhere;
        is_left && facts[step.image.0].local.is_some()
    });
    let steps = left.filter_map(|left| {
        let mut steps = built.steps.iter();
        steps.find(|step| step.image == left.image && matches!(step.action, Action::Build(_)))
    });
    steps
        .map(|step| {
            let label = &loaded.catalog.image(step.image).label;
            let because = words::because(&step.action, &loaded.catalog);
            let message = format!("{label} is built, and not published as it is: {because}");
            Diagnostic::new(Severity::Warning, message).hint("`pkg build` makes it anew")
        })
        .collect()
}

/// Tells of the versions that somebody else published, while the engine has others, which passed their tests.
pub(super) fn taken(plan: &Plan, catalog: &Catalog) -> Vec<Diagnostic> {
    let each = plan.taken().map(|(id, digest)| {
        let image = catalog.image(id);
        let label = &image.label;
        let message = format!(
            "{label} is published as {} by somebody else, and not as the image that was built and tested here; `latest` \
             does not follow it, and nothing is built on it",
            digest.short()
        );
        let mut warning = Diagnostic::new(Severity::Warning, message)
            .hint("to publish the one built here, add a changelog entry")
            .hint(format!(
                "to take the published one, remove the one built here: `docker image rm {label}`"
            ));
        warning.places.push(image.entry.clone());
        warning
    });
    each.collect()
}

/// Tells of an image that `latest` may have to follow, and does not.
pub(super) fn doubt(doubt: &Doubt, catalog: &Catalog) -> Diagnostic {
    let image = catalog.image(doubt.image);
    let label = &image.label;
    match &doubt.why {
        Unfollowed::Unknown(error) => {
            let message = format!("nobody knows whether `latest` is behind {label}, and it stays");
            unanswered(message, error)
        }
        Unfollowed::Nightly { digest, version } => {
            let message = format!(
                "{label} is published as {}, a nightly build of {version}, and not as a release; `latest` does not follow it",
                digest.short()
            );
            let mut warning = Diagnostic::new(Severity::Warning, message)
                .hint("to publish a release, add a changelog entry with another version");
            warning.places.push(image.entry.clone());
            warning
        }
    }
}

/// Tells of versions that were published while a newer one is there.
pub(super) fn kept(kept: &Kept) -> Diagnostic {
    let Kept { version, newer, .. } = kept;
    let why = match kept.lead {
        Lead::Latest => format!("stays at {newer}, which is newer"),
        Lead::Release => format!("is not made, since {newer} is there, which is newer"),
    };
    let message = format!("{version} is published, and `latest` {why}");
    Diagnostic::new(Severity::Warning, message)
}

/// Tells of what was published without what it is made of.
pub(super) fn unattached(unattached: &Unattached) -> Diagnostic {
    let message = format!(
        "{} goes without its SPDX document, which the registry does not take",
        unattached.image
    );
    let mut warning = Diagnostic::new(Severity::Warning, message)
        .hint("`pkg export NAME --format spdx` writes the document to a file");
    warning.causes.push(unattached.cause.clone());
    warning
}
