//! What a server wants to see before it answers: the header `WWW-Authenticate` (RFC 9110, section 11.6.1).
//!
//! ```text
//! Bearer realm="https://auth.example.org/token",service="registry.example.org",scope="repository:base/nginx:pull"
//! ```

/// One way to log in that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request (RFC 7617).
    Basic,
    /// A token of a token service (RFC 6750, and distribution's token specification).
    Bearer(Bearer),
    /// A scheme that no registry is known for.
    Other,
}

/// Where a token comes from and what it has to be for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bearer {
    /// The address of the token service.
    pub(super) realm: String,
    /// The name of the registry there.
    pub(super) service: Option<String>,
    /// What the token has to allow.
    pub(super) scope: Option<String>,
    /// Why the token that was sent does not do.
    pub(super) error: Option<String>,
}

/// Parses the value of one header; what cannot be read is passed over, since the rest may do.
pub(super) fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = skip(header, " \t,");
    while let Some((name, after)) = split_token(rest) {
        let after_name = skip(after, " \t");
        rest = match (after_name.strip_prefix('='), found.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = split_value(skip(value, " \t"));
                parameters.push((name.to_ascii_lowercase(), value));
                after
            }
            (Some(value), None) => split_value(value).1,
            (None, _) => {
                found.push((name.to_ascii_lowercase(), Vec::new()));
                after
            }
        };
        rest = skip(rest, " \t,");
    }
    found.into_iter().map(challenge).collect()
}

fn challenge((scheme, parameters): (String, Vec<(String, String)>)) -> Challenge {
    let find = |name: &str| {
        let parameter = parameters.iter().find(|(key, _)| key == name);
        parameter.map(|(_, value)| value.clone())
    };
    match (scheme.as_str(), find("realm")) {
        ("basic", _) => Challenge::Basic,
        ("bearer", Some(realm)) => Challenge::Bearer(Bearer {
            realm,
            service: find("service"),
            scope: find("scope"),
            error: find("error_description").or_else(|| find("error")),
        }),
        _ => Challenge::Other,
    }
}

fn skip<'a>(text: &'a str, characters: &str) -> &'a str {
    text.trim_start_matches(|c| characters.contains(c))
}

fn split_token(text: &str) -> Option<(&str, &str)> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '=' | '"');
    let end = text.find(is_end).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Splits off a quoted string or what stands up to the next comma.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn case(header: &str, expected: &[Challenge]) {
        assert_eq!(parse_challenges(header), expected);
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer(Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
            error: None,
        })
    }

    #[test]
    fn the_challenges_of_known_registries_are_read() {
        case(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#,
            &[bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:library/nginx:pull"),
            )],
        );
        case(r#"Basic realm="Registry Realm""#, &[Challenge::Basic]);
        case(
            r#"bearer Realm = "https://a/b" , SCOPE="repository:a:pull,push repository:b:pull""#,
            &[bearer(
                "https://a/b",
                None,
                Some("repository:a:pull,push repository:b:pull"),
            )],
        );
    }

    #[test]
    fn several_challenges_share_a_header() {
        case(
            r#"Negotiate, Basic realm="a", charset="UTF-8", Bearer realm=https://a/b"#,
            &[
                Challenge::Other,
                Challenge::Basic,
                bearer("https://a/b", None, None),
            ],
        );
    }

    #[test]
    fn quotes_and_commas_inside_a_value_belong_to_it() {
        case(
            r#"Bearer realm="a\"b\\c, Basic realm=d",service="e""#,
            &[bearer(r#"a"b\c, Basic realm=d"#, Some("e"), None)],
        );
    }

    #[test]
    fn the_error_of_a_challenge_is_kept() {
        let header =
            r#"Bearer realm="a",error="insufficient_scope",error_description="no right to pull""#;
        match parse_challenges(header).as_slice() {
            [Challenge::Bearer(bearer)] => {
                assert_eq!(bearer.error.as_deref(), Some("no right to pull"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_challenge_is_passed_over() {
        case("", &[]);
        case(", ,", &[]);
        case("=x", &[]);
        case(r#"realm="a""#, &[]);
        case("Bearer", &[Challenge::Other]);
        case(r#"Bearer realm="a"#, &[bearer("a", None, None)]);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_hang(header in ".{0,80}|[Ba=,\" \\\\]{0,40}") {
            parse_challenges(&header);
        }
    }
}
