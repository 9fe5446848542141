//! Which commits of a repository had others before them, also where a shallow clone lacks those.

use std::collections::HashSet;
use std::io::Read as _;

use super::{Git, GitError};

/// Finds those of some commits, one a line, that have parents; a clone may not have these.
pub(super) async fn find_with_parents(
    git: &Git<'_>,
    commits: String,
) -> Result<HashSet<String>, GitError> {
    let asked = ["cat-file", "--batch"];
    let mut objects = git.stream(asked, commits.into_bytes()).await?;
    let mut bytes = Vec::new();
    objects.read_to_end(&mut bytes)?;
    Ok(find_children(&bytes))
}

/// Finds the commits that have parents in what `git cat-file --batch` gives: `NAME commit SIZE`, and so many bytes.
fn find_children(mut objects: &[u8]) -> HashSet<String> {
    let mut children = HashSet::new();
    while let Some(end) = objects.iter().position(|byte| *byte == b'\n') {
        let heading = String::from_utf8_lossy(&objects[..end]);
        let mut words = heading.split(' ');
        let name = words.next().unwrap_or_default();
        // What is missing has no size, and nobody knows its parents.
        let size: Option<usize> = words.nth(1).and_then(|size| size.parse().ok());
        objects = &objects[end + 1..];
        let Some((object, rest)) = size.and_then(|size| objects.split_at_checked(size)) else {
            children.insert(name.to_owned());
            continue;
        };
        let mut lines = object.split(|byte| *byte == b'\n');
        let mut header = lines.by_ref().take_while(|line| !line.is_empty());
        if header.any(|line| line.starts_with(b"parent ")) {
            children.insert(name.to_owned());
        }
        objects = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_with_parents_is_told_from_the_first_one() {
        let object = |name: &str, text: &str| format!("{name} commit {}\n{text}\n", text.len());
        let objects = [
            object("a", "tree 1\n\nparent of all\nx commit 3\n"),
            object("b", "tree 1\nparent 2\n\nx"),
            "c missing\n".to_owned(),
            object("d", "tree 1\n\n"),
        ];
        let found = find_children(objects.concat().as_bytes());
        assert_eq!(found, HashSet::from(["b", "c"].map(str::to_owned)));
    }
}
