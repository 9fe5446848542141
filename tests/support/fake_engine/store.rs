//! The images of the engine: configurations, layers and names.

use std::collections::{BTreeMap, BTreeSet};

use pkg::oci::{Digest, Reference};
use serde_json::{Value, json};

/// An image.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The digest of its configuration.
    pub(crate) id: String,
    /// Its configuration as it is sent to registries.
    pub(super) config: Vec<u8>,
    /// Its layers, each a tar.
    pub(super) layers: Vec<Vec<u8>>,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// `REPOSITORY@DIGEST` of each registry that has it.
    pub(super) repo_digests: BTreeSet<String>,
}

impl Stored {
    /// Gives the identities of its layers, the lowest first.
    pub(crate) fn layer_ids(&self) -> Vec<String> {
        let ids = self.layers.iter().map(|layer| Digest::of(layer));
        ids.map(|id| id.to_string()).collect()
    }
}

/// All images.
#[derive(Default)]
pub(super) struct Store {
    images: BTreeMap<String, Stored>,
    tags: BTreeMap<String, String>,
    made: usize,
}

/// Gives a name as engines list it: with a tag, and without what stands for Docker Hub.
pub(super) fn familiar(name: &str) -> String {
    let name = match name.parse::<Reference>() {
        Ok(reference) => reference.familiar().to_string(),
        Err(_) => name.to_owned(),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        name
    } else {
        format!("{name}:latest")
    }
}

impl Store {
    pub(super) fn find(&self, name: &str) -> Option<&Stored> {
        if let Some(image) = self.images.get(name) {
            return Some(image);
        }
        let name = familiar(name);
        let by_digest = || {
            self.images
                .values()
                .find(|it| it.repo_digests.contains(&name))
        };
        match self.tags.get(&name) {
            Some(id) => self.images.get(id),
            None => by_digest(),
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.tags.keys().cloned().collect()
    }

    pub(super) fn tag(&mut self, id: &str, name: &str) {
        self.tags.insert(familiar(name), id.to_owned());
    }

    pub(super) fn put_base(&mut self, name: &str) -> String {
        let layer = layer("base", name.as_bytes());
        let id = self.make(vec![layer], &BTreeMap::new());
        self.tag(&id, name);
        id
    }

    /// Makes an image that no other one is like, as builds at different times are, and gives its identity.
    pub(super) fn make(
        &mut self,
        layers: Vec<Vec<u8>>,
        labels: &BTreeMap<String, String>,
    ) -> String {
        self.made += 1;
        let ids: Vec<_> = layers.iter().map(|it| Digest::of(it).to_string()).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": format!("2026-11-21T00:00:00.{:09}Z", self.made),
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": ids},
        });
        self.insert(config.to_string().into_bytes(), layers)
    }

    /// Stores an image as it came from elsewhere, and gives its identity.
    pub(super) fn insert(&mut self, config: Vec<u8>, layers: Vec<Vec<u8>>) -> String {
        let id = Digest::of(&config).to_string();
        let parsed: Value = serde_json::from_slice(&config).unwrap_or_default();
        let labels = serde_json::from_value(parsed["config"]["Labels"].clone());
        self.images.entry(id.clone()).or_insert_with(|| Stored {
            id: id.clone(),
            config,
            layers,
            labels: labels.unwrap_or_default(),
            repo_digests: BTreeSet::new(),
        });
        id
    }

    /// Notes under which manifest a registry has an image.
    pub(super) fn note_manifest(&mut self, id: &str, repository: &str, digest: &Digest) {
        if let Some(image) = self.images.get_mut(id) {
            image.repo_digests.insert(format!("{repository}@{digest}"));
        }
    }

    /// Takes a name from its image, and tells what went.
    pub(super) fn remove(&mut self, name: &str) -> Option<Vec<Value>> {
        let name = familiar(name);
        let id = self.tags.remove(&name)?;
        let mut gone = vec![json!({ "Untagged": name })];
        if !self.tags.values().any(|it| *it == id) {
            self.images.remove(&id);
            gone.push(json!({ "Deleted": id }));
        }
        Some(gone)
    }

    pub(super) fn list(&self) -> Value {
        let of = |image: &Stored| {
            let tags = self.tags.iter().filter(|(_, id)| **id == image.id);
            let tags: Vec<_> = tags.map(|(name, _)| name.clone()).collect();
            json!({
                "Containers": -1,
                "Created": 1_795_219_200,
                "Id": image.id,
                "Labels": image.labels,
                "ParentId": "",
                "RepoDigests": image.repo_digests,
                "RepoTags": tags,
                "SharedSize": -1,
                "Size": image.layers.iter().map(Vec::len).sum::<usize>(),
            })
        };
        self.images.values().map(of).collect()
    }
}

/// Makes a layer of one file.
pub(super) fn layer(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut layer = tar::Builder::new(Vec::new());
    let appended = layer.append_data(&mut header, name, content);
    appended.expect("an archive in memory");
    layer.into_inner().expect("an archive in memory")
}
