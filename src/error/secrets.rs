//! Secrets that builds would lack, each with the way to give it.
//!
//! ```text
//! error: a step of `web` needs the secret `npm`, which the settings do not give to it
//!   --> images/web/Dockerfile.template:4
//! hint: name where its value is: `secrets: {npm: {env: VARIABLE}}`
//! ```

use super::diagnose::at;
use super::{Diagnostic, Severity};
use crate::build::{SecretDoubt, SecretError, SecretErrors};
use crate::host::cause;

pub(super) fn of_secrets(errors: &SecretErrors) -> Vec<Diagnostic> {
    let errors = errors.0.iter();
    errors
        .map(|error| of_secret(error, Severity::Error))
        .collect()
}

/// Tells who only plans what a build would lack here.
pub(crate) fn doubt_secrets(errors: &SecretErrors) -> Vec<Diagnostic> {
    let errors = errors.0.iter();
    errors
        .map(|error| of_secret(error, Severity::Warning))
        .collect()
}

impl From<&SecretDoubt> for Diagnostic {
    fn from(doubt: &SecretDoubt) -> Self {
        let diagnostic = at(Severity::Warning, doubt.to_string(), [doubt.place()]);
        match doubt {
            SecretDoubt::NotGiven { id, .. } => diagnostic.hint(format!(
                "name where its value is: `secrets: {{{id}: {{env: VARIABLE}}}}`"
            )),
            SecretDoubt::Short { .. } | SecretDoubt::Unmatched { .. } => diagnostic,
        }
    }
}

fn of_secret(error: &SecretError, severity: Severity) -> Diagnostic {
    let diagnostic = at(severity, error.to_string(), [error.place()]);
    match error {
        SecretError::NotGiven { id, .. } => diagnostic.hint(format!(
            "name where its value is: `secrets: {{{id}: {{env: VARIABLE}}}}`"
        )),
        SecretError::Unset { variable, .. } => diagnostic.hint(format!(
            "set {variable}, or leave out what mounts the secret with `--select`"
        )),
        SecretError::File { source, .. } => Diagnostic {
            causes: vec![cause(source.as_ref())],
            ..diagnostic
        },
        SecretError::Baked { .. } => diagnostic
            .hint("name where its value is with `secrets:`, and mount it where it is needed: `RUN --mount=type=secret,id=…`")
            .hint("if it is no secret, say so in the template: `{# audit: allow secret-in-history because … #}`"),
        SecretError::Written { id, .. } => diagnostic.hint(format!(
            "take it out, and mount the secret where it is needed: `RUN --mount=type=secret,id={id}`"
        )),
        SecretError::TooLarge { .. } | SecretError::Pattern { .. } => diagnostic,
    }
}
