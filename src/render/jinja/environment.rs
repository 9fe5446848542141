//! Sets up the engine with all that Jinja has, and takes from it what Jinja has not.

use minijinja::value::{DynObject, Kwargs, Rest, ValueKind};
use minijinja::{Environment, Value};

use super::{globals, json, numbers, operators, sequences, texts};
use crate::render::python::{self, refuse};

pub(in crate::render) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.set_unknown_method_callback(python::call_method);
    numbers::add_to_environment(environment);
    texts::add_to_environment(environment);
    sequences::add_to_environment(environment);
    globals::add_to_environment(environment);
    operators::add_to_environment(environment);
    environment.add_filter("pprint", python::print_pretty);
    environment.add_filter("tojson", json::to_json);
    add_tests(environment);
    remove_more(environment);
    refuse_chance(environment);
}

fn add_tests(environment: &mut Environment<'_>) {
    environment.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Seq | ValueKind::Map | ValueKind::String
        )
    });
    environment.add_test("callable", |value: &Value| {
        // The engine does not tell; these are the names of what it can call.
        let name = value.as_object().map(DynObject::type_name);
        name.is_some_and(|name| name.contains("Function") || name.ends_with("::Macro"))
    });
}

/// Takes away what Jinja does not have, so that a template means the same here and there.
fn remove_more(environment: &mut Environment<'_>) {
    for filter in ["bool", "chain", "lines", "pluralize", "split", "zip"] {
        environment.remove_filter(filter);
    }
    for test in ["endingwith", "int", "safe", "startingwith"] {
        environment.remove_test(test);
    }
    environment.remove_global("debug");
}

/// Refuses what gives something else each time.
fn refuse_chance(environment: &mut Environment<'_>) {
    const REASON: &str =
        "gives something else each time, and the same files have to give the same Dockerfile";
    environment.add_filter("random", |_: &Value| {
        Err::<Value, _>(refuse(format!("`random` {REASON}")))
    });
    environment.add_function("lipsum", |_: Rest<Value>, _: Kwargs| {
        Err::<Value, _>(refuse(format!("`lipsum` {REASON}")))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(expression: &str, expected: &str) {
        let mut environment = Environment::new();
        add_to_environment(&mut environment);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let text = format!("{{{{ {expression} }}}}");
        assert_eq!(
            environment.render_str(&text, ()).unwrap(),
            expected,
            "{text}"
        );
    }

    // The results were written by Jinja 3.1.6.

    #[test]
    fn numbers_are_read_from_texts() {
        case("'x'|int", "0");
        case("'1.9'|int", "1");
        case("'0x1f'|int(base=16)", "31");
        case("''|int(7)", "7");
        case("none|int", "0");
        case("' 5 '|int", "5");
        case("-1.9|int", "-1");
        case("'1_000'|int", "1000");
        case("'x'|float", "0.0");
        case("'1e3'|float", "1000.0");
    }

    #[test]
    fn texts_are_cut_and_moved() {
        case("'hello world foo'|truncate(5)", "he...");
        case("'hello world foo bar'|truncate(12)", "hello...");
        case("'foo bar baz qux'|truncate(11, True)", "foo bar baz qux");
        case(
            "'foo bar baz qux'|truncate(length=9, killwords=true, end='', leeway=0)",
            "foo bar b",
        );
        case("'a\\nb'|indent('> ')", "a\n> b");
        case("'a\\nb\\n\\nc'|indent(2)", "a\n  b\n\n  c");
        case("'a\\nb\\n'|indent(2, true)", "  a\n  b\n");
        case("'a\\n\\nb'|indent(1, blank=true)", "a\n \n b");
        case("'a'|center(5)", "  a  ");
        case("'ab'|center(5)", "  ab ");
        case("'a b_c d'|wordcount", "3");
        case("'aaa'|replace('a', 'b', 2)", "bba");
        case("5|replace(5, 6)", "6");
    }

    #[test]
    fn values_become_texts_as_in_python() {
        case("1e20|string", "1e+20");
        case("[1, none, 1e20]|join(',')", "1,None,1e+20");
        case("[{'a': 1}, {'a': 2}]|join('-', attribute='a')", "1-2");
        case("'\"<>&'|e ~ \"'\"|escape", "&#34;&lt;&gt;&amp;&#39;");
    }
}
