//! Secrets in recipes: found wherever they stand, and never printed.

use serde_json::json;
use snapbox::str;

use super::{findings, fine};
use crate::support::sandbox::Sandbox;

/// The lines in which a template behind `FROM` shows a secret.
#[track_caller]
fn secret_lines(lines: &str, expected: &[u64]) {
    let template = format!("FROM {{{{ \"bookworm\" | image_tag }}}}\n{lines}\n");
    let sandbox = fine().file("images/tool/Dockerfile.template", &template);
    let found = findings(&sandbox, "secret-in-history");
    let found = found["findings"].as_array().expect("findings").iter();
    let found: Vec<_> = found.map(|one| one["places"][0]["line"].as_u64()).collect();
    let expected: Vec<_> = expected.iter().map(|&line| Some(line)).collect();
    assert_eq!(found, expected, "{lines}");
}

#[test]
fn a_secret_is_found_in_every_instruction() {
    secret_lines("ENV PGPASSWORD=hush", &[2]);
    secret_lines("ENV MYSQL_PWD=hush", &[2]);
    secret_lines("ENV A=b DB_PASS=hush", &[2]);
    secret_lines("ADD https://u:hush@example.org/x /", &[2]);
    secret_lines("RUN true \\\n  && curl https://u:hush@example.org/x", &[3]);
    secret_lines(
        "RUN curl https://$U:$P@example.org/x # https://example.org/",
        &[],
    );
    secret_lines(
        "RUN true \\\n  # https://u:hush@example.org\n  && true",
        &[],
    );
    let token = format!("ghp_{}", "a".repeat(36));
    secret_lines(&format!("LABEL x={token}"), &[2]);
    secret_lines(&format!("RUN <<EOF\ntrue\ncurl -H {token}\nEOF"), &[4]);
    secret_lines("COPY <<EOF /k\n-----BEGIN PRIVATE KEY-----\nEOF", &[3]);
}

#[test]
fn no_report_prints_a_secret_of_a_recipe() {
    let sandbox = fine()
        .file(
            "images/tool/Dockerfile.template",
            "FROM scratch\nADD https://u:geheimtok@h/x?sig=geheimfrage /\nADD https://geheimname@h/x /\n",
        )
        .file(
            "images/bad/Dockerfile.template",
            "FROM scratch\nRUNN curl https://u:geheimtok@h/x\n",
        )
        .file(
            "images/worse/Dockerfile.template",
            "FROM scratch\nPASSWORD geheimtok\n",
        )
        .changelog("images/bad", "bad (1.0-1)")
        .changelog("images/worse", "worse (1.0-1)");
    for format in ["text", "json", "sarif", "junit"] {
        let output = sandbox.pkg(&["audit", "--format", format, "images"]);
        let shown = output.assert_code(3).render();
        assert!(!shown.contains("geheim"), "{shown}");
        assert!(shown.contains("***@h/x"), "{shown}");
    }
    let found = findings(&sandbox, "add-checksum");
    let messages = found["findings"].as_array().expect("findings").iter();
    let messages: Vec<_> = messages.map(|one| &one["message"]).collect();
    assert_eq!(
        messages,
        [
            "`ADD https://***@h/x?***` takes whatever is there",
            "`ADD https://***@h/x` takes whatever is there"
        ]
    );
}

/// A declared image beside two others.
fn declared(more: &str) -> Sandbox {
    let text = format!("bootstrap: mmdebstrap\nsuite: trixie\n{more}");
    fine()
        .changelog("images/base", "base (1.0-1)")
        .file("images/base/image.yaml", &text)
}

#[test]
fn the_environment_of_a_declared_image_is_looked_at() {
    let more = "environment: {DB_PASSWORD: x,\n  X: \"https://u:pw@h/\", Y: z}\nentrypoint:\n  command: /a --url https://u:pw@h/\n";
    let found = findings(&declared(more), "secret-in-history");
    let found: Vec<_> = found["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| (one["message"].clone(), one["places"][0]["line"].clone()))
        .collect();
    assert_eq!(
        found,
        [
            (
                json!("`environment` puts a secret into the image: `DB_PASSWORD`"),
                json!(3)
            ),
            (
                json!("`environment` puts a secret into the image: `X`"),
                json!(4)
            ),
            (
                json!("`entrypoint` puts an address with a password into the image"),
                json!(5)
            ),
        ]
    );
    let found = findings(&declared("environment: {A: b}\n"), "secret-in-history");
    assert_eq!(
        (&found["findings"], &found["inapplicable"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn rules_on_dockerfiles_do_not_apply_to_a_declared_image_and_say_so() {
    let sandbox = declared("");
    sandbox
        .pkg(&["audit", "--rule=apt-lists", "--rule=add-checksum", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
2 rules do not apply to `base`: an `image.yaml` declares it, and it has no Dockerfile
3 images: nothing found
[exit status: 0]
[EOF]

"#]]);
    let found = findings(&sandbox, "apt-lists");
    assert_eq!(found["inapplicable"][0]["image"], "base");
    assert_eq!(found["unchecked"], json!([]));
    let root = findings(&sandbox, "user-root");
    assert_eq!(root["findings"], json!([]));
    let run = declared("entrypoint: {command: /bin/a}\n");
    assert_eq!(findings(&run, "user-root")["findings"][0]["image"], "base");
}

#[test]
fn who_runs_a_declared_image_is_found_out_through_what_it_is_made_on() {
    let on = |more: &str| {
        let text = format!("suite: trixie\ncontents: {{packages: [libc6]}}\n{more}");
        fine()
            .changelog("images/base", "base (1.0-1)")
            .file("images/base/image.yaml", &text)
    };
    let of_base = "accounts:\n  users: [{username: app, uid: 950}]\n  run-as: '950'\n";
    for (below, own, count) in [
        ("", "", 1),
        (of_base, "", 0),
        (of_base, "accounts: {run-as: '0'}\n", 1),
        ("", "accounts: {run-as: '33'}\n", 0),
    ] {
        let service = format!("base: base\nentrypoint: {{command: /bin/a}}\n{own}");
        let sandbox = on(below)
            .changelog("images/service", "service (1.0-1)")
            .file("images/service/image.yaml", &service);
        let found = findings(&sandbox, "user-root");
        let found = found["findings"].as_array().expect("findings");
        assert_eq!(found.len(), count, "{below}{own}: {found:?}");
        assert!(
            found.iter().all(|one| one["image"] == "service"),
            "{found:?}"
        );
    }
    // A template on it is run by whom it names.
    let sandbox = on(of_base).file(
        "images/tool/Dockerfile.template",
        "FROM {{ \"base\" | image_tag }}\nCMD [\"/a\"]\n",
    );
    assert_eq!(findings(&sandbox, "user-root")["findings"], json!([]));
}

#[test]
fn the_true_reason_is_given_where_a_recipe_was_not_rendered() {
    let sandbox = fine();
    let control = sandbox.path().join("images/tool/control");
    #[expect(clippy::disallowed_methods, reason = "a file that is no text")]
    std::fs::write(control, b"Package: tool\nDescription: \xff\n").expect("a file");
    sandbox
        .pkg(&["audit", "--rule=apt-lists", "--rule=user-root", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
could not check 2 rules of `images/tool`: the control file cannot be read
2 images: nothing found
[exit status: 0]
[EOF]

"#]]);
}
