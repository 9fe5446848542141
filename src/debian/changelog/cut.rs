//! Cuts a changelog into entries, from the top and no further than asked, with the lines on which they stand.

use super::error::ChangelogError;
use crate::debian::Version;

/// One entry's lines, without comments and line ends.
pub(super) struct CutEntry<'a> {
    pub(super) header: Header<'a>,
    pub(super) header_line: usize,
    pub(super) body: Vec<&'a str>,
    pub(super) trailer: Option<&'a str>,
    pub(super) trailer_line: Option<usize>,
    pub(super) header_text: &'a str,
}

pub(super) struct Header<'a> {
    pub(super) package: &'a str,
    pub(super) version: Version,
    /// What stands between version and semicolon.
    pub(super) distributions: &'a str,
    /// What stands behind the semicolon.
    pub(super) metadata: &'a str,
}

/// Cuts a file into entries, from the top and no further than asked.
pub(super) struct Entries<'a> {
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            lines: text.lines().enumerate().peekable(),
        }
    }

    pub(super) fn find_next(&mut self) -> Result<Option<CutEntry<'a>>, ChangelogError> {
        let Some((header_line, text)) = self.find_header_line() else {
            return Ok(None);
        };
        let mut cut = CutEntry {
            header: parse_header(text, header_line)?,
            header_line,
            body: Vec::new(),
            trailer: None,
            trailer_line: None,
            header_text: text,
        };
        while let Some(&(index, line)) = self.lines.peek() {
            match LineKind::of(line) {
                LineKind::Modes => break,
                LineKind::Comment => {}
                LineKind::Blank | LineKind::Indented => {
                    cut.body.push(line);
                }
                LineKind::Trailer => {
                    self.lines.next();
                    cut.trailer = Some(line);
                    cut.trailer_line = Some(index + 1);
                    break;
                }
                // An entry without a trailer ends at the next header.
                LineKind::Other if parse_header(line, index + 1).is_ok() => break,
                LineKind::Other => {
                    return Err(ChangelogError::Body {
                        line: index + 1,
                        text: clip(line),
                    });
                }
            }
            self.lines.next();
        }
        Ok(Some(cut))
    }

    /// Goes on to the next line that can begin an entry, over what is left of one that cannot be read.
    pub(super) fn skip_to_header(&mut self) {
        while let Some(&(index, line)) = self.lines.peek() {
            let kind = LineKind::of(line);
            let is_end = matches!(kind, LineKind::Modes)
                || (matches!(kind, LineKind::Other) && parse_header(line, index + 1).is_ok());
            if is_end {
                return;
            }
            self.lines.next();
        }
    }

    /// Finds the next line between entries that is neither blank nor a note to an editor.
    fn find_header_line(&mut self) -> Option<(usize, &'a str)> {
        for (index, line) in self.lines.by_ref() {
            match LineKind::of(line) {
                LineKind::Blank | LineKind::Comment => {}
                LineKind::Modes => {
                    // Emacs' list of variables goes to the end of the file.
                    self.lines.by_ref().for_each(drop);
                    return None;
                }
                LineKind::Trailer | LineKind::Indented | LineKind::Other => {
                    return Some((index + 1, line));
                }
            }
        }
        None
    }
}

/// Finds where the header of the top entry begins: its offset in bytes, behind blank lines and notes to editors.
pub(super) fn find_header_start(text: &str) -> Option<usize> {
    let (line, _) = Entries::of(text).find_header_line()?;
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let before = text[mark..].split_inclusive('\n').take(line - 1);
    Some(mark + before.map(str::len).sum::<usize>())
}

#[derive(Clone, Copy)]
enum LineKind {
    Blank,
    /// A comment, a line for vim, a keyword of CVS.
    Comment,
    /// The first line of Emacs' local variables.
    Modes,
    Trailer,
    Indented,
    Other,
}

impl LineKind {
    fn of(line: &str) -> Self {
        let is_modes = |line: &str| {
            let start = line.trim_start_matches(';').trim_start().get(..16);
            start.is_some_and(|start| start.eq_ignore_ascii_case("local variables:"))
        };
        if line.trim().is_empty() {
            Self::Blank
        } else if line.starts_with(" -- ") || line.trim_end() == " --" {
            Self::Trailer
        } else if line.starts_with([' ', '\t']) {
            Self::Indented
        } else if is_modes(line) {
            Self::Modes
        } else if ["#", "/*", "vim:", "$"]
            .iter()
            .any(|start| line.starts_with(start))
        {
            Self::Comment
        } else {
            Self::Other
        }
    }
}

fn parse_header(text: &str, line: usize) -> Result<Header<'_>, ChangelogError> {
    let parts = || {
        let (package, rest) = text.split_once('(')?;
        let (version, rest) = rest.split_once(')')?;
        let (distributions, metadata) = rest.split_once(';')?;
        let package = package.trim_end();
        let is_header = !package.is_empty()
            && !package.contains([' ', '\t'])
            && distributions.starts_with([' ', '\t'])
            && !distributions.trim().is_empty();
        is_header.then_some((package, version, distributions, metadata))
    };
    let (package, version, distributions, metadata) =
        parts().ok_or_else(|| ChangelogError::Header {
            line,
            text: clip(text),
        })?;
    let refused = package
        .char_indices()
        .find(|&(i, c)| !(c.is_ascii_alphanumeric() || (i > 0 && (c == '.' || c == '-'))));
    if let Some((_, character)) = refused {
        return Err(ChangelogError::Package {
            line,
            package: package.to_owned(),
            character,
        });
    }
    let version = version.parse().map_err(|source| ChangelogError::Version {
        line,
        package: package.to_owned(),
        source,
    })?;
    Ok(Header {
        package,
        version,
        distributions,
        metadata,
    })
}

/// Makes a line of a foreign file fit for a message.
fn clip(text: &str) -> String {
    const MOST: usize = 60;
    let mut clipped: String = text
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MOST).is_some() {
        clipped.push('…');
    }
    clipped
}
