//! The distribution API over a storage in memory: manifests, blobs and uploads (OCI distribution-spec, "Endpoints").

use std::collections::HashMap;

use hyper::StatusCode;
use pkg::oci::Digest;

use super::server::Answer;
use super::{Operation, Recorded, State};

/// What is stored; a manifest is found by tag and by digest.
#[derive(Default)]
pub(super) struct Storage {
    manifests: HashMap<(String, String), (String, Vec<u8>)>,
    /// By repository, where it is strict, and digest.
    blobs: HashMap<(String, String), Vec<u8>>,
    pub(super) is_strict: bool,
    uploads: HashMap<String, Vec<u8>>,
    begun: usize,
}

impl Storage {
    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        tag: &str,
        kind: &str,
        body: &[u8],
    ) -> Digest {
        let digest = Digest::of(body);
        for name in [tag, digest.as_str()] {
            let key = (repository.to_owned(), name.to_owned());
            let value = (kind.to_owned(), body.to_owned());
            self.manifests.insert(key, value);
        }
        digest
    }

    fn blob_key(&self, repository: &str, digest: &str) -> (String, String) {
        let repository = if self.is_strict { repository } else { "" };
        (repository.to_owned(), digest.to_owned())
    }

    pub(super) fn find_blob(&self, repository: &str, digest: &str) -> Option<&Vec<u8>> {
        self.blobs.get(&self.blob_key(repository, digest))
    }

    fn tags(&self, repository: &str) -> Vec<&str> {
        let names = self.manifests.keys().filter(|(of, _)| of == repository);
        let names = names.map(|(_, name)| name.as_str());
        names.filter(|name| !name.contains(':')).collect()
    }

    pub(super) fn find_manifest(&self, repository: &str, tag: &str) -> Option<(String, Vec<u8>)> {
        let key = (repository.to_owned(), tag.to_owned());
        self.manifests.get(&key).cloned()
    }
}

/// Tells what a request is for.
pub(super) fn operation(method: &str, path: &str) -> Operation {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_of = |part| path.starts_with("/v2/") && path.contains(part);
    match method {
        _ if path == "/token" => Operation::Token,
        "GET" | "HEAD" if path == "/v2/" => Operation::Ping,
        "HEAD" if is_of("/manifests/") => Operation::HeadManifest,
        "GET" if is_of("/manifests/sha256:") => Operation::ReadBack,
        "GET" if is_of("/manifests/") => Operation::GetManifest,
        "PUT" if is_of("/manifests/latest") => Operation::PutLatest,
        "PUT" if is_of("/manifests/pkg-incoming") => Operation::PutIncoming,
        "PUT" if is_of("/manifests/sha256:") => Operation::PutByDigest,
        "PUT" if is_of("/manifests/sha256-") => Operation::PutReferrers,
        "PUT" if is_of("/manifests/") => Operation::PutManifest,
        "GET" if is_of("/tags/list") => Operation::ListTags,
        "POST" if is_of("/blobs/uploads") && query.contains("mount=") => Operation::Mount,
        "POST" if is_of("/blobs/uploads") => Operation::StartUpload,
        "GET" if is_of("/blobs/uploads/") => Operation::AskUpload,
        "PATCH" if is_of("/blobs/uploads/") => Operation::WriteUpload,
        "PUT" if is_of("/blobs/uploads/") => Operation::FinishUpload,
        "HEAD" if is_of("/blobs/") => Operation::HeadBlob,
        "GET" if is_of("/blobs/") => Operation::GetBlob,
        _ => Operation::Other,
    }
}

/// Answers a request as a registry does that behaves.
pub(super) fn answer(state: &mut State, host: &str, request: &Recorded) -> Answer {
    let storage = &mut state.storage;
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = path.trim_start_matches("/v2/");
    match request.operation {
        Operation::Ping => Answer::json(StatusCode::OK, &serde_json::json!({})),
        Operation::HeadManifest | Operation::GetManifest | Operation::ReadBack => {
            let (repository, name) = path.split_once("/manifests/").unwrap_or_default();
            match storage.find_manifest(repository, name) {
                Some((kind, body)) => Answer::new(StatusCode::OK, &kind, body.clone())
                    .with("docker-content-digest", Digest::of(&body).as_str()),
                None => Answer::error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "not known"),
            }
        }
        Operation::ListTags => {
            let repository = path.trim_end_matches("/tags/list");
            let tags = storage.tags(repository);
            Answer::json(
                StatusCode::OK,
                &serde_json::json!({"name": repository, "tags": tags}),
            )
        }
        Operation::PutIncoming
        | Operation::PutByDigest
        | Operation::PutReferrers
        | Operation::PutManifest
        | Operation::PutLatest => {
            let (repository, name) = path.split_once("/manifests/").unwrap_or_default();
            let kind = request.header("content-type").unwrap_or_default();
            let digest = storage.put_manifest(repository, name, kind, &request.body);
            let location = format!("http://{host}/v2/{repository}/manifests/{digest}");
            created(&location, &digest)
        }
        Operation::HeadBlob | Operation::GetBlob => {
            let (repository, digest) = path.split_once("/blobs/").unwrap_or_default();
            match storage.find_blob(repository, digest) {
                Some(body) => Answer::new(StatusCode::OK, "application/octet-stream", body.clone())
                    .with("docker-content-digest", digest),
                None => Answer::error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "not known"),
            }
        }
        Operation::Mount => mount(storage, seen_as(host, request), (path, query)),
        Operation::StartUpload => start_upload(storage, seen_as(host, request), path),
        Operation::AskUpload | Operation::WriteUpload | Operation::FinishUpload => {
            upload(storage, seen_as(host, request), (path, query), request)
        }
        Operation::Token | Operation::Other => {
            Answer::error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such thing")
        }
    }
}

/// Gives the address at which the client sees it; something may stand between them.
fn seen_as<'a>(host: &'a str, request: &'a Recorded) -> &'a str {
    request.header("host").unwrap_or(host)
}

/// Keeps what came of a chunk when its connection ended.
pub(super) fn keep_part(state: &mut State, request: &Recorded) {
    let Some((_, id)) = request.path.split_once("/blobs/uploads/") else {
        return;
    };
    let Some(bytes) = state.storage.uploads.get_mut(id) else {
        return;
    };
    if request.operation == Operation::WriteUpload
        && begins_at(request).is_none_or(|at| at == bytes.len())
    {
        bytes.extend_from_slice(&request.body);
    }
}

/// Reads where a chunk belongs.
fn begins_at(request: &Recorded) -> Option<usize> {
    let range = request.header("content-range")?;
    range.split('-').next()?.parse().ok()
}

fn created(location: &str, digest: &Digest) -> Answer {
    Answer::new(StatusCode::CREATED, "text/plain", Vec::new())
        .with("location", location)
        .with("docker-content-digest", digest.as_str())
}

/// Takes a blob from another repository that has it, or begins an upload.
fn mount(storage: &mut Storage, host: &str, (path, query): (&str, &str)) -> Answer {
    let (repository, _) = path.split_once("/blobs/").unwrap_or_default();
    let digest = find_value(query, "mount");
    let source = find_value(query, "from");
    let Some(body) = storage.find_blob(&source, &digest).cloned() else {
        return start_upload(storage, host, path);
    };
    let location = format!("http://{host}/v2/{repository}/blobs/{digest}");
    let answer = created(&location, &Digest::of(&body));
    let key = storage.blob_key(repository, &digest);
    storage.blobs.insert(key, body);
    answer
}

/// Finds a value of a query; only what stands in digests and names of repositories is read.
fn find_value(query: &str, name: &str) -> String {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name).unwrap_or_default();
    let value = value.replace("%3A", ":").replace("%3a", ":");
    value.replace("%2F", "/")
}

fn start_upload(storage: &mut Storage, host: &str, path: &str) -> Answer {
    let (repository, _) = path.split_once("/blobs/").unwrap_or_default();
    storage.begun += 1;
    let id = format!("upload-{}", storage.begun);
    storage.uploads.insert(id.clone(), Vec::new());
    accepted(
        &format!("http://{host}/v2/{repository}/blobs/uploads/{id}"),
        &id,
        0,
    )
}

fn upload(
    storage: &mut Storage,
    host: &str,
    (path, query): (&str, &str),
    request: &Recorded,
) -> Answer {
    let (repository, id) = path.split_once("/blobs/uploads/").unwrap_or_default();
    let Some(bytes) = storage.uploads.get_mut(id) else {
        return Answer::error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "not known");
    };
    let location = format!("http://{host}/v2/{repository}/blobs/uploads/{id}");
    if request.operation == Operation::AskUpload {
        let mut answer = accepted(&location, id, bytes.len());
        answer.set_status(StatusCode::NO_CONTENT);
        return answer;
    }
    if begins_at(request).is_some_and(|start| start != bytes.len()) {
        let mut answer = accepted(&location, id, bytes.len());
        answer.set_status(StatusCode::RANGE_NOT_SATISFIABLE);
        return answer;
    }
    bytes.extend_from_slice(&request.body);
    if request.operation == Operation::WriteUpload {
        return accepted(&location, id, bytes.len());
    }
    let wanted = find_value(query, "digest");
    let digest = Digest::of(bytes);
    if wanted != digest.as_str() {
        return Answer::error(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "other bytes came",
        );
    }
    let body = std::mem::take(bytes);
    if storage.is_strict {
        storage.uploads.remove(id);
    }
    let key = storage.blob_key(repository, &wanted);
    storage.blobs.insert(key, body);
    created(
        &format!("http://{host}/v2/{repository}/blobs/{digest}"),
        &digest,
    )
}

fn accepted(location: &str, id: &str, length: usize) -> Answer {
    Answer::new(StatusCode::ACCEPTED, "text/plain", Vec::new())
        .with("location", location)
        .with("docker-upload-uuid", id)
        .with("range", &format!("0-{}", length.saturating_sub(1)))
}
