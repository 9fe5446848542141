//! `pkg publish`.

use std::path::PathBuf;

use super::Ending;
use super::build::{FlavourArgs, usual_jobs};
use super::session::{Flavour, Session};
use super::work::{Manner, WhetherPublish, Wish, execute, prepare};
use crate::build::{Bases, Cache, OnFailure};
use crate::error::UsageError;
use crate::publish::Latest;

/// Publish what is built, after its tests passed
///
/// Credentials come from the settings, or else from where `docker login` keeps them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directories with images; together they make one catalog
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Only images whose whole label matches this pattern (`*/nginx:*`)
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    #[command(flatten)]
    flavour: FlavourArgs,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let flavour = args.flavour.flavour();
    let wish = Wish {
        directories: &args.directories,
        select: args.select.as_deref(),
        flavour,
        publish: WhetherPublish::Only,
    };
    let manner = Manner {
        jobs: usual_jobs(),
        cache: Cache::Ignore,
        bases: Bases::Keep,
        on_failure: OnFailure::GoOn,
        latest: if flavour == Flavour::Release {
            Latest::Moves
        } else {
            Latest::Stays
        },
    };
    if session.settings(flavour)?.naming.registry.is_none() {
        let message = "the settings name no registry to publish to".to_owned();
        return Err(UsageError {
            message,
            hints: vec!["set `registry`".to_owned()],
        }
        .into());
    }
    Session::block_on(async {
        let prepared = prepare(session, &wish).await?;
        execute(session, &prepared, manner).await
    })
}
