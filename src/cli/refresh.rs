//! `pkg refresh`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::NaiveDate;

use super::Ending;
use super::claims::Waiting;
use super::entries::{Manner, Writing, write};
use super::login::{LoginArgs, Need};
use super::session::{Flavour, Session};
use super::update::check_reason;
use crate::catalog::{ImageId, Pattern};
use crate::changelogs::{RefreshWish, choose, draft_refresh};
use crate::debian::EntryForm;
use crate::error::{Diagnostic, Severity};
use crate::host::architecture;
use crate::observe::find_moved_bases;
use crate::oci::Reference;
use crate::scan::Loaded;
use crate::settings::Settings;

/// Write changelog entries for the images that need a rebuild, in dated versions
///
/// An image needs one when a base image is not what it was built on any more, when it is older than asked for, or when an image that it is built on gets one. Its version is that of the day,
/// 1.2-3-20261121, a second time on that day 1.2-3-20261121.1; an earlier date gives way. All changelogs are changed, or none.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command line"
)]
pub(super) struct Args {
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Refresh every image
    #[arg(long, conflicts_with = "since_days")]
    all: bool,
    /// Refresh what is older than so many days
    #[arg(long, value_name = "N")]
    since_days: Option<u32>,
    /// Leave out images whose name or whole label matches this pattern; may be given several times
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Do not ask the registry whether base images have moved
    #[arg(long)]
    offline: bool,
    /// The date of the versions, as 20261121 or 2026-11-21 [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date: Option<NaiveDate>,
    /// A line below the reason of each entry
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    /// Print what would change, as a patch, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let forms = ["%Y%m%d", "%Y-%m-%d"].iter();
    let mut dates = forms.filter_map(|form| NaiveDate::parse_from_str(text, form).ok());
    dates
        .next()
        .ok_or_else(|| "a date is needed, as 20261121 or 2026-11-21".to_owned())
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    if let Some(reason) = &args.reason {
        check_reason(reason)?;
    }
    let patterns = args.exclude.iter();
    let patterns = patterns.map(|text| Ok((text.as_str(), Pattern::parse(text)?)));
    let patterns: Vec<(&str, Pattern)> = patterns.collect::<anyhow::Result<_>>()?;
    let login = (&LoginArgs::default(), Need::Optional);
    let settings = session.settings_with_login(Flavour::Release, login)?;
    let now = session.clock()?.now();
    let writing = Writing {
        manner: Manner::of(args.dry_run, args.json),
        directories: &args.directories,
        settings: &settings,
        waiting: &args.waiting,
        form: EntryForm::Items,
    };
    write(session, &writing, |loaded| {
        let wish = RefreshWish {
            all: args.all,
            oldest_days: args.since_days,
            excluded: find_excluded(session, loaded, &patterns),
            moved: if args.all || args.offline {
                BTreeMap::new()
            } else {
                find_moved(session, &settings, loaded)?
            },
        };
        let refreshes = choose(&loaded.catalog, &loaded.graph, &wish, now);
        let date = args.date.unwrap_or(now.date_naive());
        let note = args.reason.as_deref();
        Ok(draft_refresh(
            &loaded.catalog,
            &refreshes,
            date,
            &settings.update_id,
            note,
        )?)
    })
}

/// Finds the images that patterns leave out; one that leaves out none is probably misspelt, and its image would be refreshed.
fn find_excluded(
    session: &Session,
    loaded: &Loaded,
    patterns: &[(&str, Pattern)],
) -> BTreeSet<ImageId> {
    let mut excluded = BTreeSet::new();
    for (text, pattern) in patterns {
        let images = loaded.catalog.iter().filter(|(_, image)| {
            pattern.matches(image.name.as_str()) || pattern.matches(&image.label.to_string())
        });
        let matching: Vec<ImageId> = images.map(|(id, _)| id).collect();
        if matching.is_empty() {
            let message = format!("`--exclude {text}` leaves no image out");
            let diagnostic = Diagnostic::new(Severity::Warning, message)
                .hint("it matches whole names and whole labels: `nginx*`, `*/nginx:*`");
            session.ui.diagnostic(&diagnostic);
        }
        excluded.extend(matching);
    }
    excluded
}

/// Finds what was built on base images that have moved since, and says of which images that cannot be known.
fn find_moved(
    session: &Session,
    settings: &Settings,
    loaded: &Loaded,
) -> anyhow::Result<BTreeMap<ImageId, Vec<Reference>>> {
    let Some(registry) = session.registry(settings)? else {
        session
            .ui
            .say("no registry is set, so base images were not looked at");
        return Ok(BTreeMap::new());
    };
    let bases = Session::block_on(async {
        Ok(find_moved_bases(&registry, loaded, architecture()).await?)
    })?;
    for base in &bases.missing {
        let message = format!("the registry has no base image {base}");
        let diagnostic = Diagnostic::new(Severity::Warning, message)
            .hint("what is built on it cannot be built anew");
        session.ui.diagnostic(&diagnostic);
    }
    let silent: Vec<String> = bases
        .silent
        .iter()
        .map(|id| loaded.catalog.image(*id).name.to_string())
        .collect();
    if !silent.is_empty() {
        let message = format!(
            "{} published images do not say what they were built on: {}",
            silent.len(),
            silent.join(", ")
        );
        let diagnostic = Diagnostic::new(Severity::Warning, message).hint(
            "an image says so once this program has built it: `--all` or `--since-days` refreshes them",
        );
        session.ui.diagnostic(&diagnostic);
    }
    Ok(bases.moved)
}
