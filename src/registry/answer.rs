//! An answer of a server, read whole and bounded, and what it says about itself when it refuses.

use std::fmt;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use std::time::Duration;

use crate::settings::Secret;
use crate::web::parse_retry_after;

/// One answer with its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The server's own words, where the status is an error.
    pub(super) said: Said,
    /// The host that gave it, where redirects led to another one than was asked, or an upload goes on at another one than the
    /// registry.
    pub(super) elsewhere: Option<String>,
    /// What must not come back in the server's words.
    pub(super) secrets: Vec<Secret>,
}

impl Answer {
    /// Finds a header that is text.
    pub(super) fn find_header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Takes words of its headers, without what must not come back in them.
    pub(super) fn word(&self, text: &str) -> Said {
        Said::without(text, &self.secrets)
    }

    /// Tells whether it is a page for browsers, which no registry gives.
    pub(super) fn is_page(&self) -> bool {
        let kind = self.find_header(&CONTENT_TYPE).unwrap_or_default();
        kind.trim_start()
            .get(.."text/html".len())
            .is_some_and(|start| start.eq_ignore_ascii_case("text/html"))
    }

    /// Tells when the server wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        parse_retry_after(self.find_header(&RETRY_AFTER)?, self.find_header(&DATE))
    }

    /// Tells whether the same question may get another answer later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
    }
}

/// A foreign text, made fit to stand in a message: one line, bounded, without control characters; it may be empty.
///
/// It is shown with the colon before it: `: requested access to the resource is denied`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    const LIMIT: usize = 300;

    /// Takes a plain text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        // Each of the separate characters that turn text around or hide it counts as a control character as well.
        let is_fit = |c: char| {
            !c.is_control()
                && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        let clean = text.replace(|c| !is_fit(c), " ");
        let mut line = String::new();
        for word in clean.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            if line.len() > Self::LIMIT {
                break;
            }
        }
        if let Some((end, _)) = line.char_indices().nth(Self::LIMIT) {
            line.truncate(end);
            line.push('…');
        }
        Self(line)
    }

    /// Takes a text in which nothing may be shown of the secrets.
    pub(super) fn without(text: &str, secrets: &[Secret]) -> Self {
        Self::text(&without_secrets(text, secrets))
    }

    /// Finds the words in the body of a refusal: distribution-spec "Error codes", or what token services write.
    ///
    /// Of the secrets nothing is shown, neither as they are nor as JSON writes them: what stands for a letter in the body
    /// is that letter in the words.
    pub(super) fn in_body(body: &str, secrets: &[Secret]) -> Self {
        let body = without_secrets(body, secrets);
        let body = body.as_str();
        let Ok(json) = serde_json::from_str::<serde_json::Value>(body) else {
            // A page made for browsers says nothing in one line.
            return if body.trim_start().starts_with('<') {
                Self::default()
            } else {
                Self::text(body)
            };
        };
        let first = &json["errors"][0];
        let found = [
            &first["message"],
            &first["code"],
            &json["error_description"],
            &json["error"],
            &json["details"],
            &json["message"],
        ];
        let words = found.iter().find_map(|value| value.as_str());
        Self::without(words.unwrap_or_default(), secrets)
    }

    /// Gives the text without the colon.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.0)
        }
    }
}

/// Puts a mark in the place of each secret.
pub(super) fn without_secrets(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.reveal().is_empty()) {
        text = text.replace(secret.reveal(), "[secret]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(body: &str, shown: &str) {
        assert_eq!(Said::in_body(body, &[]).to_string(), shown);
    }

    #[test]
    fn a_secret_is_hidden_however_json_writes_it() {
        let secrets = [Secret::new("p&ss=\"word/")];
        for body in [
            r#"{"message":"no p\u0026ss\u003d\"word\/ here"}"#,
            r#"{"message":"no p&ss=\"word/ here"}"#,
            r#"no p&ss="word/ here"#,
        ] {
            let said = Said::in_body(body, &secrets).to_string();
            assert_eq!(said, ": no [secret] here", "{body}");
        }
    }

    #[test]
    fn the_words_of_registries_and_token_services_are_found() {
        case(
            r#"{"errors":[{"code":"DENIED","message":"access is denied","detail":{}}]}"#,
            ": access is denied",
        );
        case(r#"{"errors":[{"code":"DENIED"}]}"#, ": DENIED");
        case(
            r#"{"details":"incorrect password"}"#,
            ": incorrect password",
        );
        case(
            r#"{"error":"invalid_grant","error_description":"it is over"}"#,
            ": it is over",
        );
        case("no such page\n", ": no such page");
        case("<html><body>no</body></html>", "");
        case("{}", "");
        case("", "");
    }

    #[test]
    fn what_could_move_the_cursor_or_hide_text_is_taken_out() {
        case("a\u{1b}[2Jb\r\n\u{202e}c\u{7f}", ": a [2Jb c");
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let said = Said::text(&"ä".repeat(10_000));
        assert_eq!(said.as_str(), format!("{}…", "ä".repeat(300)));
        let said = Said::text(&"ä ".repeat(10_000));
        assert!(said.as_str().len() < 1000);
    }
}
