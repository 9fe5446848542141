//! `pkg publish`.

use super::Ending;
use super::claims::{Waiting, claim};
use super::locks::Locks;
use super::prepare::{Retry, WhetherPublish, Wish, prepare};
use super::scope::Scope;
use super::session::Session;
use super::signals::first_signal;
use super::stamping::{Stamping, TagText, fill_tags};
use super::work::{Manner, execute, usual_jobs};
use crate::build::{Bases, Cache, OnFailure};
use crate::error::UsageError;
use crate::locking::Unmade;
use crate::plan::Overwrite;
use crate::publish::{CandidateTag, Place, PlaceError, Target};

/// Publish what is built, after its tests passed
///
/// A version is published once and never changes. `latest` follows when the registry has confirmed the version, and only
/// forward; where an earlier run was cut before that, it follows now.
///
/// Credentials for the settings' registry come from the options, `PKG_USERNAME` and `PKG_PASSWORD`, the settings, or else
/// from where `docker login` keeps them; those for another place from the options, where it is the only one, or from there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    /// Publish there instead of where the settings say, each image under its name; several places are served one by one
    #[arg(long = "repository", value_name = "HOST/PATH")]
    places: Vec<String>,
    /// Publish a candidate: what is built goes under this tag, which moves, and not under its version; `latest` stays. Can be
    /// given several times, and hold stamps: `ci-{{ stamp.CI_PIPELINE }}`
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<TagText>,
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

/// Reads the places, which are one where the command line says who logs in.
fn find_places(args: &Args) -> Result<Vec<Option<Place>>, UsageError> {
    let places = parse_places(&args.places)?;
    if places.len() > 1 && args.scope.login.is_given() {
        return Err(UsageError {
            message: "`--username` and `--password-stdin` are for one place, and there are several"
                .to_owned(),
            hints: vec![
                "publish to one after the other, or run `docker login` for each".to_owned(),
            ],
        });
    }
    Ok(places)
}

/// Says where images go, and under which tags, where the lines of the run do not: they name no host, and one tag.
fn head(place: Option<&Place>, tags: &[CandidateTag]) -> Option<String> {
    let tags = tags.iter().map(|candidate| candidate.tag().as_str());
    let tags: Vec<&str> = tags.collect();
    match (place, tags.as_slice()) {
        (None, [] | [_]) => None,
        (None, tags) => Some(format!("as {}:", tags.join(", "))),
        (Some(place), [] | [_]) => Some(format!("to {place}:")),
        (Some(place), tags) => Some(format!("to {place} as {}:", tags.join(", "))),
    }
}

fn manner(args: &Args) -> Manner {
    Manner {
        jobs: usual_jobs(),
        cache: Cache::Ignore,
        bases: Bases::Keep,
        on_failure: OnFailure::GoOn,
        latest: args.scope.latest(),
        retry: Retry::Now,
    }
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let places = find_places(args)?;
    let stamping = Stamping::ask(session, args.scope.stamp)?;
    let tags = fill_tags(session, &args.tags, &stamping)?;
    let directories = ("publish", args.scope.directories.as_slice());
    let Some(_claim) = claim(session, directories, &args.waiting)? else {
        return Ok(Ending::Hindered);
    };
    let (mut worst, mut failure) = (Ending::Done, None);
    let are_several = places.len() > 1;
    for place in places {
        if let Some(heading) = head(place.as_ref().filter(|_| are_several), &tags) {
            session.ui.say(&heading);
        }
        let wish = Wish {
            scope: &args.scope,
            publish: WhetherPublish::Only,
            overwrite: Overwrite::Never,
            target: Target {
                place,
                candidates: tags.clone(),
            },
            stamping: stamping.clone(),
            locks: Locks::Followed(Unmade::default()),
        };
        let ending = Session::block_on(async {
            // After the first place nothing else ends the program at a signal.
            let prepared = tokio::select! {
                biased;
                signal = first_signal() => return Ok(Ending::Interrupted(signal?)),
                prepared = prepare(session, &wish) => prepared?,
            };
            execute(session, &prepared, manner(args)).await
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
