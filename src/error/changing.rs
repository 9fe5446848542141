//! What is told of changes that were not made, and the ways out: none of them leads into a tree that is half changed unseen.

use std::collections::BTreeSet;
use std::path::Path;

use crate::host::{ChangeError, Edited, WORKSHOP};

/// Whether it was the machine that stood in the way of a change, or another run, and not a file of the user's.
pub(super) fn is_hindered(error: &ChangeError) -> bool {
    match error {
        ChangeError::File(_) | ChangeError::Busy(_) | ChangeError::Stuck { .. } => true,
        ChangeError::Moved(_)
        | ChangeError::Outside(_)
        | ChangeError::Twice(_)
        | ChangeError::NoJournal(_)
        | ChangeError::Foreign(_)
        | ChangeError::Severed { .. }
        | ChangeError::Edited(_) => false,
    }
}

/// Gives the ways out.
pub(super) fn hints_of_change(error: &ChangeError) -> Vec<String> {
    let settle = |path: &Path| {
        let path = path.display();
        format!(
            "look at the changelogs (`git diff`), and remove {path} once they are as you want them"
        )
    };
    match error {
        ChangeError::Moved(_) => vec!["run it again".to_owned()],
        ChangeError::NoJournal(path) => vec![settle(path)],
        ChangeError::Foreign(path) => vec![format!(
            "it came with the repository or with a copy: {}",
            settle(path)
        )],
        ChangeError::Severed { root, first } => vec![
            format!("bring {} back to its place", first.display()),
            format!("or {}", settle(&root.join(WORKSHOP))),
        ],
        ChangeError::Edited(files) => hints_of_edited(files),
        _ => Vec::new(),
    }
}

fn hints_of_edited(files: &[Edited]) -> Vec<String> {
    let befores = files.iter().map(|edited| {
        let file = edited.file.display();
        match &edited.old {
            Some(old) => format!("what {file} held before is {}", old.display()),
            None => format!("what {file} held before is lost"),
        }
    });
    let mut hints: Vec<String> = befores.collect();
    let workshops: BTreeSet<&Path> = files.iter().map(|it| it.workshop.as_path()).collect();
    hints.extend(workshops.into_iter().map(|workshop| {
        let workshop = workshop.display();
        format!("remove {workshop} once what was changed there is as you want it")
    }));
    hints
}
