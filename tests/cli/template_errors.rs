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
            "images/include",
            "include (1.0)",
            "FROM scratch\n{% include \"./common\" %}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no filter `apt_instal`
  --> images/filter/Dockerfile.template:2:17
   | RUN {{ "curl" | apt_instal }}
   |                 ^^^^^^^^^^
hint: the closest name is `apt_install`
error: there is no image `filetr`, neither in the catalog nor among `base_images`
  --> images/image/Dockerfile.template:2:27
   | COPY --from={{ "filetr" | image_tag }} /a /a
   |                           ^^^^^^^^^
hint: the closest name is `filter`
hint: give the directory that holds it as well, or list it in `base_images`
error: there is no file `./common` in the directory of the image
  --> images/include/Dockerfile.template:2:4
   | {% include "./common" %}
   |    ^^^^^^^^^^^^^^^^^^
error: the `if` that begins here has no `endif`
  --> images/syntax/Dockerfile.template:2:4
   | {% if true %}
   |    ^^
error: `registri` has no value
  --> images/undefined/Dockerfile.template:1:9
   | FROM {{ registri }}/a:1
   |         ^^^^^^^^
hint: the closest name is `registry`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_name_without_a_value_is_shown_with_the_names_that_exist() {
    Sandbox::new()
        .file(
            "config.yaml",
            "registry: r.example.org\nphp: {versions: [8.1, 8.2], user: www-data}\n",
        )
        .image(
            "images/key",
            "key (1.0)",
            "FROM scratch\nUSER {{ php.usr }}\n",
        )
        .image(
            "images/keys",
            "keys (1.0)",
            "FROM scratch\nUSER {{ 'u' ~ php['nothing'] }}\n",
        )
        .image(
            "images/near",
            "near (1.0)",
            "{% set packages = 'git' %}\nFROM scratch\nRUN {{ pakages | apt_install }}\n",
        )
        .image(
            "images/none",
            "none (1.0)",
            "{% set zz = 1 %}\nFROM scratch\nRUN {{ 'a' ~ zz % 2 ~ unheard_of }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `php.usr` has no value
  --> images/key/Dockerfile.template:2:9
   | USER {{ php.usr }}
   |         ^^^^^^^
hint: the closest name is `user`
error: `php['nothing']` has no value
  --> images/keys/Dockerfile.template:2:15
   | USER {{ 'u' ~ php['nothing'] }}
   |               ^^^^^^^^^^^^^^
hint: `php` has `versions`, `user`
error: `pakages` has no value
  --> images/near/Dockerfile.template:3:8
   | RUN {{ pakages | apt_install }}
   |        ^^^^^^^
hint: the closest name is `packages`
error: `unheard_of` has no value
  --> images/none/Dockerfile.template:3:23
   | RUN {{ 'a' ~ zz % 2 ~ unheard_of }}
   |                       ^^^^^^^^^^
hint: set it in the settings, or write `{% set unheard_of = … %}` before
hint: the template sets `zz`
hint: the settings give `apt_only_proxy`, `apt_options`, `base_images`, `ca_bundle`, `distribution`, `fallback_author`, `fallback_email`, `force_numeric_user`, `http_proxy`, `known_uid_mappings`, `namespace`, `php`, `registry`, `scan_workers`, `update_id`, `username`, `verify_args`, `verify_command`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn an_error_in_an_included_file_points_there() {
    Sandbox::with_settings()
        .image(
            "images/part",
            "part (1.0)",
            "FROM scratch\n{% include 'more' %}\n",
        )
        .file("images/part/more", "RUN a\nRUN {{ 5 % 3 }} {{ regitry }}\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `regitry` has no value
  --> images/part/more:2:20
   | RUN {{ 5 % 3 }} {{ regitry }}
   |                    ^^^^^^^
hint: the closest name is `registry`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_template_that_takes_too_many_steps() {
    Sandbox::with_settings()
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
   | {% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_user_without_a_number_and_a_filter_that_is_not_here() {
    Sandbox::with_settings()
        .image(
            "images/user",
            "user (1.0)",
            "FROM scratch\nRUN {{ \"gnupg\" | add_user }}\n",
        )
        .image(
            "images/web",
            "web (1.0)",
            "FROM scratch\nRUN {{ 'a' | urlize }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the user `gnupg` has no number in `known_uid_mappings`
  --> images/user/Dockerfile.template:2:18
   | RUN {{ "gnupg" | add_user }}
   |                  ^^^^^^^^
hint: add `gnupg: NUMBER` to `known_uid_mappings` of the settings
error: there is no filter `urlize`
  --> images/web/Dockerfile.template:2:14
   | RUN {{ 'a' | urlize }}
   |              ^^^^^^
hint: Jinja has it, and it is not supported here
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn columns_count_in_the_line_as_it_was_written() {
    Sandbox::with_settings()
        .image(
            "images/do",
            "do (1.0)",
            "FROM scratch\n{% do [].append(1) %}{% do regisry %}{{ regisry }}\n",
        )
        .image(
            "images/percent",
            "percent (1.0)",
            "FROM scratch\nRUN {{ '%s' % registry }} {{ '%s %s' % (registry, registri) }}\n",
        )
        .image(
            "images/text",
            "text (1.0)",
            "FROM scratch\nRUN {{ 'a \\\n  \\101' }} {{ ('b' + registri)[1:] }}\n",
        )
        .image(
            "images/wide",
            "wide (1.0)",
            "FROM scratch\n\tRUN {{ 'é日本' ~ registri }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `regisry` has no value
  --> images/do/Dockerfile.template:2:41
   | {% do [].append(1) %}{% do regisry %}{{ regisry }}
   |                                         ^^^^^^^
hint: the closest name is `registry`
error: `registri` has no value
  --> images/percent/Dockerfile.template:2:51
   | RUN {{ '%s' % registry }} {{ '%s %s' % (registry, registri) }}
   |                                                   ^^^^^^^^
hint: the closest name is `registry`
error: `registri` has no value
  --> images/text/Dockerfile.template:3:22
   |   \101' }} {{ ('b' + registri)[1:] }}
   |                      ^^^^^^^^
hint: the closest name is `registry`
error: `registri` has no value
  --> images/wide/Dockerfile.template:2:17
   |  RUN {{ 'é日本' ~ registri }}
   |                   ^^^^^^^^
hint: the closest name is `registry`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn what_templates_of_jinja_can_do_and_these_cannot() {
    Sandbox::with_settings()
        .image(
            "images/chance",
            "chance (1.0)",
            "FROM scratch\nRUN {{ [1, 2] | random }}\n",
        )
        .image(
            "images/method",
            "method (1.0)",
            "FROM scratch\nRUN {{ 'a'.uper() }}\n",
        )
        .image(
            "images/more",
            "more (1.0)",
            "FROM scratch\n{% macro m(a) %}{{ varargs }}{% endmacro %}\nRUN {{ m(1, 2) }}\n",
        )
        .image(
            "images/name",
            "name (1.0)",
            "FROM scratch\n{% set ns = namespace(a=1) %}\n",
        )
        .image(
            "images/test",
            "test (1.0)",
            "FROM scratch\nRUN {{ 1 is evne }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `random` gives something else each time, and the same files have to give the same Dockerfile
  --> images/chance/Dockerfile.template:2:17
   | RUN {{ [1, 2] | random }}
   |                 ^^^^^^
error: a text has no method `uper`
  --> images/method/Dockerfile.template:2:12
   | RUN {{ 'a'.uper() }}
   |            ^^^^
error: too many arguments
  --> images/more/Dockerfile.template:3:8
   | RUN {{ m(1, 2) }}
   |        ^^^^^^^
hint: a macro takes only the arguments that it names: `varargs` and `kwargs` are not supported
error: value of type string is not callable
  --> images/name/Dockerfile.template:2:13
   | {% set ns = namespace(a=1) %}
   |             ^^^^^^^^^^^^^^
hint: the setting `namespace` hides the function of that name: a list that is changed with `append` does the same
error: there is no test `evne`
  --> images/test/Dockerfile.template:2:13
   | RUN {{ 1 is evne }}
   |             ^^^^
hint: the closest name is `even`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_filter_that_is_asked_for_too_much_refuses_before_it_begins() {
    let filters = [
        ("braces", "'{:4000000000}'.format(1)"),
        ("center", "'a' | center(4000000000)"),
        ("join", "('x' * 100000).join('y' * 100000)"),
        ("just", "'a'.ljust(4000000000)"),
        ("list", "[1] | batch(4000000000, 'x') | list"),
        ("percent", "'%4000000000d' % 1"),
        ("range", "range(4000000000) | list"),
        ("replace", "('x' * 100000) | replace('x', 'x' * 100000)"),
    ];
    let images = filters
        .iter()
        .fold(Sandbox::with_settings(), |sandbox, (name, filter)| {
            let template = format!("FROM scratch\nRUN {{{{ {filter} }}}}\n");
            sandbox.image(
                &format!("images/{name}"),
                &format!("{name} (1.0)"),
                &template,
            )
        });
    images.pkg(&LIST).assert_snapshot(str![[r#"
------- stderr -------
error: 4000000000 is too much for a width or a count: 10000 is the most
  --> images/braces/Dockerfile.template:2:23
   | RUN {{ '{:4000000000}'.format(1) }}
   |                       ^^^^^^^^^^
error: 4000000000 is too much for a width or a count: 10000 is the most
  --> images/center/Dockerfile.template:2:14
   | RUN {{ 'a' | center(4000000000) }}
   |              ^^^^^^^^^^^^^^^^^^
error: this text grows too large
  --> images/join/Dockerfile.template:2:22
   | RUN {{ ('x' * 100000).join('y' * 100000) }}
   |                      ^^^^^^^^^^^^^^^^^^^
error: 4000000000 is too much for a width or a count: 10000 is the most
  --> images/just/Dockerfile.template:2:11
   | RUN {{ 'a'.ljust(4000000000) }}
   |           ^^^^^^^^^^^^^^^^^^
error: 4000000000 is too much for a width or a count: 10000 is the most
  --> images/list/Dockerfile.template:2:14
   | RUN {{ [1] | batch(4000000000, 'x') | list }}
   |              ^^^^^^^^^^^^^^^^^^^^^^
error: 4000000000 is too much for a width or a count: 10000 is the most
  --> images/percent/Dockerfile.template:2:23
   | RUN {{ '%4000000000d' % 1 }}
   |                       ^^^
error: this range is too long
  --> images/range/Dockerfile.template:2:8
   | RUN {{ range(4000000000) | list }}
   |        ^^^^^^^^^^^^^^^^^
error: this text grows too large
  --> images/replace/Dockerfile.template:2:25
   | RUN {{ ('x' * 100000) | replace('x', 'x' * 100000) }}
   |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn templates_that_fill_the_memory_are_given_up() {
    let double = "{% set x = x ~ x %}".repeat(14);
    let capture = "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(14);
    let append = "{% set l = [] %}{% for i in range(9999) %}{% do l.append(x ~ i) %}{% endfor %}";
    for template in [&*double, &*capture, append] {
        let template = format!("FROM scratch\n{{% set x = 'x' * 1000000 %}}{template}\n");
        Sandbox::with_settings()
            .image("images/fine", "fine (1.0)", "FROM scratch\n")
            .image("images/hungry", "hungry (1.0)", &template)
            .pkg(&LIST)
            .assert_snapshot(str![[r#"
------- stderr -------
error: rendering this template was given up: it fills more than 1024 MiB of memory
  --> images/hungry/Dockerfile.template
[exit status: 1]
[EOF]

"#]]);
    }
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
   | ENV P={{ password }}
   |          ^^^^^^^^
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
  --> images/blank/Dockerfile.template:2
hint: line 2 of the rendered text is `FROM ${BASE}`
error: the rendered template is no Dockerfile: a Dockerfile needs a `FROM`, and there is none
  --> images/empty/Dockerfile.template
error: the rendered template is no Dockerfile: before the first `FROM` stands only `ARG`, not `RUN`
  --> images/first/Dockerfile.template:1
hint: line 1 of the rendered text is `RUN true`
error: the rendered template is no Dockerfile: expected `FROM image` or `FROM image AS name`, not `FROM a:1 b:2`
  --> images/from/Dockerfile.template:1
hint: line 1 of the rendered text is `FROM a:1 b:2`
error: the rendered template is no Dockerfile: the here-document that begins here has no line `EOF` at its end
  --> images/here/Dockerfile.template:2
hint: line 2 of the rendered text is `RUN <<EOF`
error: the rendered template is no Dockerfile: `RUNN` is no instruction
  --> images/word/Dockerfile.template:6
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
  --> images/name/Dockerfile.template:3
hint: write the number, as `USER {{ "www-data" | uid }}` does
[exit status: 1]
[EOF]

"#]]);
}
