//! The routes of the Docker API that the program uses.

use std::io;

use pkg::oci::Digest;
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::registry::{Trouble, pull, push};
use super::{Fault, Operation, Shared, build};

/// Tells what a request is for.
pub(super) fn operation(method: &str, path: &str) -> Operation {
    let is_image = path.starts_with("/images/");
    match (method, path) {
        (_, "/_ping") => Operation::Ping,
        (_, "/version") => Operation::Version,
        (_, "/info") => Operation::Info,
        (_, "/containers/json") => Operation::Containers,
        (_, "/build") => Operation::Build,
        (_, "/session" | "/grpc") => Operation::Session,
        ("GET", "/images/json") => Operation::Images,
        ("POST", "/images/create") => Operation::Pull,
        ("POST", "/images/load") => Operation::Load,
        ("DELETE", _) if is_image => Operation::Remove,
        ("GET", _) if is_image && path.ends_with("/json") => Operation::Inspect,
        ("POST", _) if is_image && path.ends_with("/tag") => Operation::Tag,
        ("POST", _) if is_image && path.ends_with("/push") => Operation::Push,
        _ => Operation::Other,
    }
}

/// Answers a request as an engine does, but for the fault.
pub(super) fn answer(
    shared: &Shared,
    operation: Operation,
    request: &Request,
    fault: Option<&Fault>,
    answer: &mut Answer,
) -> io::Result<()> {
    let image = request.path.trim_start_matches("/images/");
    let image = image.rsplit_once('/').map_or(image, |(image, _)| image);
    match operation {
        Operation::Ping => answer.whole(200, b"OK"),
        Operation::Version => answer.json(200, &version(shared.dialect.api)),
        Operation::Info => answer.json(200, &json!({"Driver": "overlay2", "DriverStatus": []})),
        Operation::Containers => answer.json(200, &json!([])),
        Operation::Images => {
            let list = shared.state().store.list();
            answer.json(200, &list)
        }
        Operation::Inspect => inspect(shared, image, fault, answer),
        Operation::Tag => tag(shared, image, request, answer),
        Operation::Remove => {
            let name = request.path.trim_start_matches("/images/");
            let gone = shared.state().store.remove(name);
            match gone {
                Some(gone) => answer.json(200, &Value::from(gone)),
                None => no_such_image(name, answer),
            }
        }
        Operation::Build => build::build(shared, request, fault, answer),
        Operation::Push => push(shared, (image, request.parameter("tag")), fault, answer),
        Operation::Pull => {
            answer.begin()?;
            let name = request.parameter("fromImage");
            match pull(shared, name) {
                Ok(_) => answer.line(
                    &json!({"status": format!("Status: Downloaded newer image for {name}")}),
                )?,
                Err(Trouble::Left(error)) => return Err(error),
                Err(Trouble::Words(text)) => {
                    answer.line(&json!({"errorDetail": {"message": text}, "error": text}))?;
                }
            }
            answer.end()
        }
        Operation::Load => build::load(shared, &request.body, answer),
        Operation::Session => answer.upgrade(),
        Operation::Other => answer.json(404, &json!({"message": "page not found"})),
    }
}

fn version(api: &str) -> Value {
    json!({
        "Version": "20.10.24",
        "ApiVersion": api,
        "MinAPIVersion": "1.12",
        "Os": "linux",
        "Arch": "amd64",
        "Components": [{"Name": "Engine", "Version": "20.10.24"}],
    })
}

fn no_such_image(name: &str, answer: &mut Answer) -> io::Result<()> {
    answer.json(404, &json!({"message": format!("No such image: {name}")}))
}

fn inspect(
    shared: &Shared,
    image: &str,
    fault: Option<&Fault>,
    answer: &mut Answer,
) -> io::Result<()> {
    let found = shared.state().store.find(image).cloned();
    match (found, fault) {
        (None, _) => no_such_image(image, answer),
        (Some(_), Some(Fault::WrongId)) => {
            answer.json(200, &json!({"Id": Digest::of(b"another image").as_str()}))
        }
        (Some(found), _) => answer.json(
            200,
            &json!({
                "Id": found.id,
                "RepoTags": [image],
                "RepoDigests": found.repo_digests,
                "Created": "2026-11-21T00:00:00Z",
                "Architecture": "amd64",
                "Os": "linux",
                "Size": 1,
                "Config": {"Labels": found.labels},
                "RootFS": {"Type": "layers", "Layers": found.layer_ids()},
            }),
        ),
    }
}

fn tag(shared: &Shared, image: &str, request: &Request, answer: &mut Answer) -> io::Result<()> {
    let name = match (request.parameter("repo"), request.parameter("tag")) {
        (repository, "") => repository.to_owned(),
        (repository, tag) => format!("{repository}:{tag}"),
    };
    let mut state = shared.state();
    let found = state.store.find(image).map(|image| image.id.clone());
    if let (Some(id), false) = (&found, state.forgets_tags) {
        state.store.tag(id, &name);
    }
    if let Some(name) = state.given_away.clone()
        && state.store.find(&name).is_some()
    {
        state.given_away = None;
        state.store.put_base(&name);
    }
    drop(state);
    match found {
        Some(_) => answer.whole(201, b""),
        None => no_such_image(image, answer),
    }
}
