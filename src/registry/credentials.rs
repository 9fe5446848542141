//! Who we are at a registry: from the settings, else from Docker's `config.json` and its helpers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::answer::Said;
use super::endpoint::DOCKER_HUB;
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
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    logins: BTreeMap<String, Login>,
    docker_config: Option<PathBuf>,
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
    pub fn with_docker_config_of(self, environment: &Environment) -> Self {
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
        let Some(path) = self.docker_config.clone() else {
            return Ok(Found::Nothing);
        };
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (asked_host, asked_path) = (host.to_owned(), path.clone());
        // A thread of its own: one of tokio's would keep the program from ending while a helper hangs. Where none can be
        // had, the sender is dropped and the receiver tells.
        let _ = std::thread::Builder::new().spawn(move || {
            // Nobody listens any more when the deadline has passed.
            let _ = sender.send(read_docker_config(&asked_path, &asked_host));
        });
        let host = host.to_owned();
        match tokio::time::timeout(deadline, receiver).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(CredentialsError::Helper {
                host,
                path,
                said: Said::default(),
            }),
            Err(_) => Err(CredentialsError::Silent {
                host,
                path,
                after: deadline,
            }),
        }
    }
}

/// The names under which Docker keeps the credentials of a registry.
fn keys(host: &str) -> &[&str] {
    match host {
        DOCKER_HUB => &["https://index.docker.io/v1/", "docker.io"],
        _ => &[],
    }
}

fn read_docker_config(path: &Path, host: &str) -> Result<Found, CredentialsError> {
    let text = fs::find_text(path).map_err(|source| CredentialsError::File {
        source: Arc::new(source),
    })?;
    match text {
        Some(text) => parse_docker_config(&text, path, host),
        None => Ok(Found::Nothing),
    }
}

/// Finds the credentials in the text of a file, which may name a helper to ask.
pub(super) fn parse_docker_config(
    text: &str,
    path: &Path,
    host: &str,
) -> Result<Found, CredentialsError> {
    let own = [host];
    let keys = Some(keys(host)).filter(|keys| !keys.is_empty());
    for key in keys.unwrap_or(&own) {
        match docker_credential::get_credential_from_reader(text.as_bytes(), key) {
            Ok(DockerCredential::IdentityToken(token)) => {
                return Ok(Found::IdentityToken(Secret::new(token)));
            }
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                let password = Secret::new(password);
                return Ok(Found::Login(Login { username, password }));
            }
            Err(error) if means_nothing(&error) => {}
            Err(error) => return Err(explain(error, path, host)),
        }
    }
    Ok(Found::Nothing)
}

fn means_nothing(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => true,
        // The one sentence by which a helper says that it works and holds nothing (docker-credential-helpers).
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
            let sentence = "credentials not found";
            stdout.contains(sentence) || stderr.contains(sentence)
        }
        _ => false,
    }
}

fn explain(error: CredentialRetrievalError, path: &Path, host: &str) -> CredentialsError {
    let (host, path) = (host.to_owned(), path.to_owned());
    match error {
        // What it wrote to its standard output may be the secret.
        CredentialRetrievalError::HelperFailure { stderr, .. } => CredentialsError::Helper {
            host,
            path,
            said: Said::text(&stderr),
        },
        CredentialRetrievalError::HelperCommunicationError
        | CredentialRetrievalError::MalformedHelperResponse => CredentialsError::Helper {
            host,
            path,
            said: Said::default(),
        },
        _ => CredentialsError::Malformed { host, path },
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
        let config = r#"{"credHelpers": {"r.example.org": "no-such-helper"}}"#;
        let error = find(config, host).await.expect_err("no such helper");
        assert!(
            matches!(error, CredentialsError::Helper { .. }),
            "{error:?}"
        );
    }

    #[test]
    fn a_helper_that_holds_nothing_is_told_from_one_that_fails() {
        let failure = |stdout: &str| CredentialRetrievalError::HelperFailure {
            helper: "docker-credential-x".to_owned(),
            stdout: stdout.to_owned(),
            stderr: "locked".to_owned(),
        };
        assert!(means_nothing(&failure(
            "credentials not found in native keychain\n"
        )));
        assert!(!means_nothing(&failure("s3cret")));
        let error = explain(failure("s3cret"), Path::new("/c.json"), "r.example.org");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        assert!(error.to_string().ends_with("failed: locked"), "{error}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::default().with_login("r.example.org", login("ann", "pw"));
        let shown = format!("{credentials:?}");
        assert!(shown.contains("ann") && !shown.contains("pw"), "{shown}");
    }
}
