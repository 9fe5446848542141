//! What an archive lists: its signed list, and the indexes of packages that this names.

use std::fs::File;
use std::io::{self, BufReader, Read as _};

use chrono::{DateTime, Utc};

use super::client::Client;
use super::error::{FetchError, MirrorError};
use super::files::{Wanted, fetch_file};
use super::keyrings::{find_machine_keyring, read_keyring};
use super::location::Location;
use super::store::Store;
use crate::debian::{
    IndexFile, Keyring, LARGEST_RELEASE_BYTES, Package, Release, SignedRelease, Source,
    parse_in_release, parse_packages,
};
use crate::oci::{Compression, Digest};

/// One suite of an archive.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Where it lies; the places are tried one after another.
    pub bases: Vec<Location>,
    /// `bookworm`, or a directory with a slash behind it in a flat archive.
    pub suite: String,
    /// `main`; none in a flat archive.
    pub components: Vec<String>,
    /// Whose signatures count.
    pub keyring: Keyring,
}

/// What an archive lists at a time.
#[derive(Clone, Debug)]
pub struct FetchedArchive {
    /// Where its files lie, for [`package_file`](super::package_file).
    pub bases: Vec<Location>,
    /// The suite as it was asked for.
    pub suite: String,
    /// The components, likewise.
    pub components: Vec<String>,
    /// The list, with its hash and who signed it.
    pub release: SignedRelease,
    /// The list as it came, for who serves it to others.
    pub in_release: Vec<u8>,
    /// The indexes, by components in the order asked for.
    pub indexes: Vec<Index>,
}

/// An index of packages.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its path below the list: `main/binary-amd64/Packages.xz`.
    pub path: String,
    /// The hash of the file at this path.
    pub digest: Digest,
    /// The component; empty in a flat archive.
    pub component: String,
    /// Its text.
    pub text: String,
}

impl Archive {
    /// Gives the archives of a source, one for each suite, with the keys that it names, or those that the machine trusts.
    pub fn of_source(source: &Source) -> Result<Vec<Self>, MirrorError> {
        let keyring = match &source.signed_by {
            Some(signed_by) => read_keyring(signed_by)?,
            None => find_machine_keyring()?,
        };
        let bases = source.uris.iter().map(|uri| Location::parse(uri));
        let bases: Vec<Location> = bases.collect::<Result<_, _>>()?;
        let archives = source.suites.iter().map(|suite| Self {
            bases: bases.clone(),
            suite: suite.clone(),
            components: source.components.clone(),
            keyring: keyring.clone(),
        });
        Ok(archives.collect())
    }

    fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// Gives the directory of the list below the archive's address.
    fn directory(&self) -> String {
        let suite = self.suite.trim_matches('/');
        match (self.is_flat(), suite) {
            (true, "" | ".") => String::new(),
            (true, suite) => format!("{}/", suite.trim_start_matches("./")),
            (false, suite) => format!("dists/{suite}/"),
        }
    }
}

impl FetchedArchive {
    /// Reads the packages of all its indexes.
    pub fn packages(&self) -> Result<Vec<Package<'_>>, MirrorError> {
        let mut all = Vec::new();
        for index in &self.indexes {
            let packages = parse_packages(&index.text);
            all.extend(packages.map_err(|source| MirrorError::Packages {
                place: format!("{} {}", self.suite, index.path),
                source,
            })?);
        }
        Ok(all)
    }
}

/// An index has a few hundred megabytes at most, and is told by the list how many.
const LARGEST_INDEX_BYTES: u64 = 1 << 30;

/// Fetches what an archive lists for an architecture; `now` is the machine's time, whatever dates a run is to have.
///
/// The addresses are tried one after another until the list at one of them is signed and counts. Indexes are fetched by
/// their hashes where the archive has that, so that they match the list also while the archive changes, and are kept.
pub async fn fetch_archive(
    client: &Client,
    store: &Store,
    archive: &Archive,
    architecture: &str,
    now: DateTime<Utc>,
) -> Result<FetchedArchive, MirrorError> {
    let mut first = None;
    for base in &archive.bases {
        let visit = Visit {
            client,
            store,
            archive,
            base,
        };
        match visit.fetch(architecture, now).await {
            Ok(fetched) => return Ok(fetched),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| MirrorError::NoAddress(archive.suite.clone())))
}

/// One address of an archive.
struct Visit<'a> {
    client: &'a Client,
    store: &'a Store,
    archive: &'a Archive,
    base: &'a Location,
}

impl Visit<'_> {
    async fn fetch(
        &self,
        architecture: &str,
        now: DateTime<Utc>,
    ) -> Result<FetchedArchive, MirrorError> {
        let place = self
            .base
            .join(&format!("{}InRelease", self.archive.directory()));
        let in_release = self
            .client
            .fetch(&place, LARGEST_RELEASE_BYTES as u64)
            .await?;
        let release = parse_in_release(&in_release, &self.archive.keyring, now);
        let release = release.map_err(|source| MirrorError::Release {
            place: place.to_string(),
            source,
        })?;
        self.check_suite(&release.release, &place)?;
        let mut indexes = Vec::new();
        for (component, path, file) in self.choose(&release.release, architecture, &place)? {
            indexes.push(
                self.fetch_index(&release.release, component, path, file)
                    .await?,
            );
        }
        // The address that answered goes first for the files, too.
        let mut bases = self.archive.bases.clone();
        bases.retain(|base| base != self.base);
        bases.insert(0, self.base.clone());
        Ok(FetchedArchive {
            bases,
            suite: self.archive.suite.clone(),
            components: self.archive.components.clone(),
            release,
            in_release,
            indexes,
        })
    }

    /// A list of another suite is signed by the same keys: whoever gives an old one for a new one must not succeed.
    fn check_suite(&self, release: &Release, place: &Location) -> Result<(), MirrorError> {
        let wanted = self.archive.suite.as_str();
        let names: Vec<&str> = [&release.suite, &release.codename]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if self.archive.is_flat() || names.is_empty() || names.contains(&wanted) {
            return Ok(());
        }
        Err(MirrorError::OtherSuite {
            place: place.to_string(),
            wanted: wanted.to_owned(),
            found: names.join("`, `"),
        })
    }

    /// Chooses the indexes that are needed, each in its smallest form.
    fn choose<'r>(
        &self,
        release: &'r Release,
        architecture: &str,
        place: &Location,
    ) -> Result<Vec<(String, &'r str, &'r IndexFile)>, MirrorError> {
        if self.archive.is_flat() {
            let found = find_index(release, "Packages");
            let (path, file) = found.ok_or_else(|| no_index(release, place, "", architecture))?;
            return Ok(vec![(String::new(), path, file)]);
        }
        let mut chosen = Vec::new();
        for component in &self.archive.components {
            let stem = format!("{component}/binary-{architecture}/Packages");
            let own = find_index(release, &stem);
            let (path, file) =
                own.ok_or_else(|| no_index(release, place, component, architecture))?;
            chosen.push((component.clone(), path, file));
            let apart = format!("{component}/binary-all/Packages");
            if release.all_is_apart
                && architecture != "all"
                && let Some((path, file)) = find_index(release, &apart)
            {
                chosen.push((component.clone(), path, file));
            }
        }
        Ok(chosen)
    }

    async fn fetch_index(
        &self,
        release: &Release,
        component: String,
        path: &str,
        file: &IndexFile,
    ) -> Result<Index, MirrorError> {
        let directory = self.archive.directory();
        let plain = self.base.join(&format!("{directory}{path}"));
        let mut wanted = Wanted {
            places: vec![plain.clone()],
            size_bytes: file.size_bytes,
            digest: file.digest.clone(),
        };
        if release.acquire_by_hash {
            let parent = path
                .rsplit_once('/')
                .map_or(String::new(), |(parent, _)| format!("{parent}/"));
            let hex = file.digest.hex();
            let by_hash = format!("{directory}{parent}by-hash/SHA256/{hex}");
            wanted.places.insert(0, self.base.join(&by_hash));
        }
        let stored = fetch_file(self.client, self.store, &wanted)
            .await
            .map_err(|error| {
                // The name that the user knows.
                let place = plain.to_string();
                FetchError { place, ..error }
            })?;
        let broken = |source: io::Error| MirrorError::Index {
            place: plain.to_string(),
            source,
        };
        let limit = release.files.get(stem_of(path)).map(|it| it.size_bytes);
        let limit = limit
            .unwrap_or(LARGEST_INDEX_BYTES)
            .min(LARGEST_INDEX_BYTES);
        let compression = Compression::of_name(path);
        let read = move || decompress(stored, compression, limit);
        let text = tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other);
        Ok(Index {
            path: path.to_owned(),
            digest: file.digest.clone(),
            component,
            text: text.and_then(|text| text).map_err(broken)?,
        })
    }
}

fn no_index(
    release: &Release,
    place: &Location,
    component: &str,
    architecture: &str,
) -> MirrorError {
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    };
    MirrorError::NoIndex {
        place: place.to_string(),
        component: component.to_owned(),
        architecture: architecture.to_owned(),
        components: names(&release.components),
        architectures: names(&release.architectures),
    }
}

/// Finds an index in the form that is read fastest for its size; there may be one, or an empty plain one.
fn find_index<'r>(release: &'r Release, stem: &str) -> Option<(&'r str, &'r IndexFile)> {
    let forms = ["xz", "zst", "gz"].map(|suffix| format!("{stem}.{suffix}"));
    let mut forms = forms.iter().map(String::as_str).chain([stem]);
    let found = forms.find_map(|name| release.files.get_key_value(name));
    found.map(|(path, file)| (path.as_str(), file))
}

fn stem_of(path: &str) -> &str {
    let parted = path.rsplit_once('.');
    parted.map_or(path, |(stem, _)| stem)
}

fn decompress(file: File, compression: Compression, limit_bytes: u64) -> io::Result<String> {
    let decoder = compression.decoder(BufReader::with_capacity(1 << 16, file))?;
    let mut text = String::new();
    decoder.take(limit_bytes + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit_bytes {
        let said = format!("it has more than {limit_bytes} bytes when it is decompressed");
        return Err(io::Error::other(said));
    }
    Ok(text)
}
