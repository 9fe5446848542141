//! The end of a run: what was done, what was not and why, and where to read on.
//!
//! ```text
//! ✗ failed to build nginx 1.22.1-9: `apt-get install` ended with exit code 100
//!     │ E: Unable to locate package libpcre4
//!     the whole log:
//!     /home/ann/.local/state/pkg/logs/20261121-073000-4711-3f2a/nginx_1.22.1-9
//! – blocked by nginx 1.22.1-9: shop 3.1-2, wiki 1.0-7
//! 3 built, 2 published, 24 already published, 1 failed, 2 blocked in 1m12s
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lines::{infinitive, label, past, phase_label};
use super::look::{Look, Tone};
use super::{duration, lines, text};
use crate::build::{Fault, Phase};
use crate::ledger::Due;
use crate::oci::{Reference, Tag};

/// How many of the last lines of a log are shown.
const LAST_LINES: usize = 12;

/// A phase of an image that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The image.
    pub image: Reference,
    /// What was being done.
    pub phase: Phase,
    /// Whose fault it is.
    pub fault: Fault,
    /// What went wrong.
    pub cause: String,
    /// The last lines of the log.
    pub last_lines: Vec<String>,
    /// The whole log, where one was written.
    pub log: Option<PathBuf>,
}

/// An image that was not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The image.
    pub image: Reference,
    /// The image whose failure is the reason.
    pub by: Reference,
}

/// An image that was not tried, since it failed several times before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The image.
    pub image: Reference,
    /// How many times it failed in a row with the same inputs.
    pub failures: u32,
    /// When its next try is due.
    pub until: Due,
    /// The log of the last try, where it is still there.
    pub log: Option<PathBuf>,
}

/// What a run did and did not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The phase that the run was about.
    pub work: Phase,
    /// Images whose packages were chosen.
    pub resolved: Vec<Reference>,
    /// Outside images that were refreshed.
    pub pulled: Vec<Reference>,
    /// Images that were built.
    pub built: Vec<Reference>,
    /// Images whose tests passed.
    pub verified: Vec<Reference>,
    /// Images whose digest the registry confirmed.
    pub published: Vec<Reference>,
    /// How many images needed nothing, by reason as it reads after a number: `already published`.
    pub skipped: Vec<(String, usize)>,
    /// What failed.
    pub failed: Vec<Failure>,
    /// What was not tried because it failed too often.
    pub waiting: Vec<Waiting>,
    /// What was not tried because of another image that failed or waits.
    pub blocked: Vec<Blocked>,
    /// What was not begun after the first failure, as `--fail-fast` has it.
    pub given_up: Vec<Reference>,
    /// What was stopped because the user interrupted the run.
    pub interrupted: Vec<Reference>,
    /// How many images still waited when the run ended.
    pub not_begun: usize,
    /// How long the run took.
    pub took: Duration,
}

impl Summary {
    /// Makes the summary of a run in which nothing happened yet.
    #[must_use]
    pub fn new(work: Phase) -> Self {
        Self {
            work,
            resolved: Vec::new(),
            pulled: Vec::new(),
            built: Vec::new(),
            verified: Vec::new(),
            published: Vec::new(),
            skipped: Vec::new(),
            failed: Vec::new(),
            waiting: Vec::new(),
            blocked: Vec::new(),
            given_up: Vec::new(),
            interrupted: Vec::new(),
            not_begun: 0,
            took: Duration::ZERO,
        }
    }

    /// Counts an image that needs nothing; the reason reads after a number: `already published`.
    pub fn skip(&mut self, reason: &str) {
        match self.skipped.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => self.skipped.push((reason.to_owned(), 1)),
        }
    }

    /// Gives the images that passed a phase.
    #[must_use]
    pub fn passed(&self, phase: Phase) -> &[Reference] {
        match phase {
            Phase::Resolve => &self.resolved,
            Phase::Pull => &self.pulled,
            Phase::Build => &self.built,
            Phase::Verify => &self.verified,
            Phase::Publish => &self.published,
        }
    }

    pub(super) fn passed_mut(&mut self, phase: Phase) -> &mut Vec<Reference> {
        match phase {
            Phase::Resolve => &mut self.resolved,
            Phase::Pull => &mut self.pulled,
            Phase::Build => &mut self.built,
            Phase::Verify => &mut self.verified,
            Phase::Publish => &mut self.published,
        }
    }

    /// Tells whether everything that was tried passed and nothing was left undone.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed.is_empty()
            && self.waiting.is_empty()
            && self.blocked.is_empty()
            && self.given_up.is_empty()
            && self.interrupted.is_empty()
            && self.not_begun == 0
    }

    /// Tells whether all that failed failed because of the machine.
    #[must_use]
    pub fn is_environments_fault(&self) -> bool {
        let mut failed = self.failed.iter();
        let is_all = !self.failed.is_empty() && self.waiting.is_empty();
        is_all && failed.all(|failure| failure.fault == Fault::Environment)
    }

    /// Renders the summary; log lines are cut to `room`, and causes and lists wrapped.
    pub(super) fn render(&self, look: Look, room: Option<usize>) -> String {
        let mut text = String::new();
        for failure in &self.failed {
            text.push_str(&failure.render(look, room));
        }
        for waiting in &self.waiting {
            text.push_str(&waiting.render(look, room));
        }
        let stopped = |heading: &str, images: &[String]| {
            let glyph = look.paint(Tone::Caution, look.glyphs().stopped);
            text::list(&format!("{glyph} {heading}:"), images, room) + "\n"
        };
        for (by, images) in self.blocked_by() {
            text.push_str(&stopped(&format!("blocked by {}", label(by)), &images));
        }
        if !self.given_up.is_empty() {
            let images: Vec<String> = self.given_up.iter().map(label).collect();
            text.push_str(&stopped("not begun after the failure", &images));
        }
        if !self.interrupted.is_empty() {
            let images: Vec<String> = self.interrupted.iter().map(label).collect();
            text.push_str(&stopped("interrupted", &images));
        }
        text.push_str(&self.counts(look, room));
        text.push('\n');
        let hint = look.paint(Tone::Accent, "hint:");
        if !self.waiting.is_empty() {
            text.extend([&hint, " `--retry` tries now what waits\n"]);
        }
        if !self.interrupted.is_empty() {
            text.extend([&hint, " run the same command again to go on\n"]);
        }
        text
    }

    /// Groups what was blocked by what blocked it, both in the order of their coming.
    fn blocked_by(&self) -> Vec<(&Reference, Vec<String>)> {
        let mut groups: Vec<(&Reference, Vec<String>)> = Vec::new();
        for Blocked { image, by } in &self.blocked {
            match groups.iter_mut().find(|(known, _)| *known == by) {
                Some((_, images)) => images.push(label(image)),
                None => groups.push((by, vec![label(image)])),
            }
        }
        groups
    }

    fn counts(&self, look: Look, room: Option<usize>) -> String {
        let mut parts = Vec::new();
        let mut part = |tone: Tone, count: usize, word: &str| {
            if count > 0 {
                parts.push(look.paint(tone, &format!("{count} {word}")));
            }
        };
        for phase in [Phase::Pull, Phase::Build, Phase::Verify] {
            // An outside image that was refreshed is no result of its own.
            if phase != Phase::Pull || self.work == Phase::Pull {
                part(Tone::Good, self.passed(phase).len(), past(phase));
            }
        }
        // A version that an earlier run published, and that `latest` follows now, is not published again.
        let is_latest = |image: &&Reference| image.tag() == Some(&Tag::latest());
        let followed = self.published.iter().filter(is_latest).count();
        let versions = self.published.len() - followed;
        part(Tone::Good, versions, past(Phase::Publish));
        part(Tone::Good, followed, "tagged `latest`");
        part(Tone::Bad, self.failed.len(), "failed");
        part(Tone::Caution, self.waiting.len(), "waiting");
        part(Tone::Caution, self.blocked.len(), "blocked");
        part(Tone::Caution, self.interrupted.len(), "interrupted");
        let not_begun = self.not_begun + self.given_up.len();
        part(Tone::Caution, not_begun, "not begun");
        let heading = if parts.is_empty() {
            let nothing = format!("nothing to {}", infinitive(self.work));
            if self.skipped.is_empty() {
                return nothing;
            }
            nothing + ":"
        } else {
            String::new()
        };
        let skips = self.skipped.iter();
        parts.extend(skips.map(|(why, count)| format!("{count} {why}")));
        if let Some(last) = parts.last_mut()
            && heading.is_empty()
        {
            last.extend([" in ", &duration::exact(self.took)]);
        }
        text::list(&heading, &parts, room)
    }
}

impl Waiting {
    fn render(&self, look: Look, room: Option<usize>) -> String {
        let heading = format!(
            "{} waiting {}: {}",
            look.paint(Tone::Caution, look.glyphs().stopped),
            look.paint(Tone::Strong, &label(&self.image)),
            lines::waiting(self.failures, self.until),
        );
        let log = self.log.iter();
        let log = log.map(|log| render_log("its last log", log, look, room));
        text::wrap(&heading, room) + "\n" + &log.collect::<String>()
    }
}

/// Names a log on a line of its own.
fn render_log(what: &str, log: &Path, look: Look, room: Option<usize>) -> String {
    let path = log.display().to_string();
    let path = look.paint(Tone::Accent, &text::visible(&path));
    text::list(&format!("    {what}:"), &[path], room) + "\n"
}

impl Failure {
    fn render(&self, look: Look, room: Option<usize>) -> String {
        let glyphs = look.glyphs();
        let heading = format!(
            "{} failed to {} {}: {}",
            look.paint(Tone::Bad, glyphs.failed),
            infinitive(self.phase),
            look.paint(Tone::Strong, &phase_label(&self.image, self.phase)),
            text::one_line(&self.cause),
        );
        let mut text = text::wrap(&heading, room) + "\n";
        let skipped = self.last_lines.len().saturating_sub(LAST_LINES);
        for line in self.last_lines.iter().skip(skipped) {
            let line = format!("    {} {}", glyphs.gutter, text::log_line(line));
            let room = room.unwrap_or(usize::MAX);
            let line = text::cut(&line, room, glyphs.ellipsis);
            text.push_str(&look.paint(Tone::Dim, line.trim_end()));
            text.push('\n');
        }
        if let Some(log) = &self.log {
            text.push_str(&render_log("the whole log", log, look, room));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{
        blocked, done, failed, image, interrupted, published, seconds, size, started,
    };
    use super::super::tally::Tally;
    use super::*;
    use crate::build::Event;

    fn summary(events: &[Event]) -> Summary {
        let mut tally = Tally::new(size(27, 4));
        for event in events {
            tally.take(event, seconds(0));
        }
        tally.into_summary(seconds(72))
    }

    fn render(summary: &Summary, room: Option<usize>) -> String {
        summary.render(Look::default(), room)
    }

    #[test]
    fn a_version_that_latest_follows_is_not_counted_as_published_again() {
        let mut summary = Summary::new(Phase::Publish);
        summary.published = ["r.example.org/a:1", "r.example.org/b:latest"]
            .map(|image| image.parse().unwrap())
            .into();
        let shown = summary.render(Look::default(), None);
        assert!(
            shown.starts_with("1 published, 1 tagged `latest` in "),
            "{shown}"
        );
    }

    #[test]
    fn a_run_that_failed_tells_what_and_why_and_where_to_read_on() {
        let mut summary = summary(&[
            done("debian:bookworm", Phase::Pull, 3),
            started("kafka:3", Phase::Build),
            done("base:1", Phase::Build, 3),
            done("base:1", Phase::Verify, 3),
            published("base:1", 3),
            failed(
                "r.example.org/nginx:1.22.1-9",
                Phase::Build,
                "exit code 100",
            ),
            blocked("shop:3", "nginx:1.22.1-9"),
            blocked("redis:7", "other:1"),
            blocked("wiki:1", "nginx:1.22.1-9"),
            interrupted("kafka:3"),
        ]);
        summary.skip("already published");
        summary.skip("not selected");
        summary.skip("already published");
        let lines: Vec<_> = (3..=14).map(|n| format!("    │ line {n}\n")).collect();
        let lines = lines.concat();
        let expected = format!(
            "✗ failed to build nginx 1.22.1-9: exit code 100\n{lines}    \
             the whole log: /state/logs/failed.log\n\
             – blocked by nginx 1.22.1-9: shop 3, wiki 1\n\
             – blocked by other 1: redis 7\n\
             – interrupted: kafka 3\n\
             1 built, 1 verified, 1 published, 1 failed, 3 blocked, 1 interrupted, \
             21 not begun, 2 already published, 1 not selected in 1m12s\n\
             hint: run the same command again to go on\n"
        );
        assert_eq!(render(&summary, None), expected);
        assert!(!summary.is_success());
    }

    #[test]
    fn a_cause_breaks_between_words_and_a_log_has_its_own_line() {
        let mut summary = Summary::new(Phase::Build);
        summary.failed.push(Failure {
            fault: Fault::Work,
            image: image("a:1"),
            phase: Phase::Build,
            cause: "`apt-get install` ended with exit code 100".to_owned(),
            last_lines: Vec::new(),
            log: Some("/state/logs/a_1".into()),
        });
        let expected = "✗ failed to build a 1:\n    `apt-get install`\n    ended with exit\n    \
            code 100\n    the whole log:\n    /state/logs/a_1\n1 failed in 0.0s\n";
        assert_eq!(render(&summary, Some(22)), expected);
    }

    #[test]
    fn nothing_to_do_is_one_sentence() {
        let mut summary = Summary::new(Phase::Build);
        assert_eq!(render(&summary, None), "nothing to build\n");
        summary.skipped.push(("already published".to_owned(), 136));
        let expected = "nothing to build: 136 already published\n";
        assert_eq!(render(&summary, None), expected);
        assert!(summary.is_success());
    }

    #[test]
    fn log_lines_are_cut_to_the_terminal_and_harmless() {
        let mut summary = Summary::new(Phase::Verify);
        let line = "\u{1b}[31m映像檔案映像檔案\u{1b}[0m\u{1b}[2J";
        summary.failed.push(Failure {
            fault: Fault::Work,
            image: image("a:1"),
            phase: Phase::Verify,
            cause: "no\nway".to_owned(),
            last_lines: vec![line.to_owned(), String::new()],
            log: None,
        });
        let expected =
            "✗ failed to verify\n    a 1: no way\n    │ 映像檔案映…\n    │\n1 failed in 0.0s\n";
        assert_eq!(render(&summary, Some(18)), expected);
    }
}
