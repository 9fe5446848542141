//! How many images are worked on at once. Who waits for a mirror lets others work meanwhile.

use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// So many wait at once without a place of their own; each keeps its log open.
const MOST_LENT: usize = 16;

/// The places of a run.
#[derive(Debug)]
pub(super) struct Slots {
    free: Semaphore,
    lendable: Semaphore,
    lent: Notify,
}

/// The place of one piece of work.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    permit: Option<SemaphorePermit<'a>>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            free: Semaphore::new(count),
            lendable: Semaphore::new(MOST_LENT),
            lent: Notify::new(),
        }
    }

    /// Gives a place, where one is free and nobody waits for it.
    pub(super) fn find_free(&self) -> Option<Slot<'_>> {
        let permit = self.free.try_acquire().ok()?;
        Some(Slot {
            slots: self,
            permit: Some(permit),
        })
    }

    /// Waits until a place was lent.
    pub(super) async fn lent(&self) {
        self.lent.notified().await;
    }
}

impl Slot<'_> {
    /// Lends the place to others during a wait, and waits on until one is free again; tells how long that took besides.
    pub(super) async fn lend_during(&mut self, wait: impl Future<Output = ()>) -> Duration {
        let Ok(_lent) = self.slots.lendable.try_acquire() else {
            wait.await;
            return Duration::ZERO;
        };
        self.permit = None;
        self.slots.lent.notify_one();
        wait.await;
        let began = Instant::now();
        // Nobody closes the places of a run.
        self.permit = self.slots.free.acquire().await.ok();
        began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_place_is_lent_while_its_owner_waits_and_comes_back_to_it_first() {
        let slots = Slots::new(1);
        let said = RefCell::new(Vec::new());
        let mut first = slots.find_free().expect("a place");
        assert!(slots.find_free().is_none());
        let owner = async {
            first
                .lend_during(tokio::time::sleep(Duration::from_secs(10)))
                .await;
            said.borrow_mut().push("owner");
            assert!(slots.find_free().is_none());
        };
        let other = async {
            slots.lent().await;
            let other = slots.find_free().expect("the place is lent");
            tokio::time::sleep(Duration::from_secs(20)).await;
            said.borrow_mut().push("other");
            drop(other);
            assert!(slots.find_free().is_none(), "the owner is waiting for it");
        };
        tokio::join!(owner, other);
        assert_eq!(said.into_inner(), ["other", "owner"]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_some_wait_without_a_place() {
        let slots = Slots::new(MOST_LENT + 1);
        let mut waiting = Vec::new();
        while let Some(slot) = slots.find_free() {
            waiting.push(slot);
        }
        let waits = waiting
            .iter_mut()
            .map(|slot| slot.lend_during(tokio::time::sleep(Duration::from_secs(10))));
        let all = futures_util::future::join_all(waits);
        let count = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut free = Vec::new();
            while let Some(slot) = slots.find_free() {
                free.push(slot);
            }
            assert_eq!(free.len(), MOST_LENT);
        };
        tokio::join!(all, count);
    }
}
