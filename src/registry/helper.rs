//! Credential helpers: programs that keep logins for Docker, asked as it asks them.
//!
//! ```text
//! $ printf r.example.org | docker-credential-pass get
//! {"ServerURL":"r.example.org","Username":"ann","Secret":"pw"}
//! ```

use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::answer::Said;
use super::credentials::{Found, Login};
use crate::host::{Environment, Output, ProcessError, Program, Stream};
use crate::settings::Secret;

/// More bytes than any answer has, of either stream; a helper that goes on must not fill the memory.
const LARGEST_BYTES: usize = 1 << 20;
/// What a helper has to end in after its deadline.
const GRACE: Duration = Duration::from_secs(1);

/// A helper, by the name that Docker's `config.json` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Helper(String);

/// Why a helper gave no credentials.
#[derive(Debug)]
pub(super) enum HelperFault {
    /// It did not answer in time.
    Silent,
    /// It failed with these words, or its answer is not what Docker expects.
    Failed(Said),
}

/// What a helper wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// To its standard output, which may be the secret.
    pub(super) output: String,
    /// To its standard error.
    pub(super) error: String,
}

impl Helper {
    pub(super) fn new(name: &str) -> Self {
        Self(format!("docker-credential-{name}"))
    }

    /// Asks for the credentials of a registry.
    pub(super) async fn ask(
        &self,
        key: &str,
        environment: &Environment,
        deadline: Duration,
    ) -> Result<Found, HelperFault> {
        let program = Program::new(&self.0)
            .arguments(["get"])
            .input(key)
            .output(Output::Separate)
            .deadline(deadline)
            .grace(GRACE);
        let variables = environment.variables();
        let program = variables.fold(program, |program, (name, value)| {
            program.variable(name, value)
        });
        let mut written = Written::default();
        let on_line = |stream, line: &str| written.take(stream, line);
        match program.run(&CancellationToken::new(), on_line).await {
            Ok(()) => written.parse_login(),
            Err(ProcessError::Exit { .. }) => written.explain_failure(),
            Err(ProcessError::Deadline { .. }) => Err(HelperFault::Silent),
            Err(error) => Err(HelperFault::Failed(Said::text(&error.to_string()))),
        }
    }
}

impl Written {
    pub(super) fn take(&mut self, stream: Stream, line: &str) {
        let text = match stream {
            Stream::Output => &mut self.output,
            Stream::Error => &mut self.error,
        };
        if text.len() + line.len() <= LARGEST_BYTES {
            text.push_str(line);
            text.push('\n');
        }
    }

    /// Reads the answer of a helper that ended well.
    pub(super) fn parse_login(&self) -> Result<Found, HelperFault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            username: String,
            secret: String,
        }
        // What is wrong with it would be told with a part of it.
        let answer: Answer =
            serde_json::from_str(&self.output).map_err(|_| HelperFault::Failed(Said::default()))?;
        let secret = Secret::new(answer.secret);
        Ok(match answer.username.as_str() {
            "<token>" => Found::IdentityToken(secret),
            _ => Found::Login(Login {
                username: answer.username,
                password: secret,
            }),
        })
    }

    /// Tells a helper that holds nothing from one that failed.
    pub(super) fn explain_failure(&self) -> Result<Found, HelperFault> {
        // The one sentence by which a helper says that it works and holds nothing (docker-credential-helpers).
        let sentence = "credentials not found";
        if self.output.contains(sentence) || self.error.contains(sentence) {
            return Ok(Found::Nothing);
        }
        Err(HelperFault::Failed(Said::text(&self.error)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::time::Instant;

    use super::*;

    /// Asks a helper that is this script.
    async fn ask(script: &str, deadline: Duration) -> Result<Found, HelperFault> {
        use std::io::Write as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker-credential-safe");
        let mut file = std::fs::File::options()
            .create_new(true)
            .write(true)
            .mode(0o755)
            .open(&path)
            .unwrap();
        write!(file, "#!/bin/sh\n{script}\n").unwrap();
        drop(file);
        let places = format!("{}:/usr/bin:/bin", directory.path().display());
        let environment = Environment::from([("PATH", places.as_str()), ("SAFE", "open")]);
        Helper::new("safe")
            .ask("r.example.org", &environment, deadline)
            .await
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_helper_is_asked_for_the_registry_in_the_environment_of_the_user() {
        let script = r#"read -r key; echo "{\"Username\": \"$1 $SAFE\",
            \"Secret\": \"$key\"}""#;
        let expected = Login {
            username: "get open".to_owned(),
            password: Secret::new("r.example.org"),
        };
        let found = ask(script, LONG).await.unwrap();
        assert_eq!(found, Found::Login(expected));
        let script = r#"echo '{"Username": "<token>", "Secret": "tok"}'"#;
        let found = ask(script, LONG).await.unwrap();
        assert_eq!(found, Found::IdentityToken(Secret::new("tok")));
    }

    #[tokio::test]
    async fn a_helper_that_holds_nothing_is_told_from_one_that_fails() {
        let script = "echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(ask(script, LONG).await.unwrap(), Found::Nothing);
        for (script, expected) in [
            ("echo s3cret; echo locked >&2; exit 1", "locked"),
            ("echo s3cret", ""),
            (
                "kill -9 $$",
                "`docker-credential-safe` was killed by signal 9",
            ),
        ] {
            match ask(script, LONG).await {
                Err(HelperFault::Failed(said)) => assert_eq!(said.as_str(), expected),
                other => panic!("{script}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_helper_that_goes_on_for_ever_fills_no_memory_and_ends_at_the_deadline() {
        let began = Instant::now();
        let ended = ask(
            "while :; do echo 12345678; done",
            Duration::from_millis(500),
        )
        .await;
        assert!(matches!(ended, Err(HelperFault::Silent)), "{ended:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
        let mut written = Written::default();
        for _ in 0..200 {
            written.take(Stream::Output, &"x".repeat(16 * 1024));
        }
        assert!(written.output.len() <= LARGEST_BYTES + 1);
    }
}
