//! Names of elements in a document (SPDX 2.3, 3.2.4: `SPDXRef-` with letters, digits, dots and dashes).

use std::collections::HashMap;

/// The names that are given out, and how often each was asked for.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<String, u64>);

impl Ids {
    /// Gives the name of an element; of two that would have the same one, the second gets a number.
    pub(super) fn name(&mut self, kind: &str, parts: &[&str]) -> String {
        let parts: Vec<String> = parts.iter().map(|part| sanitize(part)).collect();
        let whole = format!("SPDXRef-{kind}-{}", parts.join("-"));
        let Some(asked) = self.0.get(&whole) else {
            self.0.insert(whole.clone(), 1);
            return whole;
        };
        let free = (asked + 1..).find_map(|number| {
            let name = format!("{whole}-{number}");
            (!self.0.contains_key(&name)).then_some((number, name))
        });
        let (number, name) = free.unwrap_or_default();
        self.0.insert(whole, number);
        self.0.insert(name.clone(), 1);
        name
    }
}

/// Writes what cannot stand in a name as its number: `C43` for a plus sign; a colon becomes a dash.
fn sanitize(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '.' | '-' => safe.push(character),
            ':' => safe.push('-'),
            _ if character.is_ascii_alphanumeric() => safe.push(character),
            other => safe.extend(["C", &u32::from(other).to_string()]),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_allowed_is_written_as_its_number() {
        for (text, expected) in [
            ("libstdc++6", "libstdcC43C436"),
            ("sha256:ab", "sha256-ab"),
            ("1:2.3~rc1-4", "1-2.3C126rc1-4"),
            ("\u{fc}_", "C252C95"),
        ] {
            assert_eq!(sanitize(text), expected);
        }
    }

    proptest! {
        #[test]
        fn all_names_are_different_and_allowed(texts in prop::collection::vec("[a:+-C]{0,3}", 0..20)) {
            let mut ids = Ids::default();
            let names: Vec<String> = texts.iter().map(|text| ids.name("Package", &[text])).collect();
            let mut unique = names.clone();
            unique.sort();
            unique.dedup();
            prop_assert_eq!(unique.len(), names.len());
            for name in names {
                let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
                prop_assert!(name.starts_with("SPDXRef-") && name.bytes().all(is_allowed), "{}", name);
            }
        }
    }
}
