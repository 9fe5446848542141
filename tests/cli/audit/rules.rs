//! What rules find in a recipe, and what they leave alone.

use serde_json::Value as Json;

use super::{SETTINGS, findings, fine};
use crate::support::sandbox::Sandbox;

/// Lines of a template behind `FROM`, and how many findings a rule has there.
#[track_caller]
fn lines(rule: &str, lines: &str, count: usize) {
    let template = format!("FROM {{{{ \"bookworm\" | image_tag }}}}\n{lines}\n");
    let sandbox = fine().file("images/tool/Dockerfile.template", &template);
    let found = findings(&sandbox, rule);
    let found = found["findings"].as_array().expect("findings");
    assert_eq!(found.len(), count, "{rule}: {lines}\n{found:#?}");
}

#[test]
fn apt_is_read_as_a_shell_reads_it() {
    lines("apt-recommends", "RUN apt install curl", 1);
    lines(
        "apt-recommends",
        "RUN <<EOF\nset -e\napt-get -y install curl\nEOF",
        1,
    );
    lines(
        "apt-recommends",
        "RUN if true; then DEBIAN_FRONTEND=x apt-get -o A=b -q install curl; fi",
        1,
    );
    lines(
        "apt-recommends",
        "RUN apt-get install -y --no-install-recommends \\\n  # comment\n  curl",
        0,
    );
    lines("apt-recommends", "RUN echo 'apt-get install curl'", 0);
    lines(
        "apt-recommends",
        "RUN apt-get install --install-recommends curl",
        0,
    );
    lines(
        "apt-recommends",
        "RUN apt-get remove curl # apt-get install x",
        0,
    );
    lines(
        "apt-recommends",
        "RUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/x\nRUN apt-get install curl",
        0,
    );
    lines(
        "apt-lists",
        "RUN apt-get update && find /var/lib/apt/lists -type f -delete",
        0,
    );
    lines(
        "apt-lists",
        "RUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*",
        1,
    );
    lines(
        "apt-lists",
        "RUN --mount=type=cache,target=/var/lib/apt apt-get update",
        0,
    );
    lines("apt-lists", "RUN apt-get update\nFROM scratch", 0);
    for run in [
        "RUN sh -ec \"apt-get install curl\"",
        "RUN [\"sh\", \"-c\", \"true && apt-get install curl\"]",
        "RUN sudo -E apt-get install curl",
        "RUN timeout -k 1 5 apt-get install curl",
        "RUN echo curl | xargs -r apt-get install",
    ] {
        lines("apt-recommends", run, 1);
    }
    lines("apt-recommends", "RUN sh a.sh -c 'apt-get install a'", 0);
    lines(
        "apt-lists",
        "RUN apt-get update && sh -c 'rm -rf /var/lib/apt/lists/*'",
        0,
    );
    lines(
        "apt-filter",
        "RUN {{ 'a' | apt_install }} && {{ 'b' | apt_remove }}",
        0,
    );
    lines("apt-filter", "# apt-get install a\nRUN true", 0);
    lines(
        "apt-filter",
        "RUN apt-get update && \\\n  apt-get install -y a",
        1,
    );
}

#[test]
fn who_runs_an_image_is_found_out() {
    lines("user-name", "ENV WHO=nobody\nUSER $WHO", 1);
    lines("user-name", "ARG WHO=950\nUSER ${WHO}:0", 0);
    lines("user-name", "USER 950:nogroup", 0);
    lines("user-name", "USER root", 0);
    lines("user-root", "USER 0:0\nCMD [\"/a\"]", 1);
    lines("user-root", "USER root\nRUN true\nUSER 33", 0);
    lines("user-root", "USER root\nFROM scratch\nCMD [\"/a\"]", 1);
    lines("user-root", "FROM scratch\nCOPY a /", 0);
    lines(
        "user-root",
        "FROM {{ 'parent' | image_tag }}\nCMD [\"/a\"]",
        0,
    );
    let unknown = fine().file(
        "images/tool/Dockerfile.template",
        "FROM {{ \"bookworm\" | image_tag }}\nCMD [\"/a\"]\n",
    );
    let found = findings(&unknown, "user-root");
    assert_eq!(found["findings"], serde_json::json!([]));
    assert_eq!(found["unchecked"][0]["image"], "tool");
}

#[test]
fn where_numbers_are_asked_for_the_group_and_what_only_the_engine_knows_are_errors() {
    let settings = format!("{SETTINGS}force_numeric_user: true\n");
    for (user, count) in [("33:www", 1), ("${WHO}", 1), ("33:33", 0)] {
        let template = format!("FROM {{{{ \"bookworm\" | image_tag }}}}\nUSER {user}\n");
        let sandbox = fine()
            .file("config.yaml", &settings)
            .file("images/tool/Dockerfile.template", &template);
        let found = findings(&sandbox, "user-name");
        assert_eq!(found["counts"]["error"], count, "{user}: {found:#}");
        assert_eq!(found["unchecked"], serde_json::json!([]));
    }
    lines("user-name", "USER 33:www", 0);
}

#[test]
fn a_base_that_only_says_cmd_is_no_image_that_root_runs() {
    let base = "FROM scratch\nUSER root\nCMD [\"/bin/sh\"]\n";
    let sandbox = fine().file("images/parent/Dockerfile.template", base);
    let root_runs = |sandbox: &Sandbox| {
        let found = findings(sandbox, "user-root");
        found["findings"].as_array().expect("findings").len()
    };
    assert_eq!(root_runs(&sandbox), 1);
    let child = "FROM {{ \"parent\" | image_tag }}\nUSER 33\n";
    let sandbox = sandbox.file("images/tool/Dockerfile.template", child);
    assert_eq!(root_runs(&sandbox), 0);
}

#[test]
fn a_distribution_that_several_images_name_is_known() {
    let entry = |name: &str| {
        format!(
            "{name} (1.0-1) acme; urgency=low\n\n  * x\n\n -- A <a@x.org>  Fri, 20 Nov 2026 12:00:00 +0000\n"
        )
    };
    let named = |names: &[&str]| {
        let sandbox = names.iter().fold(fine(), |sandbox, name| {
            sandbox
                .file(&format!("images/{name}/changelog"), &entry(name))
                .file(
                    &format!("images/{name}/Dockerfile.template"),
                    "FROM scratch\n",
                )
        });
        let found = findings(&sandbox, "distribution-unknown");
        found["findings"].as_array().expect("findings").len()
    };
    assert_eq!(named(&["a", "b"]), 2);
    assert_eq!(named(&["a", "b", "c"]), 0);
}

#[test]
fn what_a_recipe_names_and_fetches_is_judged_by_what_it_means() {
    lines(
        "image-unpinned",
        "COPY --from=registry.example.org/base/bookworm /a /",
        0,
    );
    lines("image-unpinned", "COPY --from=debian /a /", 1);
    lines("image-unpinned", "FROM debian:latest AS x\nFROM x", 1);
    lines("image-outside", "COPY --from=debian /a /", 0);
    lines(
        "image-outside",
        "COPY --from=registry.example.org/base/parent:0.9-1 /a /",
        1,
    );
    lines(
        "image-outside",
        "COPY --from=registry.example.org/base/parent:1.0-1 /a /",
        0,
    );
    lines("image-outside", "COPY --from=0 /a /", 0);
    lines("add-checksum", "ADD a.tar.gz /", 0);
    lines("add-checksum", "ADD [\"https://example.org/a\", \"/\"]", 1);
    lines(
        "add-checksum",
        &format!("ADD https://example.org/a.git#{} /", "0a".repeat(20)),
        0,
    );
    lines("secret-in-history", "ENV A=1 DB_PASSWORD=hush", 1);
    lines("secret-in-history", "ENV DB_PASSWORD hush", 1);
    lines(
        "secret-in-history",
        "ENV DB_PASSWORD_FILE=/run/secrets/db TOKEN=",
        0,
    );
    lines("stage-duplicate", "FROM scratch AS a\nFROM scratch AS b", 0);
    lines("test-missing", "EXPOSE 80\nFROM scratch", 0);
}

#[test]
fn a_place_is_the_line_of_the_template_or_none() {
    let template = "{% set base = \"bookworm\" %}\nFROM {{ base | image_tag }}\n{% for n in [1, 2] %}\nENV A{{ n }}=1\n{% endfor %}\nRUN {{ \"a\" | apt_install }}\nUSER root\nCMD [\"/a\"]\n";
    let sandbox = fine().file("images/tool/Dockerfile.template", template);
    let place = &findings(&sandbox, "user-root")["findings"][0]["places"][0];
    assert_eq!(place["line"], 7);
    let template = "FROM {{ \"bookworm\" | image_tag }}\n{{ \"USER root\" }}\nCMD [\"/a\"]\n";
    let sandbox = sandbox.file("images/tool/Dockerfile.template", template);
    let place = &findings(&sandbox, "user-root")["findings"][0]["places"][0];
    assert_eq!(
        (&place["line"], place["file"].as_str()),
        (&Json::Null, Some("images/tool/Dockerfile.template"))
    );
}
