//! The part of a command that says where images are published, and what is there already.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::session::Session;
use crate::catalog::ImageId;
use crate::error::{Diagnostic, Severity, UsageError};
use crate::plan::{Availability, Facts};
use crate::publish::{Kept, Target};
use crate::registry::{Client, Presence};
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

/// Tells of versions that were published while `latest` stands at a newer one.
pub(super) fn kept(kept: &Kept) -> Diagnostic {
    let Kept { version, latest } = kept;
    let message = format!("{version} is published, and `latest` stays at {latest}, which is newer");
    Diagnostic::new(Severity::Warning, message)
}
