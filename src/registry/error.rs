//! Why a registry gave no answer to go by. None of it means that something is absent.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Said;
use super::credentials::CredentialsError;
use super::endpoint::{Endpoint, Object};
use crate::host::fs::FileError;
use crate::oci::Reference;

/// What was asked, of whom, and how often.
///
/// ```text
/// asking `r.example.org` for `base/nginx:1` (3 times)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The registry that it was about.
    pub registry: Arc<str>,
    /// The host that was asked: the registry, or its token service.
    pub host: Arc<str>,
    /// What for: a manifest or a token.
    pub subject: Arc<str>,
    /// How often it was asked.
    pub times: u32,
}

/// Why something could not be found out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// A 401 or a 403: who we are is not enough.
    #[error("{asked} was denied with status {status}{said}")]
    Denied {
        /// What was asked.
        asked: Asked,
        /// The status.
        status: u16,
        /// Whether credentials were shown.
        identity: Identity,
        /// The server's own words.
        said: Said,
    },
    /// A 405 to what would change something.
    #[error("{asked} was refused: nothing can be written there (405){said}")]
    ReadOnly {
        /// What was asked.
        asked: Asked,
        /// The server's own words.
        said: Said,
    },
    /// Another 4xx, in the words of a registry.
    #[error("{asked} was refused with status {status}{said}")]
    Refused {
        /// What was asked.
        asked: Asked,
        /// The status.
        status: u16,
        /// The server's own words.
        said: Said,
    },
    /// A 429 to the end of the patience.
    #[error("{} limits requests (429){}{said}", asked.host, asks_to_wait(*wait))]
    RateLimited {
        /// What was asked.
        asked: Asked,
        /// When the server wants to be asked again, where it said so.
        wait: Option<Duration>,
        /// The server's own words.
        said: Said,
    },
    /// A 5xx to the end of the patience.
    #[error("{asked} failed there with status {status}{said}")]
    Server {
        /// What was asked.
        asked: Asked,
        /// The status.
        status: u16,
        /// The server's own words.
        said: Said,
    },
    /// An answer that no registry gives.
    #[error("{asked} got no registry's answer: {garbage}")]
    Garbage {
        /// What was asked.
        asked: Asked,
        /// What is wrong with the answer.
        garbage: Garbage,
    },
    /// No connection came about.
    #[error("{} cannot be reached: {}", asked.host, innermost(fault))]
    Unreachable {
        /// What was asked.
        asked: Asked,
        /// Why; it is told by its innermost cause alone, since those around it are of libraries.
        fault: Arc<reqwest::Error>,
    },
    /// A connection came about whose other side could not be trusted, or which speaks no TLS.
    #[error("{} cannot be trusted: {}", asked.host, innermost(fault))]
    Tls {
        /// What was asked.
        asked: Asked,
        /// Why; it is told by its innermost cause alone, since those around it are of libraries.
        fault: Arc<reqwest::Error>,
    },
    /// The connection was lost before the answer was whole.
    #[error("{asked} lost the connection: {}", innermost(fault))]
    Broken {
        /// What was asked.
        asked: Asked,
        /// Why; it is told by its innermost cause alone, since those around it are of libraries.
        fault: Arc<reqwest::Error>,
    },
    /// No whole answer came in time.
    #[error("{asked} got no whole answer in {} seconds", after.as_secs_f64())]
    Silent {
        /// What was asked.
        asked: Asked,
        /// The time that it had.
        after: Duration,
    },
    /// There are more tags to compare than are compared.
    #[error(
        "{asked} gave more than {most} that may be newer versions, and none of the first {most} tells"
    )]
    TooMany {
        /// What was asked.
        asked: Asked,
        /// How many were compared.
        most: usize,
    },
    /// The file of a blob cannot be read.
    #[error("{} was given up", asked.subject)]
    Unreadable {
        /// What was asked.
        asked: Asked,
        /// Why it cannot.
        source: Arc<FileError>,
    },
    /// The file of a blob holds something else than the blob.
    #[error(
        "{} was given up: {} does not have this digest, or not the size that it had",
        asked.subject,
        path.display()
    )]
    Changed {
        /// What was asked.
        asked: Asked,
        /// The file.
        path: Arc<Path>,
    },
    /// Credentials are needed, and the place where they are kept gave none.
    #[error("{asked} needs credentials")]
    Credentials {
        /// What was asked.
        asked: Asked,
        /// Why there are none.
        source: Box<CredentialsError>,
    },
}

/// Whether credentials were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// None were, although the server asked for some.
    Anonymous,
    /// The server asked for none.
    Unasked,
    /// Some were.
    LoggedIn,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garbage {
    /// A status that has no meaning here.
    #[error("status {status}{said}")]
    Status {
        /// The status.
        status: u16,
        /// The server's own words.
        said: Said,
    },
    /// The header with the digest holds none.
    #[error("a digest that is none{0}")]
    NoDigest(Said),
    /// The digest is another than that of the bytes, or than the one asked for.
    #[error("a digest that belongs to other bytes")]
    OtherDigest,
    /// The body is no manifest.
    #[error("a body that is no manifest")]
    NoManifest,
    /// The bytes are what was asked for, and they are no manifest of an image.
    #[error("a manifest of no image")]
    NoImage,
    /// What lists referrers is no index.
    #[error("something else where what is attached to an image is listed")]
    NoReferrers,
    /// An index names an image that the registry does not have.
    #[error("an index whose image for this machine is not there")]
    NoPart,
    /// A 404 that does not come from a registry.
    #[error("a 404 of something that is no registry{0}")]
    ForeignAbsence(Said),
    /// A 404 of another host, to which the registry sent on.
    #[error("a redirect to `{}`, and a 404 from there", .0.as_str())]
    AbsenceElsewhere(Said),
    /// What was there a moment ago is not there.
    #[error("a 404 for what was there a moment ago")]
    Contradiction,
    /// The body is no list of tags.
    #[error("a body that is no list of tags")]
    NoTags,
    /// The list of tags is longer than any repository's.
    #[error("a list of more than {0} tags")]
    TooManyTags(usize),
    /// The list says that it goes on, and gives what it gave before.
    #[error("a list of tags that says it goes on, and repeats itself")]
    RepeatedTags,
    /// The rest of the list is said to be elsewhere.
    #[error("a list of tags that goes on at another address{0}")]
    TagsElsewhere(Said),
    /// The list of tags does not end.
    #[error("a list of tags that goes on after {0} pages")]
    EndlessTags(usize),
    /// The body is no configuration of an image.
    #[error("a body that is no configuration of an image")]
    NoConfiguration,
    /// The index has no image for this platform.
    #[error("an index without an image for {0}")]
    NoPlatform(Said),
    /// The body is larger than a manifest or a token may be.
    #[error("a body over {limit_bytes} bytes")]
    TooLarge {
        /// The most that is read.
        limit_bytes: usize,
    },
    /// The token service answers with no token.
    #[error("a body that holds no token")]
    NoToken,
    /// The token service's address cannot be used, or credentials sent there could be read on the way.
    #[error("a token service without a safe address{0}")]
    Realm(Said),
    /// The reference names a host that no address can hold.
    #[error("no address{0}")]
    Address(Said),
    /// The answer to a question for a blob is a page for browsers.
    #[error("a page in the place of a blob")]
    NoBlob,
    /// What has the digest has another size.
    #[error("a blob of {told} bytes where there are {size_bytes}")]
    OtherSize {
        /// The size by the answer.
        told: u64,
        /// The size that it has.
        size_bytes: u64,
    },
    /// An upload goes on where it cannot be followed.
    #[error("an upload without an address that can be followed{0}")]
    UploadElsewhere(Said),
    /// The registry has more of an upload than was sent, or says what is no number.
    #[error("a range of an upload that was not sent")]
    Range,
    /// The registry takes what is sent and has no more of it.
    #[error("an upload that stays at {0} bytes, whatever is sent")]
    Stalled(u64),
    /// The registry forgets uploads.
    #[error("an upload that was lost {0} times")]
    LostUploads(u32),
    /// A redirect leads nowhere, in a circle, or away from TLS.
    #[error("a redirect that cannot be followed")]
    Redirect,
}

/// What may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nobody is logged in at this host.
    LogIn {
        /// The registry.
        host: String,
    },
    /// The credentials for this host are wrong or allow too little.
    CheckCredentials {
        /// The registry.
        host: String,
    },
    /// It was refused whoever asks.
    LookBetween {
        /// The registry.
        host: String,
    },
    /// The server is overloaded or ill.
    TryLater,
    /// There may be another server at this address than was meant.
    CheckAddress {
        /// The registry.
        host: String,
    },
    /// What answers there only hands images out.
    NameRegistry {
        /// The registry.
        host: String,
    },
    /// The certificate is signed by nobody known.
    TrustCertificate,
    /// Requests may not be so large.
    RaiseLimit {
        /// The registry.
        host: String,
    },
}

impl RegistryError {
    /// A registry that has a manifest by one question and not by the next.
    pub(crate) fn contradiction(reference: &Reference) -> Self {
        Self::Garbage {
            asked: Endpoint::of(reference).asked(),
            garbage: Garbage::Contradiction,
        }
    }

    /// Gives what was asked.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        match self {
            Self::Denied { asked, .. }
            | Self::ReadOnly { asked, .. }
            | Self::Refused { asked, .. }
            | Self::RateLimited { asked, .. }
            | Self::Server { asked, .. }
            | Self::Garbage { asked, .. }
            | Self::Unreachable { asked, .. }
            | Self::Tls { asked, .. }
            | Self::Broken { asked, .. }
            | Self::Silent { asked, .. }
            | Self::TooMany { asked, .. }
            | Self::Unreadable { asked, .. }
            | Self::Changed { asked, .. }
            | Self::Credentials { asked, .. } => asked,
        }
    }

    /// More tags of the reference's repository than are compared.
    pub(crate) fn too_many_tags(reference: &Reference, most: usize) -> Self {
        let endpoint = Endpoint::of(reference).sibling(String::new(), Object::Tags);
        let asked = endpoint.asked();
        Self::TooMany { asked, most }
    }

    /// Tells whether what a digest leads to is known, and is no image for this machine.
    #[must_use]
    pub fn is_no_image(&self) -> bool {
        matches!(
            self,
            Self::Garbage {
                garbage: Garbage::NoPlatform(_) | Garbage::NoImage | Garbage::NoConfiguration,
                ..
            }
        )
    }

    /// Tells whether a registry lists its tags for nobody.
    #[must_use]
    pub fn is_refusal_to_list(&self) -> bool {
        match self {
            Self::Server { status: 501, .. } => true,
            Self::Refused { status, said, .. }
            | Self::Garbage {
                garbage: Garbage::Status { status, said },
                ..
            } => *status == 405 || said.as_str().to_lowercase().contains("unsupported"),
            _ => false,
        }
    }

    /// Tells whether a registry keeps a tag where it is.
    #[must_use]
    pub fn is_refusal_to_move(&self) -> bool {
        matches!(self, Self::Refused { status, said, .. }
            if *status == 412 || said.as_str().to_lowercase().contains("immutable"))
    }

    /// Tells whether a registry does not take what is attached to an image, and will not: it is denied or unknown there, or in the
    /// place of the list stands something else.
    #[must_use]
    pub fn is_refusal_to_attach(&self) -> bool {
        match self {
            Self::Denied { .. } | Self::ReadOnly { .. } | Self::Refused { .. } => true,
            Self::Server { status, .. } => !matches!(status, 500 | 502 | 503 | 504),
            Self::Garbage { garbage, .. } => match garbage {
                Garbage::NoReferrers => true,
                Garbage::Status { status, .. } => (400..500).contains(status),
                _ => false,
            },
            _ => false,
        }
    }

    /// Tells whether the same question may get another answer later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Broken { .. }
                | Self::Silent { .. }
                | Self::Server { .. }
                | Self::RateLimited { .. }
        )
    }

    /// Gives what may help.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let host = self.asked().registry.to_string();
        match self {
            Self::Denied { identity, .. } => Some(match identity {
                Identity::Anonymous => Hint::LogIn { host },
                Identity::Unasked => Hint::LookBetween { host },
                Identity::LoggedIn => Hint::CheckCredentials { host },
            }),
            Self::ReadOnly { .. } => Some(Hint::NameRegistry { host }),
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Broken { .. }
            | Self::Silent { .. } => Some(Hint::TryLater),
            Self::Refused { status: 413, .. }
            | Self::Garbage {
                garbage: Garbage::Status { status: 413, .. },
                ..
            } => Some(Hint::RaiseLimit { host }),
            Self::Garbage { .. } | Self::Unreachable { .. } => Some(Hint::CheckAddress { host }),
            Self::Tls { .. } => Some(Hint::TrustCertificate),
            Self::Credentials { .. }
            | Self::Refused { .. }
            | Self::TooMany { .. }
            | Self::Unreadable { .. }
            | Self::Changed { .. } => None,
        }
    }
}

/// The one cause that a user can do something about, without what the resolver puts before it.
fn innermost(fault: &Arc<reqwest::Error>) -> String {
    let mut cause: &dyn std::error::Error = fault.as_ref();
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    match text.strip_prefix("failed to lookup address information: ") {
        Some(text) => text.to_owned(),
        None => text,
    }
}

/// ` and asks to wait 1h30m`: in whole seconds, minutes above a minute, or nothing where the server did not say.
fn asks_to_wait(wait: Option<Duration>) -> String {
    let Some(wait) = wait else {
        return String::new();
    };
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    let minutes = seconds.div_ceil(60);
    let wait = match (seconds, minutes % 60) {
        (0..60, _) => format!("{seconds}s"),
        (60..3600, 1..) => format!("{minutes}m"),
        (_, 0) => format!("{}h", minutes / 60),
        (_, rest) => format!("{}h{rest:02}m", minutes / 60),
    };
    format!(" and asks to wait {wait}")
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asking `{}` for {}", self.host, self.subject)?;
        if self.times > 1 {
            write!(f, " ({} times)", self.times)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogIn { host } => write!(
                f,
                "no credentials for `{host}` were found: run `docker login {host}`, or set `username` and `password` where it \
                 is the `registry` of the settings; `publish` takes `--username` with `--password-stdin` for one place"
            ),
            Self::CheckCredentials { host } => {
                write!(
                    f,
                    "check the credentials for `{host}` and what they allow there"
                )
            }
            Self::LookBetween { host } => write!(
                f,
                "`{host}` did not ask who that is: it may let nobody do this, or a proxy or a firewall before it refused"
            ),
            Self::TryLater => {
                f.write_str("the trouble is on the other side and may pass; try again later")
            }
            Self::CheckAddress { host } => {
                write!(f, "check that `{host}` is the registry's address")
            }
            Self::NameRegistry { host } => write!(
                f,
                "`{host}` may be a mirror or a cache, which is only read from: publish to the registry itself"
            ),
            Self::RaiseLimit { host } => write!(
                f,
                "`{host}`, or a proxy before it, takes no request of this size: raise the limit there (`client_max_body_size` \
                 of nginx)"
            ),
            Self::TrustCertificate => {
                f.write_str("name the authority that signed its certificate with `ca_bundle`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(times: u32) -> Asked {
        Asked {
            registry: "r.example.org".into(),
            host: "r.example.org".into(),
            subject: "`base/nginx:1`".into(),
            times,
        }
    }

    #[test]
    fn errors_tell_whom_was_asked_what_and_how_often() {
        let error = RegistryError::Server {
            asked: asked(3),
            status: 503,
            said: Said::text("out of order"),
        };
        assert_eq!(
            error.to_string(),
            "asking `r.example.org` for `base/nginx:1` (3 times) failed there with status 503: out of order"
        );
        assert_eq!(error.hint(), Some(Hint::TryLater));
    }

    #[test]
    fn a_limit_is_told_with_the_time_that_the_server_asks_for() {
        let case = |wait: Option<u64>, expected: &str| {
            let error = RegistryError::RateLimited {
                asked: asked(1),
                wait: wait.map(Duration::from_secs),
                said: Said::text("slow down"),
            };
            assert_eq!(error.to_string(), expected);
        };
        let host = "r.example.org limits requests (429)";
        case(None, &format!("{host}: slow down"));
        for (seconds, shown) in [
            (0, "1s"),
            (59, "59s"),
            (60, "1m"),
            (61, "2m"),
            (3541, "1h"),
            (3600, "1h"),
            (5400, "1h30m"),
            (86_400, "24h"),
        ] {
            let expected = format!("{host} and asks to wait {shown}: slow down");
            case(Some(seconds), &expected);
        }
    }

    #[test]
    fn the_hint_for_a_denial_depends_on_who_asked() {
        let denied = |identity| RegistryError::Denied {
            asked: asked(1),
            status: 401,
            identity,
            said: Said::default(),
        };
        let host = "r.example.org".to_owned();
        let log_in = Hint::LogIn { host: host.clone() };
        // It may be a place that stands on the command line alone, for which the settings have no credentials.
        assert_eq!(
            log_in.to_string(),
            "no credentials for `r.example.org` were found: run `docker login r.example.org`, or set `username` and \
             `password` where it is the `registry` of the settings; `publish` takes `--username` with `--password-stdin` \
             for one place"
        );
        assert_eq!(denied(Identity::Anonymous).hint(), Some(log_in));
        assert_eq!(
            denied(Identity::Unasked).hint(),
            Some(Hint::LookBetween { host: host.clone() })
        );
        assert_eq!(
            denied(Identity::LoggedIn).hint(),
            Some(Hint::CheckCredentials { host })
        );
    }
}
