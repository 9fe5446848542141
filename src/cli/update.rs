//! `pkg update`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;

use super::Ending;
use super::claims::Waiting;
use super::entries::{Manner, Writing, write};
use super::session::{Flavour, Session, find_image};
use crate::catalog::{ImageId, Pattern};
use crate::changelogs::{NewVersion, Order, UpdateWish, draft_update};
use crate::debian::{Bump, EntryForm, Version};
use crate::error::UsageError;
use crate::oci::Reference;
use crate::scan::Loaded;
use crate::settings::Settings;

/// Write changelog entries for an image and for everything that depends on it
///
/// What depends on it, through any chain and in any of the directories, gets the version of its next rebuild: 1.2-1-s1,
/// then 1.2-1-s2. Neither engine nor registry is asked. All changelogs are changed, or none.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command line"
)]
pub(super) struct Args {
    /// The name of the image; several with commas between them
    #[arg(value_name = "NAME")]
    name: String,
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// The new version of the image [default: that of its next rebuild]
    #[arg(short, long, value_name = "VERSION")]
    version: Option<Version>,
    /// Raise a part of the image's version
    #[arg(long, value_enum, value_name = "PART", conflicts_with = "version")]
    bump: Option<Part>,
    /// Take NAME for a pattern of names, as `php8.*`
    #[arg(long)]
    glob: bool,
    /// Why
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Security update",
        allow_hyphen_values = true
    )]
    reason: String,
    /// Take a version that does not sort after the one that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// Print what would change, as a patch, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The parts of a version.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// 1.2.3-4 → 2.0.0-1
    Major,
    /// 1.2.3-4 → 1.3.0-1
    Minor,
    /// 1.2.3-4 → 1.2.4-1
    Patch,
    /// 1.2.3-4 → 1.2.3-5, the number at the end without a date behind it: 1.2-3-s1 → 1.2-3-s2, 1.2-3-20261121 → 1.2-4
    Debian,
}

impl From<Part> for Bump {
    fn from(part: Part) -> Self {
        match part {
            Part::Major => Self::Major,
            Part::Minor => Self::Minor,
            Part::Patch => Self::Patch,
            Part::Debian => Self::Debian,
        }
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    check_reason(&args.reason)?;
    let settings = session.settings(Flavour::Release)?;
    let writing = Writing {
        manner: Manner::of(args.dry_run, args.json),
        directories: &args.directories,
        settings: &settings,
        waiting: &args.waiting,
        form: EntryForm::Update,
    };
    write(session, &writing, |loaded| {
        let wish = UpdateWish {
            images: find_images(loaded, args, &settings)?,
            version: match (&args.version, args.bump) {
                (Some(version), _) => NewVersion::Given(version.clone()),
                (None, Some(part)) => NewVersion::Bumped(part.into()),
                (None, None) => NewVersion::Rebuild,
            },
            reason: args.reason.clone(),
            order: if args.force {
                Order::Any
            } else {
                Order::Ascending
            },
        };
        let (catalog, graph) = (&loaded.catalog, &loaded.graph);
        Ok(draft_update(catalog, graph, &wish, &settings.update_id)?)
    })
}

fn find_images(
    loaded: &Loaded,
    args: &Args,
    settings: &Settings,
) -> anyhow::Result<BTreeSet<ImageId>> {
    let mut images = BTreeSet::new();
    if args.name.split(',').any(|name| name.trim().is_empty()) {
        let message = format!("a name is empty: `{}`", args.name);
        let hints =
            vec!["names of images stand with one comma between them: `nginx,redis`".to_owned()];
        return Err(UsageError { message, hints }.into());
    }
    for name in args.name.split(',').map(str::trim) {
        if !args.glob {
            let image = find_image(loaded, name)
                .map_err(|error| explain_name(name, settings).unwrap_or(error))?;
            images.insert(image);
            continue;
        }
        let pattern = Pattern::parse(name)?;
        let before = images.len();
        let matching = loaded.catalog.iter();
        let matching = matching.filter(|(_, image)| pattern.matches(image.name.as_str()));
        images.extend(matching.map(|(id, _)| id));
        if images.len() == before {
            let message = format!("no image is named like `{name}`");
            let hints = vec!["`pkg list --offline DIR` shows the names".to_owned()];
            return Err(UsageError { message, hints }.into());
        }
    }
    Ok(images)
}

pub(super) fn check_reason(reason: &str) -> Result<(), UsageError> {
    let is_refused = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    let message = match reason.replace("\r\n", "\n").chars().find(is_refused) {
        Some(character) => format!(
            "the reason holds `{}`, which cannot stand in a changelog",
            character.escape_debug()
        ),
        None if reason.trim().is_empty() => "a reason is needed".to_owned(),
        None => return Ok(()),
    };
    let hints = vec!["`--reason 'New upstream version'`".to_owned()];
    Err(UsageError { message, hints })
}

/// Says why a name that docker-pkg's users may have in mind is none here.
fn explain_name(name: &str, settings: &Settings) -> Option<anyhow::Error> {
    let is_base = |base: &Reference| [base.short_name(), &base.name()].contains(&name);
    let (message, hint) = if settings.base_images.iter().any(is_base) {
        (
            format!("`{name}` is an image from elsewhere and has no changelog here"),
            "name an image of these directories that is built on it",
        )
    } else if name.contains(['*', '?', '[']) {
        (
            format!("`{name}` is a pattern, and one name is needed"),
            "`--glob` takes patterns of names",
        )
    } else {
        return None;
    };
    let hints = vec![hint.to_owned()];
    Some(UsageError { message, hints }.into())
}
