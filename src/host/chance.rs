//! Names that nothing else has, also not in another container with the same time and process id.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Gives sixteen hex digits, other ones each time.
#[must_use]
pub fn unique_hex() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let names: std::collections::BTreeSet<_> = (0..1000).map(|_| unique_hex()).collect();
        assert_eq!(names.len(), 1000);
    }
}
