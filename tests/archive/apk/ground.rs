//! An image directory, a store, the place of a run, and the steps from a declaration to an image.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use chrono::DateTime;
use pkg::apk::{Lock, LockConfig};
use pkg::assemble::{
    ApkSupply, AssembleError, Making, Rootfs, assemble_apk, install_apk, resolve_apk,
};
use pkg::declared::{Architecture, ImageFile, Making as Declared, parse_image_file};
use pkg::mirror::{Client, Options, Store};
use pkg::rootfs::{Kind, Node, RootPath, Tree, Volume, read_tar};
use tempfile::TempDir;

use super::repository::{ARCHITECTURE, Repository};

/// The date of what is made.
pub(super) const CREATED: i64 = 1_800_000_000;
/// The date of what is in packages.
pub(super) const PACKED: i64 = 1_700_000_000;

/// What an image is made on.
pub(super) struct Ground {
    pub(super) directory: TempDir,
    pub(super) cache: TempDir,
    pub(super) scratch: TempDir,
}

/// An image that was made.
pub(super) struct Image {
    pub(super) tree: Tree,
    pub(super) layer: Vec<u8>,
    pub(super) config: serde_json::Value,
}

/// Makes the head of a declaration: packages of one repository, `REPOSITORY`, and its key.
pub(super) fn declare(address: &str, packages: &str) -> String {
    format!(
        "contents:\n  repositories: ['{address}']\n  keyring: ['{address}/test.rsa.pub']\n  packages: [{packages}]\n"
    )
}

/// Declares packages of a directory.
pub(super) fn of(repository: &Repository, packages: &str) -> String {
    declare(&repository.path().display().to_string(), packages)
}

impl Ground {
    pub(super) fn new() -> Self {
        let temporary = || tempfile::tempdir().unwrap();
        Self {
            directory: temporary(),
            cache: temporary(),
            scratch: temporary(),
        }
    }

    fn with<T>(&self, text: &str, work: impl AsyncFnOnce(ImageFile, ApkSupply<'_>) -> T) -> T {
        let file = parse_image_file(text, &mut |_, _| panic!("nothing is included")).unwrap();
        let Declared::Apk(contents) = &file.making else {
            panic!("{file:?}");
        };
        let client = Client::new(&Options::default()).unwrap();
        let store = Store::new(self.cache.path());
        let supply = ApkSupply {
            client: &client,
            store: &store,
            contents,
            runtime: &file.runtime,
            directory: self.directory.path(),
            architecture: ARCHITECTURE,
            scratch: self.scratch.path(),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(work(file.clone(), supply))
    }

    pub(super) fn try_lock(&self, text: &str) -> Result<Lock, String> {
        self.try_lock_and(text, &|_| ())
    }

    /// Locks; `came` is told what is done.
    pub(super) fn try_lock_and(
        &self,
        text: &str,
        came: &(dyn Fn(&str) + Sync),
    ) -> Result<Lock, String> {
        self.with(text, async |file, supply| {
            let architectures = file.architectures_or(architecture(ARCHITECTURE));
            let lock = resolve_apk(&supply, &architectures, LockConfig::default(), came).await;
            lock.map_err(|fault| tell(&fault))
        })
    }

    #[track_caller]
    pub(super) fn lock(&self, text: &str) -> Lock {
        self.try_lock(text).unwrap()
    }

    /// Installs what is locked, and nothing more.
    pub(super) fn try_install(&self, text: &str, lock: &Lock) -> Result<Tree, String> {
        self.with(text, async |_, supply| {
            let installed = install_apk(&supply, lock, CREATED, &|_| ()).await;
            installed
                .map(|image| image.filling.tree)
                .map_err(|fault| tell(&fault))
        })
    }

    /// Makes an image of what is locked; gives what was told, too.
    pub(super) fn try_make_of(
        &self,
        text: &str,
        lock: &Lock,
    ) -> Result<(Rootfs, Vec<String>), String> {
        let lines = Mutex::new(Vec::new());
        let rootfs = self.with(text, async |file, supply| {
            let making = Making {
                packages: None,
                changes: &file.changes,
                runtime: &file.runtime,
                architecture: architecture(ARCHITECTURE),
                layering: file.layering,
                directory: self.directory.path(),
                labels: BTreeMap::new(),
                created: DateTime::from_timestamp(CREATED, 0).unwrap(),
                scratch: self.scratch.path(),
            };
            let came = |line: &str| lines.lock().unwrap().push(line.to_owned());
            assemble_apk(&making, &supply, lock, &came).await
        });
        let rootfs = rootfs.map_err(|error: AssembleError| tell(&error))?;
        Ok((rootfs, lines.into_inner().unwrap()))
    }

    pub(super) fn try_make(&self, text: &str) -> Result<Image, String> {
        let lock = self.try_lock(text)?;
        let (rootfs, _) = self.try_make_of(text, &lock)?;
        Ok(Image::of(&rootfs))
    }

    #[track_caller]
    pub(super) fn make(&self, text: &str) -> Image {
        self.try_make(text).unwrap()
    }

    #[track_caller]
    pub(super) fn refused(&self, text: &str) -> String {
        self.try_make(text).map(|_| ()).unwrap_err()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Finds an architecture by its name.
pub(super) fn architecture(name: &str) -> Architecture {
    Architecture::find(name).expect("an architecture")
}

/// An error with all its causes, as the log of a build has it.
fn tell(error: &dyn std::error::Error) -> String {
    pkg::host::cause(error)
}

impl Image {
    #[track_caller]
    pub(super) fn of(rootfs: &Rootfs) -> Self {
        let mut archive = Vec::new();
        let reference = "app:1".parse().unwrap();
        rootfs.write_archive(&reference, &mut archive).unwrap();
        let mut members = tar::Archive::new(archive.as_slice());
        let (mut layer, mut texts) = (Vec::new(), BTreeMap::new());
        for member in members.entries().unwrap() {
            let mut member = member.unwrap();
            let name = member.path().unwrap().into_owned();
            if name.extension().is_some_and(|end| end == "tar") {
                std::io::copy(&mut member, &mut layer).unwrap();
            } else {
                texts.insert(name, std::io::read_to_string(&mut member).unwrap());
            }
        }
        let is_config = |name: &Path| name != Path::new("manifest.json");
        let config = texts.iter().find(|(name, _)| is_config(name));
        let config = serde_json::from_str(config.unwrap().1).unwrap();
        let mut tree = Tree::default();
        let entries = read_tar(&mut std::io::Cursor::new(&layer), Volume(0)).unwrap();
        tree.apply_layer(entries).unwrap();
        Self {
            tree,
            layer,
            config,
        }
    }

    pub(super) fn find(&self, path: &str) -> Option<&Node> {
        self.tree.find(&RootPath::parse(path.as_bytes()).unwrap())
    }

    /// Gives the text of a file.
    #[track_caller]
    pub(super) fn text(&self, path: &str) -> String {
        let node = self.find(path).expect(path);
        let Kind::File(pkg::rootfs::Content::Stored(extent)) = &node.kind else {
            panic!("{node:?}");
        };
        let start = usize::try_from(extent.offset).unwrap();
        let end = start + usize::try_from(extent.size_bytes).unwrap();
        String::from_utf8(self.layer[start..end].to_vec()).unwrap()
    }

    #[track_caller]
    pub(super) fn link(&self, path: &str) -> String {
        match &self.find(path).expect(path).kind {
            Kind::Link(target) => String::from_utf8(target.clone()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Gives mode, owner, group and time.
    #[track_caller]
    pub(super) fn attributes(&self, path: &str) -> (u32, u64, u64, i64) {
        let one = &self.find(path).expect(path).attributes;
        (one.mode, one.uid, one.gid, one.modified)
    }
}

/// Counts the files below a directory.
pub(super) fn count_files(directory: &Path) -> usize {
    let all = walkdir::WalkDir::new(directory).into_iter();
    all.filter(|entry| entry.as_ref().unwrap().file_type().is_file())
        .count()
}
