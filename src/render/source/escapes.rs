//! Texts in quotes, with the escapes of Python.

/// Translates a text with its quotes; none where nothing is to be done.
pub(super) fn translate_text(literal: &str) -> Option<String> {
    if !literal.contains('\\') {
        return None;
    }
    let (quote, inside) = (&literal[..1], &literal[1..literal.len() - 1]);
    let mut out = String::with_capacity(literal.len());
    out.push_str(quote);
    let taken = translate_escapes(&mut out, inside);
    out.push_str(quote);
    // The lines that went with the backslashes come back behind the text.
    out.extend(std::iter::repeat_n('\n', taken));
    (out != literal).then_some(out)
}

/// Writes the inside of a text, and counts the line breaks that were taken away.
fn translate_escapes(out: &mut String, mut inside: &str) -> usize {
    let mut taken = 0;
    while let Some(at) = inside.find('\\') {
        out.push_str(&inside[..at]);
        let escape = &inside[at + 1..];
        let Some(kind) = escape.chars().next() else {
            return taken;
        };
        let mut length = kind.len_utf8();
        match kind {
            '\n' => taken += 1,
            'a' => out.push('\u{7}'),
            'v' => out.push('\u{b}'),
            '/' => out.push_str("\\\\/"),
            // Names of characters are not known here: an escape that the engine refuses.
            'N' if escape[1..].starts_with('{') => out.push_str("\\uN"),
            'U' => match find_character(escape) {
                Some(character) => {
                    length = 9;
                    out.push(character);
                }
                None => out.push_str("\\\\U"),
            },
            '0'..='7' => {
                let digits = escape
                    .bytes()
                    .take(3)
                    .take_while(|b| matches!(b, b'0'..=b'7'));
                length = digits.count();
                let number = u32::from_str_radix(&escape[..length], 8);
                let character = number.ok().and_then(char::from_u32);
                push_plain(out, character.unwrap_or_default());
            }
            // The engine knows the others, and leaves those that nobody knows as they are.
            c => {
                out.push('\\');
                out.push(c);
            }
        }
        inside = &escape[length..];
    }
    out.push_str(inside);
    taken
}

/// Writes a character that may be one of those with a meaning in texts.
fn push_plain(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\\' | '\'' | '"' => {
            out.push('\\');
            out.push(character);
        }
        _ => out.push(character),
    }
}

/// Reads `U0001f600`.
fn find_character(escape: &str) -> Option<char> {
    let digits = escape.get(1..9)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}
