//! The records of a pax header (POSIX.1-2017, pax, "pax Extended Header"): `30 mtime=1700000000.123456789`, a line each.

use super::read::VendorRecord;

/// The names of extended attributes stand behind this, as GNU tar, Go and libarchive write them.
pub(super) const EXTENDED: &[u8] = b"SCHILY.xattr.";

/// What the headers before an entry say of it.
#[derive(Debug, Default)]
pub(super) struct Extended {
    /// Pax records.
    pub(super) records: Records,
    /// The name, as GNU tar writes long ones.
    pub(super) name: Option<Vec<u8>>,
    /// The target of a link, likewise.
    pub(super) target: Option<Vec<u8>>,
}

/// The bytes of a pax header.
#[derive(Debug, Default)]
pub(super) struct Records(pub(super) Vec<u8>);

impl Records {
    /// Gives keys and values in their order; `None` is a record that cannot be read, behind which there is no other.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let Some((key, value, behind)) = split(rest) else {
                rest = &[];
                return Some(None);
            };
            rest = behind;
            Some(Some((key, value)))
        })
    }

    /// Finds those whose keys begin with `vendor`.
    pub(super) fn find_vendors(&self, vendor: Option<&[u8]>) -> Vec<VendorRecord> {
        let Some(vendor) = vendor else {
            return Vec::new();
        };
        let records = self.iter().flatten();
        let records = records.filter(|(key, _)| key.starts_with(vendor));
        records
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect()
    }
}

/// Splits the first record off: its length counts all of it, with that number and the line feed.
fn split(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
    let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &records[length..]))
}

/// Writes a record.
pub(super) fn render_record(key: &[u8], value: &[u8]) -> Vec<u8> {
    // A blank, an equals sign and a line feed.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() != rest.to_string().len() {
        length = rest + length.to_string().len();
    }
    let mut record = format!("{length} ").into_bytes();
    record.extend([key, b"=", value, b"\n"].concat());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_any_length_and_value_come_back() {
        for length in (0..120).chain(960..1020).chain(9960..10020) {
            let value = vec![b'\n'; length];
            let records = [render_record(b"a", &value), render_record(b"b=", b"=")].concat();
            let records = Records(records);
            let read: Vec<_> = records.iter().collect();
            // A key ends at the first equals sign.
            let expected = [
                Some((&b"a"[..], value.as_slice())),
                Some((&b"b"[..], &b"=="[..])),
            ];
            assert_eq!(read, expected, "{length}");
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        for text in [
            "x", "5 a=b", "7 a=b\n", "3 \n", "6 a=bc", " a=b\n", "-1 a=b\n",
        ] {
            let records = Records(text.into());
            assert_eq!(records.iter().last(), Some(None), "{text:?}");
        }
    }
}
