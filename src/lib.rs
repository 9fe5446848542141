//! `pkg` keeps a git repository of container images.
//!
//! Data flows one way, and the modules stand in that order: what a file says (formats), what it means (model), the
//! world outside (border), the work (stages), and what the user sees. A module uses only what stands before it in this
//! map, and formats and model touch nothing outside; `tests/architecture.rs` reads the map and holds that.
//!
//! ```text
//! formats   near → place → address → xml → yaml → stamp → rootfs → elf → loader → oci → spdx → debian → apk → declared → dockerfile → structure
//! model     settings → lock → catalog → plan → render → history → audit
//! border    host → layout → web → engine → registry → mirror
//! stages    unpack → export → scan → context → verify → observe → assemble → locking → ledger → build → publish → prune → changelogs → scaffold → revision → inspect
//! user      error → ui → cli
//! proof     fuzzing
//! ```
//!
//! Every file that the program reads or writes, and who does it:
//!
//! | file | read by | written by |
//! |---|---|---|
//! | `changelog` of an image | [`scan`], [`build`] the dates, [`publish`] the versions that no candidate takes, [`changelogs`], [`inspect`], [`cli`] all entries | [`changelogs`] and `pkg audit --fix`, all or none of a run's |
//! | `control` of an image | [`scan`], [`inspect`] | `pkg audit --fix` |
//! | `Dockerfile.template`, `image.yaml` of an image | [`scan`] | |
//! | `image.lock.json` of an image | [`locking`], [`observe`]; [`lock`] knows what it means | [`locking`], all or none of a run's |
//! | `.pkg-changes/` of a directory, while files below it are changed or made | [`host`] | [`host`] |
//! | what a template includes from its directory | [`scan`] | |
//! | git's commits and what is not committed, of image directories | [`inspect`], through git | |
//! | the rest of an image directory, with its `.dockerignore` | [`context`] | |
//! | `test.sh`, or what the verify command names, and all files beside it | [`verify`] | |
//! | `structure-test.yaml`, the `envFile` that it names, and what `--structure-test` names | [`verify`]; [`structure`] knows what it means | |
//! | the layout or archive of `pkg verify --image` | [`unpack`] | |
//! | what `pkg verify --test-report` names | | [`cli`] |
//! | `config.yaml`, `~/.config/docker-pkg.yaml` | [`cli`]; [`settings`] knows what they mean | |
//! | `~/.docker/config.json`, `~/.docker/contexts/` | [`registry`] the logins, [`engine`] the address | |
//! | the file of `ca_bundle` | [`web`] | |
//! | the files of blobs that go to a registry without an engine | [`registry`] | |
//! | the files that `secrets` names | [`build`] | |
//! | `/etc/apt/sources.list`, `/etc/apt/sources.list.d/`, `/etc/os-release` | [`host`] | |
//! | `~/.local/state/pkg/logs/`, a directory for each run | [`ledger`], which runs live | [`build`], [`publish`], [`ledger`] |
//! | `~/.local/state/pkg/ledger-1/`, times, failures and who is at work, for each directory of images | [`ledger`] | [`ledger`] |
//! | `~/.cache/pkg/store-1/`, indexes and packages by their hashes; in `apk/`, which file an APK package is | [`mirror`] | [`mirror`] |
//! | `~/.cache/pkg/images-1/`, images that were made without an engine, each an OCI layout with what it is made of | [`layout`] | [`layout`] |
//! | `/etc/apt/trusted.gpg.d/`, and the keyrings that sources name | [`mirror`] | |
//! | archives at `file:` addresses, directories and keys that `contents` of an `image.yaml` names | [`mirror`]; [`locking`] whether a lock is of these keys | |
//! | `/proc`: the processes that a killed run left, and whether a holder lives | [`host`], [`ledger`] | |
//! | `pkg-logs-RUN/` in the directory for temporary files, where the state directory cannot be written to | | [`ledger`] |
//! | `~/.local/state/pkg/published-1/`, a file for each published image that was asked for its inputs | [`observe`] | [`observe`] |
//! | `~/.local/state/pkg/verified-1/`, a file for each image that passed its tests | [`verify`] | [`verify`] |
//! | `pkg-*` in the directory for temporary files, while a base is made | [`assemble`] | [`build`], [`assemble`] |
//! | the git repository around the directories, through git | [`revision`], [`host`] the author | |
//! | `pkg-*` in the directory for temporary files, while a revision is compared | [`scan`] | [`revision`] |
//! | `OUT/…/Dockerfile` of `pkg render` | | [`cli`] |
//! | the files of a new image | | [`scaffold`] |
//! | what `pkg export` writes; beside it, or in `TMPDIR`, `.pkg-export-*` until it is whole | [`export`] what killed runs left | [`export`] |
//! | tars that `pkg export --overlay` names | [`unpack`] | |

// Formats: text and bytes to values, pure.
pub mod address;
pub mod apk;
pub mod debian;
pub mod declared;
pub mod dockerfile;
pub mod elf;
pub mod loader;
pub mod near;
pub mod oci;
pub mod place;
pub mod rootfs;
pub mod spdx;
pub mod stamp;
pub mod structure;
pub mod xml;
pub mod yaml;

// Model: values to values, pure.
pub mod audit;
pub mod catalog;
pub mod history;
pub mod lock;
pub mod plan;
pub mod render;
pub mod settings;

// Border: the only places that touch the machine, the engine and the network.
pub mod engine;
pub mod host;
pub mod layout;
pub mod mirror;
pub mod registry;
pub mod web;

// Stages: the work.
pub mod assemble;
pub mod build;
pub mod changelogs;
pub mod context;
pub mod export;
pub mod inspect;
pub mod ledger;
pub mod locking;
pub mod observe;
pub mod prune;
pub mod publish;
pub mod revision;
pub mod scaffold;
pub mod scan;
pub mod unpack;
pub mod verify;

// What the user sees.
pub mod cli;
pub mod error;
pub mod ui;

// What tries the parsers; no part of the program.
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

/// A parser's name, and the function that tries it with any bytes; named here because these stand beside the parsers.
#[cfg(any(test, feature = "fuzzing"))]
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// Chooses one input of so many, each time the same, for a check that takes far longer than the parser: the fuzzer's time
/// goes into parsing. The short run checks all.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn is_chosen(input: &[u8], one_of: u64) -> bool {
    // FNV-1a.
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325, mix);
    cfg!(test) || (hash >> 32).is_multiple_of(one_of)
}
