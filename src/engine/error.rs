//! What goes wrong between this program and an engine.

use std::time::Duration;

use super::EngineAddress;
use super::passing::tells_of_passing_trouble;

/// A fault of the engine or of the way to it; what a build step or a registry refuses is not among these.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers at the address.
    #[error("no Docker engine answers at {address}")]
    Unreachable {
        /// Where it was looked for.
        address: EngineAddress,
        /// What the connection said.
        source: Box<bollard::errors::Error>,
    },
    /// The socket is there, and this user may not open it.
    #[error("this user may not talk to the Docker engine at {address}")]
    Forbidden {
        /// The address.
        address: EngineAddress,
    },
    /// The address is of a kind that cannot be used.
    #[error(
        "`{address}` is no address of a Docker engine that can be used: DOCKER_HOST has to begin with unix:// or tcp://"
    )]
    Address {
        /// The address.
        address: EngineAddress,
    },
    /// The engine is of a time that this program does not know.
    #[error("the Docker engine at {address} is too old: its API is {api}, and {needed} is needed")]
    TooOld {
        /// The address.
        address: EngineAddress,
        /// The version of its API.
        api: String,
        /// The oldest one that is enough.
        needed: String,
    },
    /// The engine is of a time when this did not work.
    #[error(
        "Docker {version} can build from no context that it is sent, while it keeps images in containerd: 27.5 is needed"
    )]
    NoContext {
        /// Its version.
        version: String,
    },
    /// The engine answered with an error.
    #[error("the engine cannot {action}: {message}")]
    Refused {
        /// What was asked; completes "cannot …".
        action: String,
        /// The status of the answer.
        status: u16,
        /// The engine's own words.
        message: String,
    },
    /// The engine has trouble of its own: the question was one that every engine answers.
    #[error("the engine cannot {action}: {message}")]
    Failing {
        /// What was asked; completes "cannot …".
        action: String,
        /// The engine's own words.
        message: String,
    },
    /// The engine did not answer in time.
    #[error("the engine did not {action} within {}s", deadline.as_secs())]
    Silent {
        /// What was asked; completes "did not …".
        action: String,
        /// How long was waited.
        deadline: Duration,
    },
    /// The answer goes on and on.
    #[error("the engine's answer does not end: it was asked to {action}")]
    Endless {
        /// What was asked.
        action: String,
    },
    /// The connection broke, or the answer was not what the API describes.
    #[error("the engine broke off: it was asked to {action}")]
    Broken {
        /// What was asked.
        action: String,
        /// What the connection said.
        source: Box<bollard::errors::Error>,
    },
    /// The session beside a build, through which its secrets go, could not be opened.
    #[error("no session for the secrets of a build can be opened at {address}")]
    Session {
        /// The address.
        address: EngineAddress,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer lacks something that the API promises.
    #[error("the engine's answer has no {what}: it was asked to {action}")]
    Incomplete {
        /// What was asked.
        action: String,
        /// What is missing.
        what: &'static str,
    },
}

impl EngineError {
    /// Tells whether the same push or pull may pass a moment later. The engine hands the registry's trouble on as text only.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        const PASSING: [&str; 15] = [
            "HTTP status: 5",
            "HTTP status: 429",
            "HTTP 429 response",
            "HTTP 5",
            // The containerd store and podman say it in the words of RFC 9110.
            "Service Unavailable",
            "Bad Gateway",
            "Too Many Requests",
            "toomanyrequests",
            "unavailable",
            "timed out",
            "connection reset",
            "connection refused",
            "broken pipe",
            "timeout",
            "EOF",
        ];
        match self {
            Self::Refused {
                status: 200 | 500..,
                message,
                ..
            } => {
                !self.is_refusal_to_move()
                    && (self.is_unknown()
                        || tells_of_passing_trouble(message)
                        || PASSING.iter().any(|words| message.contains(words)))
            }
            _ => false,
        }
    }

    /// Tells whether the registry gave the code of what it cannot say: it comes with a 500, and with refusals too.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.starts_with("unknown: "))
    }

    /// Tells whether the registry keeps a tag where it is.
    #[must_use]
    pub fn is_refusal_to_move(&self) -> bool {
        // Quay says it under the code of what it cannot say; Harbor gives a 412.
        const WORDS: [&str; 4] = [
            "immutable",
            "412 precondition failed",
            "status: 412",
            "http 412",
        ];
        let Self::Refused { message, .. } = self else {
            return false;
        };
        let message = message.to_lowercase();
        WORDS.iter().any(|words| message.contains(words))
    }

    /// Tells whether the engine, or what it asked, has no room left.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if tells_of_full_disk(message))
    }

    /// Tells apart what the engine refuses and what it fails at, for a question that is no work.
    pub(super) fn of_question(self) -> Self {
        match self {
            Self::Refused {
                action,
                status: 500..,
                message,
            } => Self::Failing { action, message },
            other => other,
        }
    }

    /// Gives the engine's words where it refused because something else needs what was asked for.
    #[must_use]
    pub fn find_conflict(&self) -> Option<&str> {
        match self {
            Self::Refused {
                status: 409,
                message,
                ..
            } => Some(message),
            _ => None,
        }
    }

    /// Tells whether the engine said that it has no BuildKit.
    #[must_use]
    pub fn is_refusal_of_buildkit(&self) -> bool {
        matches!(self, Self::Refused { message, .. } if message.to_lowercase().contains("buildkit"))
    }

    /// Sorts an error of the client by what it means for the user.
    pub(super) fn from_client(action: impl Into<String>, error: bollard::errors::Error) -> Self {
        use bollard::errors::Error;
        let action = action.into();
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => Self::Refused {
                action,
                status: status_code,
                message: one_line(&message),
            },
            Error::DockerStreamError { error } => Self::Refused {
                action,
                status: 200,
                message: one_line(&error),
            },
            other => Self::Broken {
                action,
                source: Box::new(other),
            },
        }
    }
}

/// Tells whether an engine's words say that there is no room left; what a step prints is not among them.
#[must_use]
pub fn tells_of_full_disk(text: &str) -> bool {
    ["no space left on device", "disk quota exceeded"]
        .iter()
        .any(|words| text.contains(words))
}

/// Folds white space, so that a message of the engine's stays on its line, and cuts what is longer than a screen.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 2000; // characters
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|c| !c.is_control());
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line
}
