//! Who we are at a registry: from the settings, else from Docker's `config.json` and its helpers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::Value;

use super::answer::Said;
use super::endpoint::DOCKER_HUB;
use super::helper::{Helper, HelperFault};
use crate::host::Environment;
use crate::host::fs::{self, FileError};
use crate::settings::Secret;

/// A name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

/// Where credentials come from. A login is for one registry and goes to no other.
#[derive(Clone, Default)]
pub struct Credentials {
    logins: BTreeMap<String, Login>,
    docker_config: Option<PathBuf>,
    /// Of the helpers.
    environment: Environment,
}

impl fmt::Debug for Credentials {
    /// The environment may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("logins", &self.logins)
            .field("docker_config", &self.docker_config)
            .finish_non_exhaustive()
    }
}

/// What there is for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: who asks is anonymous.
    Nothing,
    /// A name and its password.
    Login(Login),
    /// What is changed for a token at a token service (OAuth 2.0, RFC 6749 section 6).
    IdentityToken(Secret),
}

/// Why credentials that should be there could not be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file could not be read.
    #[error("cannot read Docker's credentials")]
    File {
        /// Why.
        source: Arc<FileError>,
    },
    /// The file or the entry for the registry is not what Docker writes.
    #[error("cannot make out the credentials for `{host}` in {}", path.display())]
    Malformed {
        /// The registry.
        host: String,
        /// The file.
        path: PathBuf,
    },
    /// The credential helper failed, or its answer is not what Docker expects.
    #[error("the credential helper that {} names for `{host}` failed{said}", path.display())]
    Helper {
        /// The registry.
        host: String,
        /// The file that names the helper.
        path: PathBuf,
        /// What it wrote to its standard error.
        said: Said,
    },
    /// The credential helper took too long.
    #[error("the credential helper that {} names for `{host}` gave no answer in {} seconds", path.display(), after.as_secs_f64())]
    Silent {
        /// The registry.
        host: String,
        /// The file that names the helper.
        path: PathBuf,
        /// The time that it had.
        after: Duration,
    },
}

impl Credentials {
    /// Adds a login for one registry, given as it stands in references (`host` or `host:port`).
    #[must_use]
    pub fn with_login(mut self, registry: &str, login: Login) -> Self {
        self.logins.insert(registry.to_owned(), login);
        self
    }

    /// Takes what no login was given for from a `config.json` as Docker writes it; it may be missing.
    #[must_use]
    pub fn with_docker_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.docker_config = Some(path.into());
        self
    }

    /// Takes what no login was given for from `$DOCKER_CONFIG/config.json`, else from `~/.docker/config.json`.
    #[must_use]
    pub fn with_docker_config_of(mut self, environment: &Environment) -> Self {
        self.environment = environment.clone();
        let directory = match environment.find("DOCKER_CONFIG") {
            Some(directory) => Some(PathBuf::from(directory)),
            None => environment.home().map(|home| home.join(".docker")),
        };
        match directory {
            Some(directory) => self.with_docker_config(directory.join("config.json")),
            None => self,
        }
    }

    /// Finds the credentials for a registry; a helper has until `deadline`.
    pub async fn find(&self, host: &str, deadline: Duration) -> Result<Found, CredentialsError> {
        if let Some(login) = self.logins.get(host) {
            return Ok(Found::Login(login.clone()));
        }
        let Some(path) = &self.docker_config else {
            return Ok(Found::Nothing);
        };
        let began = Instant::now();
        let silent = || CredentialsError::Silent {
            host: host.to_owned(),
            path: path.clone(),
            after: deadline,
        };
        let read = tokio::time::timeout(deadline, read_docker_config(path, host)).await;
        for (key, entry) in read.map_err(|_| silent())?? {
            let helper = match entry {
                Entry::Nothing => continue,
                Entry::Found(found) => return Ok(found),
                Entry::Helper(helper) => helper,
            };
            let left = deadline.saturating_sub(began.elapsed());
            match helper.ask(key, &self.environment, left).await {
                Ok(Found::Nothing) => {}
                Ok(found) => return Ok(found),
                Err(HelperFault::Silent) => return Err(silent()),
                Err(HelperFault::Failed(said)) => {
                    let (host, path) = (host.to_owned(), path.clone());
                    return Err(CredentialsError::Helper { host, path, said });
                }
            }
        }
        Ok(Found::Nothing)
    }
}

/// The names under which Docker keeps the credentials of a registry.
fn keys(host: &str) -> Vec<&str> {
    match host {
        DOCKER_HUB => vec!["https://index.docker.io/v1/", "docker.io"],
        _ => vec![host],
    }
}

/// What a file of logins says of one name of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Nothing.
    Nothing,
    /// It holds them itself.
    Found(Found),
    /// A program knows.
    Helper(Helper),
}

async fn read_docker_config<'h>(
    path: &Path,
    host: &'h str,
) -> Result<Vec<(&'h str, Entry)>, CredentialsError> {
    let malformed = || CredentialsError::Malformed {
        host: host.to_owned(),
        path: path.to_owned(),
    };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let asked = path.to_owned();
    // A thread of its own: one of tokio's would keep the program from ending while a file system hangs. Where none can
    // be had, the sender is dropped and the receiver tells.
    let _ = std::thread::Builder::new().spawn(move || {
        // Nobody listens any more when the deadline has passed.
        let _ = sender.send(fs::find_text(&asked));
    });
    let text = receiver.await.map_err(|_| malformed())?;
    let text = text.map_err(|source| CredentialsError::File {
        source: Arc::new(source),
    })?;
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let entries = keys(host).into_iter();
    let entries = entries.map(|key| Some((key, parse_docker_config(&text, key)?)));
    entries.collect::<Option<_>>().ok_or_else(malformed)
}

/// Finds what the text of a file says of one name; nothing where it is not what Docker writes.
pub(super) fn parse_docker_config(text: &str, key: &str) -> Option<Entry> {
    let mut config: Value = serde_json::from_str(text).ok()?;
    let name = |value: &Value| value.as_str().filter(|it| !it.is_empty()).map(Helper::new);
    if let Some(helper) = name(&config["credHelpers"][key]) {
        return Some(Entry::Helper(helper));
    }
    let store = name(&config["credsStore"]);
    // Helpers are asked here, with a deadline and a bound.
    let fields = config.as_object_mut()?;
    fields.retain(|name, _| name != "credHelpers" && name != "credsStore");
    let own = config.to_string();
    match docker_credential::get_credential_from_reader(own.as_bytes(), key) {
        Ok(DockerCredential::IdentityToken(token)) => {
            Some(Entry::Found(Found::IdentityToken(Secret::new(token))))
        }
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            let password = Secret::new(password);
            Some(Entry::Found(Found::Login(Login { username, password })))
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => {
            Some(store.map_or(Entry::Nothing, Entry::Helper))
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(username: &str, password: &str) -> Login {
        Login {
            username: username.to_owned(),
            password: Secret::new(password),
        }
    }

    async fn find(config: &str, host: &str) -> Result<Found, CredentialsError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        fs::write_atomically(&path, config.as_bytes()).unwrap();
        let credentials = Credentials::default().with_docker_config(path);
        credentials.find(host, Duration::from_secs(10)).await
    }

    #[tokio::test]
    async fn a_login_of_the_settings_is_for_its_registry_alone() {
        let credentials = Credentials::default().with_login("r.example.org", login("ann", "pw"));
        let deadline = Duration::from_secs(1);
        let found = credentials.find("r.example.org", deadline).await.unwrap();
        assert_eq!(found, Found::Login(login("ann", "pw")));
        for host in ["r.example.org:5000", "docker.io", "example.org"] {
            let found = credentials.find(host, deadline).await.unwrap();
            assert_eq!(found, Found::Nothing);
        }
    }

    #[tokio::test]
    async fn the_entries_of_a_config_json_are_found() {
        // "ann:pw:x" in base64.
        let config = r#"{"auths": {
            "r.example.org:5000": {"auth": "YW5uOnB3Ong="},
            "https://index.docker.io/v1/": {"auth": "YW5uOnB3Ong="},
            "t.example.org": {"identitytoken": "tok"}}}"#;
        for host in ["r.example.org:5000", "docker.io"] {
            let found = find(config, host).await.unwrap();
            assert_eq!(found, Found::Login(login("ann", "pw:x")), "{host}");
        }
        let found = find(config, "t.example.org").await.unwrap();
        assert_eq!(found, Found::IdentityToken(Secret::new("tok")));
        let found = find(config, "r.example.org").await.unwrap();
        assert_eq!(found, Found::Nothing);
    }

    #[tokio::test]
    async fn a_missing_file_holds_nothing() {
        let credentials = Credentials::default().with_docker_config("/nowhere/config.json");
        let found = credentials
            .find("r.example.org", Duration::from_secs(1))
            .await;
        assert_eq!(found.unwrap(), Found::Nothing);
    }

    #[tokio::test]
    async fn a_broken_file_and_a_missing_helper_are_told() {
        let host = "r.example.org";
        let error = find("{", host).await.expect_err("no JSON");
        assert!(
            matches!(error, CredentialsError::Malformed { .. }),
            "{error:?}"
        );
        for config in [
            r#"{"credHelpers": {"r.example.org": "no-such-helper"}}"#,
            r#"{"credsStore": "no-such-helper"}"#,
        ] {
            let error = find(config, host).await.expect_err("no such helper");
            let text = "failed: cannot find the program `docker-credential-no-such-helper`";
            assert!(error.to_string().ends_with(text), "{error}");
        }
        for config in [
            "{}",
            r#"{"credsStore": "", "credHelpers": {"r.example.org": ""}}"#,
        ] {
            assert_eq!(find(config, host).await.unwrap(), Found::Nothing);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::default().with_login("r.example.org", login("ann", "pw"));
        let shown = format!("{credentials:?}");
        assert!(shown.contains("ann") && !shown.contains("pw"), "{shown}");
    }
}
