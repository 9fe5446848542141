//! `pkg plan --explain`: one image, with the values that decided what is done with it.

use std::fmt::Write as _;

use super::Ending;
use super::past::Past;
use super::prepare::{Prepared, Retry};
use super::session::{Session, find_image};
use super::words;
use crate::catalog::ImageId;
use crate::host::{architecture, cause};
use crate::observe::find_recorded_parents;
use crate::oci::{Digest, Reference};
use crate::plan::{Action, Availability, Drift, LocalImage, Step, describe_input};
use crate::registry::Client;

/// Prints what is known of an image, and why it is built or not.
pub(super) async fn explain(
    session: &Session,
    (prepared, retry): (&Prepared, Retry),
    name: &str,
) -> anyhow::Result<Ending> {
    let past = Past::new(prepared, prepared.find_past(session, retry).await?);
    let id = find_image(&prepared.loaded, name)?;
    let image = prepared.loaded.catalog.image(id);
    let step = prepared.plan.steps.iter().find(|step| step.image == id);
    let mut text = format!("{} in {}\n", image.label, image.directory.display());
    let mut line = |key: &str, value: &str| {
        // A string takes all that is written to it.
        let _ = writeln!(text, "  {key:<10} {value}");
    };
    line("plan", &what(prepared, step));
    let instead = past.instead(prepared, id);
    // What waits tells its failures itself.
    if let Some(failed) = past.describe(id)
        && !past.waits(id)
    {
        line("past", &failed);
    }
    if let Some((verb, why)) = instead {
        line(verb, &why);
    }
    if let Some(log) = past.log(id) {
        line("log", &log.display().to_string());
    }
    let facts = &prepared.facts[id.0];
    line("registry", &presence(&facts.registry));
    match &facts.local {
        None => line("engine", "does not have this version"),
        Some(local) => {
            let tested = if local.verified {
                "nothing of it is left to test"
            } else {
                "not tested with its files as they are now"
            };
            line("engine", &format!("has it as {}, {tested}", local.id));
            for parent in parents(prepared, id, local) {
                line("built on", &parent);
            }
            for input in inputs(&local.drift) {
                line("built from", &input);
            }
        }
    }
    for input in inputs(&facts.published) {
        line("published", &input);
    }
    if let (Some(registry), Availability::Present(digest)) = (&prepared.registry, &facts.registry) {
        for parent in published_on(prepared, registry, (id, digest)).await {
            line("registry's", &parent);
        }
    }
    session.ui.print(&text)?;
    for diagnostic in prepared.doubts_of_latest() {
        session.ui.diagnostic(&diagnostic);
    }
    Ok(prepared.ending_of_plan())
}

fn presence(registry: &Availability) -> String {
    match registry {
        Availability::NotAsked => "not asked".to_owned(),
        Availability::Absent => "does not have this version".to_owned(),
        Availability::Present(digest) => format!("has it as {digest}"),
        Availability::Taken(digest) => format!("has it as {digest}, from somebody else"),
    }
}

fn what(prepared: &Prepared, step: Option<&Step>) -> String {
    let Some(step) = step else {
        return "not selected".to_owned();
    };
    let publish = match (&step.action, step.publish, &step.replaces) {
        (_, false, _) | (Action::Publish, _, None) => "",
        (Action::Publish, _, Some(_)) => " over what is there",
        (_, true, None) => ", and publish",
        (_, true, Some(_)) => ", and publish over what is there",
    };
    let verb = words::verb(&step.action);
    let because = words::because(&step.action, &prepared.loaded.catalog);
    format!("{verb}{publish}: {because}")
}

/// What the image on the engine was built on, and what it would be built on now.
fn parents(prepared: &Prepared, id: ImageId, local: &LocalImage) -> Vec<String> {
    let Some(recorded) = &local.parents else {
        return vec!["nobody knows what: something else built it".to_owned()];
    };
    let catalog = &prepared.loaded.catalog;
    let now = |label: &Reference| -> Option<&Digest> {
        let parents = prepared.loaded.graph.parents(id).iter();
        let mut parents =
            parents.filter(|parent| catalog.image(**parent).label.name() == label.name());
        if let Some(parent) = parents.next() {
            return prepared.facts[parent.0].identity();
        }
        let moved = local.moved_base.as_ref()?;
        (moved.base.name() == label.name()).then_some(&moved.now)
    };
    let each = recorded.iter().map(|(label, then)| match now(label) {
        Some(now) if now != then => format!("{label} as {}, now {}", then.short(), now.short()),
        _ => format!("{label} as {}", then.short()),
    });
    each.collect()
}

/// What the published image was built on, and whether that is still what its registry has.
async fn published_on(
    prepared: &Prepared,
    registry: &Client,
    (id, digest): (ImageId, &Digest),
) -> Vec<String> {
    let catalog = &prepared.loaded.catalog;
    let label = catalog.image(id).label.with_digest(digest.clone());
    let recorded = match find_recorded_parents(registry, &label, architecture()).await {
        Ok(Some(recorded)) => recorded,
        Ok(None) => return vec!["built on nobody knows what: something else built it".to_owned()],
        Err(error) => {
            return vec![format!(
                "built on what cannot be found out: {}",
                cause(&error)
            )];
        }
    };
    let mut lines = Vec::new();
    for (label, then) in recorded {
        let of_catalog = prepared.loaded.graph.parents(id).iter();
        let mut of_catalog = of_catalog.map(|parent| &catalog.image(*parent).label);
        let now = of_catalog.find(|parent| parent.name() == label.name());
        let asked = match now {
            Some(own) => registry.fetch_own_image(own, architecture()).await,
            None => registry.fetch_image(&label, architecture()).await,
        };
        let stands = match asked {
            Ok(Some(image)) if image.identities.contains(&then) => String::new(),
            Ok(Some(image)) => match image.identities.first() {
                Some(now) => format!(", now {}", now.short()),
                None => String::new(),
            },
            Ok(None) => ", which its registry does not have".to_owned(),
            Err(error) => format!(
                ", and what it is now cannot be found out: {}",
                cause(&error)
            ),
        };
        lines.push(format!("built on {label} as {}{stands}", then.short()));
    }
    lines
}

/// How inputs stand to recorded ones, a line for each that differs.
fn inputs(drift: &Drift) -> Vec<String> {
    let digits = |digest: &Option<String>| digest.clone().unwrap_or_else(|| "none".to_owned());
    match drift {
        Drift::Unknown => Vec::new(),
        Drift::None => vec!["the same inputs as there are now".to_owned()],
        Drift::Changed(changes) => changes
            .iter()
            .map(|change| {
                let (old, new) = (digits(&change.old), digits(&change.new));
                format!("{} as {old}, now {new}", describe_input(&change.input))
            })
            .collect(),
        Drift::Unreadable(why) => vec![format!("inputs that cannot be compared: {why}")],
    }
}
