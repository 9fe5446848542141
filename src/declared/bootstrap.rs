//! A full Debian base: its packages with their maintainer scripts run, by a program made for that.

use serde::Deserialize;

/// The program that makes a full Debian base, with its maintainer scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bootstrap {
    /// Debian's mmdebstrap.
    Mmdebstrap,
}

/// Which packages a base starts from (mmdebstrap(1), `--variant`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The essential packages and apt.
    Apt,
    /// The required packages and apt; what official Debian images hold.
    #[default]
    Minbase,
    /// Packages of priority required and important.
    Important,
    /// The standard system.
    Standard,
}

impl Variant {
    /// Gives the name that mmdebstrap knows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Minbase => "minbase",
            Self::Important => "important",
            Self::Standard => "standard",
        }
    }
}

/// A base that is bootstrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapFile {
    /// The program that does it.
    pub program: Bootstrap,
    /// The Debian suite: `bookworm`.
    pub suite: String,
    /// The set of packages to start from.
    pub variant: Variant,
    /// The archive areas, `main` where none is named.
    pub components: Vec<String>,
    /// More packages.
    pub packages: Vec<String>,
}
