//! Keys, packages and indexes that tests make; the keys and signatures are OpenSSL's.
//!
//! The tests of whole images have this file, too: it names nothing of the crate but what stands beside it.

#[cfg(test)]
use std::process::{Command, Stdio};

use std::fmt::Write as _;
use std::io::{Read as _, Write};
use std::sync::LazyLock;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Checksum, Key, Sha256};

/// A private key, and the public one.
pub(super) struct Signer {
    file: tempfile::NamedTempFile,
    pub(super) key: Key,
}

/// Two of them, since making one takes a while.
pub(super) static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::make("test.rsa.pub", 2048));
pub(super) static STRANGER: LazyLock<Signer> =
    LazyLock::new(|| Signer::make("stranger.rsa.pub", 2048));

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test's own program")]
pub(super) fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl, which scripts/prepare installs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("openssl reads");
    drop(stdin);
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

impl Signer {
    pub(super) fn make(name: &str, bits: u32) -> Self {
        let bits = format!("rsa_keygen_bits:{bits}");
        let private = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &bits], b"");
        let public = openssl(&["pkey", "-pubout"], &private);
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&private).expect("a file");
        let pem = String::from_utf8(public).expect("PEM");
        let key = Key::parse(name, &pem).expect("a key");
        Self { file, key }
    }

    /// Makes the first member of what is signed; `algorithm` is `RSA` or `RSA256`.
    pub(super) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let digest = match algorithm {
            "RSA" => "-sha1",
            _ => "-sha256",
        };
        let path = self.file.path().to_str().expect("a path");
        let signature = openssl(&["dgst", digest, "-sign", path], message);
        let name = format!(".SIGN.{algorithm}.{}", self.key.file_name());
        gzip(&cut(tar(&[Item::file(&name, 0o644, &signature)])))
    }
}

/// An entry of a tar.
#[derive(Clone)]
pub(super) struct Item {
    path: String,
    kind: tar::EntryType,
    mode: u32,
    owner: (u64, u64),
    content: Vec<u8>,
    sum: Option<String>,
}

impl Item {
    fn new(path: &str, kind: tar::EntryType, mode: u32, content: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            mode,
            owner: (0, 0),
            content: content.to_owned(),
            sum: None,
        }
    }

    pub(super) fn file(path: &str, mode: u32, content: &[u8]) -> Self {
        Self::new(path, tar::EntryType::Regular, mode, content)
    }

    pub(super) fn directory(path: &str, mode: u32) -> Self {
        Self::new(path, tar::EntryType::Directory, mode, b"")
    }

    pub(super) fn link(path: &str, target: &str) -> Self {
        Self::new(path, tar::EntryType::Symlink, 0o777, target.as_bytes())
    }

    pub(super) fn hard_link(path: &str, target: &str) -> Self {
        Self::new(path, tar::EntryType::Link, 0o644, target.as_bytes())
    }

    pub(super) fn pipe(path: &str) -> Self {
        Self::new(path, tar::EntryType::Fifo, 0o644, b"")
    }

    pub(super) fn owned(mut self, uid: u64, gid: u64) -> Self {
        self.owner = (uid, gid);
        self
    }

    /// With its sum in hex, as abuild writes it.
    pub(super) fn summed(self) -> Self {
        let sum = Checksum::of(&self.content);
        self.with_sum(&sum.to_string())
    }

    pub(super) fn with_sum(mut self, sum: &str) -> Self {
        self.sum = Some(sum.to_owned());
        self
    }
}

/// Makes a whole tar; names are written as they are, also those that climb.
pub(super) fn tar(items: &[Item]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(item.kind);
        header.set_mode(item.mode);
        header.set_uid(item.owner.0);
        header.set_gid(item.owner.1);
        header.set_mtime(1_700_000_000);
        let ustar = header.as_ustar_mut().expect("ustar");
        ustar.name[..item.path.len()].copy_from_slice(item.path.as_bytes());
        let is_link = matches!(item.kind, tar::EntryType::Symlink | tar::EntryType::Link);
        if is_link {
            ustar.linkname[..item.content.len()].copy_from_slice(&item.content);
        }
        let content = if is_link { &[][..] } else { &item.content };
        header.set_size(content.len() as u64);
        header.set_cksum();
        if let Some(sum) = &item.sum {
            let record = ("APK-TOOLS.checksum.SHA1", sum.as_bytes());
            builder.append_pax_extensions([record]).expect("memory");
        }
        builder.append(&header, content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// Takes the end of a tar away.
pub(super) fn cut(mut tar: Vec<u8>) -> Vec<u8> {
    tar.truncate(tar.len() - 1024);
    tar
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub(super) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes);
    decoder.read_to_end(&mut out).expect("gzip");
    out
}

/// What a package is made from.
#[derive(Clone)]
pub(super) struct Sample {
    name: String,
    version: String,
    info: String,
    control: Vec<Item>,
    files: Vec<Item>,
}

/// A package.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) control_start: usize,
    pub(super) data_start: usize,
    pub(super) checksum: Checksum,
}

impl Sample {
    /// A package of a name and a version, `zlib 1.3.1-r0`, without files.
    pub(super) fn new(id: &str) -> Self {
        let (name, version) = id.split_once(' ').expect("a name and a version");
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            info: String::new(),
            control: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// With a line of `.PKGINFO`.
    pub(super) fn line(mut self, line: &str) -> Self {
        let _ = writeln!(self.info, "{line}");
        self
    }

    pub(super) fn file(mut self, item: Item) -> Self {
        self.files.push(item);
        self
    }

    pub(super) fn script(mut self, name: &str, text: &str) -> Self {
        self.control.push(Item::file(name, 0o755, text.as_bytes()));
        self
    }

    pub(super) fn make(&self, signer: Option<&Signer>) -> Made {
        let data = gzip(&tar(&self.files));
        let hash = Sha256::of(&data).hex();
        self.make_with(&data, &format!("datahash = {hash}\n"), signer)
    }

    pub(super) fn make_with(&self, data: &[u8], hash: &str, signer: Option<&Signer>) -> Made {
        let Self {
            name,
            version,
            info,
            ..
        } = self;
        let info = format!("# made\npkgname = {name}\npkgver = {version}\n{info}{hash}");
        let mut control = vec![Item::file(".PKGINFO", 0o644, info.as_bytes())];
        control.extend(self.control.iter().cloned());
        let control = gzip(&cut(tar(&control)));
        let signature = signer.map(|signer| signer.sign("RSA", &control));
        let signature = signature.unwrap_or_default();
        Made {
            control_start: signature.len(),
            data_start: signature.len() + control.len(),
            checksum: Checksum::of(&control),
            bytes: [&signature, control.as_slice(), data].concat(),
        }
    }
}

/// Makes the tar of an index, compressed.
pub(super) fn index(list: &str) -> Vec<u8> {
    gzip(&tar(&[
        Item::file("DESCRIPTION", 0o644, b"a repository\n"),
        Item::file("APKINDEX", 0o644, list.as_bytes()),
    ]))
}
