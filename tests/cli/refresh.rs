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
fn a_second_refresh_on_one_day_is_numbered_and_gives_way_to_the_next_date() {
    let sandbox = aged();
    sandbox.pkg(&["refresh", "--all", "images"]).assert_code(0);
    let again = [
        "refresh",
        "--all",
        "--exclude=*t",
        "--exclude=bottom",
        "--exclude=*/app:*",
        "images",
    ];
    sandbox.pkg(&again).assert_snapshot(str![[r#"
NAME   FROM            TO                CHANGELOG
alone  1.0-1-20261121  1.0-1-20261121.1  images/alone/changelog
[exit status: 0]
[EOF]

"#]]);
    sandbox.pkg(&["update", "alone", "images"]).assert_code(0);
    let next = [&again[..], &["--date=20261205"]].concat();
    sandbox.pkg(&next).assert_snapshot(str![[r#"
NAME   FROM                 TO                 CHANGELOG
alone  1.0-1-20261121.1-s1  1.0-1-20261205-s1  images/alone/changelog
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_pattern_that_leaves_nothing_out_is_told() {
    let sandbox = aged();
    sandbox
        .pkg(&[
            "refresh",
            "--all",
            "--exclude=alon",
            "--exclude=[bl]*",
            "--exclude=app:*",
            "--exclude=*right*",
            "--exclude=ap*",
            "images",
        ])
        .assert_snapshot(str![[r#"
NAME   FROM            TO              CHANGELOG
alone  1.0-1-20260816  1.0-1-20261121  images/alone/changelog
------- stderr -------
warning: `--exclude alon` leaves no image out
hint: it matches whole names and whole labels: `nginx*`, `*/nginx:*`
warning: `--exclude app:*` leaves no image out
hint: it matches whole names and whole labels: `nginx*`, `*/nginx:*`
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn an_entry_that_is_dated_before_the_one_below_it_is_told() {
    let sandbox = aged().env("SOURCE_DATE_EPOCH", "1500000000");
    sandbox
        .pkg(&[
            "refresh",
            "--all",
            "--exclude=*t",
            "--exclude=app",
            "--dry-run",
            "--json",
            "images",
        ])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "updates": [
    {
      "name": "alone",
      "from": "1.0-1-20260816",
      "to": "1.0-1-20260816.1",
      "changelog": "images/alone/changelog"
    },
    {
      "name": "bottom",
      "from": "1.0-1",
      "to": "1.0-1-20170714",
      "changelog": "images/bottom/changelog"
    }
  ]
}
------- stderr -------
warning: 2 new entries are dated 2017-07-14, before the one below of 2026-11-20
  --> images/alone/changelog:1
  --> images/bottom/changelog:1
hint: look at the clock of this machine, and whether SOURCE_DATE_EPOCH is set
[exit status: 0]
[EOF]

"#]]);
    let output = sandbox.pkg(&["update", "app", "images"]);
    let words = "warning: the new entry is dated 2017-07-14, before the one below of 2026-11-20\n";
    assert!(
        output.assert_code(0).stderr.starts_with(words),
        "{}",
        output.render()
    );
    let output = sandbox.pkg(&["update", "app", "images"]);
    assert_eq!(output.assert_code(0).stderr, "");
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
