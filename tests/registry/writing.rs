//! Tags are listed, and a manifest gets a further one, without the image going over the wire.

use pkg::registry::{Garbage, Presence, RegistryError};

use crate::support::docker_registry::DockerRegistry;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Login, Operation};
use crate::{MANIFEST, client, client_for, kind, reference};

#[tokio::test]
async fn a_manifest_gets_a_further_tag_with_the_same_digest() {
    let registry = DockerRegistry::start();
    let digest = registry.push("base/nginx", "1").await;
    let client = client();
    let version = reference(registry.host(), "base/nginx:1");
    let latest = reference(registry.host(), "base/nginx:latest");
    let manifest = client.fetch_manifest(&version).await.unwrap();
    let manifest = manifest.expect("it is there");
    assert_eq!(manifest.digest, digest);
    client.put_manifest(&latest, &manifest).await.unwrap();
    assert_eq!(
        client.presence(&latest).await.unwrap(),
        Presence::Present(digest)
    );
    let mut tags = client.fetch_tags(&version).await.unwrap();
    tags.sort();
    assert_eq!(tags, ["1", "latest"]);
    let missing = reference(registry.host(), "base/apache:1");
    assert_eq!(
        client.fetch_tags(&missing).await.unwrap(),
        Vec::<String>::new()
    );
    assert!(client.fetch_manifest(&missing).await.unwrap().is_none());
}

#[tokio::test]
async fn writing_needs_a_token_of_its_own() {
    let registry = FaultyRegistry::start_for(Login::Token("ann", "s3cret"));
    registry.put_manifest("a", "1", MANIFEST);
    let client = client_for(registry.host(), "ann", "s3cret");
    let manifest = client
        .fetch_manifest(&reference(registry.host(), "a:1"))
        .await;
    let manifest = manifest.unwrap().expect("it is there");
    let latest = reference(registry.host(), "a:latest");
    client.put_manifest(&latest, &manifest).await.unwrap();
    let scopes = registry.requests_of(Operation::Token);
    let scopes: Vec<bool> = scopes
        .iter()
        .map(|token| token.path.contains("scope=repository%3Aa%3Apull%2Cpush"))
        .collect();
    assert_eq!(scopes, [false, true]);
    let put = registry.requests_of(Operation::PutLatest);
    assert_eq!(put.last().expect("a request").body, MANIFEST.as_bytes());
}

#[tokio::test]
async fn a_tag_that_is_refused_is_told() {
    let other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (fault, expected) in [
        (Fault::status(403), "denied"),
        (Fault::status(404), "garbage"),
        (Fault::status(413), "garbage"),
        (Fault::Digest(other), "garbage"),
    ] {
        let registry = FaultyRegistry::start();
        registry.put_manifest("a", "1", MANIFEST);
        registry.misbehave(Operation::PutLatest, ALWAYS, fault.clone());
        let client = client();
        let manifest = client
            .fetch_manifest(&reference(registry.host(), "a:1"))
            .await;
        let manifest = manifest.unwrap().expect("it is there");
        let latest = reference(registry.host(), "a:latest");
        let error = client
            .put_manifest(&latest, &manifest)
            .await
            .expect_err("a fault");
        assert_eq!(kind(&error), expected, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_list_of_tags_is_told() {
    let registry = FaultyRegistry::start();
    for body in ["", "[]", "{}", r#"{"name":"a","tags":1}"#] {
        let fault = Fault::Words(200, body.to_owned());
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::ListTags, ALWAYS, fault);
        match client()
            .fetch_tags(&reference(registry.host(), "a:1"))
            .await
        {
            Err(RegistryError::Garbage {
                garbage: Garbage::NoTags,
                ..
            }) => {}
            other => panic!("{body}: {other:?}"),
        }
    }
    let gone = r#"{"name":"a","tags":null}"#.to_owned();
    registry.misbehave(Operation::ListTags, ALWAYS, Fault::Words(200, gone));
    let tags = client()
        .fetch_tags(&reference(registry.host(), "a:1"))
        .await;
    assert_eq!(tags.unwrap(), Vec::<String>::new());
}
