//! In which way a registry takes a blob, and how much of it at once.
//!
//! ```text
//! up to 10 MiB       in the body of the PUT; in one PATCH
//! more               in a PATCH for each 10 MiB; in one PATCH; in the body of the PUT
//! 413 to a PATCH     in parts of half the size, down to 1 MiB; in the body of the PUT
//! 413 to the PUT     in parts, unless a part was too large before
//! ```

use super::session::CHUNK_BYTES;

/// The least that a part shrinks to.
const LEAST_PART_BYTES: u64 = 1024 * 1024;

/// How a blob is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the body of the PUT.
    Whole,
    /// In one PATCH, as Docker does it.
    Stream,
    /// In a PATCH for each part.
    Chunks,
}

/// How a blob is sent, and how else, should that be refused.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    way: Way,
    others: &'static [Way],
    /// The most that is sent in one request, where the registry or what stands before it takes no more.
    most_bytes: Option<u64>,
}

impl Manner {
    /// Begins with the usual way for so many bytes.
    pub(super) fn of(size_bytes: u64) -> Self {
        let (way, others): (Way, &[Way]) = if size_bytes <= CHUNK_BYTES {
            (Way::Whole, &[Way::Stream])
        } else {
            (Way::Chunks, &[Way::Stream, Way::Whole])
        };
        Self {
            way,
            others,
            most_bytes: None,
        }
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Gives how much is sent in one part, which is usually `usual`.
    pub(super) fn part_bytes(&self, usual: u64) -> u64 {
        self.most_bytes.unwrap_or(usual)
    }

    /// Turns to the next way; tells whether there is one.
    pub(super) fn turn(&mut self) -> bool {
        let Some((next, others)) = self.others.split_first() else {
            return false;
        };
        (self.way, self.others) = (*next, others);
        true
    }

    /// Turns to parts of half of what was too much, where they are no less than `least_bytes`; tells whether that is so.
    pub(super) fn shrink(&mut self, sent_bytes: u64, least_bytes: u64) -> bool {
        let is_whole = self.way == Way::Whole;
        let half = (sent_bytes / 2).max(LEAST_PART_BYTES).max(least_bytes);
        let is_tried = is_whole && self.most_bytes.is_some();
        if half >= sent_bytes || is_tried {
            // All at once is more.
            self.others = if is_whole || self.others.is_empty() {
                &[]
            } else {
                &[Way::Whole]
            };
            return false;
        }
        self.most_bytes = Some(half);
        self.others = match self.way {
            Way::Whole => &[],
            Way::Chunks if self.others.is_empty() => &[],
            Way::Chunks | Way::Stream => &[Way::Whole],
        };
        self.way = Way::Chunks;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// Tells what a blob is sent as, one way after the other, where no request of over `limit` bytes is taken.
    #[track_caller]
    fn case(size_bytes: u64, (limit, least_bytes): (u64, u64), expected: &[(Way, u64)]) {
        let mut manner = Manner::of(size_bytes);
        let mut tried = Vec::new();
        loop {
            let at_once = match manner.way() {
                Way::Chunks => manner
                    .part_bytes((10 * MIB).max(least_bytes))
                    .min(size_bytes),
                Way::Whole | Way::Stream => size_bytes,
            };
            tried.push((manner.way(), at_once));
            let is_taken = at_once <= limit;
            if is_taken || !(manner.shrink(at_once, least_bytes) || manner.turn()) {
                break;
            }
        }
        assert_eq!(tried, expected, "{size_bytes} bytes");
    }

    #[test]
    fn what_is_too_large_is_sent_in_less_down_to_a_mebibyte() {
        use Way::{Chunks, Whole};
        case(20 * MIB, (10 * MIB, 0), &[(Chunks, 10 * MIB)]);
        let parts = [(Chunks, 10 * MIB), (Chunks, 5 * MIB)];
        case(20 * MIB, (6 * MIB, 0), &parts);
        let halves = [10 * MIB, 5 * MIB, 5 * MIB / 2, 5 * MIB / 4, MIB];
        let halves = halves.map(|at_once| (Chunks, at_once));
        let whole = [(Whole, 20 * MIB)];
        case(20 * MIB, (MIB - 1, 0), &[&halves[..], &whole].concat());
        case(
            20 * MIB,
            (6 * MIB, 7 * MIB),
            &[(Chunks, 10 * MIB), (Chunks, 7 * MIB), whole[0]],
        );
        let small = [(Whole, 4 * MIB), (Chunks, 2 * MIB), (Chunks, MIB)];
        case(4 * MIB, (0, 0), &small);
        case(4 * MIB, (2 * MIB, 0), &small[..2]);
        case(MIB, (0, 0), &[(Whole, MIB)]);
    }

    #[test]
    fn ways_come_in_their_order_and_end() {
        for (size_bytes, expected) in [
            (1, &[Way::Whole, Way::Stream][..]),
            (11 * MIB, &[Way::Chunks, Way::Stream, Way::Whole]),
        ] {
            let mut manner = Manner::of(size_bytes);
            let mut ways = vec![manner.way()];
            while manner.turn() {
                ways.push(manner.way());
            }
            assert_eq!(ways, expected);
        }
    }
}
