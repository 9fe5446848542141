//! What a running build tells, the same for both builders.
//!
//! BuildKit sends states of vertexes, keyed by their digests, and fragments of log lines; the classic builder sends the
//! text that its client would print. Both become numbered steps with whole lines.

use std::collections::HashMap;
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex};

/// Longer lines are cut: a binary on the output must not fill the memory.
const LONGEST_LINE_BYTES: usize = 16 * 1024;
/// Further steps are not followed: nobody reads of so many, and an engine that never ends must not fill the memory.
const MOST_STEPS: usize = 10_000;
/// So many outputs of a step are read; a process has two.
const MOST_STREAMS: usize = 8;

/// One thing that a build told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildProgress {
    /// A step began.
    Started {
        /// Its number, from 1, in the order in which steps began.
        step: usize,
        /// Its name as the builder gives it: `[2/3] RUN make`.
        name: String,
    },
    /// A step printed a line, or the builder has a word on it.
    Line {
        /// The number of the step; 0 for words on the build as a whole.
        step: usize,
        /// The line, without its end.
        text: String,
    },
    /// A step ended.
    Ended {
        /// Its number.
        step: usize,
        /// Whether it came from the builder's cache.
        cached: bool,
        /// What it failed with.
        error: Option<String>,
        /// How long it took.
        took: Duration,
    },
}

/// Puts fragments together to lines; what `\r` overwrites is gone, as on a terminal.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Takes a fragment and gives the lines that it ends.
    pub(super) fn push(&mut self, fragment: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in fragment {
            if byte == b'\n' {
                lines.push(self.take());
            } else if self.pending.len() < LONGEST_LINE_BYTES {
                self.pending.push(byte);
            }
        }
        lines
    }

    /// Gives what is left when no more comes.
    pub(super) fn finish(&mut self) -> Option<String> {
        (!self.pending.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.pending);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\r');
        text.rsplit('\r').next().unwrap_or(text).to_owned()
    }
}

#[derive(Debug, Default)]
struct Step {
    number: usize,
    ended: bool,
    lines: HashMap<i64, Lines>,
}

/// Follows the states of BuildKit's vertexes.
#[derive(Debug, Default)]
pub(super) struct BuildKitFollower {
    steps: HashMap<String, Step>,
    failed: Option<FailedStep>,
}

/// The step that failed, and what it failed with.
#[derive(Clone, Debug)]
pub(super) struct FailedStep {
    /// Its name as the builder gives it.
    pub(super) name: String,
    /// The builder's words.
    pub(super) error: String,
}

impl BuildKitFollower {
    /// Takes one report and gives what it tells anew.
    pub(super) fn follow(&mut self, report: StatusResponse) -> Vec<BuildProgress> {
        let mut told = Vec::new();
        for vertex in &report.vertexes {
            self.begin(vertex, &mut told);
        }
        for log in report.logs {
            let Some(step) = self.steps.get_mut(&log.vertex) else {
                continue;
            };
            let number = step.number;
            let is_known = step.lines.contains_key(&log.stream);
            if step.ended || (!is_known && step.lines.len() >= MOST_STREAMS) {
                continue;
            }
            let lines = step.lines.entry(log.stream).or_default().push(&log.msg);
            told.extend(
                lines
                    .into_iter()
                    .map(|text| BuildProgress::Line { step: number, text }),
            );
        }
        for warning in report.warnings {
            let step = self
                .steps
                .get(&warning.vertex)
                .map_or(0, |step| step.number);
            let short = String::from_utf8_lossy(&warning.short);
            let text = format!("warning: {}", super::error::one_line(&short));
            told.push(BuildProgress::Line { step, text });
        }
        for vertex in &report.vertexes {
            self.end(vertex, &mut told);
        }
        told
    }

    /// Gives the step that failed.
    pub(super) fn failed(&self) -> Option<&FailedStep> {
        self.failed.as_ref()
    }

    fn begin(&mut self, vertex: &Vertex, told: &mut Vec<BuildProgress>) {
        let begins = vertex.started.is_some() || vertex.cached || !vertex.error.is_empty();
        let is_new = || !self.steps.contains_key(&vertex.digest);
        if begins && self.steps.len() < MOST_STEPS && is_new() {
            let number = self.steps.len() + 1;
            self.steps.insert(
                vertex.digest.clone(),
                Step {
                    number,
                    ..Step::default()
                },
            );
            let name = super::error::one_line(&vertex.name);
            told.push(BuildProgress::Started { step: number, name });
        }
    }

    fn end(&mut self, vertex: &Vertex, told: &mut Vec<BuildProgress>) {
        let ends = vertex.completed.is_some() || !vertex.error.is_empty();
        let step = self.steps.get_mut(&vertex.digest);
        if !ends || step.as_ref().is_some_and(|step| step.ended) {
            return;
        }
        let error = (!vertex.error.is_empty()).then(|| super::error::one_line(&vertex.error));
        // What is cancelled because of another step's error says nothing of its own.
        if let Some(error) = &error
            && !error.contains("context canceled")
        {
            self.failed = Some(FailedStep {
                name: super::error::one_line(&vertex.name),
                error: error.clone(),
            });
        }
        let Some(step) = step else {
            return;
        };
        step.ended = true;
        let number = step.number;
        let lines = std::mem::take(&mut step.lines);
        let rest = lines.into_values().filter_map(|mut lines| lines.finish());
        told.extend(rest.map(|text| BuildProgress::Line { step: number, text }));
        told.push(BuildProgress::Ended {
            step: number,
            cached: vertex.cached,
            error,
            took: between(vertex.started, vertex.completed),
        });
    }
}

fn between(started: Option<Timestamp>, completed: Option<Timestamp>) -> Duration {
    let nanoseconds =
        |time: Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    match (started, completed) {
        (Some(started), Some(completed)) => {
            u64::try_from(nanoseconds(completed) - nanoseconds(started))
                .map(Duration::from_nanos)
                .unwrap_or_default()
        }
        _ => Duration::ZERO,
    }
}

/// Finds which step begins with a line, and its instruction; with several stages podman says the stage before it.
///
/// ```text
/// Step 2/3 : RUN make          Docker
/// STEP 2/3: RUN make           podman
/// [1/2] STEP 2/3: RUN make     podman
/// ```
fn find_instruction(line: &str) -> Option<(&str, &str)> {
    let docker = line
        .strip_prefix("Step ")
        .and_then(|rest| rest.split_once(" : "));
    docker
        .or_else(|| find_step_of_podman(line))
        .filter(|(count, _)| is_count(count))
}

fn find_step_of_podman(line: &str) -> Option<(&str, &str)> {
    let staged = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .filter(|(stage, _)| is_count(stage));
    let step = staged.map_or(line, |(_, step)| step);
    step.strip_prefix("STEP ")?.split_once(": ")
}

fn is_count(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = text.split_once('/');
    numbers.is_some_and(|(step, of)| is_number(step) && is_number(of))
}

/// Follows the text of the classic builder: `Step 2/3 : RUN make`, or podman's `STEP 2/3: RUN make`, begins a step, all
/// else is its output.
#[derive(Debug, Default)]
pub(super) struct ClassicFollower {
    lines: Lines,
    step: usize,
    began: Option<std::time::Instant>,
    cached: bool,
}

impl ClassicFollower {
    /// Takes a fragment of the text and gives what it tells anew.
    pub(super) fn follow(&mut self, fragment: &str) -> Vec<BuildProgress> {
        let lines = self.lines.push(fragment.as_bytes());
        lines.into_iter().flat_map(|line| self.line(line)).collect()
    }

    /// Gives what is left when no more comes.
    pub(super) fn finish(&mut self, error: Option<&str>) -> Vec<BuildProgress> {
        let rest = self.lines.finish();
        let mut told: Vec<_> = rest.into_iter().flat_map(|line| self.line(line)).collect();
        told.extend(self.end_step(error));
        told
    }

    fn line(&mut self, line: String) -> Vec<BuildProgress> {
        if let Some((count, instruction)) = find_instruction(&line) {
            let mut told: Vec<_> = self.end_step(None).into_iter().collect();
            self.step += 1;
            self.began = Some(std::time::Instant::now());
            let name = super::error::one_line(&format!("[{count}] {instruction}"));
            told.push(BuildProgress::Started {
                step: self.step,
                name,
            });
            return told;
        }
        let told = line.trim().trim_start_matches('-');
        if told == "> Using cache" || told.starts_with("> Using cache ") {
            self.cached = true;
        }
        vec![BuildProgress::Line {
            step: self.step,
            text: line,
        }]
    }

    fn end_step(&mut self, error: Option<&str>) -> Option<BuildProgress> {
        let began = self.began.take()?;
        Some(BuildProgress::Ended {
            step: self.step,
            cached: std::mem::take(&mut self.cached),
            error: error.map(super::error::one_line),
            took: began.elapsed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::buildkit::v1::{VertexLog, VertexWarning};

    use super::*;

    fn vertex(name: &str, started: Option<i64>, completed: Option<i64>, error: &str) -> Vertex {
        let at = |seconds: Option<i64>| seconds.map(|seconds| Timestamp { seconds, nanos: 0 });
        Vertex {
            digest: format!("sha256:{name}"),
            name: name.to_owned(),
            started: at(started),
            completed: at(completed),
            error: error.to_owned(),
            ..Vertex::default()
        }
    }

    fn log(vertex: &str, stream: i64, text: &str) -> VertexLog {
        VertexLog {
            vertex: format!("sha256:{vertex}"),
            stream,
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        }
    }

    #[test]
    fn vertexes_become_steps_and_fragments_become_lines() {
        let mut follower = BuildKitFollower::default();
        let told = follower.follow(StatusResponse {
            vertexes: vec![
                vertex("a", Some(10), None, ""),
                vertex("later", None, None, ""),
            ],
            logs: vec![
                log("a", 1, "one\ntw"),
                log("a", 2, "err"),
                log("a", 1, "o\n"),
            ],
            ..StatusResponse::default()
        });
        let line = |text: &str| BuildProgress::Line {
            step: 1,
            text: text.to_owned(),
        };
        let started = BuildProgress::Started {
            step: 1,
            name: "a".to_owned(),
        };
        assert_eq!(told, [started, line("one"), line("two")]);
        let told = follower.follow(StatusResponse {
            vertexes: vec![vertex("a", Some(10), Some(12), "exit code: 2")],
            ..StatusResponse::default()
        });
        let ended = BuildProgress::Ended {
            step: 1,
            cached: false,
            error: Some("exit code: 2".to_owned()),
            took: Duration::from_secs(2),
        };
        assert_eq!(told, [line("err"), ended]);
        let failed = follower.failed().expect("a failed step");
        assert_eq!(failed.error, "exit code: 2");
        let again = follower.follow(StatusResponse {
            vertexes: vec![vertex("a", Some(10), Some(12), "exit code: 2")],
            ..StatusResponse::default()
        });
        assert_eq!(again, []);
    }

    #[test]
    fn endless_steps_and_streams_are_not_kept_and_an_error_is() {
        let mut follower = BuildKitFollower::default();
        let name = |number: usize| format!("step {number}");
        for number in 0..MOST_STEPS + 100 {
            let (begins, logs) = (vertex(&name(number), Some(1), None, ""), Vec::new());
            let report = StatusResponse {
                vertexes: vec![begins],
                logs,
                ..StatusResponse::default()
            };
            let told = follower.follow(report).len();
            assert_eq!(told, usize::from(number < MOST_STEPS), "{number}");
        }
        assert_eq!(follower.steps.len(), MOST_STEPS);
        let logs = (0..1000).map(|stream| log(&name(1), stream, "x")).collect();
        let _ = follower.follow(StatusResponse {
            logs,
            ..StatusResponse::default()
        });
        let digest = format!("sha256:{}", name(1));
        assert_eq!(follower.steps[&digest].lines.len(), MOST_STREAMS);
        let ends = |number, error: &str| StatusResponse {
            vertexes: vec![vertex(&name(number), Some(1), Some(2), error)],
            ..StatusResponse::default()
        };
        let _ = follower.follow(ends(1, ""));
        assert!(follower.steps[&digest].lines.is_empty());
        let _ = follower.follow(ends(MOST_STEPS + 50, "exit code: 2"));
        let failed = follower.failed().expect("a step that is not followed");
        assert_eq!(failed.name, name(MOST_STEPS + 50));
    }

    #[test]
    fn a_warning_is_one_line() {
        let mut follower = BuildKitFollower::default();
        let told = follower.follow(StatusResponse {
            warnings: vec![VertexWarning {
                short: b"old\nform".to_vec(),
                ..VertexWarning::default()
            }],
            ..StatusResponse::default()
        });
        let (step, text) = (0, "warning: old form".to_owned());
        assert_eq!(told, [BuildProgress::Line { step, text }]);
    }

    #[test]
    fn the_classic_text_becomes_steps() {
        let mut follower = ClassicFollower::default();
        let told =
            follower.follow("Step 1/2 : FROM a\n ---> 123\nStep 2/2 : RUN b\n ---> Using ca");
        assert_eq!(told.len(), 4);
        assert_eq!(
            told[0],
            BuildProgress::Started {
                step: 1,
                name: "[1/2] FROM a".to_owned()
            }
        );
        let told = follower.finish(Some("exit code: 1"));
        assert!(
            matches!(
                &told[1],
                BuildProgress::Ended {
                    step: 2,
                    error: Some(_),
                    ..
                }
            ),
            "{told:?}"
        );
    }

    #[test]
    fn the_text_of_podman_becomes_the_same_steps() {
        assert_eq!(
            find_instruction("Step 2/3 : RUN make"),
            Some(("2/3", "RUN make"))
        );
        for podman in ["STEP 2/3: RUN make", "[1/2] STEP 2/3: RUN make"] {
            assert_eq!(find_instruction(podman), Some(("2/3", "RUN make")));
        }
        for other in [
            "STEP by STEP: it goes",
            "[x] STEP 2/3: RUN make",
            "Step 2 of 3 : no",
        ] {
            assert_eq!(find_instruction(other), None);
        }
        let mut follower = ClassicFollower::default();
        let told = follower.follow("STEP 1/1: RUN make\n--> Using cache 0a1b\n");
        assert_eq!(told.len(), 2);
        let told = follower.finish(None);
        assert!(
            matches!(&told[..], [BuildProgress::Ended { cached: true, .. }]),
            "{told:?}"
        );
    }

    #[test]
    fn carriage_returns_overwrite_and_endless_lines_are_cut() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b" 10%\r 50%\r100%\r\nnext\n"), ["100%", "next"]);
        lines.push(&vec![b'x'; 10 * LONGEST_LINE_BYTES]);
        assert_eq!(
            lines.finish().map(|line| line.len()),
            Some(LONGEST_LINE_BYTES)
        );
    }
}
