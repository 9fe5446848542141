//! Against Debian's registry: open to everybody, with a password, and with TLS.

use pkg::oci::Digest;
use pkg::registry::{Client, Identity, Options, Presence, RegistryError};

use crate::support::docker_registry::DockerRegistry;
use crate::{client, client_for, kind, reference, steady};

#[tokio::test]
async fn what_was_pushed_is_found_and_nothing_else() {
    let registry = DockerRegistry::start();
    let digest = registry.push("base/nginx", "1").await;
    let client = client();
    let by_tag = reference(registry.host(), "base/nginx:1");
    let present = Presence::Present(digest.clone());
    assert_eq!(client.presence(&by_tag).await.unwrap(), present);
    let by_digest = by_tag.with_digest(digest);
    assert_eq!(client.presence(&by_digest).await.unwrap(), present);
    for missing in ["base/nginx:2", "base/apache:1"] {
        let presence = client.presence(&reference(registry.host(), missing)).await;
        assert_eq!(presence.unwrap(), Presence::Absent, "{missing}");
    }
    let missing = by_tag.with_digest(Digest::of(b"other bytes"));
    assert_eq!(client.presence(&missing).await.unwrap(), Presence::Absent);
}

#[tokio::test]
async fn a_password_is_wanted_and_checked() {
    let registry = DockerRegistry::start_for("ann", "s3cret");
    let digest = registry.push("base/nginx", "1").await;
    let by_tag = reference(registry.host(), "base/nginx:1");
    let missing = reference(registry.host(), "base/nginx:2");

    let right = client_for(registry.host(), "ann", "s3cret");
    let present = Presence::Present(digest);
    assert_eq!(right.presence(&by_tag).await.unwrap(), present);
    assert_eq!(right.presence(&missing).await.unwrap(), Presence::Absent);

    let wrong = client_for(registry.host(), "ann", "secret");
    for (client, expected) in [(wrong, Identity::LoggedIn), (client(), Identity::Anonymous)] {
        for asked in [&by_tag, &missing] {
            match client.presence(asked).await {
                Err(RegistryError::Denied { identity, .. }) => assert_eq!(identity, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_registry_that_was_stopped_is_unreachable() {
    let registry = DockerRegistry::start();
    registry.push("a", "1").await;
    let client = client();
    let reference = reference(registry.host(), "a:1");
    assert!(matches!(
        client.presence(&reference).await.unwrap(),
        Presence::Present(_)
    ));
    drop(registry);
    let error = client.presence(&reference).await.unwrap_err();
    assert_eq!(kind(&error), "unreachable", "{error:?}");
}

#[tokio::test]
async fn with_tls_only_a_certificate_that_is_trusted_will_do() {
    let registry = DockerRegistry::start_with_tls();
    let digest = registry.push("a", "1").await;
    let reference = reference(registry.host(), "a:1");
    let options = Options {
        ca_bundle: Some(registry.ca_bundle()),
        pace: steady(),
        ..Options::default()
    };
    let trusting = Client::new(options).expect("a client");
    let present = Presence::Present(digest);
    assert_eq!(trusting.presence(&reference).await.unwrap(), present);
    let error = client().presence(&reference).await.unwrap_err();
    assert_eq!(kind(&error), "tls", "{error:?}");
    assert!(error.to_string().contains(registry.host()), "{error}");
}
