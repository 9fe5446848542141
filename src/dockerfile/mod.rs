//! A rendered Dockerfile and the ignore file beside it, as far as `pkg` has to understand them: which images from outside
//! it names and where, and as whom the result runs.
//!
//! ```text
//! # syntax=docker/dockerfile:1
//! ARG release=bookworm
//! FROM registry.example.org/build-tools:1 AS build
//! RUN <<EOF
//! make
//! EOF
//! FROM registry.example.org/${release}:2
//! COPY --from=build /out /srv
//! USER 33
//! ```
//!
//! The rules are those of the Dockerfile reference (docs.docker.com/reference/dockerfile) as BuildKit applies them. What
//! an instruction does is the engine's business.

mod error;
mod expand;
mod ignore;
mod lines;
mod options;
mod parse;
mod references;
mod scope;
mod secrets;
mod words;

pub use error::{DockerfileError, ExpandError};
pub use ignore::{IgnoreError, IgnoreRules, PatternError, Verdict};
pub use options::Mount;
pub use parse::{
    BaseSource, Dockerfile, GlobalArg, ImageReference, Instruction, Stage, User, parse_dockerfile,
};
pub use secrets::SecretMount;
