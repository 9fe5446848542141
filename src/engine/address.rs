//! Where the engine listens: `DOCKER_HOST`, else the current context of the Docker client, else the usual socket.

use std::path::Path;

use serde::Deserialize;

use crate::address::{Address, without_login};
use crate::host::{Environment, fs};
use crate::oci::Digest;

const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// The address of an engine, as `DOCKER_HOST` writes it: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAddress(pub String);

impl std::fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A name alone is no secret.
        match Address::of(&self.0).password() {
            Some(_) => f.write_str(&without_login(&self.0)),
            None => f.write_str(&self.0),
        }
    }
}

#[derive(Deserialize)]
struct ClientConfig {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Endpoints")]
    endpoints: std::collections::BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

/// Finds the address the way the Docker client does (docs.docker.com, "Docker contexts").
///
/// A context that cannot be read counts as none: the usual socket is asked then, and its answer or silence is what the
/// user is told about.
#[must_use]
pub fn find_address(environment: &Environment) -> EngineAddress {
    if let Some(host) = environment.find("DOCKER_HOST") {
        return EngineAddress(host);
    }
    let directory = environment
        .find("DOCKER_CONFIG")
        .map(std::path::PathBuf::from)
        .or_else(|| Some(environment.home()?.join(".docker")));
    let host = directory
        .and_then(|directory| find_context_host(&directory, environment.find("DOCKER_CONTEXT")));
    EngineAddress(host.unwrap_or_else(|| USUAL_SOCKET.to_owned()))
}

fn find_context_host(directory: &Path, named: Option<String>) -> Option<String> {
    let current = || {
        let text = fs::find_text(&directory.join("config.json")).ok()??;
        Some(
            serde_json::from_str::<ClientConfig>(&text)
                .ok()?
                .current_context,
        )
    };
    let name = named.or_else(current)?;
    if name.is_empty() || name == "default" {
        return None;
    }
    let key = Digest::of(name.as_bytes());
    let meta = directory
        .join("contexts/meta")
        .join(key.hex())
        .join("meta.json");
    let meta: ContextMeta = serde_json::from_str(&fs::find_text(&meta).ok()??).ok()?;
    let endpoint = meta.endpoints.get("docker")?;
    (!endpoint.host.is_empty()).then(|| endpoint.host.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let shown = |text: &str| EngineAddress(text.to_owned()).to_string();
        assert_eq!(
            shown("tcp://ann:hush@192.0.2.1:2375"),
            "tcp://192.0.2.1:2375"
        );
        for kept in [
            "tcp://192.0.2.1:2375",
            "ssh://ann@example.org",
            "unix:///run/a@b.sock",
        ] {
            assert_eq!(shown(kept), kept);
        }
    }

    #[test]
    fn the_variable_wins_over_the_context_and_the_context_over_the_usual_socket() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        let meta = docker.join("contexts/meta").join(Digest::of(b"far").hex());
        fs::create_directory(&meta).unwrap();
        let meta_text = br#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://192.0.2.1:2375"}}}"#;
        fs::write_atomically(&meta.join("meta.json"), meta_text).unwrap();
        let home = home.path().to_str().unwrap();
        let usual = Environment::from([("HOME", home)]);
        assert_eq!(find_address(&usual).0, USUAL_SOCKET);
        fs::write_atomically(&docker.join("config.json"), br#"{"currentContext":"far"}"#).unwrap();
        assert_eq!(find_address(&usual).0, "tcp://192.0.2.1:2375");
        let variable =
            Environment::from([("HOME", home), ("DOCKER_HOST", "unix:///run/other.sock")]);
        assert_eq!(find_address(&variable).0, "unix:///run/other.sock");
        let default = Environment::from([("HOME", home), ("DOCKER_CONTEXT", "default")]);
        assert_eq!(find_address(&default).0, USUAL_SOCKET);
    }
}
