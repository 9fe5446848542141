//! Removes what was prepared, one tag after the other, and tells what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use tokio_util::sync::CancellationToken;

use super::{Fate, LocalTag, Place, Pruning, Why};
use crate::engine::{Engine, EngineError};
use crate::host::cause;
use crate::layout::Shelf;
use crate::oci::{Digest, Reference};

/// Where tags are removed.
#[derive(Clone, Copy, Debug)]
pub struct Homes<'a> {
    /// The engine, where one answers: without one nothing of it was prepared.
    pub engine: Option<&'a Engine>,
    /// The shelf.
    pub shelf: &'a Shelf,
}

/// What became of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The tag, as the engine lists it.
    pub tag: Reference,
    /// Where it is.
    pub place: Place,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was removed, and its image with it.
    Removed {
        /// What the layers of the image took, also those that other images share.
        size_bytes: u64,
    },
    /// It was removed, and its image stays.
    Untagged {
        /// The names under which the image stays in the end; without one the engine needs it for something else.
        stays_as: Vec<String>,
    },
    /// It was removed, and its image goes with a further tag that is removed behind it.
    UntaggedFirst,
    /// Somebody else had removed it.
    Gone,
    /// It stays.
    Kept(Why),
    /// It stays, because the engine needs it for what it says here.
    Refused(String),
    /// The engine could not remove it: what went wrong, on one line.
    Failed(String),
}

/// What a run did and did not do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Tags that went with their images.
    pub removed: usize,
    /// Tags whose images stay.
    pub untagged: usize,
    /// Tags that somebody else had removed.
    pub gone: usize,
    /// Tags that stay because something needs them.
    pub in_use: usize,
    /// Tags that the engine could not remove.
    pub failed: usize,
    /// Tags that were to go when the run ended.
    pub not_begun: usize,
    /// What the layers of the removed images took, also those that other images share.
    pub size_bytes: u64,
}

impl Done {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Removed { size_bytes } => {
                self.removed += 1;
                self.size_bytes += size_bytes;
            }
            Outcome::Untagged { .. } | Outcome::UntaggedFirst => self.untagged += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Kept(Why::InUse(_)) | Outcome::Refused(_) => self.in_use += 1,
            Outcome::Kept(Why::Current | Why::Latest | Why::BaseImage) => (),
            Outcome::Failed(_) => self.failed += 1,
        }
    }
}

/// Removes what goes, until the end, the first signal, or the first request to which the engine gives no answer.
pub async fn run(
    homes: Homes<'_>,
    pruning: &Pruning,
    cancelled: &CancellationToken,
    tell: &dyn Fn(&Event),
) -> Done {
    let mut done = Done::default();
    let mut names = Names::of(pruning);
    let mut has_gone = false;
    for tag in &pruning.tags {
        let outcome = match &tag.fate {
            Fate::Stays(why) => Outcome::Kept(why.clone()),
            Fate::Goes { .. } if has_gone || cancelled.is_cancelled() => {
                done.not_begun += 1;
                continue;
            }
            Fate::Goes { .. } => match remove(homes, tag, &mut names).await {
                ControlFlow::Continue(outcome) => outcome,
                ControlFlow::Break(outcome) => {
                    has_gone = true;
                    outcome
                }
            },
        };
        done.count(&outcome);
        tell(&Event {
            tag: tag.reference.clone(),
            place: tag.place,
            outcome,
        });
    }
    done
}

/// Removes one tag; breaks off where the engine does not answer, for then it does not remove the next one either.
async fn remove(
    homes: Homes<'_>,
    tag: &LocalTag,
    names: &mut Names,
) -> ControlFlow<Outcome, Outcome> {
    let removed = match (tag.place, homes.engine) {
        (Place::Shelf, _) => return ControlFlow::Continue(remove_shelved(homes.shelf, tag)),
        (Place::Engine, None) => return ControlFlow::Continue(Outcome::Gone),
        (Place::Engine, Some(engine)) => {
            let removed = engine.remove_tag(&tag.reference.to_string()).await;
            names.settle(tag, removed.is_ok());
            removed
        }
    };
    ControlFlow::Continue(match removed {
        Ok(None) => Outcome::Gone,
        Ok(Some(gone)) if gone.contains(&tag.id) => Outcome::Removed {
            size_bytes: tag.size_bytes,
        },
        Ok(Some(_)) => names.of_untagged(&tag.id),
        Err(error) => match error.find_conflict() {
            Some(words) => Outcome::Refused(words.to_owned()),
            None if matches!(
                error,
                EngineError::Refused { .. } | EngineError::Failing { .. }
            ) =>
            {
                Outcome::Failed(cause(&error))
            }
            None => return ControlFlow::Break(Outcome::Failed(cause(&error))),
        },
    })
}

fn remove_shelved(shelf: &Shelf, tag: &LocalTag) -> Outcome {
    match shelf.remove(&tag.reference) {
        Ok(true) => Outcome::Removed {
            size_bytes: tag.size_bytes,
        },
        Ok(false) => Outcome::Gone,
        Err(error) => Outcome::Failed(cause(&error)),
    }
}

/// The names of one image that loses some.
#[derive(Debug, Default)]
struct NamesOfImage {
    /// Those that stay in the end, as far as is known.
    staying: BTreeSet<String>,
    /// Those that are still to be removed.
    going: BTreeSet<String>,
}

/// The names of all images that lose some.
struct Names(BTreeMap<Digest, NamesOfImage>);

impl Names {
    fn of(pruning: &Pruning) -> Self {
        let mut names: BTreeMap<Digest, NamesOfImage> = BTreeMap::new();
        for tag in pruning.going().filter(|tag| tag.place == Place::Engine) {
            let of_image = names.entry(tag.id.clone()).or_default();
            of_image.going.insert(tag.reference.to_string());
            if let Fate::Goes { stays_as } = &tag.fate {
                of_image.staying.extend(stays_as.iter().cloned());
            }
        }
        Self(names)
    }

    /// Takes note of a tag that was removed or, after all, could not be.
    fn settle(&mut self, tag: &LocalTag, is_removed: bool) {
        if let Some(names) = self.0.get_mut(&tag.id)
            && let Some(name) = names.going.take(&tag.reference.to_string())
            && !is_removed
        {
            names.staying.insert(name);
        }
    }

    fn of_untagged(&self, id: &Digest) -> Outcome {
        let (staying, going) = match self.0.get(id) {
            Some(names) => (names.staying.iter().cloned().collect(), names.going.len()),
            None => (Vec::new(), 0),
        };
        if staying.is_empty() && going > 0 {
            Outcome::UntaggedFirst
        } else {
            Outcome::Untagged { stays_as: staying }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::catalog;

    fn tag(name: &str, stays_as: &[&str]) -> LocalTag {
        let stays_as = stays_as.iter().map(|&name| name.to_owned()).collect();
        LocalTag {
            image: catalog(&["a"]).find("a").expect("an image"),
            place: Place::Engine,
            reference: format!("a:{name}").parse().expect("a reference"),
            id: Digest::of(b"image"),
            size_bytes: 1,
            fate: Fate::Goes { stays_as },
        }
    }

    #[test]
    fn an_image_stays_only_as_what_stays_in_the_end() {
        let (first, latest) = (tag("6-1", &[]), tag("latest", &[]));
        let tags = vec![first.clone(), latest.clone()];
        let mut names = Names::of(&Pruning { tags });
        names.settle(&first, true);
        assert_eq!(names.of_untagged(&first.id), Outcome::UntaggedFirst);
        let refused = "a:latest".to_owned();
        names.settle(&latest, false);
        let stays_as = vec![refused];
        assert_eq!(names.of_untagged(&first.id), Outcome::Untagged { stays_as });

        let (first, latest) = (tag("6-1", &["mine:1"]), tag("latest", &["mine:1"]));
        let tags = vec![first.clone(), latest];
        let mut names = Names::of(&Pruning { tags });
        names.settle(&first, true);
        let stays_as = vec!["mine:1".to_owned()];
        assert_eq!(names.of_untagged(&first.id), Outcome::Untagged { stays_as });
    }
}
