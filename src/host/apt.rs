//! The machine's own apt sources: where a mirror is found when the settings name none.

use std::path::Path;

use super::fs;
use crate::debian::{
    Mirrors, find_mirrors, parse_deb822_sources, parse_debian_codename, parse_one_line_sources,
};

/// Finds the mirrors for a Debian release in `/etc/apt`; a machine without apt has none.
#[must_use]
pub fn find_machine_mirrors(release: &str) -> Option<Mirrors> {
    let etc = Path::new("/etc");
    let mut paths = vec![etc.join("apt/sources.list")];
    if let Ok(directory) = std::fs::read_dir(etc.join("apt/sources.list.d")) {
        let mut more: Vec<_> = directory
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        more.sort();
        paths.extend(more);
    }
    let mut sources = Vec::new();
    for path in paths {
        // A file that cannot be read gives no mirror; without any the user is told to set one.
        let Ok(Some(text)) = fs::find_text(&path) else {
            continue;
        };
        if path
            .extension()
            .is_some_and(|extension| extension == "sources")
        {
            sources.extend(parse_deb822_sources(&text));
        } else {
            sources.extend(parse_one_line_sources(&text));
        }
    }
    let os_release = fs::find_text(&etc.join("os-release"))
        .ok()
        .flatten()
        .unwrap_or_default();
    find_mirrors(
        &sources,
        release,
        parse_debian_codename(&os_release).as_deref(),
    )
}
