//! `--stamp`, for the commands that show, make or name what is stamped.

use std::path::Path;
use std::str::FromStr;

use tokio_util::sync::CancellationToken;

use super::login::PASSWORD;
use super::session::{Flavour, Session};
use super::work::mask;
use crate::build::hide_all;
use crate::error::{Diagnostic, Severity, UsageError};
use crate::host::ask_status;
use crate::publish::{CandidateTag, CandidateTagError};
use crate::settings::{Mask, Settings};
use crate::stamp::{Stamps, Status, fill_stamps};

/// Whether images are stamped.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct StampArgs {
    /// Run `status_command` of the settings and take what it prints for the values of stamps, in the place of their constants
    #[arg(long)]
    stamp: bool,
}

/// The status of a run, where it stamps.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamping(Option<Status>);

impl Stamping {
    /// Asks the status command, once for a run, and tells which keys of the settings it says nothing of.
    pub(super) fn ask(session: &Session, args: StampArgs) -> anyhow::Result<Self> {
        if !args.stamp {
            return Ok(Self::default());
        }
        let settings = session.settings_silently(Flavour::Release)?;
        let status = match &settings.status_command {
            Some(command) => Session::block_on(async {
                let directory = session.config().parent().unwrap_or(Path::new(""));
                let hidden = hidden(session, &settings);
                let with = (directory, &session.environment, &hidden);
                Ok(ask_status(command, with, &CancellationToken::new()).await?)
            })?,
            None => Status::default(),
        };
        let status = status.at(session.clock()?.now().timestamp());
        tell_constants(session, &settings, &status);
        Ok(Self(Some(status)))
    }

    /// Lays the values of the run over the constants of the settings.
    pub(super) fn apply(&self, mut settings: Settings) -> Settings {
        if let Some(status) = &self.0 {
            settings.stamps = settings.stamps.with(status);
        }
        settings
    }
}

/// Gives what is hidden in the words of the command: it sees all variables.
fn hidden(session: &Session, settings: &Settings) -> Mask {
    let environment = &session.environment;
    let mask = hide_all(settings, environment, mask(settings, environment));
    match environment.find(PASSWORD) {
        Some(password) => mask.with(password.as_bytes()),
        None => mask,
    }
}

/// Tells which stamps keep their constants although the run stamps.
fn tell_constants(session: &Session, settings: &Settings, status: &Status) {
    let missing = settings.stamps.missing_in(status);
    let missing: Vec<String> = missing.map(|key| format!("`{key}`")).collect();
    let Some((last, before)) = missing.split_last() else {
        return;
    };
    let (keys, verb) = match before {
        [] => (last.clone(), "keeps its constant"),
        before => (
            format!("{} and {last}", before.join(", ")),
            "keep their constants",
        ),
    };
    let diagnostic = match &settings.status_command {
        Some(command) => Diagnostic {
            places: vec![command.place.clone()],
            ..Diagnostic::new(
                Severity::Warning,
                format!("the status command says nothing of {keys}, which {verb}"),
            )
        },
        None => Diagnostic::new(
            Severity::Warning,
            format!("no setting `status_command` tells values for `--stamp`: {keys} {verb}"),
        ),
    };
    session.ui.diagnostic(&diagnostic);
}

/// What `--tag` has: the tag of a candidate, as it is or with stamps in it.
#[derive(Clone, Debug)]
pub(super) enum TagText {
    /// A tag.
    Plain(CandidateTag),
    /// A text with stamps.
    Stamped(String),
}

impl FromStr for TagText {
    type Err = CandidateTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("{{") {
            return Ok(Self::Stamped(text.to_owned()));
        }
        text.parse().map(Self::Plain)
    }
}

impl TagText {
    /// Fills in the stamps; what is told of them holds nothing that the mask hides.
    fn fill(&self, stamps: &Stamps, mask: &Mask) -> Result<CandidateTag, UsageError> {
        let text = match self {
            Self::Plain(tag) => return Ok(tag.clone()),
            Self::Stamped(text) => text,
        };
        let filled = fill_stamps(text, stamps, |_| ()).map_err(|error| UsageError {
            message: format!("`--tag {text}`: {error}"),
            hints: vec![error.hint()],
        })?;
        filled.parse().map_err(|error| {
            let message = format!("`--tag {text}` is `{filled}`: {error}");
            UsageError {
                message: mask.hide(&message).into_owned(),
                hints: Vec::new(),
            }
        })
    }
}

/// Fills in the stamps of tags; only where there are any, the settings are read for it.
pub(super) fn fill_tags(
    session: &Session,
    tags: &[TagText],
    stamping: &Stamping,
) -> anyhow::Result<Vec<CandidateTag>> {
    let is_stamped = tags.iter().any(|tag| matches!(tag, TagText::Stamped(_)));
    let (stamps, mask) = if is_stamped {
        let settings = stamping.apply(session.settings_silently(Flavour::Release)?);
        let mask = hidden(session, &settings);
        (settings.stamps, mask)
    } else {
        (Stamps::default(), Mask::default())
    };
    let filled = tags.iter().map(|tag| tag.fill(&stamps, &mask));
    Ok(filled.collect::<Result<_, _>>()?)
}
