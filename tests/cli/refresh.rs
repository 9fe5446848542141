//! `pkg refresh`.

use snapbox::str;

use crate::support::sandbox::Sandbox;

/// A diamond whose entries were written on the day before the run, with one image that is older.
fn aged() -> Sandbox {
    let entry = "alone (1.0-1-20260816) wikimedia; urgency=medium\n\n  * Weekly rebuild.\n\n \
                 -- Ann Example <ann@example.org>  Sun, 16 Aug 2026 06:00:29 +0000\n";
    Sandbox::with_settings()
        .diamond()
        .image("images/alone", "alone (1.0-1-20260816)", "FROM scratch\n")
        .file("images/alone/changelog", entry)
        .env("DEBFULLNAME", "Image Bot")
        .env("DEBEMAIL", "bot@example.org")
}

#[test]
fn every_image_gets_the_version_of_the_day() {
    let sandbox = aged();
    let before = sandbox.read("images/alone/changelog");
    sandbox
        .pkg(&["refresh", "--all", "images"])
        .assert_snapshot(str![[r#"
NAME    FROM            TO              CHANGELOG
alone   1.0-1-20260816  1.0-1-20261121  images/alone/changelog
bottom  1.0-1           1.0-1-20261121  images/bottom/changelog
left    2.0-1           2.0-1-20261121  images/left/changelog
right   3.0-1           3.0-1-20261121  images/right/changelog
app     4.0-1           4.0-1-20261121  images/app/changelog
[exit status: 0]
[EOF]

"#]]);
    let entry = "alone (1.0-1-20261121) wikimedia; urgency=medium\n\n  * Weekly rebuild.\n\n \
                 -- Image Bot <bot@example.org>  Sat, 21 Nov 2026 00:00:00 +0000\n\n";
    assert_eq!(
        sandbox.read("images/alone/changelog"),
        format!("{entry}{before}")
    );
}

#[test]
fn what_is_older_than_asked_for_is_refreshed_alone() {
    aged()
        .pkg(&["refresh", "--since-days", "30", "--dry-run", "images"])
        .assert_snapshot(str![[r#"
--- images/alone/changelog
+++ images/alone/changelog
@@ -1,3 +1,9 @@
+alone (1.0-1-20261121) wikimedia; urgency=medium
+
+  * Rebuild after 96 days.
+
+ -- Image Bot <bot@example.org>  Sat, 21 Nov 2026 00:00:00 +0000
+
 alone (1.0-1-20260816) wikimedia; urgency=medium
 
   * Weekly rebuild.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_second_refresh_on_one_day_is_numbered() {
    let sandbox = aged();
    sandbox.pkg(&["refresh", "--all", "images"]).assert_code(0);
    sandbox
        .pkg(&["refresh", "--all", "--exclude", "*/[abr]*", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
nothing to write: no image needs an entry
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn date_and_reason_are_the_users() {
    let sandbox = aged();
    sandbox
        .pkg(&[
            "refresh",
            "--all",
            "--exclude=*:[2-9]*",
            "--exclude=*/bottom:*",
            "--date=20261128",
            "--reason=For openssl.",
            "images",
        ])
        .assert_snapshot(str![[r#"
NAME   FROM            TO              CHANGELOG
alone  1.0-1-20260816  1.0-1-20261128  images/alone/changelog
[exit status: 0]
[EOF]

"#]]);
    let text = sandbox.read("images/alone/changelog");
    assert!(
        text.contains("\n\n  * Weekly rebuild.\n  * For openssl.\n\n"),
        "{text}"
    );
    sandbox
        .pkg(&["refresh", "--all", "--date", "20261131", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '20261131' for '--date <DATE>': a date is needed, as 20261121 or 2026-11-21

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn nothing_that_needs_an_entry() {
    aged()
        .pkg(&["refresh", "--since-days", "365", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
nothing to write: no image needs an entry
[exit status: 0]
[EOF]

"#]]);
}
