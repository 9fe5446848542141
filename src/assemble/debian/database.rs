//! The packages of an image as dpkg knows them, and as scanners read them.
//!
//! `status` is dpkg's own database (dpkg(1), "Files"). `status.d` has a file for each package, as images without dpkg have
//! them and scanners of images read.

use super::super::filling::{FillError, Filling};
use crate::debian::Deb;

const DPKG: &str = "/var/lib/dpkg";

/// Writes what dpkg would know; `packages` are sorted by name, each with the paths of its files.
pub(super) fn write_database(
    filling: &mut Filling,
    packages: &[(&Deb, Vec<String>)],
) -> Result<(), FillError> {
    let mut status = String::new();
    for (deb, files) in packages {
        let control = &deb.control;
        let name = control.name();
        let text = control.text().trim_end();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        // dpkg has the state behind the name.
        for part in [
            first,
            "
Status: install ok installed
",
            rest,
            "

",
        ] {
            status.push_str(part);
        }
        filling.file(
            &format!("{DPKG}/status.d/{name}"),
            format!("{text}\n").as_bytes(),
            0o644,
        )?;
        // Packages of which several architectures can be there have theirs in the name.
        let is_same = control.find("Multi-Arch") == Some("same");
        let stem = if is_same {
            format!("{DPKG}/info/{name}:{}", control.architecture())
        } else {
            format!("{DPKG}/info/{name}")
        };
        let mut list = String::from("/.\n");
        for file in files {
            list.push_str(file);
            list.push('\n');
        }
        filling.file(&format!("{stem}.list"), list.as_bytes(), 0o644)?;
        if let Some(sums) = control.find_member("md5sums") {
            filling.file(&format!("{stem}.md5sums"), sums, 0o644)?;
            filling.file(&format!("{DPKG}/status.d/{name}.md5sums"), sums, 0o644)?;
        }
    }
    filling.file(&format!("{DPKG}/status"), status.as_bytes(), 0o644)?;
    // With this format the names of files tell the architecture where several can be there.
    filling.file(&format!("{DPKG}/info/format"), b"1\n", 0o644)?;
    filling.file(&format!("{DPKG}/available"), b"", 0o644)?;
    filling.directory(&format!("{DPKG}/updates"), 0o755)?;
    filling.directory(&format!("{DPKG}/triggers"), 0o755)
}
