//! Blobs and manifests go into a real registry, whole, in chunks, over lines that are cut, and from one repository to another.

use std::path::PathBuf;
use std::time::Duration;

use pkg::oci::{Digest, Reference, media};
use pkg::registry::{
    Client, Credentials, Identity, LocalBlob, Manifest, Pace, Presence, RegistryError, Uploaded,
};
use tempfile::TempDir;

use crate::support::cutter::{Manner, start_cutter};
use crate::support::docker_registry::DockerRegistry;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Login, Operation};
use crate::{client, client_for, client_with, kind, reference, steady};

pub(crate) const MIB: usize = 1024 * 1024;

/// A file with a blob.
pub(crate) struct Blob {
    _directory: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Blob {
    pub(crate) fn local(&self) -> LocalBlob<'_> {
        LocalBlob {
            digest: &self.digest,
            size_bytes: self.bytes.len() as u64,
            path: &self.path,
        }
    }
}

/// Makes a blob in which no part is like another.
pub(crate) fn blob(size_bytes: usize) -> Blob {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    while bytes.len() < size_bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size_bytes);
    of(bytes)
}

pub(crate) fn of(bytes: Vec<u8>) -> Blob {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("blob");
    pkg::host::fs::write_atomically(&path, &bytes).expect("a file");
    Blob {
        _directory: directory,
        path,
        digest: Digest::of(&bytes),
        bytes,
    }
}

async fn send(client: &Client, place: &Reference, blob: &Blob) -> Result<Uploaded, RegistryError> {
    client.upload(place, &blob.local(), &[]).await
}

/// Fetches a blob by a plain request.
async fn fetch(host: &str, repository: &str, blob: &Blob) -> Vec<u8> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = format!("http://{host}/v2/{repository}/blobs/{}", blob.digest);
    let response = http.get(url).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.bytes().await.expect("a blob").to_vec()
}

#[track_caller]
fn assert_ranges(registry: &FaultyRegistry, expected: &[&str]) {
    let sent = registry.requests_of(Operation::WriteUpload);
    let ranges: Vec<_> = sent
        .iter()
        .map(|it| it.header("content-range").unwrap_or("none"))
        .collect();
    assert_eq!(ranges, expected);
}

#[tokio::test]
async fn a_blob_is_sent_once_and_mounted_in_other_repositories() {
    let registry = DockerRegistry::start_for("ann", "s3cret");
    let client = client_for(registry.host(), "ann", "s3cret");
    let [base, nginx, other] =
        ["base/deb:1", "base/nginx:1", "other:1"].map(|it| reference(registry.host(), it));
    let elsewhere = reference("r.example.org", "base/deb:1");
    for blob in [blob(0), blob(1), blob(100_000), blob(3 * MIB)] {
        let local = blob.local();
        let from = [elsewhere.clone(), nginx.clone()];
        let upload = |place, from| client.upload(place, &local, from);
        assert_eq!(upload(&nginx, &from).await.unwrap(), Uploaded::Sent);
        assert_eq!(upload(&nginx, &from).await.unwrap(), Uploaded::There);
        // Of several repositories the one is found that has it.
        let from = [base.clone(), nginx.clone(), base.clone(), elsewhere.clone()];
        assert_eq!(upload(&other, &from).await.unwrap(), Uploaded::Mounted);
        assert_eq!(upload(&other, &[]).await.unwrap(), Uploaded::There);
        assert_eq!(
            upload(&base, std::slice::from_ref(&other)).await.unwrap(),
            Uploaded::Mounted
        );
    }
    let denied = crate::client().upload(&base, &blob(2).local(), &[]).await;
    match denied.expect_err("it was denied") {
        RegistryError::Denied { identity, .. } => assert_eq!(identity, Identity::Anonymous),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_image_of_own_bytes_gets_a_digest_and_a_tag() {
    let registry = DockerRegistry::start();
    let client = client();
    let place = reference(registry.host(), "base/nginx:1");
    let config = of(
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#
            .to_vec(),
    );
    let layer = blob(20_000);
    let text = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media::MANIFEST,
        "config": {"mediaType": media::CONFIG, "digest": config.digest.as_str(), "size": config.bytes.len()},
        "layers": [{"mediaType": format!("{}+gzip", media::LAYER), "digest": layer.digest.as_str(), "size": layer.bytes.len()}],
    })
    .to_string();
    let manifest = Manifest::of(text.clone().into_bytes(), media::MANIFEST).expect("a manifest");
    assert_eq!(manifest.digest, Digest::of(text.as_bytes()));
    let by_digest = place.with_digest(manifest.digest.clone());
    // It names what is not there yet.
    let error = client.put_manifest(&by_digest, &manifest).await;
    assert_eq!(kind(&error.expect_err("nothing is there")), "refused");
    for blob in [&config, &layer] {
        assert_eq!(send(&client, &place, blob).await.unwrap(), Uploaded::Sent);
    }
    client.put_manifest(&by_digest, &manifest).await.unwrap();
    assert_eq!(client.presence(&place).await.unwrap(), Presence::Absent);
    let present = Presence::Present(manifest.digest.clone());
    assert_eq!(client.presence(&by_digest).await.unwrap(), present);
    client.put_manifest(&place, &manifest).await.unwrap();
    assert_eq!(client.presence(&place).await.unwrap(), present);
    for (bytes, media_type) in [
        ("[]", media::MANIFEST),
        ("{}", media::MANIFEST),
        (r#"{"schemaVersion":2}"#, "\n"),
        (text.as_str(), media::INDEX),
    ] {
        let made = Manifest::of(bytes.as_bytes().to_vec(), media_type);
        assert!(made.is_none(), "{bytes}");
    }
}

#[tokio::test]
async fn a_large_blob_goes_in_chunks() {
    let registry = DockerRegistry::start();
    let front = FaultyRegistry::start_in_front_of(registry.host(), None);
    let blob = blob(30 * MIB + 5);
    let place = reference(front.host(), "a:1");
    assert_eq!(
        send(&client(), &place, &blob).await.unwrap(),
        Uploaded::Sent
    );
    assert_ranges(
        &front,
        &[
            "0-10485759",
            "10485760-20971519",
            "20971520-31457279",
            "31457280-31457284",
        ],
    );
    assert_eq!(fetch(registry.host(), "a", &blob).await, blob.bytes);
}

#[tokio::test]
async fn the_least_chunk_of_a_registry_is_respected() {
    let front = FaultyRegistry::start();
    let least = Fault::Headers(vec![("oci-chunk-min-length", (12 * MIB).to_string())]);
    front.misbehave(Operation::StartUpload, ALWAYS, least);
    let place = reference(front.host(), "a:1");
    send(&client(), &place, &blob(14 * MIB)).await.unwrap();
    assert_ranges(&front, &["0-12582911", "12582912-14680063"]);
}

#[tokio::test]
async fn an_upload_goes_on_where_the_line_was_cut() {
    let blob = blob(21 * MIB);
    for cuts in [
        vec![1],
        vec![2000],
        vec![70_000],
        vec![10 * MIB + 5000],
        vec![15 * MIB, 100_000],
        vec![5 * MIB, 3 * MIB, 2 * MIB, 7 * MIB],
    ] {
        let registry = FaultyRegistry::start();
        let (shown, times) = (format!("{cuts:?}"), cuts.len());
        let within = cuts.iter().sum::<usize>() > 1;
        let manner = Manner {
            cuts,
            ..Manner::default()
        };
        let host = start_cutter(registry.host(), manner);
        let sent = send(&client(), &reference(&host, "a:1"), &blob).await;
        assert_eq!(sent.expect(&shown), Uploaded::Sent, "{shown}");
        assert_eq!(
            fetch(registry.host(), "a", &blob).await,
            blob.bytes,
            "{shown}"
        );
        assert_eq!(
            registry.requests_of(Operation::StartUpload).len(),
            1,
            "{shown}"
        );
        let writes = registry.requests_of(Operation::WriteUpload);
        let sent: usize = writes.iter().map(|it| it.body.len()).sum();
        // What came before a cut is kept there, in a request that does not count.
        assert_eq!(sent < blob.bytes.len(), within, "{shown}: {sent} bytes");
        let asked = registry.requests_of(Operation::AskUpload).len();
        assert!(
            asked <= times && (asked > 0) == within,
            "{shown}: {asked} times"
        );
    }
}

#[tokio::test]
async fn an_upload_arrives_where_the_registry_keeps_nothing_of_what_was_cut() {
    let registry = DockerRegistry::start();
    for (number, cuts) in [
        vec![1],
        vec![900],
        vec![70_000],
        vec![10 * MIB],
        vec![15 * MIB, 100_000],
        vec![5 * MIB, 9 * MIB, 2 * MIB],
    ]
    .into_iter()
    .enumerate()
    {
        let shown = format!("{cuts:?}");
        let manner = Manner {
            cuts,
            ..Manner::default()
        };
        let host = start_cutter(registry.host(), manner);
        let repository = format!("a{number}");
        let place = reference(&host, &repository);
        let blob = blob(21 * MIB + number);
        let sent = send(&client(), &place, &blob).await;
        assert_eq!(sent.expect(&shown), Uploaded::Sent, "{shown}");
        let there = fetch(registry.host(), &repository, &blob).await;
        assert_eq!(there, blob.bytes, "{shown}");
    }
}

#[tokio::test]
async fn a_line_that_is_cut_again_and_again_is_told_as_that() {
    let registry = DockerRegistry::start();
    let manner = Manner {
        cuts: vec![4 * MIB; 100],
        ..Manner::default()
    };
    let host = start_cutter(registry.host(), manner);
    let place = reference(&host, "a:1");
    let sent = send(&client(), &place, &blob(12 * MIB)).await;
    let error = sent.expect_err("it never arrives");
    assert_eq!(kind(&error), "broken", "{error:?}");
}

#[tokio::test]
async fn only_what_did_not_come_is_sent_again() {
    // The registry got all of the second chunk, and its answer was lost; of the third one it got nothing.
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, 2..=2, Fault::Half);
    registry.misbehave(Operation::WriteUpload, 3..=3, Fault::Reset);
    let place = reference(registry.host(), "a:1");
    let sent = send(&client(), &place, &blob(25 * MIB)).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    assert_ranges(
        &registry,
        &[
            "0-10485759",
            "10485760-20971519",
            "20971520-26214399",
            "20971520-26214399",
        ],
    );
    assert_eq!(registry.requests_of(Operation::AskUpload).len(), 2);
    assert_eq!(registry.requests_of(Operation::StartUpload).len(), 1);
}

#[tokio::test]
async fn a_slow_line_is_not_taken_for_silence() {
    let registry = DockerRegistry::start();
    let manner = Manner {
        // 12 MiB take about four seconds.
        pause: Duration::from_millis(20),
        ..Manner::default()
    };
    let host = start_cutter(registry.host(), manner);
    let pace = Pace {
        request: Duration::from_millis(1500),
        patience: Duration::ZERO,
        ..steady()
    };
    let client = client_with(pace, Credentials::default());
    let sent = send(&client, &reference(&host, "a:1"), &blob(12 * MIB)).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
}

#[tokio::test]
async fn a_registry_that_does_not_mount_is_sent_the_blob_in_the_upload_that_it_began() {
    let registry = FaultyRegistry::start_for(Login::Token("ann", "s3cret"));
    let client = client_for(registry.host(), "ann", "s3cret");
    let place = reference(registry.host(), "a:1");
    let from = [reference(registry.host(), "b/c:1")];
    let sent = client.upload(&place, &blob(1000).local(), &from).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let begun = registry.requests_of(Operation::StartUpload);
    assert_eq!(begun.len(), 1, "{begun:?}");
    assert!(begun[0].path.contains("?mount=sha256:"), "{begun:?}");
    assert!(begun[0].path.ends_with("&from=b/c"), "{begun:?}");
    let tokens = registry.requests_of(Operation::Token);
    let scopes = "scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%2Fc%3Apull&";
    assert!(
        tokens.iter().any(|it| it.path.contains(scopes)),
        "{tokens:?}"
    );
}

#[tokio::test]
async fn who_may_not_mount_sends() {
    for fault in [
        Fault::status(401),
        Fault::status(403),
        Fault::status(404),
        Fault::status(405),
    ] {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::StartUpload, 1..=1, fault);
        let place = reference(registry.host(), "a:1");
        let from = [reference(registry.host(), "b:1")];
        let sent = client().upload(&place, &blob(1000).local(), &from).await;
        assert_eq!(sent.unwrap(), Uploaded::Sent);
    }
}

#[tokio::test]
async fn an_upload_at_another_host_is_followed_without_the_credentials() {
    let registry = DockerRegistry::start();
    let store = FaultyRegistry::start_in_front_of(registry.host(), None);
    let login = Login::Token("ann", "s3cret");
    let front = FaultyRegistry::start_in_front_of(registry.host(), Some(login));
    let there = Fault::Location(store.host().to_owned());
    front.misbehave(Operation::StartUpload, ALWAYS, there);
    let client = client_for(front.host(), "ann", "s3cret");
    let place = reference(front.host(), "a:1");
    for (size_bytes, requests) in [(1000, 1), (12 * MIB, 3)] {
        let before = store.requests().len();
        let sent = send(&client, &place, &blob(size_bytes)).await;
        assert_eq!(sent.unwrap(), Uploaded::Sent);
        let shown = &store.requests()[before..];
        assert_eq!(shown.len(), requests, "{shown:?}");
        assert!(shown.iter().all(|it| it.header("authorization").is_none()));
    }
}

#[tokio::test]
async fn a_chunk_is_sent_on_to_another_host_without_the_credentials() {
    let registry = DockerRegistry::start();
    let store = FaultyRegistry::start_in_front_of(registry.host(), None);
    let login = Login::Basic("ann", "s3cret");
    let front = FaultyRegistry::start_in_front_of(registry.host(), Some(login));
    let there = Fault::Redirect(format!("http://{}", store.host()));
    for operation in [Operation::WriteUpload, Operation::FinishUpload] {
        front.misbehave(operation, 1..=1, there.clone());
    }
    let client = client_for(front.host(), "ann", "s3cret");
    let place = reference(front.host(), "a:1");
    for size_bytes in [1000, 12 * MIB] {
        let sent = send(&client, &place, &blob(size_bytes)).await;
        assert_eq!(sent.unwrap(), Uploaded::Sent);
    }
    let shown = store.requests();
    assert!(shown.len() >= 2, "{shown:?}");
    assert!(shown.iter().all(|it| it.header("authorization").is_none()));
}
