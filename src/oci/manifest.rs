//! Manifests and indexes (OCI image-spec, "Image Manifest", "Image Index", "Content Descriptors"), as far as an image of
//! layers needs them; what else they hold is not read.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;

/// What the parts of an image are.
pub mod media {
    /// A manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// A manifest as Docker wrote them before.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// An index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// A configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// The configuration of what has none, `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// What an image is made of, as SPDX.
    pub const SPDX: &str = "application/spdx+json";
    /// A layer, a tar; `+gzip` or `+zstd` say how it is compressed.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
}

/// Annotations and labels that the specification names ("Annotations").
pub mod annotation {
    /// When something was made, as RFC 3339 writes it.
    pub const CREATED: &str = "org.opencontainers.image.created";
    /// What something is called where people read it; of a blob, the name of its file.
    pub const TITLE: &str = "org.opencontainers.image.title";
    /// The name of an image in its layout: the tag.
    pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
    /// The whole name, as containerd imports it.
    pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
}

/// Points to a part of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is, one of [`media`].
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What an artifact is, in a list of referrers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// For which machine it is, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Points to bytes.
    #[must_use]
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.into(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Tells whether it points to an index of images of several kinds of machines.
    #[must_use]
    pub fn is_index(&self) -> bool {
        self.media_type == media::INDEX
    }

    /// Tells whether it points to the manifest of one image.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        matches!(
            self.media_type.as_str(),
            media::MANIFEST | media::DOCKER_MANIFEST
        )
    }
}

/// A kind of machine, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v7` of an `arm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Tells whether what is for another one is for this one, too: who says no variant means the usual one (an `arm64` is a `v8`).
    #[must_use]
    pub fn is_met_by(&self, other: &Self) -> bool {
        let kind = |one: &Self| (one.os.clone(), one.architecture.clone());
        let variants = [&self.variant, &other.variant].map(|it| it.as_deref().unwrap_or_default());
        let is_told = variants.iter().all(|variant| !variant.is_empty());
        kind(self) == kind(other) && (!is_told || variants[0] == variants[1])
    }
}

/// As it is written on command lines: `linux/arm/v7`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        let variant = self.variant.as_ref().filter(|variant| !variant.is_empty());
        variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// The manifest of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`media::MANIFEST`].
    #[serde(default)]
    pub media_type: String,
    /// What it is, where it is no image; written, and not read.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// The manifest that it is attached to; written, and not read.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An index of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// Always 2.
    pub schema_version: u32,
    /// [`media::INDEX`].
    #[serde(default)]
    pub media_type: String,
    /// Manifests, or further indexes.
    pub manifests: Vec<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The configuration of an image as any program wrote it ("Image Configuration").
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ImageConfig {
    /// In Go's words.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v7` of an `arm`.
    #[serde(default)]
    pub variant: Option<String>,
    /// When it was made, as RFC 3339 writes it.
    #[serde(default)]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// How containers are started.
    #[serde(default)]
    pub config: Option<ContainerConfig>,
    /// Its layers.
    pub rootfs: RootfsConfig,
}

/// The digests of the plain layers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RootfsConfig {
    /// The lowest first.
    pub diff_ids: Vec<Digest>,
}

/// How containers of an image are started; Docker writes `null` for what is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerConfig {
    /// `name`, `uid`, `name:group`, `uid:gid`.
    pub user: Option<String>,
    /// `8080/tcp`.
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    /// `NAME=value`.
    pub env: Option<Vec<String>>,
    /// The program that always runs, with its first arguments.
    pub entrypoint: Option<Vec<String>>,
    /// The default arguments, or the program where there is no entry point.
    pub cmd: Option<Vec<String>>,
    /// Directories for data of a container.
    pub volumes: Option<BTreeMap<String, serde_json::Value>>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// The signal that ends a container.
    pub stop_signal: Option<String>,
}
