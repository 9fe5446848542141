//! What programs, engines and file names may write to a terminal.

use super::lines::step_name;
use super::text::{cut, list, log_line, one_line, pad, visible, width, wrap};

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[("ui_text", text)];

/// Nothing that is shown moves the cursor, and nothing is wider than its room.
fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let shown = visible(&text);
    let line = one_line(&text);
    let log = log_line(&text);
    for fit in [&*shown, &line, &log, &step_name(&text)] {
        assert!(!fit.contains(char::is_control), "{fit:?}");
        assert_eq!(visible(fit), *fit);
    }
    // Ten characters and braces for one, at the most.
    assert!(shown.len() <= 10 * text.len());
    for columns in [0, 1, 7, 80] {
        assert!(
            width(&cut(&line, columns, "…")) <= columns,
            "{columns} {line:?}"
        );
        assert!(width(&pad(&line, columns)) >= columns);
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let wrapped = wrap(&line, Some(columns));
        assert_eq!(
            wrapped.split_whitespace().count(),
            line.split_whitespace().count()
        );
        assert!(list("", &words, Some(columns)).len() <= 7 * line.len() + 7);
    }
}
