//! A layer as it is written: compressed, with the digests of both its forms, in one pass.

use std::io::{self, Write};

use super::gzip::write_gzip;
use super::{Compression, Digest, Hasher, media};

/// As `gzip` without options; the same one everywhere, so that the same layer has the same digest.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 6;
/// Every reader has to have room for so much (RFC 8878, 3.1.1.1.2): 8 MiB, as a power of 2.
const ZSTD_WINDOW: u32 = 23;
/// What is compressed gets its bytes in such pieces, however they are written.
const PIECE_BYTES: usize = 1 << 20;

/// A layer that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenLayer {
    /// Of the bytes that were written, by which registries know the layer.
    pub digest: Digest,
    /// How many they are.
    pub size_bytes: u64,
    /// Of the tar, by which the image's configuration knows it.
    pub diff_id: Digest,
    /// The bytes of the tar.
    pub plain_bytes: u64,
}

/// Writes the tar that `write` writes, compressed, on up to `threads` threads beside this one.
///
/// The same tar gives the same bytes on every machine, for any number of threads, and however it comes in pieces; another
/// version of this program may compress in another way.
pub fn write_layer(
    compression: Compression,
    threads: usize,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<WrittenLayer> {
    let mut out = Hasher::new(out);
    let mut plain = None;
    let write = |inner: &mut dyn Write| {
        let mut pieces = Pieces::new(inner);
        let mut hasher = Hasher::new(&mut pieces);
        write(&mut hasher)?;
        plain = Some(hasher.finish());
        pieces.finish()
    };
    match compression {
        Compression::Gzip => write_gzip(GZIP_LEVEL, threads, &mut out, write)?,
        Compression::Zstd => write_zstd(&mut out, write)?,
        other => {
            other.encode(&mut out, write)?;
        }
    }
    out.flush()?;
    let (digest, size_bytes) = out.finish();
    let (diff_id, plain_bytes) = plain.unwrap_or_else(|| Hasher::alone().finish());
    Ok(WrittenLayer {
        digest,
        size_bytes,
        diff_id,
        plain_bytes,
    })
}

/// Gives on what is written in pieces of one size, whatever it is written in.
struct Pieces<'a> {
    out: &'a mut dyn Write,
    piece: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            piece: Vec::with_capacity(PIECE_BYTES),
        }
    }

    fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.piece)
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(PIECE_BYTES - self.piece.len())];
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE_BYTES {
            self.out.write_all(&self.piece)?;
            self.piece.clear();
        }
        Ok(taken.len())
    }

    /// Where a piece ends is not the writer's to say.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs that are alike are found over the whole window.
fn write_zstd(
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.window_log(ZSTD_WINDOW)?;
    encoder.long_distance_matching(true)?;
    write(&mut encoder)?;
    encoder.finish()?;
    Ok(())
}

impl WrittenLayer {
    /// Gives the media type of a layer that is compressed like that, where there is one.
    #[must_use]
    pub fn media_type(compression: Compression) -> Option<String> {
        let suffix = match compression {
            Compression::None => "",
            Compression::Gzip => "+gzip",
            Compression::Zstd => "+zstd",
            Compression::Xz => return None,
        };
        Some([media::LAYER, suffix].concat())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    /// Bytes that are neither all alike nor all different, over several blocks.
    fn sample(size: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut bytes = Vec::with_capacity(size + 64);
        while bytes.len() < size {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let word = state >> 40;
            bytes.extend(format!("{} {word:x}\n", word % 97).bytes());
        }
        bytes.truncate(size);
        bytes
    }

    fn written(
        compression: Compression,
        threads: usize,
        bytes: &[u8],
        piece: usize,
    ) -> (Vec<u8>, WrittenLayer) {
        let mut out = Vec::new();
        let write = |out: &mut dyn Write| {
            for part in bytes.chunks(piece.max(1)) {
                out.write_all(part)?;
                out.flush()?;
            }
            Ok(())
        };
        let layer = write_layer(compression, threads, &mut out, write).expect("memory");
        (out, layer)
    }

    fn plain(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut decoder = compression.decoder(bytes).expect("a decoder");
        decoder
            .read_to_end(&mut plain)
            .expect("what was compressed");
        plain
    }

    #[test]
    fn what_is_written_comes_back_with_its_digests() {
        for compression in [
            Compression::None,
            Compression::Gzip,
            Compression::Zstd,
            Compression::Xz,
        ] {
            for size in [0, 1, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 1_700_000] {
                let bytes = sample(size, 7);
                let (out, layer) = written(compression, 2, &bytes, 70_000);
                assert_eq!(plain(compression, &out), bytes, "{compression:?} {size}");
                let expected = WrittenLayer {
                    digest: Digest::of(&out),
                    size_bytes: out.len() as u64,
                    diff_id: Digest::of(&bytes),
                    plain_bytes: size as u64,
                };
                assert_eq!(layer, expected, "{compression:?} {size}");
            }
        }
    }

    /// A reader that stops behind the first member reads all, too.
    #[test]
    fn gzip_is_one_member_without_a_name_or_a_time() {
        let bytes = sample(1_700_000, 3);
        let (out, _) = written(Compression::Gzip, 3, &bytes, 1 << 20);
        assert_eq!(out[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        let mut back = Vec::new();
        let mut decoder = flate2::bufread::GzDecoder::new(out.as_slice());
        decoder.read_to_end(&mut back).expect("a member");
        assert_eq!(back, bytes);
        assert!(decoder.into_inner().is_empty());
        let whole = Compression::Gzip.encode(Vec::new(), |out| out.write_all(&bytes));
        let whole = whole.expect("memory").len();
        assert!(out.len() < whole + whole / 50, "{} {whole}", out.len());
    }

    /// A change of the library that compresses is a change of every layer's digest: it has to be meant.
    #[test]
    fn the_bytes_are_those_of_the_versions_before() {
        let bytes = sample(1_200_000, 1);
        let digests = [Compression::Gzip, Compression::Zstd].map(|compression| {
            let (_, layer) = written(compression, 1, &bytes, 1 << 16);
            layer.digest.short().to_owned()
        });
        assert_eq!(digests, ["aaf057669714", "9f3e98019bb6"]);
    }

    #[test]
    fn what_fails_to_be_written_or_kept_ends_all_threads() {
        for threads in [0, 1, 4] {
            let write = |out: &mut dyn Write| {
                out.write_all(&sample(3_000_000, 1))?;
                Err(io::Error::other("no more"))
            };
            let error = write_layer(Compression::Gzip, threads, &mut Vec::new(), write);
            assert_eq!(error.expect_err("no more").to_string(), "no more");
            let mut full = [0_u8; 1000];
            let write = |out: &mut dyn Write| out.write_all(&sample(3_000_000, 1));
            write_layer(Compression::Gzip, threads, &mut full.as_mut_slice(), write)
                .expect_err("no room");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn neither_threads_nor_pieces_change_the_bytes(
            size in 0_usize..1_200_000,
            seed: u64,
            threads in 0_usize..5,
            piece in 1000_usize..900_000,
            is_zstd: bool,
        ) {
            let compression = if is_zstd { Compression::Zstd } else { Compression::Gzip };
            let bytes = sample(size, seed);
            let (one, layer) = written(compression, 1, &bytes, bytes.len());
            let (other, again) = written(compression, threads, &bytes, piece);
            prop_assert_eq!(layer, again);
            prop_assert!(one == other);
            prop_assert!(plain(compression, &other) == bytes);
        }
    }
}
