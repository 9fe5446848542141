//! A small archive, made by dpkg-deb(1) and signed by gpg(1).

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{Duration, Utc};
use pkg::debian::Keyring;
use pkg::oci::{Compression, Digest};
use tempfile::TempDir;

use super::gpg::{Gpg, NewKey};
use super::run;

pub(crate) const KEY: &str = "archive@example.org";
/// The architecture that the packages are for.
pub(crate) const ARCHITECTURE: &str = "amd64";

/// An archive in a directory.
pub(crate) struct Repository {
    pub(crate) place: TempDir,
    pub(crate) gpg: Gpg,
    stanzas: Vec<String>,
    architectures: Vec<&'static str>,
}

/// How an archive is published.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) suite: &'a str,
    pub(crate) component: &'a str,
    pub(crate) suffixes: &'a [&'a str],
    pub(crate) by_hash: bool,
    /// Further fields of the list.
    pub(crate) fields: &'a str,
}

impl Default for Form<'_> {
    fn default() -> Self {
        Self {
            suite: "stable",
            component: "main",
            suffixes: &["", ".xz", ".gz"],
            by_hash: true,
            fields: "",
        }
    }
}

impl Repository {
    pub(crate) fn new() -> Self {
        let gpg = Gpg::new();
        gpg.make_key(&NewKey::named(KEY), None);
        Self {
            place: tempfile::tempdir().unwrap(),
            gpg,
            stanzas: Vec::new(),
            architectures: vec![ARCHITECTURE],
        }
    }

    /// Makes one that lists packages for several architectures.
    pub(crate) fn for_architectures(architectures: &[&'static str]) -> Self {
        Self {
            architectures: architectures.to_vec(),
            ..Self::new()
        }
    }

    /// Makes an archive of packages that hold next to nothing, written as `name version; Field: value; …`.
    pub(crate) fn of(packages: &str) -> Self {
        let mut repository = Self::new();
        repository.add_all(packages);
        repository
    }

    /// Forgets all packages; their files stay.
    pub(crate) fn clear(&mut self) {
        self.stanzas.clear();
    }

    /// Adds packages that hold next to nothing.
    pub(crate) fn add_all(&mut self, packages: &str) {
        let lines = packages.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty()) {
            let mut parts = line.split(';').map(str::trim);
            let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
            let fields: Vec<String> = parts.map(|field| format!("{field}\n")).collect();
            let control = format!("Package: {name}\nVersion: {version}\n{}", fields.concat());
            let doc = format!("usr/share/doc/{name}/readme");
            self.add(&control, &[(&doc, name)], "none");
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Gives the key, as sources name it.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.gpg.export(&[KEY])
    }

    pub(crate) fn keyring(&self) -> Keyring {
        Keyring::parse(&self.gpg.export(&[KEY])).unwrap()
    }

    /// Builds a package of these fields and files, those below `DEBIAN/` among them.
    pub(crate) fn add(
        &mut self,
        fields: &str,
        files: &[(&str, &str)],
        compression: &str,
    ) -> PathBuf {
        let mut control = fields.to_owned();
        if !fields.contains("Architecture:") {
            writeln!(control, "Architecture: {ARCHITECTURE}").unwrap();
        }
        control += "Maintainer: Ann Example <ann@example.org>\nDescription: made for a test\n";
        let made = build_package(&control, files, compression, self.path());
        let name = made.file_name().unwrap().to_owned();
        let pool = self.path().join("pool");
        fs::create_dir_all(&pool).unwrap();
        let path = pool.join(&name);
        fs::rename(made, &path).unwrap();
        let bytes = fs::read(&path).unwrap();
        self.stanzas.push(format!(
            "{control}Filename: pool/{}\nSize: {}\nSHA256: {}\n",
            name.to_string_lossy(),
            bytes.len(),
            Digest::of(&bytes).hex()
        ));
        path
    }

    pub(crate) fn publish(&self, form: &Form<'_>) {
        if self.architectures == [ARCHITECTURE] {
            return self.publish_text(&self.stanzas.join("\n"), form);
        }
        let texts = self.architectures.iter().map(|architecture| {
            let own = self.stanzas.iter().filter(|stanza| {
                let is_of = |name| stanza.contains(&format!("Architecture: {name}\n"));
                is_of(architecture) || is_of(&"all")
            });
            let own: Vec<&str> = own.map(String::as_str).collect();
            (*architecture, own.join("\n"))
        });
        self.publish_texts(&texts.collect::<Vec<_>>(), form);
    }

    /// Writes the index in all forms and the signed list.
    pub(crate) fn publish_text(&self, index: &str, form: &Form<'_>) {
        self.publish_texts(&[(ARCHITECTURE, index.to_owned())], form);
    }

    fn publish_texts(&self, texts: &[(&str, String)], form: &Form<'_>) {
        let listed: String = texts
            .iter()
            .map(|(architecture, index)| self.write_index((architecture, index), form))
            .collect();
        let names: Vec<&str> = texts
            .iter()
            .map(|(architecture, _)| *architecture)
            .collect();
        let date = (Utc::now() - Duration::minutes(1)).format("%a, %d %b %Y %H:%M:%S UTC");
        let by_hash = if form.by_hash { "yes" } else { "no" };
        let release = format!(
            "Origin: Test\nSuite: {}\nCodename: {}\nDate: {date}\nAcquire-By-Hash: {by_hash}\n\
             Architectures: {}\nComponents: {}\n{}SHA256:\n{listed}",
            form.suite,
            form.suite,
            names.join(" "),
            form.component,
            form.fields
        );
        let signed = self.gpg.clear_sign(&[KEY], &release);
        let top = self.path().join("dists").join(form.suite);
        fs::write(top.join("InRelease"), signed).unwrap();
    }

    /// Writes the index of an architecture in all forms; gives the lines by which it is listed.
    fn write_index(&self, (architecture, index): (&str, &str), form: &Form<'_>) -> String {
        let top = self.path().join("dists").join(form.suite);
        let directory = top.join(format!("{}/binary-{architecture}", form.component));
        fs::create_dir_all(directory.join("by-hash/SHA256")).unwrap();
        let mut listed = String::new();
        for suffix in ["", ".xz", ".gz", ".zst"] {
            let compression = Compression::of_name(&format!("Packages{suffix}"));
            let write = |out: &mut dyn std::io::Write| out.write_all(index.as_bytes());
            let bytes = compression.encode(Vec::new(), write).unwrap();
            let digest = Digest::of(&bytes);
            // The plain one is listed always, as archives do, also where it is not there.
            if suffix.is_empty() || form.suffixes.contains(&suffix) {
                writeln!(
                    listed,
                    " {} {} {}/binary-{architecture}/Packages{suffix}",
                    digest.hex(),
                    bytes.len(),
                    form.component
                )
                .unwrap();
            }
            if !form.suffixes.contains(&suffix) {
                continue;
            }
            if form.by_hash {
                fs::write(directory.join("by-hash/SHA256").join(digest.hex()), &bytes).unwrap();
            } else {
                fs::write(directory.join(format!("Packages{suffix}")), &bytes).unwrap();
            }
        }
        listed
    }
}

/// Builds a package in a directory.
pub(crate) fn build_package(
    control: &str,
    files: &[(&str, &str)],
    compression: &str,
    place: &Path,
) -> PathBuf {
    let tree = tempfile::tempdir_in(place).unwrap();
    let mut all = vec![("DEBIAN/control", control)];
    all.extend_from_slice(files);
    for (name, content) in all {
        let path = tree.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        if content.starts_with("#!") {
            file.set_permissions(fs::Permissions::from_mode(0o755))
                .unwrap();
        }
    }
    for directory in ["", "DEBIAN"] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(tree.path().join(directory), mode).unwrap();
    }
    let out = tempfile::tempdir_in(place).unwrap().keep();
    let mut build = Command::new("dpkg-deb");
    // The same package is the same file, whenever it is built.
    build.env("SOURCE_DATE_EPOCH", "1600000000");
    build.args(["--root-owner-group", &format!("-Z{compression}"), "--build"]);
    run(build.arg(tree.path()).arg(&out));
    let built = fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let kept = place.join(built.file_name().unwrap());
    fs::rename(built, &kept).unwrap();
    fs::remove_dir(out).unwrap();
    kept
}
