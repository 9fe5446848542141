//! Everything that is known of a catalog without asking anybody: images, rendered recipes, and the graph.

use std::path::PathBuf;
use std::sync::Arc;

use super::declared::{find_declared_needs, find_file, find_known, find_outside};
use super::directories::find_real;
use super::rendering::{Limits, Rendered, Rendering, Work, render_all};
use super::stamping::stamp_declared;
use super::{ImageDirectory, Problem, Problems, Scanned, Warning, scan_directories};
use crate::audit::place_in_template;
use crate::catalog::{Catalog, EdgeSource, Graph, Image, ImageId, Need, Needs, Recipe};
use crate::declared::{BaseImage, ImageFile, Making};
use crate::dockerfile::SecretMount;
use crate::host::fs::read_text;
use crate::oci::{Reference, Tag};
use crate::place::Place;
use crate::render::{ImageKind, KnownImages, Renderer};
use crate::settings::Settings;

/// A catalog with all that follows from its files.
#[derive(Debug)]
pub struct Loaded {
    /// The images.
    pub catalog: Catalog,
    /// What depends on what.
    pub graph: Graph,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    renderings: Vec<Option<Rendering>>,
    /// The outside images that each declared one is made of.
    outside: Vec<Vec<Reference>>,
    /// The outside images that the settings know.
    base_images: Vec<Reference>,
}

/// What directories hold as far as it can be read, with all that is in the way of more.
#[derive(Debug)]
pub struct Survey {
    /// The images that could be read.
    pub catalog: Catalog,
    /// What depends on what, where every name is known and nothing needs itself.
    pub graph: Option<Graph>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What has to be mended.
    pub problems: Vec<Problem>,
    /// Every directory that is meant for an image.
    pub directories: Vec<ImageDirectory>,
    renderings: Vec<Option<Rendering>>,
}

impl Survey {
    /// Gives the rendered recipe of an image; a declared one and one that cannot be rendered have none.
    #[must_use]
    pub fn rendering(&self, image: ImageId) -> Option<&Rendering> {
        self.renderings[image.0].as_ref()
    }
}

/// Reads the directories, renders every template, and joins the graph.
pub fn load(roots: &[PathBuf], settings: &Settings) -> Result<Loaded, Problems> {
    let Survey {
        catalog,
        graph,
        warnings,
        problems,
        renderings,
        ..
    } = survey(roots, settings)?;
    match graph {
        Some(graph) if problems.is_empty() => Ok(Loaded {
            graph,
            warnings,
            outside: catalog
                .iter()
                .map(|(_, image)| find_outside(image, &catalog, &settings.base_images))
                .collect(),
            base_images: settings.base_images.clone(),
            catalog,
            renderings,
        }),
        _ => Err(Problems { problems, warnings }),
    }
}

/// Reads and renders what can be, and joins the graph where nothing is missing for it.
///
/// There is nothing to give where a template was given up: its thread still holds the catalog.
pub fn survey(roots: &[PathBuf], settings: &Settings) -> Result<Survey, Problems> {
    let Scanned {
        mut catalog,
        mut warnings,
        mut problems,
        directories,
    } = scan_directories(roots, &settings.naming);
    // Of two directories with one name, the name is known all the same.
    let is_known = |problem: &Problem| matches!(problem, Problem::Duplicate { .. });
    let has_all_names = problems.iter().all(is_known);
    problems.extend(stamp_declared(&mut catalog, &settings.stamps));
    let renderer = set_up_renderer(roots, settings, &catalog);
    let work = Work {
        catalog,
        renderer,
        base_images: settings.base_images.clone(),
    };
    let Rendered {
        catalog,
        renderings,
        warnings: said,
        problems: faults,
    } = match render_all(work, Limits::default()) {
        Ok(rendered) => rendered,
        Err(runaway) => {
            problems.push(runaway);
            return Err(Problems { problems, warnings });
        }
    };
    warnings.extend(said);
    problems.extend(faults);
    if settings.force_numeric_user {
        problems.extend(
            catalog
                .iter()
                .filter_map(|(id, image)| find_user_name(image, renderings[id.0].as_ref()?)),
        );
    }
    let needs = Needs {
        needs: find_needs(&catalog, &renderings),
        base_images: settings.base_images.clone(),
    };
    let graph = Graph::new(&catalog, needs).map_err(|errors| {
        let errors = errors.into_iter().map(Box::new);
        problems.extend(errors.map(Problem::Graph));
    });
    if !has_all_names {
        problems.retain(|problem| !problem.is_missing_name());
    }
    Ok(Survey {
        catalog,
        graph: graph.ok(),
        warnings,
        problems,
        directories,
        renderings,
    })
}

fn set_up_renderer(roots: &[PathBuf], settings: &Settings, catalog: &Catalog) -> Renderer {
    let labels = catalog
        .iter()
        .map(|(_, image)| (image.name.to_string(), image.label.clone()));
    let known = KnownImages::new(&settings.naming, &settings.base_images, labels);
    let inside = find_real(roots);
    // A file that cannot be read is one that is not there, as far as a template is concerned; so is one to which a link
    // leads out of the tree.
    Renderer::new(settings, Arc::new(known), move |path| {
        let real = path.canonicalize().ok()?;
        let is_inside = inside.iter().any(|root| real.starts_with(root));
        is_inside.then(|| read_text(&real).ok()).flatten()
    })
}

impl Loaded {
    /// Gives the rendered Dockerfile of an image; a declared one has none.
    #[must_use]
    pub fn dockerfile(&self, image: ImageId) -> Option<&str> {
        Some(&self.renderings[image.0].as_ref()?.text)
    }

    /// Gives the rendered recipe of an image; a declared one has none.
    #[must_use]
    pub fn rendering(&self, image: ImageId) -> Option<&Rendering> {
        self.renderings[image.0].as_ref()
    }

    /// Gives the outside base images that an image is built from, as far as the settings list them.
    #[must_use]
    pub fn bases(&self, image: ImageId) -> &[Reference] {
        self.renderings[image.0]
            .as_ref()
            .map_or(&self.outside[image.0], |rendering| &rendering.bases)
    }

    /// Finds the image that a declared one is made on: its label in the catalog, or as it is named outside.
    #[must_use]
    pub fn find_base(&self, image: ImageId) -> Option<&Reference> {
        match &find_file(self.catalog.image(image))?.making {
            Making::Base(BaseImage::Named(name)) => self.find_named(name),
            Making::Base(BaseImage::Pinned(pinned)) => {
                self.outside[image.0].iter().find(|base| *base == pinned)
            }
            _ => None,
        }
    }

    /// Finds an image that a declared one names: its label in the catalog, or as it is named outside.
    #[must_use]
    pub fn find_named(&self, name: &str) -> Option<&Reference> {
        if let Some(own) = self.catalog.find(name) {
            return Some(&self.catalog.image(own).label);
        }
        find_known(&self.base_images, name)
    }

    /// Gives the line of the first here-document in the rendered Dockerfile of an image.
    #[must_use]
    pub fn heredoc_line(&self, image: ImageId) -> Option<usize> {
        self.renderings[image.0].as_ref()?.dockerfile.heredoc_line
    }

    /// Gives the secrets that the recipe of an image mounts.
    #[must_use]
    pub fn secret_mounts(&self, image: ImageId) -> Vec<SecretMount> {
        let rendering = self.renderings[image.0].as_ref();
        rendering.map_or_else(Vec::new, |rendering| rendering.dockerfile.secret_mounts())
    }

    /// Tells whether the recipe of an image names this label.
    #[must_use]
    pub fn uses(&self, image: ImageId, label: &Reference) -> bool {
        let file = find_file(self.catalog.image(image));
        let mut named = file.into_iter().flat_map(ImageFile::image_names);
        if self.find_base(image) == Some(label)
            || named.any(|name| self.find_named(name) == Some(label))
        {
            return true;
        }
        let is_it = |text: &str| {
            text.parse()
                .is_ok_and(|reference| means_current(&reference, label))
        };
        self.renderings[image.0].as_ref().is_some_and(|rendering| {
            rendering
                .dockerfile
                .image_references()
                .any(|reference| is_it(&reference.text))
        })
    }

    /// Gives the images that a recipe names and that no pin stands for.
    #[must_use]
    pub fn unpinned_references(
        &self,
        image: ImageId,
        pins: &[(Reference, String)],
    ) -> Vec<Reference> {
        let rendering = self.renderings[image.0].as_ref();
        let written = rendering.map(|rendering| rendering.dockerfile.image_references());
        let references = written.into_iter().flatten();
        let references = references.filter_map(|written| written.text.parse().ok());
        let is_pinned = |reference: &Reference| find_pin(reference, pins).is_some();
        references
            .filter(|reference| !is_pinned(reference))
            .collect()
    }

    /// Gives the rendered Dockerfile with a pin in the place of each reference that means the image of a label.
    #[must_use]
    pub fn pinned_dockerfile(&self, image: ImageId, pins: &[(Reference, String)]) -> String {
        let Some(rendering) = &self.renderings[image.0] else {
            return String::new();
        };
        rendering
            .dockerfile
            .rewrite_references(&rendering.text, |text| {
                let reference: Reference = text.parse().ok()?;
                find_pin(&reference, pins).map(str::to_owned)
            })
    }
}

fn find_pin<'p>(reference: &Reference, pins: &'p [(Reference, String)]) -> Option<&'p str> {
    let is_it = |label| reference == label || means_current(reference, label);
    let (_, pin) = pins.iter().find(|(label, _)| is_it(label))?;
    Some(pin)
}

/// Everything that control files declare and recipes use.
fn find_needs(catalog: &Catalog, renderings: &[Option<Rendering>]) -> Vec<Need> {
    let by_label: std::collections::HashMap<String, &Image> = catalog
        .iter()
        .map(|(_, image)| (image.label.familiar().name(), image))
        .collect();
    let mut needs = Vec::new();
    for (child, image) in catalog.iter() {
        // What a recipe takes from elsewhere by its full name is declared under its short one.
        let is_outside = |name: &str| {
            let rendering = renderings[child.0].as_ref();
            let mut references = rendering
                .into_iter()
                .flat_map(|rendering| rendering.dockerfile.image_references());
            catalog.find(name).is_none()
                && references.any(|written| short_name(&written.text) == name)
        };
        let declared = image
            .dependencies
            .iter()
            .filter(|dependency| !is_outside(&dependency.name));
        needs.extend(declared.map(|dependency| Need {
            child,
            name: dependency.name.clone(),
            source: EdgeSource::Declared(dependency.place.clone()),
        }));
        needs.extend(find_declared_needs(child, image));
        let Some(rendering) = &renderings[child.0] else {
            continue;
        };
        // An image may ask for its own version.
        let used = rendering
            .used
            .iter()
            .filter(|used| used.kind == ImageKind::Catalog && used.name != image.name.as_str());
        needs.extend(used.map(|used| Need {
            child,
            name: used.name.clone(),
            source: EdgeSource::ImageTag(used.place.clone()),
        }));
        let literal = rendering
            .dockerfile
            .image_references()
            .filter_map(|written| {
                let reference: Reference = written.text.parse().ok()?;
                let named = by_label.get(&reference.familiar().name()).copied()?;
                means_current(&reference, &named.label).then_some(named)
            });
        needs.extend(literal.map(|parent| Need {
            child,
            name: parent.name.to_string(),
            source: EdgeSource::Reference(Place::file(image.recipe_path())),
        }));
    }
    needs
}

/// The last part of a name, without tag and digest; of texts that are no references as well.
fn short_name(text: &str) -> &str {
    let last = text.rsplit('/').next().unwrap_or(text);
    last.split([':', '@']).next().unwrap_or(last)
}

/// Tells whether a reference to the repository of `label` means the version that the catalog has: an older one that is
/// named by its tag is an outside image like any other.
pub(crate) fn means_current(reference: &Reference, label: &Reference) -> bool {
    let is_tag = |tag: &Tag| Some(tag) == label.tag() || *tag == Tag::latest();
    reference.familiar().name() == label.familiar().name()
        && reference.digest().is_none()
        && reference.tag().is_none_or(is_tag)
}

/// Finds the name where a number has to be: of the user, and of the group where there is one. An image without a `USER`
/// runs as its base does.
fn find_user_name(image: &Image, rendering: &Rendering) -> Option<Problem> {
    let user = rendering.dockerfile.final_user()?;
    let place = || match &image.recipe {
        Recipe::Template { path, text } => {
            place_in_template(path, text, &rendering.text, user.line)
        }
        Recipe::Declared { path, .. } => Place::file(path),
    };
    let name = image.name.clone();
    let Some(value) = user.value.as_ref().filter(|value| !value.is_empty()) else {
        return Some(Problem::UserUnknown {
            place: place(),
            name,
            user: user.written.clone(),
        });
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_numeric = value.splitn(2, ':').all(is_number);
    (!is_numeric).then(|| Problem::UserName {
        place: place(),
        name,
        user: user.written.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::fs::{create_directory, write_atomically};
    use crate::oci::Digest;
    use crate::settings::{Layer, parse_settings};

    #[track_caller]
    fn case(reference: &str, label: &str, is_current: bool) {
        let reference = reference.parse().expect("a reference");
        let label = label.parse().expect("a label");
        assert_eq!(means_current(&reference, &label), is_current, "{reference}");
    }

    #[test]
    fn only_an_older_version_and_a_digest_are_somebody_elses() {
        let label = "r.example.org:5000/base/nginx:1.22-1";
        case(label, label, true);
        case("r.example.org:5000/base/nginx", label, true);
        case("r.example.org:5000/base/nginx:latest", label, true);
        case("r.example.org:5000/base/nginx:1.21-1", label, false);
        let digest = Digest::of(b"nginx");
        let pinned = format!("r.example.org:5000/base/nginx@{digest}");
        case(&pinned, label, false);
        case(&format!("{label}@{digest}"), label, false);
        case("r.example.org/base/nginx:1.22-1", label, false);
        case("nginx:1.22-1", label, false);
        case("r.example.org:5000/base/nginx2:1.22-1", label, false);
        case("nginx", "nginx:1.22-1", true);
    }

    #[test]
    fn the_short_name_of_any_text_is_its_last_word() {
        for (text, name) in [
            ("docker.io/library/debian:12", "debian"),
            ("r.example.org:5000/tini", "tini"),
            ("tini@sha256:abc", "tini"),
            ("build", "build"),
            ("${BASE}", "${BASE}"),
            ("a/", ""),
            ("", ""),
        ] {
            assert_eq!(short_name(text), name, "{text}");
        }
    }

    /// Loads directories of templates, each named like its image, with an optional control file.
    fn load_images(images: &[(&str, &str, &str)]) -> Result<Loaded, Problems> {
        let root = tempfile::tempdir().expect("a directory");
        for (name, template, depends) in images {
            let directory = root.path().join(name);
            create_directory(&directory).expect("a directory");
            let write = |file: &str, text: &str| {
                write_atomically(&directory.join(file), text.as_bytes()).expect("a file");
            };
            write(
                "changelog",
                &format!("{name} (1.0-1) d; urgency=high\n\n  * x\n"),
            );
            write("Dockerfile.template", template);
            write("control", &format!("Depends: {depends}\n"));
        }
        let text = "registry: r.example.org\nbase_images: [r.example.org/bookworm:12]\nforce_numeric_user: true\n";
        let path = Path::new("config.yaml");
        let settings = parse_settings(&[Layer { path, text }]).expect("settings");
        load(&[root.path().to_owned()], &settings.settings)
    }

    fn find(loaded: &Loaded, name: &str) -> ImageId {
        loaded.catalog.find(name).expect("an image")
    }

    /// What an image needs, each with the kinds of places that say so.
    fn needs(loaded: &Loaded, child: &str) -> Vec<String> {
        let edges = loaded.graph.edges().iter();
        let of_child = edges.filter(|edge| edge.child == find(loaded, child));
        of_child
            .map(|edge| {
                let kinds = edge.sources.iter().map(|source| match source {
                    EdgeSource::Declared(_) => "declared",
                    EdgeSource::ImageTag(_) => "image_tag",
                    EdgeSource::Reference(_) => "reference",
                    EdgeSource::Base(_) => "base",
                    EdgeSource::Layer(_) => "layer",
                });
                let name = &loaded.catalog.image(edge.parent).name;
                format!("{name}: {}", kinds.collect::<Vec<_>>().join(", "))
            })
            .collect()
    }

    #[test]
    fn a_need_is_found_wherever_it_is_written() {
        let loaded = load_images(&[
            ("bottom", "FROM {{ \"bookworm\" | image_tag }}", "bookworm"),
            ("left", "FROM {{ \"bottom\" | image_tag }}", ""),
            ("right", "FROM scratch", "bottom"),
            (
                "app",
                "FROM r.example.org/left:1.0-1\nCOPY --from=r.example.org/right /a /a\nLABEL v={{ \"app\" | image_tag }}",
                "left",
            ),
        ])
        .expect("a catalog");
        assert_eq!(needs(&loaded, "bottom"), [""; 0]);
        assert_eq!(needs(&loaded, "left"), ["bottom: image_tag, reference"]);
        assert_eq!(needs(&loaded, "right"), ["bottom: declared"]);
        assert_eq!(
            needs(&loaded, "app"),
            ["left: declared, reference", "right: reference"]
        );
        let base: Reference = "r.example.org/bookworm:12".parse().expect("a reference");
        assert_eq!(
            loaded.bases(find(&loaded, "bottom")),
            std::slice::from_ref(&base)
        );
        assert!(loaded.uses(find(&loaded, "bottom"), &base));
        assert!(!loaded.uses(find(&loaded, "right"), &base));
    }

    #[test]
    fn pins_stand_in_for_what_they_mean_and_for_nothing_else() {
        let loaded = load_images(&[
            ("left", "FROM scratch", ""),
            (
                "app",
                "FROM r.example.org/left AS build\nFROM r.example.org/left:0.9-1\nCOPY --from=r.example.org/left:1.0-1 /r.example.org/left:1.0-1 /\nCOPY --from=build /a /a",
                "",
            ),
        ])
        .expect("a catalog");
        let label = loaded.catalog.image(find(&loaded, "left")).label.clone();
        let pins = [(label, "pin:1".to_owned())];
        assert_eq!(
            loaded.pinned_dockerfile(find(&loaded, "app"), &pins),
            "FROM pin:1 AS build\nFROM r.example.org/left:0.9-1\nCOPY --from=pin:1 /r.example.org/left:1.0-1 /\nCOPY --from=build /a /a"
        );
    }

    /// What is said against the users of a Dockerfile.
    fn refused_user(lines: &str) -> Option<String> {
        let template = format!("FROM scratch AS first\n{lines}\n");
        let problems = load_images(&[("a", &template, "")]).err()?;
        let [problem] = problems.problems.as_slice() else {
            panic!("{lines}: {problems}");
        };
        assert!(
            matches!(
                problem,
                Problem::UserName { .. } | Problem::UserUnknown { .. }
            ),
            "{lines}: {problem}"
        );
        Some(problem.to_string())
    }

    #[test]
    fn users_that_are_numbers_are_taken() {
        for lines in [
            "",
            "USER 33",
            "USER 0:0",
            "USER 033",
            "USER  33 ",
            "USER root\nUSER 33",
            "user\t33",
            "USER \\\n  33",
            "USER \"33\"",
            "ARG X=33\nUSER $X",
            "ENV X=33\nUSER ${X}:$X",
            "USER root\nFROM r.example.org/b",
            "USER 33\nFROM first",
            "USER root\nFROM first\nUSER 33",
            "RUN <<EOF\nUSER root\nEOF",
            "RUN echo \\\nUSER root",
            "ONBUILD USER root",
            "# USER root",
        ] {
            assert_eq!(refused_user(lines), None, "{lines}");
        }
    }

    #[test]
    fn the_last_user_has_to_be_a_number_where_the_settings_ask_for_it() {
        for (lines, user) in [
            ("USER www-data", "www-data"),
            ("USER 33\nUSER root", "root"),
            ("user root", "root"),
            ("  USER\troot", "root"),
            ("USER \\\n# c\n  root", "root"),
            ("USER \"root\"", "\"root\""),
            ("USER 33x", "33x"),
            ("USER -1", "-1"),
            ("USER +3", "+3"),
            ("USER 33 # c", "33 # c"),
            ("USER root:33", "root:33"),
            ("USER 33:www-data", "33:www-data"),
            ("USER 33:", "33:"),
            ("USER :33", ":33"),
            ("USER 33:33:33", "33:33:33"),
            ("ARG X=root\nUSER $X", "$X"),
            ("USER root\nFROM first", "root"),
            ("USER 33\nFROM first\nUSER root", "root"),
        ] {
            let message = format!(
                "the last USER of `a` is `{user}`, and `force_numeric_user` asks for a number"
            );
            assert_eq!(
                refused_user(lines).as_deref(),
                Some(message.as_str()),
                "{lines}"
            );
        }
        for lines in ["FROM r.example.org/b\nUSER $X", "USER $X"] {
            let message = "the last USER of `a` is `$X`, to which the Dockerfile gives no value, and \
                           `force_numeric_user` asks for a number";
            assert_eq!(refused_user(lines).as_deref(), Some(message), "{lines}");
        }
    }
}
