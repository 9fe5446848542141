//! Certificates of authorities that an image trusts.

use super::filling::{FillError, Filling};
use crate::rootfs::{Kind, RootPath};

/// What Debian's `update-ca-certificates` writes, and what programs of most distributions look for.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Further files that hold all of them, in images that have them.
const MORE_BUNDLES: [&str; 2] = [
    "/var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem",
    "/kaniko/ssl/certs/ca-certificates.crt",
];
/// Where Debian's package keeps them.
const SHIPPED: &str = "/usr/share/ca-certificates";
/// Where those of the owner of a machine are.
const OWN: &str = "/usr/local/share/ca-certificates";

/// Writes the bundle out of the certificates that a package brought, in the order of their paths, as
/// `update-ca-certificates` does on a new system.
pub(super) fn write_bundle(filling: &mut Filling) -> Result<(), FillError> {
    let directory = super::filling::parse(SHIPPED)?;
    let is_certificate = |path: &RootPath| path.as_bytes().ends_with(b".crt");
    let below = filling.tree.below(&directory);
    let paths: Vec<String> = below
        .filter(|(path, node)| is_certificate(path) && matches!(node.kind, Kind::File(_)))
        .map(|(path, _)| path.to_string())
        .collect();
    let mut sorted = paths;
    sorted.sort();
    let mut bundle = Vec::new();
    for path in &sorted {
        append(&mut bundle, &filling.read(path)?.unwrap_or_default());
    }
    if !sorted.is_empty() {
        filling.file(BUNDLE, &bundle, 0o644)?;
    }
    Ok(())
}

/// Adds certificates of the declaration, a file and its place in each bundle for each.
pub(super) fn add_certificates(
    filling: &mut Filling,
    certificates: &[(String, String)],
) -> Result<(), FillError> {
    for (name, pem) in certificates {
        let path = format!("{OWN}/{name}.crt");
        if filling.find(&path)?.is_some() {
            return Err(FillError::Exists(path));
        }
        filling.file(&path, pem.as_bytes(), 0o644)?;
        trust(filling, pem.as_bytes())?;
    }
    Ok(())
}

/// Adds a certificate to each bundle.
pub(super) fn trust(filling: &mut Filling, pem: &[u8]) -> Result<(), FillError> {
    for bundle in std::iter::once(BUNDLE).chain(MORE_BUNDLES) {
        let there = filling.read(bundle)?;
        if there.is_none() && bundle != BUNDLE {
            continue;
        }
        let mut bytes = there.unwrap_or_default();
        append(&mut bytes, pem);
        filling.extend(bundle, &bytes, 0o644)?;
    }
    Ok(())
}

/// Appends a text that ends with a line feed.
fn append(bundle: &mut Vec<u8>, pem: &[u8]) {
    bundle.extend_from_slice(pem);
    if !pem.ends_with(b"\n") {
        bundle.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_has_the_certificates_in_the_order_of_their_paths_and_then_those_of_the_declaration()
     {
        let mut filling = Filling::new(0);
        for (name, text) in [
            ("mozilla/b.crt", "B\n"),
            ("mozilla/a.crt", "A"),
            ("mozilla/README", "no\n"),
        ] {
            let path = format!("{SHIPPED}/{name}");
            filling.file(&path, text.as_bytes(), 0o644).expect("a file");
        }
        write_bundle(&mut filling).expect("a bundle");
        let own = [("own".to_owned(), "OWN\n".to_owned())];
        add_certificates(&mut filling, &own).expect("certificates");
        let bundle = filling.read(BUNDLE).expect("a file").expect("a bundle");
        assert_eq!(String::from_utf8_lossy(&bundle), "A\nB\nOWN\n");
        let there = filling.find(&format!("{OWN}/own.crt")).expect("a path");
        assert!(there.is_some());
        add_certificates(&mut filling, &own).expect_err("twice");
    }

    #[test]
    fn a_bundle_that_is_there_keeps_its_owner_and_permissions() {
        let mut filling = Filling::new(7);
        let [_, kaniko] = MORE_BUNDLES;
        filling.file(kaniko, b"A\n", 0o440).expect("a file");
        let path = super::super::filling::parse(kaniko).expect("a path");
        let there = filling.tree.attributes_mut(&path).expect("a file");
        (there.uid, there.gid) = (5, 6);
        trust(&mut filling, b"B").expect("a certificate");
        let node = filling.find(kaniko).expect("a path").expect("a file");
        let one = &node.attributes;
        assert_eq!((one.mode, one.uid, one.gid), (0o440, 5, 6));
        let bundle = filling.read(kaniko).expect("a file").expect("a bundle");
        assert_eq!(bundle, b"A\nB\n");
    }
}
