//! Fetching what builds are based on: outside base images, and parents that are published and not here.

use std::time::Instant;

use super::again::Patience;
use super::image::MakeError;
use super::run::{Bases, Ending, Report, Run};
use super::{Event, Fault, Phase};
use crate::engine::EngineError;
use crate::oci::{Digest, Reference};

impl Run<'_> {
    /// Pulls a base image, or finds the one that the engine has, and gives its identity.
    pub(super) async fn refresh_base(&self, base: &Reference, report: &mut Report<'_>) -> Ending {
        let began = Instant::now();
        let found = match self.bases {
            Bases::Refresh => Ok(None),
            Bases::Keep => self.engine.find_id(base).await,
        };
        match found {
            Ok(Some(id)) => Ending::done(Phase::Pull, id, began),
            Ok(None) => self.pull(base, base, report).await,
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
        let ending = self
            .pull(label, &label.with_digest(digest.clone()), report)
            .await;
        if let Some(id) = &ending.id
            && let Err(error) = self.engine.tag(id, label).await
        {
            return Ending::failed(Phase::Pull, &error, &mut report.log, began);
        }
        ending
    }

    async fn pull(&self, image: &Reference, what: &Reference, report: &mut Report<'_>) -> Ending {
        let began = Instant::now();
        (report.tell)(Event::Started {
            image: image.clone(),
            phase: Phase::Pull,
        });
        report.log.heading(&format!("pull {what}"));
        let login = match self.login_for(image).await {
            Ok(login) => login,
            Err(error) => {
                return Ending::failed(
                    Phase::Pull,
                    &MakeError::from(error),
                    &mut report.log,
                    began,
                );
            }
        };
        let mut patience = Patience::default();
        let pulled = loop {
            let pulled = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Ending::interrupted(Phase::Pull, began),
                pulled = self.engine.pull(what, login.as_ref(), |line| report.log.line(&line)) => pulled,
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
            Ok(()) => self.engine.find_id(what).await,
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
            Err(error) => Ending::failed(Phase::Pull, &PullError(error), &mut report.log, began),
        }
    }
}

/// A pull that failed, told behind the name of the image: what was asked of the engine is said there.
#[derive(Debug)]
struct PullError(EngineError);

impl std::fmt::Display for PullError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            EngineError::Refused { message, .. } => f.write_str(message),
            error => error.fmt(f),
        }
    }
}

impl std::error::Error for PullError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<&PullError> for Fault {
    fn from(PullError(error): &PullError) -> Self {
        error.into()
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
        let refused = PullError(refused);
        assert_eq!(cause(&refused), "manifest unknown");
        assert_eq!(Fault::from(&refused), Fault::Work);
        let silent = EngineError::Silent {
            action: "pull r.example.org/a:1".to_owned(),
            deadline: std::time::Duration::from_secs(5),
        };
        let silent = PullError(silent);
        assert_eq!(
            cause(&silent),
            "the engine did not pull r.example.org/a:1 within 5s"
        );
        assert_eq!(Fault::from(&silent), Fault::Environment);
    }
}
