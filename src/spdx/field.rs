//! What packages say of themselves in their own ways, as fields of a document have to be.

use crate::address::has_credentials;

/// Names who keeps a package (SPDX 2.3, 7.5): `Person: Jo Doe (jo@example.org)`; those that call themselves several are an
/// organization.
pub(super) fn name_supplier(maintainer: &str) -> Option<String> {
    const SEVERAL: [&str; 7] = [
        "team",
        "maintainers",
        "group",
        "developers",
        "project",
        "packagers",
        "authors",
    ];
    // Parentheses are the address's, and a line is one.
    let clean = |text: &str| {
        let text = text.replace(['(', '<'], "[").replace([')', '>'], "]");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (name, address) = match maintainer.trim().rsplit_once('<') {
        Some((name, address)) => (name, address.trim_end_matches('>')),
        None => (maintainer, ""),
    };
    let (name, address) = (clean(name.trim().trim_matches('"')), clean(address));
    let name = if name.is_empty() {
        address.clone()
    } else {
        name
    };
    if name.is_empty() {
        return None;
    }
    let words = name.to_lowercase();
    let mut words = words.split(|character: char| !character.is_alphanumeric());
    let kind = if words.any(|word| SEVERAL.contains(&word)) {
        "Organization"
    } else {
        "Person"
    };
    Some(match address.as_str() {
        "" => format!("{kind}: {name}"),
        address => format!("{kind}: {name} ({address})"),
    })
}

/// Tells whether a text is an address that may be told: it has a scheme and no login, and nothing that no address has.
pub(super) fn is_address(text: &str) -> bool {
    let is_scheme = |scheme: &str| ["http", "https", "ftp", "file", "git"].contains(&scheme);
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    let scheme = text.split_once("://");
    scheme.is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
        && text.bytes().all(is_plain)
        && !has_credentials(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_a_package_is_a_person_or_several() {
        for (maintainer, expected) in [
            ("Jo Doe <jo@example.org>", "Person: Jo Doe (jo@example.org)"),
            (
                "Debian Perl Group <perl@example.org>",
                "Organization: Debian Perl Group (perl@example.org)",
            ),
            (
                "Teamer, Jo <jo@example.org>",
                "Person: Teamer, Jo (jo@example.org)",
            ),
            ("jo@example.org", "Person: jo@example.org"),
            (
                "<jo@example.org>",
                "Person: jo@example.org (jo@example.org)",
            ),
            (
                "\"Doe, Jo\" <jo@example.org>",
                "Person: Doe, Jo (jo@example.org)",
            ),
        ] {
            assert_eq!(name_supplier(maintainer).as_deref(), Some(expected));
        }
        assert_eq!(name_supplier(" <> "), None);
    }

    #[test]
    fn an_address_has_a_scheme_and_no_login() {
        for (text, expected) in [
            ("https://example.org/a.deb", true),
            ("git://example.org/a", true),
            ("https://jo:secret@example.org/", false),
            ("example.org", false),
            ("https://", false),
            ("javascript://x", false),
            ("https://example.org/a b", false),
        ] {
            assert_eq!(is_address(text), expected, "{text}");
        }
    }
}
