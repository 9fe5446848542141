//! The order of work: an image is ready as soon as all that it waits for is done; of the ready ones that with the longest
//! chain behind it, by the times that the pieces are expected to take, goes first, because the chain is what the end of
//! the run waits for. A failure blocks everything behind it and nothing else.
//!
//! Pure: it is told what ended, and says what may start.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// What waits for it may start.
    Done,
    /// What waits for it can never start.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Ended,
    Blocked,
}

/// The work of a run, numbered from 0, and how far it is.
#[derive(Clone, Debug)]
pub struct Schedule {
    behind: Vec<Vec<usize>>,
    chain: Vec<u64>,
    waiting_for: Vec<usize>,
    states: Vec<State>,
    ready: BinaryHeap<(u64, Reverse<usize>)>,
}

impl Schedule {
    /// Makes the schedule of `before.len()` pieces of work that take alike; `before[i]` are those that `i` waits for, free
    /// of cycles.
    #[must_use]
    pub fn new(before: &[Vec<usize>]) -> Self {
        Self::weighted(before, &[])
    }

    /// Makes the schedule of pieces of work of which `weights[i]` says how long `i` takes, in any unit; what has no weight
    /// counts 1.
    #[must_use]
    pub fn weighted(before: &[Vec<usize>], weights: &[u64]) -> Self {
        let mut behind = vec![Vec::new(); before.len()];
        for (i, parents) in before.iter().enumerate() {
            for &parent in parents {
                behind[parent].push(i);
            }
        }
        let mut schedule = Self {
            chain: chains(before, &behind, weights),
            waiting_for: before.iter().map(Vec::len).collect(),
            states: vec![State::Waiting; before.len()],
            ready: BinaryHeap::new(),
            behind,
        };
        for i in 0..before.len() {
            schedule.offer(i);
        }
        schedule
    }

    /// Takes the ready piece of work with the longest chain behind it; it counts as running from now on.
    pub fn start_next(&mut self) -> Option<usize> {
        let (_, Reverse(next)) = self.ready.pop()?;
        self.states[next] = State::Running;
        Some(next)
    }

    /// Notes that a running piece ended; after a failure, gives everything that is blocked by it, in order.
    pub fn end(&mut self, work: usize, how: Ended) -> Vec<usize> {
        debug_assert_eq!(self.states[work], State::Running);
        self.states[work] = State::Ended;
        match how {
            Ended::Failed => self.block_behind(work),
            Ended::Done => {
                for i in 0..self.behind[work].len() {
                    let child = self.behind[work][i];
                    self.waiting_for[child] -= 1;
                    self.offer(child);
                }
                Vec::new()
            }
        }
    }

    /// Gives up everything that has not started, and tells what that was, in order.
    pub fn give_up(&mut self) -> Vec<usize> {
        self.ready.clear();
        let waiting: Vec<usize> = (0..self.states.len())
            .filter(|&i| self.states[i] == State::Waiting)
            .collect();
        for &i in &waiting {
            self.states[i] = State::Blocked;
        }
        waiting
    }

    /// Tells whether nothing runs and nothing can start any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.states
            .iter()
            .all(|state| matches!(state, State::Ended | State::Blocked))
    }

    /// Gives for each piece the weight of the heaviest chain that begins with it, itself included.
    #[must_use]
    pub fn chains(&self) -> &[u64] {
        &self.chain
    }

    fn offer(&mut self, i: usize) {
        if self.waiting_for[i] == 0 && self.states[i] == State::Waiting {
            self.ready.push((self.chain[i], Reverse(i)));
        }
    }

    fn block_behind(&mut self, work: usize) -> Vec<usize> {
        let mut blocked = Vec::new();
        let mut next = vec![work];
        while let Some(i) = next.pop() {
            for &child in &self.behind[i] {
                if self.states[child] == State::Waiting {
                    self.states[child] = State::Blocked;
                    blocked.push(child);
                    next.push(child);
                }
            }
        }
        blocked.sort_unstable();
        blocked
    }
}

/// Walks from the ends to the beginnings, so that what is behind a piece is known before the piece.
fn chains(before: &[Vec<usize>], behind: &[Vec<usize>], weights: &[u64]) -> Vec<u64> {
    let weight = |i: usize| weights.get(i).copied().unwrap_or(1);
    let mut chain: Vec<u64> = (0..before.len()).map(weight).collect();
    let mut open: Vec<usize> = behind.iter().map(Vec::len).collect();
    let mut ends: Vec<usize> = (0..before.len()).filter(|&i| open[i] == 0).collect();
    while let Some(i) = ends.pop() {
        for &parent in &before[i] {
            chain[parent] = chain[parent].max(chain[i].saturating_add(weight(parent)));
            open[parent] -= 1;
            if open[parent] == 0 {
                ends.push(parent);
            }
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_chain_goes_first() {
        // 0; 1 ← 2 ← 3; 4 ← 5
        let before = [vec![], vec![], vec![1], vec![2], vec![], vec![4]];
        let mut schedule = Schedule::new(&before);
        let first: Vec<_> = std::iter::from_fn(|| schedule.start_next()).collect();
        assert_eq!(first, [1, 4, 0]);
        assert_eq!(schedule.chains(), [1, 3, 2, 1, 2, 1]);
    }

    #[test]
    fn what_takes_long_counts_for_more_than_a_chain_of_many() {
        let before = [vec![], vec![], vec![1], vec![2], vec![], vec![4]];
        let mut schedule = Schedule::weighted(&before, &[100, 10, 10, 10, 2, 90]);
        let first: Vec<_> = std::iter::from_fn(|| schedule.start_next()).collect();
        assert_eq!(first, [0, 4, 1]);
        assert_eq!(schedule.chains(), [100, 30, 20, 10, 92, 90]);
        let endless = Schedule::weighted(&before, &[u64::MAX; 6]);
        assert_eq!(endless.chains(), [u64::MAX; 6]);
    }

    #[test]
    fn a_failure_blocks_what_is_behind_it_and_nothing_else() {
        let mut schedule = Schedule::new(&[vec![], vec![0], vec![1], vec![], vec![3, 1]]);
        while schedule.start_next().is_some() {}
        assert_eq!(schedule.end(0, Ended::Failed), [1, 2, 4]);
        assert!(!schedule.is_finished());
        assert!(schedule.end(3, Ended::Done).is_empty());
        assert_eq!(schedule.start_next(), None);
        assert!(schedule.is_finished());
    }

    #[test]
    fn giving_up_tells_what_never_started() {
        let mut schedule = Schedule::new(&[vec![], vec![], vec![0]]);
        assert_eq!(schedule.start_next(), Some(0));
        assert_eq!(schedule.give_up(), [1, 2]);
        assert_eq!(schedule.start_next(), None);
        assert!(schedule.end(0, Ended::Done).is_empty());
        assert_eq!(schedule.start_next(), None);
        assert!(schedule.is_finished());
    }
}
