//! What the record of passed tests and the settings' verify command may hold.

use super::record::says;
use super::run::find_named_file;
use crate::oci::Digest;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] =
    &[("verify_command", command), ("verify_record", record)];

/// A file of a command is a part of it.
fn command(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(name) = find_named_file(&text) {
        assert!(!name.is_empty() && text.contains(&format!("{{path}}/{name}")));
    }
}

/// A record tells of the tests that it names, and of no others.
fn record(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let test = Digest::of(b"test");
    assert!(!says(&text, &test) || text.trim_end() == test.as_str());
    if let Ok(named) = text.trim_end().parse::<Digest>() {
        assert!(says(&text, &named));
    }
}
