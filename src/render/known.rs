//! The images that a template can name: those of the catalog, and the base images of the settings.

use std::collections::HashMap;

use crate::near::find_near;
use crate::oci::Reference;
use crate::settings::Naming;

/// Where a named image comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageKind {
    /// A directory of the catalog.
    Catalog,
    /// An image of the setting `base_images`.
    Base,
}

/// An image that a template can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownImage {
    /// Where it comes from.
    pub kind: ImageKind,
    /// Its label.
    pub label: Reference,
}

/// All images that templates can name, by the names that `image_tag` takes.
///
/// An image of the catalog goes by its name. A base image goes by its name without tag, and also by the rest of that
/// name behind registry and namespace of the settings; an image of the catalog of the same name comes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownImages {
    images: HashMap<String, KnownImage>,
}

impl KnownImages {
    /// Gathers base images and the images of the catalog, each with its name and label.
    pub fn new(
        naming: &Naming,
        base_images: &[Reference],
        catalog: impl IntoIterator<Item = (String, Reference)>,
    ) -> Self {
        let mut images = HashMap::new();
        let prefix = naming.name("");
        for label in base_images {
            let image = KnownImage {
                kind: ImageKind::Base,
                label: label.clone(),
            };
            let name = label.name();
            if let Some(short) = name.strip_prefix(&prefix) {
                images.insert(short.to_owned(), image.clone());
            }
            images.insert(name, image);
        }
        images.extend(catalog.into_iter().map(|(name, label)| {
            let kind = ImageKind::Catalog;
            (name, KnownImage { kind, label })
        }));
        Self { images }
    }

    /// Finds the image that a name stands for.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&KnownImage> {
        self.images.get(name)
    }

    /// Finds up to three names that may be meant instead of an unknown one, the closest first.
    #[must_use]
    pub fn find_near(&self, name: &str) -> Vec<String> {
        let same_last = self.images.keys().filter(|known| {
            let last = known.rsplit('/').next();
            last == Some(name)
        });
        let mut near: Vec<String> = same_last.cloned().collect();
        near.sort();
        let names = self.images.keys().map(String::as_str);
        near.extend(find_near(name, names).into_iter().map(str::to_owned));
        near.dedup();
        near.truncate(3);
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(registry: &str, namespace: &str) -> KnownImages {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let naming = Naming {
            registry: part(registry),
            namespace: part(namespace),
            suffix: None,
        };
        let bases = [
            "r.example.org/bookworm:latest",
            "r.example.org/ns/inner:2",
            "other.example.org:5000/x/y:3",
            "untagged",
        ];
        let bases = bases.map(|text| text.parse().unwrap());
        let catalog = ["nodejs20-slim", "nodejs22-slim", "bookworm"].map(|name| {
            let label = naming.label(name, "1.0-1").unwrap();
            (name.to_owned(), label)
        });
        KnownImages::new(&naming, &bases, catalog)
    }

    #[track_caller]
    fn case(known: &KnownImages, name: &str, expected: Option<&str>) {
        let label = known.find(name).map(|image| image.label.to_string());
        assert_eq!(label.as_deref(), expected);
    }

    #[test]
    fn base_images_go_by_the_name_behind_the_namespace_and_by_the_full_one() {
        let with = known("r.example.org", "ns");
        case(&with, "inner", Some("r.example.org/ns/inner:2"));
        case(
            &with,
            "r.example.org/ns/inner",
            Some("r.example.org/ns/inner:2"),
        );
        case(
            &with,
            "r.example.org/bookworm",
            Some("r.example.org/bookworm:latest"),
        );
        case(
            &with,
            "other.example.org:5000/x/y",
            Some("other.example.org:5000/x/y:3"),
        );
        case(&with, "untagged", Some("untagged"));
        case(&with, "y", None);
        let without = known("r.example.org", "");
        case(&without, "ns/inner", Some("r.example.org/ns/inner:2"));
        case(&without, "inner", None);
    }

    #[test]
    fn the_catalog_comes_before_a_base_image_of_the_same_name() {
        let known = known("r.example.org", "");
        case(&known, "bookworm", Some("r.example.org/bookworm:1.0-1"));
    }

    #[test]
    fn near_names_are_found() {
        let known = known("r.example.org", "ns");
        assert_eq!(
            known.find_near("nodejs20"),
            ["nodejs20-slim", "nodejs22-slim"]
        );
        assert_eq!(
            known.find_near("nodejs21-slim"),
            ["nodejs20-slim", "nodejs22-slim"]
        );
        assert_eq!(known.find_near("y"), ["other.example.org:5000/x/y"]);
        assert_eq!(known.find_near("zzz"), Vec::<String>::new());
    }
}
