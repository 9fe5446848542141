//! Cuts a Dockerfile into instructions: directives at the top, lines that continue, comments between, here-documents.

use std::ops::Range;

use super::error::DockerfileError;
use super::words::{HeredocName, Words, find_heredoc};

/// The directives at the top and the instructions.
pub(super) struct Lines {
    pub(super) escape: char,
    /// The place of the value of the directive `syntax`, and its line.
    pub(super) syntax: Option<(Range<usize>, usize)>,
    pub(super) instructions: Vec<LogicalLine>,
    /// The line of the first instruction with a here-document.
    pub(super) heredoc_line: Option<usize>,
}

/// One instruction: its lines without continuation signs and comments, and where each part of it stood.
pub(super) struct LogicalLine {
    pub(super) text: String,
    /// The line of its first word, counted from 1.
    pub(super) line: usize,
    /// From its first word to its end, here-documents included.
    pub(super) span: Range<usize>,
    /// For each piece of `text`, where it begins there and in the file.
    pieces: Vec<(usize, usize)>,
    line_starts: Vec<(usize, usize)>,
}

impl LogicalLine {
    /// Gives the place in the file of a part of the text that is not empty.
    pub(super) fn place(&self, part: &Range<usize>) -> Range<usize> {
        let last = part.end.max(part.start + 1) - 1;
        self.offset(part.start)..self.offset(last) + 1
    }

    /// Gives the line of a byte of the text, counted from 1.
    pub(super) fn line_at(&self, at: usize) -> usize {
        let index = self.line_starts.partition_point(|&(start, _)| start <= at);
        self.line_starts[index.saturating_sub(1)].1
    }

    fn offset(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|&(start, _)| start <= at);
        let (start, offset) = self.pieces[index.saturating_sub(1)];
        offset + (at - start)
    }
}

/// A line of the file: its number, where it begins, and its text without its end.
#[derive(Clone, Copy)]
struct Physical<'a> {
    number: usize,
    start: usize,
    text: &'a str,
}

fn physical_lines(text: &str) -> impl Iterator<Item = Physical<'_>> {
    let skipped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut start = skipped;
    text[skipped..]
        .split_inclusive('\n')
        .enumerate()
        .map(move |(index, whole)| {
            let line = Physical {
                number: index + 1,
                start,
                text: whole.strip_suffix('\n').unwrap_or(whole),
            };
            start += whole.len();
            let text = line.text.strip_suffix('\r').unwrap_or(line.text);
            Physical { text, ..line }
        })
}

/// Cuts the whole text.
pub(super) fn cut_lines(text: &str) -> Result<Lines, DockerfileError> {
    let mut lines = Lines {
        escape: '\\',
        syntax: None,
        instructions: Vec::new(),
        heredoc_line: None,
    };
    let mut physical = physical_lines(text).peekable();
    while let Some(line) = physical.peek() {
        if !lines.read_directive(line)? {
            break;
        }
        physical.next();
    }
    while let Some(first) = physical.next() {
        if is_passed_over(first.text) {
            continue;
        }
        let mut logical = LogicalLine {
            text: String::new(),
            line: first.number,
            span: first.start + indent_of(first.text)..first.start + first.text.len(),
            pieces: Vec::new(),
            line_starts: Vec::new(),
        };
        let mut current = Some(first);
        while let Some(line) = current {
            let (kept, goes_on) = without_continuation(line.text, lines.escape);
            let indent = if logical.pieces.is_empty() {
                indent_of(kept)
            } else {
                0
            };
            logical
                .pieces
                .push((logical.text.len(), line.start + indent));
            logical.line_starts.push((logical.text.len(), line.number));
            logical.text.push_str(&kept[indent..]);
            logical.span.end = line.start + line.text.len();
            current = if goes_on {
                physical.find(|line| !is_passed_over(line.text))
            } else {
                None
            };
        }
        for heredoc in find_heredocs(&logical.text, lines.escape) {
            logical.span.end = skip_heredoc(heredoc, logical.line, &mut physical)?;
            lines.heredoc_line.get_or_insert(logical.line);
        }
        lines.instructions.push(logical);
    }
    Ok(lines)
}

impl Lines {
    /// Reads `# name=value`; anything else ends the directives.
    fn read_directive(&mut self, line: &Physical<'_>) -> Result<bool, DockerfileError> {
        let Some((name, value)) = line
            .text
            .trim_start()
            .strip_prefix('#')
            .and_then(|rest| rest.split_once('='))
        else {
            return Ok(false);
        };
        let value_start = line.start + line.text.len() - value.trim_start().len();
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "syntax" => {
                self.syntax = Some((value_start..value_start + value.len(), line.number));
            }
            "escape" => {
                self.escape = match value {
                    "\\" => '\\',
                    "`" => '`',
                    _ => {
                        return Err(DockerfileError::Escape {
                            line: line.number,
                            value: value.escape_debug().collect(),
                        });
                    }
                };
            }
            "check" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn indent_of(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Blank lines and comments count nowhere, not even between the lines of one instruction.
fn is_passed_over(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('#')
}

/// Takes the escape sign at the end off; a doubled one is none.
fn without_continuation(text: &str, escape: char) -> (&str, bool) {
    match text.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(kept) if !kept.ends_with(escape) => (kept, true),
        _ => (text, false),
    }
}

fn find_heredocs(text: &str, escape: char) -> Vec<HeredocName> {
    let mut words = Words::of(text, escape);
    let mut keyword = words.next().map(|word| &text[word]);
    if keyword.is_some_and(|word| word.eq_ignore_ascii_case("ONBUILD")) {
        keyword = words.next().map(|word| &text[word]);
    }
    let may_have = keyword.is_some_and(|word| {
        ["RUN", "COPY", "ADD"]
            .iter()
            .any(|one| word.eq_ignore_ascii_case(one))
    });
    if !may_have || !text.contains("<<") {
        return Vec::new();
    }
    let found: Vec<HeredocName> = words
        .by_ref()
        .filter_map(|word| find_heredoc(&text[word]))
        .collect();
    if words.is_open() { Vec::new() } else { found }
}

/// Passes over a here-document and gives the place where it ends.
fn skip_heredoc<'a>(
    heredoc: HeredocName,
    line: usize,
    physical: &mut impl Iterator<Item = Physical<'a>>,
) -> Result<usize, DockerfileError> {
    let is_end = |text: &str| {
        let text = if heredoc.is_indented {
            text.trim_start_matches('\t')
        } else {
            text
        };
        text == heredoc.name
    };
    match physical.find(|line| is_end(line.text)) {
        Some(last) => Ok(last.start + last.text.len()),
        None => Err(DockerfileError::HereDocument {
            line,
            name: heredoc.name,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: &[(usize, &str)]) {
        let lines = cut_lines(text).expect("a Dockerfile");
        let found: Vec<(usize, &str)> = lines
            .instructions
            .iter()
            .map(|line| (line.line, line.text.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_go_on_after_an_escape_and_pass_comments_over() {
        case("FROM a", &[(1, "FROM a")]);
        case(
            "\n# c\n  FROM a\r\nUSER b\n",
            &[(3, "FROM a"), (4, "USER b")],
        );
        case(
            "RUN a \\\n  # c\n\n  b\\  \nc\nUSER d",
            &[(1, "RUN a   bc"), (6, "USER d")],
        );
        case("RUN a \\\\\nUSER b", &[(1, "RUN a \\\\"), (2, "USER b")]);
        case("RUN a \\", &[(1, "RUN a ")]);
        case("\\\nFROM a", &[(1, "FROM a")]);
        case(
            "\u{feff}# escape=`\nRUN a `\n b\nRUN c \\\n",
            &[(2, "RUN a  b"), (4, "RUN c \\")],
        );
        case(
            "# c\n# escape=`\nRUN a `\nUSER b",
            &[(3, "RUN a `"), (4, "USER b")],
        );
    }

    #[test]
    fn heredocs_are_passed_over() {
        case(
            "RUN <<EOF\nFROM b\nEOF\nUSER c\n",
            &[(1, "RUN <<EOF"), (4, "USER c")],
        );
        case(
            "COPY <<A <<-'B' /x/\nFROM b\nA\nFROM c\n\tB\nUSER c\n",
            &[(1, "COPY <<A <<-'B' /x/"), (6, "USER c")],
        );
        case(
            "run cat \\\n <<E\n#\n\\\nE\nUSER c\n",
            &[(1, "run cat  <<E"), (6, "USER c")],
        );
        case(
            "RUN echo $((1 << 3))\nUSER c\n",
            &[(1, "RUN echo $((1 << 3))"), (2, "USER c")],
        );
        case(
            "ENV A <<EOF\nUSER c\n",
            &[(1, "ENV A <<EOF"), (2, "USER c")],
        );
        let error = cut_lines("FROM a\nRUN <<EOF\n EOF\n")
            .err()
            .expect("no end");
        assert_eq!(
            error,
            DockerfileError::HereDocument {
                line: 2,
                name: "EOF".to_owned()
            }
        );
    }

    #[test]
    fn parts_of_a_line_know_where_they_stood() {
        let text = "FROM a\n \tCOPY \\\n  # c\n  --from=é\\\nx /a /b\n";
        let lines = cut_lines(text).expect("a Dockerfile");
        let copy = &lines.instructions[1];
        let start = copy.text.find("--from").expect("the flag");
        let end = copy.text.find(" /a").expect("the end of the flag");
        assert_eq!(&text[copy.place(&(start..end))], "--from=é\\\nx");
        assert_eq!(copy.line_at(start), 4);
        assert_eq!(&text[copy.span.clone()], &text[9..text.len() - 1]);
    }

    #[test]
    fn a_wrong_escape_sign_is_refused() {
        let error = cut_lines("# escape=x\nFROM a\n").err().expect("no sign");
        assert_eq!(
            error.to_string(),
            "the directive `escape` is a backslash or a backtick, not `x`"
        );
    }
}
