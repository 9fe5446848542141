//! Templates and values that are longer or deeper than any that a person writes.

use snapbox::str;

use crate::support::sandbox::Sandbox;

const LIST: [&str; 3] = ["list", "--offline", "images"];

#[test]
fn code_and_values_that_are_too_deep_end_no_run() {
    let repeat = |begin: &str, piece: &str, count, end: &str| {
        format!("FROM scratch\n{begin}{}{end}\n", piece.repeat(count))
    };
    let fold = "{% for i in range(20000) %}{% do h.append([h.pop()]) %}{% endfor %}";
    let branches = repeat("{% if 0 %}\n", "{% elif 0 %}\n", 20_000, "{% endif %}");
    let drop = format!("FROM scratch\n{{% set h = [[]] %}}\n{fold}\n");
    let sandbox = [
        ("branches", &*branches),
        ("calls", &repeat("RUN {{ registry", "()", 20_000, " }}")),
        ("drop", &drop),
        ("include", "FROM scratch\n{% include 'long' %}\n"),
        ("much", &repeat("", "RUN {{ 'a' }}\n", 40_000, "")),
        ("not", &repeat("RUN {{ ", "not ", 100_000, "1 }}")),
    ]
    .into_iter()
    .fold(Sandbox::with_settings(), |sandbox, (name, template)| {
        sandbox.image(
            &format!("images/{name}"),
            &format!("{name} (1.0)"),
            template,
        )
    });
    let long = repeat("RUN {{ 1", "+1", 40_000, " }}");
    sandbox
        .file("images/include/long", &long)
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: this file has too many `elif`: 5000 is the most
  --> images/branches/Dockerfile.template:5003:1
   | {% elif 0 %}
   | ^^
error: value of type string is not callable
  --> images/calls/Dockerfile.template:2:8
   | RUN {{ registry()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()()(…
   |        ^^^^^^^^^^
error: more than 100 lists and mappings are inside of each other
  --> images/drop/Dockerfile.template:3:35
   | {% for i in range(20000) %}{% do h.append([h.pop()]) %}{% endfor %}
   |                                   ^^^^^^^^^^^^^^^^^^
error: this tag is too long: 64 KiB is the most
  --> images/include/long:2:5
   | RUN {{ 1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1…
   |     ^^
error: this file has too much code: 256 KiB in all tags is the most
  --> images/much/Dockerfile.template:29129:5
   | RUN {{ 'a' }}
   |     ^^
error: this tag is too long: 64 KiB is the most
  --> images/not/Dockerfile.template:2:5
   | RUN {{ not not not not not not not not not not not not not not not not not not not not not not not n…
   |     ^^
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn what_a_template_calls_a_name_is_told_as_far_as_it_is_short() {
    Sandbox::with_settings()
        .image(
            "images/image",
            "image (1.0)",
            "FROM scratch\nRUN {{ ('y' * 5000000)|image_tag }}\n",
        )
        .image(
            "images/list",
            "list (1.0)",
            "FROM scratch\nRUN {{ ['y' * 5000000]|apt_install }}\n",
        )
        .image(
            "images/user",
            "user (1.0)",
            "FROM scratch\nRUN {{ ('y' * 5000000)|add_user }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no image `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…`, neither in the catalog nor among `base_images`
  --> images/image/Dockerfile.template:2:24
   | RUN {{ ('y' * 5000000)|image_tag }}
   |                        ^^^^^^^^^
hint: give the directory that holds it as well, or list it in `base_images`
error: `apt_install` needs a text, and this is ['yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…
  --> images/list/Dockerfile.template:2:24
   | RUN {{ ['y' * 5000000]|apt_install }}
   |                        ^^^^^^^^^^^
error: the user `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…` has no number in `known_uid_mappings`
  --> images/user/Dockerfile.template:2:24
   | RUN {{ ('y' * 5000000)|add_user }}
   |                        ^^^^^^^^
hint: add `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…: NUMBER` to `known_uid_mappings` of the settings
[exit status: 1]
[EOF]

"#]]);
}
