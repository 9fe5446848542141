//! The lines that change in place while a run goes on, as a value of one moment.
//!
//! ```text
//! ⠋ nginx 1.22.1-9   building    [2/5] RUN apt-get update && apt-get ins…      12s
//! ⠋ redis 7.0.4-2    publishing                                                 3s
//! 3 of 27 built · 2 running · 14 waiting · 1 failed · 1m12s, about 3m left
//! ```

use std::time::Duration;

use super::lines::{label, past, present};
use super::look::{Look, Tone};
use super::tally::{Running, Tally};
use super::{duration, text};
use crate::oci::Reference;

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// The widest verb of a phase, and the widest duration: `publishing`, `59m59s`.
const PHASE_COLUMNS: usize = 10;
const TIME_COLUMNS: usize = 6;

/// Below this width a line tells the step or the phase, not both.
const WIDE: usize = 64;

/// With less room than this for the step, the name gets it.
const WORTHWHILE: usize = PHASE_COLUMNS;

/// Left free at the end of the last line, where the terminal shows `^C`: without it the line would wrap and its
/// beginning would stay on the screen.
const ECHO_COLUMNS: usize = 4;

const SPINNER_STEP_MILLIS: u128 = 100;

/// Renders a run that has been going for `now`; every line is narrower and the whole is lower than the terminal.
pub(super) fn render(tally: &Tally, now: Duration, look: Look, size: Size) -> Vec<String> {
    let running = tally.running();
    let glyphs = look.glyphs();
    let capacity = size.rows.saturating_sub(2);
    let shown = if running.len() <= capacity {
        running.len()
    } else {
        capacity.saturating_sub(1)
    };
    let room = size.columns.saturating_sub(1);
    let turn = now.as_millis() / SPINNER_STEP_MILLIS;
    let turn = usize::try_from(turn).unwrap_or(0) % glyphs.spinner.len();
    let spinner = look.paint(Tone::Accent, glyphs.spinner[turn]);
    let mut lines: Vec<String> = running[..shown]
        .iter()
        .map(|running| {
            let rest = running_line(running, tally.label_columns(), now, look, room);
            text::cut(&format!("{spinner} {rest}"), room, "").into_owned()
        })
        .collect();
    if shown < running.len() && capacity > 0 {
        let more = format!("{} and {} more", glyphs.ellipsis, running.len() - shown);
        lines.push(look.paint(Tone::Dim, &text::cut(&more, room, "")));
    }
    lines.push(counts_line(
        tally,
        now,
        look,
        size.columns.saturating_sub(ECHO_COLUMNS),
    ));
    lines
}

fn running_line(
    running: &Running,
    label_columns: usize,
    now: Duration,
    look: Look,
    room: usize,
) -> String {
    let ellipsis = look.glyphs().ellipsis;
    // Spinner, space, and two gaps of two.
    let room_for_texts = room.saturating_sub(TIME_COLUMNS + 6);
    let mut label_columns = label_columns.min(room * 2 / 5);
    let mut what_columns = room_for_texts.saturating_sub(label_columns);
    if what_columns < WORTHWHILE {
        label_columns = room_for_texts;
        what_columns = 0;
    }
    let name = short_label(&running.image, label_columns, ellipsis);
    let name = text::pad(&name, label_columns);
    let elapsed = duration::running(now.saturating_sub(running.since));
    let elapsed = format!("{elapsed:>TIME_COLUMNS$}");
    let phase = present(running.phase);
    let step = running.step.as_deref();
    let (phase, step) = match step {
        Some(step) if room < WIDE => (String::new(), step),
        _ => (
            format!("{phase:<PHASE_COLUMNS$}  "),
            step.unwrap_or_default(),
        ),
    };
    let phase = text::cut(&phase, what_columns, "");
    let step_columns = what_columns - text::width(&phase);
    let step = text::pad(&text::cut(step, step_columns, ellipsis), step_columns);
    format!(
        "{}  {phase}{}  {elapsed}",
        look.paint(Tone::Strong, &name),
        look.paint(Tone::Dim, &step),
    )
}

/// Names an image within a width: what tells images apart the least goes first, the tag, then the path.
fn short_label(image: &Reference, columns: usize, ellipsis: &str) -> String {
    let full = label(image);
    let names = [full.as_str(), image.repository(), image.short_name()];
    let fitting = names.into_iter().find(|name| text::width(name) <= columns);
    fitting.map_or_else(
        || text::cut(image.short_name(), columns, ellipsis).into_owned(),
        str::to_owned,
    )
}

/// A part of the line of counts; where there is no room for all, the one with the lowest `keep` goes first.
struct Part {
    keep: u8,
    tone: Tone,
    lead: &'static str,
    text: String,
}

fn counts_line(tally: &Tally, now: Duration, look: Look, room: usize) -> String {
    let mut parts = count_parts(tally, now, look);
    let columns = |parts: &[Part]| -> usize {
        let columns = parts
            .iter()
            .map(|part| text::width(part.lead) + text::width(&part.text));
        columns.sum()
    };
    while parts.len() > 1 && columns(&parts) > room {
        let least = parts.iter().map(|part| part.keep).min();
        parts.retain(|part| Some(part.keep) != least);
    }
    let line: String = parts
        .iter()
        .flat_map(|part| [part.lead.to_owned(), look.paint(part.tone, &part.text)])
        .collect();
    text::cut(&line, room, look.glyphs().ellipsis).into_owned()
}

/// The lines above show what runs, so that goes first; what was done and what failed goes last.
fn count_parts(tally: &Tally, now: Duration, look: Look) -> Vec<Part> {
    let counts = tally.counts();
    let between = look.glyphs().between;
    let done = format!(
        "{} of {} {}",
        counts.done,
        counts.images,
        past(tally.work())
    );
    let mut parts = vec![Part {
        keep: 9,
        tone: Tone::Plain,
        lead: "",
        text: done,
    }];
    for (keep, tone, count, word) in [
        (1, Tone::Plain, counts.running, "running"),
        (2, Tone::Plain, counts.waiting, "waiting"),
        (8, Tone::Bad, counts.failed, "failed"),
        (4, Tone::Caution, counts.blocked, "blocked"),
        (5, Tone::Caution, counts.interrupted, "interrupted"),
    ] {
        if count > 0 {
            let text = format!("{count} {word}");
            parts.push(Part {
                keep,
                tone,
                lead: between,
                text,
            });
        }
    }
    let elapsed = duration::running(now);
    parts.push(Part {
        keep: 7,
        tone: Tone::Plain,
        lead: between,
        text: elapsed,
    });
    if let Some(left) = tally.left(now) {
        let text = format!("about {} left", duration::about(left));
        parts.push(Part {
            keep: 6,
            tone: Tone::Plain,
            lead: ", ",
            text,
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::facts::Charset;
    use super::super::samples::{blocked, done, failed, seconds, size, started, step};
    use super::*;
    use crate::build::Phase;

    /// Four images done, one failed and one blocked by it; three run.
    fn tally() -> Tally {
        let mut tally = Tally::new(size(27, 4));
        let mut take = |now, event| tally.take(&event, seconds(now));
        for number in 0..4 {
            let name = format!("image{number}:1");
            take(0, started(&name, Phase::Build));
            take(30, done(&name, Phase::Build, 30));
        }
        take(30, started("php:8", Phase::Build));
        take(37, failed("php:8", Phase::Build, "exit code 1"));
        take(37, blocked("wiki:1", "php:8"));
        take(
            48,
            started("r.example.org/base/nginx:1.22.1-9", Phase::Build),
        );
        let long = "[2/5] RUN apt-get\tupdate &&\n apt-get \u{1b}[1minstall\u{1b}[0m -y nginx libpcre2-8-0";
        take(49, step("r.example.org/base/nginx:1.22.1-9", long));
        take(50, started("image1:1", Phase::Publish));
        take(55, started("wide:12", Phase::Verify));
        take(
            55,
            step(
                "wide:12",
                "映像檔案映像檔案映像檔案映像檔案映像檔案映像檔案映像檔案映像檔案",
            ),
        );
        tally
    }

    #[track_caller]
    fn case(rows: usize, columns: usize, expected: &[&str]) {
        let size = Size { rows, columns };
        let lines = render(&tally(), seconds(60), Look::default(), size);
        assert_eq!(lines, expected);
        assert!(lines.len() < rows.max(2), "lower than the terminal");
        for line in &lines {
            assert!(
                text::width(line) < columns.max(1),
                "narrower than the terminal: {line}"
            );
        }
    }

    #[test]
    fn a_frame_fits_its_terminal() {
        case(
            24,
            120,
            &[
                "⠋ base/nginx 1.22.1-9  building    [2/5] RUN apt-get update && apt-get install -y nginx libpcre2-8-0                12s",
                "⠋ image1 1             publishing                                                                                   10s",
                "⠋ wide 12              verifying   映像檔案映像檔案映像檔案映像檔案映像檔案映像檔案映像檔案映像檔案                  5s",
                "4 of 27 built · 3 running · 20 waiting · 1 failed · 1 blocked · 1m00s, about 5m left",
            ],
        );
        case(
            24,
            80,
            &[
                "⠋ base/nginx 1.22.1-9  building    [2/5] RUN apt-get update && apt-get…     12s",
                "⠋ image1 1             publishing                                           10s",
                "⠋ wide 12              verifying   映像檔案映像檔案映像檔案映像檔案映…       5s",
                "4 of 27 built · 20 waiting · 1 failed · 1 blocked · 1m00s, about 5m left",
            ],
        );
        case(
            24,
            40,
            &[
                "⠋ base/nginx       [2/5] RUN a…     12s",
                "⠋ image1 1         publishing       10s",
                "⠋ wide 12          映像檔案映…       5s",
                "4 of 27 built · 1 failed · 1m00s",
            ],
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        case(
            4,
            24,
            &["⠋ base/nginx        12s", "… and 2 more", "4 of 27 built"],
        );
        case(
            3,
            80,
            &[
                "… and 3 more",
                "4 of 27 built · 20 waiting · 1 failed · 1 blocked · 1m00s, about 5m left",
            ],
        );
        case(1, 1, &[""]);
    }

    #[test]
    fn a_frame_is_ascii_where_the_locale_is() {
        let look = Look {
            charset: Charset::Ascii,
            ..Look::default()
        };
        let size = Size {
            rows: 4,
            columns: 64,
        };
        let lines = render(&tally(), seconds(60), look, size);
        assert_eq!(
            lines,
            [
                "| base/nginx 1.22.1-9  [2/5] RUN apt-get update && a...     12s",
                "... and 2 more",
                "4 of 27 built, 1 failed, 1 blocked, 1m00s, about 5m left"
            ]
        );
    }

    #[test]
    fn the_spinner_turns_and_colour_changes_nothing_but_colour() {
        let size = Size {
            rows: 24,
            columns: 80,
        };
        let at = |millis: u64| Duration::from_millis(60_000 + millis);
        let look = Look {
            color: true,
            ..Look::default()
        };
        for (millis, spinner) in [(99, "⠋"), (100, "⠙"), (900, "⠏")] {
            let colored = render(&tally(), at(millis), look, size);
            let plain = render(&tally(), at(millis), Look::default(), size);
            assert!(plain[0].starts_with(spinner), "{}", plain[0]);
            let stripped: Vec<_> = colored
                .iter()
                .map(|line| console::strip_ansi_codes(line))
                .collect();
            assert_eq!(stripped, plain);
        }
    }

    #[test]
    fn sixty_running_images_show_as_many_as_fit() {
        let mut tally = Tally::new(size(60, 60));
        for number in 0..60 {
            tally.take(
                &started(&format!("image{number}:1"), Phase::Build),
                seconds(0),
            );
        }
        let lines = render(
            &tally,
            seconds(7),
            Look::default(),
            Size {
                rows: 24,
                columns: 80,
            },
        );
        assert_eq!(lines.len(), 23);
        assert!(lines[20].contains("image20 1"), "{}", lines[20]);
        assert_eq!(
            lines[21..],
            ["… and 39 more", "0 of 60 built · 60 running · 7s"]
        );
    }
}
