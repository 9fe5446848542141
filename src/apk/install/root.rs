//! An image while packages are installed into it.

use super::super::checksum::Checksum;
use super::super::files::PackageFile;
use super::super::key::Key;
use super::super::package::{Package, Script};
use super::super::record::Record;
use super::busybox;
use super::database;
use super::place::{InstallError, Meeting, Owner, Owners, Verdict};
use super::skeleton;
use crate::rootfs::{Attributes, Change, Entry, Fetch, Kind, LayerError, Node, RootPath, Tree};

/// A root file system, and which packages are in it.
#[derive(Debug)]
pub struct Installation {
    tree: Tree,
    owners: Owners,
    /// Directories that a package brought.
    claimed: std::collections::HashSet<RootPath>,
    installed: Vec<Installed>,
}

/// A package that was installed.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) record: Record,
    pub(super) triggers: Vec<String>,
    pub(super) scripts: Vec<Script>,
    pub(super) listed: Vec<Listed>,
}

/// A path of a package, as it is recorded.
#[derive(Debug)]
pub(super) struct Listed {
    /// As the package has it.
    pub(super) path: RootPath,
    /// Where it really lies.
    pub(super) place: RootPath,
    pub(super) kind: ListedKind,
    pub(super) attributes: Attributes,
    pub(super) checksum: Option<Checksum>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedKind {
    Directory,
    File,
}

/// What an image is given beside its packages.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// As APK names it.
    pub architecture: &'a str,
    /// What was wished for: `etc/apk/world`.
    pub world: &'a [String],
    /// The repositories that the image names: `etc/apk/repositories`.
    pub repositories: &'a [String],
    /// The keys that it trusts: `etc/apk/keys`.
    pub keys: &'a [Key],
    /// The time of what is made here, in whole seconds since 1970: the scripts are kept with it.
    pub epoch: i64,
}

impl Installation {
    /// Begins with what each image has.
    pub fn new() -> Result<Self, InstallError> {
        let tree = skeleton::make().map_err(|source| InstallError::Own {
            path: RootPath::root(),
            source,
        })?;
        Ok(Self {
            tree,
            owners: Owners::default(),
            claimed: std::collections::HashSet::new(),
            installed: Vec::new(),
        })
    }

    /// Installs a package with its files, after all that it depends on.
    pub fn add(&mut self, package: &Package, files: Vec<PackageFile>) -> Result<(), InstallError> {
        let mut record = package.info.record.clone();
        record.size_bytes = package.size_bytes();
        self.installed.push(Installed {
            record,
            triggers: package.info.triggers.clone(),
            scripts: package.scripts.clone(),
            listed: Vec::new(),
        });
        files.into_iter().try_for_each(|file| self.place(file))
    }

    /// Gives what was made so far; accounts and the like look at it.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Gives the packages with what their `.PKGINFO` says, in the order of installation; the size is that of the file.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.installed.iter().map(|one| &one.record)
    }

    /// Gives the place in [`Installation::records`] of the package that a path belongs to, and the places that belong to
    /// packages are where the files really lie.
    #[must_use]
    pub fn owner(&self, place: &RootPath) -> Option<usize> {
        self.owners.find(place).map(|owner| owner.package)
    }

    /// Gives the record of one package, as the installed database has it, with a blank line behind it.
    #[must_use]
    pub fn database_entry(&self, package: usize) -> Option<String> {
        self.installed.get(package).map(database::render_entry)
    }

    /// Tells whether a package brought what lies at a place, also where it is a directory.
    #[must_use]
    pub fn is_of_package(&self, place: &RootPath) -> bool {
        self.claimed.contains(place) || self.owner(place).is_some()
    }

    /// Gives the name of the package that is busybox, for [`link_busybox`](super::link_busybox).
    #[must_use]
    pub fn busybox(&self) -> Option<&str> {
        busybox::find(&self.installed)
    }

    /// Writes apk's own files, and gives the root file system. `fetch` reads the contents of packages' files.
    pub fn finish(mut self, setup: &Setup<'_>, fetch: &Fetch<'_>) -> Result<Tree, InstallError> {
        database::write(&mut self.tree, &self.installed, setup, fetch)?;
        Ok(self.tree)
    }

    fn last(&self) -> usize {
        self.installed.len() - 1
    }

    fn failed(&self, source: LayerError) -> InstallError {
        let id = self.installed[self.last()].record.id();
        InstallError::Layer { id, source }
    }

    fn place(&mut self, file: PackageFile) -> Result<(), InstallError> {
        let place = self.tree.resolve_parent(&file.entry.path);
        let place = place.map_err(|error| self.failed(error.into()))?;
        let change = file.entry.change.clone();
        match change {
            Change::Node(node) if node.is_directory() => self.directory(file, place, &node),
            Change::Node(node) => {
                let target = match &node.kind {
                    Kind::Link(target) => Some(target.as_slice()),
                    _ => None,
                };
                let comes = (target, file.checksum);
                self.file(&file, place, comes, node.attributes.clone())
            }
            Change::HardLink(target) => {
                let found = self.tree.resolve_parent(&target);
                let found = found.map_err(|error| self.failed(error.into()))?;
                let no_target = || LayerError::NoTarget {
                    path: file.entry.path.clone(),
                    target: target.clone(),
                };
                let node = self
                    .tree
                    .find(&found)
                    .ok_or_else(|| self.failed(no_target()))?;
                let attributes = node.attributes.clone();
                let sum = self.owners.find(&found).and_then(|owner| owner.checksum);
                self.file(&file, place, (None, sum), attributes)
            }
        }
    }

    fn directory(
        &mut self,
        file: PackageFile,
        place: RootPath,
        node: &Node,
    ) -> Result<(), InstallError> {
        // A directory may be brought where a link leads to one.
        let led = self.tree.resolve(&place);
        let led = led.map_err(|error| self.failed(error.into()))?;
        match self
            .tree
            .find(&place)
            .map(|there| (there, self.tree.find(&led)))
        {
            // The first package that brings a directory says whose it is.
            Some((_, Some(end))) if end.is_directory() => {
                if led == place && !self.claimed.contains(&place) {
                    self.tree
                        .add(file.entry.clone())
                        .map_err(|error| self.failed(error))?;
                }
            }
            Some(_) => {
                let owner = self.owners.find(&place);
                let first = owner.map(|owner| self.installed[owner.package].record.id());
                return Err(InstallError::Kind {
                    path: place,
                    first: first.unwrap_or_default(),
                    second: self.installed[self.last()].record.id(),
                });
            }
            None => self
                .tree
                .add(file.entry.clone())
                .map_err(|error| self.failed(error))?,
        }
        self.claimed.insert(led);
        self.list(file, place, ListedKind::Directory, node.attributes.clone());
        Ok(())
    }

    fn file(
        &mut self,
        file: &PackageFile,
        place: RootPath,
        comes: (Option<&[u8]>, Option<Checksum>),
        attributes: Attributes,
    ) -> Result<(), InstallError> {
        let package = self.last();
        if let Some(there) = self.tree.find(&place) {
            let owner = self.owners.find(&place);
            let meeting = Meeting {
                path: &place,
                there: (there, owner.and_then(|owner| owner.checksum)),
                owner: owner.map(|owner| &self.installed[owner.package].record),
                comes,
                record: &self.installed[package].record,
            };
            if meeting.decide()? == Verdict::Keep {
                return Ok(());
            }
            if let Some(owner) = owner {
                let listed = &mut self.installed[owner.package].listed;
                listed.retain(|one| one.place != place);
            }
        }
        self.tree
            .add(file.entry.clone())
            .map_err(|error| self.failed(error))?;
        let (_, checksum) = comes;
        self.owners.set(place.clone(), Owner { package, checksum });
        let file = PackageFile {
            checksum: file.checksum.or(checksum),
            ..file.clone()
        };
        self.list(file, place, ListedKind::File, attributes);
        Ok(())
    }

    fn list(
        &mut self,
        file: PackageFile,
        place: RootPath,
        kind: ListedKind,
        attributes: Attributes,
    ) {
        let PackageFile {
            entry: Entry { path, .. },
            checksum,
        } = file;
        let last = self.last();
        self.installed[last].listed.push(Listed {
            path,
            place,
            kind,
            attributes,
            checksum,
        });
    }
}
