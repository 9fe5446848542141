//! What an image is made from, as far as it is its own: the recipe, and the files that the recipe takes.
//!
//! ```text
//! pkg.inputs=sha256:9f3c… Dockerfile=1b0f5c2a9d3e conf/=77aa01d2e3f4 entrypoint.sh=0c9e8d7b6a5f
//! ```
//!
//! The whole digest tells whether anything differs; the short ones tell what. Names are bytes, and bytes that are no plain
//! signs are written as `%XX`. Stamps that count stand behind all files with their values: ` =STABLE_GIT_COMMIT=4f2a91c0`. What
//! an image is built on is recorded beside it, with identities (`pkg.parents`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::str::FromStr;

use sha2::Digest as _;

use crate::oci::Digest;
use crate::stamp::{CountedStamps, check_value, is_key};

/// So many are told one by one; more are told by their directories.
const MOST_TOLD: usize = 64;
/// What a label may be long, whoever wrote it.
const LONGEST_LABEL: usize = 64 * 1024;
/// The name for files that even their directories are too many of.
const THE_REST: &str = "./";
/// The digits of a short digest.
const SHORT: usize = 12;
/// Bytes of the value of a stamp that are told; of a longer one, a short digest.
const LONGEST_STAMP: usize = 200;
/// Stands before the key of a stamp in a change of inputs.
const STAMP: &str = "stamp.";

/// The inputs of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    digest: Digest,
    parts: BTreeMap<Vec<u8>, String>,
    stamps: BTreeMap<String, String>,
}

/// One input that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputChange {
    /// The recipe or a file, below the image directory; a directory ends with `/`. Of a name that is no text, or
    /// holds control characters, bytes that are no plain signs are written as `%XX`. A stamp is `stamp.KEY`.
    pub input: String,
    /// The first digits of the digest that was recorded, of a stamp its value; nothing where it is new.
    pub old: Option<String>,
    /// Those of today; nothing where it is gone.
    pub new: Option<String>,
}

/// How that which an image would be made from now stands to what was recorded when it was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Drift {
    /// Nothing was recorded, or nobody asked.
    #[default]
    Unknown,
    /// It is the same.
    None,
    /// It is not.
    Changed(Vec<InputChange>),
    /// It cannot be told, for this reason.
    Unreadable(String),
}

impl Drift {
    /// Compares what there is now with a record.
    #[must_use]
    pub fn between(recorded: &Inputs, now: &Inputs) -> Self {
        let changes = now.changes_since(recorded);
        if changes.is_empty() {
            Self::None
        } else {
            Self::Changed(changes)
        }
    }
}

/// So many changed files are named; the others are counted.
const NAMED: usize = 3;

/// Says what changed: "`entrypoint.sh` and the rendered Dockerfile changed".
#[must_use]
pub fn describe_changes(changes: &[InputChange]) -> String {
    let mut named: Vec<String> = changes
        .iter()
        .take(NAMED)
        .map(|one| describe_input(&one.input))
        .collect();
    match changes.len().saturating_sub(NAMED) {
        0 => (),
        1 => named.push("1 more".to_owned()),
        more => named.push(format!("{more} more")),
    }
    let verb = match changes {
        [] => return "its inputs changed".to_owned(),
        [one] if one.new.is_none() => "is gone",
        [one] if one.old.is_none() => "is new",
        _ => "changed",
    };
    let text = match named.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    };
    format!("{text} {verb}")
}

/// Names an input in a sentence.
#[must_use]
pub fn describe_input(name: &str) -> String {
    match name {
        "Dockerfile" => "the rendered Dockerfile".to_owned(),
        THE_REST => "its files".to_owned(),
        file => format!("`{file}`"),
    }
}

/// A text is no record of inputs.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is no record of inputs")]
pub struct InputsError;

impl Inputs {
    /// Makes the record of named inputs; the order does not matter.
    #[must_use]
    pub fn new(inputs: impl IntoIterator<Item = (impl Into<Vec<u8>>, Digest)>) -> Self {
        let inputs = inputs.into_iter();
        let inputs: BTreeMap<Vec<u8>, Digest> =
            inputs.map(|(name, digest)| (name.into(), digest)).collect();
        let mut hasher = sha2::Sha256::new();
        for (name, digest) in &inputs {
            // A digest has a fixed length and no name can be mistaken for one.
            hasher.update(format!("{digest} {} ", name.len()));
            hasher.update(name);
            hasher.update(b"\n");
        }
        Self {
            digest: Digest::from_sha256(&hasher.finalize().into()),
            parts: fold(&inputs),
            stamps: BTreeMap::new(),
        }
    }

    /// Adds the stamps that count; without any it stays what it is.
    #[must_use]
    pub fn with_stamps(mut self, stamps: &CountedStamps) -> Self {
        if stamps.is_empty() {
            return self;
        }
        let mut hasher = sha2::Sha256::new();
        hasher.update(self.digest.as_str());
        let mut size = self.to_string().len();
        for (key, value) in stamps {
            hasher.update(format!("\n{key} {} {value}", value.len()));
            let told = if value.len() > LONGEST_STAMP {
                Digest::of(value.as_bytes()).short().to_owned()
            } else {
                value.clone()
            };
            size += " ==".len() + key.len() + encode(told.as_bytes()).len();
            if size <= LONGEST_LABEL {
                self.stamps.insert(key.clone(), told);
            }
        }
        self.digest = Digest::from_sha256(&hasher.finalize().into());
        self
    }

    /// Gives the digest of all of them.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Tells what differs from what was recorded; nothing where all is the same.
    #[must_use]
    pub fn changes_since(&self, recorded: &Self) -> Vec<InputChange> {
        if self.digest == recorded.digest {
            return Vec::new();
        }
        let mut names: Vec<&Vec<u8>> = recorded.parts.keys().chain(self.parts.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let changes = names.into_iter().filter_map(|name| {
            let (old, new) = (recorded.parts.get(name), self.parts.get(name));
            (old != new).then(|| InputChange {
                input: name_in_text(name),
                old: old.cloned(),
                new: new.cloned(),
            })
        });
        let changes: Vec<InputChange> = self.stamps_since(recorded).chain(changes).collect();
        if !changes.is_empty() {
            return changes;
        }
        // Short digests that are alike by chance, or a record that somebody wrote by hand.
        vec![InputChange {
            input: THE_REST.to_owned(),
            old: Some(recorded.digest.short().to_owned()),
            new: Some(self.digest.short().to_owned()),
        }]
    }
}

impl Inputs {
    /// Tells which stamps differ from those that were recorded.
    fn stamps_since<'a>(&'a self, recorded: &'a Self) -> impl Iterator<Item = InputChange> + 'a {
        let keys = recorded.stamps.keys().chain(self.stamps.keys());
        let keys: BTreeSet<&String> = keys.collect();
        keys.into_iter().filter_map(|key| {
            let (old, new) = (recorded.stamps.get(key), self.stamps.get(key));
            (old != new).then(|| InputChange {
                input: format!("{STAMP}{key}"),
                old: old.cloned(),
                new: new.cloned(),
            })
        })
    }
}

/// Joins inputs to few enough to be told: by file, else by directory, else all as one.
fn fold(inputs: &BTreeMap<Vec<u8>, Digest>) -> BTreeMap<Vec<u8>, String> {
    let by_directory = |name: &[u8]| {
        let slash = name.iter().position(|byte| *byte == b'/');
        slash.map_or(name.len(), |at| at + 1)
    };
    fold_by(inputs, |name| name)
        .or_else(|| fold_by(inputs, |name| &name[..by_directory(name)]))
        .or_else(|| fold_by(inputs, |_| THE_REST.as_bytes()))
        .unwrap_or_default()
}

/// Inputs that are told as one.
struct Together<'a> {
    count: usize,
    first: (&'a [u8], &'a Digest),
    hasher: sha2::Sha256,
}

/// Joins inputs by names that they have in common; nothing where these are too many or too long to be told.
fn fold_by(
    inputs: &BTreeMap<Vec<u8>, Digest>,
    by: impl Fn(&[u8]) -> &[u8],
) -> Option<BTreeMap<Vec<u8>, String>> {
    let mut all: BTreeMap<&[u8], Together<'_>> = BTreeMap::new();
    let mut size = Digest::of(b"").as_str().len();
    for (input, digest) in inputs {
        let name = by(input);
        let together = all.entry(name).or_insert_with(|| {
            size += " =".len() + encode(name).len() + SHORT;
            Together {
                count: 0,
                first: (input, digest),
                hasher: sha2::Sha256::new(),
            }
        });
        if together.count > 0 {
            together.hasher.update(b"\n");
        }
        together.count += 1;
        together.hasher.update(input);
        together.hasher.update(b"\n");
        together.hasher.update(digest.as_str());
        if all.len() > MOST_TOLD || size > LONGEST_LABEL {
            return None;
        }
    }
    let parts = all.into_iter().map(|(name, together)| {
        let (input, digest) = together.first;
        let digest = if together.count == 1 && input == name {
            digest.clone()
        } else {
            Digest::from_sha256(&together.hasher.finalize().into())
        };
        (name.to_vec(), digest.short().to_owned())
    });
    Some(parts.collect())
}

impl fmt::Display for Inputs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.digest)?;
        for (name, digest) in &self.parts {
            write!(formatter, " {}={digest}", encode(name))?;
        }
        // No file has an empty name.
        for (key, value) in &self.stamps {
            write!(formatter, " ={key}={}", encode(value.as_bytes()))?;
        }
        Ok(())
    }
}

/// Gives a name for the eyes of the user.
fn name_in_text(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => encode(name),
    }
}

fn encode(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name {
        match byte {
            b'%' | b'=' | b' ' | 0..0x20 | 0x7f.. => {
                // A text takes all that is written to it.
                let _ = write!(text, "%{byte:02X}");
            }
            byte => text.push(char::from(*byte)),
        }
    }
    text
}

impl FromStr for Inputs {
    type Err = InputsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST_LABEL {
            return Err(InputsError);
        }
        let mut words = text.split(' ');
        let digest = words.next().unwrap_or_default();
        let (mut parts, mut stamps) = (BTreeMap::new(), BTreeMap::new());
        for word in words {
            if let Some(stamp) = word.strip_prefix('=') {
                let (key, value) = stamp.split_once('=').ok_or(InputsError)?;
                let value = decode_text(value)?;
                // Whoever wrote the label, it is told on terminals.
                if !is_key(key) || check_value(&value).is_err() {
                    return Err(InputsError);
                }
                stamps.insert(key.to_owned(), value);
                continue;
            }
            let (name, digest) = word.split_once('=').ok_or(InputsError)?;
            let is_short =
                digest.len() == SHORT && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            let name = decode(name).filter(|_| is_short).ok_or(InputsError)?;
            parts.insert(name, digest.to_owned());
        }
        Ok(Self {
            digest: digest.parse().map_err(|_| InputsError)?,
            parts,
            stamps,
        })
    }
}

fn decode_text(text: &str) -> Result<String, InputsError> {
    let bytes = decode(text).ok_or(InputsError)?;
    String::from_utf8(bytes).map_err(|_| InputsError)
}

fn decode(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inputs(pairs: &[(&str, &str)]) -> Inputs {
        let digest = |text: &str| Digest::of(text.as_bytes());
        Inputs::new(
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), digest(text))),
        )
    }

    fn shown(changes: &[InputChange]) -> Vec<String> {
        let word = |digest: &Option<String>| if digest.is_some() { "some" } else { "none" };
        let changes = changes.iter();
        changes
            .map(|one| format!("{}: {} to {}", one.input, word(&one.old), word(&one.new)))
            .collect()
    }

    #[test]
    fn what_differs_is_told_by_name() {
        let old = inputs(&[("Dockerfile", "a"), ("x", "1"), ("gone", "1")]);
        let new = inputs(&[("Dockerfile", "a"), ("x", "2"), ("new", "1")]);
        assert_eq!(
            shown(&new.changes_since(&old)),
            ["gone: some to none", "new: none to some", "x: some to some"]
        );
        assert_eq!(new.changes_since(&new), []);
        assert_eq!(new.changes_since(&new.to_string().parse().unwrap()), []);
    }

    #[test]
    fn many_files_are_told_by_their_directories_and_the_digest_is_of_all() {
        let many = |changed: usize, directories: usize| {
            let inputs = (0..500).map(|i| {
                let name = format!("d{}/{i}", i % directories);
                let content = if i == changed { "new" } else { "old" };
                (name, Digest::of(content.as_bytes()))
            });
            Inputs::new(inputs)
        };
        assert_eq!(
            shown(&many(7, 10).changes_since(&many(500, 10))),
            ["d7/: some to some"]
        );
        assert_eq!(
            shown(&many(7, 200).changes_since(&many(500, 200))),
            ["./: some to some"]
        );
        assert!(many(7, 10).to_string().len() < 1000);
    }

    #[test]
    fn names_that_are_no_plain_text_are_told_apart() {
        let of = |names: [&[u8]; 2]| {
            let named = names.map(|name| (name.to_vec(), Digest::of(name)));
            Inputs::new(named)
        };
        let one = of([b"a\xfe", b"a\xff"]);
        let other = of([b"a\xfd", b"a\xff"]);
        assert_eq!(
            shown(&other.changes_since(&one)),
            ["a%FD: none to some", "a%FE: some to none"]
        );
        assert_eq!(one.to_string().parse::<Inputs>(), Ok(one));
        let name = b"\x1b[2J \xc3\xbc";
        let one = Inputs::new([(name.to_vec(), Digest::of(name))]);
        let none = Inputs::new([(b"a".to_vec(), Digest::of(name))]);
        assert_eq!(
            shown(&one.changes_since(&none)),
            ["%1B[2J%20%C3%BC: none to some", "a: some to none"]
        );
    }

    #[test]
    fn the_label_of_plain_names_is_what_it_always_was() {
        let label = inputs(&[("Dockerfile", "a"), ("conf/\u{e9} %=", "1")]).to_string();
        assert_eq!(
            label,
            "sha256:5640445823cf3b186e65d1b2565e6585e2500e846e8d75907a272a77274cc6fd Dockerfile=ca978112ca1b conf/%C3%A9%20%25%3D=6b86b273ff34"
        );
        let many = (0..200).map(|i| (format!("d{}/{i}", i % 3), Digest::of(b"x")));
        let many = Inputs::new(many.chain([("Dockerfile".to_owned(), Digest::of(b"x"))]));
        assert_eq!(
            many.to_string(),
            "sha256:7152deb726e7320bbe041334054529d80f2eb92ab9cc8ad5fa1379227e0eacd4 Dockerfile=2d711642b726 d0/=1761555b4f2b d1/=50111444f541 d2/=2126c15581ed"
        );
    }

    fn stamped(pairs: &[(&str, &str)]) -> Inputs {
        let stamps = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        inputs(&[("Dockerfile", "a")]).with_stamps(&stamps.collect())
    }

    #[test]
    fn stamps_that_count_are_told_with_their_values() {
        let old = stamped(&[
            ("STABLE_A", "4f2a"),
            ("STABLE_B", "1"),
            ("STABLE_C", "x = y"),
        ]);
        let new = stamped(&[
            ("STABLE_A", "91c0"),
            ("STABLE_C", "x = y"),
            ("STABLE_D", ""),
        ]);
        let text = |value: &str| Some(value.to_owned());
        let expected = [
            ("stamp.STABLE_A", text("4f2a"), text("91c0")),
            ("stamp.STABLE_B", text("1"), None),
            ("stamp.STABLE_D", None, text("")),
        ];
        let changes = new.changes_since(&old).into_iter();
        let changes: Vec<_> = changes.map(|one| (one.input, one.old, one.new)).collect();
        assert_eq!(
            changes,
            expected.map(|(input, old, new)| (input.to_owned(), old, new))
        );
        let label = old.to_string();
        assert!(
            label.ends_with(" =STABLE_A=4f2a =STABLE_B=1 =STABLE_C=x%20%3D%20y"),
            "{label}"
        );
        assert_eq!(label.parse(), Ok(old));
        assert_eq!(stamped(&[]), inputs(&[("Dockerfile", "a")]));
        assert_ne!(stamped(&[("STABLE_A", "")]).digest(), stamped(&[]).digest());
    }

    #[test]
    fn stamps_that_are_too_many_or_long_to_be_told_count_all_the_same() {
        let (one, other) = ("x".repeat(300), "x".repeat(301));
        let long = |value: &str| stamped(&[("STABLE_A", value)]);
        let changes = long(&one).changes_since(&long(&other));
        assert_eq!(shown(&changes), ["stamp.STABLE_A: some to some"]);
        let many = |last: &str| {
            let value = "\u{fc}".repeat(100);
            let stamps = (0..200).map(|i| (format!("STABLE_{i:03}"), format!("{value}{last}")));
            inputs(&[("Dockerfile", "a")]).with_stamps(&stamps.collect())
        };
        assert_eq!(many("1").to_string().parse(), Ok(many("1")));
        assert_ne!(many("1").changes_since(&many("2")), []);
    }

    #[test]
    fn a_record_is_never_longer_than_what_is_read() {
        for depth in [1, 2] {
            let long = |i| {
                let name = vec!["\u{1}".repeat(4000); depth].join("/");
                format!("{name}{i:02}")
            };
            let record = Inputs::new((0..40).map(|i| (long(i), Digest::of(b"x"))));
            assert_eq!(record.to_string().parse(), Ok(record));
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let digest = Digest::of(b"a");
        for text in [
            "",
            "a=b",
            &format!("{digest} a"),
            &format!("{digest} a=zzz"),
            &format!("{digest} %f=0123456789ab"),
            &format!("{digest} =A"),
            &format!("{digest} =A=%ff"),
            &format!("{digest} =A=%1B[2J"),
            &format!("{digest} =A=%C2%9B"),
            &format!("{digest} =A=x%5C"),
            &format!("{digest} =A=x\\"),
            &format!("{digest} =A%1B=x"),
            &format!("{digest} =A\u{1b}[2J=x"),
            &format!("{digest} =1A=x"),
            &format!("{digest} ==x"),
        ] {
            assert_eq!(text.parse::<Inputs>(), Err(InputsError), "{text}");
        }
        let long = format!("{digest} {}=0123456789ab", "a".repeat(LONGEST_LABEL));
        assert_eq!(long.parse::<Inputs>(), Err(InputsError));
    }

    #[test]
    fn changes_are_told_in_a_sentence() {
        let change = |input: &str, old: bool, new: bool| InputChange {
            input: input.to_owned(),
            old: old.then(String::new),
            new: new.then(String::new),
        };
        let many: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|name| change(name, true, true))
            .into();
        assert_eq!(describe_changes(&many), "`a`, `b`, `c` and 2 more changed");
        assert_eq!(describe_changes(&many[..2]), "`a` and `b` changed");
        assert_eq!(describe_changes(&[change("a", false, true)]), "`a` is new");
        assert_eq!(describe_changes(&[change("a", true, false)]), "`a` is gone");
        assert_eq!(
            describe_changes(&[change("Dockerfile", true, true)]),
            "the rendered Dockerfile changed"
        );
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was_written(
            texts in proptest::collection::btree_set("\\PC{1,12}|[ %=\n\u{e9}]{1,3}", 0..8),
            bytes in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 1..4), 0..8),
            stamps in proptest::collection::btree_map("STABLE_[A-Z]{1,3}", "\\PC{0,12}|[ %=]{1,3}", 0..4),
        ) {
            let stamps = stamps.into_iter().filter(|(_, value)| check_value(value).is_ok());
            let stamps: CountedStamps = stamps.collect();
            let names = texts.into_iter().map(String::into_bytes).chain(bytes);
            let pairs = names.map(|name| { let digest = Digest::of(&name); (name, digest) });
            let inputs = Inputs::new(pairs).with_stamps(&stamps);
            let text = inputs.to_string();
            prop_assert!(text.is_ascii());
            prop_assert_eq!(text.parse::<Inputs>(), Ok(inputs));
        }
    }
}
