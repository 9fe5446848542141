//! `pkg publish`.

use super::Ending;
use super::scope::Scope;
use super::session::Session;
use super::work::{
    Manner, Retry, Waiting, WhetherPublish, Wish, claim, execute, prepare, usual_jobs,
};
use crate::build::{Bases, Cache, OnFailure};
use crate::plan::Overwrite;

/// Publish what is built, after its tests passed
///
/// Credentials come from the options, `PKG_USERNAME` and `PKG_PASSWORD`, the settings, or else from where `docker login`
/// keeps them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let wish = Wish {
        scope: &args.scope,
        publish: WhetherPublish::Only,
        overwrite: Overwrite::Never,
    };
    let manner = Manner {
        jobs: usual_jobs(),
        cache: Cache::Ignore,
        bases: Bases::Keep,
        on_failure: OnFailure::GoOn,
        latest: args.scope.latest(),
        retry: Retry::Now,
    };
    let directories = ("publish", args.scope.directories.as_slice());
    let Some(_claim) = claim(session, directories, &args.waiting)? else {
        return Ok(Ending::Hindered);
    };
    Session::block_on(async {
        let prepared = prepare(session, &wish).await?;
        execute(session, &prepared, manner).await
    })
}
