//! Nothing but a 404 means absent, and what passes is asked again.

use std::time::{Duration, Instant};

use pkg::registry::{Credentials, Garbage, Pace, Presence, RegistryError};

use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};
use crate::{MANIFEST, client, client_with, hasty, kind, reference, restless, steady};

/// How often something is asked: once, or until the patience is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Once,
    Again,
}

/// Each request meets the fault; the image is there.
#[track_caller]
fn case(fault: &Fault, expected: &str, asked: Asked) {
    let registry = FaultyRegistry::start();
    registry.put_manifest("base/nginx", "1", MANIFEST);
    registry.misbehave(Operation::HeadManifest, ALWAYS, fault.clone());
    registry.misbehave(Operation::GetManifest, ALWAYS, fault.clone());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let begin = Instant::now();
    let pace = if expected == "silent" {
        restless()
    } else {
        hasty()
    };
    let client = client_with(pace, Credentials::default());
    let presence = runtime.block_on(client.presence(&reference(registry.host(), "base/nginx:1")));
    let error = presence.expect_err(&format!("{fault:?}"));
    assert_eq!(kind(&error), expected, "{fault:?}: {error:?}");
    let text = error.to_string();
    assert!(text.contains(registry.host()), "{text}");
    // A limit is on the host, whatever it is asked for.
    let names_image = text.contains("`base/nginx:1`");
    assert_eq!(names_image, expected != "rate limited", "{text}");
    let heads = registry.requests_of(Operation::HeadManifest).len();
    let was_asked = if heads > 1 { Asked::Again } else { Asked::Once };
    assert_eq!(was_asked, asked, "{fault:?}: {heads} requests");
    assert!(begin.elapsed() < Duration::from_secs(10), "{fault:?}");
}

/// Goes through cases side by side, since most of their time is waiting.
fn cases<const N: usize>(faults: &[Fault; N], expected: &str, asked: Asked) {
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || case(fault, expected, asked));
        }
    });
}

#[test]
fn a_denial_is_told_at_once() {
    let challenge = Fault::header(401, "www-authenticate", "Negotiate");
    let faults = [Fault::status(401), Fault::status(403), challenge];
    cases(&faults, "denied", Asked::Once);
}

#[test]
fn an_overloaded_or_ill_server_is_asked_again_and_then_told() {
    cases(&[Fault::status(429)], "rate limited", Asked::Again);
    let faults = [500, 502, 503, 504].map(Fault::status);
    cases(&faults, "server", Asked::Again);
    cases(&[Fault::status(501)], "server", Asked::Once);
}

#[test]
fn a_lost_connection_is_tried_again_and_then_told() {
    cases(&[Fault::Reset, Fault::Half], "broken", Asked::Again);
}

#[test]
fn silence_and_a_trickle_end_at_the_deadline() {
    let faults = [
        Fault::Silence,
        Fault::Drip(Duration::from_secs(1)),
        Fault::Drip(Duration::from_millis(20)),
    ];
    cases(&faults, "silent", Asked::Again);
}

#[test]
fn what_no_registry_answers_is_told_at_once() {
    let faults = [204, 301, 400, 410, 418].map(Fault::status);
    cases(&faults, "garbage", Asked::Once);
    let faults = [Fault::Digest("sha256:1"), Fault::Html];
    cases(&faults, "garbage", Asked::Once);
}

#[tokio::test]
async fn absent_is_a_404_of_a_registry_by_its_header_or_its_words_or_its_api() {
    let bare = || Fault::Words(200, "{}".to_owned());
    let words = |text: &str| Fault::Words(404, text.to_owned());
    // What a HEAD gets, what a GET gets, and what the API itself says; then how often the latter two are asked.
    for (head, get, root, (gets, pings)) in [
        (None, None, None, (0, 0)),
        // As Quay answers, which signs its API alone.
        (
            Some(Fault::status(404)),
            Some(Fault::status(404)),
            None,
            (3, 1),
        ),
        (Some(words("")), None, None, (3, 1)),
        // Who signs nothing has to be there each time.
        (Some(Fault::status(404)), None, Some(bare()), (0, 3)),
        (Some(words("no such page")), None, Some(bare()), (0, 3)),
    ] {
        let registry = FaultyRegistry::start();
        for (operation, fault) in [
            (Operation::HeadManifest, head),
            (Operation::GetManifest, get),
            (Operation::Ping, root),
        ] {
            if let Some(fault) = fault {
                registry.misbehave(operation, ALWAYS, fault);
            }
        }
        let client = client();
        for _ in 0..3 {
            let absent = reference(registry.host(), "base/nginx:1");
            assert_eq!(client.presence(&absent).await.unwrap(), Presence::Absent);
        }
        assert_eq!(registry.requests_of(Operation::Ping).len(), pings);
        assert_eq!(registry.requests_of(Operation::GetManifest).len(), gets);
        assert_eq!(registry.requests_of(Operation::HeadManifest).len(), 3);
    }
}

#[tokio::test]
async fn the_404_of_a_proxy_says_nothing_about_images() {
    let page = Fault::Status(
        404,
        vec![("content-type", "text/html; charset=utf-8".to_owned())],
    );
    let words = Fault::Words(404, "default backend - 404".to_owned());
    for (answer, ping) in [
        (page, None),
        (words.clone(), Some(words.clone())),
        (words.clone(), Some(Fault::Html)),
        (words.clone(), Some(Fault::status(401))),
        (words, Some(Fault::status(403))),
    ] {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::HeadManifest, ALWAYS, answer.clone());
        if let Some(ping) = &ping {
            registry.misbehave(Operation::Ping, ALWAYS, ping.clone());
        }
        let presence = client().presence(&reference(registry.host(), "a:1")).await;
        match presence {
            Err(RegistryError::Garbage {
                garbage: Garbage::ForeignAbsence(_),
                ..
            }) => {}
            other => panic!("{answer:?} {ping:?}: {other:?}"),
        }
    }
    // Of a registry that signs, what stands before it is told from it while it is away for a moment; and of one that does
    // not, since its API is away too.
    let lost = || Fault::Words(404, "404 page not found".to_owned());
    let bare = Fault::Words(200, "{}".to_owned());
    for (root, after) in [(None, None), (Some(bare), Some(lost()))] {
        let registry = FaultyRegistry::start();
        for (requests, fault) in [(1..=1, root), (2..=2, after)] {
            if let Some(fault) = fault {
                registry.misbehave(Operation::Ping, requests, fault);
            }
        }
        registry.misbehave(Operation::HeadManifest, 1..=1, Fault::status(404));
        registry.misbehave(Operation::HeadManifest, 2..=2, lost());
        registry.misbehave(Operation::GetManifest, 2..=2, lost());
        let client = client();
        let first = client.presence(&reference(registry.host(), "a:1")).await;
        assert_eq!(first.unwrap(), Presence::Absent);
        let second = client.presence(&reference(registry.host(), "b:1")).await;
        let error = second.expect_err("no registry answered").to_string();
        let cause = "got no registry's answer: a 404 of something that is no registry";
        assert!(error.contains(cause), "{error}");
    }
    // While the host is ill, it is not known whether it is a registry.
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(404));
    registry.misbehave(Operation::Ping, 1..=2, Fault::status(503));
    let presence = client().presence(&reference(registry.host(), "a:1")).await;
    assert_eq!(presence.unwrap(), Presence::Absent);
}

#[tokio::test]
async fn the_404_of_another_host_says_nothing_about_a_registry_that_sent_there() {
    let (registry, other) = (FaultyRegistry::start(), FaultyRegistry::start());
    let there = Fault::Redirect(format!("http://{}", other.host()));
    registry.misbehave(Operation::HeadManifest, ALWAYS, there);
    let image = reference(registry.host(), "a:1");
    let presence = client().presence(&image).await;
    let error = presence.expect_err("another host's 404").to_string();
    let cause = format!("a redirect to `{}`, and a 404 from there", other.host());
    assert!(error.ends_with(&cause), "{error}");
    let digest = other.put_manifest("a", "1", MANIFEST);
    let presence = client().presence(&image).await;
    assert_eq!(presence.unwrap(), Presence::Present(digest));
}

#[tokio::test]
async fn an_image_that_is_there_is_found_by_tag_and_by_digest() {
    let registry = FaultyRegistry::start();
    let digest = registry.put_manifest("base/nginx", "1", MANIFEST);
    let by_tag = reference(registry.host(), "base/nginx:1");
    let present = Presence::Present(digest.clone());
    assert_eq!(client().presence(&by_tag).await.unwrap(), present);
    let by_digest = by_tag.with_digest(digest);
    assert_eq!(client().presence(&by_digest).await.unwrap(), present);
    let request = &registry.requests()[0];
    assert_eq!(request.path, "/v2/base/nginx/manifests/1");
    let accept = request.header("accept").expect("the kinds of manifest");
    for kind in [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ] {
        assert!(accept.contains(kind), "{accept}");
    }
}

#[tokio::test]
async fn trouble_that_passes_is_no_trouble() {
    for fault in [
        Fault::status(429),
        Fault::status(500),
        Fault::status(503),
        Fault::Reset,
        Fault::Half,
        Fault::Silence,
    ] {
        let registry = FaultyRegistry::start();
        let digest = registry.put_manifest("a", "1", MANIFEST);
        registry.misbehave(Operation::HeadManifest, 1..=1, fault.clone());
        let pace = Pace {
            request: Duration::from_millis(500),
            ..steady()
        };
        let presence = client_with(pace, Credentials::default())
            .presence(&reference(registry.host(), "a:1"))
            .await;
        assert_eq!(presence.unwrap(), Presence::Present(digest), "{fault:?}");
        assert_eq!(registry.requests().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn the_manifest_is_read_where_a_head_does_not_tell_its_digest() {
    for fault in [Fault::NoDigest, Fault::status(405)] {
        let registry = FaultyRegistry::start();
        let digest = registry.put_manifest("a", "1", MANIFEST);
        registry.misbehave(Operation::HeadManifest, ALWAYS, fault);
        registry.misbehave(Operation::GetManifest, ALWAYS, Fault::NoDigest);
        let by_tag = reference(registry.host(), "a:1");
        let presence = client().presence(&by_tag).await;
        assert_eq!(presence.unwrap(), Presence::Present(digest));
        let missing = client().presence(&reference(registry.host(), "a:2")).await;
        assert_eq!(missing.unwrap(), Presence::Absent);
    }
}

#[tokio::test]
async fn half_a_manifest_is_read_again() {
    let registry = FaultyRegistry::start();
    let digest = registry.put_manifest("a", "1", MANIFEST);
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(405));
    registry.misbehave(Operation::GetManifest, 1..=2, Fault::Half);
    let presence = client().presence(&reference(registry.host(), "a:1")).await;
    assert_eq!(presence.unwrap(), Presence::Present(digest));
    assert_eq!(registry.requests_of(Operation::GetManifest).len(), 3);
}

#[tokio::test]
async fn a_digest_of_other_bytes_is_garbage() {
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let registry = FaultyRegistry::start();
    let digest = registry.put_manifest("a", "1", MANIFEST);
    registry.misbehave(Operation::HeadManifest, 1..=1, Fault::status(405));
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::Digest(other));
    registry.misbehave(Operation::GetManifest, ALWAYS, Fault::Digest(other));
    let by_tag = reference(registry.host(), "a:1");
    let read = client().presence(&by_tag).await;
    let asked_by_digest = client().presence(&by_tag.with_digest(digest)).await;
    for presence in [read, asked_by_digest] {
        match presence {
            Err(RegistryError::Garbage {
                garbage: Garbage::OtherDigest,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_manifest_without_end_is_not_read_to_it() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(405));
    registry.misbehave(Operation::GetManifest, ALWAYS, Fault::Huge);
    let presence = client().presence(&reference(registry.host(), "a:1")).await;
    match presence {
        Err(RegistryError::Garbage {
            garbage: Garbage::TooLarge { .. },
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_listening_is_told_soon() {
    let host = FaultyRegistry::start().host().to_owned();
    let begin = Instant::now();
    let error = client()
        .presence(&reference(&host, "a:1"))
        .await
        .unwrap_err();
    assert_eq!(kind(&error), "unreachable", "{error:?}");
    let expected = format!("{host} cannot be reached: Connection refused (os error 111)");
    assert_eq!(error.to_string(), expected);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_servers_words_are_shown_without_what_moves_the_cursor() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(405));
    let words = "not\u{1b}[31m today\r\n".to_owned();
    registry.misbehave(Operation::GetManifest, ALWAYS, Fault::Words(403, words));
    let presence = client().presence(&reference(registry.host(), "a:1")).await;
    let text = presence.unwrap_err().to_string();
    assert!(
        text.ends_with("was denied with status 403: not [31m today"),
        "{text}"
    );
}

#[tokio::test]
async fn a_registry_that_goes_away_is_waited_for_and_one_that_never_was_there_is_not() {
    let registry = FaultyRegistry::start();
    registry.put_manifest("a", "1", MANIFEST);
    let image = reference(registry.host(), "a:1");
    let fresh = || client_with(hasty(), Credentials::default());
    let (known, stranger) = (fresh(), fresh());
    known.presence(&image).await.unwrap();
    drop(registry);
    let gone = known.presence(&image).await.expect_err("nobody is there");
    assert_eq!(kind(&gone), "unreachable");
    assert!(gone.asked().times > 3, "{gone}");
    let never = stranger
        .presence(&image)
        .await
        .expect_err("nobody is there");
    assert_eq!(never.asked().times, 3, "{never}");
}
