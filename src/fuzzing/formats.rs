//! Formats: what the files of an image directory, of the machine and of other people say.

use chrono::DateTime;

use super::{Target, count_lines, count_lines_of_yaml};
use crate::address::has_credentials;
use crate::debian::{
    Author, Bump, EntryForm, NewEntry, Version, find_mirrors, insert_entry, parse_changelog,
    parse_control, parse_deb822_sources, parse_debian_codename, parse_one_line_sources,
    parse_readable_entries, parse_top_entry,
};
use crate::declared::{Making, parse_image_file};
use crate::dockerfile::{BaseSource, Dockerfile, IgnoreRules, parse_dockerfile};
use crate::near::find_near;
use crate::oci::{Digest, Reference, Tag};
use crate::stamp::{Stamps, fill_stamps, is_stable, parse_status};

/// The functions by name.
pub(super) const TARGETS: &[Target] = &[
    ("debian_changelog", changelog),
    ("debian_changelog_insert", changelog_insert),
    ("debian_control", control),
    ("debian_sources", sources),
    ("debian_version", version),
    ("dockerfile", dockerfile),
    ("dockerfile_ignore", dockerfile_ignore),
    ("near", near),
    ("oci_names", oci_names),
    ("stamps", stamps),
];

/// All three readers agree on the top entry; entries follow each other; an error points into the file.
fn changelog(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = count_lines(&text);
    let top = parse_top_entry(&text);
    let (readable, errors) = parse_readable_entries(&text);
    assert!(
        errors
            .iter()
            .all(|error| (1..=lines).contains(&error.line()))
    );
    assert!(readable.is_sorted_by_key(|entry| entry.header_line));
    match parse_changelog(&text) {
        Ok(changelog) => {
            let first = &changelog.entries[0];
            let top = top.expect("the top entry");
            assert_eq!(
                (&first.package, &first.version),
                (&top.package, &top.version)
            );
            assert_eq!((first.date, first.header_line), (top.date, top.line));
            for entry in &changelog.entries {
                assert!((1..=lines).contains(&entry.header_line));
                let trailer = entry.trailer_line.unwrap_or(lines);
                assert!((entry.header_line..=lines).contains(&trailer));
                assert!(entry.body.iter().all(|line| text.contains(line.as_str())));
            }
        }
        Err(error) => assert!((1..=lines).contains(&error.line()), "{error}"),
    }
}

/// A new entry stands above the old text, which keeps its bytes and its entries.
fn changelog_insert(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (reason, old) = text.split_once('\0').unwrap_or(("Refresh", &text));
    let entry = NewEntry {
        package: "a".to_owned(),
        version: "2-1".parse().expect("a version"),
        distribution: "wikimedia".to_owned(),
        form: if reason.len() % 2 == 0 {
            EntryForm::Update
        } else {
            EntryForm::Items
        },
        reason: reason.to_owned(),
        author: Author {
            name: "A".to_owned(),
            email: "a@example.org".to_owned(),
        },
        date: DateTime::from_timestamp(0, 0)
            .expect("a time")
            .fixed_offset(),
    };
    let Ok(new) = insert_entry(old, &entry) else {
        return;
    };
    // Notes to editors stay above the new entry.
    let same = std::iter::zip(old.bytes(), new.bytes()).take_while(|(one, other)| one == other);
    let above = 0..=same.count();
    let kept = |end: &str| {
        let new = new.strip_suffix(end)?;
        let mut starts = above.clone().filter_map(|at| old.get(at..));
        starts.find(|below| new.ends_with(below))
    };
    assert!(
        ["", "\n", "\r\n"]
            .into_iter()
            .any(|end| kept(end).is_some()),
        "{new:?}"
    );
    let top = parse_top_entry(&new).expect("the new entry");
    assert_eq!(top.version, entry.version);
    // The added line end makes one of a carriage return at the end.
    if let Ok(old) = parse_changelog(old)
        && !text.ends_with('\r')
    {
        let new = parse_changelog(&new).expect("the entries");
        assert_eq!(new.entries.len(), old.entries.len() + 1);
        for (new, old) in new.entries.iter().skip(1).zip(&old.entries) {
            assert_eq!((&new.body, &new.date_text), (&old.body, &old.date_text));
        }
    }
}

/// What a control file says stands in it, on the line that is told.
fn control(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = count_lines(&text);
    match parse_control(&text) {
        Ok(control) => {
            let fields = [control.package, control.description, control.maintainer];
            for field in fields.iter().flatten() {
                assert!((1..=lines).contains(&field.line));
                assert!(field.text.len() <= text.len());
            }
            for one in control.dependencies {
                assert!((1..=lines).contains(&one.line), "{one:?}");
                assert!(text.contains(&one.name), "{one:?}");
            }
        }
        Err(error) => assert!((1..=lines).contains(&error.line()), "{error}"),
    }
}

/// Both formats of apt's sources, and os-release.
fn sources(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let codename = parse_debian_codename(&text);
    for sources in [parse_one_line_sources(&text), parse_deb822_sources(&text)] {
        let mirrors = find_mirrors(&sources, "bookworm", codename.as_deref());
        for uri in mirrors
            .into_iter()
            .flat_map(|it| [Some(it.main), it.security])
        {
            let uri = uri.unwrap_or_default();
            assert!(text.contains(&uri));
            let _ = has_credentials(&uri);
        }
    }
}

/// Versions keep their text, have one order, and what follows one sorts after it.
fn version(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let versions: Vec<Version> = text.lines().take(3).flat_map(str::parse).collect();
    for (version, line) in versions
        .iter()
        .zip(text.lines().filter(|line| line.parse::<Version>().is_ok()))
    {
        assert_eq!(version.as_str(), line);
        if let Ok(next) = version.next_rebuild("s") {
            assert!(
                next > *version && next.may_follow(version),
                "{next:?} {version:?}"
            );
        }
        for bump in [Bump::Major, Bump::Minor, Bump::Patch, Bump::Debian] {
            let bumped = version.bumped(bump);
            assert!(bumped.is_err() || bumped.is_ok_and(|next| next.may_follow(version)));
        }
        if let Ok(tag) = version.as_tag() {
            assert_eq!(tag.as_str(), version.as_str());
        }
    }
    for one in &versions {
        for other in &versions {
            assert_eq!(one.cmp(other), other.cmp(one).reverse());
            assert_eq!(one == other, one.cmp(other).is_eq());
            assert!(!(one.may_follow(other) && other.may_follow(one)));
            for third in &versions {
                assert!(!(one < other && other < third) || one < third);
            }
        }
    }
}

/// An `image.yaml` is read, or its error points into it.
pub(super) fn declared_image(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // A file that includes itself, and one that includes what is none.
    let mut read_included = |_: Option<&str>, name: &str| {
        Ok(if name.len().is_multiple_of(2) {
            text.to_string()
        } else {
            "suite: [".to_owned()
        })
    };
    match parse_image_file(&text, &mut read_included) {
        Ok(mut file) => {
            let labels = file.runtime.labels.clone();
            if file.stamp(&Stamps::default()).is_empty() && !text.contains("stamp.") {
                assert_eq!(file.runtime.labels, labels);
            }
            let Making::Bootstrap(file) = file.making else {
                return;
            };
            // These become arguments of a program.
            let words = [
                std::slice::from_ref(&file.suite),
                &file.components,
                &file.packages,
            ];
            assert!(
                words
                    .iter()
                    .copied()
                    .flatten()
                    .all(|word| !word.starts_with('-'))
            );
        }
        Err(error) => {
            assert!(
                error.file.is_some()
                    || error
                        .line
                        .is_none_or(|line| line <= count_lines_of_yaml(&text)),
                "{error:?}"
            );
            assert!(!error.message.contains('\n'), "{error:?}");
        }
    }
}

/// No value of a status ends a line, only stable keys count by their values, and a text without stamps stays what it is.
fn stamps(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let keys: Vec<&str> = text
        .lines()
        .map(|line| line.split_once(' ').map_or(line, |(key, _)| key))
        .filter(|key| !key.trim().is_empty())
        .collect();
    match parse_status(&text) {
        Ok(status) => {
            let constants = keys
                .iter()
                .map(|key| ((*key).to_owned(), "constant".to_owned()));
            let stamps = Stamps::new(constants).with(&status);
            for key in keys {
                let value = stamps.find(key).expect("a known key");
                assert!(!value.contains(char::is_control), "{value:?}");
                let counted = if is_stable(key) { value } else { "constant" };
                assert_eq!(stamps.find_counted(key), Some(counted));
                let filled = fill_stamps(&format!("<{{{{stamp.{key}}}}}>"), &stamps, |_| ());
                assert_eq!(filled, Ok(format!("<{value}>")));
            }
        }
        Err(error) => assert!((1..=count_lines(&text)).contains(&error.line), "{error}"),
    }
    match fill_stamps(&text, &Stamps::default(), |_| ()) {
        Ok(filled) if !text.contains("stamp.") => assert_eq!(filled, text),
        Ok(_) => {}
        Err(error) => assert!(text.contains(error.written()), "{error:?}"),
    }
}

/// Everything that is told of a Dockerfile stands in it, and rewritten names are read again.
fn dockerfile(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parsed = match parse_dockerfile(&text) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!((1..=count_lines(&text)).contains(&error.line()), "{error}");
            return;
        }
    };
    check_places(&parsed, &text);
    assert_eq!(parsed.rewrite_references(&text, |_| None), text);
    let label =
        "r.example.org/a:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let rewritten = parsed.rewrite_references(&text, |_| Some(label.to_owned()));
    let again = parse_dockerfile(&rewritten).expect("the same with other names");
    let names: Vec<&str> = again
        .image_references()
        .map(|one| one.text.as_str())
        .collect();
    assert!(
        names.iter().all(|name| *name == label),
        "{rewritten}\n{names:?}"
    );
    assert_eq!(
        names.len(),
        parsed.image_references().count(),
        "{rewritten}"
    );
}

fn check_places(parsed: &Dockerfile, text: &str) {
    let lines = 1..=count_lines(text);
    let mut end = 0;
    for reference in parsed.image_references() {
        assert!(lines.contains(&reference.line));
        assert!(reference.span.start >= end, "{reference:?}");
        assert!(
            text.get(reference.span.clone())
                .is_some_and(|name| !name.is_empty())
        );
        end = reference.span.end;
    }
    for (index, stage) in parsed.stages.iter().enumerate() {
        assert!(!matches!(stage.source, BaseSource::Stage(earlier) if earlier >= index));
        for one in &stage.instructions {
            assert!(lines.contains(&one.line));
            assert!(text.get(one.span.clone()).is_some(), "{one:?}");
        }
    }
    assert!(parsed.result_stages().count() <= parsed.stages.len());
    let _ = parsed.final_user();
}

/// Below a directory that stays out and takes nothing back, everything stays out.
fn dockerfile_ignore(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (path, patterns) = text.split_once('\0').unwrap_or(("src/a/b.tmp", &text));
    let rules = match IgnoreRules::parse(patterns) {
        Ok(rules) => rules,
        Err(error) => {
            assert!(
                (1..=count_lines(patterns)).contains(&error.line()),
                "{error}"
            );
            return;
        }
    };
    let names: Vec<&str> = path
        .split('/')
        .filter(|name| !name.is_empty())
        .take(16)
        .collect();
    for end in 1..names.len() {
        let (above, below) = (names[..end].join("/"), names.join("/"));
        if rules.excludes(above.as_bytes()) && !rules.may_include_below(above.as_bytes()) {
            assert!(
                rules.excludes(below.as_bytes()),
                "{above:?} {below:?} {patterns:?}"
            );
        }
    }
}

/// What may be meant is one of the names, three at most.
fn near(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let name = lines.next().unwrap_or_default();
    let names: Vec<&str> = lines.take(50).collect();
    let found = find_near(name, names.iter().copied());
    assert!(found.len() <= 3 && found.iter().all(|one| names.contains(one)));
}

/// References, tags and digests are written as they were read.
fn oci_names(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(tag) = text.parse::<Tag>() {
        assert_eq!(tag.as_str(), text);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.as_str(), text);
        assert_eq!(digest.hex().len(), 64);
    }
    let Ok(reference) = text.parse::<Reference>() else {
        return;
    };
    assert_eq!(reference.to_string(), text);
    let familiar = reference.familiar();
    assert_eq!(familiar.familiar(), familiar);
    for other in [
        familiar,
        reference.with_tag(Tag::latest()),
        reference.with_digest(Digest::of(b"")),
    ] {
        assert_eq!(other.to_string().parse::<Reference>(), Ok(other));
    }
    assert!(reference.name().ends_with(reference.short_name()));
}
