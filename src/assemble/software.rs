//! What an image holds, as the databases of packages in it tell: dpkg's, `status.d` of images without dpkg, apk's.
//!
//! What is made here has them, and so have most bases; what was laid over counts as it does for whoever asks a container.

use std::collections::{BTreeMap, HashMap};

use super::filling::{FillError, Filling, parse};
use super::installed::Installed;
use crate::debian::{Stanzas, find_field};
use crate::rootfs::Kind;
use crate::spdx::{Distribution, Package, Packaging, Software, Source};

const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_D: &str = "/var/lib/dpkg/status.d";
/// Where apk has it, and where it had it before.
const INSTALLED: [&str; 2] = ["/usr/lib/apk/db/installed", "/lib/apk/db/installed"];
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Packages by what tells one from the other.
type Found = BTreeMap<(String, String, String), Package>;

/// Finds what a root file system holds; what is known of the files of packages stands in `installed`.
pub(super) fn find_software(
    filling: &Filling,
    installed: &[Installed],
) -> Result<Software, FillError> {
    let debian = find_debian(filling)?;
    let apk = find_apk(filling)?;
    let packaging = match (debian.is_empty(), apk.is_empty()) {
        (false, true) => Some(Packaging::Deb),
        (true, false) => Some(Packaging::Apk),
        // Of which of both the image is, nobody can say.
        _ => None,
    };
    let distribution = match packaging {
        Some(packaging) => find_distribution(filling, packaging)?,
        None => None,
    };
    let files: HashMap<_, _> = installed
        .iter()
        .map(|one| ((&*one.name, &*one.version, &*one.architecture), one))
        .collect();
    let packages = debian.into_values().chain(apk.into_values());
    let packages = packages.map(|package| {
        let id = (&*package.name, &*package.version, &*package.architecture);
        let file = files.get(&id);
        let sha256 = file.and_then(|file| file.sha256.clone());
        let download = file.and_then(|file| file.download.clone());
        Package {
            sha256,
            download,
            ..package
        }
    });
    Ok(Software {
        distribution,
        packages: packages.collect(),
    })
}

fn read_text(filling: &Filling, path: &str) -> Result<Option<String>, FillError> {
    let bytes = filling.read(path)?;
    // Names of people in old packages are in other encodings.
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn add(found: &mut Found, package: Package) {
    let id = (
        package.name.clone(),
        package.version.clone(),
        package.architecture.clone(),
    );
    found.entry(id).or_insert(package);
}

fn find_debian(filling: &Filling) -> Result<Found, FillError> {
    let mut paths = vec![STATUS.to_owned()];
    let directory = filling.tree.resolve(&parse(STATUS_D)?)?;
    for (path, node) in filling.tree.children(&directory) {
        let path = path.to_string();
        if matches!(node.kind, Kind::File(_)) && !path.ends_with(".md5sums") {
            paths.push(path);
        }
    }
    let mut found = Found::new();
    for path in paths {
        if let Some(text) = read_text(filling, &path)? {
            read_status(&path, &text, &mut found)?;
        }
    }
    Ok(found)
}

/// Reads paragraphs of packages (deb-control(5)), in dpkg's own database with how they stand (dpkg(1), "Package states").
fn read_status(path: &str, text: &str, found: &mut Found) -> Result<(), FillError> {
    let mut stanzas = Stanzas::new(text);
    let mut fields = Vec::new();
    loop {
        let stanza = stanzas.read_next(&mut fields).map_err(|error| {
            FillError::Clash(format!(
                "`{path}` lists no packages in line {}: {error}",
                error.line()
            ))
        })?;
        if stanza.is_none() {
            return Ok(());
        }
        let find = |name| find_field(&fields, name).map(|field| field.value);
        let state = find("Status").and_then(|status| status.split(' ').nth(2));
        let is_there = !matches!(state, Some("not-installed" | "config-files"));
        let (Some(name), Some(version), true) = (find("Package"), find("Version"), is_there) else {
            continue;
        };
        let source = find("Source").unwrap_or(name);
        let (source, source_version) = source.split_once(" (").unwrap_or((source, version));
        let package = Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: find("Architecture").unwrap_or_default().to_owned(),
            source: Some(Source {
                name: source.to_owned(),
                version: source_version.trim_end_matches(')').to_owned(),
            }),
            maintainer: find("Maintainer").map(str::to_owned),
            homepage: find("Homepage").map(str::to_owned),
            ..Package::default()
        };
        add(found, package);
    }
}

/// Reads apk's database: a letter, a colon and a value in each line, and a blank line behind each package.
fn find_apk(filling: &Filling) -> Result<Found, FillError> {
    let mut found = Found::new();
    for path in INSTALLED {
        let Some(text) = read_text(filling, path)? else {
            continue;
        };
        for record in text.split("\n\n") {
            // What comes behind the first directory tells of files.
            let about = record.lines().take_while(|line| !line.starts_with("F:"));
            let fields: HashMap<&str, &str> =
                about.filter_map(|line| line.split_once(':')).collect();
            let find = |letter| fields.get(letter).copied().filter(|it| !it.is_empty());
            let (Some(name), Some(version)) = (find("P"), find("V")) else {
                continue;
            };
            let package = Package {
                name: name.to_owned(),
                version: version.to_owned(),
                architecture: find("A").unwrap_or_default().to_owned(),
                source: find("o").map(|origin| Source {
                    name: origin.to_owned(),
                    version: version.to_owned(),
                }),
                license: find("L").map(str::to_owned),
                maintainer: find("m").map(str::to_owned),
                homepage: find("U").map(str::to_owned),
                ..Package::default()
            };
            add(&mut found, package);
        }
    }
    Ok(found)
}

/// Reads os-release(5). Packages of Debian without one are taken for Debian's; those of apk have several distributions.
fn find_distribution(
    filling: &Filling,
    packaging: Packaging,
) -> Result<Option<Distribution>, FillError> {
    let mut text = String::new();
    for path in OS_RELEASE {
        if let Some(found) = read_text(filling, path)? {
            text = found;
            break;
        }
    }
    let find = |key: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let value = shlex::split(value)?.into_iter().next()?;
        Some(value).filter(|value| !value.is_empty())
    };
    let id = match (find("ID"), packaging) {
        (Some(id), _) => id,
        (None, Packaging::Deb) => "debian".to_owned(),
        (None, Packaging::Apk) => return Ok(None),
    };
    Ok(Some(Distribution {
        packaging,
        id,
        version: find("VERSION_ID"),
        codename: find("VERSION_CODENAME"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    fn filling(files: &[(&str, &str)]) -> Filling {
        let mut filling = Filling::new(7);
        for (path, text) in files {
            let written = filling.file(path, text.as_bytes(), 0o644);
            written.expect("a file");
        }
        filling
    }

    const INSTALLED_STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\n\
        Version: 2.36-9+b1\nMaintainer: Jo\n\nPackage: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
        Package: never\nStatus: purge ok not-installed\n\n";

    fn shown(software: &Software) -> Vec<String> {
        let packages = software.packages.iter().map(|package| {
            let source = package.source.as_ref();
            let source = source.map(|it| format!("{}={}", it.name, it.version));
            format!(
                "{} {} {} {}",
                package.name,
                package.version,
                package.architecture,
                source.unwrap_or_default()
            )
        });
        packages.collect()
    }

    #[test]
    fn what_dpkg_has_installed_is_there_once() {
        let filling = filling(&[
            (STATUS, INSTALLED_STATUS),
            (
                "/var/lib/dpkg/status.d/libc6",
                "Package: libc6\nArchitecture: amd64\nVersion: 2.36-9+b1\n",
            ),
            ("/var/lib/dpkg/status.d/libc6.md5sums", "00  usr/lib/a\n"),
            (
                "/var/lib/dpkg/status.d/tzdata",
                "Package: tzdata\nArchitecture: all\nVersion: 1\n",
            ),
            (
                "/usr/lib/os-release",
                "VERSION_ID=\"12\"\nID=debian\nVERSION_CODENAME=bookworm\n",
            ),
        ]);
        let sum = Digest::of(b"libc6");
        let installed = Installed {
            name: "libc6".to_owned(),
            version: "2.36-9+b1".to_owned(),
            architecture: "amd64".to_owned(),
            sha256: Some(sum.clone()),
            ..Installed::default()
        };
        let software = find_software(&filling, &[installed]).expect("packages");
        assert_eq!(
            shown(&software),
            [
                "libc6 2.36-9+b1 amd64 glibc=2.36-9",
                "tzdata 1 all tzdata=1"
            ]
        );
        assert_eq!(software.packages[0].sha256, Some(sum));
        let distribution = software.distribution.expect("a distribution");
        assert_eq!(
            (distribution.id.as_str(), distribution.version.as_deref()),
            ("debian", Some("12"))
        );
    }

    #[test]
    fn what_apk_has_installed_is_there_with_its_licence() {
        let database = "P:tool\nV:1.0-r3\nA:x86_64\nL:MIT\no:tools\nm:Jo\nU:\nF:usr\nR:P:V\n\nP:other\nV:2-r0\nA:noarch\n\n";
        let filling = filling(&[(INSTALLED[0], database)]);
        let software = find_software(&filling, &[]).expect("packages");
        assert_eq!(
            shown(&software),
            ["other 2-r0 noarch ", "tool 1.0-r3 x86_64 tools=1.0-r3"]
        );
        assert_eq!(software.packages[1].license.as_deref(), Some("MIT"));
        assert_eq!(software.packages[1].homepage, None);
        // Alpine, Wolfi and others have such packages.
        assert_eq!(software.distribution, None);
    }

    #[test]
    fn an_image_of_files_has_none_and_a_broken_list_is_told_with_its_line() {
        let software = find_software(&filling(&[]), &[]).expect("nothing");
        assert_eq!(software, Software::default());
        let broken = filling(&[(STATUS, "Package: a\nVersion: 1\nnonsense\n")]);
        let error = find_software(&broken, &[]).expect_err("no list");
        assert_eq!(
            error.to_string(),
            "`/var/lib/dpkg/status` lists no packages in line 3: expected `Field: value` or a line that continues a field, \
             not `nonsense`"
        );
    }
}
