//! A blob that is too large for a registry in one request goes in less, and nothing is begun anew without end.

use pkg::registry::{Credentials, Hint, Uploaded};

use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};
use crate::upload_faults::{LARGE, send};
use crate::uploading::MIB;
use crate::{client, client_with, kind, restless};

#[tokio::test]
async fn uploads_that_trouble_ends_are_begun_anew_only_while_there_is_patience() {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, ALWAYS, Fault::Silence);
    registry.misbehave(Operation::AskUpload, ALWAYS, Fault::status(404));
    // Two silences are as long as the patience.
    let client = client_with(restless(), Credentials::default());
    let error = send(&client, &registry, LARGE).await;
    assert_eq!(kind(&error.expect_err("it never comes")), "silent");
    let begun = registry.requests_of(Operation::StartUpload).len();
    assert!((2..=3).contains(&begun), "{begun}");
}

#[tokio::test]
async fn what_is_too_large_for_a_registry_is_sent_in_less() {
    let too_large = || Fault::status(413);
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, 1..=2, too_large());
    registry.misbehave(Operation::WriteUpload, 4..=4, too_large());
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    let ranges: Vec<String> = registry
        .requests_of(Operation::WriteUpload)
        .iter()
        .filter_map(|it| it.header("content-range").map(str::to_owned))
        .collect();
    assert_eq!(
        ranges[..6],
        [
            "0-10485759",
            "0-5242879",
            "0-2621439",
            "2621440-5242879",
            "2621440-3932159",
            "3932160-5242879",
        ]
    );
    assert_eq!(registry.requests_of(Operation::StartUpload).len(), 1);
    // No part is small enough, and the whole is taken.
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::WriteUpload, ALWAYS, too_large());
    let sent = send(&client(), &registry, LARGE).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    assert_eq!(registry.requests_of(Operation::WriteUpload).len(), 5);
    // The whole is too large, and half of it is not.
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::FinishUpload, 1..=1, too_large());
    let sent = send(&client(), &registry, 3 * MIB).await;
    assert_eq!(sent.unwrap(), Uploaded::Sent);
    assert_eq!(registry.requests_of(Operation::WriteUpload).len(), 2);
}

#[tokio::test]
async fn what_is_too_large_in_every_way_is_refused_with_the_limit_to_raise() {
    let page = "<html><h1>413 Request Entity Too Large</h1></html>";
    for fault in [Fault::status(413), Fault::Words(413, page.to_owned())] {
        let registry = FaultyRegistry::start();
        for operation in [Operation::WriteUpload, Operation::FinishUpload] {
            registry.misbehave(operation, ALWAYS, fault.clone());
        }
        for (size_bytes, requests) in [(1000, 1), (3 * MIB, 3), (LARGE, 6)] {
            let before = registry.hits();
            let error = send(&client(), &registry, size_bytes).await;
            let error = error.expect_err("it is too large");
            let host = registry.host().to_owned();
            assert_eq!(error.hint(), Some(Hint::RaiseLimit { host }), "{error:?}");
            assert!(error.to_string().contains("status 413"), "{error}");
            assert_eq!(registry.hits() - before, requests, "{size_bytes}");
        }
    }
}
