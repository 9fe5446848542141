//! What is told of an export that failed.

use super::Kind;
use crate::export::ExportError;
use crate::host::ScratchError;
use crate::unpack::{OpenTarError, UnpackError};

/// Tells whose trouble it is: what the engine gives and what the disk takes are the machine's.
pub(super) fn kind_of_export(error: &ExportError) -> Kind {
    match error {
        ExportError::Unpack(_)
        | ExportError::NotRoot
        | ExportError::Write { .. }
        | ExportError::Scratch(_) => Kind::Environment,
        ExportError::OpenOverlay(OpenTarError::Decompress { source, .. }) if is_of_disk(source) => {
            Kind::Environment
        }
        ExportError::File(file) if !file.is_of_reading() => Kind::Environment,
        ExportError::File(_)
        | ExportError::Exists(_)
        | ExportError::Kind { .. }
        | ExportError::OpenOverlay(_)
        | ExportError::Overlay { .. }
        | ExportError::Apply { .. }
        | ExportError::Whole(_)
        | ExportError::User { .. }
        | ExportError::NoCommand
        | ExportError::NoDocument(_)
        | ExportError::Platform { .. }
        | ExportError::Several
        | ExportError::Resolve(_)
        | ExportError::Interrupted => Kind::Work,
    }
}

fn is_of_disk(error: &ScratchError) -> bool {
    matches!(error, ScratchError::Write { .. })
}

fn find_scratch(error: &ExportError) -> Option<&ScratchError> {
    match error {
        ExportError::Scratch(source)
        | ExportError::OpenOverlay(OpenTarError::Decompress { source, .. })
        | ExportError::Unpack(
            UnpackError::Decompress { source, .. }
            | UnpackError::Open(OpenTarError::Decompress { source, .. }),
        ) => Some(source),
        _ => None,
    }
}

/// Says what can be done about it.
pub(super) fn hint_of_export(error: &ExportError) -> Option<&'static str> {
    if find_scratch(error).is_some_and(is_of_disk) {
        return Some("name a directory with room for the image: `TMPDIR=DIRECTORY pkg export …`");
    }
    match error {
        ExportError::Kind { .. } => Some("name a file, a pipe, or `-` for stdout"),
        ExportError::Exists(_) => Some("name another place, or remove what is there"),
        ExportError::NotRoot => {
            Some("run as root, or write a tar, which keeps the owners: `--output NAME.tar`")
        }
        ExportError::User { .. } => {
            Some("write a user and a group by their numbers: `USER 900:900`")
        }
        ExportError::NoDocument(_) => {
            Some("images of an `image.yaml` have one when `pkg` has made them here")
        }
        ExportError::NoCommand => Some("set `ENTRYPOINT` or `CMD` in its recipe"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_broken_overlay_is_the_users_and_a_full_disk_the_machines() {
        let overlay = |source| {
            ExportError::from(OpenTarError::Decompress {
                path: "site.tgz".into(),
                source,
            })
        };
        let broken = overlay(ScratchError::Read(io::ErrorKind::UnexpectedEof.into()));
        assert_eq!(kind_of_export(&broken), Kind::Work);
        assert_eq!(hint_of_export(&broken), None);
        let full = || ScratchError::Write {
            directory: "/tmp".into(),
            source: io::ErrorKind::StorageFull.into(),
        };
        let layer = UnpackError::Decompress {
            number: 1,
            source: full(),
        };
        for error in [overlay(full()), full().into(), ExportError::from(layer)] {
            assert_eq!(kind_of_export(&error), Kind::Environment);
            let hint = hint_of_export(&error).unwrap_or_default();
            assert!(hint.contains("TMPDIR"), "{hint}");
        }
    }
}
