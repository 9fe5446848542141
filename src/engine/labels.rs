//! The labels that tell later runs what an image was built from and on.
//!
//! ```text
//! pkg.inputs=sha256:9f3c… Dockerfile=1b0f5c2a9d3e entrypoint.sh=0c9e8d7b6a5f
//! pkg.parents=example/bookworm:12-1@sha256:3f5c… example/golang:1.24-1@sha256:9a0e…
//! ```

use crate::oci::{Digest, Reference};

/// The label with the parents of an image, each with its identity on the engine that built it.
pub const PARENTS: &str = "pkg.parents";

/// The label with the inputs of an image ([`crate::plan::Inputs`]).
pub const INPUTS: &str = "pkg.inputs";

/// Renders the value of [`PARENTS`].
#[must_use]
pub fn render_parents(parents: &[(Reference, Digest)]) -> String {
    let items: Vec<_> = parents
        .iter()
        .map(|(label, id)| format!("{label}@{id}"))
        .collect();
    items.join(" ")
}

/// Reads a value of [`PARENTS`]; what is no reference with a digest is passed over, as if it had not been recorded.
#[must_use]
pub fn parse_parents(value: &str) -> Vec<(Reference, Digest)> {
    let parent = |item: &str| {
        let (label, id) = item.rsplit_once('@')?;
        Some((label.parse().ok()?, id.parse().ok()?))
    };
    value.split(' ').filter_map(parent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_back_as_they_were_written() {
        let parents = vec![
            (
                "r.example.org:5000/base/a:1".parse().unwrap(),
                Digest::of(b"a"),
            ),
            ("b:2".parse().unwrap(), Digest::of(b"b")),
        ];
        assert_eq!(parse_parents(&render_parents(&parents)), parents);
        assert_eq!(parse_parents("nonsense a@b"), []);
        assert_eq!(parse_parents(""), []);
    }
}
