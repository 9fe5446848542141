//! `pkg log`.

use snapbox::str;

use crate::support::sandbox::Sandbox;

const ANN: &str = "Ann Example <ann@example.org>";
const BOT: &str = "Image build Bot <root@example.org>";

/// One entry of a changelog.
fn entry(header: &str, reason: &str, author: &str, date: &str) -> String {
    format!("{header} stable; urgency=high\n\n{reason}\n\n -- {author}  {date}\n\n")
}

fn weekly(name: &str, day: &str) -> String {
    let header = format!("{name} (1.0-1-202611{day})");
    let date = format!("Sun, {day} Nov 2026 06:00:00 +0000");
    entry(&header, "  * Weekly rebuild.", BOT, &date)
}

/// A year in three images and six that are only rebuilt.
fn year() -> Sandbox {
    let refresh = "   Refresh for update in parent image tools:\n   New upstream release.";
    let update = "Fri, 20 Nov 2026 10:00:00 +0100";
    let tools = [
        entry("tools (2.0-1)", "   New upstream release.", ANN, update),
        weekly("tools", "15"),
        entry(
            "tools (1.0-1)",
            "  [ Ben ]\n  * Add the module that\n    the gateway needs.\n  * Drop the old one.",
            ANN,
            "Mon, 02 Nov 2026 12:00:00 +0000",
        ),
        entry(
            "toolbox (0.9-1)",
            "  * First.",
            ANN,
            "Sun, 01 Mar 2026 12:00:00 +0000",
        ),
    ];
    let web = [
        entry("web (1.0-2)", refresh, ANN, update),
        weekly("web", "15"),
    ];
    let mut sandbox = Sandbox::with_settings()
        .file("images/tools/changelog", &tools.concat())
        .file("images/tools/Dockerfile.template", "FROM scratch\n")
        .file("images/web/changelog", &web.concat())
        .file(
            "images/web/Dockerfile.template",
            "FROM {{ 'tools' | image_tag }}\n",
        );
    for name in ["a", "b", "c", "d", "e"] {
        let text = [weekly(name, "15"), weekly(name, "08")].concat();
        sandbox = sandbox
            .file(&format!("images/{name}/changelog"), &text)
            .file(
                &format!("images/{name}/Dockerfile.template"),
                "FROM scratch\n",
            );
    }
    sandbox
}

#[test]
fn a_month_is_told_day_by_day_with_its_noise_folded() {
    year()
        .pkg(&["log", "images"])
        .assert_snapshot(str![[r#"
Fri 2026-11-20
  tools 2.0-1 by Ann Example
    New upstream release.
    and what is built on it: web 1.0-2

Sun 2026-11-15
  7 images by Image build Bot
    Weekly rebuild.

Sun 2026-11-08
  a 1.0-1-20261108, b 1.0-1-20261108, c 1.0-1-20261108, d 1.0-1-20261108, e 1.0-1-20261108 by Image build Bot
    Weekly rebuild.

Mon 2026-11-02
  tools 1.0-1 by Ann Example
    [ Ben ]
    * Add the module that the gateway needs.
    * Drop the old one.
------- stderr -------
not shown: 1 entry from before 2026-10-22, the newest from 2026-03-01 (`--since 1y` shows a year)
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn all_names_are_told_to_those_who_ask() {
    let arguments = ["log", "--info", "images", "--since", "10d"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
Fri 2026-11-20
  tools 2.0-1 by Ann Example
    New upstream release.
    and what is built on it: web 1.0-2

Sun 2026-11-15
  a 1.0-1-20261115, b 1.0-1-20261115, c 1.0-1-20261115, d 1.0-1-20261115, e 1.0-1-20261115, tools 1.0-1-20261115, web 1.0-1-20261115 by Image build Bot
    Weekly rebuild.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn an_image_folds_its_own_rebuilds() {
    let arguments = [
        "log", "images", "--by", "image", "--image", "tools", "--image", "a", "--since", "1y",
    ];
    year().pkg(&arguments).assert_snapshot(str![[r#"
a
  2026-11-15 1.0-1-20261115 and before it 2026-11-08 1.0-1-20261108 by Image build Bot
    Weekly rebuild.

tools
  2026-11-20 2.0-1 by Ann Example
    New upstream release.
  2026-11-15 1.0-1-20261115 by Image build Bot
    Weekly rebuild.
  2026-11-02 1.0-1 by Ann Example
    [ Ben ]
    * Add the module that the gateway needs.
    * Drop the old one.
  2026-03-01 0.9-1 by Ann Example
    First.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_former_name_finds_its_entries_only() {
    let arguments = [
        "log",
        "images",
        "--image",
        "toolbox",
        "--since",
        "2026-01-01",
    ];
    year().pkg(&arguments).assert_snapshot(str![[r#"
Sun 2026-03-01
  toolbox 0.9-1 by Ann Example
    First.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_time_has_two_ends() {
    let arguments = [
        "log",
        "images",
        "--since",
        "2026-11-01",
        "--until",
        "2026-11-02",
    ];
    year().pkg(&arguments).assert_snapshot(str![[r#"
Mon 2026-11-02
  tools 1.0-1 by Ann Example
    [ Ben ]
    * Add the module that the gateway needs.
    * Drop the old one.
[exit status: 0]
[EOF]

"#]]);
    // 30 days before the end, where no beginning is named.
    let arguments = ["log", "images", "--until", "2026-03-02T00:00:00Z"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
Sun 2026-03-01
  toolbox 0.9-1 by Ann Example
    First.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn authors_and_labels_choose() {
    let arguments = ["log", "images", "--author", "ANN@", "--select", "*/web:*"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
Fri 2026-11-20
  web 1.0-2 by Ann Example
    for an update of tools:
    New upstream release.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn nothing_that_was_asked_for_is_told_as_nothing() {
    let arguments = ["log", "images", "--author", "nobody"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
------- stderr -------
there is no such entry since 2026-10-22
[exit status: 0]
[EOF]

"#]]);
    let arguments = ["log", "images", "--until", "2026-02-01"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
------- stderr -------
there is no such entry since 2026-01-02 until 2026-02-01
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_word_that_is_no_day_says_what_is_one() {
    let arguments = ["log", "images", "--since", "last week"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
------- stderr -------
error: `--since` is no day and no time: `last week`
hint: write 2026-11-01, 30d, 4w, 1y, yesterday, or 2026-11-01T12:00:00Z
[exit status: 2]
[EOF]

"#]]);
    let arguments = ["log", "images", "--since", "today", "--until", "yesterday"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
------- stderr -------
error: `--since` is after `--until`: 2026-11-21 and 2026-11-20
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn an_unknown_image_has_near_names() {
    let arguments = ["log", "images", "--image", "tolls"];
    year().pkg(&arguments).assert_snapshot(str![[r#"
------- stderr -------
error: no changelog names an image `tolls`
hint: the closest name is `tools`
[exit status: 2]
[EOF]

"#]]);
}

/// Three changelogs of which parts cannot be read.
fn broken() -> Sandbox {
    let broken = [
        entry(
            "app (1.2-1)",
            "  * Newest.",
            ANN,
            "Fri, 20 Nov 2026 10:00:00 +0000",
        ),
        "<<<<<<< HEAD\n\n".to_owned(),
        entry(
            "app (1.1-1)",
            "  * Undated.",
            ANN,
            "Fri, 32 Nov 2026 10:00:00 +0000",
        ),
        entry(
            "app (1.0-1)",
            "  * By nobody.",
            "",
            "Thu, 19 Nov 2026 10:00:00 +0000",
        ),
    ];
    let top = [
        "app+ (2) stable; urgency=low\n\n  * x\n\n".to_owned(),
        entry(
            "plus (1.0-1)",
            "  * Below.",
            ANN,
            "Wed, 18 Nov 2026 10:00:00 +0000",
        ),
    ];
    let tilde = entry(
        "tilde (1.0~rc1)",
        "  * No tag.",
        ANN,
        "Tue, 17 Nov 2026 10:00:00 +0000",
    );
    Sandbox::with_settings()
        .file("images/app/changelog", &broken.concat())
        .file("images/app/Dockerfile.template", "FROM scratch\n")
        .file("images/plus/changelog", &top.concat())
        .file("images/plus/Dockerfile.template", "FROM scratch\n")
        .file("images/tilde/changelog", &tilde)
        .file("images/tilde/Dockerfile.template", "FROM {{ broken\n")
}

#[test]
fn what_cannot_be_read_hides_nothing_else() {
    broken()
        .pkg(&["log", "images"])
        .assert_snapshot(str![[r#"
Fri 2026-11-20
  app 1.2-1 by Ann Example
    Newest.

Thu 2026-11-19
  app 1.0-1
    By nobody.

Wed 2026-11-18
  plus 1.0-1 by Ann Example
    Below.

Tue 2026-11-17
  tilde 1.0~rc1 by Ann Example
    No tag.

Without a date
  app 1.1-1 by Ann Example
    Undated.
------- stderr -------
warning: version `1.0~rc1` cannot be a tag: it holds `~`
  --> images/tilde/changelog:1
hint: a version becomes a tag: write `-` or `.` instead, as in `2.0-rc1`
warning: an entry cannot be read and is not shown: expected an entry, which begins with `name (version) distribution; urgency=…`, not `<<<<<<< HEAD`
  --> images/app/changelog:7
warning: an entry cannot be read and is not shown: `app+` cannot be the name of an image: it holds `+`, and a name has only letters, digits, `.` and `-`
  --> images/plus/changelog:1
warning: an entry has no date that can be read, and stands at the end
  --> images/app/changelog:13
warning: an entry has no author that can be read
  --> images/app/changelog:19
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn what_has_no_date_is_shown_where_it_may_be_of_the_time_that_was_asked_for() {
    let sandbox = broken();
    let stderr = |arguments: &[&str]| {
        let output = sandbox.pkg(&[&["log", "images"], arguments].concat());
        let undated = output.assert_code(0).stdout.contains("Without a date");
        let told = output.stderr.contains("no date that can be read");
        assert_eq!(undated, told, "{}", output.render());
        let nobody = output.stderr.contains("no author that can be read");
        (undated, nobody)
    };
    assert_eq!(stderr(&["--since=2026-11-20"]), (true, false));
    // The entries around it are of the 19th and the 20th.
    assert_eq!(stderr(&["--since=2026-11-21"]), (false, false));
    assert_eq!(stderr(&["--until=2026-11-18"]), (false, false));
    assert_eq!(stderr(&["--until=2026-11-19"]), (true, true));
    assert_eq!(stderr(&["--image=tilde"]), (false, false));
    let output = sandbox.pkg(&["log", "images", "--author=ben"]);
    let words = "warning: an entry has no author that can be read, and is not shown\n";
    assert!(output.stderr.contains(words), "{}", output.render());
}

#[test]
fn entries_are_not_counted_as_images() {
    let date = "Fri, 20 Nov 2026 10:00:00 +0000";
    let sandbox = ["a", "b", "c"]
        .iter()
        .fold(Sandbox::with_settings(), |sandbox, name| {
            let entries = (1..=4).rev();
            let entries: String = entries
                .map(|number| entry(&format!("{name} (1-{number})"), "  * Same.", ANN, date))
                .collect();
            sandbox
                .file(&format!("images/{name}/changelog"), &entries)
                .file(
                    &format!("images/{name}/Dockerfile.template"),
                    "FROM scratch\n",
                )
        });
    sandbox.pkg(&["log", "images"]).assert_snapshot(str![[r#"
Fri 2026-11-20
  12 entries of 3 images by Ann Example
    Same.
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn json_has_each_entry_by_itself() {
    let arguments = [
        "log", "images", "--json", "--image", "web", "--image", "toolbox",
    ];
    year().pkg(&arguments).assert_snapshot(str![[r#"
{
  "version": 1,
  "since": "2026-10-22",
  "until": null,
  "older": 1,
  "entries": [
    {
      "name": "web",
      "image": "web",
      "version": "1.0-2",
      "previous": "1.0-1-20261115",
      "date": "2026-11-20T10:00:00+01:00",
      "author": "Ann Example",
      "email": "ann@example.org",
      "urgency": "high",
      "distribution": "stable",
      "parent": "tools",
      "reason": [
        "Refresh for update in parent image tools:",
        "New upstream release."
      ],
      "place": "images/web/changelog:1"
    },
    {
      "name": "web",
      "image": "web",
      "version": "1.0-1-20261115",
      "previous": null,
      "date": "2026-11-15T06:00:00+00:00",
      "author": "Image build Bot",
      "email": "root@example.org",
      "urgency": "high",
      "distribution": "stable",
      "parent": null,
      "reason": [
        "* Weekly rebuild."
      ],
      "place": "images/web/changelog:8"
    }
  ]
}
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_directory_that_is_not_there_is_wrong_usage() {
    year().pkg(&["log", "imgaes"]).assert_code(2);
}
