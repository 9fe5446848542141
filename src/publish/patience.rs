//! How long something is tried again.

use std::time::{Duration, Instant};

/// How long is waited first; it doubles with each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What is left of the patience with something that fails and may pass; it runs from the first failure.
#[derive(Debug)]
pub(super) struct Patience {
    budget: Duration,
    failed_since: Option<Instant>,
    wait: Duration,
}

impl Patience {
    pub(super) fn new(budget: Duration) -> Self {
        Self {
            budget,
            failed_since: None,
            wait: FIRST_WAIT,
        }
    }

    /// Counts a failure, and gives how long to wait before the next try while there is any patience left.
    pub(super) fn next_wait(&mut self) -> Option<Duration> {
        let since = *self.failed_since.get_or_insert_with(Instant::now);
        let wait = self.wait;
        self.wait *= 2;
        (since.elapsed() + wait < self.budget).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_as_long_as_they_fit() {
        let mut patience = Patience::new(Duration::from_secs(7));
        let waits = [(); 4].map(|()| patience.next_wait());
        assert_eq!(
            waits,
            [Some(1), Some(2), Some(4), None].map(|it| it.map(Duration::from_secs))
        );
    }
}
