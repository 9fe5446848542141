//! Why an image did not pass its tests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::EngineError;
use crate::host::ProcessError;
use crate::host::fs::FileError;
use crate::structure::StructureErrors;
use crate::unpack::UnpackError;

/// A test that failed, or that could not be run.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The command failed, or could not run.
    #[error(transparent)]
    Command(#[from] ProcessError),
    /// The test file said no: the command, mostly a shell, only hands its exit code on.
    #[error("its test {} ended with exit code {code}", file.display())]
    Test {
        /// The file.
        file: PathBuf,
        /// The exit code.
        code: i32,
    },
    /// The test file could not be run.
    #[error(
        "its test {} ended with exit code {code}, as it is not executable: `chmod +x {}`",
        file.display(), quote(file)
    )]
    NotExecutable {
        /// The file.
        file: PathBuf,
        /// The exit code.
        code: i32,
    },
    /// Structure tests that cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StructureErrors),
    /// Structure tests that failed.
    #[error("{failed} of {total} structure tests failed")]
    Structure {
        /// How many.
        failed: usize,
        /// Of how many that were run.
        total: usize,
    },
    /// Structure tests of which none was run.
    #[error("no structure test was run")]
    NoTests,
    /// The engine, in which the tests are run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The files of the image.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The files of a layout or an archive that the user named.
    #[error(transparent)]
    Archive(UnpackError),
    /// A file of the tests, or a temporary one.
    #[error(transparent)]
    File(#[from] FileError),
    /// This program could not do its part.
    #[error("the structure tests could not be run")]
    Thread(#[from] std::io::Error),
    /// Commands among the tests need an engine.
    #[error("its tests need an engine, and none answers")]
    NeedsEngine,
    /// Commands among the tests need an engine of one of its kinds of machines.
    #[error(
        "its tests have commands, and it is not for the machine of the engine: name that architecture in `archs`, too"
    )]
    NeedsMachine,
    /// They took too long.
    #[error("its structure tests took longer than {}s (`verify_timeout`)", .0.as_secs())]
    Late(Duration),
    /// The user ended them.
    #[error("interrupted")]
    Interrupted,
}

impl VerifyError {
    /// Tells whether the user ended the tests.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        matches!(
            self,
            Self::Interrupted | Self::Command(ProcessError::Cancelled { .. })
        )
    }
}

/// Writes a path so that it can be pasted into a shell.
fn quote(path: &Path) -> String {
    let path = path.display().to_string();
    match shlex::try_quote(&path) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => path,
    }
}
