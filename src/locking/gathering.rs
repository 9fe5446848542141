//! Faults while packages are chosen: what went wrong for several images is told once.

use std::collections::BTreeMap;

use super::fault::{Cause, LockingFault, LockingFaults};
use crate::catalog::ImageId;
use crate::scan::Loaded;

/// What could not be done for which images.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<String, (Vec<ImageId>, Option<Cause>)>);

impl Faults {
    pub(super) fn add(
        &mut self,
        images: impl IntoIterator<Item = ImageId>,
        cause: impl Into<Cause>,
    ) {
        let cause = cause.into();
        let (all, first) = self.0.entry(cause.to_string()).or_default();
        all.extend(images);
        first.get_or_insert(cause);
    }

    pub(super) fn finish(self, loaded: &Loaded) -> LockingFaults {
        let faults = self.0.into_values().filter_map(|(mut images, fault)| {
            images.sort_unstable();
            images.dedup();
            let images: Vec<_> = images.iter().map(|id| loaded.catalog.image(*id)).collect();
            Some(LockingFault {
                images: images.iter().map(|image| image.name.to_string()).collect(),
                declarations: images
                    .iter()
                    .map(|image| image.recipe_path().to_owned())
                    .collect(),
                fault: fault?,
            })
        });
        LockingFaults(faults.collect())
    }
}
