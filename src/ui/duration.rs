//! Durations as people read them: `0.4s`, `12.3s`, `1m12s`, `2h03m`.

use std::time::Duration;

/// Writes how long something took, in tenths below a minute.
pub(super) fn exact(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths < 600 {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else {
        from_seconds((duration.as_millis() + 500) / 1000)
    }
}

/// Writes how long something has been running, in whole seconds that have passed.
pub(super) fn running(duration: Duration) -> String {
    from_seconds(u128::from(duration.as_secs()))
}

/// Writes an estimate, no more exact than it can be: tens of seconds, minutes, tens of minutes.
pub(super) fn about(duration: Duration) -> String {
    let seconds = u128::from(duration.as_secs());
    let minutes = seconds.div_ceil(60);
    match seconds {
        0..=50 => format!("{}s", seconds.div_ceil(10).max(1) * 10),
        51..=3540 => format!("{minutes}m"),
        _ => from_seconds(minutes.div_ceil(10) * 600),
    }
}

fn from_seconds(seconds: u128) -> String {
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(millis: u64, exactly: &str, while_running: &str, roughly: &str) {
        let duration = Duration::from_millis(millis);
        assert_eq!(exact(duration), exactly);
        assert_eq!(running(duration), while_running);
        assert_eq!(about(duration), roughly);
    }

    #[test]
    fn durations_change_their_unit_as_they_grow() {
        case(0, "0.0s", "0s", "10s");
        case(449, "0.4s", "0s", "10s");
        case(12_345, "12.3s", "12s", "20s");
        case(50_000, "50.0s", "50s", "50s");
        case(59_949, "59.9s", "59s", "1m");
        case(59_950, "1m00s", "59s", "1m");
        case(72_400, "1m12s", "1m12s", "2m");
        case(3_540_000, "59m00s", "59m00s", "59m");
        case(3_541_000, "59m01s", "59m01s", "1h00m");
        case(3_599_600, "1h00m", "59m59s", "1h00m");
        case(7_399_000, "2h03m", "2h03m", "2h10m");
        case(360_000_000, "100h00m", "100h00m", "100h00m");
    }
}
