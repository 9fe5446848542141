//! Pushing to and pulling from registries without TLS, by the distribution API.

use std::io;

use pkg::oci::{Digest, Reference};
use serde_json::{Value, json};

use super::http::{Answer, Reply, send};
use super::store::{Stored, familiar};
use super::{Fault, Shared};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// Why nothing came of it, in the engine's words.
pub(super) enum Trouble {
    Words(String),
    /// The client is gone, and nobody waits for the end.
    Left(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Left(error)
    }
}

fn words(error: &io::Error, host: &str) -> Trouble {
    Trouble::Words(format!(
        "Get \"http://{host}/v2/\": dial tcp {host}: connect: {error}"
    ))
}

/// `HOST:PORT` and the path there; a name without a registry is Docker Hub's, which does not answer here.
fn place(shared: &Shared, reference: &Reference) -> Result<(String, String), Trouble> {
    let name = reference.name();
    let hub = shared.state().hub.clone();
    match (reference.registry(), name.split_once('/')) {
        (None, _) if hub.is_some() => Ok((hub.unwrap_or_default(), name)),
        (Some(host), Some((_, path))) => Ok((host.to_owned(), path.to_owned())),
        _ => {
            let host = "registry-1.docker.io";
            Err(words(&io::ErrorKind::ConnectionRefused.into(), host))
        }
    }
}

fn expect(reply: Reply, status: u16) -> Result<Reply, Trouble> {
    if reply.status == status {
        return Ok(reply);
    }
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    Err(Trouble::Words(match reply.status {
        401 => "unauthorized: authentication required".to_owned(),
        403 => "denied: requested access to the resource is denied".to_owned(),
        404 => "manifest unknown: manifest unknown".to_owned(),
        429 => "toomanyrequests: too many requests".to_owned(),
        status => format!("received unexpected HTTP status: {status} {body}"),
    }))
}

/// Pushes an image, telling how it goes.
pub(super) fn push(
    shared: &Shared,
    (name, tag): (&str, &str),
    fault: Option<&Fault>,
    answer: &mut Answer,
) -> io::Result<()> {
    answer.begin()?;
    answer.line(&json!({"status": format!("The push refers to repository [{name}]")}))?;
    let label = format!("{name}:{tag}");
    let image = shared.state().store.find(&label).cloned();
    let pushed = match (fault, image) {
        (Some(Fault::Words(text)), _) => Err(Trouble::Words((*text).to_owned())),
        (_, None) => {
            let text = format!("An image does not exist locally with the tag: {name}");
            Err(Trouble::Words(text))
        }
        (_, Some(image)) => {
            push_image(shared, &label, &image, answer).map(|pushed| (image, pushed))
        }
    };
    let (image, (digest, size)) = match pushed {
        Ok(pushed) => pushed,
        Err(Trouble::Left(error)) => return Err(error),
        Err(Trouble::Words(text)) => {
            answer.line(&json!({"errorDetail": {"message": text}, "error": text}))?;
            return answer.end();
        }
    };
    let repository = familiar(&label).replace(&format!(":{tag}"), "");
    shared
        .state()
        .store
        .note_manifest(&image.id, &repository, &digest);
    let told = match fault {
        Some(Fault::WrongId) => Digest::of(b"another manifest"),
        _ => digest,
    };
    answer.line(&json!({"status": format!("{tag}: digest: {told} size: {size}")}))?;
    let aux = json!({"Tag": tag, "Digest": told.as_str(), "Size": size});
    answer.line(&json!({"progressDetail": {}, "aux": aux}))?;
    answer.end()
}

fn push_image(
    shared: &Shared,
    label: &str,
    image: &Stored,
    answer: &mut Answer,
) -> Result<(Digest, usize), Trouble> {
    let reference: Reference = label
        .parse()
        .map_err(|_| Trouble::Words("invalid reference format".to_owned()))?;
    let (host, path) = place(shared, &reference)?;
    for layer in &image.layers {
        let short = Digest::of(layer).hex()[..12].to_owned();
        answer.line(&json!({"status": "Preparing", "progressDetail": {}, "id": short}))?;
    }
    if answer.stops_half_way()? {
        return Err(Trouble::Left(io::ErrorKind::BrokenPipe.into()));
    }
    for blob in image.layers.iter().chain([&image.config]) {
        push_blob(&host, &path, blob)?;
        let short = Digest::of(blob).hex()[..12].to_owned();
        // The engine gives a push up when its client is gone.
        if answer.is_left() {
            return Err(Trouble::Left(io::ErrorKind::BrokenPipe.into()));
        }
        answer.line(&json!({"status": "Pushed", "progressDetail": {}, "id": short}))?;
    }
    let item = |kind: &str, blob: &[u8]| json!({"mediaType": kind, "size": blob.len(), "digest": Digest::of(blob).as_str()});
    let layers: Vec<_> = image
        .layers
        .iter()
        .map(|layer| item(LAYER, layer))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": item(CONFIG, &image.config),
        "layers": layers,
    });
    let manifest = manifest.to_string().into_bytes();
    let tag = reference
        .tag()
        .map_or("latest", |tag| tag.as_str())
        .to_owned();
    let target = format!("/v2/{path}/manifests/{tag}");
    let put = send(
        &host,
        "PUT",
        &target,
        &[("Content-Type", MANIFEST)],
        &manifest,
    );
    expect(put.map_err(|error| words(&error, &host))?, 201)?;
    Ok((Digest::of(&manifest), manifest.len()))
}

fn push_blob(host: &str, path: &str, blob: &[u8]) -> Result<(), Trouble> {
    let digest = Digest::of(blob);
    let sent = |method: &str, target: &str, body: &[u8]| {
        let headers = [("Content-Type", "application/octet-stream")];
        send(host, method, target, &headers, body).map_err(|error| words(&error, host))
    };
    let there = sent("HEAD", &format!("/v2/{path}/blobs/{digest}"), b"")?;
    if there.status == 200 {
        return Ok(());
    }
    expect(there, 404)?;
    let begun = expect(
        sent("POST", &format!("/v2/{path}/blobs/uploads/"), b"")?,
        202,
    )?;
    let location = begun.header("location").unwrap_or_default();
    let target = location
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
        .unwrap_or(location);
    let joint = if target.contains('?') { '&' } else { '?' };
    let done = sent("PUT", &format!("{target}{joint}digest={digest}"), blob)?;
    expect(done, 201).map(drop)
}

/// Pulls an image into the store and gives its identity.
pub(super) fn pull(shared: &Shared, name: &str) -> Result<String, Trouble> {
    let reference: Reference = name
        .parse()
        .map_err(|_| Trouble::Words("invalid reference format".to_owned()))?;
    let (host, path) = place(shared, &reference)?;
    let fetch = |target: String| {
        let accept = [
            ("Accept", MANIFEST),
            ("Accept", "application/vnd.oci.image.manifest.v1+json"),
        ];
        let reply = send(&host, "GET", &target, &accept, b"");
        expect(reply.map_err(|error| words(&error, &host))?, 200)
    };
    let digest = reference.digest().map(ToString::to_string);
    let tag = reference
        .tag()
        .map_or("latest".to_owned(), ToString::to_string);
    let which = digest.unwrap_or(tag);
    let manifest = fetch(format!("/v2/{path}/manifests/{which}"))?.body;
    let parsed: Value = serde_json::from_slice(&manifest).unwrap_or_default();
    let blob = |item: &Value| {
        let digest = item["digest"].as_str().unwrap_or_default();
        fetch(format!("/v2/{path}/blobs/{digest}")).map(|reply| reply.body)
    };
    let config = blob(&parsed["config"])?;
    let layers = parsed["layers"].as_array().into_iter().flatten();
    let layers = layers.map(blob).collect::<Result<_, _>>()?;
    let mut state = shared.state();
    let id = state.store.insert(config, layers);
    let repository = reference.name();
    state
        .store
        .note_manifest(&id, &repository, &Digest::of(&manifest));
    if reference.digest().is_none() {
        state.store.tag(&id, name);
    }
    Ok(id)
}
