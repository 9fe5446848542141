//! What is attached to an image, at a registry that lists it and at one that does not.

use pkg::oci::{Descriptor, Digest, Reference, Tag, media};
use pkg::registry::{Attached, Client, Manifest, RegistryError};
use serde_json::{Value, json};

use crate::support::docker_registry::DockerRegistry;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};
use crate::uploading::of;
use crate::{client, kind, reference};

/// Makes an artifact that is attached to an image, as a manifest and as an entry of a list.
fn artifact(subject: &Digest, name: &str) -> (Manifest, Descriptor) {
    let empty = Descriptor::of(media::EMPTY, b"{}");
    let text = json!({
        "schemaVersion": 2,
        "mediaType": media::MANIFEST,
        "artifactType": media::SPDX,
        "config": &empty,
        "layers": [&empty],
        "subject": {"mediaType": media::MANIFEST, "digest": subject.as_str(), "size": 2},
        "annotations": {"name": name},
    });
    let text = text.to_string().into_bytes();
    let listed = Descriptor {
        artifact_type: Some(media::SPDX.to_owned()),
        ..Descriptor::of(media::MANIFEST, &text)
    };
    let manifest = Manifest::of(text, media::MANIFEST).expect("a manifest");
    (manifest, listed)
}

async fn attach(
    client: &Client,
    place: &Reference,
    subject: &Digest,
    name: &str,
) -> Result<Attached, RegistryError> {
    let (manifest, listed) = artifact(subject, name);
    client.attach(place, (&manifest, &listed), subject).await
}

/// Gives the digests of a list.
fn digests(list: &Value) -> Vec<&str> {
    let listed = list["manifests"].as_array().expect("a list");
    listed
        .iter()
        .filter_map(|one| one["digest"].as_str())
        .collect()
}

#[tokio::test]
async fn what_is_attached_is_listed_once_under_a_tag_beside_what_others_attached() {
    let registry = DockerRegistry::start();
    let front = FaultyRegistry::start_in_front_of(registry.host(), None);
    let client = client();
    let subject = registry.push("base/app", "1").await;
    let place = reference(front.host(), "base/app:1");
    let empty = of(b"{}".to_vec());
    let uploaded = client.upload(&place, &empty.local(), &[]).await;
    uploaded.expect("a blob");
    for name in ["one", "one", "two", "one"] {
        let attached = attach(&client, &place, &subject, name).await;
        assert_eq!(attached.expect("a list"), Attached::ByTag);
    }
    let list = place.with_tag(Tag::of_referrers(&subject));
    let there = client.fetch_manifest(&list).await.expect("an answer");
    let there = there.expect("a list");
    let expected = ["one", "two"].map(|name| artifact(&subject, name).0.digest);
    let puts = front.requests_of(Operation::PutReferrers);
    assert_eq!(puts.len(), 2, "{puts:?}");
    let text: Value = serde_json::from_slice(&puts[1].body).expect("JSON");
    assert_eq!(Digest::of(&puts[1].body), there.digest);
    assert_eq!(digests(&text), expected.each_ref().map(Digest::as_str));
}

#[tokio::test]
async fn a_registry_that_lists_what_is_attached_gets_no_tag() {
    let registry = FaultyRegistry::start();
    let subject = Digest::of(b"image");
    let told = Fault::Headers(vec![("oci-subject", subject.to_string())]);
    registry.misbehave(Operation::PutByDigest, ALWAYS, told);
    let place = reference(registry.host(), "base/app:1");
    let attached = attach(&client(), &place, &subject, "one").await;
    assert_eq!(attached.expect("it lists it"), Attached::ByRegistry);
    assert_eq!(registry.requests().len(), 1);
}

#[tokio::test]
async fn what_is_no_list_stays_and_a_list_that_is_lost_each_time_is_told() {
    let subject = Digest::of(b"image");
    let tag = Tag::of_referrers(&subject);
    let registry = FaultyRegistry::start();
    registry.put_manifest("base/app", tag.as_str(), crate::MANIFEST);
    let place = reference(registry.host(), "base/app:1");
    let attached = attach(&client(), &place, &subject, "one").await;
    assert_eq!(kind(&attached.expect_err("an image is there")), "garbage");
    let there = registry.find_manifest("base/app", tag.as_str());
    assert_eq!(there.as_deref(), Some(crate::MANIFEST.as_bytes()));
    // What is put is said to be taken, and is not there.
    let registry = FaultyRegistry::start();
    let absent = Fault::header(404, "docker-distribution-api-version", "registry/2.0");
    registry.misbehave(Operation::GetManifest, ALWAYS, absent);
    let place = reference(registry.host(), "base/app:1");
    let attached = attach(&client(), &place, &subject, "one").await;
    assert_eq!(kind(&attached.expect_err("nothing is there")), "garbage");
}
