//! `pkg plan`.

use serde_json::{Value, json};

use super::Ending;
use super::explain::explain;
use super::locks::LocksArgs;
use super::past::Past;
use super::prepare::{Prepared, Retry, WhetherPublish, Wish, prepare};
use super::scope::Scope;
use super::session::Session;
use super::stamping::Stamping;
use super::words;
use crate::error::Diagnostic;
use crate::oci::Digest;
use crate::oci::Tag;
use crate::plan::{Action, InputChange, Reason, Skip, Step};
use crate::publish::{Overdue, Standing, Target};
use crate::ui::{Cell, Column, Tone};

/// Print what `build` would do, and why
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command line"
)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    /// Leave publishing out
    #[arg(long)]
    no_publish: bool,
    /// Plan for `build --force`: published versions whose inputs changed are published over
    #[arg(long)]
    force: bool,
    /// Plan for `build --retry`: images that failed with the same inputs before do not wait
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    locks: LocksArgs,
    /// Tell of one image what is there, and which file, argument or parent differs from what was recorded
    #[arg(long, value_name = "NAME", conflicts_with_all = ["json", "select"])]
    explain: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs: docs/json.md.
    Json,
}

impl Form {
    /// Gives the form that `--json` asks for.
    pub(super) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let wish = Wish {
        scope: &args.scope,
        publish: if args.no_publish {
            WhetherPublish::No
        } else {
            WhetherPublish::WithCredentials
        },
        overwrite: Scope::overwrite(args.force),
        locks: args.locks.locks(),
        target: Target::default(),
        stamping: Stamping::ask(session, args.scope.stamp)?,
    };
    let retry = if args.retry || args.force {
        Retry::Now
    } else {
        Retry::WhenDue
    };
    Session::block_on(async {
        let prepared = prepare(session, &wish).await?;
        if let Some(name) = &args.explain {
            return explain(session, (&prepared, retry), name).await;
        }
        print(session, &prepared, (Form::of(args.json), retry)).await
    })
}

/// Prints a prepared plan: what is run is the same value.
pub(super) async fn print(
    session: &Session,
    prepared: &Prepared,
    (form, retry): (Form, Retry),
) -> anyhow::Result<Ending> {
    let past = Past::new(prepared, prepared.find_past(session, retry).await?);
    match form {
        Form::Json => {
            let text = serde_json::to_string_pretty(&to_json(prepared, &past))?;
            session.ui.print(&format!("{text}\n"))?;
        }
        Form::Text => print_table(session, prepared, &past)?,
    }
    Ok(prepared.ending_of_plan())
}

fn print_table(session: &Session, prepared: &Prepared, past: &Past) -> anyhow::Result<()> {
    let catalog = &prepared.loaded.catalog;
    let rows: Vec<Vec<Cell>> = prepared
        .plan
        .work()
        .map(|step| {
            let (tone, what, why) = match past.instead(prepared, step.image) {
                Some((what, why)) => (Tone::Caution, what.to_owned(), why),
                None => (Tone::Accent, what(step), why(step, prepared, past)),
            };
            vec![
                Cell::new(tone, what),
                Cell::from(catalog.image(step.image).label.to_string()),
                Cell::new(Tone::Dim, why),
            ]
        })
        .chain(
            prepared
                .published
                .followers
                .overdue
                .iter()
                .map(|it| overdue_row(prepared, it)),
        )
        .collect();
    session.ui.table(
        &[
            Column::left("WHAT"),
            Column::left("IMAGE"),
            Column::left("WHY"),
        ],
        &rows,
    )?;
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for step in &prepared.plan.steps {
        let Action::Skip(skip) = &step.action else {
            continue;
        };
        let reason = words::skip(skip);
        match counts.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason, 1)),
        }
    }
    let skipped: Vec<_> = counts
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    match (rows.is_empty(), skipped.is_empty()) {
        (true, true) => session.ui.say("nothing to do"),
        (true, false) => session
            .ui
            .say(&format!("nothing to do: {}", skipped.join(", "))),
        (false, true) => (),
        (false, false) => session.ui.say(&format!("skipped: {}", skipped.join(", "))),
    }
    let doubts = prepared.doubts_of_plan().into_iter();
    for diagnostic in doubts.chain(past.warnings(prepared)) {
        session.ui.diagnostic(&diagnostic);
    }
    Ok(())
}

/// Why a step is taken, and that it failed before.
fn why(step: &Step, prepared: &Prepared, past: &Past) -> String {
    let because = words::because(&step.action, &prepared.loaded.catalog);
    match past.describe(step.image) {
        Some(failed) => format!("{because}; {failed}"),
        None => because,
    }
}

/// A published version that `latest` has not followed.
fn overdue_row(prepared: &Prepared, overdue: &Overdue) -> Vec<Cell> {
    let image = prepared.loaded.catalog.image(overdue.image);
    vec![
        Cell::new(Tone::Accent, "tag".to_owned()),
        Cell::from(image.label.with_tag(Tag::latest()).to_string()),
        Cell::new(Tone::Dim, words::overdue(&overdue.standing, &image.version)),
    ]
}

fn overdue_json(prepared: &Prepared, overdue: &Overdue) -> Value {
    let image = prepared.loaded.catalog.image(overdue.image);
    let (digest, version) = match &overdue.standing {
        Standing::Behind { digest, version } => (Some(digest.as_str()), version.as_ref()),
        Standing::Here | Standing::Missing | Standing::Ahead { .. } => (None, None),
    };
    json!({
        "name": image.name.to_string(),
        "label": image.label.with_tag(Tag::latest()).to_string(),
        "old": digest,
        "old_version": version.map(ToString::to_string),
        "new": overdue.digest.as_str(),
    })
}

fn what(step: &Step) -> String {
    let verb = words::verb(&step.action);
    let over = if step.replaces.is_some() {
        " over what is there"
    } else {
        ""
    };
    match (step.publish, &step.action) {
        (true, Action::Publish) => format!("{verb}{over}"),
        (true, _) => format!("{verb}, publish{over}"),
        (false, _) => verb.to_owned(),
    }
}

fn to_json(prepared: &Prepared, past: &Past) -> Value {
    let catalog = &prepared.loaded.catalog;
    let name = |id: crate::catalog::ImageId| catalog.image(id).name.to_string();
    let steps: Vec<Value> = prepared
        .plan
        .steps
        .iter()
        .map(|step| {
            let image = catalog.image(step.image);
            let parents = prepared
                .loaded
                .graph
                .parents(step.image)
                .iter()
                .map(|parent| name(*parent));
            let mut json = json!({
                "name": name(step.image),
                "version": image.version.to_string(),
                "label": image.label.to_string(),
                "directory": image.directory,
                "action": words::verb(&step.action),
                "reason": reason(&step.action, &name),
                "publish": step.publish,
                "replaces": step.replaces.as_ref().map(Digest::as_str),
                "parents": parents.collect::<Vec<_>>(),
            });
            for (field, value) in past.to_json(prepared, step.image) {
                json[field] = value;
            }
            json
        })
        .collect();
    let overdue = prepared.published.followers.overdue.iter();
    let latest: Vec<Value> = overdue.map(|it| overdue_json(prepared, it)).collect();
    let doubts = prepared.doubts_of_plan();
    let doubts: Vec<Value> = doubts.iter().map(doubt_json).collect();
    json!({ "version": 1, "steps": steps, "latest": latest, "doubts": doubts })
}

/// What could not be found out, or stays as it is although something speaks against that.
fn doubt_json(doubt: &Diagnostic) -> Value {
    let places = doubt.places.iter().map(ToString::to_string);
    json!({
        "message": doubt.message,
        "places": places.collect::<Vec<_>>(),
        "hints": doubt.hints,
    })
}

fn reason(action: &Action, name: &dyn Fn(crate::catalog::ImageId) -> String) -> Value {
    match action {
        Action::Build(Reason::NotPublished) | Action::Publish => json!({ "kind": "not-published" }),
        Action::Build(Reason::NotBuilt) => json!({ "kind": "not-built" }),
        Action::Build(Reason::NotOurs) => json!({ "kind": "not-ours" }),
        Action::Build(Reason::ParentRebuilt { parent }) => {
            json!({ "kind": "parent-rebuilt", "parent": name(*parent) })
        }
        Action::Build(Reason::ParentMoved {
            parent,
            built_on,
            now,
        }) => json!({
            "kind": "parent-moved",
            "parent": parent.to_string(),
            "old": built_on.as_str(),
            "new": now.as_str(),
        }),
        Action::Build(Reason::InputsChanged(changes)) => {
            json!({ "kind": "inputs-changed", "changes": inputs(changes) })
        }
        Action::Build(Reason::InputsUnreadable(why)) => {
            json!({ "kind": "inputs-unreadable", "cause": why })
        }
        Action::Pull(digest) => json!({ "kind": "needed", "digest": digest.as_str() }),
        Action::Verify => json!({ "kind": "not-verified" }),
        Action::Skip(Skip::Published(digest)) => {
            json!({ "kind": "published", "digest": digest.as_str() })
        }
        Action::Skip(Skip::PublishedOnOldParent { digest, parent }) => json!({
            "kind": "published-on-old-parent",
            "digest": digest.as_str(),
            "parent": name(*parent),
        }),
        Action::Skip(Skip::Drifted { digest, changes }) => json!({
            "kind": "drifted",
            "digest": digest.as_str(),
            "changes": inputs(changes),
        }),
        Action::Skip(Skip::Taken(digest)) => {
            json!({ "kind": "taken", "digest": digest.as_str() })
        }
        Action::Skip(Skip::OnTaken { parent }) => {
            json!({ "kind": "on-taken-parent", "parent": name(*parent) })
        }
        Action::Skip(Skip::NeedsEngine) => json!({ "kind": "needs-engine" }),
        Action::Skip(Skip::Built) => json!({ "kind": "built" }),
        Action::Skip(Skip::NotNeeded) => json!({ "kind": "not-needed" }),
        Action::Skip(Skip::NotBuiltYet) => json!({ "kind": "not-built-yet" }),
    }
}

fn inputs(changes: &[InputChange]) -> Vec<Value> {
    let changes = changes.iter();
    changes
        .map(|change| json!({ "input": change.input, "old": change.old, "new": change.new }))
        .collect()
}
