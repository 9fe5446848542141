//! Where packages come from, and where they are kept.

use std::path::Path;
use std::sync::Arc;

use super::fault::ApkFault;
use crate::address::{has_credentials, shown, without_login};
use crate::apk::{Key, Lock, Requirement};
use crate::declared::{ApkContents, ApkRepository, Runtime};
use crate::mirror::{
    ApkError, Client, KeyPlace, Location, LocationError, Store, fetch_apk_keys, key_name, locate,
    unite_keys,
};

/// What an image asks for, and how it is had.
#[derive(Clone, Copy, Debug)]
pub struct ApkSupply<'a> {
    /// Fetches.
    pub client: &'a Client,
    /// Keeps.
    pub store: &'a Store,
    /// What is asked for, and where from.
    pub contents: &'a ApkContents,
    /// What containers get of the image: an entry point that supervises services needs a package, too.
    pub runtime: &'a Runtime,
    /// The image's directory, from which relative paths of keys and repositories are taken.
    pub directory: &'a Path,
    /// The architecture in Alpine's words: `x86_64`.
    pub architecture: &'a str,
    /// A directory for what is decompressed.
    pub scratch: &'a Path,
}

/// What supervises services, and the package that has it.
const SUPERVISOR: (&str, &str) = ("/bin/s6-svscan", "s6");

impl ApkSupply<'_> {
    /// Gives what is asked for.
    pub(super) fn requests(&self) -> Result<Vec<Requirement>, ApkFault> {
        let requests = self.requested();
        let parsed = requests.iter().map(|request| request.parse());
        let parsed: Result<_, _> = parsed.collect();
        parsed.map_err(|source| ApkFault::Request { source })
    }

    /// Gives what is asked for as it is written, as the image keeps it.
    pub(super) fn requested(&self) -> Vec<String> {
        let mut requests = self.contents.packages.clone();
        let program = self.runtime.entrypoint.0.first();
        let (supervisor, package) = SUPERVISOR;
        let is_there = requests.iter().any(|request| request == package);
        if program.is_some_and(|program| program == supervisor) && !is_there {
            requests.push(package.to_owned());
        }
        requests
    }

    /// Gives the repositories that packages are taken from.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &ApkRepository> {
        let own = self.contents.build_repositories.iter();
        own.chain(&self.contents.repositories)
    }

    /// Gives the lines of the image's own list of repositories: no login, nothing of this machine's, and none that are for
    /// the build alone.
    pub(super) fn lines(&self) -> Vec<String> {
        let listed = self.contents.repositories.iter();
        let listed = listed.chain(&self.contents.runtime_repositories);
        let is_web = |one: &&ApkRepository| {
            let schemes = ["https://", "http://"];
            schemes.iter().any(|scheme| one.address.starts_with(scheme))
        };
        let line = |one: &ApkRepository| {
            let address = without_login(&one.address);
            match &one.tag {
                Some(tag) => format!("@{tag} {address}"),
                None => address.into_owned(),
            }
        };
        listed.filter(is_web).map(line).collect()
    }

    /// Finds where something of a repository lies; an address without a login gets the one that its repository is declared with:
    /// of several, the one nearest to it, and of the same one twice, the one with a login.
    pub(super) fn locate(&self, address: &str) -> Result<Location, LocationError> {
        let above = self.repositories().filter_map(|repository| {
            let rest = address.strip_prefix(&*without_login(&repository.address))?;
            let has_login = has_credentials(&repository.address);
            let is_below = rest.starts_with('/');
            is_below.then_some(((address.len() - rest.len(), has_login), repository, rest))
        });
        let nearest = above.reduce(|best, one| if one.0 > best.0 { one } else { best });
        let with_login =
            nearest.map(|(_, repository, rest)| format!("{}{rest}", repository.address));
        locate(with_login.as_deref().unwrap_or(address), self.directory)
    }

    /// Finds where a package of a lock lies, which has to be in a repository that is declared.
    pub(super) fn locate_package(&self, address: &str) -> Result<Location, ApkFault> {
        let mut repositories = self.repositories();
        let is_declared = repositories.any(|repository| {
            let rest = address.strip_prefix(&*without_login(&repository.address));
            rest.is_some_and(|rest| rest.starts_with('/') && !rest.contains("/../"))
        });
        if is_declared {
            return Ok(self.locate(address)?);
        }
        Err(ApkFault::Undeclared {
            what: "the package",
            address: shown(address),
        })
    }

    /// Fetches the keys that sign.
    pub(super) async fn keys(&self) -> Result<Arc<[Key]>, ApkFault> {
        let declared = self.contents.keyring.iter();
        let places = declared.map(|address| self.key_place(address));
        let places: Vec<KeyPlace> = places.collect::<Result<_, _>>()?;
        let keys = fetch_apk_keys(self.client, &places).await;
        Ok(keys.map_err(ApkFault::Mirror)?.into())
    }

    fn key_place(&self, address: &str) -> Result<KeyPlace, LocationError> {
        Ok(KeyPlace {
            name: key_name(address),
            place: locate(address, self.directory)?,
        })
    }

    /// Gives the keys of a lock; those of which it has no text are fetched. A lock that names none leaves those that are declared.
    pub(super) async fn keys_of(&self, lock: &Lock) -> Result<Arc<[Key]>, ApkFault> {
        let locked = &lock.contents.keyring;
        if locked.is_empty() {
            return self.keys().await;
        }
        let mut keys = Vec::new();
        let mut places = Vec::new();
        for key in locked {
            let name = key_name(&key.url);
            let mut declared = self.contents.keyring.iter();
            // Where none is declared, apko takes those that a repository tells of.
            let is_declared = self.contents.keyring.is_empty()
                || declared.any(|address| *without_login(address) == key.url);
            if !is_declared {
                return Err(ApkFault::Undeclared {
                    what: "the key",
                    address: shown(&key.url),
                });
            }
            if key.content.is_empty() {
                let mut declared = self.contents.keyring.iter();
                let declared = declared.find(|address| *without_login(address) == key.url);
                places.push(self.key_place(declared.unwrap_or(&key.url))?);
            } else {
                keys.push(Key::parse(&name, &key.content).map_err(|source| {
                    let place = "the lock".to_owned();
                    ApkFault::Mirror(vec![ApkError::Key { place, source }])
                })?);
            }
        }
        let fetched = fetch_apk_keys(self.client, &places).await;
        keys.extend(fetched.map_err(ApkFault::Mirror)?);
        let united = unite_keys(keys).map_err(|error| ApkFault::Mirror(vec![error]))?;
        Ok(united.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::Options;

    #[test]
    fn what_lies_in_a_repository_is_fetched_with_its_login_and_nothing_else_is() {
        let repository = |address: &str| ApkRepository {
            tag: None,
            address: address.to_owned(),
        };
        let contents = ApkContents {
            repositories: vec![repository("https://a.example.org/os")],
            build_repositories: vec![
                repository("https://b.example.org/os"),
                repository("https://ann:s3cret@b.example.org/os"),
                repository("https://b.example.org/os"),
                repository("https://ann:n3sted@b.example.org/os/own"),
                repository("https://b.example.org/os/open"),
            ],
            ..ApkContents::default()
        };
        let client = Client::new(&Options::default()).expect("a client");
        let supply = ApkSupply {
            client: &client,
            store: &Store::new(Path::new("/nowhere")),
            contents: &contents,
            runtime: &Runtime::default(),
            directory: Path::new("/images/app"),
            architecture: "x86_64",
            scratch: Path::new("/nowhere"),
        };
        for (address, password) in [
            ("https://b.example.org/os/x86_64/a.apk", Some("s3cret")),
            ("https://b.example.org/os/own/x86_64/a.apk", Some("n3sted")),
            ("https://b.example.org/os/owner/a.apk", Some("s3cret")),
            ("https://b.example.org/os/open/x86_64/a.apk", None),
            ("https://b.example.org/osx/a.apk", None),
            ("https://b.example.org.evil.org/os/a.apk", None),
            ("https://a.example.org/os/x86_64/a.apk", None),
            ("https://bob:own@b.example.org/os/a.apk", Some("own")),
        ] {
            let location = supply.locate(address).expect("a place");
            let Location::Web(url) = &location else {
                panic!("{location}");
            };
            assert_eq!(url.password(), password, "{address}");
            assert_eq!(location.to_string(), without_login(address));
        }
        let own = supply.locate("packages/x86_64/a.apk").expect("a place");
        assert_eq!(own.to_string(), "/images/app/packages/x86_64/a.apk");
        assert_eq!(supply.lines(), ["https://a.example.org/os"]);
    }
}
