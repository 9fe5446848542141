//! A secret that can be looked for, in each form in which a program may write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A secret: a word of letters and digits that stands as it is in JSON and in addresses too, with signs behind it that do
/// not.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    word: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Needle {
    pub(super) fn new(word: &str) -> Self {
        let mut forms = vec![
            ("plain", word.as_bytes().to_vec()),
            ("capitals", word.to_ascii_uppercase().into_bytes()),
            ("backwards", word.bytes().rev().collect()),
            (
                "hexadecimal",
                word.bytes()
                    .flat_map(|byte| format!("{byte:02x}").into_bytes())
                    .collect(),
            ),
        ];
        for before in 0..3 {
            // What stands before and behind changes the signs at the ends, and only these.
            let whole = [&[0; 2][..before], word.as_bytes()].concat();
            let text = STANDARD.encode(&whole[..whole.len() / 3 * 3]);
            let start = [0, 2, 3][before];
            forms.push(("base64", text.as_bytes()[start..].to_vec()));
        }
        Self {
            word: word.to_owned(),
            forms,
        }
    }

    /// Gives the word alone, for what takes no signs.
    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// Gives the secret with signs that are written differently in JSON, YAML and addresses.
    pub(super) fn text(&self) -> String {
        format!("{}/+\"%é", self.word)
    }

    /// Gives it as a part of an address.
    pub(super) fn in_address(&self) -> String {
        format!("{}%2F%2B%22%25%C3%A9", self.word)
    }

    /// Finds the form in which some bytes hold it.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        let holds = |form: &[u8]| is_in(bytes, form);
        let found = self.forms.iter().find(|(_, form)| holds(form));
        found.map(|(name, _)| *name)
    }
}

/// Layers are some megabytes, and comparing at each of their bytes takes long without optimisation.
fn is_in(bytes: &[u8], wanted: &[u8]) -> bool {
    let literal = regex::escape(std::str::from_utf8(wanted).expect("signs of ASCII"));
    let pattern = regex::bytes::Regex::new(&literal).expect("a literal");
    pattern.is_match(bytes)
}
