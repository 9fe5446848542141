//! Hides secrets in what others print: a step of a build, a test, the engine.
//!
//! A program may print a secret as it is, or as it travels: in base64 (`Authorization: Basic …`), in JSON, in hex. As part of
//! an address, or of a command of a shell, it has many forms: there a line is searched as it is meant, too.
//! Where a line is cut, or wrapped as `base64` wraps, its ends may hold the pieces of one.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::mask_meant::readings;
use super::mask_search::Search;
use super::secret::Secret;
use crate::address::Address;

/// What stands for a secret.
pub(super) const HIDDEN: &str = "***";
/// A piece of a secret at the end of a line that is shorter is as likely a word; what is left to guess is long enough.
pub(super) const SHORTEST_PIECE: usize = 8;

/// The texts that are never shown.
#[derive(Clone, Default)]
pub struct Mask {
    forms: Arc<Vec<Secret>>,
    /// Prepared when the first line is hidden, for all copies.
    search: Arc<OnceLock<Search>>,
}

#[expect(
    clippy::missing_fields_in_debug,
    reason = "the search is made of the forms"
)]
impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mask").field("forms", &self.forms).finish()
    }
}

impl Mask {
    /// Anything shorter, in bytes, is in many words that are no secrets.
    pub const SHORTEST: usize = 6;

    /// Tells whether anything of a secret is hidden where it is printed.
    #[must_use]
    pub fn can_hide(secret: &[u8]) -> bool {
        match std::str::from_utf8(secret) {
            Ok(text) => text.lines().any(|line| line.trim().len() >= Self::SHORTEST),
            Err(_) => secret.len() >= Self::SHORTEST,
        }
    }

    /// Adds a secret; of one with several lines each line is hidden, since output comes in lines.
    #[must_use]
    pub fn with(mut self, secret: &[u8]) -> Self {
        // Nothing prints bytes that are no text, but tools do in base64; and several lines at once too.
        self.add_base64(secret);
        self.add_hex(secret);
        if let Ok(text) = std::str::from_utf8(secret) {
            let lines = text.lines().map(str::trim);
            for line in lines.filter(|line| line.len() >= Self::SHORTEST) {
                self.add(line);
                for form in in_json(line) {
                    self.add(&form);
                }
                for form in in_address(line) {
                    self.add(&form);
                }
                self.add_base64(line.as_bytes());
                self.add_hex(line.as_bytes());
            }
        }
        // A file of many lines has many forms.
        let forms = Arc::make_mut(&mut self.forms);
        forms.sort_unstable_by(|one, other| one.reveal().cmp(other.reveal()));
        forms.dedup();
        self.search = Arc::default();
        self
    }

    /// Adds the password of an address, as it stands there and as it is meant.
    #[must_use]
    pub fn with_address(self, address: &str) -> Self {
        let address = Address::of(address);
        // A name alone may be a token.
        let Some(password) = address.password().or(address.login) else {
            return self;
        };
        let meant = meant_by(password);
        self.with(password.as_bytes()).with(&meant)
    }

    /// Base64 of a text depends on where in the whole it begins, by three.
    fn add_base64(&mut self, bytes: &[u8]) {
        for before in 0..3 {
            let padded: Vec<u8> = std::iter::repeat_n(0, before)
                .chain(bytes.iter().copied())
                .collect();
            let text = STANDARD_NO_PAD.encode(&padded);
            // The signs at the ends hold bits of what stands beside.
            let start = [0, 2, 3][before];
            let end = text.len() - usize::from(!padded.len().is_multiple_of(3));
            if let Some(inner) = text.get(start..end) {
                self.add(inner);
                self.add(&inner.replace('+', "-").replace('/', "_"));
            }
        }
    }

    fn add_hex(&mut self, bytes: &[u8]) {
        // Of fewer bytes the digits are as likely a number.
        if bytes.len() >= Self::SHORTEST {
            let text = in_hex(bytes);
            self.add(&text);
            self.add(&text.to_uppercase());
        }
    }

    fn add(&mut self, form: &str) {
        if form.len() >= Self::SHORTEST {
            Arc::make_mut(&mut self.forms).push(Secret::new(form));
        }
    }

    /// Tells whether a text holds a secret, and not only a piece of one.
    #[must_use]
    pub fn finds_whole(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form.reveal()))
    }

    /// Finds where in a line secrets stand, and pieces of one at its ends, from left to right.
    fn find(&self, line: &str) -> Vec<Range<usize>> {
        if self.forms.is_empty() {
            return Vec::new();
        }
        let search = self
            .search
            .get_or_init(|| Search::of(Arc::clone(&self.forms)));
        // All are found before any is hidden: two secrets may share a part.
        let mut found = search.find(line.as_bytes());
        for reading in readings(line) {
            let meant = search.find(&reading.bytes).into_iter();
            found.extend(meant.map(|range| reading.place_of(&range, line)));
        }
        join(found)
    }

    /// Gives how much is to be known behind the place where a text is parted, for [`Mask::find_cut`]: a longer piece of a secret
    /// is hidden by itself, in whatever way it is written.
    #[must_use]
    pub fn overlap(&self) -> usize {
        /// The most signs that stand for one: `\\303`.
        const LONGEST_SIGN: usize = 4;
        if self.forms.is_empty() {
            0
        } else {
            2 * SHORTEST_PIECE * LONGEST_SIGN
        }
    }

    /// Finds where a text is parted that comes in parts: at `wanted`, or beside the secret that stands there.
    ///
    /// Of a secret that is as long as the text, the part ends where the text does.
    #[must_use]
    pub fn find_cut(&self, bytes: &[u8], wanted: usize) -> usize {
        // The last sign may not be whole yet; what is no text holds no secret that would be known for one.
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (text, _) = bytes.split_at(error.valid_up_to());
                std::str::from_utf8(text).unwrap_or_default()
            }
        };
        let found = self.find(text).into_iter();
        let mut across = found.filter(|range| range.start < wanted && wanted < range.end);
        match across.next() {
            Some(secret) if secret.start > 0 => secret.start,
            Some(secret) => secret.end,
            None => wanted,
        }
    }

    /// Gives a line with each secret in it hidden, and the pieces of one at its ends.
    #[must_use]
    pub fn hide<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let found = self.find(line);
        if found.is_empty() {
            return Cow::Borrowed(line);
        }
        let mut text = String::with_capacity(line.len());
        let mut end = 0;
        for range in found {
            text.push_str(&line[end..range.start]);
            text.push_str(HIDDEN);
            end = range.end;
        }
        text.push_str(&line[end..]);
        Cow::Owned(text)
    }
}

/// Makes one of what touches or overlaps.
fn join(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Reads a part of an address.
fn meant_by(part: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// Writes a text as part of an address (RFC 3986, section 2.1), with the digits that it recommends and the others.
pub(super) fn in_address(text: &str) -> [String; 2] {
    let (mut upper, mut lower) = (String::new(), String::new());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            upper.push(char::from(byte));
            lower.push(char::from(byte));
        } else {
            let digits = in_hex(&[byte]);
            upper.extend(["%", &digits.to_uppercase()]);
            lower.extend(["%", &digits]);
        }
    }
    [upper, lower]
}

/// Writes a text as JSON has it between quotes: plainly, as Go does, fit for a page of HTML, and as PHP does.
pub(super) fn in_json(text: &str) -> [String; 3] {
    let json = serde_json::Value::from(text).to_string();
    let plain = json[1..json.len() - 1].to_owned();
    let mut go = plain.clone();
    for (sign, escaped) in [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        go = go.replace(sign, escaped);
    }
    let php = plain.replace('/', "\\/");
    [plain, go, php]
}

/// Writes bytes as `xxd -p` does.
pub(super) fn in_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;
    use crate::oci::Digest;

    const SECRET: &str = "p\"ss/w+rd\\ 1";

    #[track_caller]
    fn case(printed: &str, expected: &str) {
        let mask = Mask::default().with(SECRET.as_bytes());
        assert_eq!(mask.hide(printed), expected);
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_it_travels() {
        case("nothing", "nothing");
        case(&format!("a {SECRET} b {SECRET}"), "a *** b ***");
        case(
            &format!("{{\"a\":{}}}", serde_json::Value::from(SECRET)),
            "{\"a\":\"***\"}",
        );
        case("http://ann:p%22ss%2Fw%2Brd%5C%201@h", "http://ann:***@h");
        case("http://ann:p%22ss%2fw%2brd%5c%201@h", "http://ann:***@h");
        case(r#""p\"ss\/w+rd\\ 1""#, "\"***\"");
        case("x 702273732f772b72645c2031 y", "x *** y");
        case("x 702273732F772B72645C2031 y", "x *** y");
        let mask = Mask::default().with(b"a<b>&c-secret");
        assert_eq!(mask.hide(r#""a\u003cb\u003e\u0026c-secret""#), "\"***\"");
        for user in ["a", "an", "ann", "anna"] {
            for engine in [STANDARD, URL_SAFE] {
                let printed = engine.encode(format!("{user}:{SECRET}"));
                let mask = Mask::default().with(SECRET.as_bytes());
                let shown = mask.hide(&printed);
                assert!(
                    shown.contains(HIDDEN) && shown.len() <= HIDDEN.len() + 12,
                    "{shown}"
                );
            }
        }
    }

    #[test]
    fn a_secret_is_hidden_however_a_shell_quotes_it() {
        let mask = Mask::default().with("it's \u{e9} s$cret\\".as_bytes());
        for printed in [
            r"+ curl -u 'ann:it'\''s é s$cret\' https://h",
            r#"+ curl -u 'ann:it'"'"'s é s$cret\' https://h"#,
            r"+ curl -u ann:it\'s\ é\ s\$cret\\ https://h",
            r"+ curl -u $'ann:it\'s \303\251 s$cret\\' https://h",
            r"+ curl -u $'ann:it\'s \xc3\xA9 s$cret\\' https://h",
        ] {
            let shown = mask.hide(printed);
            assert!(shown.contains("ann:***"), "{shown}");
            assert!(!shown.contains("cret"), "{shown}");
            assert!(shown.ends_with(" https://h"), "{shown}");
        }
    }

    #[test]
    fn a_secret_is_hidden_whichever_signs_an_address_escapes() {
        let mask = Mask::default().with("p!a(s)s *'w~$&o/r=d+\u{e9}".as_bytes());
        for printed in [
            // JavaScript, Python's `quote` and `quote_plus`, Go for a user and for a query, and everything.
            "x p!a(s)s%20*'w~%24%26o%2Fr%3Dd%2B%C3%A9 y",
            "x p%21a%28s%29s%20%2A%27w~%24%26o/r%3Dd%2B%C3%A9 y",
            "x p%21a%28s%29s+%2A%27w~%24%26o%2Fr%3Dd%2B%C3%A9 y",
            "x p%21a%28s%29s%20%2A%27w~$&o%2Fr=d+%c3%a9 y",
            "x %70%21%61%28%73%29%73%20%2A%27%77%7E%24%26%6F%2F%72%3D%64%2B%C3%A9 y",
        ] {
            assert_eq!(mask.hide(printed), "x *** y");
        }
        assert_eq!(mask.hide("100%\\ of é%zz \\"), "100%\\ of é%zz \\");
    }

    #[test]
    fn the_password_of_an_address_is_hidden_as_written_and_as_meant() {
        let mask = Mask::default().with_address("http://ann:p%22ss%2Fé-rd@proxy:3128/");
        assert_eq!(mask.hide("ann p\"ss/é-rd p%22ss%2Fé-rd"), "ann *** ***");
        let none = Mask::default().with_address("http://proxy:3128/a:b@c");
        assert_eq!(
            none.hide("http://proxy:3128/a:b@c"),
            "http://proxy:3128/a:b@c"
        );
    }

    #[test]
    fn each_line_is_hidden_and_what_is_short_is_not() {
        let mask = Mask::default().with(b"first line\nab\nsecond line\n");
        assert_eq!(mask.hide("x second line ab"), "x *** ab");
        let shown = format!("{mask:?}");
        let is_hidden = |c: char| matches!(c, '…' | ',' | ' ' | '[');
        assert_eq!(
            shown
                .trim_start_matches("Mask { forms: ")
                .replace(is_hidden, ""),
            "]}"
        );
    }

    #[test]
    fn secrets_that_share_a_part_leave_nothing_of_each_other() {
        let mask = Mask::default().with(b"abcdefgh").with(b"efghijkl");
        assert_eq!(mask.hide("x abcdefghijkl y"), "x *** y");
        let mask = Mask::default().with(b"abcabcabc");
        assert_eq!(mask.hide("abcabcabcabcab c"), "***ab c");
        assert_eq!(mask.hide("-abcabcabcabcabc-"), "-***-");
    }

    #[test]
    fn a_secret_that_is_cut_by_the_end_of_a_line_is_hidden_in_both_parts() {
        let mask = Mask::default().with("t\u{f6}ps\u{e9}cret-password".as_bytes());
        assert_eq!(mask.hide("is t\u{f6}ps\u{e9}cret-p"), "is ***");
        assert_eq!(mask.hide("\u{e9}cret-password it"), "*** it");
        assert_eq!(mask.hide("cret-passw"), "***");
        assert_eq!(mask.hide("ps\u{e9}cret"), "***");
        assert_eq!(
            mask.hide("is t\u{f6}ps"),
            "is t\u{f6}ps",
            "too short to tell"
        );
    }

    #[test]
    fn a_text_is_parted_beside_a_secret() {
        let mask = Mask::default().with(b"abcdefgh").with(b"p\"ss-w\xc3\xb6rd");
        let cut = |text: &str, wanted| mask.find_cut(text.as_bytes(), wanted);
        assert_eq!(cut("--abcdefgh--", 2), 2);
        for wanted in 3..10 {
            assert_eq!(cut("--abcdefgh--", wanted), 2);
        }
        assert_eq!(cut("--abcdefgh--", 10), 10);
        assert_eq!(cut("abcdefgh--", 4), 8);
        // As it is written in an address, and with a sign behind it that is not whole.
        let written = "--p%22ss-w%C3%B6rd-";
        assert_eq!(cut(written, 4), 2);
        let bytes = [written.as_bytes(), b"\xc3"].concat();
        assert_eq!(mask.find_cut(&bytes, 12), 2);
        assert_eq!(Mask::default().find_cut(b"abcdefgh", 4), 4);
    }

    #[test]
    fn a_file_that_is_printed_in_wrapped_base64_is_hidden() {
        let lines = (0..40_u32).map(|line| Digest::of(&line.to_le_bytes()).hex().to_owned());
        let key = lines.collect::<Vec<_>>().join("\n");
        let mask = Mask::default().with(key.as_bytes());
        for before in ["", "a", "ab"] {
            let printed = STANDARD.encode(format!("{before}{key}"));
            for width in [64, 76] {
                let lines = printed.as_bytes().chunks(width);
                let lines = lines.map(|line| str::from_utf8(line).expect("text"));
                let shown: Vec<_> = lines.map(|line| mask.hide(line)).collect();
                let longest = shown.iter().map(|line| line.len());
                assert!(longest.max() <= Some(HIDDEN.len() + 7), "{shown:?}");
            }
        }
    }

    #[test]
    fn a_file_of_very_many_lines_is_taken_in_time() {
        let lines: Vec<_> = (0..60_000).map(|line| format!("{line:07}")).collect();
        let began = processor_seconds();
        let mask = Mask::default().with(lines.join("\n").as_bytes());
        assert_eq!(mask.hide("x 0031415 y"), "x *** y");
        assert!(processor_seconds() - began < 20);
    }

    /// Gives what this thread had of a processor: other work on the machine does not count.
    #[expect(
        clippy::disallowed_methods,
        reason = "the kernel's own file is no file of a user's"
    )]
    fn processor_seconds() -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a file");
        let nanoseconds = text.split(' ').next().expect("a number");
        nanoseconds.parse::<u64>().expect("a number") / 1_000_000_000
    }

    #[test]
    fn a_large_file_slows_no_line() {
        let lines =
            (0..3_400_u32).map(|line| STANDARD.encode(Digest::of(&line.to_le_bytes()).hex()));
        let bundle = lines.collect::<Vec<_>>().join("\n");
        let mask = Mask::default().with(bundle.as_bytes());
        assert_eq!(mask.hide("prepared"), "prepared");
        let began = std::time::Instant::now();
        for number in 0..2_000 {
            let line =
                format!("Get:{number} http://deb.example.org/debian bookworm/main amd64 a{number}");
            assert_eq!(mask.hide(&line), line);
            assert_eq!(mask.hide("unpacked"), "unpacked");
        }
        for line in bundle.lines() {
            assert_eq!(mask.hide(line), HIDDEN);
        }
        // One search for each form took a second for eight lines.
        assert!(began.elapsed() < std::time::Duration::from_secs(20));
    }
}
