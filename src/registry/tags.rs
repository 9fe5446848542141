//! The list of a repository's tags, page by page (OCI distribution-spec, "Listing Tags").
//!
//! A page may say where the next one is: `Link: </v2/base/nginx/tags/list?n=1000&last=1.22-1>; rel="next"`.

use std::collections::BTreeSet;
use std::fmt;

use reqwest::Url;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use crate::oci::Tag;

/// How many tags are taken of one repository: more are no list that anybody made.
pub(super) const MOST_TAGS: usize = 200_000;

/// A page of a list.
#[derive(Debug)]
pub(super) struct TagPage {
    pub(super) tags: Tags,
    /// The query of the next page, where the registry names one.
    pub(super) next: Option<String>,
}

/// The tags of a page; what is none, no image can have.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pub(super) found: BTreeSet<Tag>,
    /// The one that stands last on the page.
    pub(super) last: Option<Tag>,
}

/// Reads a page: none where all tags were removed, and nothing where it is no list.
#[expect(clippy::option_option, reason = "no list is no empty list")]
pub(super) fn parse_tags(body: &[u8]) -> Option<Option<Tags>> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        name: Value,
        tags: Option<Tags>,
    }
    let page: Page = serde_json::from_slice(body).ok()?;
    match page.tags {
        // Registries write null for a repository whose tags were all removed.
        None => page.name.is_string().then_some(None),
        tags => Some(tags),
    }
}

impl<'de> Deserialize<'de> for Tags {
    /// Takes one after the other, so that nothing is kept of what is no tag, or is there already.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Tags;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tags")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tags, A::Error> {
                let mut tags = Tags::default();
                while let Some(value) = list.next_element::<Value>()? {
                    let Some(tag) = value.as_str().and_then(|text| text.parse::<Tag>().ok()) else {
                        continue;
                    };
                    if tags.found.len() <= MOST_TAGS {
                        tags.found.insert(tag.clone());
                    }
                    tags.last = Some(tag);
                }
                Ok(tags)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// Finds where the next page is, in a `Link` header (RFC 8288).
pub(super) fn find_next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let mut parameters = after[..end].split([';', ',']).map(str::trim);
        let is_next = |parameter: &str| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let mut words = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && words.any(|word| word.eq_ignore_ascii_case("next"))
        };
        if parameters.any(is_next) {
            return Some(target);
        }
        rest = &after[end..];
    }
    None
}

/// Gives the query of a link, where it leads to a list of tags at the host that gave it.
pub(super) fn query_of(target: &str, page: &str) -> Option<String> {
    let page: Url = page.parse().ok()?;
    let next = page.join(target).ok()?;
    // What stands before a registry may speak TLS for it, and it knows nothing of that.
    let is_here = next.host_str() == page.host_str() && next.path().ends_with("/tags/list");
    next.query().filter(|_| is_here).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_tag_is_left_out_and_the_last_one_is_known() {
        let body = br#"{"name":"a","tags":["2","1","1",3,"-x","",{"a":1}]}"#;
        let tags = parse_tags(body).flatten().expect("tags");
        let found: Vec<&str> = tags.found.iter().map(Tag::as_str).collect();
        assert_eq!(found, ["1", "2"]);
        assert_eq!(tags.last.as_ref().map(Tag::as_str), Some("1"));
        assert!(matches!(
            parse_tags(br#"{"name":"a","tags":null}"#),
            Some(None)
        ));
        for body in ["", "[]", "{}", r#"{"name":"a","tags":1}"#] {
            assert!(parse_tags(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn the_next_page_is_where_a_link_of_the_same_host_says() {
        let page = "https://r.example.org/v2/a/tags/list?n=1000";
        for (header, expected) in [
            (
                r#"</v2/a/tags/list?n=2&last=b>; rel="next""#,
                Some("n=2&last=b"),
            ),
            (
                "<https://r.example.org/v2/a/tags/list?p=x>;rel=next",
                Some("p=x"),
            ),
            (
                "<http://r.example.org/v2/a/tags/list?p=x>; rel=next",
                Some("p=x"),
            ),
            (
                r#"</x>; rel="prev", <?p=2>; title="a"; rel="last next""#,
                Some("p=2"),
            ),
            (
                "<https://other.example.org/v2/a/tags/list?p=x>; rel=next",
                None,
            ),
            ("</elsewhere?p=x>; rel=next", None),
        ] {
            let query = find_next(header).and_then(|target| query_of(target, page));
            assert_eq!(query.as_deref(), expected, "{header}");
        }
        for header in ["", "<x", r#"</v2/a/tags/list?n=1>; rel="prev""#] {
            assert_eq!(find_next(header), None, "{header}");
        }
    }
}
