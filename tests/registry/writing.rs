//! Tags are listed, and a manifest gets a further one, without the image going over the wire.

use pkg::oci::Tag;
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
    let tags = client.fetch_tags(&version).await.unwrap();
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    assert_eq!(tags, ["1", "latest"]);
    let missing = reference(registry.host(), "base/apache:1");
    assert!(client.fetch_tags(&missing).await.unwrap().is_empty());
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
        (Fault::status(404), "refused"),
        (Fault::status(405), "read only"),
        (Fault::status(412), "refused"),
        (Fault::status(413), "refused"),
        (Fault::Words(413, "too large".to_owned()), "garbage"),
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
async fn who_may_not_list_tags_is_told_from_a_registry_that_lists_them_for_nobody() {
    let unsupported = r#"{"errors": [{"code": "UNSUPPORTED", "message": "unsupported"}]}"#;
    for (fault, expected) in [
        (Fault::status(405), true),
        (Fault::status(501), true),
        (Fault::Words(400, unsupported.to_owned()), true),
        (Fault::status(401), false),
        (Fault::status(403), false),
    ] {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::ListTags, ALWAYS, fault.clone());
        let image = reference(registry.host(), "a:1");
        let tags = client().fetch_tags(&image).await;
        let error = tags.expect_err("no list");
        assert_eq!(error.is_refusal_to_list(), expected, "{fault:?}: {error}");
    }
}

/// Answers each request with one more page of tags.
fn serve_endless_tags() -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            // What is asked does not matter.
            let _ = stream.read(&mut [0; 4096]);
            let body = format!(r#"{{"name":"a","tags":["1-{number:05}"]}}"#);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    host
}

#[tokio::test]
async fn a_list_of_tags_without_end_is_no_list() {
    let host = serve_endless_tags();
    match client().fetch_tags(&reference(&host, "a:1")).await {
        Err(RegistryError::Garbage {
            garbage: Garbage::EndlessTags(100),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

/// Answers each request with what comes of its path: a `Link`, and a body.
fn serve_tags(answer: impl Fn(&str) -> (String, String) + Send + 'static) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut head = [0; 4096];
            let size = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..size]).into_owned();
            let (link, body) = answer(head.split(' ').nth(1).unwrap_or_default());
            let length = body.len();
            // A client that has seen enough goes.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{link}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    host
}

async fn fetch(host: &str) -> Result<Vec<String>, String> {
    match client().fetch_tags(&reference(host, "a:1")).await {
        Ok(tags) => Ok(tags.iter().map(ToString::to_string).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_list_of_tags_goes_on_where_its_link_says() {
    let page = |tags: &str| format!(r#"{{"name":"a","tags":{tags}}}"#);
    let host = serve_tags(move |path| match path {
        "/v2/a/tags/list?n=1000" => (
            "Link: </v2/a/tags/list?token=x%2F>; rel=\"next\"\r\n".to_owned(),
            page(r#"["2","1"]"#),
        ),
        "/v2/a/tags/list?token=x%2F" => (String::new(), page(r#"["3"]"#)),
        _ => (String::new(), page("[]")),
    });
    assert_eq!(fetch(&host).await.unwrap(), ["1", "2", "3"]);
    // One that ignores where it is to begin gives its first page again and again.
    let host = serve_tags(move |_| {
        let link = "Link: </v2/a/tags/list?last=1&n=1000>; rel=\"next\"\r\n";
        (link.to_owned(), page(r#"["1"]"#))
    });
    let error = fetch(&host).await.expect_err("no whole list");
    assert!(error.contains("repeats itself"), "{error}");
    let host = serve_tags(move |_| {
        let link = "Link: <https://elsewhere.example.org/v2/a/tags/list?n=1>; rel=next\r\n";
        (link.to_owned(), page(r#"["1"]"#))
    });
    let error = fetch(&host).await.expect_err("no whole list");
    assert!(error.contains("goes on at another address"), "{error}");
}

#[tokio::test]
async fn a_list_of_very_many_tags_is_given_up() {
    let host = serve_tags(|path| {
        let start = path.rsplit_once("last=").map_or(0, |(_, last)| {
            last.parse::<usize>().expect("the last one") + 1
        });
        let tags: Vec<_> = (start..start + 150_000)
            .map(|tag| format!("\"{tag}\""))
            .collect();
        let body = format!(r#"{{"name":"a","tags":[{}]}}"#, tags.join(","));
        (String::new(), body)
    });
    let error = fetch(&host).await.expect_err("too many");
    assert!(error.contains("more than 200000 tags"), "{error}");
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
    assert!(tags.unwrap().is_empty());
}
