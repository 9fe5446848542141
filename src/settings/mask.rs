//! Hides secrets in what others print: a step of a build, a test, the engine.
//!
//! A program may print a secret as it is, or as it travels: in base64 (`Authorization: Basic …`), in an address, in JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::secret::Secret;

/// What stands for a secret.
const HIDDEN: &str = "***";
/// Anything shorter is in many words that are no secrets.
const SHORTEST: usize = 6;

/// The texts that are never shown.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    forms: Vec<Secret>,
}

impl Mask {
    /// Adds a secret; of one with several lines each line is hidden, since output comes in lines.
    #[must_use]
    pub fn with(mut self, secret: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(secret) else {
            // Nothing prints bytes that are no text, but tools do in base64.
            self.add_base64(secret);
            return self;
        };
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= SHORTEST) {
            let json = serde_json::Value::from(line).to_string();
            self.add(line);
            self.add(json.trim_matches('"'));
            self.add(&in_address(line));
            self.add_base64(line.as_bytes());
        }
        self
    }

    /// Adds the password of an address, as it stands there and as it is meant.
    #[must_use]
    pub fn with_address(self, address: &str) -> Self {
        let Some(password) = find_password(address) else {
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

    fn add(&mut self, form: &str) {
        let is_known = self.forms.iter().any(|known| known.reveal() == form);
        if form.len() >= SHORTEST && !is_known {
            self.forms.push(Secret::new(form));
        }
        // The longest first: what remains of it would tell of a shorter one.
        self.forms
            .sort_by_key(|form| std::cmp::Reverse(form.reveal().len()));
    }

    /// Gives a text with each secret in it hidden.
    #[must_use]
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for form in &self.forms {
            if text.contains(form.reveal()) {
                text = Cow::Owned(text.replace(form.reveal(), HIDDEN));
            }
        }
        text
    }
}

/// Finds `password` in `http://user:password@host/`; a name alone may be a token.
fn find_password(address: &str) -> Option<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    Some(
        login
            .split_once(':')
            .map_or(login, |(_, password)| password),
    )
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

/// Writes a text as part of an address (RFC 3986, section 2.1).
fn in_address(text: &str) -> String {
    let written = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

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
        assert_eq!(
            format!("{mask:?}"),
            "Mask { forms: […, …, …, …, …, …, …, …, …, …] }"
        );
    }
}
