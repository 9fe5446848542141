//! How images are named: `registry/namespace/name:version`, with empty parts left out.

use crate::oci::{Reference, ReferenceError};

/// The parts of a label that all images of a run share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// The registry, as `host` or `host:port`.
    pub registry: Option<String>,
    /// The namespace, which may have several components.
    pub namespace: Option<String>,
    /// What is put behind each version, with its hyphen: `-20260705` of a nightly run.
    pub suffix: Option<String>,
}

impl Naming {
    /// Gives the name of an image without a version: `registry.example.org/base/nginx`.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        let parts = [
            self.registry.as_deref(),
            self.namespace.as_deref(),
            Some(name),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        parts.join("/")
    }

    /// Gives the label of an image; a version that no tag can hold (an epoch, `~`, `+`) is an error.
    pub fn label(&self, name: &str, version: &str) -> Result<Reference, ReferenceError> {
        let suffix = self.suffix.as_deref().unwrap_or_default();
        format!("{}:{version}{suffix}", self.name(name)).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(parts: [&str; 3], expected: &str) {
        let [registry, namespace, suffix] =
            parts.map(|part| (!part.is_empty()).then(|| part.to_owned()));
        let naming = Naming {
            registry,
            namespace,
            suffix,
        };
        let label = naming.label("nginx", "1.22-1").unwrap();
        assert_eq!(label.to_string(), expected);
    }

    #[test]
    fn empty_parts_are_left_out_of_a_label() {
        case(["", "", ""], "nginx:1.22-1");
        case(["r.example.org", "", ""], "r.example.org/nginx:1.22-1");
        case(["", "base", ""], "base/nginx:1.22-1");
        case(
            ["r.example.org:5000", "a/b", "-20260705"],
            "r.example.org:5000/a/b/nginx:1.22-1-20260705",
        );
    }

    #[test]
    fn a_version_with_an_epoch_has_no_label() {
        Naming::default()
            .label("nginx", "1:1.22-1")
            .expect_err("a tag holds no colon");
    }
}
