//! Runs one parser under libFuzzer: `PKG_FUZZ_TARGET` names it, and without a name all that a program has are listed.
//!
//! There is a program for each group of parsers; what it is made of is here.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use pkg::fuzzing::Target;
use rustix::time::{ClockId, clock_gettime};

#[doc(hidden)]
pub use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();
/// Nanoseconds of the slowest input; libFuzzer tells whole seconds, and those of the clock on the wall.
static SLOWEST: AtomicI64 = AtomicI64::new(0);

/// Makes the program for a group of parsers.
#[macro_export]
macro_rules! fuzz {
    ($targets:expr) => {
        $crate::fuzz_target!(
            init: $crate::choose($targets),
            |data: &[u8]| $crate::run(data)
        );
    };
}

/// Chooses the parser that is named, or lists all.
pub fn choose(targets: &[Target]) {
    let name = std::env::var("PKG_FUZZ_TARGET").unwrap_or_default();
    match targets.iter().find(|(known, _)| *known == name) {
        Some((_, run)) => TARGET.set(*run).expect("one target"),
        None => {
            for (name, _) in targets {
                println!("{name}");
            }
            std::process::exit(i32::from(!name.is_empty()));
        }
    }
}

fn processor_time() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Tries it with an input, and tells how long that took where no other took as long.
pub fn run(data: &[u8]) {
    let began = processor_time();
    TARGET.get().expect("a target")(data);
    let took = processor_time() - began;
    if took > SLOWEST.fetch_max(took, Ordering::Relaxed) {
        eprintln!(
            "slowest input: {}.{:03} ms",
            took / 1_000_000,
            took / 1000 % 1000
        );
    }
}
