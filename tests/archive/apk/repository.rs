//! A repository of packages in a directory, with the key that signs it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pkg::apk::{Expected, Package, Trust, read_package};
use tempfile::TempDir;

use super::Checksum;
use super::samples::{Made, SIGNER, STRANGER, Sample, Signer, index};

/// The architecture that the packages are for.
pub(super) const ARCHITECTURE: &str = "x86_64";
/// Another one, which packages may say that they are for.
pub(super) const FOREIGN: &str = "riscv64";

/// A repository; its key lies in it as `test.rsa.pub`.
pub(super) struct Repository {
    place: TempDir,
    /// What the index says, package by package.
    records: Vec<String>,
}

impl Repository {
    pub(super) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join(ARCHITECTURE)).unwrap();
        let machine = place.path().join(pkg::host::alpine_architecture());
        if !machine.exists() {
            // For the program, which knows no other one than the machine's.
            std::os::unix::fs::symlink(ARCHITECTURE, machine).unwrap();
        }
        for signer in [&*SIGNER, &STRANGER] {
            let name = signer.key.file_name();
            fs::write(place.path().join(name), signer.key.pem()).unwrap();
        }
        let records = Vec::new();
        Self { place, records }
    }

    /// Makes one of packages that the key signs.
    pub(super) fn of(samples: &[Sample]) -> Self {
        let mut repository = Self::new();
        for sample in samples {
            repository.add(sample, Some(&SIGNER));
        }
        repository.publish();
        repository
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Gives where a file for the architecture lies.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(ARCHITECTURE).join(name)
    }

    pub(super) fn add(&mut self, sample: &Sample, signer: Option<&Signer>) {
        self.add_made(sample, &sample.make(signer));
    }

    /// Puts in a package that was made otherwise.
    pub(super) fn add_made(&mut self, sample: &Sample, made: &Made) {
        let name = format!("{}-{}.apk", sample.name(), sample.version());
        fs::write(self.file(&name), &made.bytes).unwrap();
        let package = read(sample, &made.bytes, made.checksum);
        self.records.push(record(&package, made.bytes.len()));
    }

    /// Writes the signed index.
    pub(super) fn publish(&self) {
        self.publish_by(Some(&SIGNER));
    }

    pub(super) fn publish_by(&self, signer: Option<&Signer>) {
        let index = index(&self.records.concat());
        let signature = signer.map(|signer| signer.sign("RSA256", &index));
        let bytes = [signature.unwrap_or_default(), index].concat();
        fs::write(self.file("APKINDEX.tar.gz"), bytes).unwrap();
    }

    /// Writes an index that lists the packages the other way round.
    pub(super) fn turn(&mut self) {
        self.records.reverse();
        self.publish();
    }

    /// Puts another text into the index for one that stands there.
    pub(super) fn replace(&mut self, old: &str, new: &str) {
        let replaced = self.records.iter().map(|record| record.replace(old, new));
        let replaced: Vec<String> = replaced.collect();
        assert_ne!(replaced, self.records, "{old}");
        self.records = replaced;
    }

    /// Changes the bytes of a file, which may become more or fewer.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.file(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
}

/// Reads a package as far as an index tells it; what is wrong with its files is for others to find.
pub(super) fn read(sample: &Sample, bytes: &[u8], checksum: Checksum) -> Package {
    let read = |architecture| {
        let expected = Expected {
            name: sample.name(),
            version: sample.version(),
            architecture,
            checksum,
            trust: Trust::Unsigned,
            limits: pkg::apk::Limits::default(),
        };
        read_package(bytes, &expected, &mut std::io::sink())
    };
    read(ARCHITECTURE).or_else(|_| read(FOREIGN)).unwrap()
}

/// Gives what an index says of a package.
fn record(package: &Package, size_bytes: usize) -> String {
    let record = &package.info.record;
    let mut text = String::new();
    let words = |list: &[pkg::apk::Requirement]| {
        let words = list.iter().map(pkg::apk::Requirement::as_str);
        words.collect::<Vec<_>>().join(" ")
    };
    let architecture = Some(&*record.architecture).filter(|it| !it.is_empty());
    let architecture = architecture.unwrap_or("noarch");
    let provides = record.provides.iter().map(pkg::apk::Provide::as_str);
    for (letter, value) in [
        ("C", record.checksum.to_string()),
        ("P", record.name.to_string()),
        ("V", record.version.to_string()),
        ("A", architecture.to_owned()),
        ("S", size_bytes.to_string()),
        ("o", record.origin.to_string()),
        ("D", words(&record.depends)),
        ("p", provides.collect::<Vec<_>>().join(" ")),
        ("i", words(&record.install_if)),
    ] {
        writeln!(text, "{letter}:{value}").unwrap();
    }
    text + "\n"
}
