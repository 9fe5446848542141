//! Whose fault an error is.

use super::Fault;
use super::image::MakeError;
use super::shelved::BringError;
use crate::assemble::{ApkFault, AssembleError, DebianFault, PinFault};
use crate::engine::{BuildFault, EngineError, tells_of_full_disk};
use crate::host::ProcessError;
use crate::host::ScratchError;
use crate::host::fs::FileError;
use crate::locking::{HeldError, MirrorsFault};
use crate::verify::VerifyError;

impl From<&EngineError> for Fault {
    /// What an engine refuses is wrong with what it was asked for, unless it tells of the way to a registry; all else is the
    /// engine's own trouble.
    fn from(error: &EngineError) -> Self {
        match error {
            EngineError::Refused { .. } if !error.may_pass() && !error.is_full_disk() => Self::Work,
            _ => Self::Environment,
        }
    }
}

impl From<&FileError> for Fault {
    fn from(error: &FileError) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
                Self::Environment
            }
            _ => Self::Work,
        }
    }
}

impl From<&ProcessError> for Fault {
    fn from(error: &ProcessError) -> Self {
        match error {
            ProcessError::NotFound { .. } => Self::Environment,
            _ => Self::Work,
        }
    }
}

impl From<&VerifyError> for Fault {
    fn from(error: &VerifyError) -> Self {
        match error {
            VerifyError::Command(error) => error.into(),
            VerifyError::Engine(error) => error.into(),
            VerifyError::File(error) => error.into(),
            VerifyError::Unpack(_)
            | VerifyError::Thread(_)
            | VerifyError::NeedsEngine
            | VerifyError::NeedsMachine => Self::Environment,
            VerifyError::Test { .. }
            | VerifyError::NotExecutable { .. }
            | VerifyError::Unreadable(_)
            | VerifyError::Archive(_)
            | VerifyError::Structure { .. }
            | VerifyError::NoTests
            | VerifyError::Late(_)
            | VerifyError::Interrupted => Self::Work,
        }
    }
}

impl From<&BringError> for Fault {
    fn from(error: &BringError) -> Self {
        match error {
            BringError::Engine(error) => error.into(),
            BringError::Lost(_) | BringError::Moved(_) | BringError::OtherMachines { .. } => {
                Self::Work
            }
            BringError::Shelf(_)
            | BringError::File(_)
            | BringError::Unpack { .. }
            | BringError::Archive(_) => Self::Environment,
        }
    }
}

impl From<&DebianFault> for Fault {
    fn from(fault: &DebianFault) -> Self {
        match fault {
            DebianFault::Mirror(_)
            | DebianFault::Fetch(_)
            | DebianFault::Scratch(ScratchError::Write { .. }) => Self::Environment,
            DebianFault::Pinned { faults, .. } if !faults.iter().any(PinFault::is_of_lock) => {
                Self::Environment
            }
            DebianFault::Of { fault, .. } => fault.as_ref().into(),
            _ => Self::Work,
        }
    }
}

impl From<&MakeError> for Fault {
    fn from(error: &MakeError) -> Self {
        match error {
            MakeError::Build(BuildFault::Step(text)) if tells_of_full_disk(text) => {
                Self::Environment
            }
            MakeError::Engine(error) | MakeError::Build(BuildFault::Engine(error)) => error.into(),
            MakeError::Bring(error) => error.into(),
            MakeError::File(error) | MakeError::Assemble(AssembleError::File(error)) => {
                error.into()
            }
            MakeError::Assemble(AssembleError::Program(error)) => error.into(),
            MakeError::Verify(error) => error.into(),
            MakeError::Assemble(AssembleError::Debian(fault)) => fault.as_ref().into(),
            MakeError::Assemble(AssembleError::Apk(fault)) => match fault.as_ref() {
                ApkFault::Mirror(_)
                | ApkFault::Location(_)
                | ApkFault::Scratch(ScratchError::Write { .. }) => Self::Environment,
                _ => Self::Work,
            },
            MakeError::Lock(HeldError::Unmade(why)) if why.is_environments() => Self::Environment,
            MakeError::Mirrors(MirrorsFault::Unknown(_) | MirrorsFault::UnknownSecurity(_))
            | MakeError::NoEngine
            | MakeError::Mirror(_)
            | MakeError::Client(_)
            | MakeError::Credentials(_)
            | MakeError::Passing(_)
            | MakeError::Late { .. } => Self::Environment,
            _ => Self::Work,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_does_not_answer_is_told_from_one_that_says_no() {
        let refused = |status, message: &str| {
            let (action, message) = ("pull a:1".to_owned(), message.to_owned());
            Fault::from(&EngineError::Refused {
                action,
                status,
                message,
            })
        };
        let unreachable =
            "Get \"https://r/v2/\": dial tcp 192.0.2.1:443: connect: connection refused";
        assert_eq!(refused(500, unreachable), Fault::Environment);
        assert_eq!(refused(200, unreachable), Fault::Environment);
        for words in [
            "lookup r.example.org on 192.0.2.53:53: no such host",
            "lookup r.example.org on 192.0.2.53:53: server misbehaving",
            "lookup r.example.org: Temporary failure in name resolution",
            "connect: network is unreachable",
            "connect: no route to host",
        ] {
            let message = format!("Get \"https://r.example.org/v2/\": dial tcp: {words}");
            assert_eq!(refused(500, &message), Fault::Environment, "{words}");
        }
        let denied = "Get \"https://r/v2/a/manifests/1\": no basic auth credentials";
        assert_eq!(refused(500, denied), Fault::Work);
        assert_eq!(refused(404, "manifest unknown"), Fault::Work);
        let full = "write /var/lib/docker/tmp/a: no space left on device";
        assert_eq!(refused(200, full), Fault::Environment);
    }

    #[test]
    fn a_missing_program_and_mirror_are_the_machines_fault() {
        let program = "mmdebstrap".to_owned();
        let missing = MakeError::from(AssembleError::from(ProcessError::NotFound { program }));
        assert_eq!(Fault::from(&missing), Fault::Environment);
        for fault in [MirrorsFault::Unknown, MirrorsFault::UnknownSecurity] {
            let none = MakeError::from(fault("bookworm".to_owned()));
            assert_eq!(Fault::from(&none), Fault::Environment);
        }
        let step = MakeError::from(BuildFault::Step("`make` ended with exit code 2".to_owned()));
        assert_eq!(Fault::from(&step), Fault::Work);
    }
}
