//! What a try is made of, so that a failure is remembered for these inputs and no others.

use super::run::{Known, Run};
use crate::catalog::ImageId;
use crate::engine::render_parents;
use crate::oci::Digest;
use crate::verify::find_test;

impl Run<'_> {
    /// Gives the digest of all that an image is made from besides the images below it: its version, the inputs that its
    /// label records, its tests, and what the settings say of its build; nothing where a part cannot be read.
    ///
    /// The one place that decides what counts as the same try.
    pub(super) fn own_inputs(&self, image: ImageId) -> Option<Digest> {
        let described = self.loaded.catalog.image(image);
        let label = &described.label;
        let test = find_test(&self.settings.verify, &described.directory, label).ok()?;
        let settings = self.settings;
        // Who gives an image more time or another proxy wants to see what that does.
        let circumstances = (
            (
                &settings.container_limits,
                &settings.proxies,
                &settings.mirrors,
            ),
            (self.build_timeout(label), self.verify_timeout(label)),
        );
        let text = format!(
            "{label}\n{}\n{:?}\n{circumstances:?}",
            self.inventory.take(image).ok()?,
            test.map(|test| test.digest().clone()),
        );
        Some(Digest::of(text.as_bytes()))
    }

    /// Gives the digest of what an image is built on, as it was observed in this run.
    pub(super) fn inputs_below(&self, image: ImageId, known: &Known) -> Option<Digest> {
        let parents = self.parents(image, known).ok()?;
        Some(Digest::of(render_parents(&parents).as_bytes()))
    }
}
