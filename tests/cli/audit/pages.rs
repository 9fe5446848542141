//! The pages of the rules: what they call bad is found, and what they call good is not.

#![allow(
    clippy::disallowed_methods,
    reason = "a test lays out files as they are, also such that are no text"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{committed, findings, fine};
use crate::support::sandbox::Sandbox;

/// A page of a rule.
struct Page {
    id: String,
    text: String,
}

impl Page {
    fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
        let entries = fs::read_dir(&directory).expect("docs/rules");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<PathBuf> = paths.filter(|path| !path.ends_with("README.md")).collect();
        paths.sort();
        let page = |path: PathBuf| Self {
            id: path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            text: fs::read_to_string(&path).expect("a page"),
        };
        paths.into_iter().map(page).collect()
    }

    /// Lays the files of a section over those of two images without a fault.
    fn lay_out(&self, section: &str) -> Sandbox {
        let sandbox = fine();
        let sandbox = if self.id == "entry-missing" {
            committed(sandbox)
        } else {
            sandbox
        };
        let (_, rest) = self
            .text
            .split_once(&format!("\n## {section}\n"))
            .expect("the section");
        let rest = rest.split("\n## ").next().expect("its text");
        let blocks: Vec<&str> = rest.split("```text ").skip(1).collect();
        assert!(!blocks.is_empty(), "{}: {section} has an example", self.id);
        for block in blocks {
            let (name, rest) = block.split_once('\n').expect("the name of a file");
            let (text, _) = rest.split_once("```").expect("an end");
            let (name, manner) = name.split_once(" (").unwrap_or((name, ""));
            let bytes = match manner {
                "no newline at the end)" => text.trim_end().as_bytes().to_vec(),
                "as Latin-1)" => text
                    .chars()
                    .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
                    .collect(),
                _ => text.as_bytes().to_vec(),
            };
            let path = sandbox.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, bytes).expect("a file");
        }
        sandbox
    }
}

/// Found with a registry alone: tests/engine/inputs.rs.
const AT_REGISTRY: &str = "published-differs";

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let sandbox = Sandbox::new().file("config.yaml", "");
    let schema = sandbox.pkg(&["util", "schema"]).stdout;
    let schema: Json = serde_json::from_str(&schema).expect("JSON");
    let rules = &schema["properties"]["audit"]["properties"]["rules"]["properties"];
    let rules: BTreeSet<&String> = rules.as_object().expect("rules").keys().collect();
    let pages = Page::all();
    let ids: BTreeSet<&String> = pages.iter().map(|page| &page.id).collect();
    assert_eq!(rules, ids);
    for page in &pages {
        let shown = sandbox.pkg(&["audit", "--explain", &page.id]);
        assert_eq!(shown.assert_code(0).stdout, page.text);
        assert!(page.text.starts_with(&format!("# {}\n\n", page.id)));
    }
}

#[test]
fn the_bad_example_of_every_page_is_found_and_the_good_one_is_not() {
    for page in Page::all() {
        if page.id == AT_REGISTRY {
            continue;
        }
        let bad = findings(&page.lay_out("Bad"), &page.id);
        let found = bad["findings"].as_array().expect("findings");
        assert!(!found.is_empty(), "{}: {bad:#}", page.id);
        for finding in found {
            assert_eq!(finding["rule"], page.id.as_str());
            let severity = finding["severity"].as_str().expect("a severity");
            let says = page.text.contains(&format!(". A {severity}.\n"))
                || page.text.contains(&format!(". An {severity}.\n"));
            assert!(says, "{}: {severity}", page.id);
            let place = &finding["places"][0];
            let file = place["file"].as_str().expect("a file");
            assert!(
                file.starts_with("images/") || file.starts_with("more/"),
                "{file}"
            );
        }
        let good = findings(&page.lay_out("Good"), &page.id);
        assert_eq!(good["findings"], serde_json::json!([]), "{}", page.id);
        assert_eq!(good["unchecked"], serde_json::json!([]), "{}", page.id);
    }
}

#[test]
fn the_table_of_rules_is_what_the_pages_say() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules/README.md");
    let readme = fs::read_to_string(readme).expect("a table");
    let rows: BTreeMap<&str, &str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split_once("]("))
        .collect();
    let pages = Page::all();
    assert_eq!(rows.len(), pages.len());
    for page in pages {
        let (_, rest) = page.text.split_once("\n\n").expect("a heading");
        let (first, _) = rest.split_once("\n\n").expect("a summary");
        let (summary, severity) = first.trim_end_matches('.').rsplit_once(". ").expect("both");
        let severity = severity.rsplit(' ').next().expect("a word");
        let row = format!("{}.md) | {severity} | {summary} |", page.id);
        assert_eq!(rows[page.id.as_str()], row);
    }
}
