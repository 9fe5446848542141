//! What is wrong with templates, and with what they render to.

use snapbox::str;

use crate::support::sandbox::Sandbox;

const LIST: [&str; 3] = ["list", "--offline", "images"];

#[test]
fn templates_that_cannot_be_rendered() {
    Sandbox::with_settings()
        .image(
            "images/image",
            "image (1.0)",
            "FROM scratch\nCOPY --from={{ \"filetr\" | image_tag }} /a /a\n",
        )
        .image(
            "images/filter",
            "filter (1.0)",
            "FROM scratch\nRUN {{ \"curl\" | apt_instal }}\n",
        )
        .image(
            "images/syntax",
            "syntax (1.0)",
            "FROM scratch\n{% if true %}\nUSER 1\n",
        )
        .image(
            "images/undefined",
            "undefined (1.0)",
            "FROM {{ registri }}/a:1\n",
        )
        .image(
            "images/user",
            "user (1.0)",
            "FROM scratch\nRUN {{ \"gnupg\" | add_user }}\n",
        )
        .image(
            "images/include",
            "include (1.0)",
            "FROM scratch\n{% include \"./common\" %}\n",
        )
        .image(
            "images/endless",
            "endless (1.0)",
            "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: this template runs for too long
  --> images/endless/Dockerfile.template:1
error: there is no filter `apt_instal`
  --> images/filter/Dockerfile.template:2:17
hint: the closest name is `apt_install`
error: there is no image `filetr`, neither in the catalog nor among `base_images`
  --> images/image/Dockerfile.template:2:27
hint: the closest name is `filter`
error: there is no file `./common` in the directory of the image
  --> images/include/Dockerfile.template:2:4
error: this is no template: unexpected end of input, expected end of block
  --> images/syntax/Dockerfile.template:2:14
error: `registri` has no value
  --> images/undefined/Dockerfile.template:1:9
hint: the closest name is `registry`
error: the user `gnupg` has no number in `known_uid_mappings`
  --> images/user/Dockerfile.template:2:18
hint: add `gnupg: NUMBER` to `known_uid_mappings` of the settings
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_template_that_asks_for_the_password() {
    Sandbox::new()
        .file("config.yaml", "username: ann\npassword: hush-hush\n")
        .image(
            "images/a",
            "a (1.0)",
            "FROM scratch\nENV P={{ password }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `password` has no value
  --> images/a/Dockerfile.template:2:10
hint: a template never sees the password: it would go into the image
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn rendered_templates_that_are_no_dockerfile() {
    Sandbox::with_settings()
        .image("images/empty", "empty (1.0)", "# nothing\n")
        .image("images/first", "first (1.0)", "RUN true\nFROM scratch\n")
        .image(
            "images/word",
            "word (1.0)",
            "{% if true %}\nFROM scratch\n{% endif %}\nRUN true \\\n  && false\nRUNN true\n",
        )
        .image(
            "images/here",
            "here (1.0)",
            "FROM scratch\nRUN <<EOF\ntrue\n",
        )
        .image("images/from", "from (1.0)", "FROM a:1 b:2\n")
        .image("images/blank", "blank (1.0)", "ARG BASE\nFROM ${BASE}\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the rendered template is no Dockerfile: `${BASE}` names no image: the `ARG` lines before the first `FROM` give it no value
  --> images/blank/Dockerfile.template
hint: line 2 of the rendered text is `FROM ${BASE}`
error: the rendered template is no Dockerfile: a Dockerfile needs a `FROM`, and there is none
  --> images/empty/Dockerfile.template
error: the rendered template is no Dockerfile: before the first `FROM` stands only `ARG`, not `RUN`
  --> images/first/Dockerfile.template
hint: line 1 of the rendered text is `RUN true`
error: the rendered template is no Dockerfile: expected `FROM image` or `FROM image AS name`, not `FROM a:1 b:2`
  --> images/from/Dockerfile.template
hint: line 1 of the rendered text is `FROM a:1 b:2`
error: the rendered template is no Dockerfile: the here-document that begins here has no line `EOF` at its end
  --> images/here/Dockerfile.template
hint: line 2 of the rendered text is `RUN <<EOF`
error: the rendered template is no Dockerfile: `RUNN` is no instruction
  --> images/word/Dockerfile.template
hint: line 6 of the rendered text is `RUNN true`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_user_by_name_where_the_settings_ask_for_a_number() {
    Sandbox::with_settings()
        .file("config.yaml", "force_numeric_user: true\n")
        .image(
            "images/name",
            "name (1.0)",
            "FROM scratch\nUSER 0\nuser\twww-data:www-data\n",
        )
        .image(
            "images/number",
            "number (1.0)",
            "FROM scratch\nUSER root\nUSER {{ \"www-data\" | uid }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the last USER of `name` is `www-data:www-data`, and `force_numeric_user` asks for a number
  --> images/name/Dockerfile.template
hint: write the number, as `USER {{ "www-data" | uid }}` does
[exit status: 1]
[EOF]

"#]]);
}
