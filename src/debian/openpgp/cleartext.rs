//! The frame around a signed text (RFC 9580, section 7), stricter than the standard: nothing stands before or behind it, and
//! nothing in it can be read in two ways.

/// A signed text and its signatures.
#[derive(Debug)]
pub(super) struct Cleartext<'a> {
    /// The lines without escapes and without blanks at their ends, parted by `\n`; the last one has none behind it. This is
    /// what is signed but for the ends of lines.
    pub(super) text: String,
    /// The block of signatures with its first and its last line.
    pub(super) armour: &'a str,
}

/// Why a file is no signed text; lines are counted from 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CleartextError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    Utf8,
    /// Something else begins it.
    #[error("its first line is not `{BEGIN_TEXT}`")]
    NoBegin,
    /// A header is not `Hash`.
    #[error("line {line}: only `Hash: …` may stand above the signed text, then an empty line")]
    Header {
        /// The line.
        line: usize,
    },
    /// A line begins with a dash and is not escaped.
    #[error("line {line}: a line of signed text cannot begin with `-`, only with `- -`")]
    Dash {
        /// The line.
        line: usize,
    },
    /// A line holds what programs read in different ways.
    #[error("line {line}: it holds a carriage return or a zero byte")]
    Control {
        /// The line.
        line: usize,
    },
    /// It ends before its signature does.
    #[error("it ends before its signature does")]
    Cut,
    /// Something stands behind the signature.
    #[error("line {line}: something stands behind the signature")]
    Behind {
        /// The line.
        line: usize,
    },
}

const BEGIN_TEXT: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// Cuts a file into its signed text and its signatures.
pub(super) fn parse_cleartext(bytes: &[u8]) -> Result<Cleartext<'_>, CleartextError> {
    let whole = std::str::from_utf8(bytes).map_err(|_| CleartextError::Utf8)?;
    let mut lines = Lines {
        whole,
        at: 0,
        line: 0,
    };
    if lines.next()? != Some(BEGIN_TEXT) {
        return Err(CleartextError::NoBegin);
    }
    loop {
        match lines.next()?.ok_or(CleartextError::Cut)? {
            "" => break,
            header if header.starts_with("Hash: ") => (),
            _ => return Err(CleartextError::Header { line: lines.line }),
        }
    }
    let mut text = String::with_capacity(whole.len());
    let start = loop {
        let start = lines.at;
        let line = lines.next()?.ok_or(CleartextError::Cut)?;
        if line == BEGIN_SIGNATURE {
            break start;
        }
        let plain = match line.strip_prefix("- ") {
            Some(plain) => plain,
            None if line.starts_with('-') => {
                return Err(CleartextError::Dash { line: lines.line });
            }
            None => line,
        };
        text.push_str(plain.trim_end_matches([' ', '\t']));
        text.push('\n');
    };
    text.pop();
    while lines.next()?.ok_or(CleartextError::Cut)? != END_SIGNATURE {}
    let end = lines.at;
    while let Some(line) = lines.next()? {
        if !line.trim().is_empty() {
            return Err(CleartextError::Behind { line: lines.line });
        }
    }
    Ok(Cleartext {
        text,
        armour: &whole[start..end],
    })
}

/// Goes from line to line.
struct Lines<'a> {
    whole: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<Option<&'a str>, CleartextError> {
        let rest = &self.whole[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let line = rest.split('\n').next().unwrap_or(rest);
        self.at = (self.at + line.len() + 1).min(self.whole.len());
        self.line += 1;
        if line.contains(['\r', '\0']) {
            return Err(CleartextError::Control { line: self.line });
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(text: &str) -> String {
        format!("{BEGIN_TEXT}\nHash: SHA512\n\n{text}\n{BEGIN_SIGNATURE}\n\nabc\n{END_SIGNATURE}\n")
    }

    #[track_caller]
    fn refused(text: &str, error: &CleartextError) {
        let found = parse_cleartext(text.as_bytes()).expect_err("no signed text");
        assert_eq!(&found, error, "{text}");
    }

    #[test]
    fn the_text_comes_without_escapes_and_blanks_at_ends_of_lines() {
        let file = framed("Suite: a \t\n- -----BEGIN PGP SIGNATURE-----\n- From\n\n b");
        let cleartext = parse_cleartext(file.as_bytes()).expect("a signed text");
        assert_eq!(
            cleartext.text,
            "Suite: a\n-----BEGIN PGP SIGNATURE-----\nFrom\n\n b"
        );
        assert!(cleartext.armour.starts_with(BEGIN_SIGNATURE));
        assert!(cleartext.armour.ends_with("PGP SIGNATURE-----\n"));
    }

    #[test]
    fn nothing_may_stand_around_the_signed_text() {
        let file = framed("Suite: a");
        refused(&format!("Suite: b\n{file}"), &CleartextError::NoBegin);
        refused(&format!("\n{file}"), &CleartextError::NoBegin);
        refused(
            &format!("{file}Suite: b\n"),
            &CleartextError::Behind { line: 9 },
        );
        refused(
            &format!("{file}{file}"),
            &CleartextError::Behind { line: 9 },
        );
        refused(
            &file.replace("Hash: SHA512\n", "Suite: b\n"),
            &CleartextError::Header { line: 2 },
        );
        refused(
            &file.replace("SHA512\n\n", "SHA512\n \n"),
            &CleartextError::Header { line: 3 },
        );
        refused(&framed("a\n-b"), &CleartextError::Dash { line: 5 });
        refused(&framed("a\rb"), &CleartextError::Control { line: 4 });
        let cut = file.len() - END_SIGNATURE.len() - 1;
        refused(&file[..cut], &CleartextError::Cut);
        refused(BEGIN_TEXT, &CleartextError::Cut);
        refused("", &CleartextError::NoBegin);
    }
}
