//! Logging in: once, with what is right for the registry, and without a secret in any message.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use pkg::oci::Reference;
use pkg::registry::{Credentials, Garbage, Hint, Identity, Pace, Presence, RegistryError};

use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Login, Operation};
use crate::support::sandbox::Sandbox;
use crate::{
    MANIFEST, client, client_for, client_with, everything, hasty, kind, reference, restless, steady,
};

const PASSWORD: &str = "s3cret-Password";

fn start(login: Login) -> (FaultyRegistry, Reference) {
    let registry = FaultyRegistry::start_for(login);
    registry.put_manifest("a", "1", MANIFEST);
    let reference = reference(registry.host(), "a:1");
    (registry, reference)
}

#[track_caller]
fn assert_present(presence: Result<Presence, RegistryError>) {
    match presence {
        Ok(Presence::Present(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// Checks a denial and that no message shows a secret, be it plain or encoded.
#[track_caller]
fn assert_denied(presence: Result<Presence, RegistryError>, expected: Identity) {
    let error = presence.expect_err("it was denied");
    match &error {
        RegistryError::Denied {
            status: 401,
            identity,
            ..
        } => assert_eq!(*identity, expected),
        other => panic!("{other:?}"),
    }
    let encoded = STANDARD.encode(format!("ann:{PASSWORD}"));
    let shown = everything(&error);
    for secret in [PASSWORD, encoded.as_str()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_name_and_its_password_are_shown_from_the_second_request_on() {
    let (registry, reference) = start(Login::Basic("ann", PASSWORD));
    let client = client_for(registry.host(), "ann", PASSWORD);
    for _ in 0..3 {
        assert_present(client.presence(&reference).await);
    }
    assert_eq!(
        registry.requests().len(),
        4,
        "only the first one is refused"
    );
}

#[tokio::test]
async fn a_wrong_password_and_none_are_told_apart() {
    let (registry, reference) = start(Login::Basic("ann", "another"));
    let client_of_ann = client_for(registry.host(), "ann", PASSWORD);
    for _ in 0..2 {
        let denied = client_of_ann.presence(&reference).await;
        assert_denied(denied, Identity::LoggedIn);
    }
    let shown = registry.requests();
    let shown = shown
        .iter()
        .filter(|it| it.header("authorization").is_some());
    assert_eq!(shown.count(), 2, "once for each question");
    let denied = client().presence(&reference).await;
    let host = registry.host().to_owned();
    let hint = denied.as_ref().expect_err("it was denied").hint();
    assert_eq!(hint, Some(Hint::LogIn { host }));
    assert_denied(denied, Identity::Anonymous);
}

#[tokio::test]
async fn a_refusal_that_asks_for_no_login_is_not_told_as_the_lack_of_one() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(403));
    registry.misbehave(Operation::GetManifest, ALWAYS, Fault::status(403));
    let client_of_ann = client_for(registry.host(), "ann", PASSWORD);
    for client in [client_of_ann, client()] {
        let denied = client.presence(&reference(registry.host(), "a:1")).await;
        let host = registry.host().to_owned();
        let hint = denied.as_ref().expect_err("it was denied").hint();
        assert_eq!(hint, Some(Hint::LookBetween { host }));
    }
}

#[tokio::test]
async fn credentials_for_another_registry_are_not_shown() {
    let (registry, reference) = start(Login::Basic("ann", PASSWORD));
    let client = client_for("r.example.org", "ann", PASSWORD);
    let denied = client.presence(&reference).await;
    assert_denied(denied, Identity::Anonymous);
    let shown = registry.requests();
    assert!(shown.iter().all(|it| it.header("authorization").is_none()));
}

#[tokio::test]
async fn fifty_at_once_fetch_one_token() {
    let (registry, reference) = start(Login::Token("ann", PASSWORD));
    let client = client_for(registry.host(), "ann", PASSWORD);
    let asks = (0..50).map(|_| client.presence(&reference));
    for presence in join_all(asks).await {
        assert_present(presence);
    }
    let tokens = registry.requests_of(Operation::Token);
    assert_eq!(tokens.len(), 1);
    let host = registry.host().replace(':', "%3A");
    assert_eq!(
        tokens[0].path,
        format!("/token?service={host}&scope=repository%3Aa%3Apull&account=ann")
    );
}

#[tokio::test]
async fn each_repository_has_a_token_of_its_own() {
    let (registry, _) = start(Login::Token("ann", PASSWORD));
    registry.put_manifest("b/c", "1", MANIFEST);
    let client = client_for(registry.host(), "ann", PASSWORD);
    for _ in 0..2 {
        for name in ["a:1", "b/c:1"] {
            assert_present(client.presence(&reference(registry.host(), name)).await);
        }
    }
    let tokens = registry.requests_of(Operation::Token);
    assert_eq!(tokens.len(), 2);
    assert!(
        tokens[1].path.contains("scope=repository%3Ab%2Fc%3Apull"),
        "{tokens:?}"
    );
    let heads = registry.requests_of(Operation::HeadManifest);
    assert_eq!(heads.len(), 5, "only the first one is refused");
}

#[tokio::test]
async fn a_token_goes_to_no_other_registry_that_names_the_same_service() {
    let (registry, image) = start(Login::Token("ann", PASSWORD));
    let (other, other_image) = start(Login::AnonymousToken);
    other.name_token_service_of(registry.host());
    let client = client_for(registry.host(), "ann", PASSWORD);
    assert_present(client.presence(&image).await);
    assert_denied(client.presence(&other_image).await, Identity::Anonymous);
    let shown = other.requests();
    assert_eq!(shown.len(), 1);
    assert!(shown.iter().all(|it| it.header("authorization").is_none()));
}

#[tokio::test]
async fn what_is_denied_under_one_name_of_a_registry_is_asked_for_under_another() {
    let (registry, image) = start(Login::Token("ann", PASSWORD));
    let (other, other_image) = start(Login::AnonymousToken);
    other.name_token_service_of(registry.host());
    let client = client_for(registry.host(), "ann", PASSWORD);
    assert_denied(client.presence(&other_image).await, Identity::Anonymous);
    assert_present(client.presence(&image).await);
}

#[tokio::test]
async fn a_header_that_repeats_a_secret_brings_it_into_no_message() {
    let challenge =
        |realm: &str, words: &str| format!(r#"Bearer realm="{realm}",error_description="{words}""#);
    let encoded = STANDARD.encode(format!("ann:{PASSWORD}"));
    let secrets = format!("{PASSWORD} {encoded} token-1");
    let of_challenge = challenge("https://auth.example.org/", &secrets);
    let of_realm = challenge(&format!("http://auth.example.org/{secrets}"), "");
    let link = format!("<https://elsewhere.example.org/{secrets}/tags/list?n=1>; rel=next");
    let digest = format!("sha256:{secrets}");
    let denied = |status, header: &str| Fault::header(status, "www-authenticate", header);
    for login in [Login::Basic("ann", PASSWORD), Login::Token("ann", PASSWORD)] {
        for (fault, expected) in [
            (denied(403, &of_challenge), "was denied with status 403: "),
            (denied(401, &of_realm), "status 401"),
            (
                Fault::Headers(vec![("docker-content-digest", digest.clone())]),
                "a digest that is none: sha256:",
            ),
            (
                Fault::Headers(vec![("link", link.clone())]),
                "goes on at another address: https://elsewhere",
            ),
        ] {
            let (registry, image) = start(login.clone());
            let client = client_for(registry.host(), "ann", PASSWORD);
            assert_present(client.presence(&image).await);
            let operations = [Operation::HeadManifest, Operation::ListTags];
            for operation in operations {
                registry.misbehave(operation, ALWAYS, fault.clone());
            }
            let error = if expected.starts_with("goes on") {
                client.fetch_tags(&image).await.expect_err("a fault")
            } else {
                client.presence(&image).await.expect_err("a fault")
            };
            let shown = everything(&error);
            let is_realm = shown.contains("a token service without a safe address: http://auth");
            assert!(shown.contains(expected) || is_realm, "{expected}: {shown}");
            for secret in [PASSWORD, encoded.as_str()] {
                assert!(!shown.contains(secret), "{login:?} {fault:?}: {shown}");
            }
            let has_token = shown.contains("token-1");
            assert!(!has_token || matches!(login, Login::Basic(..)), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_at_the_token_service() {
    let (registry, reference) = start(Login::Token("ann", "another"));
    let client = client_for(registry.host(), "ann", PASSWORD);
    let asks = (0..50).map(|_| client.presence(&reference));
    for denied in join_all(asks).await {
        let text = denied.as_ref().expect_err("it was denied").to_string();
        assert!(text.contains("a token for `repository:a:pull`"), "{text}");
        assert!(text.contains("wrong credentials"), "{text}");
        assert_denied(denied, Identity::LoggedIn);
    }
    assert_eq!(registry.requests_of(Operation::Token).len(), 1);
}

#[tokio::test]
async fn a_token_that_everybody_gets_needs_no_login() {
    let (registry, reference) = start(Login::AnonymousToken);
    assert_present(client().presence(&reference).await);
    let tokens = registry.requests_of(Operation::Token);
    assert_eq!(tokens[0].header("authorization"), None);
}

#[tokio::test]
async fn a_token_that_the_registry_forgot_is_fetched_anew() {
    let (registry, reference) = start(Login::Token("ann", PASSWORD));
    let client = client_for(registry.host(), "ann", PASSWORD);
    assert_present(client.presence(&reference).await);
    registry.forget_tokens();
    assert_present(client.presence(&reference).await);
    assert_eq!(registry.requests_of(Operation::Token).len(), 2);
}

#[tokio::test]
async fn a_token_that_is_never_good_ends_in_a_denial() {
    let (registry, reference) = start(Login::AnonymousToken);
    let fault = Fault::Words(200, r#"{"token":"useless-token"}"#.to_owned());
    registry.misbehave(Operation::Token, ALWAYS, fault);
    let denied = client().presence(&reference).await;
    let shown = everything(denied.as_ref().expect_err("it was denied"));
    assert!(!shown.contains("useless-token"), "{shown}");
    assert_denied(denied, Identity::Anonymous);
    assert_eq!(registry.requests_of(Operation::HeadManifest).len(), 2);
}

#[tokio::test]
async fn an_identity_token_of_dockers_config_is_changed_for_a_token() {
    let (registry, reference) = start(Login::IdentityToken(PASSWORD));
    let entry = serde_json::json!({"auths": {registry.host(): {"identitytoken": PASSWORD}}});
    let sandbox = Sandbox::new().file("config.json", &entry.to_string());
    let path = sandbox.path().join("config.json");
    let client = client_with(steady(), Credentials::default().with_docker_config(path));
    assert_present(client.presence(&reference).await);
    let token = &registry.requests_of(Operation::Token)[0];
    assert_eq!(
        (token.method.as_str(), token.path.as_str()),
        ("POST", "/token")
    );
    let wrong = Fault::Words(400, format!("no such token: {PASSWORD}"));
    registry.misbehave(Operation::Token, ALWAYS, wrong);
    registry.forget_tokens();
    let error = client.presence(&reference).await.expect_err("it is over");
    assert_eq!(kind(&error), "denied");
    assert!(!everything(&error).contains(PASSWORD), "{error}");
}

#[tokio::test]
async fn an_identity_token_follows_no_redirect() {
    let elsewhere = FaultyRegistry::start();
    let (registry, reference) = start(Login::IdentityToken(PASSWORD));
    let there = Fault::Redirect(format!("http://{}", elsewhere.host()));
    registry.misbehave(Operation::Token, ALWAYS, there);
    let entry = serde_json::json!({"auths": {registry.host(): {"identitytoken": PASSWORD}}});
    let sandbox = Sandbox::new().file("config.json", &entry.to_string());
    let path = sandbox.path().join("config.json");
    let client = client_with(steady(), Credentials::default().with_docker_config(path));
    let error = client.presence(&reference).await.expect_err("no token");
    assert_eq!(kind(&error), "garbage", "{error:?}");
    assert_eq!(registry.requests_of(Operation::Token).len(), 1);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_token_service_in_trouble_says_nothing_about_images() {
    let cases = [
        (Fault::status(404), "garbage"),
        (Fault::Html, "garbage"),
        (Fault::Words(200, "{}".to_owned()), "garbage"),
        (Fault::status(503), "server"),
        (Fault::status(429), "rate limited"),
        (Fault::Reset, "broken"),
        (Fault::Silence, "silent"),
    ];
    let checks = cases.map(async |(fault, expected)| {
        let (registry, reference) = start(Login::AnonymousToken);
        registry.misbehave(Operation::Token, ALWAYS, fault.clone());
        let pace = if expected == "silent" {
            restless()
        } else {
            hasty()
        };
        let client = client_with(pace, Credentials::default());
        let error = client.presence(&reference).await.expect_err("no token");
        assert_eq!(kind(&error), expected, "{fault:?}: {error:?}");
    });
    join_all(checks).await;
    let (registry, reference) = start(Login::AnonymousToken);
    registry.misbehave(Operation::Token, 1..=2, Fault::status(503));
    assert_present(client().presence(&reference).await);
}

#[tokio::test]
async fn a_token_service_without_tls_gets_no_credentials() {
    let registry = FaultyRegistry::start();
    let challenge = r#"Bearer realm="http://auth.example.org/token""#;
    let fault = Fault::header(401, "www-authenticate", challenge);
    registry.misbehave(Operation::HeadManifest, ALWAYS, fault);
    let client = client_for(registry.host(), "ann", PASSWORD);
    let error = client.presence(&reference(registry.host(), "a:1")).await;
    match error.expect_err("no safe way") {
        RegistryError::Garbage {
            garbage: Garbage::Realm(_),
            ..
        } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_are_told_in_time() {
    let (registry, reference) = start(Login::Basic("ann", PASSWORD));
    let sandbox = Sandbox::new().file("config.json", r#"{"credsStore": "no-such-helper"}"#);
    // Reading it would hang.
    sandbox.run("mkfifo", &["fifo"]).assert_code(0);
    // Reading it takes far longer than a millisecond, as a helper does that waits for its user.
    let sandbox = sandbox.file("large.json", &format!("{}{{}}", " ".repeat(32 << 20)));
    for (file, text, millis) in [
        ("config.json", "the credential helper", 2000),
        ("fifo", "it is no regular file", 2000),
        ("large.json", "gave no answer in 0.001 seconds", 1),
    ] {
        let pace = Pace {
            credentials: Duration::from_millis(millis),
            ..steady()
        };
        let path = sandbox.path().join(file);
        let client = client_with(pace, Credentials::default().with_docker_config(path));
        let begin = Instant::now();
        let error = client
            .presence(&reference)
            .await
            .expect_err("no credentials");
        assert_eq!(kind(&error), "credentials", "{error:?}");
        assert!(everything(&error).contains(text), "{error:?}");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(registry.requests().len(), 3);
}
