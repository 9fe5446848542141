//! A document as JSON (SPDX 2.3, `spdx-schema.json`).

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde::Serialize;

use super::document::{Distribution, Document, Image, IndexDocument, Package, Source};
use super::field::{is_address, name_supplier};
use super::id::Ids;
use super::license::is_expression;
use super::purl;

const NO_ASSERTION: &str = "NOASSERTION";
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: &'a str,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Element>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Element {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: String,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_comments: Option<String>,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
struct ExternalRef {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: String,
}

#[derive(Serialize)]
struct Relationship {
    #[serde(rename = "spdxElementId")]
    from: String,
    #[serde(rename = "relationshipType")]
    kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    to: String,
}

impl Element {
    fn new(id: String, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            version_info: None,
            supplier: None,
            download_location: NO_ASSERTION.to_owned(),
            files_analyzed: false,
            checksums: Vec::new(),
            homepage: None,
            license_concluded: NO_ASSERTION,
            license_declared: NO_ASSERTION.to_owned(),
            license_comments: None,
            copyright_text: NO_ASSERTION,
            external_refs: Vec::new(),
            primary_package_purpose: None,
        }
    }

    fn with_version(self, version: &str) -> Self {
        Self {
            version_info: Some(version.to_owned()).filter(|version| !version.is_empty()),
            ..self
        }
    }

    fn with_purpose(self, purpose: &'static str) -> Self {
        Self {
            primary_package_purpose: Some(purpose),
            ..self
        }
    }

    fn with_digest(mut self, hex: &str) -> Self {
        self.checksums.push(Checksum {
            algorithm: "SHA256",
            checksum_value: hex.to_owned(),
        });
        self
    }

    fn with_purl(mut self, purl: Option<String>) -> Self {
        self.external_refs.extend(purl.map(|purl| ExternalRef {
            category: "PACKAGE-MANAGER",
            kind: "purl",
            locator: purl,
        }));
        self
    }
}

/// What is gathered of a document.
#[derive(Default)]
struct Gathered {
    ids: Ids,
    elements: Vec<Element>,
    relationships: Vec<Relationship>,
}

impl Gathered {
    fn relate(&mut self, from: &str, kind: &'static str, to: &str) {
        self.relationships.push(Relationship {
            from: from.to_owned(),
            kind,
            to: to.to_owned(),
        });
    }

    fn add_image(&mut self, image: &Image) -> String {
        let id = self.add_container(image);
        self.relate(DOCUMENT, "DESCRIBES", &id);
        for (number, layer) in image.layers.iter().enumerate() {
            let layer_id = self.ids.name("Layer", &[layer.as_str()]);
            let name = format!("layer {}", number + 1);
            let element = Element::new(layer_id.clone(), &name).with_version(layer.as_str());
            self.elements
                .push(element.with_digest(layer.hex()).with_purpose("ARCHIVE"));
            self.relate(&id, "CONTAINS", &layer_id);
        }
        id
    }

    /// Adds an image or an index without what is in it.
    fn add_container(&mut self, image: &Image) -> String {
        let id = self.ids.name("Image", &[image.digest.as_str()]);
        let element = Element::new(id.clone(), &image.name)
            .with_version(image.digest.as_str())
            .with_digest(image.digest.hex())
            .with_purl(Some(purl::of_image(image)))
            .with_purpose("CONTAINER");
        self.elements.push(element);
        id
    }

    /// Renders the document of what was gathered.
    ///
    /// # Panics
    ///
    /// Never: text, lists and maps with text keys are always JSON.
    fn render(self, image: &Image) -> String {
        let written = Written {
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            id: DOCUMENT,
            name: &image.name,
            document_namespace: namespace(image),
            creation_info: CreationInfo {
                created: image.created.to_rfc3339_opts(SecondsFormat::Secs, true),
                creators: ["Tool: pkg"],
            },
            packages: self.elements,
            relationships: self.relationships,
        };
        let json = serde_json::to_string_pretty(&written);
        json.expect("text, lists and maps with text keys are always JSON") + "\n"
    }

    fn add_distribution(&mut self, image: &str, distribution: &Distribution) {
        let version = distribution
            .version
            .as_ref()
            .or(distribution.codename.as_ref());
        let version = version.map_or("", String::as_str);
        let id = self
            .ids
            .name("OperatingSystem", &[&distribution.id, version]);
        let element = Element::new(id.clone(), &distribution.id).with_version(version);
        self.elements.push(element.with_purpose("OPERATING_SYSTEM"));
        self.relate(image, "CONTAINS", &id);
    }

    fn add_source(&mut self, distribution: Option<&Distribution>, source: &Source) -> String {
        let id = self.ids.name("Source", &[&source.name, &source.version]);
        let purl = distribution.and_then(|it| purl::of_source(it, source));
        let element = Element::new(id.clone(), &source.name).with_version(&source.version);
        self.elements
            .push(element.with_purl(purl).with_purpose("SOURCE"));
        id
    }

    fn add_package(&mut self, distribution: Option<&Distribution>, package: &Package) -> String {
        let parts = [
            package.name.as_str(),
            &package.version,
            &package.architecture,
        ];
        let id = self.ids.name("Package", &parts);
        let purl = distribution.map(|it| purl::of_package(it, package));
        let mut element = Element::new(id.clone(), &package.name)
            .with_version(&package.version)
            .with_purl(purl);
        if let Some(digest) = &package.sha256 {
            element = element.with_digest(digest.hex());
        }
        element.supplier = package.maintainer.as_deref().and_then(name_supplier);
        if let Some(download) = package.download.as_deref().filter(|it| is_address(it)) {
            download.clone_into(&mut element.download_location);
        }
        let homepage = package.homepage.clone();
        element.homepage = homepage.filter(|homepage| is_address(homepage));
        match package.license.as_deref().map(str::trim) {
            None | Some("") => {}
            Some(license) if is_expression(license) => {
                license.clone_into(&mut element.license_declared);
            }
            Some(license) => {
                element.license_comments = Some(format!("The package says: {license}"));
            }
        }
        self.elements.push(element);
        id
    }
}

impl Document {
    /// Renders it; equal documents give the same bytes, whatever order their packages are in.
    #[must_use]
    pub fn render(&self) -> String {
        let mut gathered = Gathered::default();
        let image = gathered.add_image(&self.image);
        let distribution = self.software.distribution.as_ref();
        if let Some(distribution) = distribution {
            gathered.add_distribution(&image, distribution);
        }
        let mut packages: Vec<&Package> = self.software.packages.iter().collect();
        packages.sort_by(|one, other| order(one).cmp(&order(other)));
        let sources = packages
            .iter()
            .filter_map(|package| package.source.as_ref());
        let mut of_source: BTreeMap<&Source, String> = BTreeMap::new();
        let mut sources: Vec<&Source> = sources.collect();
        sources.sort_unstable();
        sources.dedup();
        for source in sources {
            of_source.insert(source, gathered.add_source(distribution, source));
        }
        for package in packages {
            let id = gathered.add_package(distribution, package);
            gathered.relate(&image, "CONTAINS", &id);
            let source = package.source.as_ref().and_then(|it| of_source.get(it));
            if let Some(source) = source {
                gathered.relate(&id, "GENERATED_FROM", source);
            }
        }
        gathered.render(&self.image)
    }
}

impl IndexDocument {
    /// Renders it: the index, and each image as a variant of it, in their order.
    #[must_use]
    pub fn render(&self) -> String {
        let mut gathered = Gathered::default();
        let index = gathered.add_container(&self.index);
        gathered.relate(DOCUMENT, "DESCRIBES", &index);
        for variant in &self.variants {
            let id = gathered.add_container(variant);
            gathered.relate(&id, "VARIANT_OF", &index);
        }
        gathered.render(&self.index)
    }
}

/// Gives the name that no other document has: the image's digest is in it.
fn namespace(image: &Image) -> String {
    let name = purl::encode(&image.name);
    format!(
        "https://spdx.org/spdxdocs/pkg/{name}-{}",
        image.digest.hex()
    )
}

/// All that could make a difference.
fn order(package: &Package) -> impl Ord {
    (
        (&package.name, &package.version, &package.architecture),
        (&package.source, &package.sha256, &package.download),
        (&package.license, &package.maintainer, &package.homepage),
    )
}
