//! What a newly made lock means for the one that is there.

use super::standing::{Standing, State};
use crate::declared::ImageFile;
use crate::host::Change;
use crate::lock::{Difference, Lock, Move, list_differences, list_moves};

/// A newly made lock beside the one that is there.
#[derive(Debug)]
pub struct Fitting {
    /// What is there.
    pub standing: Standing,
    /// How many packages are locked now.
    pub count: usize,
    /// What moved; nothing where there was no lock that could be read.
    pub moves: Vec<Move>,
    /// What else differs, where there was one.
    pub differences: Vec<Difference>,
    /// What is to be written; nothing where the lock that is there says the same.
    pub change: Option<Change>,
}

impl Fitting {
    /// Compares; a lock is to be written only where it says something else than the one that is there.
    pub fn new(
        standing: Standing,
        mut new: Lock,
        file: &ImageFile,
    ) -> Result<Self, serde_json::Error> {
        let old = standing.state.lock();
        if let Some(old) = old {
            new.take_over(old, file);
        }
        let is_needed = match &standing.state {
            State::Fresh(old) => !new.is_as_good_as(old),
            State::Missing | State::Unreadable(_) | State::Stale(..) => true,
        };
        let change = if is_needed {
            Some(Change {
                path: standing.path.clone(),
                old: standing.text.clone(),
                new: new.render()?,
            })
        } else {
            None
        };
        Ok(Self {
            moves: old.map(|old| list_moves(old, &new)).unwrap_or_default(),
            differences: old
                .map(|old| list_differences(old, &new))
                .unwrap_or_default(),
            count: new.len(),
            change,
            standing,
        })
    }
}
