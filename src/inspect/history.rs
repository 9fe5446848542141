//! Which files of which image have changed since the top entry of its changelog was written, by git.
//!
//! Each work tree is asked what is not committed, and what the commits changed, from the newest on until every image has its
//! answer. A change of the changelog counts when it adds the first line of an entry, which the patches of those few commits
//! show.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::audit::History;
use crate::host::{
    Added, Environment, Git, GitError, find_added_lines, find_cut_commits, find_uncommitted,
    find_work_tree, walk_commits,
};

/// So many commits are looked at for all images; git passes over the others quickly when it has only the images to look at
/// that nobody has touched for long.
const WALKED_TOGETHER: usize = 10;
/// So often a commit may turn out to have written no entry.
const MOST_ROUNDS: usize = 20;

/// What git knows of image directories; by the directory, as the user wrote its root.
pub type Histories = HashMap<PathBuf, History>;

/// The image directories of one work tree.
struct Watch<'a> {
    /// The commits at which the history is cut off.
    cut: HashSet<String>,
    /// From the path in the work tree to the number of the directory.
    numbers: HashMap<PathBuf, usize>,
    images: Vec<Watched<'a>>,
}

/// One image directory.
struct Watched<'a> {
    /// As the user wrote its root.
    directory: &'a Path,
    /// Its changelog, from the top of the work tree.
    changelog: PathBuf,
    answer: Option<History>,
    /// The commit that is taken to have written the top entry; empty for what is not committed.
    written_by: Option<String>,
    /// The commits that change the changelog and write no entry.
    others: HashSet<String>,
}

/// What is asked of one work tree.
#[derive(Default)]
struct WorkTree<'a> {
    /// Real paths.
    asked: Vec<PathBuf>,
    directories: Vec<&'a Path>,
}

/// Finds the work trees of image directories, by their tops: below a directory that the user names there may be submodules.
fn find_trees<'a>(roots: &[PathBuf], directories: &[&'a Path]) -> HashMap<PathBuf, WorkTree<'a>> {
    let mut trees: HashMap<PathBuf, WorkTree<'a>> = HashMap::new();
    let real = |path: &Path| Some((find_work_tree(path)?, path.canonicalize().ok()?));
    for (top, root) in roots.iter().filter_map(|root| real(root)) {
        trees.entry(top).or_default().asked.push(root);
    }
    for &directory in directories {
        let Some((top, path)) = real(directory) else {
            continue;
        };
        let tree = trees.entry(top).or_default();
        tree.directories.push(directory);
        if !tree.asked.iter().any(|root| path.starts_with(root)) {
            tree.asked.push(path);
        }
    }
    trees
}

/// Asks git about image directories; `is_taken` tells which files of a directory can change its image.
pub async fn find_histories(
    environment: &Environment,
    roots: &[PathBuf],
    directories: &[&Path],
    is_taken: impl Fn(&Path, &Path) -> bool,
) -> Histories {
    let mut histories = Histories::new();
    for (top, tree) in &find_trees(roots, directories) {
        let mut watch = Watch::new(top, &tree.directories);
        let git = Git::new(environment, top, &CancellationToken::new());
        if let Err(error) = watch.ask(&git, &tree.asked, &is_taken).await {
            let reason = format!("git does not tell: {error}");
            for image in watch.images {
                let unknown = || History::Unknown(reason.clone());
                // An answer that stands on a change that was not looked at is none.
                let answer = image.answer.filter(|_| image.written_by.is_none());
                let history = answer.unwrap_or_else(unknown);
                histories.insert(image.directory.to_owned(), history);
            }
            continue;
        }
        for image in watch.images {
            // What no commit has and nothing uncommitted touches is ignored by git.
            let unknown = || History::Unknown("git ignores this directory".to_owned());
            let history = image.answer.unwrap_or_else(unknown);
            histories.insert(image.directory.to_owned(), history);
        }
    }
    histories
}

impl<'a> Watch<'a> {
    fn new(top: &Path, directories: &[&'a Path]) -> Self {
        let mut watch = Self {
            cut: HashSet::new(),
            numbers: HashMap::new(),
            images: Vec::new(),
        };
        for &directory in directories {
            let real = directory.canonicalize().ok();
            let Some(below) = real.as_ref().and_then(|real| real.strip_prefix(top).ok()) else {
                continue;
            };
            watch.numbers.insert(below.to_owned(), watch.images.len());
            watch.images.push(Watched {
                directory,
                changelog: below.join("changelog"),
                answer: None,
                written_by: None,
                others: HashSet::new(),
            });
        }
        watch
    }

    async fn ask(
        &mut self,
        git: &Git<'_>,
        roots: &[PathBuf],
        is_taken: &impl Fn(&Path, &Path) -> bool,
    ) -> Result<(), GitError> {
        let found = find_uncommitted(git, roots).await?;
        let uncommitted: Vec<PathBuf> = found.iter().map(|one| one.path.clone()).collect();
        let mut going = self.take("", &uncommitted, is_taken);
        let new: HashSet<&Path> = found
            .iter()
            .filter(|one| one.is_new)
            .map(|one| one.path.as_path())
            .collect();
        for image in &mut self.images {
            // All of a new changelog is new.
            image
                .written_by
                .take_if(|_| new.contains(image.changelog.as_path()));
        }
        if self.check(git).await? {
            going = self.take("", &uncommitted, is_taken);
        }
        if going.is_break() {
            return Ok(());
        }
        self.cut = find_cut_commits(git).await?;
        let mut left = WALKED_TOGETHER;
        walk_commits(git, roots, |commit, files| {
            left -= 1;
            if left == 0 {
                return ControlFlow::Break(());
            }
            self.take(commit, files, is_taken)
        })
        .await?;
        for round in 0..MOST_ROUNDS {
            let is_reopened = self.check(git).await?;
            let open = self.open_paths();
            if open.is_empty() || (!is_reopened && (left > 0 || round > 0)) {
                break;
            }
            walk_commits(git, &open, |commit, files| {
                self.take(commit, files, is_taken)
            })
            .await?;
        }
        Ok(())
    }

    /// Looks whether changes of changelogs wrote entries, and takes answers back that stood on others; tells whether it did.
    async fn check(&mut self, git: &Git<'_>) -> Result<bool, GitError> {
        let of = |uncommitted: bool| {
            let images = self.images.iter();
            let images = images
                .filter_map(|image| Some((image.written_by.clone()?, image.changelog.clone())));
            let images = images.filter(|(commit, _)| commit.is_empty() == uncommitted);
            images.unzip::<String, PathBuf, Vec<_>, Vec<_>>()
        };
        let mut changed: HashSet<(String, PathBuf)> = HashSet::new();
        let mut written: HashSet<(String, PathBuf)> = HashSet::new();
        let mut on_line = |commit: &str, file: &Path, line: &str| {
            let key = (commit.to_owned(), file.to_owned());
            if is_header(line) {
                written.insert(key.clone());
            }
            changed.insert(key);
        };
        let (_, files) = of(true);
        if !files.is_empty() {
            find_added_lines(git, Added::Uncommitted, &files, &mut on_line).await?;
        }
        let (mut commits, files) = of(false);
        commits.sort();
        commits.dedup();
        if !files.is_empty() {
            find_added_lines(git, Added::By(&commits), &files, &mut on_line).await?;
        }
        let mut is_reopened = false;
        for image in &mut self.images {
            let Some(commit) = image.written_by.take() else {
                continue;
            };
            let key = (commit, image.changelog.clone());
            // A changelog that is new shows no change.
            if changed.contains(&key) && !written.contains(&key) {
                image.answer = None;
                image.others.insert(key.0);
                is_reopened = true;
            }
        }
        Ok(is_reopened)
    }

    /// Gives the directories without an answer, from the top of the work tree.
    fn open_paths(&self) -> Vec<PathBuf> {
        let numbers = self.numbers.iter();
        let open = numbers.filter(|(_, number)| self.images[**number].answer.is_none());
        open.map(|(path, _)| path.clone()).collect()
    }

    /// Takes the files of the next older change, and tells whether an image is left without an answer.
    fn take(
        &mut self,
        commit: &str,
        files: &[PathBuf],
        is_taken: &impl Fn(&Path, &Path) -> bool,
    ) -> ControlFlow<()> {
        let mut touched: HashMap<usize, (bool, Vec<PathBuf>)> = HashMap::new();
        for file in files {
            // A nested image's files are its own.
            let Some((below, &number)) = file
                .ancestors()
                .skip(1)
                .find_map(|above| Some((above, self.numbers.get(above)?)))
            else {
                continue;
            };
            let Ok(name) = file.strip_prefix(below) else {
                continue;
            };
            let image = &self.images[number];
            if image.answer.is_some() {
                continue;
            }
            let (has_entry, others) = touched.entry(number).or_default();
            if name == Path::new("changelog") {
                *has_entry = !image.others.contains(commit);
            } else if is_taken(image.directory, name) {
                others.push(image.directory.join(name));
            }
        }
        for (number, (has_entry, others)) in touched {
            let image = &mut self.images[number];
            if self.cut.contains(commit) {
                let reason = "this clone has only a part of the history: `git fetch --unshallow` brings the rest";
                image.answer = Some(History::Unknown(reason.to_owned()));
                continue;
            }
            image.answer = match (has_entry, others.is_empty()) {
                (true, _) => Some(History::Unchanged),
                (false, false) => Some(History::Changed(others)),
                (false, true) => None,
            };
            image.written_by = has_entry.then(|| commit.to_owned());
        }
        if self.images.iter().all(|image| image.answer.is_some()) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Tells whether a line begins an entry: `name (version) distribution; urgency=…`.
fn is_header(line: &str) -> bool {
    let parts = line
        .split_once(" (")
        .and_then(|(name, rest)| Some((name, rest.split_once(')')?)));
    parts.is_some_and(|(name, (_, rest))| {
        !name.is_empty() && !name.contains(char::is_whitespace) && rest.contains(';')
    })
}
