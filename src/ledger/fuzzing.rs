//! What the files of the ledger may hold, which anything on the machine may have written.

use chrono::DateTime;

use super::attempts::{NextTry, TryKey};
use super::claim::Holder;
use super::notes::Notes;
use super::rooms::is_run;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("ledger_holder", holder),
    ("ledger_notes", notes),
    ("ledger_run", run),
];

/// Who holds a directory is told, and comes back when it is written and read again.
fn holder(bytes: &[u8]) {
    let Ok(holder) = serde_json::from_slice::<Holder>(bytes) else {
        return;
    };
    let told = holder.to_string();
    assert!(told.contains(&holder.host) && told.contains(&holder.pid.to_string()));
    let written = serde_json::to_vec(&holder).expect("JSON");
    let again: Holder = serde_json::from_slice(&written).expect("a holder");
    assert_eq!(again, holder);
}

/// Whatever was noted, nobody waits longer than two days, and it comes back when it is written and read again.
fn notes(bytes: &[u8]) {
    let Ok(mut notes) = serde_json::from_slice::<Notes>(bytes) else {
        return;
    };
    let now = DateTime::from_timestamp(1_800_000_000, 0)
        .expect("a time")
        .fixed_offset();
    notes.attempts.retain(|_, it| !it.is_forgotten(now));
    let other = TryKey {
        own: String::new(),
        on: None,
        parents: std::collections::BTreeMap::new(),
        secrets: None,
    };
    for attempt in notes.attempts.values() {
        let inputs = &attempt.inputs;
        assert!(inputs.own == other.own || attempt.next(&other, now) == NextTry::Now);
        if let NextTry::NotBefore(due) = attempt.next(inputs, now) {
            assert!(due.time > now && due.wait.num_hours() < 48, "{due}");
            assert!(due.to_string().contains(" (in "));
        }
    }
    let written = serde_json::to_string_pretty(&notes).expect("JSON");
    let again: Notes = serde_json::from_str(&written).expect("notes");
    assert_eq!(again, notes);
}

/// A directory of a run has a name that leads nowhere else.
fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if is_run(&text) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(text.len() == 32 && text.chars().all(is_plain), "{text:?}");
    }
}
