//! One line for one event: what scrolls by, in a terminal above the running work, in a log alone.

use std::time::Duration;

use super::duration;
use super::facts::Verbosity;
use super::look::{Look, Tone};
use super::tally::RunSize;
use super::text;
use crate::build::{Event, Outcome, Phase};
use crate::ledger::Due;
use crate::oci::Reference;

/// Writes an image as lists name it: path and tag, without the registry that most of them share.
pub(super) fn label(image: &Reference) -> String {
    let mut label = image.repository().to_owned();
    if let Some(tag) = image.tag() {
        label.push(' ');
        label.push_str(tag.as_str());
    } else if let Some(digest) = image.digest() {
        label.push('@');
        label.extend(digest.to_string().chars().take("sha256:".len() + 12));
    }
    label
}

/// Writes an image of a phase: what is pulled comes from anywhere, and the registry says the most of it.
pub(super) fn phase_label(image: &Reference, phase: Phase) -> String {
    match phase {
        Phase::Pull => image.to_string(),
        Phase::Resolve | Phase::Build | Phase::Verify | Phase::Publish => label(image),
    }
}

/// Gives the verb of a phase that goes on.
pub(super) fn present(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolving",
        Phase::Pull => "pulling",
        Phase::Build => "building",
        Phase::Verify => "verifying",
        Phase::Publish => "publishing",
    }
}

/// Gives the verb of a phase that is over.
pub(super) fn past(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolved",
        Phase::Pull => "pulled",
        Phase::Build => "built",
        Phase::Verify => "verified",
        Phase::Publish => "published",
    }
}

/// Gives the verb of a phase that is still to be done.
pub(super) fn infinitive(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolve",
        Phase::Pull => "pull",
        Phase::Build => "build",
        Phase::Verify => "verify",
        Phase::Publish => "publish",
    }
}

/// Writes that a phase began.
pub(super) fn started(image: &Reference, phase: Phase) -> String {
    format!("{} {}", present(phase), phase_label(image, phase))
}

/// Writes that a phase reached its next step.
pub(super) fn step(image: &Reference, name: &str) -> String {
    format!("{}: {}", label(image), step_name(name))
}

/// Writes that something is tried again, which try that is of how many, and why.
pub(super) fn again(wait: Duration, (number, most): (usize, usize), cause: &str) -> String {
    let wait = duration::running(wait);
    let cause = text::one_line(cause);
    format!("again in {wait}, try {number} of {most}: {cause}")
}

/// Writes how often something failed that is not tried now, and when it will be.
pub(super) fn waiting(failures: u32, until: Due) -> String {
    format!(
        "it failed {failures} times in a row with the same inputs, and is not tried before {until}"
    )
}

/// Names a step on one line; what only engines know is named in the user's words.
pub(super) fn step_name(name: &str) -> String {
    match text::one_line(name) {
        // BuildKit's own step for an archive that came with the request.
        name if name == "copy /context /" => "sending the context".to_owned(),
        name => name,
    }
}

/// Who reads the lines of a run, and what it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) size: RunSize,
    pub(super) verbosity: Verbosity,
    pub(super) look: Look,
    /// The width of the terminal; a log has none.
    pub(super) room: Option<usize>,
}

/// Writes how a phase ended, or nothing where the user did not ask to know.
///
/// A pull or a test that passed is news only when it is what the run is about. What was interrupted is told once, in
/// the summary, and so is a cause that would break a line of the terminal.
pub(super) fn finished(event: &Event, reader: Reader) -> Option<String> {
    let Reader {
        size,
        verbosity,
        look,
        room,
    } = reader;
    let Event::Finished {
        image,
        phase,
        outcome,
        took,
    } = event
    else {
        return None;
    };
    let glyphs = look.glyphs();
    let name = phase_label(image, *phase);
    let took = duration::exact(*took);
    let (tone, glyph, rest) = match outcome {
        Outcome::Done | Outcome::Published(_) => {
            let asked = *phase == size.work || verbosity >= Verbosity::Info;
            if matches!(phase, Phase::Pull | Phase::Verify) && !asked {
                return None;
            }
            // Which packages those are is told by whoever wanted to know.
            if *phase == Phase::Resolve && verbosity < Verbosity::Info {
                return None;
            }
            let verb = match outcome {
                // Only a digest that the registry confirmed makes an image published.
                Outcome::Done if *phase == Phase::Publish => "sent",
                _ => past(*phase),
            };
            (Tone::Good, glyphs.done, format!("{verb} {name} in {took}"))
        }
        Outcome::Failed { cause, .. } => {
            let verb = infinitive(*phase);
            let short = format!("failed to {verb} {name} after {took}");
            let long = format!("{short}: {}", text::one_line(cause));
            let columns = text::width(glyphs.failed) + 1 + text::width(&long);
            let fits = room.is_none_or(|room| columns < room);
            (Tone::Bad, glyphs.failed, if fits { long } else { short })
        }
        Outcome::Blocked { by } => {
            let rest = format!("blocked {name} by {}", label(by));
            (Tone::Caution, glyphs.stopped, rest)
        }
        Outcome::Waiting {
            failures, until, ..
        } => {
            let rest = format!("waiting {name}: {}", waiting(*failures, *until));
            (Tone::Caution, glyphs.stopped, rest)
        }
        // Told once, in the summary.
        Outcome::Interrupted | Outcome::NotBegun => return None,
    };
    Some(format!("{} {rest}", look.paint(tone, glyph)))
}

/// Writes a line that an image's engine, test or registry gave.
pub(super) fn log_line(image: &Reference, line: &str, look: Look) -> String {
    let name = look.paint(Tone::Dim, &format!("{} |", label(image)));
    format!("{name} {}", text::log_line(line))
}

#[cfg(test)]
mod tests {
    use super::super::facts::Charset;
    use super::super::samples::{blocked, done, failed, image, interrupted, published, size};
    use super::*;

    fn reader(verbosity: Verbosity) -> Reader {
        Reader {
            size: size(27, 4),
            verbosity,
            look: Look::default(),
            room: None,
        }
    }

    #[track_caller]
    fn case(event: &Event, verbosity: Verbosity, expected: Option<&str>) {
        let line = finished(event, reader(verbosity));
        assert_eq!(line.as_deref(), expected);
    }

    #[test]
    fn a_cause_is_told_at_once_where_the_terminal_has_room_for_it() {
        let failed = failed("nginx:1", Phase::Verify, "exit code 1");
        let long = "✗ failed to verify nginx 1 after 7.0s: exit code 1";
        let short = "✗ failed to verify nginx 1 after 7.0s";
        let columns = text::width(long);
        for (room, expected) in [(columns + 1, long), (columns, short), (1, short)] {
            let reader = Reader {
                room: Some(room),
                ..reader(Verbosity::Warnings)
            };
            assert_eq!(finished(&failed, reader).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_pull_names_the_registry() {
        let debian = "r.example.org/base/debian:12";
        let started = started(&image(debian), Phase::Pull);
        assert_eq!(started, "pulling r.example.org/base/debian:12");
        let pulled = done(debian, Phase::Pull, 2);
        let line = "✓ pulled r.example.org/base/debian:12 in 2.0s";
        case(&pulled, Verbosity::Info, Some(line));
        let failed = failed("r.example.org/base/debian:12", Phase::Pull, "denied");
        let line = "✗ failed to pull r.example.org/base/debian:12 after 7.0s: denied";
        case(&failed, Verbosity::Warnings, Some(line));
    }

    #[test]
    fn a_step_of_the_engines_own_has_a_name_that_says_something() {
        assert_eq!(
            step(&image("nginx:1"), "copy /context /"),
            "nginx 1: sending the context"
        );
        assert_eq!(step_name("COPY /context /"), "COPY /context /");
    }

    #[test]
    fn each_end_of_a_phase_is_one_line() {
        use Verbosity::Warnings;
        let built = done("r.example.org/base/nginx:1.22.1-9", Phase::Build, 72);
        case(
            &built,
            Warnings,
            Some("✓ built base/nginx 1.22.1-9 in 1m12s"),
        );
        case(
            &published("nginx:1", 2),
            Warnings,
            Some("✓ published nginx 1 in 2.0s"),
        );
        let sent = done("nginx:1", Phase::Publish, 2);
        case(&sent, Warnings, Some("✓ sent nginx 1 in 2.0s"));
        let failed = failed("nginx:1", Phase::Verify, "exit\ncode \u{1b}[1m1");
        let line = "✗ failed to verify nginx 1 after 7.0s: exit code 1";
        case(&failed, Warnings, Some(line));
        let blocked = blocked("redis:7", "bookworm:12");
        case(&blocked, Warnings, Some("– blocked redis 7 by bookworm 12"));
        case(&interrupted("redis:7"), Warnings, None);
    }

    #[test]
    fn passed_pulls_and_tests_are_told_to_those_who_ask() {
        let verified = done("nginx:1", Phase::Verify, 1);
        case(&verified, Verbosity::Warnings, None);
        case(
            &verified,
            Verbosity::Info,
            Some("✓ verified nginx 1 in 1.0s"),
        );
        let mut reader = reader(Verbosity::Warnings);
        reader.size.work = Phase::Verify;
        let line = finished(&verified, reader);
        assert_eq!(line.as_deref(), Some("✓ verified nginx 1 in 1.0s"));
    }

    #[test]
    fn lines_are_ascii_where_the_locale_is() {
        let look = Look {
            charset: Charset::Ascii,
            ..Look::default()
        };
        let reader = Reader {
            look,
            ..reader(Verbosity::Warnings)
        };
        let line = finished(&published("a:1", 1), reader);
        assert_eq!(line.as_deref(), Some("+ published a 1 in 1.0s"));
        assert_eq!(
            log_line(&image("a:1"), "\tb\u{7}\n", look),
            r"a 1 |     b\u{7}"
        );
    }

    #[test]
    fn a_label_names_path_and_tag_or_the_start_of_the_digest() {
        let hex = "0123456789abcdef".repeat(4);
        let reference = image(&format!("r.example.org/a/b@sha256:{hex}"));
        assert_eq!(label(&reference), "a/b@sha256:0123456789ab");
        assert_eq!(label(&image("nginx")), "nginx");
    }
}
