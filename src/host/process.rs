//! Programs: each one has a deadline, an environment that is given, and a process group of its own that ends with it.
//!
//! Nothing of a program outlives its run: what it left in its group is killed when it ends, when the deadline passes,
//! when the run is cancelled, and when the future is dropped.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, connect};
use crate::settings::Mask;

/// A program to run.
#[derive(Debug)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    input: Vec<u8>,
    output: Output,
    mask: Mask,
    deadline: Duration,
    grace: Duration,
}

/// Where the output of a program goes.
#[derive(Debug)]
pub enum Output {
    /// Both streams come as lines, in the order in which they were written; all are given as [`Stream::Output`].
    Merged,
    /// Both streams come as lines of their own, without an order between them.
    Separate,
    /// Standard output goes into the file, standard error comes as lines.
    File(File),
}

/// The stream of which a line came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No such program is in the `PATH` that was given to it.
    #[error("cannot find the program `{program}`")]
    NotFound {
        /// The program's name.
        program: String,
    },
    /// The program is there, and could not be started.
    #[error("cannot start the program `{program}`")]
    Start {
        /// The program's name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// Talking with the program failed.
    #[error("lost the program `{program}`")]
    Lost {
        /// The program's name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The program took too long and was ended.
    #[error("`{program}` was ended after {} seconds, which is the most it may take", deadline.as_secs_f64())]
    Deadline {
        /// The program's name.
        program: String,
        /// The time that it had.
        deadline: Duration,
    },
    /// The run was cancelled and the program ended.
    #[error("`{program}` was interrupted")]
    Cancelled {
        /// The program's name.
        program: String,
    },
    /// Something else killed the program.
    #[error("`{program}` was killed by signal {signal}")]
    Signal {
        /// The program's name.
        program: String,
        /// The number of the signal.
        signal: i32,
    },
    /// The program ended with an exit code that is not 0.
    #[error("`{program}` ended with exit code {code}")]
    Exit {
        /// The program's name.
        program: String,
        /// The exit code.
        code: i32,
    },
}

impl Program {
    /// Names a program: a path, or a name to be found in the `PATH` that is given with [`Program::variable`].
    ///
    /// Its input is empty, its output [`Output::Merged`], its environment empty, its deadline a minute.
    #[must_use]
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            directory: None,
            input: Vec::new(),
            output: Output::Merged,
            mask: Mask::default(),
            deadline: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable; no other is handed on.
    #[must_use]
    pub fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let (name, value) = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.environment.insert(name, value);
        self
    }

    /// Sets the directory in which it runs.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Gives it bytes to read.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Says where its output goes.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Ends no part of a very long line within a secret: who hides it has to find it in one of them.
    #[must_use]
    pub fn hiding(mut self, mask: &Mask) -> Self {
        self.mask = mask.clone();
        self
    }

    /// Sets how long it may run.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how long it has between SIGTERM and SIGKILL.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Runs the program to its end; `on_line` gets its lines as they come, also those it writes while it is ended.
    pub async fn run(
        self,
        cancelled: &CancellationToken,
        on_line: impl FnMut(Stream, &str),
    ) -> Result<(), ProcessError> {
        let (deadline, grace) = (self.deadline, self.grace);
        let program = self.name.to_string_lossy().into_owned();
        let mut conversation = self.start(on_line)?;
        let ending = tokio::select! {
            biased;
            () = cancelled.cancelled() => Ending::Cancelled,
            () = tokio::time::sleep(deadline) => Ending::Deadline,
            status = conversation.go_on() => Ending::Own(status),
        };
        if !matches!(ending, Ending::Own(_)) {
            conversation.end(grace).await;
        }
        match ending {
            Ending::Own(Err(source)) => Err(ProcessError::Lost { program, source }),
            Ending::Own(Ok(status)) => judge(program, status),
            Ending::Deadline => Err(ProcessError::Deadline { program, deadline }),
            Ending::Cancelled => Err(ProcessError::Cancelled { program }),
        }
    }

    fn start<F: FnMut(Stream, &str)>(self, on_line: F) -> Result<Conversation<F>, ProcessError> {
        let program = self.name.to_string_lossy().into_owned();
        let is_missing = |error: &io::Error| {
            error.kind() == io::ErrorKind::NotFound
                && self.directory.as_deref().is_none_or(Path::is_dir)
                // A script that is there with an interpreter that is not gives the same error.
                && !(self.name.as_encoded_bytes().contains(&b'/') && Path::new(&self.name).exists())
        };
        #[expect(clippy::disallowed_methods, reason = "this is where programs run")]
        let mut command = tokio::process::Command::new(&self.name);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(if self.input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let spawned = connect(&mut command, self.output, &self.mask)
            .and_then(|streams| Ok((command.spawn()?, streams)))
            .map_err(|source| (is_missing(&source), source));
        // The command holds our copies of the pipes' writing ends; while it lives, they never close.
        drop(command);
        match spawned {
            Ok((child, streams)) => Ok(Conversation::new(child, self.input, streams, on_line)),
            Err((true, _)) => Err(ProcessError::NotFound { program }),
            Err((false, source)) => Err(ProcessError::Start { program, source }),
        }
    }
}

enum Ending {
    Own(io::Result<ExitStatus>),
    Deadline,
    Cancelled,
}

fn judge(program: String, status: ExitStatus) -> Result<(), ProcessError> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(ProcessError::Exit { program, code }),
        (None, signal) => Err(ProcessError::Signal {
            program,
            signal: signal.unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    fn shell(script: &str) -> Program {
        Program::new("sh")
            .arguments(["-c", script])
            .variable("PATH", "/usr/bin:/bin")
    }

    async fn run(program: Program) -> (Vec<String>, Result<(), ProcessError>) {
        let mut lines = Vec::new();
        let result = program
            .run(&CancellationToken::new(), |stream, line| {
                lines.push(format!("{stream:?}: {line}"));
            })
            .await;
        (lines, result)
    }

    /// Tells whether a process lives; one that is dead and not yet reaped by its new parent does not.
    fn lives(pid: &str) -> bool {
        let status = super::super::fs::read_text(&Path::new("/proc").join(pid).join("stat"));
        status.is_ok_and(|text| !text.contains(") Z "))
    }

    #[track_caller]
    fn assert_dies(pid: &str) {
        assert!(pid.parse::<u32>().is_ok(), "`{pid}` is no process");
        for _ in 0..100 {
            if !lives(pid) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("process {pid} lives on");
    }

    #[tokio::test]
    async fn merged_lines_keep_the_order_in_which_they_were_written() {
        let script = "for i in 1 2 3; do echo out $i; echo error $i >&2; done";
        let (lines, result) = run(shell(script)).await;
        result.unwrap();
        let expected = ["out 1", "error 1", "out 2", "error 2", "out 3", "error 3"];
        assert_eq!(lines, expected.map(|line| format!("Output: {line}")));
    }

    #[tokio::test]
    async fn separate_lines_tell_their_stream() {
        let (mut lines, result) = run(shell("echo a; echo b >&2").output(Output::Separate)).await;
        result.unwrap();
        lines.sort();
        assert_eq!(lines, ["Error: b", "Output: a"]);
    }

    #[tokio::test]
    async fn standard_output_can_go_into_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        let output = Output::File(File::create(&path).unwrap());
        let (lines, result) = run(shell("echo data; echo talk >&2").output(output)).await;
        result.unwrap();
        assert_eq!(lines, ["Error: talk"]);
        assert_eq!(super::super::fs::read_text(&path).unwrap(), "data\n");
    }

    #[tokio::test]
    async fn the_environment_and_the_directory_are_what_was_given() {
        let program = shell("env | grep -v -e ^_= -e ^SHLVL= | sort; pwd")
            .variable("A", "1")
            .directory("/usr");
        let (lines, result) = run(program).await;
        result.unwrap();
        let expected = ["A=1", "PATH=/usr/bin:/bin", "PWD=/usr", "/usr"];
        assert_eq!(lines, expected.map(|line| format!("Output: {line}")));
    }

    #[tokio::test]
    async fn input_larger_than_a_pipe_is_read_while_output_is_written() {
        let (lines, result) = run(shell("cat").input("line\n".repeat(100_000))).await;
        result.unwrap();
        assert_eq!(lines.len(), 100_000);
        let (lines, result) = run(shell("cat")).await;
        result.unwrap();
        assert_eq!(lines, [""; 0], "without input, its end is read at once");
    }

    #[tokio::test]
    async fn input_that_nobody_reads_is_no_failure() {
        let (_, result) = run(shell("exec 0<&-; exit 3").input("x".repeat(1_000_000))).await;
        match result {
            Err(ProcessError::Exit { program, code: 3 }) => assert_eq!(program, "sh"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_told_from_one_that_does_not_start() {
        let path = ("PATH", "/usr/bin:/bin");
        let missing = Program::new("no-such-program").variable(path.0, path.1);
        let (_, result) = run(missing).await;
        let error = result.expect_err("there is no such program");
        assert_eq!(
            error.to_string(),
            "cannot find the program `no-such-program`"
        );
        for program in [Program::new("/usr"), shell("true").directory("/nowhere")] {
            match run(program).await.1 {
                Err(ProcessError::Start { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_signal_is_told_with_its_number() {
        match run(shell("kill -KILL $$")).await.1 {
            Err(ProcessError::Signal { signal: 9, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn at_the_deadline_the_whole_group_ends_and_may_say_a_last_word() {
        let script = "trap 'echo bye; exit' TERM; sleep 60 & echo $!; wait";
        let (lines, result) = run(shell(script).deadline(SHORT)).await;
        match result {
            Err(ProcessError::Deadline { deadline, .. }) => assert_eq!(deadline, SHORT),
            other => panic!("{other:?}"),
        }
        assert_eq!(lines[1..], ["Output: bye"]);
        assert_dies(lines[0].trim_start_matches("Output: "));
    }

    #[tokio::test]
    async fn a_program_that_ignores_its_end_is_killed() {
        let script = "trap '' TERM; echo $$; while true; do sleep 0.05; done";
        let (lines, result) = run(shell(script).deadline(SHORT).grace(SHORT)).await;
        match result {
            Err(ProcessError::Deadline { .. }) => {}
            other => panic!("{other:?}"),
        }
        assert_dies(lines[0].trim_start_matches("Output: "));
    }

    #[tokio::test]
    async fn what_a_program_leaves_in_its_group_neither_lives_nor_is_waited_for() {
        let (lines, result) =
            run(shell("sleep 60 & echo $!").deadline(Duration::from_secs(20))).await;
        result.unwrap();
        assert_dies(lines[0].trim_start_matches("Output: "));
    }

    #[tokio::test]
    async fn cancelling_ends_the_program() {
        let token = CancellationToken::new();
        let mut lines = Vec::new();
        let result = shell("echo $$; sleep 60")
            .run(&token, |_, line| {
                lines.push(line.to_owned());
                token.cancel();
            })
            .await;
        match result {
            Err(ProcessError::Cancelled { .. }) => {}
            other => panic!("{other:?}"),
        }
        assert_dies(&lines[0]);
    }

    #[tokio::test]
    async fn dropping_the_run_leaves_no_process() {
        let mut pids = Vec::new();
        let token = CancellationToken::new();
        let run = shell("trap '' TERM; sleep 60 & echo $$ $!; wait")
            .run(&token, |_, line| pids.push(line.to_owned()));
        tokio::time::timeout(SHORT, run)
            .await
            .expect_err("it runs for a minute");
        for pid in pids[0].split(' ') {
            assert_dies(pid);
        }
    }
}
