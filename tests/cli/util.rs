//! `pkg util`: what shells and manual readers get.

use crate::support::sandbox::Sandbox;

#[track_caller]
fn completes(shell: &str) {
    let output = Sandbox::new().pkg(&["util", "completions", shell]);
    output.assert_code(0);
    assert_eq!(output.stderr, "");
    for word in ["build", "select", "completions"] {
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
