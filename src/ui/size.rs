//! Sizes as people read them, in powers of ten as engines show them: `980 B`, `1.9 MB`, `12 GB`.

/// Writes a number of bytes.
#[must_use]
pub fn render_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of the unit; the next one is taken where rounding reaches it.
    let mut divisor: u64 = 100;
    for unit in UNITS {
        let tenths = bytes.saturating_add(divisor / 2) / divisor;
        match tenths {
            0..=99 => return format!("{}.{} {unit}", tenths / 10, tenths % 10),
            100..=9994 => return format!("{} {unit}", (tenths + 5) / 10),
            _ => divisor *= 1000,
        }
    }
    "over 1000 PB".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(bytes: u64, expected: &str) {
        assert_eq!(render_size(bytes), expected);
    }

    #[test]
    fn sizes_change_their_unit_as_they_grow() {
        case(0, "0 B");
        case(999, "999 B");
        case(1000, "1.0 kB");
        case(1_949, "1.9 kB");
        case(9_949, "9.9 kB");
        case(9_950, "10 kB");
        case(999_400, "999 kB");
        case(999_500, "1.0 MB");
        case(1_980_000, "2.0 MB");
        case(120_400_000, "120 MB");
        case(12_000_000_000, "12 GB");
        case(u64::MAX, "over 1000 PB");
    }
}
