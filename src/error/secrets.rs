//! Secrets that builds would lack, each with the way to give it.
//!
//! ```text
//! error: a step needs the secret `npm`, which the settings do not give to this image
//!   --> images/web/Dockerfile.template:4
//! hint: name where its value is: `secrets: {npm: {env: VARIABLE}}`
//! ```

use super::diagnose::at;
use super::{Diagnostic, Severity};
use crate::build::{SecretError, SecretErrors};
use crate::host::cause;

pub(super) fn of_secrets(errors: &SecretErrors) -> Vec<Diagnostic> {
    errors.0.iter().map(of_secret).collect()
}

fn of_secret(error: &SecretError) -> Diagnostic {
    let diagnostic = at(Severity::Error, error.to_string(), [error.place()]);
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
        SecretError::TooLarge { .. } | SecretError::Pattern { .. } => diagnostic,
    }
}
