//! What `--fix` changes: only what is safe, and only in texts that stay readable.

use std::path::{Path, PathBuf};

use crate::debian::{DependencyField, parse_control};

/// One change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// The last line gets its end.
    FinalNewline {
        /// The file.
        path: PathBuf,
    },
    /// `Package` gets the name of the image.
    Package {
        /// The control file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A dependency is declared.
    Dependency {
        /// The control file.
        path: PathBuf,
        /// The field that gets it.
        field: DependencyField,
        /// The name of the image.
        name: String,
    },
}

impl Fix {
    /// Gives the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::FinalNewline { path }
            | Self::Package { path, .. }
            | Self::Dependency { path, .. } => path,
        }
    }

    /// Says what is done.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::FinalNewline { .. } => "ended the last line".to_owned(),
            Self::Package { name, .. } => format!("wrote `{name}` into `Package`"),
            Self::Dependency { field, name, .. } => {
                format!("added `{name}` to `{}`", field.as_str())
            }
        }
    }
}

/// Changes the text of the file; nothing where the result would not be what is meant.
#[must_use]
pub fn apply(fix: &Fix, text: &str) -> Option<String> {
    match fix {
        Fix::FinalNewline { .. } => {
            let is_open = !text.is_empty() && !text.ends_with('\n');
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            is_open.then(|| format!("{text}{end}"))
        }
        Fix::Package { name, .. } => {
            let line = parse_control(text).ok()?.package?.line;
            let changed = replace_line(text, line, |old| {
                let (field, _) = old.split_once(':')?;
                Some(format!("{field}: {name}"))
            })?;
            let package = parse_control(&changed).ok()?.package?;
            (package.text == *name).then_some(changed)
        }
        Fix::Dependency { field, name, .. } => {
            let control = parse_control(text).ok()?;
            let last = control
                .dependencies
                .iter()
                .rev()
                .find(|one| one.field == *field);
            let changed = match last {
                Some(last) => append_item(text, last.line, name)?,
                None => insert_field(text, *field, name),
            };
            let after = parse_control(&changed).ok()?;
            let is_there =
                |one: &crate::debian::Dependency| one.name == *name && one.field == *field;
            let is_kept = control.dependencies.iter().all(|old| {
                after
                    .dependencies
                    .iter()
                    .any(|new| new.name == old.name && new.field == old.field)
            });
            // A name that stands there already says nothing of the new one.
            let is_one_more = after.dependencies.len() == control.dependencies.len() + 1;
            let is_meant = is_kept && is_one_more && after.dependencies.iter().any(is_there);
            is_meant.then_some(changed)
        }
    }
}

/// Puts an item behind the last one of a list, which stands in this line.
fn append_item(text: &str, line: usize, name: &str) -> Option<String> {
    replace_line(text, line, |old| {
        let list = old.trim_end().trim_end_matches(',').trim_end();
        Some(format!("{list}, {name}"))
    })
}

/// Puts a field behind the last one of the first paragraph.
fn insert_field(text: &str, field: DependencyField, name: &str) -> String {
    let new = format!("{}: {name}\n", field.as_str());
    let mut end = 0;
    let mut is_inside = false;
    for line in text.split_inclusive('\n') {
        if line.trim_end_matches(['\n', '\r']).is_empty() && is_inside {
            break;
        }
        is_inside |= !line.trim().is_empty() && !line.starts_with('#');
        end += line.len();
    }
    let (before, after) = text.split_at(end);
    let gap = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{before}{gap}{new}{after}")
}

fn replace_line(
    text: &str,
    line: usize,
    change: impl FnOnce(&str) -> Option<String>,
) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let old = lines.get(line.checked_sub(1)?)?;
    let plain = old.trim_end_matches(['\n', '\r']);
    let changed = change(plain)? + &old[plain.len()..];
    let before = lines[..line - 1].concat();
    Some(before + &changed + &lines[line..].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(field: DependencyField) -> Fix {
        Fix::Dependency {
            path: PathBuf::new(),
            field,
            name: "b".to_owned(),
        }
    }

    #[track_caller]
    fn case(fix: &Fix, text: &str, expected: Option<&str>) {
        assert_eq!(apply(fix, text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_dependency_joins_its_field_or_gets_one() {
        let depends = dependency(DependencyField::Depends);
        case(
            &depends,
            "Package: a\nDepends: c\n",
            Some("Package: a\nDepends: c, b\n"),
        );
        case(
            &depends,
            "Depends: c,\n d,\nX: y\n",
            Some("Depends: c,\n d, b\nX: y\n"),
        );
        case(&depends, "Depends: c (>= 1)", Some("Depends: c (>= 1), b"));
        case(
            &depends,
            "Depends: c\r\nX: y\r\n",
            Some("Depends: c, b\r\nX: y\r\n"),
        );
        let build = dependency(DependencyField::BuildDepends);
        case(
            &build,
            "Package: a\nDepends: c\n",
            Some("Package: a\nDepends: c\nBuild-Depends: b\n"),
        );
        case(
            &build,
            "# c\nPackage: a\n\nPackage: d\n",
            Some("# c\nPackage: a\nBuild-Depends: b\n\nPackage: d\n"),
        );
        case(&build, "Package: a", Some("Package: a\nBuild-Depends: b\n"));
        case(&build, "rubbish", None);
        // A carriage return alone ends a line for the reader, so the item would land in the other field.
        case(&depends, "Depends: b\rX: y\n", None);
        case(&depends, "Depends: c\rX: y\n", None);
    }

    #[test]
    fn a_name_and_an_end_are_written() {
        let package = Fix::Package {
            path: PathBuf::new(),
            name: "a".to_owned(),
        };
        case(
            &package,
            "X: y\npackage:  b\nZ: z\n",
            Some("X: y\npackage: a\nZ: z\n"),
        );
        case(&package, "X: y\n", None);
        let newline = Fix::FinalNewline {
            path: PathBuf::new(),
        };
        case(&newline, "a", Some("a\n"));
        case(&newline, "a\r\nb", Some("a\r\nb\r\n"));
        case(&newline, "a\n", None);
    }
}
