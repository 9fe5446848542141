//! All that a run leaves behind, sorted by where: eight places in which no secret may be.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::needle::Needle;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;

/// The places, in the order of the table.
pub(super) const SINKS: [&str; 8] = [
    "stdout",
    "stderr",
    "json",
    "logs",
    "state",
    "image",
    "children",
    "temporary",
];

/// What was found in each place.
#[derive(Debug, Default)]
pub(super) struct Sinks([Vec<u8>; 8]);

impl Sinks {
    fn add(&mut self, sink: &str, bytes: &[u8]) {
        let place = SINKS.iter().position(|name| *name == sink);
        let kept = &mut self.0[place.expect("a place of the table")];
        kept.extend_from_slice(bytes);
        kept.push(b'\n');
    }

    /// Gives what a place holds.
    pub(super) fn text(&self, sink: &str) -> String {
        let place = SINKS.iter().position(|name| *name == sink);
        String::from_utf8_lossy(&self.0[place.expect("a place")]).into_owned()
    }

    /// Tells for each place in which form it holds the secret.
    pub(super) fn search(&self, needle: &Needle) -> [Option<&'static str>; 8] {
        self.0.each_ref().map(|bytes| needle.find(bytes))
    }

    /// Runs the program and takes in what it writes and what its children are told.
    pub(super) fn run(
        &mut self,
        catalog: &Catalog<'_>,
        arguments: &[&str],
        input: &str,
    ) -> Option<i32> {
        let talk = tempfile::tempdir().expect("a directory");
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| talk.path().join(name));
        let file = |path: &Path| fs::File::create(path).expect("a file");
        let mut command = catalog.sandbox().command(env!("CARGO_BIN_EXE_pkg"));
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file(&stdout))
            .stderr(file(&stderr))
            .spawn()
            .expect("the program");
        let mut pipe = child.stdin.take().expect("a pipe");
        // A program that does not read its input has closed it.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let seen = watch(&mut child);
        self.add("children", &seen);
        let is_json = arguments.contains(&"--json");
        let output = fs::read(&stdout).expect("a file");
        self.add(if is_json { "json" } else { "stdout" }, &output);
        self.add("stderr", &fs::read(&stderr).expect("a file"));
        child.wait().expect("a child").code()
    }

    /// Takes in what is on disk, except for what the test itself put there.
    pub(super) fn collect_files(&mut self, catalog: &Catalog<'_>, own: &[PathBuf]) {
        let home = catalog.sandbox().home();
        let entries = walkdir::WalkDir::new(&home).into_iter();
        for entry in entries.map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            let below = path.strip_prefix(&home).expect("a path below");
            let sink = if below.starts_with(".local/state/pkg/logs") {
                "logs"
            } else if below.starts_with("tmp") {
                "temporary"
            } else {
                "state"
            };
            if own.iter().any(|own| own == below) {
                continue;
            }
            self.add(sink, below.as_os_str().as_encoded_bytes());
            if entry.file_type().is_file() {
                self.add(sink, &fs::read(path).expect("a file"));
            }
        }
        // What the tests of the images saw, where they ran.
        for entry in fs::read_dir(catalog.sandbox().path().join("seen"))
            .into_iter()
            .flatten()
        {
            let path = entry.expect("an entry").path();
            self.add("children", &fs::read(path).expect("a file"));
        }
    }

    /// Takes in an image: labels, configuration, history, and every byte of its layers.
    pub(super) fn collect_image(&mut self, engine: &Engine, catalog: &Catalog<'_>, name: &str) {
        let image = format!("{}:1-1", catalog.repository(name));
        let Some(inspected) = catalog.find(&image) else {
            return;
        };
        let inspected = serde_json::to_vec(&inspected).expect("JSON");
        self.add("image", &inspected);
        let history = engine.wait(engine.docker().image_history(&image));
        let history = serde_json::to_vec(&history.expect("a history")).expect("JSON");
        self.add("image", &history);
        let archive: Vec<_> = engine.wait(engine.docker().export_image(&image).collect());
        for chunk in archive {
            self.add_part("image", &chunk.expect("an archive"));
        }
    }

    fn add_part(&mut self, sink: &str, bytes: &[u8]) {
        let place = SINKS.iter().position(|name| *name == sink);
        self.0[place.expect("a place")].extend_from_slice(bytes);
    }
}

/// Reads, until a program ends, its command line and the command lines and environments of all processes below it.
fn watch(child: &mut Child) -> Vec<u8> {
    let pid = child.id();
    let has_ended = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&has_ended);
    let watcher = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while !ended.load(Ordering::Relaxed) {
            for process in family(pid) {
                let directory = Path::new("/proc").join(process.to_string());
                // It may be gone already.
                let mut parts = vec![fs::read(directory.join("cmdline")).unwrap_or_default()];
                parts.extend(environment_of(process, pid));
                for part in parts.into_iter().filter(|part| !part.is_empty()) {
                    if !seen.contains(&part) {
                        seen.push(part);
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        seen.join(&b'\n')
    });
    child.wait().expect("a child");
    has_ended.store(true, Ordering::Relaxed);
    watcher.join().expect("what was seen")
}

/// Reads the environment of a process below the program. Until it runs another program it has the program's own, which is
/// nobody else's.
fn environment_of(process: u32, program: u32) -> Option<Vec<u8>> {
    let runs = |pid: u32| fs::read_link(format!("/proc/{pid}/exe")).ok();
    let before = runs(process)?;
    let environment = fs::read(format!("/proc/{process}/environ")).ok()?;
    let is_its_own = runs(program)? != before && runs(process)? == before;
    is_its_own.then_some(environment)
}

fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        next += 1;
        let tasks = fs::read_dir(format!("/proc/{parent}/task"))
            .into_iter()
            .flatten();
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    family
}
