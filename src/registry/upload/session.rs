//! What a registry says of an upload: where it goes on, and how much of it came.
//!
//! ```text
//! 202 Accepted
//! Location: /v2/base/nginx/blobs/uploads/4f1c9e?_state=iJ8xQ
//! Range: 0-10485759
//! OCI-Chunk-Min-Length: 5242880
//! ```

use std::borrow::Cow;

use reqwest::Url;
use reqwest::header::{HeaderName, LOCATION, RANGE};

use super::super::answer::Answer;
use crate::oci::Digest;

const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// How much of a blob is sent in one request, where the registry wants no more: a request that is lost costs no more than this.
pub(super) const CHUNK_BYTES: u64 = 10 * 1024 * 1024;

/// An upload that a registry has begun.
#[derive(Debug)]
pub(super) struct Session {
    /// Where it goes on.
    pub(super) place: Url,
    /// How much is sent in one request.
    pub(super) chunk_bytes: u64,
    /// The least that the registry takes in one, where it is not the last.
    pub(super) least_bytes: u64,
    /// How much the registry has.
    pub(super) taken_bytes: u64,
    /// How much was sent at most; the registry need not have got it.
    pub(super) sent_bytes: u64,
    /// How often it was sent on since it was further than ever.
    pub(super) hops: u32,
    /// How far it ever was.
    pub(super) best_bytes: u64,
    /// How often it said that it took something, and was hardly further.
    pub(super) stalls: u32,
}

impl Session {
    /// Begins what the answer to a request at `asked` offers; nothing where this has no address that can be followed.
    pub(super) fn begin(answer: &Answer, asked: &Url) -> Option<Self> {
        let least = answer.find_header(&OCI_CHUNK_MIN_LENGTH);
        let least = least.and_then(|text| text.trim().parse().ok());
        let least_bytes: u64 = least.unwrap_or_default();
        Some(Self {
            place: find_place(answer.find_header(&LOCATION)?, asked)?,
            chunk_bytes: least_bytes.max(CHUNK_BYTES),
            least_bytes,
            taken_bytes: 0,
            sent_bytes: 0,
            hops: 0,
            best_bytes: 0,
            stalls: 0,
        })
    }

    /// Goes on where an answer says, or where it is; tells whether that can be followed.
    pub(super) fn follow(&mut self, answer: &Answer) -> bool {
        let Some(location) = answer.headers.get(LOCATION) else {
            return true;
        };
        let place = location.to_str().ok();
        match place.and_then(|place| find_place(place, &self.place)) {
            Some(place) => {
                self.place = place;
                true
            }
            None => false,
        }
    }

    /// Reads how much an answer says that the registry has.
    pub(super) fn find_taken(&self, answer: &Answer) -> Option<u64> {
        parse_range(answer.find_header(&RANGE)?, self.sent_bytes)
    }
}

/// Finds where an upload goes on: at the `Location` of the answer to a request at `asked`.
///
/// What leads from TLS to plain text is not followed. At the same host the way stays as it is: what stands before a registry
/// may speak TLS for it, and it knows nothing of that. A login that stands in the address is left out.
pub(in crate::registry) fn find_place(location: &str, asked: &Url) -> Option<Url> {
    let mut place = asked.join(location).ok()?;
    place.host_str()?;
    if !matches!(place.scheme(), "http" | "https") {
        return None;
    }
    if place.host_str() == asked.host_str() && place.port() == asked.port() {
        place.set_scheme(asked.scheme()).ok()?;
    }
    if asked.scheme() == "https" && place.scheme() != "https" {
        return None;
    }
    place.set_username("").ok()?;
    place.set_password(None).ok()?;
    place.set_fragment(None);
    Some(place)
}

/// Adds to an upload's address which digest its bytes are to have; what stands there stays as it is.
pub(in crate::registry) fn closing(place: &Url, digest: &Digest) -> Url {
    let mut closing = place.clone();
    let is_told =
        |(name, value): (Cow<'_, str>, Cow<'_, str>)| name == "digest" && value == digest.as_str();
    if !place.query_pairs().any(is_told) {
        let mut pairs = closing.query_pairs_mut();
        pairs.append_pair("digest", digest.as_str());
    }
    closing
}

/// Parses how many bytes of an upload came: `0-1023` are 1024.
///
/// `0-0` is one byte, and registries write it for none too: it is one only where one was sent.
pub(in crate::registry) fn parse_range(text: &str, sent_bytes: u64) -> Option<u64> {
    let text = text.trim();
    let range = text.strip_prefix("bytes").unwrap_or(text);
    let range = range.trim_start_matches(['=', ' ']);
    match range.strip_prefix("0-")? {
        "-1" => Some(0),
        "0" => Some(u64::from(sent_bytes == 1)),
        last if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            last.parse::<u64>().ok()?.checked_add(1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(asked: &str, location: &str, expected: Option<&str>) {
        let asked: Url = asked.parse().expect("an address");
        let place = find_place(location, &asked);
        assert_eq!(place.as_ref().map(Url::as_str), expected, "{location}");
    }

    #[test]
    fn an_upload_goes_on_at_a_path_or_an_address_with_its_query_as_it_is() {
        let asked = "https://r.example.org/v2/a/blobs/uploads/";
        let there = "https://r.example.org/v2/a/blobs/uploads/1?_state=a%2Fb+c%3d&x";
        case(
            asked,
            "/v2/a/blobs/uploads/1?_state=a%2Fb+c%3d&x",
            Some(there),
        );
        case(asked, "1?_state=a%2Fb+c%3d&x", Some(there));
        case(asked, there, Some(there));
        case(
            asked,
            "https://ann:pw@up.example.org:8443/u?sig=x#y",
            Some("https://up.example.org:8443/u?sig=x"),
        );
    }

    #[test]
    fn the_way_to_an_upload_is_no_less_safe_than_the_way_to_its_registry() {
        let asked = "https://r.example.org/v2/a/blobs/uploads/";
        case(
            asked,
            "http://r.example.org/v2/a/1",
            Some("https://r.example.org/v2/a/1"),
        );
        case(asked, "http://up.example.org/1", None);
        case(asked, "http://r.example.org:8080/1", None);
        case(asked, "ftp://r.example.org/1", None);
        case(asked, "https://", None);
        let here = "http://127.0.0.1:5000/v2/a/blobs/uploads/";
        case(
            here,
            "http://127.0.0.1:5001/1",
            Some("http://127.0.0.1:5001/1"),
        );
        case(
            here,
            "https://127.0.0.1:5001/1",
            Some("https://127.0.0.1:5001/1"),
        );
    }

    #[test]
    fn the_digest_is_added_to_whatever_stands_in_the_address() {
        let digest = Digest::of(b"");
        let added = format!("digest=sha256%3A{}", digest.hex());
        for (place, separator) in [
            ("https://r.example.org/1", "?"),
            ("https://r.example.org/1?_state=a%2Fb+c%3d&x", "&"),
        ] {
            let place: Url = place.parse().expect("an address");
            assert_eq!(
                closing(&place, &digest).as_str(),
                format!("{place}{separator}{added}")
            );
        }
    }

    #[test]
    fn a_range_says_how_much_came() {
        for (text, sent, expected) in [
            ("0-1023", 4096, Some(1024)),
            ("bytes=0-1023", 4096, Some(1024)),
            (" 0-1023 ", 4096, Some(1024)),
            ("0-0", 4096, Some(0)),
            ("0-0", 1, Some(1)),
            ("0--1", 0, Some(0)),
            ("0-18446744073709551615", 0, None),
            ("0-99999999999999999999", 0, None),
            ("1-1023", 4096, None),
            ("0-", 4096, None),
            ("0-+5", 4096, None),
            ("", 4096, None),
        ] {
            assert_eq!(parse_range(text, sent), expected, "{text}");
        }
    }
}
