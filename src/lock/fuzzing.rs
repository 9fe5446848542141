//! Locks of anybody's.

use super::{Lock, list_moves, parse_lock};

/// The function with its name.
pub(crate) const TARGET: crate::FuzzTarget = ("lock", lock);

/// What is read is rendered as the same value, and to the same bytes from then on; an error points into the text.
fn lock(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let lock = match parse_lock(text) {
        Ok(lock) => lock,
        Err(error) => {
            let lines = text.split('\n').count();
            assert!(error.line().is_none_or(|line| line <= lines), "{error}");
            return;
        }
    };
    let rendered = lock.render().expect("JSON");
    let again = parse_lock(&rendered).expect("a lock");
    assert_eq!(again, lock);
    assert_eq!(again.render().expect("JSON"), rendered);
    assert!(lock.is_as_good_as(&again));
    assert!(list_moves(&lock, &again).is_empty());
    assert_eq!(again.digest(), lock.digest());
    if let Lock::Debian(lock) = &lock {
        let mut pins = lock.pins();
        assert!(
            pins.all(|(all, pin)| all.archive_names().contains(&pin.archive)
                && !pin.path.split('/').any(|part| part == "..")
                && pin.digest().hex() == pin.sha256)
        );
    }
}
