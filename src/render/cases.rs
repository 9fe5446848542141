//! Compares every case of `peer/cases.txt` with what docker-pkg's engine gives.
//!
//! `scripts/render_cases.py` writes the answers of the peer. What is refused here on purpose stands in `peer/refused.txt`,
//! with its message; what is rendered here though the peer fails, or gives something else each time, in
//! `peer/accepted.txt`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{KnownImages, Renderer, Template};
use crate::settings::{Layer, parse_settings};

const CASES: &str = include_str!("peer/cases.txt");
const REFUSED: &str = include_str!("peer/refused.txt");
const ACCEPTED: &str = include_str!("peer/accepted.txt");

/// Reads templates, each with the lines of its answer.
fn read(text: &str) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    let (mut template, mut answer) = (Vec::new(), Vec::new());
    for line in text.lines().chain([""]) {
        if line.starts_with("=>") || line.starts_with("=!") || line.starts_with("=?") {
            answer.push(line);
            continue;
        }
        if !answer.is_empty() {
            let key = template.join("\n").trim_matches('\n').to_owned();
            cases.push((key, answer.join("\n")));
            template.clear();
            answer.clear();
        }
        template.push(line);
    }
    cases
}

fn renderer() -> Renderer {
    let layer = Layer {
        path: Path::new("config.yaml"),
        text: include_str!("peer/config.yaml"),
    };
    let settings = parse_settings(&[layer]).unwrap().settings;
    let known = KnownImages::new(&settings.naming, &settings.base_images, []);
    Renderer::new(&settings, Arc::new(known), |path| {
        let text = match path.to_str()? {
            "img/part" => include_str!("peer/files/part"),
            "img/macros" => include_str!("peer/files/macros"),
            "img/base" => include_str!("peer/files/base"),
            "img/inner" => include_str!("peer/files/inner"),
            _ => return None,
        };
        Some(text.to_owned())
    })
}

/// Writes what is rendered here as the files of cases write it.
fn answer_here(renderer: &Renderer, text: &str) -> String {
    let path = Path::new("img/Dockerfile.template");
    match renderer.render(&Template { path, text }) {
        Ok(rendered) => {
            let lines = rendered.dockerfile.split('\n');
            let lines: Vec<_> = lines.map(|line| format!("=> {line}")).collect();
            lines.join("\n")
        }
        Err(error) => {
            let hints = error.hints.iter().map(|hint| format!("\n=! hint: {hint}"));
            format!("=! {error}{}", hints.collect::<String>())
        }
    }
}

#[test]
fn templates_give_what_docker_pkg_gives_or_say_why_not() {
    let renderer = renderer();
    let mut refused: BTreeMap<String, String> = read(REFUSED).into_iter().collect();
    let mut accepted: BTreeMap<String, String> = read(ACCEPTED).into_iter().collect();
    let mut wrong = Vec::new();
    for (text, peer) in read(CASES) {
        let here = answer_here(&renderer, &text);
        let is_text = here.starts_with("=>");
        let expected = match (accepted.remove(&text), refused.remove(&text)) {
            (Some(answer), None) if !peer.starts_with("=>") && is_text => answer,
            (None, Some(message)) if !is_text => message,
            // Each refuses in its own words.
            (None, None) if peer.starts_with("=!") && !is_text => continue,
            (None, None) => peer.clone(),
            _ => "a place in one of the two lists, if that".to_owned(),
        };
        if here != expected {
            wrong.push(format!("{text}\n{expected}\n  but here:\n{here}\n"));
        }
    }
    let unused = refused.into_keys().chain(accepted.into_keys());
    wrong.extend(unused.map(|text| format!("{text}\n  is no case\n")));
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Where the engine and Jinja part ways, each with a piece of the cases that are about it.
const GAPS: [(&str, &str); 30] = [
    ("`do` with a list", "{% do x.append(2) %}"),
    (
        "`do` with `update` of a mapping",
        "{% do d.update({'b': 2}) %}",
    ),
    ("`do` with `pop` of a mapping", "d.pop('a')"),
    ("`do` without a call", "{% do 1 %}"),
    ("`%` with a name", "{{ '%s' % text|upper }}"),
    ("`%` with a call", "{{ '%s' % text.upper() }}"),
    ("`%` with an item", "{{ '%s' % values['b'] }}"),
    ("`%` with a tuple", "{{ '%s-%s' % (1, 2) }}"),
    ("`rsplit`", ".rsplit("),
    ("`partition`", ".partition("),
    ("`removeprefix`", ".removeprefix("),
    ("`zfill`", ".zfill("),
    ("`center`", ".center("),
    ("`index`", ".index("),
    ("`'{a!r}'.format`", "'{a!r}'.format("),
    ("`replace` with a count", "|replace('a', 'b', 2)"),
    ("`int` of what is no number", "{{ 'x'|int }}"),
    ("`truncate`", "|truncate(5)"),
    ("`indent` with a text", "|indent('> ')"),
    ("`tojson`", "{{ 'é'|tojson }}"),
    ("`urlencode` of a mapping", "'b c': 'd&e'}|urlencode"),
    ("`e`", "{{ '<a href=\"x\">\\'&'|e }}"),
    ("`include` of `./part`", "{% include './part' %}"),
    ("`wordwrap`", "|wordwrap("),
    ("`random`", "|random"),
    ("`varargs`", "{{ varargs }}"),
    ("`kwargs`", "{{ kwargs }}"),
    ("unary `+`", "{{ +5 }}"),
    ("a tuple without brackets", "{{ 1, 2 }}"),
    ("a name that does not exist", "{{ nothing_here }}"),
];

#[test]
fn every_gap_between_the_engine_and_jinja_has_its_cases() {
    let cases = read(CASES);
    for (gap, piece) in GAPS {
        let is_there = cases.iter().any(|(text, _)| text.contains(piece));
        assert!(is_there, "no case is about {gap}: {piece}");
    }
}

proptest::proptest! {
    #[test]
    fn no_template_panics(one in 0..1000_usize, other in 0..1000_usize, cuts in (0..60_usize, 0..60_usize)) {
        let cases = read(CASES);
        let (one, other) = (&cases[one % cases.len()].0, &cases[other % cases.len()].0);
        let begin: String = one.chars().take(cuts.0).collect();
        let end: String = other.chars().skip(cuts.1).collect();
        answer_here(&renderer(), &(begin + &end));
    }
}
