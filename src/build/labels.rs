//! What an image says of itself: what it was made from and on, for later runs, and where it comes from, for everybody (OCI
//! image-spec, "Pre-Defined Annotation Keys").

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, SecondsFormat};

use super::image::MakeError;
use super::run::Run;
use crate::catalog::ImageId;
use crate::dockerfile::{BaseSource, Dockerfile};
use crate::engine::{INPUTS, PARENTS, render_parents};
use crate::oci::{Digest, Reference};
use crate::plan::Inputs;
use crate::scan::means_current;

/// What the keys of the specification begin with.
const STANDARD: &str = "org.opencontainers.image.";

impl Run<'_> {
    /// Gives the labels of an image that the engine builds on some others.
    ///
    /// The standard ones that the recipe sets stay the recipe's.
    pub(super) async fn labels(
        &self,
        image: ImageId,
        parents: &[(Reference, Digest)],
        inputs: &Inputs,
    ) -> Result<BTreeMap<String, String>, MakeError> {
        let described = self.loaded.catalog.image(image);
        let mut labels = self.own_labels(image, self.began, inputs);
        labels.insert(PARENTS.to_owned(), render_parents(parents));
        let mut say = |key: &str, value: Option<String>| {
            labels.extend(value.map(|value| (format!("{STANDARD}{key}"), value)));
        };
        let origin = self.provenance.find(&described.directory);
        let source = origin.as_ref().and_then(|origin| origin.source.clone());
        say("source", source);
        say("revision", origin.map(|origin| origin.revision));
        let Some(rendering) = self.loaded.rendering(image) else {
            return Ok(labels);
        };
        if let Some(base) = final_base(rendering.dockerfile()) {
            let is_base = |label: &Reference| *label == base || means_current(&base, label);
            let parent = parents.iter().find(|(label, _)| is_base(label));
            let manifest = match parent {
                Some((label, id)) => self.find_manifest(label, id).await?,
                None => None,
            };
            let name = parent.map_or(&base, |(label, _)| label);
            say("base.name", Some(name.to_string()));
            say("base.digest", manifest.map(|digest| digest.to_string()));
        }
        labels.retain(|key, _| !is_set_by(rendering.dockerfile(), key));
        Ok(labels)
    }

    /// Gives what is said of the image that a declared one is made on.
    ///
    /// Its digest is told where the declaration tells it, and not where it depends on what this machine has: what is made is the
    /// same each time.
    pub(super) fn name_base(label: &Reference) -> Vec<(String, String)> {
        let manifest = label.digest();
        let name = (format!("{STANDARD}base.name"), label.to_string());
        let digest = manifest.map(|it| (format!("{STANDARD}base.digest"), it.to_string()));
        [name].into_iter().chain(digest).collect()
    }

    /// Finds the manifest under which registries know a parent.
    async fn find_manifest(
        &self,
        label: &Reference,
        id: &Digest,
    ) -> Result<Option<Digest>, MakeError> {
        match self.find_shelved(label, id)? {
            Some(shelved) => Ok(Some(shelved.digest().clone())),
            None => Ok(self.engine()?.find_manifest(label, id).await?),
        }
    }

    /// Gives the labels of a declared image: the same for the same packages, whenever and wherever it is made.
    pub(super) fn labels_of_declared(
        &self,
        image: ImageId,
        dated: DateTime<FixedOffset>,
        inputs: &Inputs,
    ) -> BTreeMap<String, String> {
        let mut labels = self.own_labels(image, dated, inputs);
        labels.insert(PARENTS.to_owned(), String::new());
        labels
    }

    fn own_labels(
        &self,
        image: ImageId,
        created: DateTime<FixedOffset>,
        inputs: &Inputs,
    ) -> BTreeMap<String, String> {
        let described = self.loaded.catalog.image(image);
        let created = created.to_utc();
        let labels = [
            (INPUTS.to_owned(), inputs.to_string()),
            (format!("{STANDARD}title"), described.name.to_string()),
            (format!("{STANDARD}version"), described.version.to_string()),
            (
                format!("{STANDARD}created"),
                created.to_rfc3339_opts(SecondsFormat::Secs, true),
            ),
        ];
        labels.into()
    }
}

/// Finds the outside image that the last stage comes from, through other stages.
fn final_base(dockerfile: &Dockerfile) -> Option<Reference> {
    let mut stage = dockerfile.stages.last()?;
    loop {
        match stage.source {
            // A stage stands after the one that it is based on.
            BaseSource::Stage(index) => stage = dockerfile.stages.get(index)?,
            BaseSource::Image => return stage.base.text.parse().ok(),
            BaseSource::Scratch | BaseSource::Unknown => return None,
        }
    }
}

fn is_set_by(dockerfile: &Dockerfile, key: &str) -> bool {
    let stages = dockerfile.stages.iter();
    let mut instructions = stages.flat_map(|stage| &stage.instructions);
    let is_standard = key.starts_with(STANDARD);
    is_standard && instructions.any(|one| one.keyword == "LABEL" && names(&one.arguments, key))
}

/// Tells whether a `LABEL` sets a key: `key=value`, `"key"=value`, or `key value`.
fn names(arguments: &str, key: &str) -> bool {
    arguments.match_indices(key).any(|(at, _)| {
        let before = arguments[..at].chars().next_back();
        let after = arguments[at + key.len()..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || "\"'".contains(c))
            && after.is_none_or(|c| c.is_whitespace() || "\"'=".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse_dockerfile;

    fn dockerfile(text: &str) -> Dockerfile {
        parse_dockerfile(text).expect("a Dockerfile")
    }

    #[test]
    fn a_label_of_the_recipe_stays_the_recipes() {
        let set = |line: &str| {
            let dockerfile = dockerfile(&format!("FROM scratch\n{line}\n"));
            is_set_by(&dockerfile, "org.opencontainers.image.source")
        };
        assert!(set("LABEL org.opencontainers.image.source=x"));
        assert!(set("LABEL a=b \"org.opencontainers.image.source\"='x'"));
        assert!(set("LABEL org.opencontainers.image.source x"));
        assert!(!set("LABEL org.opencontainers.image.sources=x"));
        assert!(!set("ENV org.opencontainers.image.source=x"));
        assert!(!is_set_by(
            &dockerfile("FROM scratch\nLABEL pkg.inputs=x\n"),
            INPUTS
        ));
    }

    #[test]
    fn the_base_is_that_of_the_last_stage() {
        let base = |text: &str| final_base(&dockerfile(text)).map(|base| base.to_string());
        let through = "FROM a:1 AS x\nFROM b:2 AS y\nFROM x AS z\nFROM z\n";
        assert_eq!(base(through), Some("a:1".to_owned()));
        assert_eq!(base("FROM a:1\nFROM scratch\n"), None);
    }
}
