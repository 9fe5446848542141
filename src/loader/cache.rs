//! `ld.so.cache` in the format that glibc has written since 2.32 (`glibc-ld.so.cache1.1`), with the lowest byte first.
//!
//! ```text
//! header │ an entry of 24 bytes for each library │ strings │ table of extensions │ their contents
//! ```

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::name::compare_names;

/// A library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The name by which it is needed.
    pub name: Vec<u8>,
    /// Where it is, from the root on.
    pub path: Vec<u8>,
    /// Its kind, as [`super::System::mark`] gives it.
    pub mark: u32,
    /// For which processors it is, where that is not all.
    pub hwcaps: Option<Hwcaps>,
}

/// A subdirectory of `glibc-hwcaps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hwcaps {
    /// Its name: `x86-64-v3`.
    pub name: Vec<u8>,
    /// What the library itself says that it needs.
    pub isa_level: u16,
}

/// The cache cannot be written.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("there are more libraries than a cache can hold")]
pub struct CacheError;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER_BYTES: usize = 48;
const ENTRY_BYTES: usize = 24;
const LITTLE_ENDIAN: u32 = 2;
const EXTENSIONS: u32 = 0xeaa4_2174;
const GENERATOR: u32 = 0;
const HWCAPS: u32 = 1;
/// Marks an entry whose hardware is named in the extension.
const IS_EXTENSION: u64 = 1 << 62;

/// Renders the cache as ldconfig writes it; of entries that are equal to the loader the first counts.
///
/// `generator` is what `ldconfig -p` says that it was made by.
pub fn render_cache(entries: &[CacheEntry], generator: &str) -> Result<Vec<u8>, CacheError> {
    let mut entries: Vec<&CacheEntry> = entries.iter().collect();
    entries.sort_by(|one, other| compare(one, other));
    let hwcaps = entries.iter().filter_map(|entry| entry.hwcaps.as_ref());
    let mut hwcaps: BTreeMap<&[u8], u64> =
        hwcaps.map(|hwcaps| (hwcaps.name.as_slice(), 0)).collect();
    for (place, number) in hwcaps.values_mut().zip(0..) {
        *place = number;
    }
    let names = entries
        .iter()
        .flat_map(|entry| [entry.name.as_slice(), &entry.path]);
    let start = HEADER_BYTES + ENTRY_BYTES * entries.len();
    let strings = Strings::new(names.chain(hwcaps.keys().copied()), start)?;
    let end = start + strings.bytes.len();
    let extensions = end.next_multiple_of(4);

    let mut cache = MAGIC.to_vec();
    for number in [number(entries.len())?, number(strings.bytes.len())?] {
        cache.extend(number.to_le_bytes());
    }
    cache.extend(LITTLE_ENDIAN.to_le_bytes());
    cache.extend(number(extensions)?.to_le_bytes());
    cache.resize(HEADER_BYTES, 0);
    for entry in entries {
        let hardware = match &entry.hwcaps {
            None => 0,
            Some(own) => {
                let place = hwcaps.get(own.name.as_slice()).copied();
                IS_EXTENSION | u64::from(own.isa_level) << 32 | place.unwrap_or_default()
            }
        };
        for number in [
            entry.mark,
            strings.find(&entry.name),
            strings.find(&entry.path),
            0,
        ] {
            cache.extend(number.to_le_bytes());
        }
        cache.extend(hardware.to_le_bytes());
    }
    cache.extend(&strings.bytes);
    cache.resize(extensions, 0);
    let hwcaps = hwcaps
        .keys()
        .flat_map(|name| strings.find(name).to_le_bytes());
    extend(&mut cache, &hwcaps.collect::<Vec<u8>>(), generator)?;
    Ok(cache)
}

/// Adds the table of extensions and what they hold.
fn extend(cache: &mut Vec<u8>, hwcaps: &[u8], generator: &str) -> Result<(), CacheError> {
    let count = 1 + u32::from(!hwcaps.is_empty());
    let behind = number(cache.len())? + 8 + 16 * count;
    for number in [EXTENSIONS, count] {
        cache.extend(number.to_le_bytes());
    }
    let hwcaps_bytes = number(hwcaps.len())?;
    let sections = [
        [
            GENERATOR,
            0,
            behind + hwcaps_bytes,
            number(generator.len())?,
        ],
        [HWCAPS, 0, behind, hwcaps_bytes],
    ];
    for section in sections.iter().take(count as usize) {
        cache.extend(section.iter().flat_map(|number| number.to_le_bytes()));
    }
    cache.extend(hwcaps);
    cache.extend(generator.as_bytes());
    Ok(())
}

/// The loader searches by names that go down; of one name it takes the first whose hardware is there.
fn compare(one: &CacheEntry, other: &CacheEntry) -> Ordering {
    fn hardware(entry: &CacheEntry) -> (bool, Option<&[u8]>) {
        let hwcaps = entry.hwcaps.as_ref();
        (hwcaps.is_none(), hwcaps.map(|hwcaps| &*hwcaps.name))
    }
    compare_names(&other.name, &one.name)
        .then_with(|| other.mark.cmp(&one.mark))
        .then_with(|| hardware(one).cmp(&hardware(other)))
}

/// Offsets have four bytes; the strings, and with them the rest, stay far below.
fn number(value: usize) -> Result<u32, CacheError> {
    u32::try_from(value)
        .ok()
        .filter(|value| *value < 1 << 30)
        .ok_or(CacheError)
}

/// Strings that end with a zero byte; one that is the end of another has no bytes of its own.
struct Strings<'a> {
    bytes: Vec<u8>,
    offsets: HashMap<&'a [u8], u32>,
}

impl<'a> Strings<'a> {
    fn new(all: impl Iterator<Item = &'a [u8]>, start: usize) -> Result<Self, CacheError> {
        let mut all: Vec<&[u8]> = all.collect();
        // What ends alike stands together, the longest first.
        all.sort_by(|one, other| other.iter().rev().cmp(one.iter().rev()));
        all.dedup();
        let mut strings = Self {
            bytes: Vec::new(),
            offsets: HashMap::new(),
        };
        let mut above: (&[u8], usize) = (b"", start);
        for string in all {
            let offset = match above.0.strip_suffix(string) {
                Some(before) if !above.0.is_empty() => above.1 + before.len(),
                _ => {
                    let offset = start + strings.bytes.len();
                    strings.bytes.extend(string);
                    strings.bytes.push(0);
                    offset
                }
            };
            strings.offsets.insert(string, number(offset)?);
            above = (string, offset);
        }
        Ok(strings)
    }

    /// Gives the place of a string that is one of them.
    fn find(&self, string: &[u8]) -> u32 {
        self.offsets.get(string).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, path: &str) -> CacheEntry {
        CacheEntry {
            name: name.into(),
            path: path.into(),
            mark: 0x303,
            hwcaps: None,
        }
    }

    /// Reads names and paths back, as the loader does.
    fn read(cache: &[u8]) -> Vec<(String, String, u64)> {
        let number =
            |at: usize| u32::from_le_bytes(cache[at..at + 4].try_into().expect("four bytes"));
        let string = |at: usize| {
            let bytes = &cache[number(at) as usize..];
            let end = bytes.iter().position(|byte| *byte == 0).expect("an end");
            String::from_utf8(bytes[..end].to_vec()).expect("a text")
        };
        let count = number(20) as usize;
        let entries = (0..count).map(|i| HEADER_BYTES + ENTRY_BYTES * i);
        let hardware = |at: usize| u64::from(number(at + 4)) << 32 | u64::from(number(at));
        entries
            .map(|at| (string(at + 4), string(at + 8), hardware(at + 16)))
            .collect()
    }

    #[test]
    fn entries_go_down_by_name_with_those_of_some_processors_first() {
        let special = |name: &str, path: &str, hwcaps: &str, isa_level| CacheEntry {
            hwcaps: Some(Hwcaps {
                name: hwcaps.into(),
                isa_level,
            }),
            ..entry(name, path)
        };
        let entries = [
            entry("liba.so.1", "/b/liba.so.1"),
            entry("liba.so.1", "/a/liba.so.1"),
            entry("liba.so.10", "/a/liba.so.10"),
            special("liba.so.1", "/a/v3/liba.so.1.2", "x86-64-v3", 2),
            special("liba.so.1", "/a/v2/liba.so.1.2", "x86-64-v2", 0),
            CacheEntry {
                mark: 3,
                ..entry("liba.so.1", "/c/liba.so.1")
            },
        ];
        let cache = render_cache(&entries, "pkg").expect("a cache");
        let read = read(&cache);
        let read: Vec<_> = read
            .iter()
            .map(|(name, path, hwcap)| (&**name, &**path, *hwcap))
            .collect();
        let bit = 1 << 62;
        assert_eq!(
            read,
            [
                ("liba.so.10", "/a/liba.so.10", 0),
                ("liba.so.1", "/a/v2/liba.so.1.2", bit),
                ("liba.so.1", "/a/v3/liba.so.1.2", bit | 2 << 32 | 1),
                ("liba.so.1", "/b/liba.so.1", 0),
                ("liba.so.1", "/a/liba.so.1", 0),
                ("liba.so.1", "/c/liba.so.1", 0),
            ]
        );
        assert!(cache.ends_with(b"pkg"));
    }

    #[test]
    fn a_name_at_the_end_of_a_path_has_no_bytes_of_its_own() {
        let cache = render_cache(&[entry("liba.so.1", "/lib/liba.so.1")], "").expect("a cache");
        let found = cache.windows(9).filter(|part| part == b"liba.so.1");
        assert_eq!(found.count(), 1);
        assert_eq!(read(&cache)[0].0, "liba.so.1");
        assert_eq!(read(&render_cache(&[], "pkg").expect("a cache")), []);
    }
}
