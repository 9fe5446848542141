//! What others may print while secrets are in play, as any program might print it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::mask::{HIDDEN, Mask, SHORTEST_PIECE, in_address, in_hex, in_json};
use crate::address::Address;

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[("settings_mask", mask)];

/// Secrets and, last, a line: nothing of a secret stays in it, nor where the secret is printed in any form, or cut.
fn mask(bytes: &[u8]) {
    let mut parts: Vec<&[u8]> = bytes.split(|byte| *byte == 0).take(5).collect();
    let printed = parts.pop().unwrap_or_default();
    let line = String::from_utf8_lossy(printed);
    let mask = parts
        .iter()
        .fold(Mask::default(), |mask, secret| mask.with(secret));
    check_line(&mask, &line, &parts);
    // These print each secret in twenty ways, beside what has to be a part of none.
    let are_apart = parts.iter().all(|secret| !secret.contains(&1));
    if are_apart && crate::is_chosen(bytes, 16) {
        for secret in &parts {
            check_forms(&mask, secret);
        }
    }
    if let Some(password) = Address::of(&line).password() {
        let mask = Mask::default().with_address(&line);
        let lines = password.lines().map(str::trim);
        for secret in lines.filter(|line| line.len() >= Mask::SHORTEST) {
            check_hidden(&mask.hide(&line), secret);
        }
    }
}

fn lines_of(secret: &[u8]) -> impl Iterator<Item = &str> {
    let lines = str::from_utf8(secret).unwrap_or_default().lines();
    lines
        .map(str::trim)
        .filter(|line| line.len() >= Mask::SHORTEST)
}

/// What is shown is the line without some parts of it, and no secret is in what is left.
fn check_line(mask: &Mask, line: &str, secrets: &[&[u8]]) {
    let shown = mask.hide(line);
    // Stars of somebody else's part the rest elsewhere.
    if line.contains('*') {
        return;
    }
    let mut rest = line;
    for kept in shown.split(HIDDEN) {
        let at = rest.find(kept).expect("a part of the line");
        rest = &rest[at + kept.len()..];
    }
    for secret in secrets.iter().flat_map(|secret| lines_of(secret)) {
        check_hidden(&shown, secret);
    }
}

fn check_hidden(shown: &str, secret: &str) {
    if !secret.contains('*') {
        assert!(!shown.contains(secret), "{secret:?} in {shown:?}");
    }
}

/// A secret that is printed as it travels, between words that have nothing of it.
fn check_forms(mask: &Mask, secret: &[u8]) {
    for line in lines_of(secret) {
        let hex = in_hex(line.as_bytes());
        let forms = [line.to_owned(), hex.to_uppercase(), hex];
        let forms = forms
            .into_iter()
            .chain(in_json(line))
            .chain(in_address(line));
        for form in forms {
            let shown = mask.hide(&format!("\u{1} {form} \u{1}")).into_owned();
            assert_eq!(shown, format!("\u{1} {HIDDEN} \u{1}"), "{form:?}");
        }
        // The line may be cut at any place, and no more than a short piece is left of either part.
        let near = line.len() / 2 + secret.len() % 3;
        let at = (near..line.len()).find(|at| line.is_char_boundary(*at));
        let at = at.unwrap_or(line.len());
        for (before, part, behind) in [("\u{1} ", &line[..at], ""), ("", &line[at..], " \u{1}")] {
            let shown = mask.hide(&format!("{before}{part}{behind}")).into_owned();
            let is_short = part.len() < SHORTEST_PIECE;
            assert!(
                is_short || shown == format!("{before}{HIDDEN}{behind}"),
                "{part:?} {shown:?}"
            );
        }
    }
    for before in ["", "\u{1}", "\u{1}\u{1}", "\u{1}:\u{1}"] {
        let whole = [before.as_bytes(), secret].concat();
        for engine in [STANDARD, URL_SAFE] {
            // Of what stands before it a sign or two may belong to it.
            let printed = engine.encode(&whole);
            let shown = mask.hide(&printed);
            let is_long = secret.len() * 4 / 3 > 2 * SHORTEST_PIECE + Mask::SHORTEST;
            assert!(
                !is_long || shown.len() <= HIDDEN.len() + 12,
                "{secret:?} {shown:?}"
            );
        }
    }
}
