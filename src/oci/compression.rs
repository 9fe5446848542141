//! How the bytes of a layer are compressed (OCI image-spec, "Layer media types"), told by their first bytes.

use std::io::{self, BufRead, Write};

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
/// `xz -9` needs 65 MiB to be read again; a stream can ask for four gigabytes. (Zstandard's library has a bound of its own.)
const MOST_XZ_MEMORY_BYTES: u64 = 256 << 20;

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

    /// Reads what was compressed.
    pub fn decoder<'a>(self, bytes: impl BufRead + 'a) -> io::Result<Box<dyn io::Read + 'a>> {
        Ok(match self {
            Self::None => Box::new(bytes),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(bytes)?),
            Self::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    MOST_XZ_MEMORY_BYTES,
                    liblzma::stream::CONCATENATED,
                )?;
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
