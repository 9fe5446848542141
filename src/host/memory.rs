//! How much memory this process holds.

use std::path::Path;

use super::fs::read_text;

/// Finds the bytes of memory that this process holds, where the system tells.
#[must_use]
pub fn find_memory_bytes() -> Option<u64> {
    parse_status(&read_text(Path::new("/proc/self/status")).ok()?)
}

/// Reads `VmRSS:     1234 kB` (`proc_pid_status(5)`).
pub(super) fn parse_status(text: &str) -> Option<u64> {
    let size = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = size.trim().strip_suffix(" kB")?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read() {
        let text = "Name:\tpkg\nVmHWM:\t  999 kB\nVmRSS:\t   2048 kB\nRssAnon:\t 1 kB\n";
        assert_eq!(parse_status(text), Some(2048 * 1024));
        assert_eq!(parse_status("Name:\tpkg\n"), None);
    }

    #[test]
    fn what_is_filled_counts() {
        let before = find_memory_bytes().expect("Linux tells");
        let filled = vec![1_u8; 64 << 20];
        let after = find_memory_bytes().expect("Linux tells");
        assert!(after > before + (32 << 20), "{before} {after}");
        assert_eq!(filled.len(), 64 << 20);
    }
}
