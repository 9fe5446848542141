//! `ld.so.conf`: a directory of libraries on each line, or patterns of further files (ldconfig(8), "FILES").

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Libraries are in this directory: its path from the root, without a slash at the end.
    Directory(Vec<u8>),
    /// More is said by the files of a pattern, whose names may hold `*`, `?` and `[…]`; it is relative to the directory of
    /// this file where it does not begin with a slash.
    Include(Vec<u8>),
}

/// Parses the text of a file; what is after `#` is a comment.
///
/// As with ldconfig, `hwcap` says nothing any more and the type of libraries behind `=` neither. A directory that is not told
/// from the root on is none.
#[must_use]
pub fn parse_conf(text: &[u8]) -> Vec<Directive> {
    let mut directives = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.split(|byte| *byte == b'#').next();
        let line = line.unwrap_or_default().trim_ascii();
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        match words.next() {
            None => {}
            Some(b"include") => {
                directives.extend(words.map(|word| Directive::Include(word.to_vec())));
            }
            Some(b"hwcap") if words.next().is_some() => {}
            Some(_) => directives.extend(read_directory(line).map(Directive::Directory)),
        }
    }
    directives
}

fn read_directory(line: &[u8]) -> Option<Vec<u8>> {
    let path = line.split(|byte| *byte == b'=').next()?.trim_ascii_end();
    let is_from_root = path.first() == Some(&b'/');
    // Of nothing but slashes nothing is left, and the root is not meant.
    let end = path.iter().rposition(|byte| *byte != b'/')?;
    is_from_root.then(|| path[..=end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_slashes_is_no_directory() {
        for text in ["/", "//", " / \n///", "/=libc6"] {
            assert_eq!(parse_conf(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn each_line_is_a_directory_or_includes_others() {
        let text = "# comment\n  include /etc/ld.so.conf.d/*.conf  b?.conf\n/opt/a # tail\n\n hwcap 0 nosegneg\n\
                    /opt/c=libc6\n/opt/f = libc6\nopt/relative\n/opt/b//\n/opt/d e\t\nincludes\n//\ninclude\r\n/last";
        let directory = |path: &str| Directive::Directory(path.into());
        let include = |pattern: &str| Directive::Include(pattern.into());
        assert_eq!(
            parse_conf(text.as_bytes()),
            [
                include("/etc/ld.so.conf.d/*.conf"),
                include("b?.conf"),
                directory("/opt/a"),
                directory("/opt/c"),
                directory("/opt/f"),
                directory("/opt/b"),
                directory("/opt/d e"),
                directory("/last"),
            ]
        );
    }
}
