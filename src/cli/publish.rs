//! `pkg publish`.

use super::Ending;
use super::scope::Scope;
use super::session::Session;
use super::signals::first_signal;
use super::work::{
    Manner, Retry, Waiting, WhetherPublish, Wish, claim, execute, prepare, usual_jobs,
};
use crate::build::{Bases, Cache, OnFailure};
use crate::error::UsageError;
use crate::plan::Overwrite;
use crate::publish::{CandidateTag, Place, PlaceError, Target};

/// Publish what is built, after its tests passed
///
/// A version is published once and never changes. `latest` follows when the registry has confirmed the version, and only
/// forward; where an earlier run was cut before that, it follows now.
///
/// Credentials for the settings' registry come from the options, `PKG_USERNAME` and `PKG_PASSWORD`, the settings, or else
/// from where `docker login` keeps them; those for other places from there alone.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    /// Publish there instead of where the settings say, each image under its name; several places are served one by one
    #[arg(long = "repository", value_name = "HOST/PATH")]
    places: Vec<String>,
    /// Publish a candidate: what is built goes under this tag, which moves, and not under its version; `latest` stays. Can be
    /// given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<CandidateTag>,
    #[command(flatten)]
    waiting: Waiting,
}

/// Reads the places; a word that may hold a password is not repeated.
fn parse_places(texts: &[String]) -> Result<Vec<Option<Place>>, UsageError> {
    if texts.is_empty() {
        return Ok(vec![None]);
    }
    let parse = |text: &String| {
        text.parse().map(Some).map_err(|error| UsageError {
            message: match error {
                PlaceError::Login => format!("`--repository`: {error}"),
                other => format!("`--repository {text}`: {other}"),
            },
            hints: vec!["a place is HOST/PATH: mirror.example.org/base".to_owned()],
        })
    };
    texts.iter().map(parse).collect()
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
    let places = parse_places(&args.places)?;
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
            // After the first place nothing else ends the program at a signal.
            let prepared = tokio::select! {
                biased;
                signal = first_signal() => return Ok(Ending::Interrupted(signal?)),
                prepared = prepare(session, &wish) => prepared?,
            };
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
    match (failure, worst) {
        (Some(error), Ending::Failed) => {
            session.tell(&error);
            Ok(worst)
        }
        (Some(error), _) => Err(error),
        (None, worst) => Ok(worst),
    }
}
