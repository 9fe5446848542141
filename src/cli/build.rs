//! `pkg build`.

use std::num::NonZeroUsize;

use super::claims::{Waiting, claim};
use super::locks::{Locks, LocksArgs, relock};
use super::prepare::{Retry, WhetherPublish, Wish, prepare};
use super::scope::Scope;
use super::session::Session;
use super::stamping::Stamping;
use super::work::{Manner, execute, usual_jobs};
use super::{Ending, plan};
use crate::build::{Bases, Cache, OnFailure};
use crate::publish::Target;

/// Build, test and publish the images that need it
///
/// An image needs it when neither the registry nor the engine has its version, or, while it is not published, when its recipe,
/// a file that the recipe takes, or an image that it is built on is another one now. It is published when the settings have a
/// registry and credentials. A published version whose inputs changed is left alone, and the run ends with exit code 3.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is an option of the command line"
)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    /// Work on so many images at once [default: the number of processors, 2 to 4]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// Let the engine take steps from its cache
    // docker-pkg's shorter forms stay its own beside `--username`.
    #[arg(long, aliases = ["use", "us", "u"])]
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
    /// Build published versions anew whose inputs changed, and publish over them
    #[arg(long)]
    force: bool,
    /// Try images now that failed with the same inputs before
    ///
    /// The second failure in a row with the same version, recipe, context, tests and parents makes an image wait: 10
    /// minutes, then 30, 2 hours, 6 and 20. Until then it is not built, unless this or `--force` is given, `--select`
    /// names it alone, or an image that it is built on is built anew; the run ends as after a failure.
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    locks: LocksArgs,
    #[command(flatten)]
    waiting: Waiting,
    /// Print the plan and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the plan as JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
}

fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    let jobs: usize = text.parse().map_err(|_| "a number is needed".to_owned())?;
    NonZeroUsize::new(jobs).ok_or_else(|| "at least 1".to_owned())
}

fn manner(args: &Args) -> Manner {
    Manner {
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
        latest: args.scope.latest(),
        retry: if args.retry || args.force {
            Retry::Now
        } else {
            Retry::WhenDue
        },
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let mut wish = Wish {
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
    let manner = manner(args);
    let directories = ("build", args.scope.directories.as_slice());
    // What only looks needs no right to do anything.
    let claim = if args.dry_run {
        None
    } else {
        if let Locks::Followed(unmade) = &mut wish.locks {
            let Some(found) = relock(session, &args.scope, &args.waiting)? else {
                return Ok(Ending::Hindered);
            };
            *unmade = found;
        }
        let Some(claim) = claim(session, directories, &args.waiting)? else {
            return Ok(Ending::Hindered);
        };
        Some(claim)
    };
    Session::block_on(async {
        let prepared = prepare(session, &wish).await?;
        if args.dry_run {
            let form = plan::Form::of(args.json);
            return plan::print(session, &prepared, (form, manner.retry)).await;
        }
        let ended = execute(session, &prepared, manner).await;
        drop(claim);
        ended
    })
}
