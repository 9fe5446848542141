//! What is told of an export that failed.

use super::Kind;
use crate::export::ExportError;

/// Tells whose trouble it is: what the engine gives and what the disk takes are the machine's.
pub(super) fn kind_of_export(error: &ExportError) -> Kind {
    match error {
        ExportError::Unpack(_) | ExportError::NotRoot | ExportError::Write { .. } => {
            Kind::Environment
        }
        ExportError::File(file) if !file.is_of_reading() => Kind::Environment,
        ExportError::File(_)
        | ExportError::Exists(_)
        | ExportError::Overlay { .. }
        | ExportError::Apply { .. }
        | ExportError::Whole(_)
        | ExportError::User { .. }
        | ExportError::NoCommand
        | ExportError::Resolve(_)
        | ExportError::Interrupted => Kind::Work,
    }
}

/// Says what can be done about it.
pub(super) fn hint_of_export(error: &ExportError) -> Option<&'static str> {
    match error {
        ExportError::Exists(_) => Some("name another place, or remove what is there"),
        ExportError::NotRoot => {
            Some("run as root, or write a tar, which keeps the owners: `--output NAME.tar`")
        }
        ExportError::User { .. } => {
            Some("write a user and a group by their numbers: `USER 900:900`")
        }
        ExportError::NoCommand => Some("set `ENTRYPOINT` or `CMD` in its recipe"),
        _ => None,
    }
}
