//! The archive that `docker load` reads: `manifest.json`, the configuration, and the layers as plain tars.

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

/// Writes an archive of one image with one layer; the layer is read once and never held.
pub fn write_docker_archive(
    out: &mut dyn Write,
    reference: &Reference,
    config: &str,
    layer: impl Read,
    layer_bytes: u64,
) -> io::Result<()> {
    let config_name = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let manifest = serde_json::to_string(&[Item {
        config: &config_name,
        repo_tags: vec![reference.to_string()],
        layers: vec!["layer.tar"],
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
    append(&mut archive, "layer.tar", layer, layer_bytes)?;
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
        write_docker_archive(&mut bytes, &reference, "{}", &b"layer"[..], 5).unwrap();
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
        let manifest = format!(
            "[{{\"Config\":\"{config}\",\"RepoTags\":[\"example/bookworm:12-1\"],\"Layers\":[\"layer.tar\"]}}]"
        );
        let expected = [
            ("manifest.json", manifest.as_str()),
            (&config, "{}"),
            ("layer.tar", "layer"),
        ];
        assert_eq!(
            parts,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
    }
}
