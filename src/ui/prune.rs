//! What became of local versions, a line for each, and the counts at the end.
//!
//! ```text
//! ✓ removed base/nginx 1.22.1-8
//! ✓ removed base/static 12-1 on the shelf
//! ✓ untagged base/nginx 1.22.1-7; the image stays as base/nginx:trusted
//! – kept base/php 8.2-1: container `shop` uses it
//! 2 removed, 1 untagged, 1 in use, up to 1.2 GB freed in 0.4s
//! ```

use std::time::Duration;

use super::lines::label;
use super::look::{Look, Tone};
use super::size::render_size;
use super::{duration, text};
use crate::engine::{Activity, Container};
use crate::prune::{Done, Event, Outcome, Place, Why};

/// So many names of containers or images are told.
const MOST_NAMES: usize = 3;

/// Writes what became of a tag, wrapped to `room`, or nothing where everybody expects it.
pub(super) fn line(event: &Event, look: Look, room: Option<usize>) -> Option<String> {
    let glyphs = look.glyphs();
    let name = match event.place {
        Place::Engine => label(&event.tag),
        Place::Shelf => format!("{} on the shelf", label(&event.tag)),
    };
    let (tone, glyph, rest) = match &event.outcome {
        Outcome::Removed { .. } => (Tone::Good, glyphs.done, format!("removed {name}")),
        Outcome::Untagged { stays_as } => {
            let rest = if stays_as.is_empty() {
                format!("untagged {name}; the engine still needs the image")
            } else {
                format!("untagged {name}; {}", render_stays_as(stays_as))
            };
            (Tone::Good, glyphs.done, rest)
        }
        Outcome::UntaggedFirst => (Tone::Good, glyphs.done, format!("untagged {name}")),
        Outcome::Gone => (Tone::Good, glyphs.done, format!("{name} was gone already")),
        Outcome::Kept(Why::InUse(containers)) => {
            let rest = format!("kept {name}: {}", render_users(containers));
            (Tone::Caution, glyphs.stopped, rest)
        }
        Outcome::Kept(Why::Current | Why::Latest | Why::BaseImage) => return None,
        Outcome::Refused(words) => {
            let rest = format!("kept {name}: {}", text::one_line(words));
            (Tone::Caution, glyphs.stopped, rest)
        }
        Outcome::Failed(cause) => {
            let rest = format!("failed to remove {name}: {}", text::one_line(cause));
            (Tone::Bad, glyphs.failed, rest)
        }
    };
    let line = format!("{} {rest}", look.paint(tone, glyph));
    Some(text::wrap(&line, room) + "\n")
}

/// Writes the containers that use an image: ``the stopped container `web` uses it``.
#[must_use]
pub fn render_users(containers: &[Container]) -> String {
    let names = containers.iter().map(|container| {
        let name = text::visible(&container.name);
        match container.activity {
            Activity::Running => format!("`{name}`"),
            Activity::Stopped => format!("`{name}` (stopped)"),
        }
    });
    let (noun, verb) = match containers.len() {
        1 => ("container", "uses"),
        _ => ("containers", "use"),
    };
    format!("{noun} {} {verb} it", first_of(names.collect()))
}

/// Writes under which names an image stays.
#[must_use]
pub fn render_stays_as(names: &[String]) -> String {
    format!("the image stays as {}", first_of(names.to_vec()))
}

fn first_of(mut names: Vec<String>) -> String {
    if names.len() > MOST_NAMES {
        let more = names.len() - MOST_NAMES + 1;
        names.truncate(MOST_NAMES - 1);
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Writes the counts.
pub(super) fn summary(done: &Done, took: Duration, look: Look, room: Option<usize>) -> String {
    let mut parts = Vec::new();
    let mut part = |tone: Tone, count: usize, words: &str| {
        if count > 0 {
            parts.push(look.paint(tone, &format!("{count} {words}")));
        }
    };
    part(Tone::Good, done.removed, "removed");
    part(Tone::Good, done.untagged, "untagged");
    part(Tone::Good, done.gone, "gone already");
    let is_nothing = done.removed + done.untagged + done.gone == 0;
    let is_cut_short = done.failed > 0 || done.not_begun > 0;
    part(Tone::Caution, done.in_use, "in use");
    part(Tone::Bad, done.failed, "failed");
    part(Tone::Caution, done.not_begun, "not begun");
    if done.removed > 0 {
        parts.push(format!("up to {} freed", render_size(done.size_bytes)));
    }
    if is_nothing && !is_cut_short {
        return match parts.first() {
            Some(in_use) => format!("nothing to remove: {in_use}\n"),
            None => "nothing to remove\n".to_owned(),
        };
    }
    if let Some(last) = parts.last_mut() {
        last.extend([" in ", &duration::exact(took)]);
    }
    let mut text = text::list("", &parts, room) + "\n";
    if done.not_begun > 0 {
        let hint = look.paint(Tone::Accent, "hint:");
        text.extend([&hint, " run the same command again to go on\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    #[track_caller]
    fn case(outcome: Outcome, expected: Option<&str>) {
        let event = Event {
            tag: "r.example.org/base/nginx:1.22.1-8"
                .parse()
                .expect("a reference"),
            place: Place::Engine,
            outcome,
        };
        let expected = expected.map(|line| format!("{line}\n"));
        assert_eq!(line(&event, Look::default(), None), expected);
    }

    #[test]
    fn a_long_line_breaks_between_its_words() {
        let event = Event {
            tag: "base/nginx:1".parse().expect("a reference"),
            place: Place::Engine,
            outcome: Outcome::Untagged {
                stays_as: vec!["other.example.org/nginx:trusted".to_owned()],
            },
        };
        let expected = "✓ untagged base/nginx 1; the image stays\n    \
                        as other.example.org/nginx:trusted\n";
        let line = line(&event, Look::default(), Some(42));
        assert_eq!(line.as_deref(), Some(expected));
    }

    fn container(name: &str, activity: Activity) -> Container {
        Container {
            name: name.to_owned(),
            image: Digest::of(b"image"),
            activity,
        }
    }

    #[test]
    fn what_became_of_a_tag_is_one_line() {
        case(
            Outcome::Removed { size_bytes: 5 },
            Some("✓ removed base/nginx 1.22.1-8"),
        );
        case(
            Outcome::Untagged {
                stays_as: vec!["r/nginx:a".to_owned(), "r/nginx:b".to_owned()],
            },
            Some("✓ untagged base/nginx 1.22.1-8; the image stays as r/nginx:a and r/nginx:b"),
        );
        case(
            Outcome::UntaggedFirst,
            Some("✓ untagged base/nginx 1.22.1-8"),
        );
        case(
            Outcome::Untagged { stays_as: vec![] },
            Some("✓ untagged base/nginx 1.22.1-8; the engine still needs the image"),
        );
        case(
            Outcome::Gone,
            Some("✓ base/nginx 1.22.1-8 was gone already"),
        );
        case(
            Outcome::Kept(Why::InUse(vec![container("web", Activity::Running)])),
            Some("– kept base/nginx 1.22.1-8: container `web` uses it"),
        );
        case(
            Outcome::Refused("conflict:\nneeded\u{1b}[2J".to_owned()),
            Some("– kept base/nginx 1.22.1-8: conflict: needed"),
        );
        case(
            Outcome::Failed("no\nway".to_owned()),
            Some("✗ failed to remove base/nginx 1.22.1-8: no way"),
        );
        for expected in [Why::Current, Why::Latest, Why::BaseImage] {
            case(Outcome::Kept(expected), None);
        }
    }

    #[test]
    fn what_has_no_tag_on_the_engine_is_told_from_what_has_one() {
        let removed = |tag: &str, place| {
            let event = Event {
                tag: tag.parse().expect("a reference"),
                place,
                outcome: Outcome::Removed { size_bytes: 5 },
            };
            line(&event, Look::default(), None)
        };
        let shelved = removed("r.example.org/base/static:12-1", Place::Shelf);
        let expected = "✓ removed base/static 12-1 on the shelf\n";
        assert_eq!(shelved.as_deref(), Some(expected));
    }

    #[test]
    fn the_first_of_many_containers_are_named() {
        let users = |count: usize| {
            let activity = |i| match i {
                0 => Activity::Stopped,
                _ => Activity::Running,
            };
            let containers = (0..count).map(|i| container(&format!("c{i}"), activity(i)));
            render_users(&containers.collect::<Vec<_>>())
        };
        assert_eq!(users(1), "container `c0` (stopped) uses it");
        assert_eq!(users(2), "containers `c0` (stopped) and `c1` use it");
        assert_eq!(users(3), "containers `c0` (stopped), `c1` and `c2` use it");
        assert_eq!(
            users(9),
            "containers `c0` (stopped), `c1` and 7 more use it"
        );
    }

    #[track_caller]
    fn summary_case(done: &Done, expected: &str) {
        let took = Duration::from_millis(400);
        assert_eq!(summary(done, took, Look::default(), None), expected);
    }

    #[test]
    fn the_counts_close_a_run() {
        let done = Done {
            removed: 3,
            untagged: 1,
            gone: 1,
            in_use: 2,
            failed: 1,
            not_begun: 4,
            size_bytes: 5_900_000,
        };
        summary_case(
            &done,
            "3 removed, 1 untagged, 1 gone already, 2 in use, 1 failed, 4 not begun, up to 5.9 MB freed in 0.4s\n\
             hint: run the same command again to go on\n",
        );
        let in_use = Done {
            in_use: 2,
            ..Done::default()
        };
        summary_case(&in_use, "nothing to remove: 2 in use\n");
        summary_case(&Done::default(), "nothing to remove\n");
        let cut_short = Done {
            not_begun: 2,
            ..in_use
        };
        summary_case(
            &cut_short,
            "2 in use, 2 not begun in 0.4s\nhint: run the same command again to go on\n",
        );
    }
}
