//! Files that change while the context is on its way.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{ContextError, write_context};

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
