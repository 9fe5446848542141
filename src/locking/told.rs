//! What happens while packages are chosen, told as values.

use crate::catalog::ImageId;

/// One thing that happened to one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// Its packages are to be chosen.
    Began(ImageId),
    /// Something that it needs is there: `the index of bookworm is there`.
    Step(ImageId, &'a str),
    /// They are chosen.
    Done(ImageId),
}

/// Is told what happens.
pub type Tell<'a> = &'a (dyn Fn(Told<'_>) + Sync);
