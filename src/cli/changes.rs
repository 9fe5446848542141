//! Prints what changed in images since a revision: as text, as a table, as JSON.

use serde_json::json;

use super::session::Session;
use crate::revision::{ChangeKind, Fate, FileChange, ImageChange, Past, RecipeChange};
use crate::ui::{Cell, Column, Paragraph, Tone};

/// So many files of an image are named.
const MOST_FILES: usize = 8;
/// So many images are named of which there is no more to tell.
const MOST_NAMES: usize = 10;

/// Prints the changes image by image, and those of which there is no more to tell together.
pub(super) fn print_changes(session: &Session, changes: &[ImageChange]) -> anyhow::Result<()> {
    let is_whole = session.ui.tells_more();
    let (mut rebuilds, mut left_behind) = (Vec::new(), Vec::new());
    let (mut is_first, mut was_long) = (true, false);
    for change in changes {
        if change.is_rebuild() && !is_whole {
            rebuilds.push(change);
            continue;
        }
        if change.is_left_behind() && !is_whole {
            left_behind.push(change);
            continue;
        }
        // That all lines of a file went says nothing.
        let is_plain = matches!(change.fate, Fate::Removed(_)) || change.is_version_only();
        let recipe = change.recipe.as_ref();
        let recipe = recipe.filter(|_| is_whole || !is_plain);
        let mut lines = describe(change);
        let is_long = recipe.is_some() || lines.len() > 1;
        if !is_first && (is_long || was_long) {
            lines.insert(0, Paragraph::gap());
        }
        (is_first, was_long) = (false, is_long);
        session.ui.outline(&lines)?;
        if let Some(recipe) = recipe {
            session.ui.print(&paint(session, recipe))?;
        }
    }
    let mut lines = Vec::new();
    if !rebuilds.is_empty() {
        lines.push(fold(
            Tone::Dim,
            "rebuilt, nothing else changed: ",
            &rebuilds,
        ));
    }
    if !left_behind.is_empty() {
        let heading = "without a new version, although what they are built on has one: ";
        lines.push(fold(Tone::Caution, heading, &left_behind));
    }
    if !is_first && !lines.is_empty() {
        lines.insert(0, Paragraph::gap());
    }
    Ok(session.ui.outline(&lines)?)
}

/// Names images where they are few, else counts them.
fn fold(tone: Tone, heading: &str, changes: &[&ImageChange]) -> Paragraph {
    let mut cells = vec![Cell::new(tone, heading)];
    if changes.len() > MOST_NAMES {
        cells.push(Cell::new(Tone::Strong, format!("{} images", changes.len())));
        return Paragraph::new(0, cells);
    }
    for (index, change) in changes.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        cells.push(Cell::from(comma));
        cells.push(Cell::new(Tone::Strong, change.name.as_str()));
        cells.push(Cell::from(format!(" {}", versions(change))));
    }
    Paragraph::new(0, cells)
}

/// Says what became of an image, without its recipe.
fn describe(change: &ImageChange) -> Vec<Paragraph> {
    let (tone, fate) = match change.fate {
        Fate::Added(_) => (Tone::Good, "added "),
        Fate::Removed(_) => (Tone::Bad, "removed "),
        Fate::Kept { .. } => (Tone::Accent, "changed "),
    };
    let mut heading = vec![
        Cell::new(tone, fate),
        Cell::new(Tone::Strong, change.name.as_str()),
        Cell::from(format!(" {}", versions(change))),
    ];
    if change.is_unversioned() {
        heading.push(Cell::new(Tone::Caution, ", without a new version"));
    } else if change.is_version_only() {
        heading.push(Cell::new(Tone::Dim, ", the version only"));
    }
    let mut lines = vec![Paragraph::new(0, heading)];
    let mut line = |name: &str, text: String| {
        let cells = vec![Cell::new(Tone::Dim, format!("{name}: ")), Cell::from(text)];
        lines.push(Paragraph::new(2, cells));
    };
    if let Some(from) = &change.moved_from {
        let text = format!("{} → {}", from.display(), change.directory.display());
        line("moved", text);
    }
    if !change.files.is_empty() {
        line("files", names(&change.files));
    }
    if !change.tests.is_empty() {
        line("tests", names(&change.tests));
    }
    if change.is_reworded {
        line("changelog", "other words, the same version".to_owned());
    }
    if change
        .recipe
        .as_ref()
        .is_some_and(|recipe| recipe.is_of_parents)
    {
        line(
            "Dockerfile",
            "only versions of what it is built on".to_owned(),
        );
    }
    lines
}

fn versions(change: &ImageChange) -> String {
    match &change.fate {
        Fate::Added(version) | Fate::Removed(version) => version.to_string(),
        Fate::Kept { from, to } if from.as_str() == to.as_str() => to.to_string(),
        Fate::Kept { from, to } => format!("{from} → {to}"),
    }
}

fn names(files: &[FileChange]) -> String {
    // One more name takes no more room than that there is one more.
    let shown = if files.len() > MOST_FILES + 1 {
        MOST_FILES
    } else {
        files.len()
    };
    let mut names: Vec<String> = files[..shown]
        .iter()
        .map(|file| {
            let name = file.path.display();
            match file.kind {
                ChangeKind::Changed => name.to_string(),
                ChangeKind::Added => format!("{name} (new)"),
                ChangeKind::Removed => format!("{name} (gone)"),
                ChangeKind::Mode => format!("{name} (mode)"),
            }
        })
        .collect();
    if shown < files.len() {
        names.push(format!("and {} more", files.len() - shown));
    }
    names.join(", ")
}

/// Gives each line of a patch its tone.
fn paint(session: &Session, recipe: &RecipeChange) -> String {
    let lines = recipe.patch.split_inclusive('\n').enumerate();
    let painted = lines.map(|(index, line)| {
        let (text, end) = line
            .strip_suffix('\n')
            .map_or((line, ""), |text| (text, "\n"));
        let tone = match text.chars().next() {
            _ if index < 2 => Tone::Strong,
            Some('+') => Tone::Good,
            Some('-') => Tone::Bad,
            Some('@') => Tone::Accent,
            _ => Tone::Plain,
        };
        session.ui.paint(tone, text) + end
    });
    painted.collect()
}

/// Prints a line for each image.
pub(super) fn print_table(session: &Session, changes: &[ImageChange]) -> anyhow::Result<()> {
    let rows: Vec<Vec<Cell>> = changes
        .iter()
        .map(|change| {
            let (from, to) = ends(change);
            let lines = change.recipe.as_ref();
            let lines = lines.map(|recipe| format!("+{} -{}", recipe.added, recipe.removed));
            let (tone, note) = match change.fate {
                Fate::Added(_) => (Tone::Good, "added"),
                Fate::Removed(_) => (Tone::Bad, "removed"),
                _ if change.is_unversioned() => (Tone::Caution, "no new version"),
                _ if change.is_version_only() => (Tone::Dim, "version only"),
                _ if change.moved_from.is_some() => (Tone::Plain, "moved"),
                _ if change.is_reworded && change.files.is_empty() => {
                    (Tone::Plain, "changelog only")
                }
                Fate::Kept { .. } => (Tone::Plain, ""),
            };
            vec![
                Cell::new(Tone::Strong, change.name.as_str()),
                Cell::new(Tone::Dim, from.unwrap_or_else(|| "-".to_owned())),
                Cell::from(to.unwrap_or_else(|| "-".to_owned())),
                Cell::from(lines.unwrap_or_default()),
                Cell::from(number(change.files.len())),
                Cell::from(number(change.tests.len())),
                Cell::new(tone, note),
            ]
        })
        .collect();
    let columns = [
        Column::left("NAME"),
        Column::left("FROM"),
        Column::left("TO"),
        Column::right("RECIPE"),
        Column::right("FILES"),
        Column::right("TESTS"),
        Column::left("NOTE"),
    ];
    Ok(session.ui.table(&columns, &rows)?)
}

fn number(count: usize) -> String {
    if count == 0 {
        String::new()
    } else {
        count.to_string()
    }
}

/// Gives the version then and the version now.
fn ends(change: &ImageChange) -> (Option<String>, Option<String>) {
    match &change.fate {
        Fate::Added(version) => (None, Some(version.to_string())),
        Fate::Removed(version) => (Some(version.to_string()), None),
        Fate::Kept { from, to } => (Some(from.to_string()), Some(to.to_string())),
    }
}

/// Counts the changes.
pub(super) fn summary(past: &Past, changes: &[ImageChange]) -> String {
    let count = |is_it: fn(&ImageChange) -> bool| changes.iter().filter(|one| is_it(one)).count();
    let is_plain = |change: &ImageChange| {
        let is_marked = change.is_version_only() || change.is_unversioned();
        matches!(change.fate, Fate::Kept { .. }) && !is_marked
    };
    let parts = [
        (
            count(|change| matches!(change.fate, Fate::Added(_))),
            "added",
        ),
        (
            count(|change| matches!(change.fate, Fate::Removed(_))),
            "removed",
        ),
        (count(is_plain), "changed"),
        (
            count(ImageChange::is_version_only),
            "with a new version only",
        ),
        (
            count(ImageChange::is_unversioned),
            "changed without a new version",
        ),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let short = past.commit.get(..10).unwrap_or(&past.commit);
    if parts.is_empty() {
        format!("no image changed since {} ({short})", past.revision)
    } else {
        format!("since {} ({short}): {}", past.revision, parts.join(", "))
    }
}

/// Prints the changes as JSON.
pub(super) fn print_json(
    session: &Session,
    past: &Past,
    changes: &[ImageChange],
) -> anyhow::Result<()> {
    let files = |files: &[FileChange]| -> Vec<serde_json::Value> {
        let files = files.iter().map(|file| {
            let change = match file.kind {
                ChangeKind::Added => "added",
                ChangeKind::Removed => "removed",
                ChangeKind::Changed => "changed",
                ChangeKind::Mode => "mode",
            };
            json!({ "path": file.path, "change": change })
        });
        files.collect()
    };
    let images: Vec<_> = changes
        .iter()
        .map(|change| {
            let (from, to) = ends(change);
            let recipe = change.recipe.as_ref().map(|recipe| {
                json!({
                    "added": recipe.added,
                    "removed": recipe.removed,
                    "parents_only": recipe.is_of_parents,
                    "patch": recipe.patch,
                })
            });
            json!({
                "name": change.name,
                "change": match change.fate {
                    Fate::Added(_) => "added",
                    Fate::Removed(_) => "removed",
                    Fate::Kept { .. } => "changed",
                },
                "from": from,
                "to": to,
                "version_only": change.is_version_only(),
                "unversioned": change.is_unversioned(),
                "directory": change.directory,
                "moved_from": change.moved_from,
                "recipe": recipe,
                "files": files(&change.files),
                "tests": files(&change.tests),
                "changelog_reworded": change.is_reworded,
            })
        })
        .collect();
    let settings = if past.settings.is_some() {
        "revision"
    } else {
        "now"
    };
    let text = serde_json::to_string_pretty(&json!({
        "version": 1,
        "revision": past.revision,
        "commit": past.commit,
        "settings": settings,
        "images": images,
    }))?;
    Ok(session.ui.print(&format!("{text}\n"))?)
}
