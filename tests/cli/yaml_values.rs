//! YAML as docker-pkg reads it: what a template prints of a value, and which files are refused.
//!
//! The results were read off `PyYAML` 6.0.3 and Jinja2 3.1.6: `{{ [value] }}` after `yaml.safe_load`.

use std::fmt::Write as _;

use crate::support::sandbox::Sandbox;

/// What stands behind the key, and what a list with the value prints.
#[rustfmt::skip]
const VALUES: [(&str, &str); 101] = [
    ("yes", "True"),
    ("No", "False"),
    ("on", "True"),
    ("OFF", "False"),
    ("y", "'y'"),
    ("TRUE", "True"),
    ("tRue", "'tRue'"),
    ("~", "None"),
    ("null", "None"),
    ("", "None"),
    ("0777", "511"),
    ("-0777", "-511"),
    ("0o17", "'0o17'"),
    ("08", "'08'"),
    ("010", "8"),
    ("0x1F", "31"),
    ("0b1010_0111", "167"),
    ("1_000", "1000"),
    ("1__0", "10"),
    ("_1", "'_1'"),
    ("+1", "1"),
    ("1:30", "90"),
    ("-1:30", "-90"),
    ("1:30:00", "5400"),
    ("01:30", "'01:30'"),
    ("1:60", "'1:60'"),
    ("190:20:30.15", "685230.15"),
    ("59:59.5", "3599.5"),
    ("1.5", "1.5"),
    ("1.", "1.0"),
    ("-.5", "'-.5'"),
    (".5", "0.5"),
    ("1e3", "'1e3'"),
    ("1.5e3", "'1.5e3'"),
    ("1.5e+3", "1500.0"),
    ("1.0e-5", "1e-05"),
    ("1.0e+16", "1e+16"),
    ("1.0e+400", "inf"),
    ("685.230_15e+03", "685230.15"),
    ("0.1", "0.1"),
    ("100000000000000000.0", "1e+17"),
    (".inf", "inf"),
    ("-.INF", "-inf"),
    (".NaN", "nan"),
    ("99999999999999999999", "99999999999999999999"),
    ("2026-01-02", "datetime.date(2026, 1, 2)"),
    ("2026-1-2", "'2026-1-2'"),
    ("2026-01-02 3:04:05", "datetime.datetime(2026, 1, 2, 3, 4, 5)"),
    ("2026-01-02T03:04:05Z", "datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)"),
    ("2001-12-14t21:59:43.10-05:00", "datetime.datetime(2001, 12, 14, 21, 59, 43, 100000, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400)))"),
    ("2026-01-02 03:04:05.1234567 +1:30", "datetime.datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=datetime.timezone(datetime.timedelta(seconds=5400)))"),
    ("1.22-1", "'1.22-1'"),
    ("1.2.3", "'1.2.3'"),
    ("1/2", "'1/2'"),
    ("'yes'", "'yes'"),
    ("\"0777\"", "'0777'"),
    ("'it''s'", "\"it's\""),
    ("\"a\\x41\\u00e9\\n\\tb\"", "'aAé\\n\\tb'"),
    ("\"a\\\n    b\"", "'ab'"),
    ("'a\n\n  b'", "'a\\nb'"),
    ("a\n  b\n\n  c", "'a b\\nc'"),
    ("|\n  a\n   b\n\n", "'a\\n b\\n'"),
    (">\n  a\n  b\n\n    c\n  d\n", "'a b\\n\\n  c\\nd\\n'"),
    (">-\n  a\n  b\n", "'a b'"),
    ("|+\n  a\n\n", "'a\\n\\n\\n'"),
    ("a:b", "'a:b'"),
    ("a#b", "'a#b'"),
    ("a #b", "'a'"),
    ("{a:1, b: 2}", "{'a:1': None, 'b': 2}"),
    ("{\"a\":1}", "{'a': 1}"),
    ("{a, b: 1}", "{'a': None, 'b': 1}"),
    ("[1, yes, ~, '']", "[1, True, None, '']"),
    ("[]", "[]"),
    ("{}", "{}"),
    ("{1: a, yes: b, 1.0: c}", "{1: 'c'}"),
    ("{b: 1, a: 2, b: 3}", "{'b': 3, 'a': 2}"),
    ("{'<<': {a: 1}}", "{'<<': {'a': 1}}"),
    ("{=: 1}", "{'=': 1}"),
    ("{~: 1, 0777: 2, on: 3, 2026-01-02: 4}", "{None: 1, 511: 2, True: 3, datetime.date(2026, 1, 2): 4}"),
    ("\n- a\n-\n- - b\n  - {c: 1}\n", "['a', None, ['b', {'c': 1}]]"),
    ("&x1 {p: 1, q: 2}", "{'p': 1, 'q': 2}"),
    ("{<<: *x1, q: 3}", "{'p': 1, 'q': 3}"),
    ("{q: 3, <<: *x1}", "{'p': 1, 'q': 3}"),
    ("{<<: [*x1, {q: 9, r: 8}], s: *x1}", "{'q': 2, 'r': 8, 'p': 1, 's': {'p': 1, 'q': 2}}"),
    ("!!str 0777", "'0777'"),
    ("!!str yes", "'yes'"),
    ("!!str", "''"),
    ("!!int '7'", "7"),
    ("!!float 1", "1.0"),
    ("!!bool 'on'", "True"),
    ("!!null x", "None"),
    ("!!timestamp '2026-01-02'", "datetime.date(2026, 1, 2)"),
    ("! 12", "12"),
    ("!!map {a: 1}", "{'a': 1}"),
    ("!!seq [1]", "[1]"),
    ("http://a.example:80/b", "'http://a.example:80/b'"),
    ("a, b", "'a, b'"),
    ("100%", "'100%'"),
    ("-a", "'-a'"),
    ("*x1", "{'p': 1, 'q': 2}"),
    ("é😀", "'é😀'"),
];

fn with_image() -> Sandbox {
    Sandbox::new().image("images/a", "a (1.0-1)", "FROM scratch\n# {{ v }}")
}

#[test]
fn values_print_as_after_pyyaml_and_jinja2() {
    let (mut settings, mut template) = (String::new(), "FROM scratch\n".to_owned());
    for (i, (value, _)) in VALUES.iter().enumerate() {
        writeln!(settings, "c{i}: {value}").expect("room");
        writeln!(template, "# {{{{ [c{i}] }}}}").expect("room");
    }
    let output = Sandbox::new()
        .image("images/a", "a (1.0-1)", &template)
        .file("config.yaml", &settings)
        .pkg(&["render", "a", "images"]);
    output.assert_code(0);
    let lines: Vec<&str> = output.stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), VALUES.len(), "{}", output.stdout);
    for ((value, printed), line) in VALUES.iter().zip(lines) {
        assert_eq!(line, format!("# [{printed}]"), "{value:?}");
    }
}

#[test]
fn dates_print_as_str_prints_them() {
    let settings = "a: 2026-01-02\nb: 2026-01-02T03:04:05.5Z\nc: 2026-01-02 3:04:05 -5\n";
    let output = Sandbox::new()
        .image(
            "images/a",
            "a (1.0-1)",
            "FROM scratch\n# {{ a }}, {{ b }}, {{ c }}",
        )
        .file("config.yaml", settings)
        .pkg(&["render", "a", "images"]);
    output.assert_code(0);
    assert_eq!(
        output.stdout,
        "FROM scratch\n# 2026-01-02, 2026-01-02 03:04:05.500000+00:00, 2026-01-02 03:04:05-05:00"
    );
}

#[track_caller]
fn refused(settings: &str, place: &str, cause: &str) {
    let output = with_image()
        .file("config.yaml", settings)
        .pkg(&["render", "a", "images"]);
    output.assert_code(1);
    let told = format!("  --> config.yaml:{place}\n");
    assert!(
        output.stderr.contains(&told),
        "{settings:?} at {place}: {}",
        output.stderr
    );
    assert!(
        output.stderr.contains(cause),
        "{settings:?}: {}",
        output.stderr
    );
}

#[test]
fn what_pyyaml_refuses_is_refused_with_its_place() {
    refused("v: [", "1:4", "unclosed bracket");
    refused("v: a: b", "1:5", "mapping");
    refused("v: =", "1:4", "`=` has to stand in quotes here");
    refused("v: <<", "1:4", "`<<` has to stand in quotes here");
    refused("v: {<<: 1}", "1:9", "`<<` needs a mapping");
    refused("v: {<<: [{a: 1}, 2]}", "1:18", "`<<` needs a mapping");
    refused("v: 2026-13-01", "1:4", "not a date of the calendar");
    refused("v: 0x_", "1:4", "not a whole number");
    refused("v: !!int 1.5", "1:10", "not a whole number");
    refused("v: !!bool maybe", "1:11", "not a boolean");
    refused("v: !foo 1", "1:9", "`!foo`");
    refused("v: !!python/tuple [1]", "1:19", "`!!python/tuple`");
    refused(
        "v: !!python/object/apply:os.getcwd []",
        "1:36",
        "`!!python/object/apply:os.getcwd`",
    );
    refused("v: *none", "1:4", "unknown anchor");
    for sign in ["@", "%", "`"] {
        refused(&format!("v: {sign}a"), "1:4", "unexpected character");
    }
    refused("v: - a", "1:4", "block sequence");
    refused("v: {[a]: 1}", "1:5", "a key has to be a text");
    refused("v: 1\n---\nv: 2", "3:1", "one document");
    refused("%YAML 2.0\n---\nv: 1", "1:1", "version");
    refused("a:\n\tv: 1", "2:2", "tabs");
    refused("v: \u{1}", "1:4", "unexpected character");
    refused("- v", "1:1", "`name: value` pairs");
    refused("text", "1:1", "`name: value` pairs");
    refused("5", "1:1", "`name: value` pairs");
    // docker-pkg fails on these when it renders.
    refused("yes: 1", "1:1", "the name of a setting has to be a text");
    refused("~: 1", "1:1", "the name of a setting has to be a text");
}

/// `PyYAML` gives these a value that no template needs; none of them is read as something else in silence.
#[test]
fn values_that_only_python_has_are_refused() {
    refused("v: [?]", "1:5", "`?` has to stand in quotes here");
    refused("v: !!set {a}", "1:10", "`!!set`");
    refused("v: !!omap [a: 1]", "1:11", "`!!omap`");
    refused("v: !!pairs [a: 1]", "1:12", "`!!pairs`");
    refused("v: !!binary aGVsbG8=", "1:13", "`!!binary`");
    refused("v: &a [*a]", "1:8", "an alias cannot stand inside");
    refused(
        &format!("v: {}", "9".repeat(40)),
        "1:4",
        "this number is too large",
    );
    refused("v: {a:{b: 1}}", "1:6", "':' may not precede");
    refused("v: [a, -]", "1:8", "'-'");
    refused("v:\n  - 'a\nb'", "3:1", "invalid indentation");
}

#[test]
fn aliases_that_grow_without_bounds_are_refused() {
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for i in 0..40 {
        let next = i + 1;
        writeln!(bomb, "a{next}: &a{next} [*a{i}, *a{i}]").expect("room");
    }
    refused(&bomb, "16:18", "aliases make it grow beyond bounds");
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_are_passed_over() {
    let output = with_image()
        .file("config.yaml", "\u{feff}v: yes\r\nw: 1\r\n")
        .pkg(&["render", "a", "images"]);
    output.assert_code(0);
    assert_eq!(output.stdout, "FROM scratch\n# True");
}

#[test]
fn settings_have_to_be_utf_8() {
    let sandbox = with_image();
    let write = "printf 'v: \\351\\n' > config.yaml";
    sandbox.run("sh", &["-c", write]).assert_code(0);
    let output = sandbox.pkg(&["render", "a", "images"]);
    output.assert_code(1);
    assert_eq!(output.stderr, "error: config.yaml is not UTF-8\n");
}
