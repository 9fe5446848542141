//! Processes that a killed run left: they are known by a variable that the run gave to all that it started.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use super::fs::read_bytes;

/// The variable that all programs of a run have, with the name of the run.
pub const RUN_VARIABLE: &str = "PKG_RUN";

/// Kills the processes that have the variable set to one of these values, as far as this user may, and counts them.
#[expect(clippy::must_use_candidate, reason = "they are dead whoever counts")]
pub fn kill_marked(variable: &str, values: &BTreeSet<String>) -> usize {
    if values.is_empty() {
        return 0;
    }
    // The processes of this machine; where they are not told, none is found.
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return 0;
    };
    let pids = processes.flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let is_marked =
            find_variable(&entry.path(), variable).is_some_and(|it| values.contains(&it));
        Pid::from_raw(pid).filter(|_| is_marked)
    });
    // One that ends by itself meanwhile needs no more.
    pids.filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
        .count()
}

fn find_variable(process: &Path, variable: &str) -> Option<String> {
    let environment = read_bytes(&process.join("environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    variables.find_map(|pair| {
        let value = str::from_utf8(pair).ok()?.strip_prefix(variable)?;
        value.strip_prefix('=').map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::super::{ProcessError, Program, unique_hex};
    use super::*;

    #[tokio::test]
    async fn marked_processes_die_and_others_do_not() {
        const NAME: &str = "PKG_TEST_MARK";
        let marks = [unique_hex(), unique_hex()];
        let run = |mark: &str| {
            let program = Program::new("sh")
                .arguments(["-c", "echo up; trap '' TERM; sleep 20 & wait; sleep 20"]);
            program
                .variable("PATH", "/usr/bin:/bin")
                .variable(NAME, mark)
                .deadline(Duration::from_secs(30))
        };
        let token = CancellationToken::new();
        let (values, other) = (BTreeSet::from([marks[0].clone()]), marks[1].clone());
        let mut killed = 0;
        let result = run(&marks[0])
            .run(&token, |_, _| killed += kill_marked(NAME, &values))
            .await;
        assert!(
            matches!(result, Err(ProcessError::Signal { signal: 9, .. })),
            "{result:?}"
        );
        assert!(
            (1..=2).contains(&killed),
            "{killed}: the shell, and what it had started by then"
        );
        assert_eq!(kill_marked(NAME, &BTreeSet::new()), 0);
        let mut lives = false;
        let cancelled = CancellationToken::new();
        let result = run(&other).run(&cancelled, |_, _| {
            lives = kill_marked(NAME, &values) == 0;
            cancelled.cancel();
        });
        let result = result.await;
        assert!(
            matches!(result, Err(ProcessError::Cancelled { .. })),
            "{result:?}"
        );
        assert!(lives);
    }
}
