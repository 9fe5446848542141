//! Finds many texts in a line at once, however many there are: a certificate bundle has some ten thousand forms.
//!
//! ```text
//! whole    where the first signs of a form stand, the forms in their order tell the longest one there
//! pieces   the same at the end of a line, and from behind at its beginning
//! inside   a line of which each eight signs stand in some form may be a part of one
//! ```

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::mask::{Mask, SHORTEST_PIECE};
use super::secret::Secret;

/// Of a form, the place of each eighth window is known.
const STEP: usize = SHORTEST_PIECE;
/// A window that stands in more places says nothing.
const MOST_PLACES: usize = 64;

/// The forms, prepared for the search.
pub(super) struct Search {
    /// In the order of their bytes.
    forms: Arc<Vec<Secret>>,
    /// Of each form the longest one that it begins with.
    beginnings: Vec<Option<usize>>,
    /// The forms in the order of their bytes from behind.
    from_behind: Vec<usize>,
    /// What forms begin with, and what they end with.
    heads: HashSet<[u8; Mask::SHORTEST]>,
    tails: HashSet<[u8; Mask::SHORTEST]>,
    windows: Windows,
    /// Windows with the form and the place in it, in order.
    places: Vec<([u8; STEP], usize, usize)>,
}

impl Search {
    /// Prepares forms that are sorted.
    pub(super) fn of(forms: Arc<Vec<Secret>>) -> Self {
        let bytes: Vec<&[u8]> = forms.iter().map(|form| form.reveal().as_bytes()).collect();
        let mut beginnings = Vec::with_capacity(bytes.len());
        let mut open: Vec<usize> = Vec::new();
        for (index, form) in bytes.iter().enumerate() {
            while open
                .last()
                .is_some_and(|last| !form.starts_with(bytes[*last]))
            {
                open.pop();
            }
            beginnings.push(open.last().copied());
            open.push(index);
        }
        let mut from_behind: Vec<usize> = (0..bytes.len()).collect();
        from_behind.sort_unstable_by(|one, other| compare_from_behind(bytes[*one], bytes[*other]));
        let heads = bytes.iter().filter_map(|form| form.first_chunk().copied());
        let tails = bytes.iter().filter_map(|form| form.last_chunk().copied());
        let (heads, tails) = (heads.collect(), tails.collect());
        let mut places = Vec::new();
        for (index, form) in bytes.iter().enumerate() {
            let at = (0..form.len()).step_by(STEP);
            places.extend(at.filter_map(|at| Some((*form[at..].first_chunk()?, index, at))));
        }
        places.sort_unstable();
        let windows = Windows::of(&bytes);
        Self {
            forms,
            beginnings,
            from_behind,
            heads,
            tails,
            windows,
            places,
        }
    }

    fn form(&self, index: usize) -> &[u8] {
        self.forms[index].reveal().as_bytes()
    }

    /// Finds all that is to be hidden in a line.
    pub(super) fn find(&self, line: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if self.is_inside(line) {
            found.push(0..line.len());
            return found;
        }
        // Only the first of the pieces that reach to the end counts: it holds the others.
        let mut piece = None;
        for (at, head) in line.windows(Mask::SHORTEST).enumerate() {
            if !self.heads.contains(head) {
                continue;
            }
            let rest = &line[at..];
            if let Some(length) = self.find_longest(rest) {
                found.push(at..at + length);
            }
            if piece.is_none() && rest.len() >= SHORTEST_PIECE && self.is_beginning(rest) {
                piece = Some(at..line.len());
            }
        }
        found.extend(piece);
        let ends = (SHORTEST_PIECE..=line.len()).rev();
        let mut ends = ends.filter(|end| self.tails.contains(&line[end - Mask::SHORTEST..*end]));
        if let Some(end) = ends.find(|end| self.is_end(&line[..*end])) {
            found.push(0..end);
        }
        found
    }

    /// Finds the longest form that a text begins with.
    fn find_longest(&self, text: &[u8]) -> Option<usize> {
        let behind = self
            .forms
            .partition_point(|form| form.reveal().as_bytes() <= text);
        // Each form that the text begins with is what the last one before the text begins with.
        let mut candidate = behind.checked_sub(1);
        while let Some(index) = candidate {
            if text.starts_with(self.form(index)) {
                return Some(self.form(index).len());
            }
            candidate = self.beginnings[index];
        }
        None
    }

    fn is_beginning(&self, text: &[u8]) -> bool {
        let at = self
            .forms
            .partition_point(|form| form.reveal().as_bytes() < text);
        at < self.forms.len() && self.form(at).starts_with(text)
    }

    fn is_end(&self, text: &[u8]) -> bool {
        let before = |index: &usize| compare_from_behind(self.form(*index), text) == Ordering::Less;
        let at = self.from_behind.partition_point(before);
        let next = self.from_behind.get(at);
        next.is_some_and(|index| self.form(*index).ends_with(text))
    }

    /// Tells whether a line is a part of a form.
    fn is_inside(&self, bytes: &[u8]) -> bool {
        if bytes.len() < SHORTEST_PIECE || !self.windows.may_have_all(bytes) {
            return false;
        }
        let anywhere = || {
            let text = std::str::from_utf8(bytes);
            text.is_ok_and(|text| self.forms.iter().any(|form| form.reveal().contains(text)))
        };
        // One of so many windows in a row stands at a place that is known.
        if bytes.len() < 2 * STEP - 1 {
            return anywhere();
        }
        for (before, window) in bytes.windows(STEP).take(STEP).enumerate() {
            let start = self
                .places
                .partition_point(|(known, ..)| known.as_slice() < window);
            let same = self.places[start..]
                .iter()
                .take_while(|(known, ..)| known.as_slice() == window);
            for (count, (_, index, at)) in same.enumerate() {
                if count == MOST_PLACES {
                    return anywhere();
                }
                let begins = at.checked_sub(before);
                let part = begins.and_then(|begins| self.form(*index).get(begins..));
                if part.is_some_and(|part| part.starts_with(bytes)) {
                    return true;
                }
            }
        }
        false
    }
}

fn compare_from_behind(one: &[u8], other: &[u8]) -> Ordering {
    one.iter().rev().cmp(other.iter().rev())
}

/// Every eight bytes in a row of all forms, as a Bloom filter: what it does not know is in none.
struct Windows {
    bits: Vec<u64>,
    /// How many bits of a hash name one of these.
    width: u32,
}

impl Windows {
    fn of(forms: &[&[u8]]) -> Self {
        let count: usize = forms.iter().map(|form| form.len()).sum();
        let bits = (count * 16).next_power_of_two().max(64);
        let mut windows = Self {
            bits: vec![0; bits / 64],
            width: bits.trailing_zeros(),
        };
        for window in forms.iter().flat_map(|form| form.windows(STEP)) {
            for (word, bit) in windows.places(window) {
                windows.bits[word] |= bit;
            }
        }
        windows
    }

    fn places(&self, window: &[u8]) -> [(usize, u64); 2] {
        let bytes = window.first_chunk().copied().unwrap_or_default();
        // Fibonacci hashing, of which the upper bits are good.
        let hash = u64::from_le_bytes(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let other = hash.rotate_left(29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [hash, other].map(|hash| {
            let place = usize::try_from(hash >> (64 - self.width)).unwrap_or_default();
            (place / 64, 1 << (place % 64))
        })
    }

    fn may_have_all(&self, line: &[u8]) -> bool {
        let has = |(word, bit): (usize, u64)| self.bits[word] & bit != 0;
        line.windows(STEP)
            .all(|window| self.places(window).into_iter().all(has))
    }
}
