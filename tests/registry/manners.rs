//! A registry is asked no more often, and no sooner, than it wants.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pkg::registry::{Client, Credentials, Options, Pace, Presence, RegistryError};

use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Login, Operation};
use crate::{MANIFEST, client, client_for, client_with, kind, reference, steady};

fn patient(patience: Duration) -> Client {
    let pace = Pace {
        patience,
        ..steady()
    };
    client_with(pace, Credentials::default())
}

fn client_at_once(concurrency: usize) -> Client {
    let options = Options {
        concurrency,
        pace: steady(),
        ..Options::default()
    };
    Client::new(options).expect("a client")
}

#[tokio::test]
async fn no_more_requests_than_allowed_are_under_way() {
    let registry = FaultyRegistry::start();
    registry.put_manifest("a", "1", MANIFEST);
    let client = client_at_once(3);
    let reference = reference(registry.host(), "a:1");
    let asks = (0..40).map(|_| client.presence(&reference));
    for presence in join_all(asks).await {
        assert!(matches!(presence.unwrap(), Presence::Present(_)));
    }
    assert_eq!(registry.most_at_once(), 3);
    assert_eq!(registry.requests().len(), 40);
}

#[tokio::test]
async fn the_requests_to_all_hosts_count_together() {
    let (slow, other) = (FaultyRegistry::start(), FaultyRegistry::start());
    let drip = Fault::Drip(Duration::from_millis(2));
    slow.misbehave(Operation::HeadManifest, ALWAYS, drip);
    let client = client_at_once(1);
    let slow_one = reference(slow.host(), "a:1");
    let other_one = reference(other.host(), "a:1");
    let begin = Instant::now();
    let asked_slow = async {
        let presence = client.presence(&slow_one).await;
        (presence, begin.elapsed())
    };
    let ((first, answered), second) = tokio::join!(asked_slow, client.presence(&other_one));
    for presence in [first, second] {
        assert_eq!(presence.unwrap(), Presence::Absent);
    }
    let asked_other = other.requests()[0].at - begin;
    assert!(answered > Duration::from_millis(100), "{answered:?}");
    // The answer was there a moment before it was seen here.
    assert!(asked_other > answered / 2, "{asked_other:?} {answered:?}");
}

#[tokio::test]
async fn without_patience_everything_is_asked_once() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(503));
    let client = patient(Duration::ZERO);
    let error = client.presence(&reference(registry.host(), "a:1")).await;
    assert_eq!(kind(&error.unwrap_err()), "server");
    assert_eq!(registry.requests().len(), 1);
}

#[tokio::test]
async fn waits_end_with_the_patience() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(503));
    let begin = Instant::now();
    let client = patient(Duration::from_secs(1));
    let error = client.presence(&reference(registry.host(), "a:1")).await;
    let error = error.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(10), "{error}");
    let requests = registry.requests().len();
    assert!(requests > 3, "{requests} requests");
    assert!(
        error.to_string().contains(&format!("({requests} times)")),
        "{error}"
    );
}

/// Gives the time between the first two requests, of which the first one meets the fault.
async fn wait_after(fault: Fault) -> Duration {
    let registry = FaultyRegistry::start();
    registry.put_manifest("a", "1", MANIFEST);
    registry.misbehave(Operation::HeadManifest, 1..=1, fault);
    let client = client();
    let presence = client.presence(&reference(registry.host(), "a:1")).await;
    assert!(matches!(presence.expect("an answer"), Presence::Present(_)));
    let requests = registry.requests();
    assert_eq!(requests.len(), 2);
    requests[1].at - requests[0].at
}

#[tokio::test]
async fn retry_after_is_obeyed_in_seconds_and_as_a_date() {
    let dates = vec![
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
        ("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT".to_owned()),
    ];
    let faults = [
        Fault::header(429, "retry-after", "1"),
        Fault::header(503, "retry-after", "1"),
        Fault::Status(429, dates),
    ];
    for wait in join_all(faults.map(wait_after)).await {
        assert!(wait >= Duration::from_secs(1), "{wait:?}");
        assert!(wait < Duration::from_secs(10), "{wait:?}");
    }
    let wait = wait_after(Fault::header(429, "retry-after", "soon")).await;
    assert!(wait < Duration::from_secs(1), "{wait:?}");
}

#[tokio::test]
async fn a_wait_longer_than_the_patience_is_told_at_once_and_for_all_of_the_host() {
    let registry = FaultyRegistry::start();
    let other = FaultyRegistry::start();
    for registry in [&registry, &other] {
        registry.put_manifest("a", "1", MANIFEST);
    }
    let fault = Fault::header(429, "retry-after", "3600");
    registry.misbehave(Operation::HeadManifest, 1..=1, fault);
    let client = client();
    let begin = Instant::now();
    for _ in 0..3 {
        let presence = client.presence(&reference(registry.host(), "a:1")).await;
        match presence.unwrap_err() {
            RegistryError::RateLimited {
                wait: Some(wait), ..
            } => {
                assert!(wait > Duration::from_secs(3590), "{wait:?}");
            }
            error => panic!("{error:?}"),
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(registry.requests().len(), 1, "the host is left alone");
    let presence = client.presence(&reference(other.host(), "a:1")).await;
    assert!(matches!(presence.unwrap(), Presence::Present(_)));
}

#[tokio::test]
async fn one_request_too_many_slows_all_requests_to_the_host() {
    let registry = FaultyRegistry::start();
    registry.put_manifest("a", "1", MANIFEST);
    let fault = Fault::header(429, "retry-after", "1");
    registry.misbehave(Operation::HeadManifest, 1..=1, fault);
    let client = client_at_once(2);
    let reference = reference(registry.host(), "a:1");
    let asks = (0..12).map(|_| client.presence(&reference));
    for presence in join_all(asks).await {
        assert!(matches!(presence.unwrap(), Presence::Present(_)));
    }
    let requests = registry.requests();
    let first = requests[0].at;
    let early = requests
        .iter()
        .filter(|it| it.at - first < Duration::from_millis(900));
    // The other one that was under way, and at most one that it let in before the answer came.
    assert!((1..=3).contains(&early.count()), "{requests:?}");
    assert_eq!(requests.len(), 13);
}

#[tokio::test]
async fn a_registry_that_serves_one_at_a_time_serves_all() {
    let registry = FaultyRegistry::start();
    registry.put_manifest("a", "1", MANIFEST);
    // Of ten requests it takes one, which is far too few for the patience of those that wait.
    for number in (1..2000).filter(|number| number % 10 != 0) {
        registry.misbehave(Operation::HeadManifest, number..=number, Fault::status(429));
    }
    let options = Options {
        concurrency: 6,
        pace: Pace {
            patience: Duration::from_millis(1500),
            ..steady()
        },
        ..Options::default()
    };
    let client = Client::new(options).expect("a client");
    let reference = reference(registry.host(), "a:1");
    let asks = (0..60).map(|_| client.presence(&reference));
    for presence in join_all(asks).await {
        assert!(matches!(presence.expect("its turn"), Presence::Present(_)));
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_credentials() {
    let target = FaultyRegistry::start();
    let digest = target.put_manifest("a", "1", MANIFEST);
    let registry = FaultyRegistry::start_for(Login::Basic("ann", "s3cret"));
    let there = Fault::Redirect(format!("http://{}", target.host()));
    registry.misbehave(Operation::HeadManifest, 2..=2, there);
    let client = client_for(registry.host(), "ann", "s3cret");
    let presence = client.presence(&reference(registry.host(), "a:1")).await;
    assert_eq!(presence.unwrap(), Presence::Present(digest));
    let shown = registry.requests()[1]
        .header("authorization")
        .map(str::to_owned);
    assert!(shown.is_some(), "the registry itself gets the credentials");
    let requests = target.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[0].header("referer"), None);
}

#[tokio::test]
async fn a_circle_of_redirects_is_garbage() {
    let registry = FaultyRegistry::start();
    let here = Fault::Redirect(format!("http://{}", registry.host()));
    registry.misbehave(Operation::HeadManifest, ALWAYS, here);
    let error = client().presence(&reference(registry.host(), "a:1")).await;
    assert_eq!(kind(&error.unwrap_err()), "garbage");
    assert!(registry.requests().len() < 10);
}

#[tokio::test]
async fn another_host_than_this_machine_is_spoken_to_with_tls_alone() {
    let registry = FaultyRegistry::start();
    // Linux takes this address for the machine itself; by its name it is none.
    let host = registry.host().replace("127.0.0.1", "0.0.0.0");
    let error = client().presence(&reference(&host, "a:1")).await;
    assert_eq!(kind(&error.unwrap_err()), "tls");
    assert!(registry.requests().is_empty());
}
