//! What registries, token services and Docker's file of logins may say, as anybody might have written it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::answer::{Answer, Said};
use super::challenge::{Challenge, parse_challenges};
use super::client::find_platform;
use super::credentials::parse_docker_config;
use super::error::Identity;
use super::manifest::Manifest;
use super::patience::{Pace, Patience};
use super::retry_after::parse_retry_after;
use super::token::Token;
use crate::oci::Digest;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("registry_challenge", challenge),
    ("registry_error_body", error_body),
    ("registry_login_file", login_file),
    ("registry_manifest", manifest),
    ("registry_retry_after", retry_after),
    ("registry_token", token),
];

/// What is read of a header was in it.
fn challenge(bytes: &[u8]) {
    let header = String::from_utf8_lossy(bytes);
    let found = parse_challenges(&header);
    assert!(found.len() <= header.len(), "{} challenges", found.len());
    for one in found {
        if let Challenge::Bearer(bearer) = one {
            let parts = [
                Some(bearer.realm),
                bearer.service,
                bearer.scope,
                bearer.error,
            ];
            let longest = parts.iter().flatten().map(String::len).max();
            assert!(longest <= Some(header.len()), "{parts:?}");
        }
    }
}

/// What a server says stays on its line, moves no cursor and is short; saying it again changes nothing.
fn error_body(bytes: &[u8]) {
    let body = String::from_utf8_lossy(bytes);
    let said = Said::in_body(&body);
    let text = said.as_str();
    assert!(text.chars().count() <= 301, "{} bytes", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
    // The sign of a cut is one character more than a cut leaves.
    if !text.ends_with('…') {
        assert_eq!(Said::text(text), said);
    }
}

/// A file of logins gives a login, nothing or an error; helpers, which are programs, are not asked here.
fn login_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let names_helper = |word: &str| text.contains(word) || text.contains("\\u");
    if names_helper("credHelpers") || names_helper("credsStore") {
        return;
    }
    for host in ["registry.example.org:5000", "docker.io"] {
        let found = parse_docker_config(&text, "config.json".as_ref(), host);
        if let Err(error) = found {
            assert!(error.to_string().len() < 1000, "{error}");
        }
    }
}

/// What counts as a manifest has a version; an index names a platform by a digest or not at all.
fn manifest(bytes: &[u8]) {
    let answer = Answer {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(bytes),
        said: Said::default(),
    };
    let Some(Manifest { json, .. }) = Manifest::find(&answer) else {
        return;
    };
    assert!(json["schemaVersion"].is_u64());
    let digest: Option<Digest> = find_platform(&json, "amd64");
    if let Some(digest) = digest {
        let written = serde_json::to_string(&json).unwrap_or_default();
        assert!(written.contains(digest.as_str()), "{digest}");
    }
}

/// However long a server asks to wait, the wait ends.
fn retry_after(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (value, date) = match text.split_once('\n') {
        Some((value, date)) => (value, Some(date)),
        None => (text.as_ref(), None),
    };
    let asked_for = parse_retry_after(value, date);
    let pace = Pace::default();
    let wait = Patience::new(&pace).next_wait(asked_for);
    assert!(
        wait.is_none_or(|wait| wait < Duration::from_secs(24 * 60 * 60)),
        "{asked_for:?} {wait:?}"
    );
}

/// A token is never empty and is not shown.
fn token(bytes: &[u8]) {
    let Some(token) = Token::parse(bytes, Instant::now(), Identity::Anonymous) else {
        return;
    };
    let value = token.value.reveal();
    assert!(!value.is_empty());
    let shown = format!("{token:?}");
    assert!(value.len() < 12 || !shown.contains(value), "{shown}");
}
