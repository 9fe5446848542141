//! Takes down what images are made from, to hold it against what was recorded when they were built.
//!
//! The recipe counts as it is rendered, but for what may differ without another image coming out: the proxies of the machine,
//! and the versions of the images that it is built on, which are recorded by their identities beside it. Of the files
//! only those count that the recipe takes; the changelog of an image never does, as each version has a new one. Stamps count
//! by their values where their keys are stable, and by their constants where they are not.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::catalog::{Image, ImageId, Recipe, Taken};
use crate::context::{
    ContextError, Expected, list_context, list_laid, write_context, write_expected_context,
};
use crate::declared::{BaseImage, ImageFile, Making};
use crate::host::fs::{FileError, read_bytes};
use crate::lock::{LOCK_FILE, is_locked, parse_lock};
use crate::oci::{Digest, Reference};
use crate::plan::Inputs;
use crate::scan::{Loaded, Rendering, load};
use crate::settings::{Proxies, Settings};
use crate::stamp::CountedStamps;

/// What counts as a recipe's name, whatever the template is called: so the file is called in the context.
const DOCKERFILE: &str = "Dockerfile";
/// The recipe of a declared image, likewise.
const IMAGE_FILE: &str = "image.yaml";

/// What the images of a catalog are made from.
#[derive(Debug)]
pub struct Inventory<'a> {
    loaded: &'a Loaded,
    without_proxies: &'a WithoutProxies,
    /// The directories of all images, in order: those in a directory stand together behind it.
    directories: Vec<&'a Path>,
}

/// A catalog as it is rendered where no proxy is needed, read at the same time as the one that is built.
#[derive(Debug, Default)]
pub struct WithoutProxies(Option<Loaded>);

impl WithoutProxies {
    /// Reads the directories again, where a proxy is set; where the templates do not go without one, nothing.
    #[must_use]
    pub fn load(roots: &[PathBuf], settings: &Settings) -> Self {
        let has_proxies = settings.proxies != Proxies::default();
        Self(
            has_proxies
                .then(|| load(roots, &settings.without_proxies()).ok())
                .flatten(),
        )
    }

    /// Finds the rendering of an image, as long as it is of the very same template.
    fn find(&self, image: &Image) -> Option<&Rendering> {
        let loaded = self.0.as_ref()?;
        let id = loaded.catalog.find(image.name.as_str())?;
        let (Recipe::Template { text, .. }, Recipe::Template { text: same, .. }) =
            (&loaded.catalog.image(id).recipe, &image.recipe)
        else {
            return None;
        };
        (text == same).then(|| loaded.rendering(id)).flatten()
    }
}

/// Where all stands that an image is made from.
#[derive(Debug)]
pub struct Sources {
    recipe: RecipeSource,
    taken: Taken,
    changelogs: HashSet<PathBuf>,
    stamps: CountedStamps,
    directory: PathBuf,
    root: PathBuf,
}

#[derive(Debug)]
enum RecipeSource {
    Text(String),
    /// An `image.yaml`, the paths that it lays over its packages, and where the lock of these is, if there is one.
    Declared(Digest, Vec<String>, Option<PathBuf>),
}

/// What an image is made from at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The record of it.
    pub inputs: Inputs,
    /// The files alone, as they are sent; nothing where the recipe takes none.
    files: Option<Digest>,
}

impl Sources {
    /// Reads all of it.
    pub fn take(&self) -> Result<Snapshot, InventoryError> {
        let recipe = match &self.recipe {
            RecipeSource::Text(text) => (DOCKERFILE, Digest::of(text.as_bytes())),
            RecipeSource::Declared(digest, ..) => (IMAGE_FILE, digest.clone()),
        };
        let recipe = (recipe.0.as_bytes().to_vec(), recipe.1);
        if let RecipeSource::Declared(_, sources, lock) = &self.recipe {
            let files = list_laid(&self.directory, sources)?.into_iter();
            let files = files.map(|file| (file.name, file.digest));
            let lock = lock.as_deref().map(find_bytes).transpose()?.flatten();
            let lock = lock.map(|bytes| (LOCK_FILE.as_bytes().to_vec(), digest_of_lock(&bytes)));
            return Ok(Snapshot {
                inputs: self.record(files.chain(lock).chain([recipe])),
                files: None,
            });
        }
        if self.taken.is_nothing() {
            return Ok(Snapshot {
                inputs: self.record([recipe]),
                files: None,
            });
        }
        let listed = list_context(&self.directory, &self.root, |file| self.is_wanted(file))?;
        let files = listed.files.into_iter();
        let files = files.map(|file| (file.name, file.digest));
        Ok(Snapshot {
            inputs: self.record(files.chain([recipe])),
            files: Some(listed.digest),
        })
    }

    /// Writes the build context with a rendered Dockerfile; that it is not what was taken down is an error.
    pub fn write_context(
        &self,
        taken: &Snapshot,
        dockerfile: &str,
        out: impl Write,
    ) -> Result<(), ContextError> {
        let (directory, root) = (&self.directory, &self.root);
        let Some(digest) = &taken.files else {
            return write_context(directory, root, dockerfile, out).map(drop);
        };
        let is_wanted = &|file: &Path| self.is_wanted(file);
        let expected = Expected { is_wanted, digest };
        write_expected_context(directory, root, dockerfile, &expected, out).map(drop)
    }

    fn record(&self, inputs: impl IntoIterator<Item = (Vec<u8>, Digest)>) -> Inputs {
        Inputs::new(inputs).with_stamps(&self.stamps)
    }

    fn is_wanted(&self, file: &Path) -> bool {
        !self.changelogs.contains(file) && self.taken.holds_path(file)
    }
}

/// Why it cannot be told what an image is made from.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// What would be sent to the engine.
    #[error(transparent)]
    Context(#[from] ContextError),
}

impl<'a> Inventory<'a> {
    /// Prepares for a catalog and its form without proxies.
    #[must_use]
    pub fn new(loaded: &'a Loaded, without_proxies: &'a WithoutProxies) -> Self {
        Self {
            loaded,
            without_proxies,
            directories: sorted(loaded.catalog.iter().map(|(_, image)| &*image.directory)),
        }
    }

    /// Gives the catalog.
    #[must_use]
    pub fn loaded(&self) -> &'a Loaded {
        self.loaded
    }

    /// Takes down what an image is made from now.
    pub fn take(&self, id: ImageId) -> Result<Inputs, InventoryError> {
        Ok(self.find_sources(id).take()?.inputs)
    }

    /// Finds what is to be read for that.
    #[must_use]
    pub fn find_sources(&self, id: ImageId) -> Sources {
        let image = self.loaded.catalog.image(id);
        let (recipe, taken, stamps) = match &image.recipe {
            // What is built is what was read, with what it includes.
            Recipe::Declared { file, .. } => (
                RecipeSource::Declared(
                    digest_of_declared(file),
                    sources_of(file),
                    is_locked(file).then(|| image.directory.join(LOCK_FILE)),
                ),
                Taken::default(),
                file.stamps.clone(),
            ),
            Recipe::Template { .. } => {
                let (text, stamps) = self.recipe(id);
                (RecipeSource::Text(text), self.taken(id), stamps)
            }
        };
        // An image in the directory has a changelog of its own, which each week may change.
        let nested = find_below(&self.directories, &image.directory);
        Sources {
            recipe,
            taken,
            changelogs: nested.map(|below| below.join("changelog")).collect(),
            stamps,
            directory: image.directory.clone(),
            root: image.root.clone(),
        }
    }

    /// The rendered recipe with names in the place of the labels that the template asked for, and the stamps in it that count.
    fn recipe(&self, id: ImageId) -> (String, CountedStamps) {
        let image = self.loaded.catalog.image(id);
        let plain = self.without_proxies.find(image);
        let Some(rendering) = plain.or_else(|| self.loaded.rendering(id)) else {
            return (String::new(), CountedStamps::new());
        };
        let used = rendering.counted_used().iter();
        let mut labels: Vec<&Reference> = used.map(|used| &used.label).collect();
        labels.sort_unstable();
        labels.dedup();
        let counted = rendering.counted_text().to_owned();
        let text = labels.into_iter().fold(counted, |text, label| {
            replace_label(&text, &label.to_string(), label.short_name())
        });
        (text, rendering.stamps().clone())
    }

    fn taken(&self, id: ImageId) -> Taken {
        let by = |id| Some(self.loaded.rendering(id)?.counted_dockerfile());
        let mut taken = by(id).map(Taken::by).unwrap_or_default();
        let ancestors = self.loaded.graph.ancestors([id]).into_iter();
        for ancestor in ancestors.filter_map(by) {
            taken.extend(Taken::by_children_of(ancestor));
        }
        taken
    }
}

/// Reads a file; nothing where there is none.
fn find_bytes(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read_bytes(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Gives the digest of what a lock chooses, whatever else it says; of what is no lock, that of its bytes.
fn digest_of_lock(bytes: &[u8]) -> Digest {
    let text = std::str::from_utf8(bytes).ok();
    let lock = text.and_then(|text| parse_lock(text).ok());
    lock.map_or_else(|| Digest::of(bytes), |lock| lock.digest())
}

fn sources_of(file: &ImageFile) -> Vec<String> {
    let layers = file.changes.layers.iter();
    let layers = layers.filter(|layer| layer.from.is_none());
    let layers = layers.map(|layer| layer.source.clone());
    let base = match &file.making {
        Making::Base(BaseImage::File(path)) => Some(path.clone()),
        _ => None,
    };
    let keys = match &file.making {
        Making::Apk(contents) => contents.keyring.as_slice(),
        _ => &[],
    };
    let is_own = |key: &&String| !key.contains(':') && !key.starts_with('/');
    let keys = keys.iter().filter(is_own).cloned();
    layers.chain(keys).chain(base).collect()
}

/// Gives a digest of an `image.yaml` with all that it includes, and with the constants of stamps that count by these.
fn digest_of_declared(file: &ImageFile) -> Digest {
    let digest = digest_of_all(&file.texts);
    if file.constants.is_empty() {
        return digest;
    }
    let constants = file.constants.iter();
    let constants = constants.map(|(key, constant)| format!("{key} {constant}"));
    let lines: Vec<String> = std::iter::once(digest.to_string())
        .chain(constants)
        .collect();
    // No constant ends a line.
    Digest::of(lines.join("\n").as_bytes())
}

/// Gives a digest over texts that no other texts have.
fn digest_of_all(texts: &[String]) -> Digest {
    if let [only] = texts {
        return Digest::of(only.as_bytes());
    }
    let digests = texts.iter().map(|text| Digest::of(text.as_bytes()));
    let digests: Vec<String> = digests.map(|digest| digest.to_string()).collect();
    Digest::of(digests.join("\n").as_bytes())
}

fn sorted<'a>(directories: impl Iterator<Item = &'a Path>) -> Vec<&'a Path> {
    let mut directories: Vec<_> = directories.collect();
    directories.sort_unstable();
    directories
}

/// Gives what is in a directory of some that are sorted, and the directory itself, each named below it.
fn find_below<'a>(sorted: &[&'a Path], directory: &Path) -> impl Iterator<Item = &'a Path> {
    // Paths are compared name by name, so nothing else stands between them.
    let start = sorted.partition_point(|one| *one < directory);
    let below = sorted[start..].iter();
    below.map_while(move |one| one.strip_prefix(directory).ok())
}

/// Puts a name in the place of a label, unless it is only the beginning of another one.
fn replace_label(text: &str, label: &str, name: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(label) {
        let (before, found) = rest.split_at(at);
        let after = &found[label.len()..];
        let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_whole = !after.starts_with(goes_on);
        replaced.push_str(before);
        replaced.push_str(if is_whole { name } else { label });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::{create_directory, write_atomically};
    use crate::settings::{Layer, parse_settings};
    use crate::stamp::parse_status;

    #[test]
    fn images_in_a_directory_are_found_among_all() {
        let names = [
            "i/a-b", "i/a", "i/b", "i/a/x", "i", "i/a/x/y", "i/a b", "i/aa",
        ];
        let sorted = sorted(names.into_iter().map(Path::new));
        let find = |directory: &str| {
            let below = find_below(&sorted, Path::new(directory));
            below.map(|path| path.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(find("i/a"), ["", "x", "x/y"]);
        assert_eq!(find("i/b"), [""]);
        assert_eq!(find("i").len(), names.len());
    }

    const DECLARED: &str = "paths: [{path: /a, type: directory}]\nlabels: {b: '{{ stamp.B }}', s: '{{ stamp.STABLE_A }}'}\n";

    /// Records what an image is made from, with a constant, and stamped where there is a status.
    fn record(
        (recipe, text): (&str, &str),
        constant: &str,
        status: Option<&str>,
    ) -> (Inputs, String) {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("a");
        create_directory(&directory).expect("a directory");
        for (file, text) in [
            ("changelog", "a (1.0-1) d; urgency=high\n\n  * x\n"),
            ("ci.txt", "ci"),
            ("b.txt", "b"),
            (recipe, text),
        ] {
            write_atomically(&directory.join(file), text.as_bytes()).expect("a file");
        }
        let text = format!("stamp_defaults: {{STABLE_A: none, B: {constant}}}\n");
        let (path, text) = (Path::new("config.yaml"), text.as_str());
        let read = parse_settings(&[Layer { path, text }]).expect("settings");
        let mut settings = read.settings;
        if let Some(status) = status {
            let status = parse_status(status).expect("a status");
            settings.stamps = settings.stamps.with(&status);
        }
        let loaded = load(&[root.path().to_owned()], &settings);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
        let without_proxies = WithoutProxies::default();
        let inventory = Inventory::new(&loaded, &without_proxies);
        let id = loaded.catalog.find("a").expect("an image");
        let inputs = inventory.take(id).expect("inputs");
        let label = inputs.to_string();
        (inputs, label)
    }

    #[test]
    fn a_declared_image_counts_with_the_constants_of_its_stamps_that_are_not_stable() {
        let image = ("image.yaml", DECLARED);
        let before = record(image, "local", Some("STABLE_A 1\nB main\n"));
        assert_eq!(
            record(image, "local", Some("STABLE_A 1\nB other\n")),
            before
        );
        let after = record(image, "here", Some("STABLE_A 1\nB main\n"));
        let changes = after.0.changes_since(&before.0);
        let changed: Vec<&str> = changes.iter().map(|one| one.input.as_str()).collect();
        assert_eq!(changed, ["image.yaml"]);
    }

    #[test]
    fn a_declared_image_without_stamps_counts_by_its_text() {
        let text = "paths: [{path: /a, type: directory}]\n";
        let (_, label) = record(("image.yaml", text), "local", None);
        let digest = Digest::of(text.as_bytes());
        assert!(
            label.ends_with(&format!(" image.yaml={}", digest.short())),
            "{label}"
        );
    }

    #[test]
    fn a_template_takes_the_files_and_stamps_of_what_counts() {
        let text = "FROM scratch\n{% if stamp.B == 'local' %}COPY ci.txt /\n{% else %}COPY b.txt {{ stamp.STABLE_A }} /\n{% endif %}";
        let template = ("Dockerfile.template", text);
        let (inputs, label) = record(template, "local", None);
        assert!(
            label.contains(" ci.txt=") && !label.contains("b.txt"),
            "{label}"
        );
        let stamped = record(template, "local", Some("STABLE_A 1\nB main\n"));
        assert_eq!(stamped, (inputs, label));
    }

    #[test]
    fn a_label_is_replaced_where_it_stands_whole() {
        let case = |text: &str| replace_label(text, "r/a:1.0-1", "a");
        assert_eq!(case("FROM r/a:1.0-1 AS x"), "FROM a AS x");
        assert_eq!(case("FROM r/a:1.0-1"), "FROM a");
        assert_eq!(case("r/a:1.0-10 r/a:1.0-1\n"), "r/a:1.0-10 a\n");
        assert_eq!(case("x"), "x");
    }
}
