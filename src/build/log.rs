//! The log of one image in one run: a file with every line, and the last lines in memory for the summary.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{LineWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::engine::BuildProgress;
use crate::host::fs::FileError;
use crate::settings::Mask;

const LAST_LINES: usize = 20;

/// An open log.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: LineWriter<File>,
    last_lines: VecDeque<String>,
    fault: Option<FileError>,
    mask: Mask,
}

impl Log {
    /// Opens a log; one that is there is continued.
    pub(crate) fn open(directory: &Path, name: &str) -> Result<Self, FileError> {
        let path = directory.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|source| FileError::new("open", &path, source))?;
        Ok(Self {
            path,
            file: LineWriter::new(file),
            last_lines: VecDeque::with_capacity(LAST_LINES),
            fault: None,
            mask: Mask::default(),
        })
    }

    /// Hides secrets in all that is written from now on.
    pub(crate) fn hiding(mut self, mask: Mask) -> Self {
        self.mask = mask;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the last lines that the work printed, without the words of this program.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        self.last_lines.iter().cloned().collect()
    }

    /// Writes a line that the work printed.
    pub(crate) fn line(&mut self, text: &str) {
        let text = self.mask.hide(text).into_owned();
        self.put("", &text);
        self.remember(text);
    }

    fn remember(&mut self, hidden: String) {
        if self.last_lines.len() == LAST_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(hidden);
    }

    /// Writes what begins; what another piece of work printed before is not what a failure of this one is told with.
    pub(crate) fn begin(&mut self, text: &str) {
        self.last_lines.clear();
        self.heading(text);
    }

    /// Writes a line of this program's own.
    pub(crate) fn heading(&mut self, text: &str) {
        self.write("== ", text);
    }

    /// Writes what a build told, each step's lines under its number.
    pub(crate) fn progress(&mut self, progress: &BuildProgress) {
        let number = |step| format!("#{step} ");
        match progress {
            BuildProgress::Started { step, name } => self.write(&number(step), name),
            BuildProgress::Line { step, text } => {
                let text = self.mask.hide(text).into_owned();
                self.put(&number(step), &text);
                self.remember(text);
            }
            BuildProgress::Ended {
                step,
                cached,
                error,
                took,
            } => {
                let how = match (cached, error) {
                    (_, Some(error)) => format!("ERROR {error}"),
                    (true, None) => "CACHED".to_owned(),
                    (false, None) => "DONE".to_owned(),
                };
                let text = format!("{how} {:.1}s", took.as_secs_f64());
                self.write(&number(step), &text);
            }
        }
    }

    /// Puts everything on disk; gives the first fault of all the writing.
    pub(crate) fn close(mut self) -> Result<(), FileError> {
        let flushed = self.file.flush();
        match (self.fault.take(), flushed) {
            (Some(fault), _) => Err(fault),
            (None, Err(source)) => Err(FileError::new("write", &self.path, source)),
            (None, Ok(())) => Ok(()),
        }
    }

    /// What stands before the text is no part of the line that may begin with a piece of a secret.
    fn write(&mut self, before: &str, text: &str) {
        let hidden = self.mask.hide(text).into_owned();
        self.put(before, &hidden);
    }

    fn put(&mut self, before: &str, hidden: &str) {
        // A full disk must not stop a build half way; it is told when the log is closed.
        if self.fault.is_none()
            && let Err(source) = writeln!(self.file, "{before}{hidden}")
        {
            self.fault = Some(FileError::new("write", &self.path, source));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_those_of_what_began_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = Log::open(directory.path(), "a").expect("a log");
        log.begin("build a:1");
        log.line("Setting up nginx");
        log.heading("built sha256:1");
        assert_eq!(log.last_lines(), ["Setting up nginx"]);
        log.begin("verify a:1");
        log.line("it does not work");
        // What this program says of the end does not take it away.
        log.heading("failed: exit code 1");
        assert_eq!(log.last_lines(), ["it does not work"]);
        let text = crate::host::fs::read_text(log.path()).expect("a log");
        assert_eq!(
            text,
            "== build a:1\nSetting up nginx\n== built sha256:1\n== verify a:1\nit does not work\n== failed: exit code 1\n"
        );
    }
}
