//! `pkg publish`.

use super::Ending;
use super::scope::Scope;
use super::session::Session;
use super::work::{
    Manner, Retry, Waiting, WhetherPublish, Wish, claim, execute, prepare, usual_jobs,
};
use crate::build::{Bases, Cache, OnFailure};
use crate::plan::Overwrite;
use crate::publish::{CandidateTag, Place, Target};

/// Publish what is built, after its tests passed
///
/// A version is published once and never changes. `latest` follows when the registry has confirmed the version, and only
/// forward; where an earlier run was cut before that, it follows now.
///
/// Credentials come from the options, `PKG_USERNAME` and `PKG_PASSWORD`, the settings, or else from where `docker login`
/// keeps them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    /// Publish there instead of where the settings say, each image under its name; several places are served one by one
    #[arg(long = "repository", value_name = "HOST/PATH")]
    places: Vec<Place>,
    /// Publish a candidate: what is built goes under this tag, which moves, and not under its version; `latest` stays
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<CandidateTag>,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
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
    let places: Vec<Option<Place>> = match args.places.as_slice() {
        [] => vec![None],
        places => places.iter().cloned().map(Some).collect(),
    };
    let (mut worst, mut failure) = (Ending::Done, None);
    for place in places {
        let wish = Wish {
            scope: &args.scope,
            publish: WhetherPublish::Only,
            overwrite: Overwrite::Never,
            target: Target {
                place,
                candidates: args.tags.clone(),
            },
        };
        let ending = Session::block_on(async {
            let prepared = prepare(session, &wish).await?;
            execute(session, &prepared, manner).await
        });
        let ending = match ending {
            Ok(ending) => ending,
            // One place that cannot be reached keeps nothing from the others.
            Err(error) => {
                if let Some(earlier) = failure.replace(error) {
                    session.tell(&earlier);
                }
                continue;
            }
        };
        match (ending, worst) {
            (Ending::Interrupted(_), _) => return Ok(ending),
            // A refusal outweighs the trouble of a machine, since waiting does not cure it.
            (Ending::Failed, _) | (_, Ending::Done) => worst = ending,
            _ => {}
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(worst),
    }
}
