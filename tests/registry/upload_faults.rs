//! A blob that does not come whole and right is not there, and the error says why; what passes is overcome.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use pkg::oci::Digest;
use pkg::registry::{Client, Credentials, Garbage, LocalBlob, RegistryError, Uploaded};

use crate::support::docker_registry::DockerRegistry;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Login, Operation};
use crate::uploading::{MIB, blob};
use crate::{
    client, client_for, client_with, everything, hasty, kind, reference, restless, steady,
};

pub(crate) const LARGE: usize = 12 * MIB;

pub(crate) async fn send(
    client: &Client,
    registry: &FaultyRegistry,
    size_bytes: usize,
) -> Result<Uploaded, RegistryError> {
    let place = reference(registry.host(), "a:1");
    client.upload(&place, &blob(size_bytes).local(), &[]).await
}

fn impatient() -> Client {
    client_with(hasty(), Credentials::default())
}

#[tokio::test]
async fn a_file_that_is_not_the_blob_is_never_committed() {
    let registry = DockerRegistry::start();
    let front = FaultyRegistry::start_in_front_of(registry.host(), None);
    let place = reference(front.host(), "a:1");
    for size_bytes in [0, 1, 1000, LARGE] {
        let blob = blob(size_bytes);
        let (size_bytes, wrong) = (size_bytes as u64, Digest::of(b"wrong"));
        let right = &blob.digest;
        for (digest, size_bytes) in [(&wrong, size_bytes), (right, size_bytes + 1)] {
            let local = LocalBlob {
                digest,
                size_bytes,
                path: &blob.path,
            };
            let error = client().upload(&place, &local, &[]).await;
            let error = error.expect_err("it is not the blob");
            assert_eq!(kind(&error), "changed", "{error:?}");
            let path = blob.path.display().to_string();
            assert!(error.to_string().contains(&path), "{error}");
        }
        let missing = LocalBlob {
            digest: &blob.digest,
            size_bytes,
            path: blob.path.parent().expect("a directory"),
        };
        let error = client().upload(&place, &missing, &[]).await;
        assert_eq!(kind(&error.expect_err("a directory")), "unreadable");
    }
    let closed = front.requests_of(Operation::FinishUpload);
    let whole = closed.iter().filter(|it| !it.body.is_empty());
    assert_eq!(whole.count(), 0, "{closed:?}");
    for text in ["wrong", ""] {
        let local = LocalBlob {
            digest: &Digest::of(text.as_bytes()),
            size_bytes: 5,
            path: std::path::Path::new("/nowhere"),
        };
        let error = client().upload(&place, &local, &[]).await;
        assert_eq!(kind(&error.expect_err("it is not there")), "unreadable");
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_told_and_not_committed() {
    for position in [100, 11 * MIB, 21 * MIB] {
        for cut in [false, true] {
            let registry = FaultyRegistry::start();
            let blob = blob(22 * MIB);
            let path = blob.path.clone();
            let mut writes = 0;
            registry.watch(move |request| {
                writes += usize::from(request.operation == Operation::WriteUpload);
                if writes != 2 || request.operation != Operation::WriteUpload {
                    return;
                }
                let mut file = std::fs::File::options()
                    .write(true)
                    .open(&path)
                    .expect("a file");
                if cut {
                    file.set_len(position as u64).expect("a shorter file");
                } else {
                    file.seek(SeekFrom::Start(position as u64))
                        .expect("a place");
                    file.write_all(b"changed").expect("other bytes");
                }
            });
            // What was read is not read again, unless it has to be sent again; or it is asked how much came.
            registry.misbehave(Operation::WriteUpload, 2..=2, Fault::Reset);
            let lost = Fault::status(404);
            registry.misbehave(Operation::AskUpload, ALWAYS, lost);
            let place = reference(registry.host(), "a:1");
            let error = client().upload(&place, &blob.local(), &[]).await;
            let error = error.expect_err("it is another file");
            assert_eq!(kind(&error), "changed", "{position} {cut}: {error:?}");
            assert!(registry.requests_of(Operation::FinishUpload).is_empty());
        }
    }
}

#[tokio::test]
async fn trouble_that_passes_is_overcome() {
    let login = || Login::Token("ann", "s3cret");
    for fault in [
        Fault::status(429),
        Fault::status(500),
        Fault::status(503),
        Fault::Reset,
        Fault::Half,
    ] {
        for (operation, size_bytes) in [
            (Operation::HeadBlob, 1000),
            (Operation::StartUpload, 1000),
            (Operation::WriteUpload, LARGE),
            (Operation::AskUpload, 1000),
            (Operation::AskUpload, LARGE),
            (Operation::FinishUpload, 1000),
            (Operation::FinishUpload, LARGE),
        ] {
            let registry = FaultyRegistry::start_for(login());
            registry.misbehave(operation, 1..=2, fault.clone());
            if operation == Operation::AskUpload {
                for part in [Operation::WriteUpload, Operation::FinishUpload] {
                    registry.misbehave(part, 1..=1, Fault::Reset);
                }
            }
            let client = client_for(registry.host(), "ann", "s3cret");
            let sent = send(&client, &registry, size_bytes).await;
            let shown = format!("{fault:?} {size_bytes} {operation:?}");
            assert_eq!(sent.expect(&shown), Uploaded::Sent, "{shown}");
            assert!(registry.hits() >= 2, "{shown}");
        }
    }
}

#[tokio::test]
async fn a_login_that_is_over_in_the_middle_is_renewed() {
    let registry = FaultyRegistry::start_for(Login::Token("ann", "s3cret"));
    let host = registry.host();
    let challenge = format!(
        r#"Bearer realm="http://{host}/token",service="{host}",scope="repository:a:pull,push""#
    );
    let over = Fault::header(401, "www-authenticate", &challenge);
    for operation in [Operation::WriteUpload, Operation::FinishUpload] {
        registry.misbehave(operation, 2..=2, over.clone());
    }
    registry.misbehave(Operation::FinishUpload, 1..=1, over);
    let client = client_for(registry.host(), "ann", "s3cret");
    // The first PUT after a token that was refused is refused too.
    let error = send(&client, &registry, LARGE).await;
    assert_eq!(kind(&error.expect_err("refused twice")), "denied");
    let sent = send(&client, &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let shown: Vec<_> = registry
        .requests_of(Operation::WriteUpload)
        .iter()
        .map(|it| it.header("authorization").map(str::to_owned))
        .collect();
    assert_ne!(shown[1], shown[2], "another token is shown");
}

#[tokio::test]
async fn a_limit_is_kept_to() {
    let registry = FaultyRegistry::start();
    let fault = Fault::header(429, "retry-after", "1");
    registry.misbehave(Operation::WriteUpload, 2..=2, fault);
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let writes = registry.requests_of(Operation::WriteUpload);
    assert!(writes[2].at - writes[1].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn an_upload_that_is_lost_begins_anew_and_not_without_end() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, 2..=2, Fault::status(404));
    assert_eq!(
        send(&client(), &registry, LARGE).await.unwrap(),
        Uploaded::Sent
    );
    assert_eq!(registry.requests_of(Operation::StartUpload).len(), 2);
    let registry = FaultyRegistry::start();
    for operation in [Operation::WriteUpload, Operation::FinishUpload] {
        registry.misbehave(operation, ALWAYS, Fault::status(404));
    }
    let error = send(&client(), &registry, LARGE).await.expect_err("lost");
    let expected = "was refused with status 404: as the test wants it";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert_eq!(registry.requests_of(Operation::StartUpload).len(), 4);
}

#[tokio::test]
async fn what_loses_an_upload_twice_is_not_done_in_the_same_way_again() {
    // Every PATCH loses it: the blob comes in the PUT.
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, ALWAYS, Fault::status(404));
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    assert_eq!(registry.requests_of(Operation::WriteUpload).len(), 3);
    // The PUT after the parts is refused: the blob comes in one PATCH.
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::FinishUpload, 1..=2, Fault::status(400));
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let writes = registry.requests_of(Operation::WriteUpload);
    let told = writes.iter().map(|it| it.header("content-range").is_some());
    let told: Vec<bool> = told.collect();
    assert_eq!(told, [true, true, true, true, false]);
}

#[tokio::test]
async fn a_part_that_is_refused_without_a_word_of_where_it_belongs_is_not_sent_without_end() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, 2..=200, Fault::status(416));
    match send(&client(), &registry, LARGE).await {
        Err(RegistryError::Garbage {
            garbage: Garbage::Stalled(taken),
            ..
        }) => assert_eq!(taken, 10 * MIB as u64),
        other => panic!("{other:?}"),
    }
    assert_eq!(registry.requests_of(Operation::StartUpload).len(), 1);
    assert_eq!(registry.requests_of(Operation::WriteUpload).len(), 7);
}

#[tokio::test]
async fn the_troubles_of_a_lost_upload_are_not_those_of_the_next_one() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, 2..=2, Fault::status(500));
    registry.misbehave(Operation::AskUpload, 1..=1, Fault::status(404));
    registry.misbehave(Operation::WriteUpload, 4..=4, Fault::status(500));
    let mut begun = 0;
    registry.watch(move |request| {
        begun += usize::from(request.operation == Operation::StartUpload);
        if begun == 2 && request.operation == Operation::StartUpload {
            // By now the patience with the first one would be over.
            std::thread::sleep(hasty().patience * 2);
        }
    });
    let sent = send(&impatient(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    assert_eq!(registry.hits(), 3);
}

#[tokio::test]
async fn a_mount_that_fails_or_is_not_confirmed_costs_only_the_sending() {
    for (operation, request, fault) in [
        (Operation::StartUpload, 1, Fault::status(507)),
        (Operation::StartUpload, 1, Fault::status(201)),
        (Operation::HeadBlob, 2, Fault::status(507)),
    ] {
        let registry = FaultyRegistry::start();
        let shown = format!("{operation:?} {fault:?}");
        registry.misbehave(operation, request..=request, fault);
        let place = reference(registry.host(), "a:1");
        let from = ["b:1", "c:1"].map(|it| reference(registry.host(), it));
        let sent = client().upload(&place, &blob(1000).local(), &from).await;
        assert_eq!(sent.expect(&shown), Uploaded::Sent, "{shown}");
        assert_eq!(registry.hits(), 1, "{shown}");
    }
}

#[tokio::test]
async fn a_registry_has_some_time_until_it_shows_what_it_took() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadBlob, 1..=6, Fault::status(404));
    let sent = send(&client(), &registry, 1000).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let asked = registry.requests_of(Operation::HeadBlob);
    assert_eq!(asked.len(), 7);
    // Not less than all waits, of which the first one is the shortest.
    let waited = asked[6].at - asked[1].at;
    assert!(waited >= steady().first_wait * 21, "{waited:?}");
}

#[tokio::test]
async fn each_part_may_be_sent_on() {
    let registry = FaultyRegistry::start();
    let here = Fault::Redirect(format!("http://{}", registry.host()));
    for requests in [1..=3, 5..=7] {
        registry.misbehave(Operation::WriteUpload, requests, here.clone());
    }
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let registry = FaultyRegistry::start();
    let here = Fault::Redirect(format!("http://{}", registry.host()));
    registry.misbehave(Operation::WriteUpload, ALWAYS, here);
    let error = send(&client(), &registry, LARGE).await;
    assert_eq!(kind(&error.expect_err("a circle")), "garbage");
    assert_eq!(registry.requests_of(Operation::WriteUpload).len(), 6);
}

#[tokio::test]
async fn what_another_host_refuses_is_told_of_that_host() {
    for (operation, size_bytes) in [
        (Operation::WriteUpload, LARGE),
        (Operation::FinishUpload, 1000),
    ] {
        for (status, expected) in [
            (401, "denied"),
            (403, "denied"),
            (413, "refused"),
            (507, "server"),
        ] {
            let front = FaultyRegistry::start();
            let store = FaultyRegistry::start();
            let there = Fault::Location(store.host().to_owned());
            front.misbehave(Operation::StartUpload, ALWAYS, there);
            for operation in [operation, Operation::FinishUpload] {
                // What is too large in parts may come as a whole.
                store.misbehave(operation, ALWAYS, Fault::status(status));
            }
            let error = send(&impatient(), &front, size_bytes).await;
            let error = error.expect_err("it is refused");
            assert_eq!(kind(&error), expected, "{error:?}");
            assert_eq!(&*error.asked().host, store.host(), "{error:?}");
            assert_eq!(&*error.asked().registry, front.host(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_registry_gets_a_blob_in_the_way_that_it_takes() {
    for status in [400, 405, 415, 501] {
        for (size_bytes, operation) in [
            (1000, Operation::FinishUpload),
            (LARGE, Operation::WriteUpload),
        ] {
            for times in [1, 2] {
                if (operation, times) == (Operation::FinishUpload, 2) {
                    continue;
                }
                let registry = FaultyRegistry::start();
                registry.misbehave(operation, 1..=times, Fault::status(status));
                let sent = send(&client(), &registry, size_bytes).await;
                assert_eq!(sent.unwrap(), Uploaded::Sent, "{status} {operation:?}");
            }
        }
        let registry = FaultyRegistry::start();
        for operation in [Operation::WriteUpload, Operation::FinishUpload] {
            registry.misbehave(operation, ALWAYS, Fault::status(status));
        }
        for size_bytes in [1000, LARGE] {
            let error = send(&impatient(), &registry, size_bytes).await;
            let error = error.expect_err("it takes nothing").to_string();
            assert!(error.contains(&format!("status {status}")), "{error}");
        }
    }
}

#[tokio::test]
async fn what_a_registry_refuses_is_told_in_its_words() {
    for (fault, expected, words) in [
        (Fault::status(403), "denied", "status 403: as the test"),
        (Fault::status(413), "refused", "status 413: as the test"),
        (
            Fault::Words(413, "too large".to_owned()),
            "garbage",
            "status 413: too large",
        ),
        (Fault::status(503), "server", "status 503: as the test"),
        (Fault::status(507), "server", "status 507: as the test"),
        (Fault::status(429), "rate limited", "limits requests"),
        (Fault::Reset, "broken", "lost the connection"),
    ] {
        for (operation, size_bytes) in [
            (Operation::StartUpload, 1000),
            (Operation::WriteUpload, LARGE),
            (Operation::FinishUpload, 1000),
        ] {
            let registry = FaultyRegistry::start();
            registry.misbehave(operation, ALWAYS, fault.clone());
            // What is too large in parts may come as a whole.
            registry.misbehave(Operation::FinishUpload, ALWAYS, fault.clone());
            let error = send(&impatient(), &registry, size_bytes).await;
            let error = error.expect_err("a fault");
            assert_eq!(kind(&error), expected, "{operation:?}: {error:?}");
            let text = error.to_string();
            assert!(text.contains(words), "{text}");
            let names_blob = text.contains("an upload of `a@sha256:");
            assert_eq!(names_blob, expected != "rate limited", "{text}");
        }
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    for operation in [
        Operation::StartUpload,
        Operation::WriteUpload,
        Operation::FinishUpload,
    ] {
        let registry = FaultyRegistry::start();
        registry.misbehave(operation, ALWAYS, Fault::Silence);
        let begin = Instant::now();
        let client = client_with(restless(), Credentials::default());
        // A PUT has more time the larger the blob is.
        let error = send(&client, &registry, LARGE).await;
        assert_eq!(
            kind(&error.expect_err("silence")),
            "silent",
            "{operation:?}"
        );
        assert!(begin.elapsed() < Duration::from_secs(10), "{operation:?}");
    }
}

#[tokio::test]
async fn a_range_that_was_not_sent_is_no_registrys() {
    for range in ["0-10485760", "0-99999999999", "5-10", "x"] {
        let registry = FaultyRegistry::start();
        let fault = Fault::Headers(vec![("range", range.to_owned())]);
        registry.misbehave(Operation::WriteUpload, ALWAYS, fault);
        match send(&client(), &registry, LARGE).await {
            Err(RegistryError::Garbage {
                garbage: Garbage::Range,
                ..
            }) => {}
            other => panic!("{range}: {other:?}"),
        }
        assert!(registry.requests_of(Operation::FinishUpload).is_empty());
    }
}

#[tokio::test]
async fn a_range_that_goes_back_is_followed_as_long_as_that_leads_on() {
    let back = |range: &str| Fault::Headers(vec![("range", range.to_owned())]);
    let registry = FaultyRegistry::start();
    // What was said to be lost was not: the registry then says where it is.
    registry.misbehave(Operation::WriteUpload, 2..=2, back("0-4999999"));
    let sent = send(&client(), &registry, 25 * MIB).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, ALWAYS, back("0-0"));
    match send(&client(), &registry, LARGE).await {
        Err(RegistryError::Garbage {
            garbage: Garbage::Stalled(0),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert!(registry.requests_of(Operation::WriteUpload).len() < 10);
}

#[tokio::test]
async fn nothing_is_sent_that_a_head_does_not_confirm() {
    for size_bytes in [1000, LARGE] {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::HeadBlob, ALWAYS, Fault::status(404));
        match send(&impatient(), &registry, size_bytes).await {
            Err(RegistryError::Garbage {
                garbage: Garbage::Contradiction,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
        let registry = FaultyRegistry::start();
        let size = Fault::Headers(vec![("content-length", "5".to_owned())]);
        registry.misbehave(Operation::HeadBlob, 2..=2, size);
        match send(&impatient(), &registry, size_bytes).await {
            Err(RegistryError::Garbage {
                garbage: Garbage::OtherSize { told: 5, .. },
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
        let other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::FinishUpload, ALWAYS, Fault::Digest(other));
        let error = send(&impatient(), &registry, size_bytes).await;
        let error = error.expect_err("another digest").to_string();
        assert!(
            error.contains("a digest that belongs to other bytes"),
            "{error}"
        );
    }
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::HeadBlob, ALWAYS, Fault::Html);
    let error = send(&impatient(), &registry, 1000).await;
    assert_eq!(kind(&error.expect_err("a page")), "garbage");
}

#[tokio::test]
async fn bytes_that_came_otherwise_are_sent_anew() {
    let registry = FaultyRegistry::start();
    let invalid = r#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes came"}]}"#;
    let fault = Fault::Words(400, invalid.to_owned());
    registry.misbehave(Operation::FinishUpload, 1..=1, fault.clone());
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::FinishUpload, ALWAYS, fault);
    for size_bytes in [1000, LARGE] {
        let error = send(&client(), &registry, size_bytes).await;
        let error = error.expect_err("it is never right").to_string();
        assert!(error.ends_with("status 400: other bytes came"), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_followed_is_told_without_its_secrets() {
    for location in [
        "ftp://up.example.org/x?sig=s3cret",
        "http://up.example.org:99999/x?sig=s3cret",
        "\u{ff}",
    ] {
        let registry = FaultyRegistry::start();
        let fault = Fault::Headers(vec![("location", location.to_owned())]);
        registry.misbehave(Operation::StartUpload, ALWAYS, fault);
        let error = send(&impatient(), &registry, 1000).await;
        let error = error.expect_err("nowhere");
        assert_eq!(kind(&error), "garbage", "{error:?}");
        assert!(!everything(&error).contains("s3cret"), "{error:?}");
    }
}
