//! Work on many values, on as many threads as there are processors.

use std::thread::{Builder, available_parallelism, scope};

/// As much as the first thread of a program has.
const STACK_BYTES: usize = 8 << 20;

/// Gives what `work` makes of each value, in order. The values are shared out among threads, none of which gets fewer than
/// `least`, as it would cost more than it does.
pub fn in_parallel<T: Sync, R: Send>(
    values: &[T],
    least: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = available_parallelism().map_or(1, usize::from);
    let share = values.len().div_ceil(threads).max(least).max(1);
    let mut shares = values.chunks(share);
    let first = shares.next().unwrap_or_default();
    let work_on = &|share: &[T]| share.iter().map(&work).collect::<Vec<R>>();
    scope(|scope| {
        let start = |share| {
            let thread = Builder::new().stack_size(STACK_BYTES);
            (share, thread.spawn_scoped(scope, move || work_on(share)))
        };
        let others: Vec<_> = shares.map(start).collect();
        let mut made = work_on(first);
        for (share, thread) in others {
            made.extend(match thread {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // A machine that gives no thread has this one do it.
                Err(_) => work_on(share),
            });
        }
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_comes_in_the_order_of_the_values() {
        for (count, least) in [(0, 1), (1, 0), (7, 1), (100, 32), (1000, 1)] {
            let values: Vec<usize> = (0..count).collect();
            let made = in_parallel(&values, least, |value| value * 2);
            assert_eq!(
                made,
                values.iter().map(|value| value * 2).collect::<Vec<_>>()
            );
        }
    }
}
