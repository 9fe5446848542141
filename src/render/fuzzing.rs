//! Templates, which a merge request may bring along.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::source::{find_bulk, normalize, translate};
use super::{KnownImages, Renderer, Template};
use crate::settings::{Layer, Settings, parse_settings};

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] =
    &[("render_source", source), ("render_template", template)];

/// More bytes than any Dockerfile has.
const LARGEST: usize = 4 << 20;

/// With the steps that the program grants, a template may take a second; one input of many gets them.
static RENDERER: LazyLock<Renderer> = LazyLock::new(renderer);
static SHORT_RENDERER: LazyLock<Renderer> = LazyLock::new(|| renderer().with_steps(20_000));

fn renderer() -> Renderer {
    let text = "
        registry: r.example.org
        base_images: [r.example.org/bookworm:latest]
        known_uid_mappings: {root: 0, www-data: 33}
        list: [1, two, 3.5, null, true]
        mapping: {a: 1, b: {c: d}}
    ";
    let layer = Layer {
        path: Path::new("config.yaml"),
        text,
    };
    let settings: Settings = parse_settings(&[layer]).expect("settings").settings;
    let label = "r.example.org/nginx:1-1".parse().expect("a label");
    let known = KnownImages::new(
        &settings.naming,
        &settings.base_images,
        [("nginx".to_owned(), label)],
    );
    Renderer::new(&settings, Arc::new(known), |path| {
        (path == Path::new("a/part")).then(|| "{{ list }}{% include 'part' %}".to_owned())
    })
}

/// A template without tags is read as it stands, and each place of a translation leads to one of the template.
fn source(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let text = normalize(&text);
    assert!(!text.contains('\r'));
    find_bulk(&text);
    let translation = translate(&text);
    let lines = |text: &str| text.matches('\n').count();
    if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
        assert_eq!(translation.text, text);
    }
    let mut last = 0;
    for (position, _) in translation.text.char_indices() {
        let origin = translation.find_origin(position);
        assert!(
            last <= origin && origin <= text.len(),
            "{position} {origin}"
        );
        assert!(text.is_char_boundary(origin), "{position} {origin}");
        last = origin;
    }
    assert_eq!(lines(&translation.text), lines(&text));
}

/// What a template writes is bounded, the same each time, and a fault points into a file.
fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("a/Dockerfile.template");
    let template = Template { path, text: &text };
    let renderer = if crate::is_chosen(bytes, 1024) {
        &RENDERER
    } else {
        &SHORT_RENDERER
    };
    match renderer.render(&template) {
        Ok(rendered) => assert!(rendered.dockerfile.len() <= LARGEST),
        Err(error) => {
            let lines = text.matches(['\n', '\r']).count() + 1;
            let line = error.place.line_number().unwrap_or(1);
            let is_own = error.place.path() == path;
            assert!(!is_own || (1..=lines).contains(&line), "{error:?}");
            assert!(error.to_string().len() < 10_000, "{error}");
        }
    }
}
