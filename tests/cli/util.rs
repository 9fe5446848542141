//! `pkg util`: what shells and manual readers get.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[track_caller]
fn completes(shell: &str) {
    let output = Sandbox::new().pkg(&["util", "completions", shell]);
    output.assert_code(0);
    assert_eq!(output.stderr, "");
    for word in ["build", "select", "completions", "schema"] {
        assert!(
            output.stdout.contains(word),
            "{shell} does not know {word}:\n{}",
            output.stdout
        );
    }
}

#[test]
fn bash_completes() {
    completes("bash");
}

#[test]
fn zsh_completes() {
    completes("zsh");
}

#[test]
fn fish_completes() {
    completes("fish");
}

#[test]
fn bash_takes_the_completions() {
    let script = "eval \"$(\"$PKG\" util completions bash)\"; complete -p pkg";
    let output = Sandbox::new()
        .env("PKG", env!("CARGO_BIN_EXE_pkg"))
        .run("bash", &["-c", script]);
    output.assert_code(0);
    assert!(output.stdout.contains("_pkg"), "{}", output.stdout);
}

#[test]
fn the_manual_page_has_its_sections() {
    let output = Sandbox::new().pkg(&["util", "man"]);
    output.assert_code(0);
    for section in [".TH pkg", ".SH NAME", ".SH SYNOPSIS", ".SH SUBCOMMANDS"] {
        assert!(
            output.stdout.contains(section),
            "no {section}:\n{}",
            output.stdout
        );
    }
}

#[test]
fn a_command_has_a_manual_page_of_its_own() {
    let output = Sandbox::new().pkg(&["util", "man", "build"]);
    output.assert_code(0);
    for words in [".TH pkg-build", "fail\\-fast", "configfile"] {
        assert!(
            output.stdout.contains(words),
            "no {words}:\n{}",
            output.stdout
        );
    }
}

#[test]
fn a_manual_page_of_no_command() {
    Sandbox::new()
        .pkg(&["util", "man", "biuld"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no command `biuld`
hint: the closest name is `build`
hint: the commands are `build`, `plan`, `publish`, `verify`, `list`, `graph`, `log`, `diff`, `render`, `new`, `update`, `refresh`, `lock`, `prune`, `audit`, `export`, `util`, `help`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn help_is_a_command_as_well() {
    let asked = Sandbox::new().pkg(&["help", "build"]);
    asked.assert_code(0);
    assert_eq!(
        asked.stdout,
        Sandbox::new().pkg(&["build", "--help"]).stdout
    );
}

#[test]
fn a_schema_of_no_file() {
    Sandbox::new()
        .pkg(&["util", "schema", "control"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: invalid value 'control' for '[FILE]'
  [possible values: config, image]

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn completions_do_not_offer_what_is_only_understood() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Sandbox::new().pkg(&["util", "completions", shell]);
        for name in ["--co ", "--c ", "'--co[", "-l co ", "-l c "] {
            assert!(!output.stdout.contains(name), "{shell} offers {name}");
        }
    }
}
