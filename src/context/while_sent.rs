//! Files that change while the context is on its way.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{ContextError, Expected, list_context, write_context, write_expected_context};

/// A receiver in whose first moment something happens to the directory.
struct Receiver<F> {
    happens: Option<F>,
    received: Vec<u8>,
}

impl<F: FnOnce()> Write for Receiver<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(happens) = self.happens.take() {
            happens();
        }
        self.received.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends a directory with `a`, which fills buffers, and `z`, of 200 kB each.
fn send_while(happens: impl FnOnce(&Path)) -> (Result<(), ContextError>, Vec<u8>, String) {
    let root = tempfile::tempdir().expect("a directory");
    let image = root.path().join("image");
    fs::create_dir(&image).expect("a directory");
    for name in ["a", "z"] {
        let mut file = File::create(image.join(name)).expect("a file");
        file.write_all(&vec![b'x'; 200_000]).expect("its content");
    }
    let mut receiver = Receiver {
        happens: Some(|| happens(&image)),
        received: Vec::new(),
    };
    let sent = write_context(&image, root.path(), "FROM a\n", &mut receiver).map(drop);
    (sent, receiver.received, image.display().to_string())
}

#[track_caller]
fn broken_off(happens: impl FnOnce(&Path), message: &str) {
    let (sent, received, image) = send_while(happens);
    let error = sent.expect_err("the directory changed");
    let mut said = Vec::new();
    let mut next: Option<&dyn Error> = Some(&error);
    while let Some(error) = next {
        said.push(error.to_string());
        next = error.source();
    }
    let said = said.join(": ").replace(&image, "IMAGE");
    assert_eq!(said, message);
    let has_end = received.ends_with(&[0; 1024]);
    assert!(!has_end, "half a context does not look like a whole one");
}

#[test]
fn a_file_that_changes_or_goes_while_the_context_is_sent_is_named() {
    let resize = |name: &'static str, size: u64| {
        move |image: &Path| {
            let file = OpenOptions::new().write(true).open(image.join(name));
            file.expect("a file").set_len(size).expect("a size");
        }
    };
    broken_off(resize("a", 70_000), "IMAGE/a changed while it was read");
    broken_off(resize("a", 300_000), "IMAGE/a changed while it was read");
    broken_off(
        |image| fs::remove_file(image.join("z")).expect("a file"),
        "cannot read IMAGE/z: No such file or directory (os error 2)",
    );
}

#[test]
fn what_changes_before_its_turn_is_sent_as_it_is_then() {
    let (sent, received, _) = send_while(|image| {
        File::create(image.join("z")).expect("an empty file");
    });
    sent.expect("a context");
    let mut archive = tar::Archive::new(&received[..]);
    let entries = archive.entries().expect("an archive");
    let sizes: Vec<u64> = entries
        .map(|entry| entry.expect("an entry").size())
        .collect();
    assert_eq!(sizes, ["FROM a\n".len() as u64, 200_000, 0]);
}

#[test]
fn a_context_that_is_not_what_was_listed_gets_no_end() {
    let root = tempfile::tempdir().expect("a directory");
    let image = root.path().join("image");
    fs::create_dir(&image).expect("a directory");
    let write = |name: &str, text: &str| {
        let mut file = File::create(image.join(name)).expect("a file");
        file.write_all(text.as_bytes()).expect("its content");
    };
    write("a", "1");
    write("b", "1");
    let is_wanted = |name: &Path| name != Path::new("other");
    let listed = list_context(&image, root.path(), is_wanted).expect("a list");
    let send = || {
        let mut sent = Vec::new();
        let expected = Expected {
            is_wanted: &is_wanted,
            digest: &listed.digest,
        };
        let written = write_expected_context(&image, root.path(), "FROM a\n", &expected, &mut sent);
        (written.map(drop), sent.ends_with(&[0; 1024]))
    };
    write("other", "what does not count");
    let (sent, has_end) = send();
    sent.expect("it is the same");
    assert!(has_end);
    for (name, text) in [("a", "2"), ("c", ""), ("b", "11")] {
        write(name, text);
        let (sent, has_end) = send();
        let told = format!("{} changed since the run began: run again", image.display());
        assert_eq!(sent.expect_err("another context").to_string(), told);
        assert!(!has_end);
        for (name, text) in [("a", "1"), ("b", "1")] {
            write(name, text);
        }
        let _ = fs::remove_file(image.join("c"));
    }
    send().0.expect("it is as it was");
}
