//! Paragraphs of fields (deb822(5)) as programs write them into indexes: no comments, one empty line between two.
//!
//! ```text
//! Package: hello
//! Depends: libc6 (>= 2.34),
//!  hello-data
//!
//! Package: hello-data
//! ```
//!
//! Nothing is copied: an index of 50 MB is read in some hundredths of a second. Files that people write, with comments, are
//! read by `deb822-lossless`.

/// A field of a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StanzaField<'a> {
    /// The name as written; names are compared without regard to case.
    pub name: &'a str,
    /// The value without blanks at its ends; its further lines stand as they were written.
    pub value: &'a str,
    /// The line of the name, counted from 1.
    pub line: usize,
}

/// Why a text has no such paragraphs; lines are counted from 1.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StanzaError {
    /// A line is neither a field nor the continuation of one.
    #[error("expected `Field: value` or a line that continues a field, not `{text}`")]
    Syntax {
        /// The line.
        line: usize,
        /// How it begins.
        text: String,
    },
    /// A line has nothing but blanks, which some programs read as the end of a paragraph.
    #[error("a line holds nothing but blanks")]
    Blank {
        /// The line.
        line: usize,
    },
}

impl StanzaError {
    /// Gives the line at fault.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Syntax { line, .. } | Self::Blank { line } => *line,
        }
    }
}

/// Goes from paragraph to paragraph.
#[derive(Clone, Debug)]
pub struct Stanzas<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Stanzas<'a> {
    /// Begins at the start of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 0,
        }
    }

    /// Reads the next paragraph into `fields`, whose place is used again, and gives its text; there is none at the end.
    pub fn read_next(
        &mut self,
        fields: &mut Vec<StanzaField<'a>>,
    ) -> Result<Option<&'a str>, StanzaError> {
        fields.clear();
        let mut start = self.at;
        while let Some((begin, line)) = self.next_line() {
            match line.as_bytes() {
                [] if fields.is_empty() => (),
                [] => return Ok(Some(&self.text[start..begin])),
                [b' ' | b'\t', ..] => self.continue_field(begin, line, fields)?,
                _ => {
                    if fields.is_empty() {
                        start = begin;
                    }
                    fields.push(self.field(line)?);
                }
            }
        }
        Ok((!fields.is_empty()).then(|| &self.text[start..]))
    }

    fn next_line(&mut self) -> Option<(usize, &'a str)> {
        let begin = self.at;
        let rest = self.text.get(begin..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = begin + length + 1;
        self.line += 1;
        Some((begin, &rest[..length]))
    }

    fn field(&self, line: &'a str) -> Result<StanzaField<'a>, StanzaError> {
        // Names are short: looking at each byte once is the fastest.
        let end = line
            .bytes()
            .position(|byte| byte == b':' || !byte.is_ascii_graphic());
        let parts = end.map(|end| line.split_at(end));
        let (name, value) = parts.ok_or_else(|| self.refuse(line))?;
        let value = value.strip_prefix(':').ok_or_else(|| self.refuse(line))?;
        if matches!(name.as_bytes(), [] | [b'-' | b'#', ..]) {
            return Err(self.refuse(line));
        }
        Ok(StanzaField {
            name,
            value: value.trim_matches([' ', '\t', '\r']),
            line: self.line,
        })
    }

    fn continue_field(
        &self,
        begin: usize,
        line: &'a str,
        fields: &mut [StanzaField<'a>],
    ) -> Result<(), StanzaError> {
        let end = line.trim_end_matches([' ', '\t', '\r']).len();
        if end == 0 {
            return Err(StanzaError::Blank { line: self.line });
        }
        let field = fields.last_mut().ok_or_else(|| self.refuse(line))?;
        // Both are parts of the text, one behind the other.
        let start = field.value.as_ptr().addr() - self.text.as_ptr().addr();
        field.value = self.text[start..begin + end].trim_start_matches([' ', '\t', '\r', '\n']);
        Ok(())
    }

    fn refuse(&self, line: &str) -> StanzaError {
        StanzaError::Syntax {
            line: self.line,
            text: line.chars().take(60).flat_map(char::escape_debug).collect(),
        }
    }
}

/// Finds a field by its name.
#[must_use]
pub fn find_field<'a>(fields: &[StanzaField<'a>], name: &str) -> Option<StanzaField<'a>> {
    let found = fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name));
    found.copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<StanzaField<'_>>>, StanzaError> {
        let (mut stanzas, mut fields, mut all) = (Stanzas::new(text), Vec::new(), Vec::new());
        while stanzas.read_next(&mut fields)?.is_some() {
            all.push(fields.clone());
        }
        Ok(all)
    }

    #[test]
    fn paragraphs_are_parted_by_empty_lines_and_values_may_go_on() {
        let text = "\n\nA: 1\nB:\n 2\n  3 \nC: x:y\n\n\nA: 4";
        let all = read(text).expect("paragraphs");
        assert_eq!(all.len(), 2);
        let values: Vec<&str> = all[0].iter().map(|field| field.value).collect();
        assert_eq!(values, ["1", "2\n  3", "x:y"]);
        assert_eq!(find_field(&all[0], "b").expect("a field").line, 4);
        assert_eq!(all[1][0].value, "4");
        let mut stanzas = Stanzas::new(text);
        let whole = stanzas.read_next(&mut Vec::new()).expect("a paragraph");
        assert_eq!(whole, Some("A: 1\nB:\n 2\n  3 \nC: x:y\n"));
        assert_eq!(read("\n\n"), Ok(Vec::new()));
    }

    #[track_caller]
    fn refused(text: &str, line: usize) {
        assert_eq!(read(text).expect_err("no paragraphs").line(), line);
    }

    #[test]
    fn other_lines_are_refused_with_their_numbers() {
        refused("A: 1\nB\n", 2);
        refused(" A: 1\n", 1);
        refused("A: 1\n\n B: 1\n", 3);
        refused("# A: 1\n", 1);
        refused("-A: 1\n", 1);
        refused("A B: 1\n", 1);
        refused(": 1\n", 1);
        refused("A: 1\n \t\nB: 1\n", 2);
    }
}
