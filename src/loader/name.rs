//! The order of libraries' names, by which the loader searches.

use std::cmp::Ordering;

/// Longer numbers would not be the same to every loader.
const LONGEST_NUMBER: usize = 9; // digits

/// Tells whether a file can have a name.
#[must_use]
pub fn is_file_name(name: &[u8]) -> bool {
    let is_foreign = |byte: &u8| matches!(byte, b'/' | 0);
    !matches!(name, b"" | b"." | b"..") && name.len() < 256 && !name.iter().any(is_foreign)
}

/// Tells whether a name can be in the cache: it is one of a file, and all loaders put it into the same place.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    let is_digit = |one: &u8, other: &u8| one.is_ascii_digit() && other.is_ascii_digit();
    let is_short = |run: &[u8]| run.len() <= LONGEST_NUMBER;
    is_file_name(name)
        && name.iter().all(u8::is_ascii_graphic)
        && name.chunk_by(is_digit).all(is_short)
}

/// Compares names: numbers by their values, and a number comes after anything else.
#[must_use]
pub fn compare_names(one: &[u8], other: &[u8]) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (left, right) = (count_digits(one), count_digits(other));
        let order;
        (order, one, other) = match (left, right) {
            (0, 0) => match (one, other) {
                ([first, one @ ..], [second, other @ ..]) => (first.cmp(second), one, other),
                (one, other) => return one.len().cmp(&other.len()),
            },
            (_, 0) => return Ordering::Greater,
            (0, _) => return Ordering::Less,
            (left, right) => {
                let (first, one) = one.split_at(left);
                let (second, other) = other.split_at(right);
                (compare_numbers(first, second), one, other)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn count_digits(name: &[u8]) -> usize {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
    digits.count()
}

fn compare_numbers(one: &[u8], other: &[u8]) -> Ordering {
    let plain = |digits: &[u8]| {
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits[zeros..].to_vec()
    };
    let (one, other) = (plain(one), plain(other));
    one.len().cmp(&other.len()).then_with(|| one.cmp(&other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_by_their_values_and_come_after_letters() {
        let names = [
            "libA.so.1",
            "libB_.so.1",
            "liba.so.1",
            "liba0.so.1",
            "liba2.so.1",
            "liba10.so.1",
            "libc.so",
            "libc.so.1",
            "libc.so.2",
            "libc.so.10",
            "libc+.so",
            "lib1.so",
        ];
        let mut sorted = names;
        sorted.sort_by(|one, other| compare_names(one.as_bytes(), other.as_bytes()));
        let expected = [
            "libA.so.1",
            "libB_.so.1",
            "liba.so.1",
            "liba0.so.1",
            "liba2.so.1",
            "liba10.so.1",
            "libc+.so",
            "libc.so",
            "libc.so.1",
            "libc.so.2",
            "libc.so.10",
            "lib1.so",
        ];
        assert_eq!(sorted, expected);
        assert_eq!(compare_names(b"lib0a", b"lib00a"), Ordering::Equal);
    }

    #[test]
    fn what_loaders_would_not_agree_on_is_no_name() {
        for name in ["", "..", "a/b", "a b", "\u{fc}", "a\0", "lib1234567890.so"] {
            assert!(!is_name(name.as_bytes()), "{name:?}");
        }
        assert!(is_name(b"libabsl_base.so.20220623") && is_name(b"libstdc++.so.6"));
    }

    #[test]
    fn a_file_may_have_more_names_than_the_cache() {
        for name in ["a b", "\u{fc}", "lib1234567890.so"] {
            assert!(is_file_name(name.as_bytes()), "{name:?}");
        }
        let long = "a".repeat(256);
        for name in ["", ".", "..", "a/b", "a\0", &long] {
            assert!(!is_file_name(name.as_bytes()), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_one(names in prop::collection::vec("[a0-1.+]{0,6}", 3)) {
            let compare = |one: &String, other: &String| compare_names(one.as_bytes(), other.as_bytes());
            let [one, other, third] = [&names[0], &names[1], &names[2]];
            prop_assert_eq!(compare(one, other), compare(other, one).reverse());
            if compare(one, other).is_le() && compare(other, third).is_le() {
                prop_assert!(compare(one, third).is_le());
            }
        }
    }
}
