//! The part of a command line that says which images it is about, and under which versions.

use std::path::PathBuf;

use super::login::LoginArgs;
use super::session::Flavour;
use super::stamping::StampArgs;
use crate::plan::Overwrite;
use crate::publish::Latest;

/// What `build`, `plan` and `publish` are about.
#[derive(Debug, clap::Args)]
pub(super) struct Scope {
    /// The directories with images; together they make one catalog
    #[arg(value_name = "DIR", required = true)]
    pub(super) directories: Vec<PathBuf>,
    /// Only images whose whole label matches this pattern (`*/nginx:*`), and what they need
    #[arg(long, value_name = "GLOB")]
    pub(super) select: Option<String>,
    #[command(flatten)]
    flavour: FlavourArgs,
    #[command(flatten)]
    pub(super) stamp: StampArgs,
    #[command(flatten)]
    pub(super) login: LoginArgs,
}

/// Which versions a run makes.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct FlavourArgs {
    /// Put the date behind each version (1.0-1-20261121)
    #[arg(long)]
    nightly: bool,
    /// Put date and time behind each version (1.0-1-20261121-073000)
    #[arg(long)]
    snapshot: bool,
}

impl FlavourArgs {
    /// Gives what is put behind each version.
    pub(super) fn flavour(self) -> Flavour {
        match (self.nightly, self.snapshot) {
            (true, _) => Flavour::Nightly,
            (_, true) => Flavour::Snapshot,
            _ => Flavour::Release,
        }
    }
}

impl Scope {
    /// Gives what is put behind each version.
    pub(super) fn flavour(&self) -> Flavour {
        self.flavour.flavour()
    }

    /// Tells what `--force` means for published versions whose inputs changed.
    pub(super) fn overwrite(force: bool) -> Overwrite {
        if force {
            Overwrite::Drifted
        } else {
            Overwrite::Never
        }
    }

    /// Tells whether `latest` follows: only a release is what its users want.
    pub(super) fn latest(&self) -> Latest {
        match self.flavour() {
            Flavour::Release => Latest::Moves,
            Flavour::Nightly | Flavour::Snapshot => Latest::Stays,
        }
    }
}
