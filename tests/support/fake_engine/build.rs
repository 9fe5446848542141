//! Builds without programs: a Dockerfile is read line by line, and tells how it goes in the words of either builder.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};
use pkg::oci::Digest;
use prost::Message as _;
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::registry::{Trouble, pull};
use super::store::layer;
use super::{Fault, Shared};

/// What is built on, and what is done.
struct Recipe {
    bases: Vec<String>,
    steps: Vec<String>,
}

fn parse(dockerfile: &str) -> Recipe {
    let mut recipe = Recipe {
        bases: Vec::new(),
        steps: Vec::new(),
    };
    let mut stages: Vec<String> = Vec::new();
    for line in dockerfile.lines().map(str::trim) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            [from, base, rest @ ..] if from.eq_ignore_ascii_case("from") => {
                recipe.bases.push((*base).to_owned());
                recipe.steps.clear();
                stages.extend(rest.get(1).map(|&name| name.to_owned()));
            }
            [] => (),
            [first, ..] if first.starts_with('#') => (),
            _ => recipe.steps.push(line.to_owned()),
        }
    }
    // A stage of the same file is no image.
    let last = recipe.bases.pop().unwrap_or_default();
    recipe.bases.retain(|base| !stages.contains(base));
    recipe.bases.push(last);
    recipe
}

/// Tells how a build goes.
struct Teller<'a> {
    answer: &'a mut Answer,
    is_buildkit: bool,
    count: usize,
    number: usize,
}

impl Teller<'_> {
    fn vertex(&self, name: &str) -> Vertex {
        Vertex {
            digest: Digest::of(format!("{}{name}", self.number).as_bytes()).to_string(),
            name: name.to_owned(),
            started: Some(now()),
            ..Vertex::default()
        }
    }

    fn report(&mut self, report: &StatusResponse) -> io::Result<()> {
        let text = STANDARD.encode(report.encode_to_vec());
        self.answer
            .line(&json!({"id": "moby.buildkit.trace", "aux": text}))
    }

    fn begin(&mut self, instruction: &str) -> io::Result<Vertex> {
        self.number += 1;
        let vertex = self.vertex(&format!("[{}/{}] {instruction}", self.number, self.count));
        if self.is_buildkit {
            self.report(&StatusResponse {
                vertexes: vec![vertex.clone()],
                ..StatusResponse::default()
            })?;
        } else {
            let text = format!("Step {}/{} : {instruction}\n", self.number, self.count);
            self.answer.line(&json!({ "stream": text }))?;
        }
        Ok(vertex)
    }

    fn print(&mut self, vertex: &Vertex, text: &str) -> io::Result<()> {
        if !self.is_buildkit {
            return self.answer.line(&json!({"stream": format!("{text}\n")}));
        }
        self.report(&StatusResponse {
            logs: vec![VertexLog {
                vertex: vertex.digest.clone(),
                stream: 1,
                msg: format!("{text}\n").into_bytes(),
                ..VertexLog::default()
            }],
            ..StatusResponse::default()
        })
    }

    fn end(&mut self, mut vertex: Vertex, error: &str) -> io::Result<()> {
        if !self.is_buildkit {
            return Ok(());
        }
        vertex.completed = Some(now());
        error.clone_into(&mut vertex.error);
        self.report(&StatusResponse {
            vertexes: vec![vertex],
            ..StatusResponse::default()
        })
    }

    fn failed(&mut self, text: &str) -> io::Result<()> {
        self.answer
            .line(&json!({"errorDetail": {"message": text}, "error": text}))?;
        self.answer.end()
    }

    fn ended_with(&self, command: &str, code: &str) -> String {
        if self.is_buildkit {
            format!("executor failed running [/bin/sh -c {command}]: exit code: {code}")
        } else {
            format!("The command '/bin/sh -c {command}' returned a non-zero code: {code}")
        }
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let since = since.expect("a clock");
    Timestamp {
        seconds: i64::try_from(since.as_secs()).expect("a date"),
        nanos: i32::try_from(since.subsec_nanos()).expect("less than a second"),
    }
}

/// Builds what the context says.
pub(super) fn build(
    shared: &Shared,
    request: &Request,
    fault: Option<&Fault>,
    answer: &mut Answer,
) -> io::Result<()> {
    shared.state().contexts.push(request.body.clone());
    let Some(dockerfile) = find_file(&request.body, "Dockerfile") else {
        return answer.json(
            500,
            &json!({"message": "Cannot locate specified Dockerfile: Dockerfile"}),
        );
    };
    let recipe = parse(&dockerfile);
    answer.begin()?;
    let mut teller = Teller {
        answer,
        is_buildkit: request.parameter("version") == "2",
        count: recipe.bases.len() + recipe.steps.len(),
        number: 0,
    };
    let mut layers = Vec::new();
    for base in &recipe.bases {
        let vertex = teller.begin(&format!("FROM {base}"))?;
        match find_base(shared, base) {
            Ok(found) => layers = found,
            Err(Trouble::Left(error)) => return Err(error),
            Err(Trouble::Words(text)) => {
                let text = format!("failed to do request: {text}");
                teller.end(vertex, &text)?;
                return teller.failed(&text);
            }
        }
        teller.end(vertex, "")?;
    }
    if teller.answer.stops_half_way()? {
        return Ok(());
    }
    for step in &recipe.steps {
        let vertex = teller.begin(step)?;
        let done = match find_missing(&request.body, step) {
            Some(name) => Err(format!("\"/{name}\" not found: not found")),
            None => run(&mut teller, &vertex, step, fault)?,
        };
        match done {
            Ok(()) => teller.end(vertex, "")?,
            Err(text) => {
                teller.end(vertex, &text)?;
                return teller.failed(&text);
            }
        }
    }
    let is_left = teller.answer.is_left();
    if is_left {
        // The engine gives a build up when its client is gone.
        return Ok(());
    }
    let steps = layer("steps", recipe.steps.join("\n").as_bytes());
    layers.push(steps);
    finish(shared, request, layers, fault, &mut teller)
}

fn finish(
    shared: &Shared,
    request: &Request,
    layers: Vec<Vec<u8>>,
    fault: Option<&Fault>,
    teller: &mut Teller<'_>,
) -> io::Result<()> {
    let labels: BTreeMap<String, String> =
        serde_json::from_str(request.parameter("labels")).unwrap_or_default();
    let name = request.parameter("t");
    let mut state = shared.state();
    let id = state.store.make(layers, &labels);
    state.store.tag(&id, name);
    drop(state);
    let told = match fault {
        Some(Fault::WrongId) => Digest::of(b"another image").to_string(),
        _ => id,
    };
    if teller.is_buildkit {
        let aux = json!({"ID": told});
        teller
            .answer
            .line(&json!({"id": "moby.image.id", "aux": aux}))?;
    } else {
        teller.answer.line(&json!({"aux": {"ID": told}}))?;
    }
    let text = format!("Successfully tagged {name}\n");
    teller.answer.line(&json!({ "stream": text }))?;
    teller.answer.end()
}

/// What is not there is fetched, as every engine does.
fn find_base(shared: &Shared, base: &str) -> Result<Vec<Vec<u8>>, Trouble> {
    if base == "scratch" {
        return Ok(Vec::new());
    }
    let local = shared.state().store.find(base).cloned();
    if let Some(image) = local {
        return Ok(image.layers);
    }
    let id = pull(shared, base)?;
    let image = shared.state().store.find(&id).cloned();
    Ok(image.map(|image| image.layers).unwrap_or_default())
}

/// Does one instruction, or tells with which words it fails.
fn run(
    teller: &mut Teller<'_>,
    vertex: &Vertex,
    step: &str,
    fault: Option<&Fault>,
) -> io::Result<Result<(), String>> {
    if let Some(Fault::Words(text)) = fault {
        return Ok(Err((*text).to_owned()));
    }
    let command = step.strip_prefix("RUN ").unwrap_or_default();
    let mut words = command.splitn(2, ' ');
    match (words.next(), words.next()) {
        (Some("exit"), Some(code)) => return Ok(Err(teller.ended_with(command, code))),
        (Some("false"), _) => return Ok(Err(teller.ended_with(command, "1"))),
        (Some("echo"), Some(text)) => teller.print(vertex, text)?,
        (Some("sleep"), Some(seconds)) => {
            let seconds = Duration::from_secs_f64(seconds.parse().unwrap_or_default());
            let began = Instant::now();
            while began.elapsed() < seconds {
                std::thread::sleep(Duration::from_millis(2).min(seconds));
                if teller.answer.is_left() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
        }
        _ => (),
    }
    Ok(Ok(()))
}

/// Gives the file that a `COPY` wants of a context that does not have it.
fn find_missing<'s>(context: &[u8], step: &'s str) -> Option<&'s str> {
    let (source, _) = step.strip_prefix("COPY ")?.split_once(' ')?;
    let is_plain = source.chars().all(char::is_alphanumeric);
    let mut archive = tar::Archive::new(context);
    let mut entries = archive.entries().ok()?.flatten();
    let is_it = |name: &[u8]| name.split(|&it| it == b'/').next() == Some(source.as_bytes());
    (is_plain && !entries.any(|entry| is_it(&entry.path_bytes()))).then_some(source)
}

fn find_file(archive: &[u8], name: &str) -> Option<String> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.path_bytes().as_ref() == name.as_bytes() {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            return Some(text);
        }
    }
    None
}

/// Takes an archive as `docker save` writes it.
pub(super) fn load(shared: &Shared, archive: &[u8], answer: &mut Answer) -> io::Result<()> {
    let mut files = BTreeMap::new();
    let mut entries = tar::Archive::new(archive);
    for entry in entries.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    let find = |name: &Value| {
        files
            .get(name.as_str().unwrap_or_default())
            .cloned()
            .unwrap_or_default()
    };
    let manifest: Value =
        serde_json::from_slice(&find(&json!("manifest.json"))).unwrap_or_default();
    let manifest = &manifest[0];
    let layers = manifest["Layers"].as_array().into_iter().flatten();
    let layers: Vec<_> = layers.map(find).collect();
    let mut state = shared.state();
    let id = state.store.insert(find(&manifest["Config"]), layers);
    for name in manifest["RepoTags"].as_array().into_iter().flatten() {
        state.store.tag(&id, name.as_str().unwrap_or_default());
    }
    drop(state);
    answer.begin()?;
    answer.line(&json!({"stream": format!("Loaded image: {id}\n")}))?;
    answer.end()
}
