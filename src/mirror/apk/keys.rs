//! The keys that sign repositories.

use std::borrow::Cow;

use futures_util::future::join_all;

use super::super::client::Client;
use super::super::location::Location;
use super::error::ApkError;
use crate::apk::Key;

/// A key that is to be fetched.
#[derive(Clone, Debug)]
pub struct KeyPlace {
    /// The name of its file, which signatures name.
    pub name: String,
    /// Where it lies.
    pub place: Location,
}

/// No key of RSA comes near it.
const LARGEST_KEY_BYTES: u64 = 64 << 10;

/// Gives the name that a key has by its address or path: the last part, as the file is named where it lies.
#[must_use]
pub fn key_name(address: &str) -> String {
    let name = address.rsplit('/').next().unwrap_or_default();
    if address.contains("://") {
        unescape(name).into_owned()
    } else {
        name.to_owned()
    }
}

/// Undoes what addresses do to characters such as `@` (RFC 3986, section 2.1); what is no text then stays as it is.
fn unescape(name: &str) -> Cow<'_, str> {
    let mut parts = name.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2);
        let is_hex = |digits: &&str| digits.bytes().all(|b| b.is_ascii_hexdigit());
        let digits = digits.filter(is_hex);
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => return Cow::Borrowed(name),
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(name), Cow::Owned)
}

/// Fetches keys; all that cannot be had are told.
pub async fn fetch_apk_keys(
    client: &Client,
    wanted: &[KeyPlace],
) -> Result<Vec<Key>, Vec<ApkError>> {
    let fetched = join_all(wanted.iter().map(|one| fetch(client, one))).await;
    let mut keys = Vec::new();
    let mut errors = Vec::new();
    for one in fetched {
        match one {
            Ok(key) => keys.push(key),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        unite_keys(keys).map_err(|error| vec![error])
    } else {
        Err(errors)
    }
}

async fn fetch(client: &Client, wanted: &KeyPlace) -> Result<Key, ApkError> {
    let bytes = client.fetch(&wanted.place, LARGEST_KEY_BYTES).await?;
    let place = || wanted.place.to_string();
    let text = String::from_utf8(bytes).map_err(|_| ApkError::KeyText(place()))?;
    Key::parse(&wanted.name, &text).map_err(|source| ApkError::Key {
        place: place(),
        source,
    })
}

/// Gives each key once; of one name there can be no two.
pub fn unite_keys(keys: Vec<Key>) -> Result<Vec<Key>, ApkError> {
    let mut united: Vec<Key> = Vec::new();
    for key in keys {
        let known = united
            .iter()
            .find(|known| known.file_name() == key.file_name());
        match known {
            None => united.push(key),
            Some(known) if known.pem() == key.pem() => {}
            Some(_) => return Err(ApkError::TwoKeys(key.file_name().to_owned())),
        }
    }
    Ok(united)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_name_of_its_file() {
        for (address, expected) in [
            ("https://a.example.org/os/wolfi.rsa.pub", "wolfi.rsa.pub"),
            (
                "https://a.example.org/keys/devel%40lists.example.org-1.rsa.pub",
                "devel@lists.example.org-1.rsa.pub",
            ),
            ("keys/50%40.rsa.pub", "50%40.rsa.pub"),
            ("https://a.example.org/a%4", "a%4"),
            ("https://a.example.org/a%ff", "a%ff"),
            ("https://a.example.org/%+1a", "%+1a"),
            ("https://a.example.org/a%é", "a%é"),
            ("here.rsa.pub", "here.rsa.pub"),
        ] {
            assert_eq!(key_name(address), expected);
        }
    }
}
