//! Files that are none, and directories that are traps.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};

use super::Case;
use crate::ground::Ground;

/// What may be put where a file is looked for.
const KINDS: [&str; 9] = [
    "a pipe",
    "a socket",
    "a directory",
    "an endless device",
    "a link to an endless device",
    "a link to itself",
    "a link to nothing",
    "a link to the secret outside",
    "a large hole",
];

/// Where the program looks for files.
const PLACES: [&str; 8] = [
    "config.yaml",
    "images/good/changelog",
    "images/good/control",
    "images/good/Dockerfile.template",
    "images/good/.dockerignore",
    "images/good/test.sh",
    "images/good/image.yaml",
    "images/good/in-the-context",
];

fn put(kind: &str, path: &Path) {
    let _ = fs::remove_file(path);
    match kind {
        "a pipe" => {
            mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).expect("a pipe");
        }
        "a socket" => drop(UnixListener::bind(path).expect("a socket")),
        "a directory" => fs::create_dir(path).expect("a directory"),
        "an endless device" => {
            let zero = rustix::fs::makedev(1, 5);
            let made = mknodat(
                CWD,
                path,
                FileType::CharacterDevice,
                Mode::from_raw_mode(0o644),
                zero,
            );
            if made.is_err() {
                // Not everybody may make one.
                symlink("/dev/zero", path).expect("a link");
            }
        }
        "a link to an endless device" => symlink("/dev/zero", path).expect("a link"),
        "a link to itself" => symlink(path, path).expect("a link"),
        "a link to nothing" => symlink("/nowhere/at/all", path).expect("a link"),
        "a link to the secret outside" => symlink("../../secret", path).expect("a link"),
        "a large hole" => sparse(path, 1 << 40),
        _ => unreachable!("all kinds are above"),
    }
}

fn sparse(path: &Path, size: u64) {
    let file = fs::File::create(path).expect("a file");
    // Not every file system takes so much.
    if file.set_len(size).is_err() {
        file.set_len(1 << 36).expect("a large file");
    }
    file.write_at(b"begin", 0).expect("a few bytes");
}

fn context(name: &'static str, fill: fn(&Path)) -> Case {
    Case::build(format!("{name} in the context"), move |ground: Ground| {
        fill(&ground.sandbox.path().join("images/good"));
        ground
    })
}

fn named(directory: &Path, name: &[u8]) -> PathBuf {
    directory.join(std::ffi::OsString::from_vec(name.to_vec()))
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in PLACES {
        for kind in KINDS {
            cases.push(Case::build(
                format!("{kind} for {place}"),
                move |ground: Ground| {
                    put(kind, &ground.sandbox.path().join(place));
                    ground
                },
            ));
        }
    }
    cases.extend([
        context("a link out", |it| {
            symlink("/etc", it.join("out")).expect("a link");
        }),
        context("a link up", |it| {
            symlink("../..", it.join("up")).expect("a link");
        }),
        context("a link to the directory itself", |it| {
            symlink(".", it.join("here")).expect("a link");
        }),
        context("two links in a circle", |it| {
            symlink("b", it.join("a")).expect("a link");
            symlink("a", it.join("b")).expect("a link");
        }),
        context("a chain of links", |it| {
            for i in 0..500 {
                symlink(format!("l{}", i + 1), it.join(format!("l{i}"))).expect("a link");
            }
        }),
        context("a long link", |it| {
            symlink("x/".repeat(2_000), it.join("long")).expect("a link");
        }),
        context("a hole of a gibibyte", |it| {
            sparse(&it.join("hole"), 1 << 30);
        }),
        context("deep directories", |it| {
            let mut at = openat(CWD, it, OFlags::DIRECTORY, Mode::empty()).expect("a directory");
            for _ in 0..3_000 {
                mkdirat(&at, "d", Mode::from_raw_mode(0o755)).expect("a directory");
                at = openat(&at, "d", OFlags::DIRECTORY, Mode::empty()).expect("a directory");
            }
        }),
        context("a hundred thousand files", |it| {
            for i in 0..100 {
                let directory = it.join(format!("d{i}"));
                fs::create_dir(&directory).expect("a directory");
                for j in 0..1_000 {
                    fs::write(directory.join(format!("f{j}")), b"").expect("a file");
                }
            }
        }),
    ]);
    for (what, name) in [
        ("a line end", b"a\nb".to_vec()),
        ("an escape sequence", b"\x1b[2J\x1b]0;owned\x07".to_vec()),
        ("no text", b"\xff\xfe\xfd".to_vec()),
        ("a backslash", b"..\\..\\secret".to_vec()),
        ("three dots", b"...".to_vec()),
        ("a space at the end", b"a ".to_vec()),
        ("the longest name", vec![b'n'; 255]),
        ("a comment", b"#a".to_vec()),
        ("an option", b"--help".to_vec()),
        ("a colon", b"C:".to_vec()),
    ] {
        let bytes = name.clone();
        cases.push(Case::build(
            format!("{what} as a name in the context"),
            move |ground: Ground| {
                let directory = ground.sandbox.path().join("images/good");
                fs::write(named(&directory, &bytes), b"x").expect("a file");
                ground
            },
        ));
        cases.push(Case::build(
            format!("{what} as the name of an image's directory"),
            move |ground: Ground| {
                let images = ground.sandbox.path().join("images");
                fs::rename(images.join("good"), named(&images, &name)).expect("a directory");
                ground
            },
        ));
    }
    cases
}
