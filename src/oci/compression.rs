//! How the bytes of a layer are compressed (OCI image-spec, "Layer media types"), told by their first bytes.

use std::io::{self, BufRead, Write};
use std::path::Path;

use liblzma::stream::{CONCATENATED, Stream};

/// The ways to compress a tar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, which every engine reads.
    Gzip,
    /// Zstandard, which engines since 2021 read.
    Zstd,
    /// xz: no layer has it, packages and archives of root file systems do.
    Xz,
}

/// A level that costs little time; the same one everywhere, so that the same layer has the same digest.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
const XZ_LEVEL: u32 = 6;
/// `xz -9` needs 65 MiB to be read; Zstandard's own bound is the same.
const XZ_MEMORY_BYTES: u64 = 128 << 20;
/// Ends of names that stand for what is not written here.
const OTHERS: [&str; 14] = [
    "bz2", "tbz", "tbz2", "tb2", "lz", "tlz", "lzma", "lz4", "lzo", "Z", "taz", "br", "zip", "7z",
];

impl Compression {
    /// Tells it from how a file begins.
    #[must_use]
    pub fn sniff(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::None,
        }
    }

    /// Tells it from the end of a file's name: `rootfs.tar.zst`.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match name.rsplit('.').next() {
            Some("gz" | "tgz") => Self::Gzip,
            Some("zst" | "tzst") => Self::Zstd,
            Some("xz" | "txz") => Self::Xz,
            _ => Self::None,
        }
    }

    /// Finds the way in which a tar of this name is compressed, where its end says one: `rootfs.tar`, `rootfs.tgz`.
    #[must_use]
    pub fn of_tar_name(name: &str) -> Option<Self> {
        let is_short = [".tgz", ".txz", ".tzst"]
            .iter()
            .any(|end| name.ends_with(end));
        let compression = Self::of_name(name);
        let plain = match compression {
            Self::None => Some(name),
            _ => name.rsplit_once('.').map(|(plain, _)| plain),
        };
        let is_long = plain.is_some_and(ends_as_tar);
        (is_short || is_long).then_some(compression)
    }

    /// Tells whether a name ends as those of archives do that are compressed otherwise: `rootfs.tar.bz2`.
    #[must_use]
    pub fn is_unknown(name: &str) -> bool {
        let Some((before, end)) = name.rsplit_once('.') else {
            return false;
        };
        let is_of_tar = ends_as_tar(before) && Self::of_tar_name(name).is_none();
        is_of_tar || OTHERS.contains(&end)
    }

    /// Reads what was compressed. However it was, that takes no more than 128 MiB of memory.
    pub fn decoder<'a>(self, bytes: impl BufRead + 'a) -> io::Result<Box<dyn io::Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(bytes),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(bytes)?),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY_BYTES, CONCATENATED)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(bytes, stream))
            }
        })
    }

    /// Compresses what `write` writes; the same bytes in give the same bytes out.
    pub fn encode<W: Write>(
        self,
        out: W,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<W> {
        match self {
            Self::None => {
                let mut out = out;
                write(&mut out)?;
                Ok(out)
            }
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut encoder = flate2::GzBuilder::new().mtime(0).write(out, level);
                write(&mut encoder)?;
                encoder.finish()
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                write(&mut encoder)?;
                encoder.finish()
            }
            Self::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(out, XZ_LEVEL);
                write(&mut encoder)?;
                encoder.finish()
            }
        }
    }
}

fn ends_as_tar(name: &str) -> bool {
    Path::new(name).extension() == Some("tar".as_ref())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_was_compressed_is_known_and_comes_back() {
        let bytes = "what is repeated is smaller, ".repeat(1000);
        for (name, expected) in [
            ("a.tar", Compression::None),
            ("a.tar.gz", Compression::Gzip),
            ("a.tar.zst", Compression::Zstd),
            ("a.txz", Compression::Xz),
        ] {
            let compression = Compression::of_name(name);
            assert_eq!(compression, expected);
            let write = |out: &mut dyn Write| out.write_all(bytes.as_bytes());
            let once = compression.encode(Vec::new(), write).unwrap();
            let again = compression.encode(Vec::new(), write).unwrap();
            assert_eq!(once, again, "{name}");
            assert_eq!(Compression::sniff(&once), expected);
            let mut back = String::new();
            let mut decoder = Compression::sniff(&once).decoder(once.as_slice()).unwrap();
            decoder.read_to_string(&mut back).unwrap();
            assert_eq!(back, bytes, "{name}");
        }
    }

    #[test]
    fn the_name_says_whether_it_is_a_tar_that_can_be_written() {
        use Compression::{Gzip, None as Plain, Xz, Zstd};
        for (name, expected, is_unknown) in [
            ("a.tar", Some(Plain), false),
            ("a.tar.gz", Some(Gzip), false),
            ("a.b.tar.zst", Some(Zstd), false),
            ("a.txz", Some(Xz), false),
            ("bundle", None, false),
            ("a.gz", None, false),
            ("tar", None, false),
            ("a.img", None, false),
            ("a.tar.bz2", None, true),
            ("a.tar.old", None, true),
            ("a.tbz2", None, true),
            ("a.zip", None, true),
        ] {
            assert_eq!(Compression::of_tar_name(name), expected, "{name}");
            assert_eq!(Compression::is_unknown(name), is_unknown, "{name}");
        }
    }

    #[test]
    fn xz_that_wants_more_memory_than_there_is_for_it_is_refused() {
        let write = |out: &mut dyn Write| out.write_all(b"small");
        let mut bytes = Compression::Xz.encode(Vec::new(), write).unwrap();
        // The block's header behind that of the stream: its size, flags, LZMA2, one byte, which says the dictionary's size.
        assert_eq!(bytes[14..16], [0x21, 1]);
        bytes[16] = 36;
        let end = 12 + 4 * usize::from(bytes[12]);
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[12..end]);
        bytes[end..end + 4].copy_from_slice(&sum.sum().to_le_bytes());
        let mut decoder = Compression::Xz.decoder(bytes.as_slice()).unwrap();
        let error = decoder.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }

    #[test]
    fn gzip_of_several_members_is_read_to_its_end() {
        let member = |text: &str| {
            let write = |out: &mut dyn Write| out.write_all(text.as_bytes());
            Compression::Gzip.encode(Vec::new(), write).unwrap()
        };
        let both = [member("one "), member("two")].concat();
        let mut back = String::new();
        let mut decoder = Compression::Gzip.decoder(both.as_slice()).unwrap();
        decoder.read_to_string(&mut back).unwrap();
        assert_eq!(back, "one two");
    }
}
