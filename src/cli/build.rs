//! `pkg build`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::session::{Flavour, Session};
use super::work::{Manner, WhetherPublish, Wish, execute, prepare};
use super::{Ending, plan};
use crate::build::{Bases, Cache, OnFailure};
use crate::publish::Latest;

/// Build, test and publish the images that need it
///
/// An image needs it when neither the registry nor the engine has its version, or when an image that it is built on is
/// built anew. It is published when the settings have a registry and credentials.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command line"
)]
pub(super) struct Args {
    /// The directories with images; together they make one catalog
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Only images whose whole label matches this pattern (`*/nginx:*`), and what they need
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    /// Work on so many images at once [default: the number of processors, 2 to 4]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    flavour: FlavourArgs,
    /// Let the engine take steps from its cache
    #[arg(long)]
    use_cache: bool,
    /// Take base images as the engine has them
    #[arg(long)]
    no_pull: bool,
    /// Publish nothing
    #[arg(long)]
    no_publish: bool,
    /// Begin nothing more after the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Print the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which versions a run makes.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct FlavourArgs {
    /// Put the date behind each version (1.0-1-20261121); `latest` stays where it is
    #[arg(long)]
    nightly: bool,
    /// Put date and time behind each version (1.0-1-20261121-073000); `latest` stays where it is
    #[arg(long)]
    snapshot: bool,
}

impl FlavourArgs {
    pub(super) fn flavour(self) -> Flavour {
        match (self.nightly, self.snapshot) {
            (true, _) => Flavour::Nightly,
            (_, true) => Flavour::Snapshot,
            _ => Flavour::Release,
        }
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let flavour = args.flavour.flavour();
    let wish = Wish {
        directories: &args.directories,
        select: args.select.as_deref(),
        flavour,
        publish: if args.no_publish {
            WhetherPublish::No
        } else {
            WhetherPublish::WithCredentials
        },
    };
    let manner = Manner {
        jobs: args.jobs.map_or_else(usual_jobs, NonZeroUsize::get),
        cache: if args.use_cache {
            Cache::Use
        } else {
            Cache::Ignore
        },
        bases: if args.no_pull {
            Bases::Keep
        } else {
            Bases::Refresh
        },
        on_failure: if args.fail_fast {
            OnFailure::Stop
        } else {
            OnFailure::GoOn
        },
        latest: if flavour == Flavour::Release {
            Latest::Moves
        } else {
            Latest::Stays
        },
    };
    Session::block_on(async {
        let prepared = prepare(session, &wish).await?;
        if args.dry_run {
            plan::print(session, &prepared, plan::Form::Text)?;
            return Ok(Ending::Done);
        }
        execute(session, &prepared, manner).await
    })
}

/// Builds wait for the network about as long as they compute; more than four at once were not faster anywhere.
pub(super) fn usual_jobs() -> usize {
    std::thread::available_parallelism()
        .map_or(2, NonZeroUsize::get)
        .clamp(2, 4)
}
