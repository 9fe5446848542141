//! Documentation is true: every `console` block of the README and of docs/ is run, and what it shows is what comes out.
//!
//! ````text
//! ```console
//! $ pkg list --offline images
//! NAME  VERSION  DIRECTORY
//! ...
//! ```
//! ````
//!
//! A line `...` stands for any number of lines.

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads files and runs the program itself"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use snapbox::{Assert, Data};

/// One command and what the document shows of its output.
struct Example {
    file: PathBuf,
    line: usize,
    command: String,
    shown: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let docs = walkdir::WalkDir::new(root().join("docs")).sort_by_file_name();
    let docs = docs
        .into_iter()
        .map(|entry| entry.expect("docs/ can be read").into_path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    std::iter::once(root().join("README.md"))
        .chain(docs)
        .collect()
}

fn examples(file: &Path) -> Vec<Example> {
    let text = std::fs::read_to_string(file).expect("a document");
    let mut examples: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for (i, line) in text.lines().enumerate() {
        match line {
            "```console" => is_inside = true,
            "```" => is_inside = false,
            _ if !is_inside => {}
            _ => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push(Example {
                    file: file.to_owned(),
                    line: i + 1,
                    command: command.to_owned(),
                    shown: String::new(),
                }),
                (None, Some(example)) => {
                    example.shown.push_str(line);
                    example.shown.push('\n');
                }
                (None, None) => panic!("{}:{}: no command before this", file.display(), i + 1),
            },
        }
    }
    examples
}

#[test]
fn what_the_documents_show_is_what_comes_out() {
    let home = tempfile::tempdir().expect("a directory");
    let examples: Vec<Example> = documents().iter().flat_map(|file| examples(file)).collect();
    assert!(examples.len() >= 4, "the README has examples");
    for example in examples {
        let arguments = example.command.strip_prefix("pkg ");
        let arguments = arguments.and_then(shlex::split);
        let arguments =
            arguments.unwrap_or_else(|| panic!("no command of this program: {}", example.command));
        let output = Command::new(env!("CARGO_BIN_EXE_pkg"))
            .args(arguments)
            .current_dir(root())
            .env_clear()
            .env("HOME", home.path())
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("the program runs");
        let place = format!("{}:{}", example.file.display(), example.line);
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{place}: {}\n{talk}",
            output.status
        );
        assert_eq!(talk, "", "{place}");
        let given = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        let shown = example.shown.trim_end();
        let assert = Assert::new().normalize_paths(false);
        let compared = assert.try_eq(Some(&place), given.into(), Data::text(shown));
        if let Err(difference) = compared {
            panic!("{difference}");
        }
    }
}

#[test]
fn every_file_that_a_document_links_to_is_there() {
    let link = regex::Regex::new(r"\]\(([^)#:]+)\)").expect("a pattern");
    let top = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    for file in documents().into_iter().chain(top) {
        let text = std::fs::read_to_string(&file).expect("a document");
        for found in link.captures_iter(&text) {
            let target = file.parent().expect("a directory").join(&found[1]);
            assert!(
                target.exists(),
                "{}: there is no {}",
                file.display(),
                &found[1]
            );
        }
    }
}

/// Every line of the tables in docs/docker-pkg.md names tests, and the tests are there.
#[test]
fn every_line_of_the_comparison_with_docker_pkg_has_its_test() {
    let sources = ["src", "tests"].map(|directory| root().join(directory));
    let files = sources.iter().flat_map(walkdir::WalkDir::new);
    let code: String = files
        .map(|entry| entry.expect("an entry").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).expect("a file of the source"))
        .collect();
    let text = std::fs::read_to_string(root().join("docs/docker-pkg.md")).expect("the document");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let mut count = 0;
    for row in rows.filter(|row| !row.ends_with("| test |")) {
        let (_, tests) = row
            .trim_end_matches(" |")
            .rsplit_once(" | ")
            .expect("columns");
        for test in tests.split(", ") {
            let name = test
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'));
            let name = name.unwrap_or_else(|| panic!("no test: {test}\n{row}"));
            assert!(
                code.contains(&format!("fn {name}(")),
                "no test: {name}\n{row}"
            );
            count += 1;
        }
    }
    assert!(count > 100, "the tables were found");
}
