//! What holds of every run of a schedule, whatever the graph, the times and the failures.
//!
//! `PKG_TEST_SCHEDULES=100000 cargo test --release --test schedules` runs so many; without it, a few hundred. A run
//! that breaks a rule is named by its number, and is the same run each time.

use std::collections::BTreeSet;

use pkg::plan::{Ended, Schedule};

const FEW: u64 = 300;
const MOST_IMAGES: u64 = 1000;

/// Numbers that look random and are the same each time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// Gives a number below `sides`.
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    fn index(&mut self, sides: usize) -> usize {
        usize::try_from(self.below(sides as u64)).expect("an index")
    }
}

/// A graph in which each piece waits for some of those with smaller numbers, near ones or any.
fn graph(dice: &mut Dice) -> Vec<Vec<usize>> {
    // Half of the graphs are small: there the corners are.
    let most = if dice.below(2) == 0 { 12 } else { MOST_IMAGES };
    let count = usize::try_from(1 + dice.below(most)).expect("a count");
    let parents = 1 + dice.below(4);
    let reach = [3, 30, count][dice.index(3)];
    let of = |i: usize, dice: &mut Dice| {
        let wanted = dice.below(parents + 1);
        let chosen = (0..wanted).filter_map(|_| {
            let back = 1 + dice.index(reach);
            i.checked_sub(back)
        });
        chosen.collect::<BTreeSet<_>>().into_iter().collect()
    };
    (0..count).map(|i| of(i, dice)).collect()
}

/// How far one piece is, as somebody sees it who knows nothing of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Waits,
    Runs,
    Done,
    Failed,
    Blocked,
    GivenUp,
}

/// Follows one run from outside and knows by itself what may start.
struct Watcher<'a> {
    before: &'a [Vec<usize>],
    behind: Vec<Vec<usize>>,
    open: Vec<usize>,
    seen: Vec<Seen>,
    ready: BTreeSet<usize>,
}

impl<'a> Watcher<'a> {
    fn new(before: &'a [Vec<usize>]) -> Self {
        let mut behind = vec![Vec::new(); before.len()];
        for (i, parents) in before.iter().enumerate() {
            for &parent in parents {
                behind[parent].push(i);
            }
        }
        let open: Vec<usize> = before.iter().map(Vec::len).collect();
        Self {
            ready: (0..before.len()).filter(|&i| open[i] == 0).collect(),
            seen: vec![Seen::Waits; before.len()],
            before,
            behind,
            open,
        }
    }

    fn starts(&mut self, i: usize) {
        assert_eq!(self.seen[i], Seen::Waits, "{i} starts again");
        let mut parents = self.before[i].iter();
        assert!(
            parents.all(|&parent| self.seen[parent] == Seen::Done),
            "{i} starts before a parent, or after one that failed"
        );
        assert!(self.ready.remove(&i));
        self.seen[i] = Seen::Runs;
    }

    fn ends(&mut self, i: usize, how: Ended, blocked: &[usize]) {
        if how == Ended::Done {
            assert_eq!(blocked, [0; 0], "{i} blocks and is done");
            self.seen[i] = Seen::Done;
            for &child in &self.behind[i] {
                self.open[child] -= 1;
                if self.open[child] == 0 && self.seen[child] == Seen::Waits {
                    self.ready.insert(child);
                }
            }
            return;
        }
        self.seen[i] = Seen::Failed;
        let mut expected = BTreeSet::new();
        let mut next = vec![i];
        while let Some(i) = next.pop() {
            for &child in &self.behind[i] {
                if self.seen[child] == Seen::Waits && expected.insert(child) {
                    next.push(child);
                }
            }
        }
        let expected: Vec<usize> = expected.into_iter().collect();
        assert_eq!(blocked, expected, "what waits for {i}");
        for &i in blocked {
            self.seen[i] = Seen::Blocked;
        }
    }

    fn gives_up(&mut self, given_up: &[usize]) {
        let waiting: Vec<usize> = (0..self.seen.len())
            .filter(|&i| self.seen[i] == Seen::Waits)
            .collect();
        assert_eq!(given_up, waiting);
        self.ready.clear();
        for i in waiting {
            self.seen[i] = Seen::GivenUp;
        }
    }
}

fn run(number: u64) {
    let mut dice = Dice(number);
    let before = graph(&mut dice);
    let weights: Vec<u64> = before.iter().map(|_| 1 + dice.below(5000)).collect();
    let (jobs, fails_of_100) = (1 + dice.index(16), [0, 2, 20, 70][dice.index(4)]);
    let gives_up_after = if dice.below(8) == 0 {
        dice.index(before.len())
    } else {
        usize::MAX
    };
    let mut schedule = Schedule::weighted(&before, &weights);
    let mut watcher = Watcher::new(&before);
    let (mut running, mut ended) = (Vec::new(), 0);
    loop {
        while running.len() < jobs {
            let Some(next) = schedule.start_next() else {
                break;
            };
            let heaviest = watcher.ready.iter().map(|&i| schedule.chains()[i]).max();
            assert_eq!(Some(schedule.chains()[next]), heaviest, "a lighter chain");
            watcher.starts(next);
            running.push(next);
        }
        assert!(
            running.len() == jobs || watcher.ready.is_empty(),
            "idle while something is ready"
        );
        if running.is_empty() {
            break;
        }
        let i = running.swap_remove(dice.index(running.len()));
        let how = if dice.below(100) < fails_of_100 {
            Ended::Failed
        } else {
            Ended::Done
        };
        let blocked = schedule.end(i, how);
        watcher.ends(i, how, &blocked);
        ended += 1;
        if ended == gives_up_after {
            watcher.gives_up(&schedule.give_up());
        }
    }
    assert!(schedule.is_finished());
    let mut seen = watcher.seen.iter();
    assert!(seen.all(|seen| !matches!(seen, Seen::Waits | Seen::Runs)));
}

#[test]
fn a_run_respects_the_graph_is_never_idle_and_blocks_only_behind_failures() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many runs there are is said to the test, not to the program"
    )]
    let asked = std::env::var("PKG_TEST_SCHEDULES");
    let count = asked.map_or(FEW, |count| count.parse().expect("a number of runs"));
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for number in (thread..count).step_by(usize::try_from(threads).expect("few")) {
                    let outcome = std::panic::catch_unwind(|| run(number));
                    assert!(outcome.is_ok(), "run {number}");
                }
            });
        }
    });
}
