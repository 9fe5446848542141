//! The client of archives against one that is served over HTTP and misbehaves, and against one in a directory.

use std::fs;
use std::io::Read as _;
use std::time::Duration;

use chrono::Utc;
use pkg::debian::{
    Keyring, ReleaseError, SignatureError, SignedBy, Source, parse_source_line, read_deb,
};
use pkg::mirror::{
    Archive, Client, FetchError, FetchFault, FetchedArchive, Location, MirrorError, Options, Store,
    fetch_archive, fetch_files, package_file,
};
use pkg::web::Pace;
use tempfile::TempDir;

use super::gpg::{Gpg, NewKey};
use super::repository::{ARCHITECTURE, Form, Repository};
use super::server::{Fault, Server};

const PACKAGES: &str = "a 1; Depends: b (>= 2)
    b 1
    b 2; Architecture: all
    c 1+x~y";

/// A client with its store, and an archive.
struct Ground {
    repository: Repository,
    server: Server,
    cache: TempDir,
    client: Client,
}

impl Ground {
    fn new(form: &Form<'_>) -> Self {
        let repository = Repository::of(PACKAGES);
        repository.publish(form);
        let pace = Pace {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(2),
            patience: Duration::from_secs(6),
            first_wait: Duration::from_millis(5),
            longest_wait: Duration::from_millis(20),
            ..Pace::default()
        };
        let options = Options {
            pace,
            ..Options::default()
        };
        Self {
            server: Server::start(repository.path()),
            repository,
            cache: tempfile::tempdir().unwrap(),
            client: Client::new(&options).unwrap(),
        }
    }

    fn store(&self) -> Store {
        Store::new(self.cache.path())
    }

    fn archive(&self) -> Archive {
        Archive {
            bases: vec![Location::parse(&self.server.address).unwrap()],
            suite: "stable".to_owned(),
            components: vec!["main".to_owned()],
            keyring: self.repository.keyring(),
        }
    }

    async fn fetch(&self, archive: &Archive) -> Result<FetchedArchive, MirrorError> {
        fetch_archive(
            &self.client,
            &self.store(),
            archive,
            ARCHITECTURE,
            Utc::now(),
        )
        .await
    }

    /// Fetches the files of all packages.
    async fn fetch_all(&self, fetched: &FetchedArchive) -> Result<Vec<Vec<u8>>, Vec<FetchError>> {
        let packages = fetched.packages().unwrap();
        let wanted: Vec<_> = packages
            .iter()
            .map(|one| package_file(one, &fetched.bases))
            .collect();
        let files = fetch_files(&self.client, &self.store(), &wanted, |_| ()).await?;
        Ok(files
            .into_iter()
            .map(|mut file| {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                bytes
            })
            .collect())
    }

    /// Counts what lies in the store, finished or not.
    fn stored(&self) -> usize {
        let files = walkdir::WalkDir::new(self.cache.path()).into_iter();
        files
            .filter(|entry| entry.as_ref().unwrap().file_type().is_file())
            .count()
    }
}

#[tokio::test]
async fn an_archive_is_fetched_by_hash_once_and_kept() {
    let ground = Ground::new(&Form::default());
    let fetched = ground.fetch(&ground.archive()).await.unwrap();
    assert_eq!(fetched.release.release.suite.as_deref(), Some("stable"));
    assert_eq!(fetched.indexes[0].path, "main/binary-amd64/Packages.xz");
    let asked = ground.server.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].contains("/by-hash/SHA256/"), "{asked:?}");
    let files = ground.fetch_all(&fetched).await.unwrap();
    for (package, file) in fetched.packages().unwrap().iter().zip(&files) {
        let deb = read_deb(&mut std::io::Cursor::new(file)).unwrap();
        deb.control.check_is(package).unwrap();
    }
    assert_eq!(ground.server.asked().len(), 4);
    // Nothing is asked for again but the list.
    let fetched = ground.fetch(&ground.archive()).await.unwrap();
    assert_eq!(ground.fetch_all(&fetched).await.unwrap(), files);
    assert_eq!(ground.server.asked(), ["dists/stable/InRelease"]);
    assert_eq!(ground.stored(), 5);
}

#[tokio::test]
async fn other_forms_of_archives_are_read_too() {
    for (suffixes, path) in [
        (&["", ".gz"][..], "main/binary-amd64/Packages.gz"),
        (&[".zst"], "main/binary-amd64/Packages.zst"),
        (&[""], "main/binary-amd64/Packages"),
    ] {
        for by_hash in [false, true] {
            let ground = Ground::new(&Form {
                suffixes,
                by_hash,
                ..Form::default()
            });
            let fetched = ground.fetch(&ground.archive()).await.unwrap();
            assert_eq!(fetched.indexes[0].path, path);
            assert_eq!(fetched.packages().unwrap().len(), 4);
            let bases = vec![
                Location::parse(&format!("file:{}", ground.repository.path().display())).unwrap(),
            ];
            let local = Archive {
                bases,
                ..ground.archive()
            };
            let fetched = ground.fetch(&local).await.unwrap();
            assert_eq!(ground.fetch_all(&fetched).await.unwrap().len(), 4);
        }
    }
    // It says that files can be had by their hashes, and has them by their names only.
    let ground = Ground::new(&Form {
        by_hash: false,
        ..Form::default()
    });
    ground.repository.publish(&Form::default());
    fs::remove_dir_all(
        ground
            .repository
            .path()
            .join("dists/stable/main/binary-amd64/by-hash"),
    )
    .unwrap();
    ground.fetch(&ground.archive()).await.unwrap();
}

#[tokio::test]
async fn a_flat_archive_has_its_list_beside_its_packages() {
    let ground = Ground::new(&Form {
        component: "x",
        ..Form::default()
    });
    let top = ground.repository.path();
    let index = fs::read_dir(top.join("dists/stable/x/binary-amd64/by-hash/SHA256")).unwrap();
    let texts = index.filter_map(|it| fs::read_to_string(it.unwrap().path()).ok());
    let text = texts.into_iter().next().unwrap();
    fs::write(top.join("Packages"), &text).unwrap();
    let digest = pkg::oci::Digest::of(text.as_bytes());
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S UTC");
    let release = format!(
        "Date: {date}\nSHA256:\n {} {} Packages\n",
        digest.hex(),
        text.len()
    );
    let signed = ground
        .repository
        .gpg
        .clear_sign(&[super::repository::KEY], &release);
    fs::write(top.join("InRelease"), signed).unwrap();
    let line = format!("deb {} ./", ground.server.address);
    let source = Source {
        signed_by: Some(SignedBy::Key(
            String::from_utf8(ground.repository.gpg.export_armoured(&[])).unwrap(),
        )),
        ..parse_source_line(&line).unwrap()
    };
    let archives = Archive::of_source(&source).unwrap();
    let fetched = ground.fetch(&archives[0]).await.unwrap();
    assert_eq!(ground.fetch_all(&fetched).await.unwrap().len(), 4);
}

#[tokio::test]
async fn what_passes_is_asked_for_again() {
    for fault in [
        Fault::Status(503, ""),
        Fault::Status(429, "retry-after: 0\r\n"),
        Fault::Half,
        Fault::Silence,
    ] {
        let ground = Ground::new(&Form::default());
        for path in ["InRelease", "by-hash", "pool/a_"] {
            ground.server.misbehave(path, fault.clone(), 1);
        }
        let fetched = ground.fetch(&ground.archive()).await.unwrap();
        ground.fetch_all(&fetched).await.unwrap();
        assert_eq!(ground.server.asked().len(), 9, "{fault:?}");
        assert_eq!(ground.stored(), 5, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_not_what_was_signed_is_refused_and_not_kept() {
    let ground = Ground::new(&Form::default());
    let fetched = ground.fetch(&ground.archive()).await.unwrap();
    for (fault, shown) in [
        (Fault::Changed, "was signed for"),
        (Fault::Longer, "it has more than"),
        (Fault::Status(404, ""), "it is not there"),
        (Fault::Status(403, ""), "the server answers with status 403"),
        (Fault::Drip, "next to nothing came in 2 seconds"),
        (Fault::Half, "the answer broke off"),
    ] {
        ground
            .server
            .misbehave("pool/a_", fault.clone(), usize::MAX);
        let errors = ground.fetch_all(&fetched).await.expect_err("another file");
        assert_eq!(errors.len(), 1, "{errors:?}");
        let said = errors[0].to_string();
        assert!(
            said.contains(shown) && said.contains("/pool/a_1_amd64.deb"),
            "{said}"
        );
        assert_eq!(ground.stored(), 4, "{fault:?}: the index and the others");
    }
    ground.server.misbehave("pool/a_", Fault::Half, 0);
    ground.fetch_all(&fetched).await.unwrap();
}

#[tokio::test]
async fn a_second_address_stands_in_for_the_first() {
    let ground = Ground::new(&Form::default());
    let other = Server::start(ground.repository.path());
    let mut archive = ground.archive();
    archive.bases.push(Location::parse(&other.address).unwrap());
    ground
        .server
        .misbehave("InRelease", Fault::Changed, usize::MAX);
    let fetched = ground.fetch(&archive).await.unwrap();
    assert_eq!(fetched.bases[0], archive.bases[1]);
    other.misbehave("pool/", Fault::Status(404, ""), usize::MAX);
    ground.fetch_all(&fetched).await.unwrap();
    let nobody = Location::parse("http://127.0.0.1:1/debian").unwrap();
    archive.bases = vec![nobody];
    let error = ground.fetch(&archive).await.expect_err("nobody answers");
    let fault = match error {
        MirrorError::Fetch(error) => error.fault,
        other => panic!("{other}"),
    };
    assert!(
        matches!(fault, FetchFault::Unreachable { times: 3, .. }),
        "{fault}"
    );
}

#[tokio::test]
async fn a_list_that_is_not_to_be_trusted_is_refused() {
    let ground = Ground::new(&Form::default());
    let archive = ground.archive();
    let path = ground.repository.path().join("dists/stable/InRelease");
    let good = fs::read_to_string(&path).unwrap();
    let refused = async |archive: &Archive, text: &str| {
        fs::write(&path, text).unwrap();
        ground.fetch(archive).await.expect_err("not to be trusted")
    };
    let error = refused(&archive, &good.replace("Origin: Test", "Origin: Tests")).await;
    assert!(
        matches!(
            &error,
            MirrorError::Release {
                source: ReleaseError::Signature(SignatureError::Bad { .. }),
                ..
            }
        ),
        "{error}"
    );
    let other = Gpg::new();
    other.make_key(&NewKey::named("other@example.org"), None);
    let keyring = Keyring::parse(&other.export(&[])).unwrap();
    let error = refused(
        &Archive {
            keyring,
            ..archive.clone()
        },
        &good,
    )
    .await;
    assert!(
        error.to_string().contains("the key is not in the keyring"),
        "{error}"
    );
    let keyring = Keyring::default();
    refused(
        &Archive {
            keyring,
            ..archive.clone()
        },
        &good,
    )
    .await;
}

#[tokio::test]
async fn a_list_of_another_suite_or_time_or_without_what_is_wanted_is_refused() {
    let ground = Ground::new(&Form::default());
    let archive = ground.archive();
    // The list of another suite, moved here.
    ground.repository.publish(&Form {
        suite: "oldstable",
        ..Form::default()
    });
    let lists = ground.repository.path().join("dists");
    fs::copy(
        lists.join("oldstable/InRelease"),
        lists.join("stable/InRelease"),
    )
    .unwrap();
    let error = ground.fetch(&archive).await.expect_err("another suite");
    assert!(matches!(&error, MirrorError::OtherSuite { .. }), "{error}");

    let fields = "Valid-Until: Sat, 07 Jun 2025 10:23:47 UTC\n";
    ground.repository.publish(&Form {
        fields,
        ..Form::default()
    });
    let error = ground.fetch(&archive).await.expect_err("its time is over");
    assert!(
        error
            .to_string()
            .ends_with("it was valid until 2025-06-07 10:23 UTC"),
        "{error}"
    );

    ground.repository.publish(&Form::default());
    let components = vec!["main".to_owned(), "contrib".to_owned()];
    let error = ground
        .fetch(&Archive {
            components,
            ..archive.clone()
        })
        .await
        .expect_err("no such component");
    assert!(
        error
            .to_string()
            .contains("no packages of component `contrib` for `amd64`; it has `main` for `amd64`"),
        "{error}"
    );
}

#[tokio::test]
async fn an_index_that_leads_elsewhere_is_refused_though_it_is_signed() {
    let ground = Ground::new(&Form::default());
    let index = format!(
        "Package: a\nVersion: 1\nArchitecture: amd64\nFilename: ../../etc/passwd\nSize: 1\nSHA256: {}\n",
        "0".repeat(64)
    );
    ground.repository.publish_text(&index, &Form::default());
    let fetched = ground.fetch(&ground.archive()).await.unwrap();
    let error = fetched.packages().expect_err("it climbs");
    assert!(error.to_string().contains("line 4: `Filename`"), "{error}");
    ground
        .server
        .misbehave("by-hash", Fault::Changed, usize::MAX);
    ground
        .repository
        .publish_text(&index.replace("../../etc", "pool"), &Form::default());
    let error = ground
        .fetch(&ground.archive())
        .await
        .expect_err("another index");
    assert!(error.to_string().contains("was signed for"), "{error}");
}

#[tokio::test]
async fn many_runs_at_once_share_one_store() {
    let ground = Ground::new(&Form::default());
    let fetched = ground.fetch(&ground.archive()).await.unwrap();
    let runs = (0..8).map(|_| ground.fetch_all(&fetched));
    for files in futures_util::future::join_all(runs).await {
        assert_eq!(files.unwrap().len(), 4);
    }
    assert_eq!(ground.stored(), 5);
}
