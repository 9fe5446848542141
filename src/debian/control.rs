//! The control file of an image, in Debian's paragraphs of fields (deb822(5)): what the image is, and what it needs.
//!
//! ```text
//! Package: nodejs20-devel
//! Description: Node.js with what is needed to build modules.
//! Maintainer: Ann Example <ann@example.org>
//! Build-Depends: build-tools
//! Depends: nodejs20-slim,
//!  ca-certificates
//! ```
//!
//! The crate `deb822-lossless` reads the paragraphs. Two things are done as docker-pkg does them: a line of nothing but blanks
//! does not end a paragraph, and the last of two fields of one name counts. The lists are cut at commas here, since names
//! of images may hold what names of packages do not (`_`, `/`), and only a name counts: what else an item says is kept
//! aside, so that the user can be told that it has no effect.

use deb822_lossless::{Deb822, Entry, Paragraph};

/// What a control file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// The name, from the first paragraph that has it.
    pub package: Option<Field>,
    /// What the image is for, from the first paragraph that has it; lines are parted by newlines.
    pub description: Option<Field>,
    /// Who keeps the image, from the first paragraph that has it.
    pub maintainer: Option<Field>,
    /// What the image needs, of all paragraphs, as the fields stand in the file.
    pub dependencies: Vec<Dependency>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The value, without blanks around its lines.
    pub text: String,
    /// The line of the field's name, counted from 1.
    pub line: usize,
}

/// One item of a list of dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name, the first one of alternatives.
    pub name: String,
    /// The line on which the name stands, counted from 1.
    pub line: usize,
    /// The field that holds the item.
    pub field: DependencyField,
    /// What else the item says and has no effect: `(>= 1)`, `:any`, `[amd64]`, `<!nocheck>`, `| other`.
    pub stripped: Option<String>,
}

/// The fields that name other images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyField {
    /// `Build-Depends`: an image that the build uses and the result does not hold.
    BuildDepends,
    /// `Depends`: an image that the result is made on.
    Depends,
}

impl DependencyField {
    /// Gives the name as it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuildDepends => "Build-Depends",
            Self::Depends => "Depends",
        }
    }
}

/// Why a text is no control file; [`ControlError::line`] tells where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ControlError {
    /// A line is none that a control file has.
    #[error(
        "expected `Field: value`, a line that begins with a blank and continues a field, a comment or an empty line, not `{text}`"
    )]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The line's text.
        text: String,
    },
    /// An item of a list does not begin with a name.
    #[error("expected the name of an image in `{}`, not `{item}`", field.as_str())]
    Name {
        /// The line, counted from 1.
        line: usize,
        /// The field.
        field: DependencyField,
        /// The item as written.
        item: String,
    },
    /// Two names stand side by side.
    #[error("a comma is missing in `{}`: after `{name}` follows `{rest}`", field.as_str())]
    Comma {
        /// The line of the first name, counted from 1.
        line: usize,
        /// The field.
        field: DependencyField,
        /// The first name.
        name: String,
        /// What follows it.
        rest: String,
    },
}

impl ControlError {
    /// Gives the line at fault, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Syntax { line, .. } | Self::Name { line, .. } | Self::Comma { line, .. } => *line,
        }
    }
}

/// The fields that are read.
const KEYS: [&str; 5] = [
    "package",
    "description",
    "maintainer",
    "build-depends",
    "depends",
];

/// Reads a control file; one without any field says nothing and is no error.
pub fn parse_control(text: &str) -> Result<Control, ControlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = comment_out_blank_lines(text);
    let lines = Lines::of(&text);
    let parsed = Deb822::parse(&text);
    if let Some(error) = parsed.positioned_errors().first() {
        let line = lines.number_at(usize::from(error.range.start()));
        return Err(ControlError::Syntax {
            line,
            text: lines.text(line).escape_debug().collect(),
        });
    }
    let mut control = Control::default();
    for paragraph in parsed.tree().paragraphs() {
        read_paragraph(&paragraph, &lines, &mut control)?;
    }
    Ok(control)
}

fn read_paragraph(
    paragraph: &Paragraph,
    lines: &Lines<'_>,
    control: &mut Control,
) -> Result<(), ControlError> {
    let entries: Vec<(String, Entry)> = paragraph
        .entries()
        .filter_map(|entry| Some((entry.key()?.to_ascii_lowercase(), entry)))
        .filter(|(key, _)| KEYS.contains(&key.as_str()))
        .collect();
    for (index, (key, entry)) in entries.iter().enumerate() {
        if entries[index + 1..].iter().any(|(later, _)| later == key) {
            continue;
        }
        let plain = match key.as_str() {
            "package" => &mut control.package,
            "description" => &mut control.description,
            "maintainer" => &mut control.maintainer,
            "build-depends" => {
                let field = DependencyField::BuildDepends;
                read_dependencies(entry, lines, field, &mut control.dependencies)?;
                continue;
            }
            "depends" => {
                let field = DependencyField::Depends;
                read_dependencies(entry, lines, field, &mut control.dependencies)?;
                continue;
            }
            _ => continue,
        };
        plain.get_or_insert_with(|| Field {
            text: entry.value().trim().to_owned(),
            line: lines.number_at(entry.key_range().map_or(0, |range| range.start().into())),
        });
    }
    Ok(())
}

fn read_dependencies(
    entry: &Entry,
    lines: &Lines<'_>,
    field: DependencyField,
    dependencies: &mut Vec<Dependency>,
) -> Result<(), ControlError> {
    // An item may go on in the next line; the line of its first character is the item's.
    let mut item = String::new();
    let mut item_line = 0;
    for range in entry.value_line_ranges() {
        let line = lines.number_at(range.start().into());
        let text = &lines.whole[usize::from(range.start())..usize::from(range.end())];
        for (index, part) in text.split(',').enumerate() {
            if index > 0 {
                dependencies.extend(parse_item(&item, item_line, field)?);
                item.clear();
            }
            if item.is_empty() {
                item_line = line;
            } else {
                item.push(' ');
            }
            item.push_str(part.trim());
        }
    }
    dependencies.extend(parse_item(&item, item_line, field)?);
    Ok(())
}

fn parse_item(
    item: &str,
    line: usize,
    field: DependencyField,
) -> Result<Option<Dependency>, ControlError> {
    let item = item.trim();
    if item.is_empty() {
        return Ok(None);
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "._-+~/".contains(c);
    let end = item.find(|c| !is_of_name(c)).unwrap_or(item.len());
    let (name, rest) = item.split_at(end);
    if name.is_empty() || rest.starts_with(|c: char| !c.is_whitespace() && !"(:[<|".contains(c)) {
        return Err(ControlError::Name {
            line,
            field,
            item: item.escape_debug().collect(),
        });
    }
    let rest = rest.trim();
    if rest.starts_with(|c: char| !"(:[<|".contains(c)) {
        return Err(ControlError::Comma {
            line,
            field,
            name: name.to_owned(),
            rest: rest.escape_debug().collect(),
        });
    }
    Ok(Some(Dependency {
        name: name.to_owned(),
        line,
        field,
        stripped: (!rest.is_empty()).then(|| rest.to_owned()),
    }))
}

/// Makes comments of the lines that hold only blanks, of the same length, so that places stay.
fn comment_out_blank_lines(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let blanks = line.trim_end_matches(['\n', '\r']);
        if !blanks.is_empty() && blanks.bytes().all(|b| b == b' ' || b == b'\t') {
            result.push('#');
            result.push_str(&line[1..]);
        } else {
            result.push_str(line);
        }
    }
    result
}

/// A text with the places where its lines begin.
struct Lines<'a> {
    whole: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(whole: &'a str) -> Self {
        let newlines = whole.match_indices('\n').map(|(index, _)| index + 1);
        let starts = std::iter::once(0).chain(newlines).collect();
        Self { whole, starts }
    }

    /// Gives the line of a byte, counted from 1.
    fn number_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    fn text(&self, number: usize) -> &'a str {
        self.whole.lines().nth(number - 1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use DependencyField::{BuildDepends, Depends};
    use proptest::prelude::*;

    use super::*;

    type Row<'a> = (&'a str, usize, DependencyField, Option<&'a str>);

    #[track_caller]
    fn case(text: &str, expected: &[Row<'_>]) {
        let control = parse_control(text).expect("a control file");
        let rows: Vec<Row<'_>> = control
            .dependencies
            .iter()
            .map(|d| (d.name.as_str(), d.line, d.field, d.stripped.as_deref()))
            .collect();
        assert_eq!(rows, expected, "{text:?}");
    }

    #[test]
    fn each_dependency_has_the_line_on_which_it_stands() {
        case("Package: a\n", &[]);
        case("", &[]);
        case("Depends:\n", &[]);
        case("Depends: b", &[("b", 1, Depends, None)]);
        case(
            "Package: a\nBuild-Depends: b, c_d,,\nDepends: x/y\n",
            &[
                ("b", 2, BuildDepends, None),
                ("c_d", 2, BuildDepends, None),
                ("x/y", 3, Depends, None),
            ],
        );
        case(
            "Depends: b,\n c\n ,d,\n# no: e,\n\tf\n",
            &[
                ("b", 1, Depends, None),
                ("c", 2, Depends, None),
                ("d", 3, Depends, None),
                ("f", 5, Depends, None),
            ],
        );
        case(
            "Depends:\n b\n (>= 1),\n c",
            &[("b", 2, Depends, Some("(>= 1)")), ("c", 4, Depends, None)],
        );
    }

    #[test]
    fn what_has_no_effect_is_kept_aside() {
        for (item, stripped) in [
            ("b (>= 1)", "(>= 1)"),
            ("b(>=1)", "(>=1)"),
            ("b:any", ":any"),
            ("b [amd64 arm64]", "[amd64 arm64]"),
            ("b <!nocheck>", "<!nocheck>"),
            ("b | c", "| c"),
            ("b|c (>= 2)", "|c (>= 2)"),
            ("b:any (= 1) [amd64]", ":any (= 1) [amd64]"),
        ] {
            case(
                &format!("Depends: {item}\n"),
                &[("b", 1, Depends, Some(stripped))],
            );
        }
    }

    #[test]
    fn the_last_of_two_fields_counts_in_any_case_of_its_name() {
        case("Depends: b\nDEPENDS: c\n", &[("c", 2, Depends, None)]);
        case(
            "Depends: b\n\ndepends: c\n",
            &[("b", 1, Depends, None), ("c", 3, Depends, None)],
        );
    }

    #[test]
    fn a_line_of_blanks_does_not_part_paragraphs() {
        case("Depends: b\n \t\nDepends: c\n", &[("c", 3, Depends, None)]);
        case(
            "Depends: b,\n \n c\n",
            &[("b", 1, Depends, None), ("c", 3, Depends, None)],
        );
        case("  \nDepends: b\n  ", &[("b", 2, Depends, None)]);
        case(
            "Depends: b\r\n  \r\nX: y\r\n\r\nDepends: c\r\n",
            &[("b", 1, Depends, None), ("c", 5, Depends, None)],
        );
    }

    #[test]
    fn name_description_and_maintainer_are_found_with_their_lines() {
        let text = "\u{feff}# c\nSource: s\n\npackage: a\nDescription: one\n two\nMaintainer:  Ann <a@example.org> \n\nPackage: b\n";
        let control = parse_control(text).expect("a control file");
        let field = |text: &str, line| {
            let text = text.to_owned();
            Some(Field { text, line })
        };
        assert_eq!(control.package, field("a", 4));
        assert_eq!(control.description, field("one\ntwo", 5));
        assert_eq!(control.maintainer, field("Ann <a@example.org>", 7));
    }

    #[track_caller]
    fn refused(text: &str, line: usize, message: &str) {
        let error = parse_control(text).expect_err("no control file");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.line(), line);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        let form = "expected `Field: value`, a line that begins with a blank and continues a field, a comment or an empty line";
        refused(
            "Package: a\nrubbish\n",
            2,
            &format!("{form}, not `rubbish`"),
        );
        refused(
            "Package: a\n\n folded\n",
            3,
            &format!("{form}, not ` folded`"),
        );
        refused(
            "Package: a\n=======\nX: y\n",
            2,
            &format!("{form}, not `=======`"),
        );
        refused(
            "Depends: b,\n ${misc:Depends}\n",
            2,
            "expected the name of an image in `Depends`, not `${misc:Depends}`",
        );
        refused(
            "Build-Depends: (>= 1)\n",
            1,
            "expected the name of an image in `Build-Depends`, not `(>= 1)`",
        );
        refused(
            "Depends: b\n c, d\n",
            1,
            "a comma is missing in `Depends`: after `b` follows `c`",
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(Depends:|Package:|a|,|:| |\n|\r|\t|#|é|[(|<]|\\PC){0,40}") {
            let _ = parse_control(&text);
        }
    }
}
