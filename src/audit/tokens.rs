//! Secrets that show by their form, whatever names them: logins in addresses, and tokens of well-known services.
//!
//! ```text
//! https://ann:hush@example.org/a?key=b      →   https://***@example.org/a?***
//! ```

use std::ops::Range;

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
        password
            .is_some_and(|password| !password.is_empty() && !password.starts_with(['$', '{', '*']))
    };
    let mut logins = addresses(text).filter_map(|address| address.login);
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

fn addresses(text: &str) -> impl Iterator<Item = Address> {
    text.match_indices("://").map(|(at, separator)| {
        let start = at + separator.len();
        let is_end = |c: char| c.is_whitespace() || "\"'`".contains(c);
        let end = text[start..]
            .find(is_end)
            .map_or(text.len(), |end| start + end);
        let address = &text[start..end];
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        // A password with a slash in it leaves something that is no port.
        let is_cut = port
            .is_some_and(|port| !port.ends_with(']') && !port.bytes().all(|b| b.is_ascii_digit()));
        let login = match authority.rfind('@') {
            Some(at) => Some(at),
            None if is_cut => address.rfind('@'),
            None => None,
        };
        let question = address
            .find('?')
            .filter(|at| login.is_none_or(|login| *at > login));
        let fragment = address.find('#').map_or(end, |at| start + at);
        Address {
            login: login.map(|at| start..start + at),
            question: question.map(|at| start + at + 1..fragment.max(start + at + 1)),
        }
    })
}

fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    TOKENS.iter().flat_map(move |(prefix, least)| {
        text.match_indices(prefix).filter_map(move |(at, _)| {
            let rest = &text[at + prefix.len()..];
            let length = rest.find(|c| !is_of_token(c)).unwrap_or(rest.len());
            let before = text[..at].chars().next_back();
            let is_whole = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
            (is_whole && length >= *least).then_some(at..at + prefix.len() + length)
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
    fn a_secret_shows_by_its_form() {
        let token = format!("glpat-{}", "x".repeat(20));
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----";
        for (text, expected) in [
            ("curl https://u:hush@h/x", Some(Form::Login)),
            (token.as_str(), Some(Form::Token)),
            (key, Some(Form::Key)),
            ("https://u:$PASS@h/ https://u:${PASS}@h/", None),
            ("https://git@h/x https://h:80/@a", None),
            ("glpat-", None),
        ] {
            assert_eq!(find_secret(text), expected, "{text}");
        }
    }
}
