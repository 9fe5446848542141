//! Settings: the meaning of `config.yaml`, over the user's own `docker-pkg.yaml`.
//!
//! ```yaml
//! registry: registry.example.org
//! namespace: base
//! base_images: [registry.example.org/base/bookworm:latest]
//! known_uid_mappings: {root: 0, www-data: 33, nobody: 65534}
//! build_timeout: 1h30m
//! audit: {rules: {image-old: off}}
//! anything: else        # templates see every name
//! ```
//!
//! Reading is pure: the caller brings the texts. YAML is read as `PyYAML` reads YAML 1.1, because repositories were
//! written for it.

mod audit;
mod build_secrets;
mod credentials;
mod doubts;
mod error;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod known;
mod limits;
mod mask;
mod mask_meant;
mod mask_search;
mod meaning;
mod naming;
mod reader;
mod scalar;
mod schema;
mod secret;
mod span;
mod spans;
mod stamping;
mod value;
mod variables;

pub use crate::address::without_login;
pub use audit::{AuditSettings, Exclusion, RuleLevel, Severity, SeverityError};
pub use build_secrets::{BuildSecret, SecretSource};
pub use credentials::{Credentials, HalfCredentials, Login, Whence, choose_credentials};
pub use error::{SettingsError, SettingsErrors, SettingsWarning};
pub use file::YamlError;
pub use limits::{ContainerLimits, LimitsError};
pub use mask::Mask;
pub use meaning::{
    Driver, Mirrors, NamedFile, PROXY_VARIABLES, Proxies, ReadSettings, Settings, VerifyCommand,
    parse_settings,
};
pub use naming::Naming;
pub use reader::Layer;
pub use scalar::ScalarError;
pub use schema::render_schema;
pub use secret::{Secret, SecretBytes};
pub use span::find_duration;
pub use spans::NamedSpan;
pub use stamping::StatusCommand;
pub use value::{Timestamp, Value};
pub use variables::Variables;
