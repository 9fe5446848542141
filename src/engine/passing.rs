//! The words with which programs and engines tell of a network, a mirror or a registry in trouble that may pass.
//!
//! An engine hands on the words of a Go program; those of a step are anybody's. It is one table for both.

use std::sync::LazyLock;

use regex::RegexSet;

/// Words of a failure that may pass.
static PASSING: LazyLock<RegexSet> = LazyLock::new(|| {
    let words = [
        // Names: apt, curl, the C library, Go, npm, apk.
        r"(?i)temporary failure (?:resolving|in name resolution)",
        r"Could not resolve (?:host\b|')",
        r"\b(?:EAI_AGAIN|ENETUNREACH|ECONNRESET|ECONNREFUSED|ETIMEDOUT)\b",
        r"server misbehaving|: no such host\b",
        r"temporary error \(try again later\)",
        // Connections.
        r"(?i)connection (?:timed out|refused|reset|failed)\b",
        r"(?i)(?:could not|failed to|unable to|couldn't) connect to\b",
        r"(?i)failed to establish a new connection",
        r"(?i)(?:operation|read|i/o|handshake) time(?:d )?out",
        r"(?i)network is unreachable|no route to host",
        r"(?i)remote end (?:closed connection|hung up unexpectedly)|empty reply from server",
        r"(?i)\b(?:unexpected|early) eof\b|transfer closed with \d+ bytes remaining",
        r"Error reading from server|Undetermined Error|Could not handshake",
        // Mirrors that are being changed, and proxies between.
        r"Hash Sum mismatch|File has unexpected size|Mirror sync in progress",
        r"does the network require authentication\?",
        // A server in trouble, by the numbers of RFC 9110.
        r"(?i)(?:returned error|failed to fetch \S+ |error|http/[\d.]+|status(?: code)?|^) *:? *(?:429|500|502|503|504)\b",
        r"\b(?:429 +Too Many Requests|50[234] +(?:Bad Gateway|Service Unavailable|Service Temporarily Unavailable|Gateway Time-?out))\b",
        r"toomanyrequests",
        // An engine that is too busy to ask back within its five seconds.
        r"no active session for \w+: context deadline exceeded",
        // The engine's own network, while another one or its administrator changes it.
        r"failed to create endpoint .* on network",
    ];
    RegexSet::new(words).unwrap_or_else(|error| unreachable!("a table of patterns: {error}"))
});

/// Tells whether a line is about trouble that may pass.
#[must_use]
pub fn tells_of_passing_trouble(line: &str) -> bool {
    PASSING.is_match(line)
}
