//! What registries, token services and Docker's file of logins may say, as anybody might have written it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use tokio::time::Instant;

use super::answer::{Answer, Said};
use super::challenge::{Challenge, parse_challenges};
use super::client::find_platform;
use super::credentials::{Entry, Found, parse_docker_config};
use super::error::Identity;
use super::helper::{HelperFault, Written};
use super::manifest::Manifest;
use super::tags::{find_next, parse_tags, query_of};
use super::token::Token;
use super::upload::{closing, find_place, parse_range};
use crate::host::Stream;
use crate::oci::Digest;
use crate::web::{Pace, Patience, parse_retry_after};

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("registry_challenge", challenge),
    ("registry_error_body", error_body),
    ("registry_helper", helper),
    ("registry_login_file", login_file),
    ("registry_manifest", manifest),
    ("registry_retry_after", retry_after),
    ("registry_tags", tags),
    ("registry_token", token),
    ("registry_upload", upload),
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
    let said = Said::in_body(&body, &[]);
    check_said(&said);
    let text = said.as_str();
    // The sign of a cut is one character more than a cut leaves.
    if !text.ends_with('…') {
        assert_eq!(Said::text(text), said);
    }
}

fn check_said(said: &Said) {
    let text = said.as_str();
    assert!(text.chars().count() <= 301, "{} bytes", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// A helper's answer is a login or nothing, and no word of its standard output is told.
fn helper(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (output, error) = text.split_once('\0').unwrap_or((&text, ""));
    let mut written = Written::default();
    for (stream, text) in [(Stream::Output, output), (Stream::Error, error)] {
        text.lines().for_each(|line| written.take(stream, line));
    }
    if let Ok(found) = written.parse_login() {
        let secret = match &found {
            Found::Login(login) => &login.password,
            Found::IdentityToken(token) => token,
            Found::Nothing => panic!("an answer is something"),
        };
        assert_eq!(format!("{secret:?}"), "…");
    }
    match written.explain_failure() {
        Err(HelperFault::Failed(said)) => {
            assert_eq!(said, Said::text(&written.error));
            check_said(&said);
        }
        Ok(found) => assert_eq!(found, Found::Nothing),
        Err(HelperFault::Silent) => panic!("it spoke"),
    }
}

/// A file of logins gives a login, a helper or nothing; no part of it is told as something else.
fn login_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for key in ["registry.example.org:5000", "https://index.docker.io/v1/"] {
        match parse_docker_config(&text, key) {
            Some(Entry::Helper(helper)) => {
                // Docker looks for it in the same way.
                assert!(format!("{helper:?}").contains("docker-credential-"));
            }
            Some(Entry::Found(found)) => {
                assert!(text.contains("auths") || text.contains("\\u"));
                let shown = format!("{found:?}");
                assert!(shown.contains('…'), "{shown}");
            }
            Some(Entry::Nothing) | None => {}
        }
    }
}

/// A list of tags has no more than was sent.
fn tags(bytes: &[u8]) {
    if let Some(target) = find_next(&String::from_utf8_lossy(bytes)) {
        let query = query_of(target, "https://r.example.org/v2/a/tags/list");
        assert!(query.is_none_or(|query| !query.contains('#')), "{target}");
    }
    let Some(Some(tags)) = parse_tags(bytes) else {
        return;
    };
    let size: usize = tags.found.iter().map(|tag| tag.as_str().len()).sum();
    assert!(size <= bytes.len(), "{tags:?}");
}

/// What counts as a manifest has a version; an index names a platform by a digest or not at all.
fn manifest(bytes: &[u8]) {
    let answer = Answer {
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(bytes),
        said: Said::default(),
        elsewhere: None,
        secrets: Vec::new(),
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
    // What every token shows may be one's value.
    let is_frame = "Token { value: …, identity: Anonymous, good_until: Instant".contains(value);
    assert!(
        value.len() < 12 || is_frame || !shown.contains(value),
        "{shown}"
    );
}

/// An upload goes on by a way that is no less safe than the way to its registry, at an address without a login that keeps its
/// query; and no more of it came than can be counted.
fn upload(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (location, range) = text.split_once('\n').unwrap_or((&text, ""));
    for (asked, schemes) in [
        ("https://r.example.org/v2/a/blobs/uploads/", &["https"][..]),
        (
            "http://127.0.0.1:5000/v2/a/blobs/uploads/1?_state=x",
            &["https", "http"],
        ),
    ] {
        let Some(place) = asked
            .parse()
            .ok()
            .and_then(|url: Url| find_place(location, &url))
        else {
            continue;
        };
        assert!(schemes.contains(&place.scheme()), "{place}");
        assert!(place.has_host() && place.fragment().is_none(), "{place}");
        assert!(
            place.username().is_empty() && place.password().is_none(),
            "{place}"
        );
        let digest = Digest::of(bytes);
        let closing = closing(&place, &digest);
        let before = place.query().unwrap_or_default();
        let query = closing.query().unwrap_or_default();
        assert!(
            query.starts_with(before) && query.contains(digest.hex()),
            "{closing}"
        );
        assert_eq!(closing.path(), place.path());
    }
    for sent_bytes in [0, 1, 4096] {
        let Some(taken) = parse_range(range, sent_bytes) else {
            continue;
        };
        assert!(range.contains("0-"), "{range}");
        let last = taken.checked_sub(1).map(|last| last.to_string());
        assert!(
            last.is_none_or(|last| range.trim_end().ends_with(&last)),
            "{range}"
        );
    }
}
