//! What takes a context: the tar stream for an engine, or the list of its digests.

use std::path::Path;

use super::error::ContextError;

/// What a header says besides name and size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    /// Permissions with setuid, setgid and sticky bits.
    pub(super) mode: u32,
    /// Whole seconds since 1970.
    pub(super) modified: u64,
}

/// Takes what goes into a context, in the order of names, without the rendered Dockerfile.
pub(super) trait Receive {
    /// Takes a directory.
    fn directory(&mut self, name: &[u8], attributes: Attributes) -> Result<(), ContextError>;

    /// Takes a file of so many bytes.
    fn file(
        &mut self,
        name: &[u8],
        path: &Path,
        size: u64,
        attributes: Attributes,
    ) -> Result<(), ContextError>;
}
