//! Addresses, and the logins in them, which nobody is to see: `scheme://user:password@host:port/path`.
//!
//! A password should have its `/`, `?` and `#` escaped (RFC 3986, section 3.2.1), and people forget. Where what stands in the
//! place of a port is no number, the login goes on to the last `@`.

use std::borrow::Cow;

/// An address by its parts; without a scheme it begins with the login or the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The scheme with `://`, or nothing.
    pub scheme: &'a str,
    /// What stands before the `@`.
    pub login: Option<&'a str>,
    /// What stands behind it: host, port and path.
    pub rest: &'a str,
}

impl<'a> Address<'a> {
    /// Parts an address, or what stands in the place of one.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let start = text.find("://").map_or(0, |at| at + "://".len());
        let (scheme, rest) = text.split_at(start);
        let login = find_login(rest);
        Self {
            scheme,
            login,
            rest: login.map_or(rest, |login| &rest[login.len() + 1..]),
        }
    }

    /// Gives the host with its port.
    #[must_use]
    pub fn host(&self) -> &'a str {
        host_of(self.rest)
    }

    /// Finds the password; a name alone has none.
    #[must_use]
    pub fn password(&self) -> Option<&'a str> {
        let (_, password) = self.login?.split_once(':')?;
        Some(password)
    }
}

fn find_login(rest: &str) -> Option<&str> {
    find_login_end(rest, || rest.rfind('@')).map(|at| &rest[..at])
}

/// Finds the `@` behind a login in what follows a scheme; `last_at` gives the last one there.
pub fn find_login_end(rest: &str, last_at: impl FnOnce() -> Option<usize>) -> Option<usize> {
    let authority = host_of(rest);
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let is_cut =
        port.is_some_and(|port| !port.ends_with(']') && !port.bytes().all(|b| b.is_ascii_digit()));
    match authority.rfind('@') {
        Some(at) => Some(at),
        None if is_cut => last_at(),
        None => None,
    }
}

fn host_of(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &rest[..end]
}

/// Gives an address without the name and password in it: `http://ann:…@proxy:3128` is `http://proxy:3128`.
#[must_use]
pub fn without_login(address: &str) -> Cow<'_, str> {
    let parts = Address::of(address);
    match parts.login {
        Some(_) => Cow::Owned(format!("{}{}", parts.scheme, parts.rest)),
        None => Cow::Borrowed(address),
    }
}

/// Gives what of an address may be shown to whoever reads an error: no login, and nothing behind a `?`, `#` or space, where a
/// token or another address might be.
#[must_use]
pub fn shown(address: &str) -> String {
    let address = without_login(address.trim());
    let host = Address::of(&address).rest;
    let start = address.len() - host.len();
    let end = host.find(|c: char| "?#".contains(c) || c.is_whitespace());
    match end {
        Some(end) => format!("{}…", &address[..start + end]),
        None => address.into_owned(),
    }
}

/// Tells whether an address holds a name or password: whoever has the image would have it too.
#[must_use]
pub fn has_credentials(address: &str) -> bool {
    Address::of(address).login.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, scheme: &str, login: Option<&str>, host: &str) {
        let address = Address::of(text);
        assert_eq!(
            (address.scheme, address.login, address.host()),
            (scheme, login, host),
            "{text}"
        );
        let login = login.map_or_else(String::new, |login| format!("{login}@"));
        assert_eq!(format!("{scheme}{login}{}", address.rest), text);
    }

    #[test]
    fn the_login_of_an_address_is_found() {
        case("http://proxy:3128/a@b", "http://", None, "proxy:3128");
        case(
            "http://a:b@proxy:3128/c",
            "http://",
            Some("a:b"),
            "proxy:3128",
        );
        case("ann@proxy", "", Some("ann"), "proxy");
        case("a:hu@sh@proxy:3128", "", Some("a:hu@sh"), "proxy:3128");
        case("tcp://[::1]:2375", "tcp://", None, "[::1]:2375");
        case("tcp://[::1]/a@b", "tcp://", None, "[::1]");
        case("unix:///a:b@c", "unix://", None, "");
        case("http://proxy?a@b", "http://", None, "proxy");
        case("http://a:b/c@proxy/d", "http://", Some("a:b/c"), "proxy");
        case("http://a:b#c?@proxy", "http://", Some("a:b#c?"), "proxy");
        case("", "", None, "");
    }

    #[test]
    fn nothing_secret_of_an_address_is_shown() {
        for (address, expected) in [
            ("http://a.example.org/os", "http://a.example.org/os"),
            ("ftp://ann:hush@a.example.org/", "ftp://a.example.org/"),
            ("@os\thttps://ann:hush@a/os", "@os\thttps://a/os"),
            ("https://ann:hu sh@a/os", "https://a/os"),
            ("https://ann:hu?sh@a/os?t=hush", "https://a/os…"),
            ("https://a/os#hush", "https://a/os…"),
            ("https://a/os https://ann:hush@b", "https://a/os…"),
            ("packages/own two", "packages/own…"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }

    #[test]
    fn an_address_loses_its_login_alone() {
        for (address, expected) in [
            ("http://ann:hush@proxy:3128/a@b", "http://proxy:3128/a@b"),
            ("ann:hu@sh@proxy:3128", "proxy:3128"),
            ("http://ann:hu/sh@proxy:3128", "http://proxy:3128"),
            ("http://proxy/a@b", "http://proxy/a@b"),
            ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ] {
            assert_eq!(without_login(address), expected);
            assert_eq!(has_credentials(address), address != expected);
        }
        let password = |address| Address::of(address).password();
        assert_eq!(password("http://ann:hu:sh@proxy"), Some("hu:sh"));
        assert_eq!(password("http://ann@proxy"), None);
    }
}
