//! Fetching what builds are based on: outside base images, and parents that are published and not here.

use std::time::Instant;

use super::again::Patience;
use super::image::MakeError;
use super::run::{Bases, Ending, Report, Run};
use super::shelved::BringError;
use super::{Event, Fault, Phase};
use crate::engine::{Engine, EngineError};
use crate::oci::{Digest, Reference};

impl Run<'_> {
    /// Pulls a base image, or finds the one that the engine has, and gives its identity.
    pub(super) async fn refresh_base(&self, base: &Reference, report: &mut Report<'_>) -> Ending {
        let began = Instant::now();
        let engine = match self.engine() {
            Ok(engine) => engine,
            Err(error) => return Ending::failed(Phase::Pull, &error, &mut report.log, began),
        };
        let found = match self.bases {
            Bases::Refresh => Ok(None),
            Bases::Keep => engine.find_id(base).await,
        };
        match found {
            Ok(Some(id)) => Ending::done(Phase::Pull, id, began),
            Ok(None) => self.pull(engine, (base, base), report).await,
            Err(error) => Ending::failed(Phase::Pull, &error, &mut report.log, began),
        }
    }

    /// Pulls a published parent by its digest and gives it its label.
    pub(super) async fn pull_parent(
        &self,
        label: &Reference,
        digest: &Digest,
        report: &mut Report<'_>,
    ) -> Ending {
        let began = Instant::now();
        let engine = match self.engine() {
            Ok(engine) => engine,
            Err(error) => return Ending::failed(Phase::Pull, &error, &mut report.log, began),
        };
        let what = label.with_digest(digest.clone());
        let ending = self.pull(engine, (label, &what), report).await;
        let Some(id) = &ending.id else {
            return ending;
        };
        if let Err(error) = engine.tag(id, label).await {
            return Ending::failed(Phase::Pull, &error, &mut report.log, began);
        }
        // What the shelf has under this label is another one than was published.
        match self.shelf.remove(label) {
            Ok(_) => ending,
            Err(error) => {
                let error = MakeError::from(BringError::from(error));
                Ending::failed(Phase::Pull, &error, &mut report.log, began)
            }
        }
    }

    async fn pull(
        &self,
        engine: &Engine,
        (image, what): (&Reference, &Reference),
        report: &mut Report<'_>,
    ) -> Ending {
        let began = Instant::now();
        (report.tell)(Event::Started {
            image: image.clone(),
            phase: Phase::Pull,
        });
        report.log.begin(&format!("pull {what}"));
        let login = match self.login_for(image).await {
            Ok(login) => login,
            Err(error) => {
                let error = MakeError::from(error);
                return Ending::failed(Phase::Pull, &error, &mut report.log, began);
            }
        };
        let mut patience = Patience::default();
        let pulled = loop {
            let left = report.limit.left();
            let pulling = engine.pull(what, login.as_ref(), |line| report.log.line(&line));
            let in_time = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Ending::interrupted(Phase::Pull, began),
                pulled = tokio::time::timeout(left, pulling) => pulled,
            };
            // An engine that says something now and then is not silent, and need not come to an end.
            let Ok(pulled) = in_time else {
                let (what, allowed) = ("pull", report.limit.allowed());
                let late = MakeError::Late { what, allowed };
                return Ending::failed(Phase::Pull, &late, &mut report.log, began);
            };
            let Err(error) = pulled else {
                break pulled;
            };
            let again = self.wait_to_pull(image, error, (&mut patience, report));
            if let Err(error) = again.await {
                break Err(error);
            }
        };
        let found = match pulled {
            Ok(()) => engine.find_id(what).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(id)) => Ending::done(Phase::Pull, id, began),
            Ok(None) => Ending::failed(
                Phase::Pull,
                &MakeError::Lost(what.clone()),
                &mut report.log,
                began,
            ),
            Err(error) => {
                let error = self.explain(engine, what, error).await;
                Ending::failed(Phase::Pull, &error, &mut report.log, began)
            }
        }
    }

    async fn explain(&self, engine: &Engine, what: &Reference, error: EngineError) -> PullError {
        let instead = self.find_instead(engine, what, &error).await;
        PullError { error, instead }
    }

    /// Finds what would do instead of an image that cannot be reached.
    async fn find_instead(
        &self,
        engine: &Engine,
        what: &Reference,
        error: &EngineError,
    ) -> Instead {
        let is_refresh = self.bases == Bases::Refresh && what.digest().is_none();
        if !is_refresh || !error.may_pass() {
            return Instead::Nothing;
        }
        match engine.find_id(what).await {
            Ok(Some(_)) => Instead::OnEngine,
            _ => Instead::Nothing,
        }
    }
}

/// A pull that failed, told behind the name of the image: what was asked of the engine is said there.
#[derive(Debug)]
struct PullError {
    error: EngineError,
    instead: Instead,
}

/// What would do instead of an image that cannot be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead {
    /// There is nothing.
    Nothing,
    /// The one that the engine has.
    OnEngine,
}

impl std::fmt::Display for PullError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.error {
            EngineError::Refused { message, .. } => f.write_str(message)?,
            error => error.fmt(f)?,
        }
        match self.instead {
            Instead::Nothing => Ok(()),
            Instead::OnEngine => f.write_str("; the engine has this image: `--no-pull` takes it"),
        }
    }
}

impl std::error::Error for PullError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl From<&PullError> for Fault {
    fn from(error: &PullError) -> Self {
        (&error.error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::cause;

    #[test]
    fn what_was_asked_of_the_engine_is_not_said_again() {
        let refused = EngineError::Refused {
            action: "pull r.example.org/a:1".to_owned(),
            status: 404,
            message: "manifest unknown".to_owned(),
        };
        let refused = PullError {
            error: refused,
            instead: Instead::Nothing,
        };
        assert_eq!(cause(&refused), "manifest unknown");
        assert_eq!(Fault::from(&refused), Fault::Work);
        let silent = EngineError::Silent {
            action: "pull r.example.org/a:1".to_owned(),
            deadline: std::time::Duration::from_secs(5),
        };
        let silent = PullError {
            error: silent,
            instead: Instead::OnEngine,
        };
        assert_eq!(
            cause(&silent),
            "the engine did not pull r.example.org/a:1 within 5s; the engine has this image: `--no-pull` takes it"
        );
        assert_eq!(Fault::from(&silent), Fault::Environment);
    }
}
