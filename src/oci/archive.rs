//! The archive that `docker load` reads: `manifest.json`, the configuration, and the layers as plain tars.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use serde::Serialize;

use super::{Digest, Reference};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'a> {
    config: &'a str,
    repo_tags: Vec<String>,
    layers: Vec<&'a str>,
}

/// A layer as it goes into an archive.
#[derive(Clone, Debug)]
pub struct ArchivedLayer<R> {
    /// The digest of the tar.
    pub diff_id: Digest,
    /// The tar.
    pub tar: R,
    /// Its length.
    pub size_bytes: u64,
}

/// Writes an archive of one image, its layers from the lowest on; each is read once and never held.
pub fn write_docker_archive<R: Read>(
    out: &mut dyn Write,
    reference: &Reference,
    config: &str,
    layers: Vec<ArchivedLayer<R>>,
) -> io::Result<()> {
    let config_name = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let name_of = |layer: &ArchivedLayer<R>| format!("{}.tar", layer.diff_id.hex());
    let names: Vec<String> = layers.iter().map(name_of).collect();
    let manifest = serde_json::to_string(&[Item {
        config: &config_name,
        repo_tags: vec![reference.to_string()],
        layers: names.iter().map(String::as_str).collect(),
    }])?;
    let mut archive = tar::Builder::new(out);
    append(
        &mut archive,
        "manifest.json",
        manifest.as_bytes(),
        manifest.len() as u64,
    )?;
    append(
        &mut archive,
        &config_name,
        config.as_bytes(),
        config.len() as u64,
    )?;
    let mut written = HashSet::new();
    for (name, layer) in names.iter().zip(layers) {
        // Layers that are the same are one file.
        if written.insert(name) {
            append(&mut archive, name, layer.tar, layer.size_bytes)?;
        }
    }
    archive.finish()
}

fn append(
    archive: &mut tar::Builder<&mut dyn Write>,
    name: &str,
    content: impl Read,
    bytes: u64,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_names_its_parts() {
        let mut bytes = Vec::new();
        let reference: Reference = "example/bookworm:12-1".parse().unwrap();
        let layer = ArchivedLayer {
            diff_id: Digest::of(b"layer"),
            tar: &b"layer"[..],
            size_bytes: 5,
        };
        let layers = vec![layer.clone(), layer];
        write_docker_archive(&mut bytes, &reference, "{}", layers).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let parts: Vec<(String, String)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (entry.path().unwrap().to_str().unwrap().to_owned(), text)
            })
            .collect();
        let config = format!("{}.json", Digest::of(b"{}").hex());
        let layer = format!("{}.tar", Digest::of(b"layer").hex());
        let manifest = format!(
            "[{{\"Config\":\"{config}\",\"RepoTags\":[\"example/bookworm:12-1\"],\"Layers\":[\"{layer}\",\"{layer}\"]}}]"
        );
        let expected = [
            ("manifest.json", manifest.as_str()),
            (&config, "{}"),
            (&layer, "layer"),
        ];
        assert_eq!(
            parts,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
    }
}
