//! `pkg plan --explain`: one image, with the values that decided what is done with it.

use std::fmt::Write as _;

use super::Ending;
use super::session::{Session, find_image};
use super::words;
use super::work::Prepared;
use crate::catalog::ImageId;
use crate::oci::{Digest, Reference};
use crate::plan::{Availability, Drift, LocalImage, Step, describe_input};

/// Prints what is known of an image, and why it is built or not.
pub(super) fn explain(
    session: &Session,
    prepared: &Prepared,
    name: &str,
) -> anyhow::Result<Ending> {
    let id = find_image(&prepared.loaded, name)?;
    let image = prepared.loaded.catalog.image(id);
    let step = prepared.plan.steps.iter().find(|step| step.image == id);
    let mut text = format!("{} in {}\n", image.label, image.directory.display());
    let mut line = |key: &str, value: &str| {
        // A string takes all that is written to it.
        let _ = writeln!(text, "  {key:<10} {value}");
    };
    line("plan", &what(prepared, step));
    let facts = &prepared.facts[id.0];
    line(
        "registry",
        &match &facts.registry {
            Availability::NotAsked => "not asked".to_owned(),
            Availability::Absent => "does not have this version".to_owned(),
            Availability::Present(digest) => format!("has it as {digest}"),
        },
    );
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
    session.ui.print(&text)?;
    Ok(Ending::Done)
}

fn what(prepared: &Prepared, step: Option<&Step>) -> String {
    let Some(step) = step else {
        return "not selected".to_owned();
    };
    let publish = match (step.publish, &step.replaces) {
        (false, _) => "",
        (true, None) => ", and publish",
        (true, Some(_)) => ", and publish over what is there",
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
            return Some(&prepared.facts[parent.0].local.as_ref()?.id);
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
