//! What goes and what stays, as rows.

use super::{Fate, Place, Pruning, Stock, Why, prepare};
use crate::catalog::samples::{catalog, graph};
use crate::catalog::{Catalog, ImageId};
use crate::engine::{Activity, Container, EngineImage, EngineImages};
use crate::layout::Stored;
use crate::oci::{Digest, Reference};
use std::collections::{BTreeMap, BTreeSet};

/// An engine with these names; names that end in `=ID` are those of one image.
fn engine(names: &[&str]) -> EngineImages {
    let images = names.iter().map(|name| {
        let (reference, id) = name.split_once('=').unwrap_or((name, name));
        let image = EngineImage {
            id: Digest::of(id.as_bytes()),
            manifests: vec![Digest::of(format!("manifest of {id}").as_bytes())],
            labels: BTreeMap::new(),
            size_bytes: 100,
        };
        (reference.to_owned(), image)
    });
    images.collect()
}

fn container(name: &str, image: &str) -> Container {
    Container {
        name: name.to_owned(),
        image: Digest::of(image.as_bytes()),
        activity: Activity::Stopped,
    }
}

/// A catalog of `app` on `base`, and what there is besides.
#[derive(Default)]
struct Case<'a> {
    engine: &'a [&'a str],
    containers: Vec<Container>,
    shelf: &'a [&'a str],
    base_images: &'a [&'a str],
    select: Option<&'a str>,
}

impl Case<'_> {
    fn catalog() -> Catalog {
        catalog(&["app", "base"])
    }

    fn prepare(&self) -> Pruning {
        let catalog = Self::catalog();
        let graph = graph(&catalog, &[("app", "base")]).expect("no cycle");
        let base_images = self.base_images.iter().map(|text| text.parse());
        let base_images: Vec<Reference> = base_images.map(|it| it.expect("a reference")).collect();
        let images = engine(self.engine);
        let shelf = self.shelf.iter().map(|text| Stored {
            reference: text.parse().expect("a reference"),
            digest: Digest::of(text.as_bytes()),
            size_bytes: 1000,
        });
        let stock = Stock {
            catalog: &catalog,
            graph: &graph,
            images: &images,
            containers: &self.containers,
            shelf: &shelf.collect::<Vec<_>>(),
            base_images: &base_images,
        };
        let selection: Option<BTreeSet<ImageId>> = self
            .select
            .map(|name| [catalog.find(name).expect("an image")].into());
        prepare(&stock, selection.as_ref())
    }

    /// Each tag is shown as one line, below the registry and namespace of the catalog.
    #[track_caller]
    fn gives(&self, expected: &[&str]) {
        let pruning = self.prepare();
        let shown: Vec<String> = pruning
            .tags
            .iter()
            .map(|tag| {
                let fate = match &tag.fate {
                    Fate::Goes { stays_as } if stays_as.is_empty() => "goes".to_owned(),
                    Fate::Goes { stays_as } => format!("goes, stays as {}", stays_as.join(" ")),
                    Fate::Stays(Why::Current) => "version".to_owned(),
                    Fate::Stays(Why::Latest) => "latest".to_owned(),
                    Fate::Stays(Why::BaseImage) => "base image".to_owned(),
                    Fate::Stays(Why::InUse(containers)) => {
                        let names = containers.iter().map(|container| container.name.as_str());
                        format!("used by {}", names.collect::<Vec<_>>().join(" "))
                    }
                };
                let place = match tag.place {
                    Place::Engine => "",
                    Place::Shelf => "shelved ",
                };
                let reference = tag.reference.to_string();
                format!("{place}{reference}: {fate}").replace("r.example.org/base/", "")
            })
            .collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn children_go_before_parents_and_older_versions_before_newer_ones() {
    Case {
        engine: &[
            "r.example.org/base/base:1",
            "r.example.org/base/base:0.10-1",
            "r.example.org/base/base:0.9-1",
            "r.example.org/base/app:0.10-1",
            "r.example.org/base/app:0.9-1",
            "r.example.org/base/app:1",
        ],
        ..Case::default()
    }
    .gives(&[
        "app:0.9-1: goes",
        "app:0.10-1: goes",
        "app:1: version",
        "base:0.9-1: goes",
        "base:0.10-1: goes",
        "base:1: version",
    ]);
}

#[test]
fn other_names_registries_and_namespaces_are_not_ours() {
    Case {
        engine: &[
            "<none>:<none>",
            "127.0.0.1:1/pkg/parent:0a.20261121",
            "app:0",
            "base/app:0",
            "localhost/base/app:0",
            "localhost/r.example.org/base/app:0",
            "other.example.org/base/app:0",
            "r.example.org/app:0",
            "r.example.org/base/apps:0",
            "r.example.org/base/more/app:0",
            "r.example.org/other/app:0",
            "r.example.org:5000/base/app:0",
        ],
        ..Case::default()
    }
    .gives(&[]);
}

#[test]
fn latest_stays_where_it_is_the_version() {
    Case {
        engine: &[
            "r.example.org/base/app:0=old",
            "r.example.org/base/app:latest=old",
            "r.example.org/base/app:1=new",
            "r.example.org/base/base:1=one",
            "r.example.org/base/base:latest=one",
        ],
        ..Case::default()
    }
    .gives(&[
        "app:0: goes",
        "app:1: version",
        "app:latest: goes",
        "base:1: version",
        "base:latest: latest",
    ]);
}

#[test]
fn without_the_version_all_others_go_all_the_same() {
    Case {
        engine: &[
            "r.example.org/base/app:0",
            "r.example.org/base/app:latest",
            "r.example.org/base/app:2",
        ],
        ..Case::default()
    }
    .gives(&["app:0: goes", "app:2: goes", "app:latest: goes"]);
}

#[test]
fn a_tag_goes_and_its_image_stays_under_its_other_names() {
    Case {
        engine: &[
            "other.example.org/mine:7=old",
            "r.example.org/base/app:0=old",
            "r.example.org/base/app:0.1=older",
            "r.example.org/base/app:0.2=older",
            "r.example.org/base/app:0.3=new",
            "r.example.org/base/app:1=new",
        ],
        ..Case::default()
    }
    .gives(&[
        "app:0: goes, stays as other.example.org/mine:7",
        "app:0.1: goes",
        "app:0.2: goes",
        "app:0.3: goes, stays as app:1",
        "app:1: version",
    ]);
}

#[test]
fn an_image_counts_once_and_only_when_it_goes() {
    let pruning = Case {
        engine: &[
            "r.example.org/base/app:0=old",
            "r.example.org/base/app:0.1=old",
            "r.example.org/base/app:0.2=new",
            "r.example.org/base/app:1=new",
            "r.example.org/base/base:0",
        ],
        ..Case::default()
    }
    .prepare();
    assert_eq!(pruning.going().count(), 4);
    assert_eq!(pruning.size_bytes(), 200);
}

#[test]
fn what_a_container_uses_stays_with_all_its_tags() {
    Case {
        engine: &[
            "r.example.org/base/app:0=old",
            "r.example.org/base/app:0.1=old",
            "r.example.org/base/app:0.2=older",
            "r.example.org/base/app:1=new",
        ],
        containers: vec![
            container("cron", "old"),
            container("other", "something else"),
            container("web", "old"),
            container("now", "new"),
        ],
        ..Case::default()
    }
    .gives(&[
        "app:0: used by cron web",
        "app:0.1: used by cron web",
        "app:0.2: goes",
        "app:1: version",
    ]);
}

#[test]
fn base_images_stay_even_when_they_are_named_like_an_image() {
    let digest = Digest::of(b"manifest of r.example.org/base/base:0.3");
    let by_digest = format!("r.example.org/base/base@{digest}");
    Case {
        engine: &[
            "r.example.org/base/base:0.1",
            "r.example.org/base/base:0.2",
            "r.example.org/base/base:0.3",
            "r.example.org/base/base:latest",
            "r.example.org/base/app:0.1",
            "r.example.org/base/app:latest",
        ],
        base_images: &[
            "r.example.org/base/base:0.2",
            &by_digest,
            "r.example.org/base/app",
        ],
        ..Case::default()
    }
    .gives(&[
        "app:0.1: goes",
        "app:latest: base image",
        "base:0.1: goes",
        "base:0.2: base image",
        "base:0.3: base image",
        "base:latest: goes",
    ]);
}

#[test]
fn versions_on_the_shelf_go_as_those_on_the_engine_do() {
    let case = Case {
        engine: &["r.example.org/base/app:1", "r.example.org/base/app:0"],
        shelf: &[
            "r.example.org/base/app:0",
            "r.example.org/base/app:0.1",
            "r.example.org/base/app:1",
            "r.example.org/base/base:0",
            "r.example.org/base/more:0",
            "other.example.org/base/app:0",
            "base/app:0",
        ],
        ..Case::default()
    };
    case.gives(&[
        "app:0: goes",
        "app:1: version",
        "shelved app:0: goes",
        "shelved app:0.1: goes",
        "shelved app:1: version",
        "shelved base:0: goes",
    ]);
    assert_eq!(case.prepare().size_bytes(), 3100);
    Case {
        select: Some("base"),
        ..case
    }
    .gives(&["shelved base:0: goes"]);
}

#[test]
fn only_what_is_selected_goes() {
    Case {
        engine: &["r.example.org/base/app:0", "r.example.org/base/base:0"],
        select: Some("base"),
        ..Case::default()
    }
    .gives(&["base:0: goes"]);
}

#[test]
fn names_without_a_registry_are_found_as_engines_list_them() {
    let mut image = crate::catalog::samples::image("app");
    for (label, names, expected) in [
        ("docker.io/ns/app:1", ["ns/app:0", "docker.io/ns/app:0"], 2),
        ("docker.io/library/app:1", ["app:0", "library/app:0"], 1),
        ("ns/app:1", ["ns/app:0", "localhost/ns/app:0"], 2),
        ("ns/app:1", ["x/ns/app:0", "localhost:5000/ns/app:0"], 0),
    ] {
        image.label = label.parse().expect("a label");
        let (catalog, _) = Catalog::new(vec![image.clone()]);
        let stock = Stock {
            catalog: &catalog,
            graph: &graph(&catalog, &[] as &[(&str, &str)]).expect("no cycle"),
            images: &engine(&names),
            containers: &[],
            shelf: &[],
            base_images: &[],
        };
        let pruning = prepare(&stock, None);
        assert_eq!(pruning.going().count(), expected, "{label} of {names:?}");
    }
}
