//! What is read of files while images are built: beside the one task that drives all builds, which must not wait for a disk.
//!
//! What an image is made from is taken down when the run begins, and once more when its turn comes: files that somebody
//! changes meanwhile belong to another version than the one that was planned.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::again::Limit;
use super::image::MakeError;
use super::run::{Report, Run};
use crate::catalog::ImageId;
use crate::observe::{Snapshot, Sources};
use crate::plan::{Inputs, Plan, describe_changes};
use crate::verify::{Test, find_test};

/// What images were made from when the run began, as far as that was read.
#[derive(Debug, Default)]
pub struct Beginning(RefCell<BTreeMap<ImageId, Inputs>>);

impl Beginning {
    /// Compares what there is now with the beginning; what was not read then counts from now on.
    fn compare(&self, image: ImageId, now: &Inputs) -> Result<(), MakeError> {
        let mut begun = self.0.borrow_mut();
        let changes = match begun.entry(image) {
            Entry::Vacant(first) => {
                first.insert(now.clone());
                return Ok(());
            }
            Entry::Occupied(first) => now.changes_since(first.get()),
        };
        if changes.is_empty() {
            return Ok(());
        }
        Err(MakeError::Changed(describe_changes(&changes)))
    }
}

impl Run<'_> {
    /// Takes down what the images of a plan are made from, one by one while the first ones are built.
    pub(super) async fn take_beginning(&self, plan: &Plan) {
        for image in plan.builds() {
            if self.cancelled.is_cancelled() {
                return;
            }
            let sources = self.inventory.find_sources(image);
            let taken = tokio::task::spawn_blocking(move || sources.take()).await;
            // What cannot be read is told when its turn comes.
            if let Ok(Ok(snapshot)) = taken {
                let mut begun = self.beginning.0.borrow_mut();
                begun.entry(image).or_insert(snapshot.inputs);
            }
        }
    }

    /// Takes down what an image is made from now; it has to be the same as when the run began.
    pub(super) async fn take(
        &self,
        image: ImageId,
        limit: Limit,
    ) -> Result<(Arc<Sources>, Snapshot), MakeError> {
        let sources = Arc::new(self.inventory.find_sources(image));
        let own = Arc::clone(&sources);
        let snapshot = self.read_aside(limit, move || own.take()).await??;
        self.beginning.compare(image, &snapshot.inputs)?;
        Ok((sources, snapshot))
    }

    /// Finds the tests of an image.
    pub(super) async fn find_test(
        &self,
        image: ImageId,
        report: &Report<'_>,
    ) -> Result<Option<Test>, MakeError> {
        let described = self.loaded.catalog.image(image);
        let (directory, label) = (described.directory.clone(), described.label.clone());
        let command = self.settings.verify.clone();
        let find = move || find_test(&command, &directory, &label);
        Ok(self.read_aside(report.limit, find).await??)
    }

    /// Reads within the time of an image, until the run is to end.
    async fn read_aside<T: Send + 'static>(
        &self,
        limit: Limit,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, MakeError> {
        let reading = tokio::task::spawn_blocking(read);
        let (what, allowed) = ("reading of its files", limit.allowed());
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(MakeError::Interrupted),
            in_time = tokio::time::timeout(limit.left(), reading) => {
                let read = in_time.map_err(|_| MakeError::Late { what, allowed })?;
                read.map_err(|broken| match broken.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The program is at its end.
                    Err(_) => MakeError::Interrupted,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    #[test]
    fn what_changed_since_the_run_began_is_named() {
        let beginning = Beginning::default();
        let inputs = |text: &[u8]| Inputs::new([("conf", Digest::of(text))]);
        let compare = |text: &[u8]| {
            let compared = beginning.compare(ImageId(0), &inputs(text));
            compared.map_err(|error| error.to_string())
        };
        assert_eq!(compare(b"a"), Ok(()));
        assert_eq!(compare(b"a"), Ok(()));
        let told = "`conf` changed since the run began: run again";
        assert_eq!(compare(b"b"), Err(told.to_owned()));
    }
}
