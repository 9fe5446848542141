//! Runs the real program in a directory of its own, with an environment in which nothing of this machine is left.
//!
//! ```text
//! $SANDBOX/     the working directory, in which files are laid out
//! $HOME/        the home directory, empty at first
//! bin/          programs of the test, first in the PATH
//! ```

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use regex::Regex;
use snapbox::{Assert, IntoData};
use tempfile::TempDir;

/// 2026-11-21 00:00:00 UTC: the time at which every run begins.
pub(crate) const NOW: &str = "1795219200";

/// A directory with files, in which the program runs.
pub(crate) struct Sandbox {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Sandbox {
    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["work", "home", "bin"] {
            fs::create_dir(root.path().join(directory)).expect("a directory in it");
        }
        Self {
            root,
            variables: Vec::new(),
        }
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        write(&self.path().join(path), text);
        self
    }

    /// Writes a file that can be run.
    pub(crate) fn executable(self, path: &str, text: &str) -> Self {
        write_executable(&self.path().join(path), text);
        self
    }

    /// Writes a file of the user's home directory.
    pub(crate) fn home_file(self, path: &str, text: &str) -> Self {
        write(&self.home().join(path), text);
        self
    }

    /// Puts a program into the PATH, before those of the machine.
    pub(crate) fn program(self, name: &str, text: &str) -> Self {
        write_executable(&self.root.path().join("bin").join(name), text);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the working directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Gives the home directory.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Reads a file of the working directory.
    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.path().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Lists the files below a directory of the working directory, with their paths in it, in order.
    pub(crate) fn files(&self, directory: &str) -> Vec<String> {
        let top = self.path().join(directory);
        let entries = walkdir::WalkDir::new(&top).sort_by_file_name();
        let entries = entries.into_iter().map(|entry| entry.expect("an entry"));
        entries
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| {
                let path = entry.path().strip_prefix(&top).expect("a path below it");
                path.display().to_string()
            })
            .collect()
    }

    /// Runs the program to its end.
    pub(crate) fn pkg(&self, arguments: &[&str]) -> Output {
        self.run(env!("CARGO_BIN_EXE_pkg"), arguments)
    }

    /// Runs any program to its end, in the same way.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let output = self
            .command(program)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
        Output::of(self, output)
    }

    /// Gives a command with the sandbox's directory and environment, for a test that wants to hold the process.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let bin = self.root.path().join("bin");
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("SOURCE_DATE_EPOCH", NOW)
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .env("TERM", "dumb")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// What a program wrote, and how it ended.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: ExitStatus,
    places: Vec<(PathBuf, &'static str)>,
}

impl Output {
    /// Takes what a command of a sandbox gave.
    pub(crate) fn of(sandbox: &Sandbox, output: std::process::Output) -> Self {
        Self {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            status: output.status,
            places: vec![(sandbox.path(), "$SANDBOX"), (sandbox.home(), "$HOME")],
        }
    }

    /// Compares all of it with a snapshot; `SNAPSHOTS=overwrite` rewrites the snapshot instead.
    #[track_caller]
    pub(crate) fn assert_snapshot(&self, expected: impl IntoData) -> &Self {
        Assert::new()
            .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
            .normalize_paths(false)
            .eq(self.render(), expected);
        self
    }

    /// Checks the exit code alone, and shows everything when it is another one.
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.render());
        self
    }

    /// Shows both streams, the exit status and an end mark, without what differs from run to run.
    pub(crate) fn render(&self) -> String {
        let stdout = whole_lines(&self.stdout);
        let stderr = match whole_lines(&self.stderr) {
            stderr if stderr.is_empty() => stderr,
            stderr => format!("------- stderr -------\n{stderr}"),
        };
        self.normalize(&format!("{stdout}{stderr}[{}]\n[EOF]\n", self.status))
    }

    fn normalize(&self, shown: &str) -> String {
        const PATTERNS: [(&str, &str); 3] = [
            ("sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
            (
                r"(?<host>127\.0\.0\.1|localhost|\[::1\]):\d+",
                "${host}:[PORT]",
            ),
            (
                r"(?<before>^|[^\w.-])(?:\d+m ?)?\d+(?:\.\d+)?(?:ms|s)\b",
                "${before}[TIME]",
            ),
        ];
        let mut shown = shown.to_owned();
        for (path, name) in &self.places {
            shown = shown.replace(&path.display().to_string(), name);
        }
        for (pattern, replacement) in PATTERNS {
            let pattern = Regex::new(&format!("(?m){pattern}")).expect("a pattern");
            shown = pattern.replace_all(&shown, replacement).into_owned();
        }
        shown
    }
}

/// Closes the last line visibly where the program did not.
fn whole_lines(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}[no newline]\n")
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("a program writes UTF-8")
}

fn write(path: &Path, text: &str) {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).expect("a directory");
    }
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn write_executable(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}
