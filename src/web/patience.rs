//! How long is waited for what, and how often something is asked again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The times of a client.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The most that connecting may take: 10 seconds.
    pub connect: Duration,
    /// The most that one request may take, with its whole answer, or a part of a large one: 30 seconds.
    pub request: Duration,
    /// The most that a credential helper may take: 30 seconds.
    pub credentials: Duration,
    /// How long something is asked again after it failed the first time: two minutes.
    pub patience: Duration,
    /// The longest wait after the first failure; it doubles with each one: half a second.
    pub first_wait: Duration,
    /// The longest wait after any failure that came without a time from the server: 20 seconds.
    pub longest_wait: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(30),
            credentials: Duration::from_secs(30),
            patience: Duration::from_secs(120),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
        }
    }
}

impl Pace {
    /// The least that one request may take, however little patience there is.
    const LEAST_REQUEST: Duration = Duration::from_secs(5);

    /// Gives the usual times with another patience; one request alone takes no longer than that.
    #[must_use]
    pub fn within(patience: Duration) -> Self {
        let usual = Self::default();
        Self {
            patience,
            request: usual.request.min(patience.max(Self::LEAST_REQUEST)),
            ..usual
        }
    }
}

/// What is left of the patience for one question; it starts to shrink with the first trouble.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    budget: Duration,
    first_wait: Duration,
    longest_wait: Duration,
    since: Option<Instant>,
    failures: u32,
}

impl Patience {
    pub(crate) fn new(pace: &Pace) -> Self {
        Self {
            budget: pace.patience,
            first_wait: pace.first_wait,
            longest_wait: pace.longest_wait,
            since: None,
            failures: 0,
        }
    }

    /// Gives the patience of who does not ask again.
    pub(crate) fn none() -> Self {
        Self::new(&Pace {
            patience: Duration::ZERO,
            ..Pace::default()
        })
    }

    /// Gives how many times something failed.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and gives how long to wait before the next try, or nothing when the patience is over.
    ///
    /// `asked_for` is the server's own word, which is kept to; without one the wait is random up to a bound that doubles
    /// ("full jitter"), so that requests which failed together do not come back together.
    pub(crate) fn next_wait(&mut self, asked_for: Option<Duration>) -> Option<Duration> {
        self.wait_with(asked_for, random_fraction())
    }

    fn wait_with(&mut self, asked_for: Option<Duration>, fraction: f64) -> Option<Duration> {
        let doubled = 2_u32.saturating_pow(self.failures);
        let bound = self.first_wait.saturating_mul(doubled);
        self.failures += 1;
        let wait = match asked_for {
            Some(wait) => wait.saturating_add(self.first_wait.mul_f64(fraction)),
            None => bound.min(self.longest_wait).mul_f64(fraction),
        };
        self.allows(wait).then_some(wait)
    }

    /// Forgets the failures before `good`, at which the host answered somebody else: who is told to wait while others are
    /// served is in a queue, and the queue moves.
    pub(crate) fn begin_anew_at(&mut self, good: Option<Instant>) {
        self.since = self
            .since
            .map(|since| good.map_or(since, |good| since.max(good)));
    }

    /// Tells whether a wait fits into what is left; the clock runs from here.
    pub(crate) fn allows(&mut self, wait: Duration) -> bool {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        wait < self.budget.saturating_sub(now - since)
    }
}

/// Gives a number from 0 to 1.
///
/// The standard library seeds each `RandomState` anew, which is random enough to keep requests apart.
pub(crate) fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    #[expect(clippy::cast_precision_loss, reason = "32 bits fit into an f64")]
    let fraction = bits as f64 / f64::from(u32::MAX);
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(budget_secs: u64) -> Patience {
        Patience::new(&Pace {
            patience: Duration::from_secs(budget_secs),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(5),
            ..Pace::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_the_longest_one() {
        let mut patience = patience(1000);
        let bounds: [_; 5] = std::array::from_fn(|_| patience.wait_with(None, 1.0));
        let expected = [1, 2, 4, 5, 5].map(|secs| Some(Duration::from_secs(secs)));
        assert_eq!(bounds, expected);
        assert_eq!(
            patience.wait_with(None, 0.5),
            Some(Duration::from_millis(2500))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_servers_word_is_kept_to_with_some_time_between_the_askers() {
        let mut patience = patience(1000);
        let word = Some(Duration::from_secs(60));
        assert_eq!(patience.wait_with(word, 0.0), word);
        assert_eq!(patience.wait_with(word, 1.0), Some(Duration::from_secs(61)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_runs_from_the_first_failure() {
        let mut patience = patience(10);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(patience.wait_with(None, 1.0), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(patience.wait_with(None, 1.0), None);
        assert_eq!(patience.failures(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_moves_costs_no_patience() {
        let mut patience = patience(10);
        assert!(patience.wait_with(None, 1.0).is_some());
        tokio::time::advance(Duration::from_secs(9)).await;
        let served = Instant::now();
        tokio::time::advance(Duration::from_secs(5)).await;
        let mut left_out = patience.clone();
        assert_eq!(left_out.wait_with(None, 0.0), None);
        patience.begin_anew_at(Some(served));
        assert_eq!(patience.wait_with(None, 1.0), Some(Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_time_that_a_server_names_overflows() {
        let mut patience = patience(10);
        assert_eq!(patience.wait_with(Some(Duration::MAX), 1.0), None);
    }

    #[test]
    fn fractions_differ_and_stay_in_bounds() {
        let fractions: Vec<_> = (0..100).map(|_| random_fraction()).collect();
        assert!(fractions.iter().all(|f| (0.0..=1.0).contains(f)));
        assert!(fractions.iter().any(|f| *f < 0.5));
        assert!(fractions.iter().any(|f| *f > 0.5));
    }
}
