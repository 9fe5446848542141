//! Who holds a lock, as the kernel tells it: `/proc/locks` names the processes of this machine, whoever they belong to.
//!
//! ```text
//! 3: FLOCK  ADVISORY  WRITE 4711 fd:01:2097153 0 EOF
//! ```
//!
//! A process in another container is not among them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::fs::{read_bytes, read_text};

/// In what the kernel counts the time of processes, on every machine of Linux (`USER_HZ`).
const TICKS_A_SECOND: i64 = 100;
/// Longer command lines are cut.
const LONGEST_COMMAND: usize = 200;

/// A process, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignProcess {
    /// What runs: this program with its arguments, of which none is secret, or the name of another one.
    pub command: String,
    /// When it began.
    pub since: DateTime<Utc>,
}

/// Finds the processes that hold locks on a directory.
#[must_use]
pub fn find_lock_holders(directory: &Path) -> Vec<u32> {
    let Ok(there) = std::fs::metadata(directory) else {
        return Vec::new();
    };
    let locks = read_text(Path::new("/proc/locks")).unwrap_or_default();
    let device = (
        rustix::fs::major(there.dev()),
        rustix::fs::minor(there.dev()),
    );
    let of_inode: Vec<Lock> = locks
        .lines()
        .filter_map(Lock::parse)
        .filter(|lock| lock.inode == there.ino())
        .collect();
    // Some file systems (btrfs) give files another device than the kernel's list does.
    let is_listed = of_inode.iter().any(|lock| lock.device == device);
    let held = of_inode
        .iter()
        .filter(|lock| !is_listed || lock.device == device);
    held.map(|lock| lock.pid).collect()
}

/// Tells whether a lock on a directory belongs to who started this process, or came with the files that it was started with,
/// as `flock DIRECTORY COMMAND` gives them to the command.
#[must_use]
pub fn is_lock_inherited(directory: &Path) -> bool {
    // With `-o` it keeps the file to itself. What else starts this and has a lock may give it back meanwhile.
    let parent = std::os::unix::process::parent_id();
    let is_flock = |it: ForeignProcess| it.command == "flock";
    if find_lock_holders(directory).contains(&parent) && find_process(parent).is_some_and(is_flock)
    {
        return true;
    }
    let (Ok(there), Ok(files)) = (
        std::fs::metadata(directory),
        std::fs::read_dir("/proc/self/fd"),
    ) else {
        return false;
    };
    files.flatten().any(|file| {
        let is_it =
            |found: std::fs::Metadata| (found.dev(), found.ino()) == (there.dev(), there.ino());
        let info = Path::new("/proc/self/fdinfo").join(file.file_name());
        std::fs::metadata(file.path()).is_ok_and(is_it)
            && read_text(&info).is_ok_and(|text| text.contains("FLOCK"))
    })
}

/// A lock that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lock {
    pid: u32,
    device: (u32, u32),
    inode: u64,
}

impl Lock {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        // What waits for a lock has `->` there.
        if words.next()? != "FLOCK" {
            return None;
        }
        let pid = words.nth(2)?.parse().ok()?;
        let mut numbers = words.next()?.split(':');
        let mut device = || u32::from_str_radix(numbers.next()?, 16).ok();
        let device = (device()?, device()?);
        Some(Self {
            pid,
            device,
            inode: numbers.next()?.parse().ok()?,
        })
    }
}

/// Describes a process of this machine.
#[must_use]
pub fn find_process(pid: u32) -> Option<ForeignProcess> {
    let process = Path::new("/proc").join(pid.to_string());
    let words = read_bytes(&process.join("cmdline")).ok()?;
    let stat = read_text(&process.join("stat")).ok()?;
    let boot = read_text(Path::new("/proc/stat")).ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot = DateTime::from_timestamp(boot.trim().parse().ok()?, 0)?;
    // The name of the program stands in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: i64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let since = boot.checked_add_signed(TimeDelta::seconds(ticks / TICKS_A_SECOND))?;
    Some(ForeignProcess {
        command: describe(&words),
        since,
    })
}

/// Gives a command line as far as it may be shown: of other programs nobody knows what their arguments hold.
fn describe(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let mut words = text.split_terminator('\0');
    let name = words.next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    if name != env!("CARGO_PKG_NAME") {
        return name.chars().take(LONGEST_COMMAND).collect();
    }
    let all: Vec<&str> = std::iter::once(name).chain(words).collect();
    let all = all.join(" ");
    all.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_COMMAND)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn who_holds_a_lock_is_found_by_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(find_lock_holders(directory.path()), [0; 0]);
        let held = File::open(directory.path()).unwrap();
        held.try_lock_shared().unwrap();
        let own = std::process::id();
        assert_eq!(find_lock_holders(directory.path()), [own]);
        let process = find_process(own).expect("this one");
        let since = process.since.timestamp();
        assert!(
            since > 1_500_000_000,
            "after the beginning of the machine: {since}"
        );
        assert_eq!(find_process(1 << 30), None);
    }

    #[test]
    fn lines_of_other_kinds_are_passed_over() {
        let lock = Lock::parse("3: FLOCK  ADVISORY  WRITE 4711 fd:01:2097153 0 EOF");
        let expected = Lock {
            pid: 4711,
            device: (0xfd, 1),
            inode: 2_097_153,
        };
        assert_eq!(lock, Some(expected));
        for line in [
            "",
            "3: -> FLOCK  ADVISORY  WRITE 4711 fd:01:2097153 0 EOF",
            "3: POSIX  ADVISORY  WRITE 4711 fd:01:2097153 0 EOF",
            "3: FLOCK  ADVISORY  WRITE -1 fd:01:2097153 0 EOF",
            "3: FLOCK  ADVISORY  WRITE 4711 fd:01",
        ] {
            assert_eq!(Lock::parse(line), None, "{line}");
        }
    }

    #[test]
    fn only_this_programs_arguments_are_shown() {
        assert_eq!(
            describe(b"/usr/bin/pkg\0build\0images\0"),
            "pkg build images"
        );
        assert_eq!(describe(b"/usr/bin/mysql\0-psecret\0"), "mysql");
        assert_eq!(describe(b"pkg\0a\nb\0"), "pkg a b");
        assert_eq!(describe(b""), "");
    }
}
