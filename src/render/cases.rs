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
