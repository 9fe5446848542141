//! What an engine may say, as anybody might have written it.

use std::io::Write as _;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::{BuildInfo, ContainerSummary, ImageSummary, PushImageInfo};
use futures_util::{FutureExt as _, StreamExt as _};

use super::bound::Bound;
use super::build::Follower;
use super::connection::{Builder, Make};
use super::containers::Container;
use super::images::{EngineImages, parse_id};
use super::labels::{parse_parents, render_parents};
use super::progress::{BuildProgress, Lines};
use super::push::find_digest;
use super::step::explain_failed_step;
use super::stream::body;
use super::transport::read_answer;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("engine_body", written_body),
    ("engine_bound", bound),
    ("engine_build_classic", build_classic),
    ("engine_build_json", build_json),
    ("engine_build_status", build_status),
    ("engine_containers", containers),
    ("engine_failed_step", failed_step),
    ("engine_images", images),
    ("engine_lines", lines),
    ("engine_parents", parents),
    ("engine_push", push),
];

/// Those that need the HTTP library.
pub(crate) const HTTP_TARGETS: &[crate::FuzzTarget] = &[("engine_answer", answer)];

/// The longest line that a log gets; a byte that is no text becomes a character of three.
const LONGEST_LINE_BYTES: usize = 3 * 16 * 1024;

/// Checks what a build told: steps are numbered as they begin, each ends once at most, and no line is endless.
#[derive(Default)]
struct Told {
    began: usize,
    ended: std::collections::HashSet<usize>,
}

impl Told {
    fn take(&mut self, progress: &BuildProgress) {
        match progress {
            BuildProgress::Started { step, name } => {
                self.began += 1;
                assert_eq!(*step, self.began);
                assert!(!name.contains('\n'), "{name:?}");
            }
            BuildProgress::Line { step, text } => {
                assert!(*step <= self.began, "a line of step {step}");
                assert!(text.len() <= LONGEST_LINE_BYTES, "{} bytes", text.len());
                assert!(!text.contains('\n'), "{text:?}");
            }
            BuildProgress::Ended { step, error, .. } => {
                assert!(*step <= self.began, "the end of step {step}");
                assert!(self.ended.insert(*step), "step {step} ended twice");
                let error = error.as_deref().unwrap_or_default();
                assert!(!error.contains('\n'), "{error:?}");
            }
        }
    }
}

fn follow(builder: Builder, reports: impl IntoIterator<Item = BuildInfo>) {
    let mut told = Told::default();
    let mut follower = Follower::new(builder);
    for report in reports {
        follower.follow(report, &mut |progress| told.take(&progress));
    }
    if let Some(failed) = follower.failed() {
        explain_failed_step(&failed.name, &failed.error);
    }
    follower.finish(Some("broken"), &mut |progress| told.take(&progress));
}

/// Of an answer's body nothing goes uncounted, however its head and its chunks are written.
fn answer(bytes: &[u8]) {
    for path in ["/images/json", "/build"] {
        let mut bound = Bound::of_answer_to(path);
        let mut most = 0;
        for byte in bytes.chunks(1) {
            bound.take(byte).expect("few bytes");
            most = most.max(bound.counted());
        }
        // All bytes are there, so nothing has to wake anybody.
        let mut read = std::pin::pin!(read_answer(path, bytes));
        let mut context = Context::from_waker(Waker::noop());
        let read = (0..10_000).find_map(|_| match read.as_mut().poll(&mut context) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        });
        let read = read.expect("an end").unwrap_or_default();
        let lines = read.split(|byte| *byte == b'\n' && path == "/build");
        let longest = lines.map(<[u8]>::len).max().unwrap_or_default() as u64;
        assert!(longest <= most, "{path}: {longest} > {most}");
    }
}

/// What is written in pieces, with a flush after some, comes out whole.
fn written_body(bytes: &[u8]) {
    let (mut writer, stream) = body();
    // More pieces would wait for somebody who reads.
    for piece in bytes.splitn(8, |byte| *byte == 0) {
        writer.write_all(piece).expect("a reader");
        if piece.first() != Some(&b'-') {
            writer.flush().expect("a reader");
        }
    }
    writer.finish().expect("a reader");
    let chunks: Vec<_> = stream.collect().now_or_never().expect("all of them");
    let mut all: Vec<u8> = Vec::new();
    for chunk in chunks {
        all.extend(chunk.expect("no fault"));
    }
    let pieces: Vec<_> = bytes.splitn(8, |byte| *byte == 0).collect();
    assert_eq!(all, pieces.concat());
}

/// Bytes are counted alike however they come.
fn bound(bytes: &[u8]) {
    for path in ["/build", "/images/json"] {
        let mut whole = Bound::of_answer_to(path);
        whole.take(bytes).expect("few bytes");
        for size in [1, 7] {
            let mut pieces = Bound::of_answer_to(path);
            for piece in bytes.chunks(size) {
                pieces.take(piece).expect("few bytes");
            }
            assert_eq!(pieces, whole);
        }
        assert!(whole.counted() <= bytes.len() as u64);
    }
}

/// The text of the classic builder, in pieces that end at NUL.
fn build_classic(bytes: &[u8]) {
    let pieces = bytes.split(|byte| *byte == 0).map(|piece| BuildInfo {
        stream: Some(String::from_utf8_lossy(piece).into_owned()),
        ..BuildInfo::default()
    });
    follow(Builder::Classic, pieces);
}

/// The lines of an answer to a build, for either builder.
fn build_json(bytes: &[u8]) {
    for builder in [Builder::Classic, Builder::BuildKit] {
        let lines = bytes.split(|byte| *byte == b'\n');
        follow(
            builder,
            lines.filter_map(|line| serde_json::from_slice(line).ok()),
        );
    }
}

/// Reports of BuildKit, in protobuf, one behind the other with four bytes between them.
fn build_status(bytes: &[u8]) {
    let mut reports = Vec::new();
    let mut rest = bytes;
    loop {
        let end = rest.windows(4).position(|four| four == b"\n--\n");
        let report = &rest[..end.unwrap_or(rest.len())];
        let aux = STANDARD.encode(report);
        let json = serde_json::json!({ "id": "moby.buildkit.trace", "aux": aux });
        reports.extend(serde_json::from_value::<BuildInfo>(json).ok());
        match end {
            Some(end) => rest = &rest[end + 4..],
            None => break,
        }
    }
    follow(Builder::BuildKit, reports);
}

/// A container is told by one short name.
fn containers(bytes: &[u8]) {
    let Ok(listed) = serde_json::from_slice::<Vec<ContainerSummary>>(bytes) else {
        return;
    };
    let found: Vec<Container> = listed.iter().filter_map(Container::find_in).collect();
    assert!(found.len() <= listed.len());
    assert!(found.iter().all(|one| one.image.as_str().len() == 71));
}

/// What a step failed with is told in no more than the engine said, and the step's name.
fn failed_step(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (name, text) = text.split_once('\0').unwrap_or(("", &text));
    let told = explain_failed_step(name, text);
    assert!(told.len() <= text.len() + name.len() + 40, "{told}");
}

/// Each image of a list goes by the references that the list gives it.
fn images(bytes: &[u8]) {
    if let Some(id) = str::from_utf8(bytes).ok().and_then(parse_id) {
        assert_eq!(parse_id(id.hex()), Some(id));
    }
    let Ok(listed) = serde_json::from_slice::<Vec<ImageSummary>>(bytes) else {
        return;
    };
    let tags: usize = listed.iter().map(|one| one.repo_tags.len()).sum();
    let images = EngineImages::of(listed, Make::Docker);
    assert!(images.iter().count() <= tags);
}

/// Lines are the same however the bytes come.
fn lines(bytes: &[u8]) {
    let gather = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut lines = Lines::default();
        let mut found: Vec<String> = pieces.flat_map(|piece| lines.push(piece)).collect();
        found.extend(lines.finish());
        found
    };
    let whole = gather(&mut [bytes].into_iter());
    assert_eq!(whole, gather(&mut bytes.chunks(1)));
    let is_line = |line: &String| line.len() <= LONGEST_LINE_BYTES && !line.contains(['\n', '\r']);
    assert!(whole.iter().all(is_line), "{whole:?}");
}

/// What is read of a label comes back when it is written and read again.
fn parents(bytes: &[u8]) {
    let read = parse_parents(&String::from_utf8_lossy(bytes));
    assert_eq!(parse_parents(&render_parents(&read)), read);
}

/// The lines of an answer to a push; a digest is one that the answer holds.
fn push(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(info) = serde_json::from_slice::<PushImageInfo>(line) else {
            continue;
        };
        let status = info.status.unwrap_or_default();
        if let Some(digest) = find_digest(&status) {
            assert!(status.contains(digest.as_str()), "{status}");
        }
    }
}
