//! The entries of changelogs beside dpkg-parsechangelog(1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use pkg::debian::{Entry, parse_readable_entries};

use super::wanted;

/// One entry as both see it.
type Facts = Vec<(&'static str, String)>;

/// Says why dpkg makes something else of a part of an entry.
fn explain(part: &str, ours: &str, theirs: &str) -> Option<&'static str> {
    match part {
        "text" if is_same_without_blanks(ours, theirs) => {
            Some("dpkg leaves out blanks at the end of a line")
        }
        // docker-pkg takes it, and so do tags.
        "version" if theirs == "unknown" && ours.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Some("dpkg takes no version that begins with a letter")
        }
        "maintainer" if is_nested(ours, theirs) => Some("dpkg keeps an address in an address"),
        _ => None,
    }
}

/// `A <A <a@b>>` where `A <a@b>` is read.
fn is_nested(ours: &str, theirs: &str) -> bool {
    let (name, _) = ours.split_once(" <").unwrap_or_default();
    theirs == format!("{name} <{ours}>")
}

fn is_same_without_blanks(one: &str, other: &str) -> bool {
    one.lines()
        .map(str::trim_end)
        .eq(other.lines().map(str::trim_end))
}

fn changelogs() -> Vec<PathBuf> {
    let here = env!("CARGO_MANIFEST_DIR");
    let trees = wanted("PKG_DPKG_TREES", "images:istio:cert-manager");
    let mut paths = Vec::new();
    for tree in trees.split(':') {
        let files = walkdir::WalkDir::new(Path::new(here).join(tree)).sort_by_file_name();
        let files = files
            .into_iter()
            .map(|file| file.expect("a tree that can be read"));
        let files = files.filter(|file| file.file_name() == "changelog");
        paths.extend(files.map(walkdir::DirEntry::into_path));
    }
    assert!(!paths.is_empty(), "no changelog in {trees}");
    paths
}

fn our_facts(entry: &Entry) -> Facts {
    let author = entry.author.as_ref();
    let author = author.map(|author| format!("{} <{}>", author.name, author.email));
    vec![
        ("source", entry.package.clone()),
        ("version", entry.version.to_string()),
        ("distribution", entry.distributions.join(" ")),
        ("urgency", entry.urgency.clone().unwrap_or_default()),
        ("maintainer", author.unwrap_or_default()),
        ("date", entry.date_text.clone()),
        ("text", entry.body.join("\n")),
    ]
}

/// Reads the stanzas of `dpkg-parsechangelog --all --format rfc822`.
fn their_entries(changelog: &Path) -> (Vec<Facts>, String) {
    let output = Command::new("dpkg-parsechangelog")
        .args(["--all", "--format", "rfc822", "-l"])
        .arg(changelog)
        .output()
        .expect("this test needs dpkg-parsechangelog of dpkg-dev");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let stanzas = text
        .split("\n\n")
        .filter(|stanza| !stanza.trim().is_empty());
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    (stanzas.map(their_facts).collect(), warnings)
}

fn their_facts(stanza: &str) -> Facts {
    let field = |name: &str| {
        let line = stanza
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    let changes = stanza
        .split_once("Changes:")
        .map_or("", |(_, changes)| changes);
    // The first line of the text is the entry's header.
    let lines = changes
        .lines()
        .skip(2)
        .map(|line| match line.strip_prefix(' ').unwrap_or(line) {
            "." => "",
            text => text,
        });
    let lines: Vec<&str> = lines.collect();
    let text = lines.join("\n");
    vec![
        ("source", field("Source")),
        ("version", field("Version")),
        ("distribution", field("Distribution")),
        ("urgency", field("Urgency")),
        ("maintainer", field("Maintainer")),
        ("date", field("Date")),
        ("text", text.trim_matches('\n').to_owned()),
    ]
}

#[test]
fn entries_are_those_of_dpkg_parsechangelog() {
    let (mut entries, mut files) = (0, 0);
    let mut explained: BTreeMap<String, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for path in changelogs() {
        files += 1;
        let text = std::fs::read_to_string(&path).expect("a changelog");
        let (ours, errors) = parse_readable_entries(&text);
        let (theirs, warnings) = their_entries(&path);
        let at = |line: usize| format!("{}:{line}", path.display());
        differences.extend(
            errors
                .iter()
                .map(|error| format!("{}: {error}; dpkg says: {warnings}", at(error.line()))),
        );
        if ours.len() != theirs.len() {
            let counts = (ours.len(), theirs.len());
            differences.push(format!(
                "{}: {counts:?} entries; {warnings}",
                path.display()
            ));
            continue;
        }
        entries += ours.len();
        for (entry, theirs) in ours.iter().zip(theirs) {
            for ((part, ours), (_, theirs)) in our_facts(entry).iter().zip(&theirs) {
                match explain(part, ours, theirs) {
                    _ if ours == theirs => {}
                    Some(why) => *explained.entry(format!("{part}: {why}")).or_default() += 1,
                    None => differences.push(format!(
                        "{}: {part} {ours:?}, by dpkg {theirs:?}",
                        at(entry.header_line)
                    )),
                }
            }
        }
    }
    println!("{entries} entries of {files} changelogs beside dpkg-parsechangelog");
    for (what, count) in explained {
        println!("{count:>6} {what}");
    }
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
