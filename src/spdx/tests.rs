use std::collections::BTreeSet;

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::Value;

use super::{Distribution, Document, Image, Package, Packaging, Software, Source};
use crate::oci::Digest;

fn image() -> Image {
    Image {
        name: "base/nginx".to_owned(),
        reference: "registry.example.org:5000/base/nginx:1.2-3"
            .parse()
            .expect("a reference"),
        digest: Digest::of(b"manifest"),
        layers: vec![Digest::of(b"one"), Digest::of(b"two")],
        architecture: "amd64".to_owned(),
        created: DateTime::from_timestamp(1_700_000_000, 0).expect("a time"),
    }
}

fn debian() -> Distribution {
    Distribution {
        packaging: Packaging::Deb,
        id: "debian".to_owned(),
        version: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
    }
}

fn package(name: &str, version: &str, source: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        source: Some(Source {
            name: source.to_owned(),
            version: version.to_owned(),
        }),
        license: Some("GPL-2.0-or-later".to_owned()),
        maintainer: Some("Debian GCC Maintainers <debian-gcc@lists.debian.org>".to_owned()),
        sha256: Some(Digest::of(name.as_bytes())),
        download: Some(format!("http://m.example.org/debian/pool/{name}.deb")),
        homepage: Some("http://gcc.gnu.org/".to_owned()),
    }
}

fn document(packages: Vec<Package>) -> Document {
    Document {
        image: image(),
        software: Software {
            distribution: Some(debian()),
            packages,
        },
    }
}

#[track_caller]
fn text_of(value: &Value, key: &str) -> String {
    let text = value[key].as_str();
    text.unwrap_or_else(|| panic!("{key} of {value}"))
        .to_owned()
}

/// Looks at everything that the specification and its schema ask of a document of this form.
fn check(text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(text_of(&document, "spdxVersion"), "SPDX-2.3");
    assert_eq!(text_of(&document, "dataLicense"), "CC0-1.0");
    assert_eq!(text_of(&document, "SPDXID"), "SPDXRef-DOCUMENT");
    assert!(!text_of(&document, "name").is_empty());
    let namespace = text_of(&document, "documentNamespace");
    assert!(
        namespace.starts_with("https://") && !namespace.contains('#'),
        "{namespace}"
    );
    let info = &document["creationInfo"];
    let created = text_of(info, "created");
    assert!(
        created.len() == 20
            && created.ends_with('Z')
            && DateTime::parse_from_rfc3339(&created).is_ok(),
        "{created}"
    );
    for creator in info["creators"].as_array().expect("creators") {
        let creator = creator.as_str().expect("a text");
        assert!(
            ["Tool: ", "Person: ", "Organization: "]
                .iter()
                .any(|kind| creator.starts_with(kind))
        );
    }
    let mut ids = BTreeSet::from(["SPDXRef-DOCUMENT".to_owned()]);
    for element in document["packages"].as_array().expect("packages") {
        let id = text_of(element, "SPDXID");
        let rest = id.strip_prefix("SPDXRef-").expect("a name of the document");
        assert!(
            rest.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)),
            "{id}"
        );
        assert!(ids.insert(id.clone()), "{id} stands twice");
        check_element(element);
    }
    let mut is_described = false;
    for relationship in document["relationships"].as_array().expect("relationships") {
        let [from, to] =
            ["spdxElementId", "relatedSpdxElement"].map(|key| text_of(relationship, key));
        assert!(ids.contains(&from) && ids.contains(&to), "{relationship}");
        let kind = text_of(relationship, "relationshipType");
        assert!(
            ["DESCRIBES", "CONTAINS", "GENERATED_FROM"].contains(&kind.as_str()),
            "{kind}"
        );
        is_described |= kind == "DESCRIBES" && from == "SPDXRef-DOCUMENT";
    }
    assert!(is_described);
    document
}

/// As the schema of SPDX 2.3 writes them.
const PURPOSES: [&str; 12] = [
    "APPLICATION",
    "ARCHIVE",
    "CONTAINER",
    "DEVICE",
    "FILE",
    "FIRMWARE",
    "FRAMEWORK",
    "INSTALL",
    "LIBRARY",
    "OPERATING_SYSTEM",
    "OTHER",
    "SOURCE",
];

fn check_element(element: &Value) {
    const KNOWN: [&str; 14] = [
        "SPDXID",
        "name",
        "versionInfo",
        "supplier",
        "downloadLocation",
        "filesAnalyzed",
        "checksums",
        "homepage",
        "licenseConcluded",
        "licenseDeclared",
        "licenseComments",
        "copyrightText",
        "externalRefs",
        "primaryPackagePurpose",
    ];
    for (key, value) in element.as_object().expect("an object") {
        assert!(KNOWN.contains(&key.as_str()), "{key}");
        if key == "primaryPackagePurpose" {
            let purpose = value.as_str().expect("a text");
            assert!(PURPOSES.contains(&purpose), "{purpose}");
        }
        let is_text = !["filesAnalyzed", "checksums", "externalRefs"].contains(&key.as_str());
        assert!(
            !is_text || value.as_str().is_some_and(|text| !text.is_empty()),
            "{key} of {element}"
        );
    }
    let is_uri =
        |text: &str| text.contains("://") && text.bytes().all(|byte| byte.is_ascii_graphic());
    let download = element["downloadLocation"].as_str().expect("a location");
    assert!(download == "NOASSERTION" || is_uri(download), "{download}");
    if let Some(homepage) = element["homepage"].as_str() {
        assert!(is_uri(homepage), "{homepage}");
    }
    if let Some(supplier) = element["supplier"].as_str() {
        let (kind, rest) = supplier.split_once(": ").expect("a kind");
        assert!(["Person", "Organization"].contains(&kind));
        let (name, address) = rest.split_once(" (").unwrap_or((rest, ")"));
        assert!(!name.is_empty() && !name.contains(['(', ')']), "{supplier}");
        let address = address.strip_suffix(')').expect("an end");
        assert!(!address.contains(['(', ')']), "{supplier}");
    }
    for sum in element["checksums"].as_array().into_iter().flatten() {
        assert_eq!(sum["algorithm"], "SHA256");
        let value = sum["checksumValue"].as_str().expect("a sum");
        assert!(value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    for other in element["externalRefs"].as_array().into_iter().flatten() {
        assert_eq!(
            (&other["referenceCategory"], &other["referenceType"]),
            (&"PACKAGE-MANAGER".into(), &"purl".into())
        );
        let purl = other["referenceLocator"].as_str().expect("an address");
        assert!(
            purl.starts_with("pkg:") && purl.bytes().all(|byte| byte.is_ascii_graphic()),
            "{purl}"
        );
    }
}

fn find<'a>(document: &'a Value, name: &str) -> &'a Value {
    let packages = document["packages"].as_array().expect("packages");
    let found = packages.iter().find(|element| element["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not there"))
}

#[test]
fn every_package_its_source_and_the_image_are_told() {
    let packages = vec![
        package("libstdc++6", "12.2.0-14", "gcc-12"),
        package("gcc-12-base", "12.2.0-14", "gcc-12"),
    ];
    let text = document(packages).render();
    let document = check(&text);
    let image = find(&document, "base/nginx");
    let hex = Digest::of(b"manifest").hex().to_owned();
    assert_eq!(
        image["externalRefs"][0]["referenceLocator"],
        format!(
            "pkg:oci/nginx@sha256:{hex}?arch=amd64&repository_url=registry.example.org:5000%2Fbase%2Fnginx&tag=1.2-3"
        )
    );
    assert_eq!(
        document["documentNamespace"],
        format!("https://spdx.org/spdxdocs/pkg/base%2Fnginx-{hex}")
    );
    assert_eq!(document["creationInfo"]["created"], "2023-11-14T22:13:20Z");
    let cpp = find(&document, "libstdc++6");
    assert_eq!(
        cpp["SPDXID"],
        "SPDXRef-Package-libstdcC43C436-12.2.0-14-amd64"
    );
    assert_eq!(
        cpp["supplier"],
        "Organization: Debian GCC Maintainers (debian-gcc@lists.debian.org)"
    );
    assert_eq!(cpp["licenseDeclared"], "GPL-2.0-or-later");
    assert_eq!(
        cpp["externalRefs"][0]["referenceLocator"],
        "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64&distro=debian-12"
    );
}

#[test]
fn the_image_contains_all_and_each_package_is_made_from_its_source() {
    let packages = vec![
        package("libstdc++6", "12.2.0-14", "gcc-12"),
        package("gcc-12-base", "12.2.0-14", "gcc-12"),
    ];
    let document = check(&document(packages).render());
    let hex = Digest::of(b"manifest").hex().to_owned();
    let relationships = document["relationships"].as_array().expect("relationships");
    let shown: Vec<String> = relationships
        .iter()
        .map(|one| {
            let part = |key: &str| {
                one[key]
                    .as_str()
                    .expect("a text")
                    .trim_start_matches("SPDXRef-")
                    .replace(&hex, "HEX")
            };
            format!(
                "{} {} {}",
                part("spdxElementId"),
                part("relationshipType"),
                part("relatedSpdxElement")
            )
        })
        .filter(|one| !one.contains("Layer"))
        .collect();
    assert_eq!(
        shown,
        [
            "DOCUMENT DESCRIBES Image-sha256-HEX",
            "Image-sha256-HEX CONTAINS OperatingSystem-debian-12",
            "Image-sha256-HEX CONTAINS Package-gcc-12-base-12.2.0-14-amd64",
            "Package-gcc-12-base-12.2.0-14-amd64 GENERATED_FROM Source-gcc-12-12.2.0-14",
            "Image-sha256-HEX CONTAINS Package-libstdcC43C436-12.2.0-14-amd64",
            "Package-libstdcC43C436-12.2.0-14-amd64 GENERATED_FROM Source-gcc-12-12.2.0-14",
        ]
    );
}

#[test]
fn what_is_not_known_or_must_not_be_told_is_left_out() {
    let bare = Package {
        name: "bare".to_owned(),
        license: Some("GPL v2, see COPYING".to_owned()),
        maintainer: Some("Jo (the) Doe\n<jo@example.org>".to_owned()),
        download: Some("https://jo:secret@example.org/bare.deb".to_owned()),
        homepage: Some("see the README".to_owned()),
        ..Package::default()
    };
    let text = document(vec![bare]).render();
    assert!(!text.contains("secret"));
    let document = check(&text);
    let bare = find(&document, "bare");
    assert_eq!(bare["downloadLocation"], "NOASSERTION");
    assert_eq!(bare["licenseDeclared"], "NOASSERTION");
    assert_eq!(
        bare["licenseComments"],
        "The package says: GPL v2, see COPYING"
    );
    assert_eq!(bare["supplier"], "Person: Jo [the] Doe (jo@example.org)");
    assert_eq!(
        [&bare["homepage"], &bare["checksums"], &bare["versionInfo"]],
        [&Value::Null; 3]
    );
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c+:~<>() ]{0,5}", any::<String>()]
}

prop_compose! {
    fn any_package()(
        texts in prop::collection::vec(any_text(), 8),
        name in "[a-c+.]{1,3}",
        source in prop::option::of("[ab]"),
    ) -> Package {
        let [version, architecture, license, maintainer, download, homepage, ..] = texts.as_slice() else {
            unreachable!("eight texts")
        };
        Package {
            name,
            version: version.clone(),
            architecture: architecture.clone(),
            source: source.map(|name| Source { name, version: version.clone() }),
            license: Some(license.clone()),
            maintainer: Some(maintainer.clone()),
            sha256: None,
            download: Some(format!("http://{download}")),
            homepage: Some(homepage.clone()),
        }
    }
}

proptest! {
    #[test]
    fn packages_of_any_texts_are_all_told_in_a_valid_document(packages in prop::collection::vec(any_package(), 0..6)) {
        let text = document(packages.clone()).render();
        let read = check(&text);
        let elements = read["packages"].as_array().expect("packages");
        let is_package = |element: &&Value| element["SPDXID"].as_str().is_some_and(|id| id.starts_with("SPDXRef-Package-"));
        prop_assert_eq!(elements.iter().filter(is_package).count(), packages.len());
        let mut turned = packages;
        turned.reverse();
        prop_assert_eq!(document(turned).render(), text);
    }
}
