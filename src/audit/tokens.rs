//! Secrets that show by their form, whatever names them: logins in addresses, and tokens of well-known services.
//!
//! ```text
//! https://ann:hush@example.org/a?key=b      →   https://***@example.org/a?***
//! ```

use std::ops::Range;

use crate::address::find_login_end;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// How tokens begin, and how many letters, digits, `-` and `_` follow at least.
const TOKENS: [(&str, usize); 17] = [
    ("ghp_", 36),
    ("gho_", 36),
    ("ghu_", 36),
    ("ghs_", 36),
    ("ghr_", 36),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("gldt-", 20),
    ("dckr_pat_", 20),
    ("npm_", 36),
    ("pypi-", 50),
    ("hf_", 34),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("sk_live_", 24),
    ("rk_live_", 24),
    ("AIza", 35),
];
/// What a private key begins with, behind its kind.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// A secret in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An address with a password in it.
    Login,
    /// A token that a well-known service gives.
    Token,
    /// A private key.
    Key,
}

impl Form {
    /// Names it.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Login => "an address with a password",
            Self::Token => "a token",
            Self::Key => "a private key",
        }
    }
}

/// Finds a secret by its form; a variable in its place is none.
pub(super) fn find_secret(text: &str) -> Option<Form> {
    let is_password = |login: &str| {
        let password = login.split_once(':').map(|(_, password)| password);
        password.is_some_and(|password| {
            !password.is_empty() && !password.starts_with(['$', '{', '*', '<'])
        })
    };
    // `docker://alpine:3.19@sha256:…` is an image by its digest.
    let is_digest = |login: &Range<usize>| text[login.end..].starts_with("@sha256:");
    let logins = addresses(text).filter_map(|address| address.login);
    let mut logins = logins.filter(|login| !is_digest(login));
    if logins.any(|login| is_password(&text[login])) {
        return Some(Form::Login);
    }
    if text.contains(PRIVATE_KEY) {
        return Some(Form::Key);
    }
    tokens(text).next().map(|_| Form::Token)
}

/// Hides logins and questions of addresses, and tokens.
pub(super) fn redact(text: &str) -> String {
    let mut hidden: Vec<Range<usize>> = tokens(text).collect();
    for address in addresses(text) {
        hidden.extend(address.login);
        hidden.extend(address.question);
    }
    hidden.retain(|range| !range.is_empty());
    hidden.sort_by_key(|range| range.start);
    let mut redacted = String::with_capacity(text.len());
    let mut done = 0;
    for range in hidden {
        if range.start >= done {
            redacted.push_str(&text[done..range.start]);
            redacted.push_str(HIDDEN);
        }
        done = done.max(range.end);
    }
    redacted.push_str(&text[done..]);
    redacted
}

/// An address in a text, by the parts of it that may be secret.
struct Address {
    /// What stands before the `@`.
    login: Option<Range<usize>>,
    /// What stands behind the `?`.
    question: Option<Range<usize>>,
}

/// Finds the addresses of a text; in one without a blank each may go on to its end, so what one looked for the next keeps.
fn addresses(text: &str) -> impl Iterator<Item = Address> {
    let mut end = 0;
    let mut last_at = None;
    let (mut question, mut fragment) = (Next::of('?'), Next::of('#'));
    text.match_indices("://").map(move |(at, separator)| {
        let start = at + separator.len();
        if start > end {
            let is_end = |c: char| c.is_whitespace() || "\"'`".contains(c);
            let length = text[start..].find(is_end);
            end = length.map_or(text.len(), |length| start + length);
            last_at = text[start..end].rfind('@').map(|at| start + at);
        }
        let address = &text[start..end];
        let last_at = || last_at.filter(|at| *at >= start).map(|at| at - start);
        let login = find_login_end(address, last_at).map(|at| start + at);
        let asked = question
            .find(text, start..end)
            .filter(|at| login.is_none_or(|login| *at > login));
        let fragment = fragment.find(text, start..end).unwrap_or(end);
        Address {
            login: login.map(|at| start..at),
            question: asked.map(|at| at + 1..fragment.max(at + 1)),
        }
    })
}

/// Finds a character in ranges of which none begins before an earlier one.
struct Next {
    wanted: char,
    /// Where it stands first, of what was looked through.
    found: Option<usize>,
    seen: usize,
}

impl Next {
    fn of(wanted: char) -> Self {
        Self {
            wanted,
            found: None,
            seen: 0,
        }
    }

    fn find(&mut self, text: &str, range: Range<usize>) -> Option<usize> {
        if self.found.is_none_or(|at| at < range.start) {
            let from = match self.found {
                Some(_) => range.start,
                None => self.seen.clamp(range.start, range.end),
            };
            let at = text[from..range.end].find(self.wanted);
            self.found = at.map(|at| from + at);
            self.seen = range.end;
        }
        self.found.filter(|at| *at < range.end)
    }
}

fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    TOKENS.iter().flat_map(move |(prefix, least)| {
        let mut end = 0;
        text.match_indices(prefix).filter_map(move |(at, _)| {
            let start = at + prefix.len();
            // One that begins inside of another ends with it.
            if start > end {
                let length = text[start..].find(|c| !is_of_token(c));
                end = length.map_or(text.len(), |length| start + length);
            }
            let before = text[..at].chars().next_back();
            let is_whole = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
            (is_whole && end - start >= *least).then_some(at..end)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let token = format!("ghp_{}", "a1".repeat(18));
        for (text, expected) in [
            (
                "`ADD https://u:geheim@h/x` takes",
                "`ADD https://***@h/x` takes",
            ),
            (
                "https://geheim@h/x?a=geheim#part",
                "https://***@h/x?***#part",
            ),
            ("https://u:ge/heim@h/x", "https://***@h/x"),
            ("a https://h:80/x@y b", "a https://h:80/x@y b"),
            (
                "ssh://git@[::1]:22/x, http://[::1]/@",
                "ssh://***@[::1]:22/x, http://[::1]/@",
            ),
            ("https://h/?", "https://h/?"),
            (
                &format!("é {token}, https://{token}@h"),
                "é ***, https://***@h",
            ),
            (
                &format!("x{token} ghp_short"),
                &format!("x{token} ghp_short"),
            ),
            ("https://a?u:p@h https://u:p@", "https://a?*** https://***@"),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn a_long_line_is_looked_through_once() {
        let began = std::time::Instant::now();
        for part in [
            "://", "a://b?", "x://#", "://a:b/@", "glpat-", "ghp_", "@://", "?#",
        ] {
            let line = part.repeat((256 << 10) / part.len());
            assert!(redact(&line).len() <= line.len() + HIDDEN.len());
            find_secret(&line);
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60));
    }

    #[test]
    fn a_secret_shows_by_its_form() {
        let token = format!("glpat-{}", "x".repeat(20));
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----";
        for (text, expected) in [
            ("curl https://u:hush@h/x", Some(Form::Login)),
            (token.as_str(), Some(Form::Token)),
            (key, Some(Form::Key)),
            ("https://u:$PASS@h/ https://u:${PASS}@h/", None),
            ("https://git@h/x https://h:80/@a", None),
            ("https://<user>:<password>@host/", None),
            ("IMAGE=docker://alpine:3.19@sha256:0123", None),
            ("docker://a:1@sha256:0 https://u:hush@h", Some(Form::Login)),
            ("glpat-", None),
        ] {
            assert_eq!(find_secret(text), expected, "{text}");
        }
    }
}
