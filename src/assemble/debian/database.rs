//! The packages of an image as dpkg knows them, and as scanners read them.
//!
//! `status` is dpkg's own database (dpkg(1), "Files"). `status.d` has a file for each package, as images without dpkg have
//! them and scanners of images read.

use super::super::filling::{FillError, Filling, parse};
use crate::debian::Deb;
use crate::rootfs::RootPath;

const DPKG: &str = "/var/lib/dpkg";

/// Writes what dpkg would know; `packages` are sorted by name, each with the paths of its files.
///
/// Gives the files that are about one package alone, with its place.
pub(super) fn write_database(
    filling: &mut Filling,
    packages: &[(&Deb, Vec<RootPath>)],
) -> Result<Vec<(RootPath, usize)>, FillError> {
    let mut status = String::new();
    let mut owned = Vec::new();
    for (index, (deb, files)) in packages.iter().enumerate() {
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
        let mut file = |path: &str, bytes: &[u8]| {
            filling.file(path, bytes, 0o644)?;
            owned.push((filling.tree.resolve(&parse(path)?)?, index));
            Ok::<_, FillError>(())
        };
        file(
            &format!("{DPKG}/status.d/{name}"),
            format!("{text}\n").as_bytes(),
        )?;
        // Packages of which several architectures can be there have theirs in the name.
        let is_same = control.find("Multi-Arch") == Some("same");
        let stem = if is_same {
            format!("{DPKG}/info/{name}:{}", control.architecture())
        } else {
            format!("{DPKG}/info/{name}")
        };
        file(&format!("{stem}.list"), &render_list(files))?;
        if let Some(sums) = control.find_member("md5sums") {
            file(&format!("{stem}.md5sums"), sums)?;
            file(&format!("{DPKG}/status.d/{name}.md5sums"), sums)?;
        }
    }
    filling.file(&format!("{DPKG}/status"), status.as_bytes(), 0o644)?;
    // With this format the names of files tell the architecture where several can be there.
    filling.file(&format!("{DPKG}/info/format"), b"1\n", 0o644)?;
    filling.file(&format!("{DPKG}/available"), b"", 0o644)?;
    filling.directory(&format!("{DPKG}/updates"), 0o755)?;
    filling.directory(&format!("{DPKG}/triggers"), 0o755)?;
    Ok(owned)
}

/// Renders the list of a package's files: their names to the byte, none of which has a line feed.
fn render_list(files: &[RootPath]) -> Vec<u8> {
    let lines = files
        .iter()
        .map(|path| [b"/", path.as_bytes(), b"\n"].concat());
    std::iter::once(b"/.\n".to_vec())
        .chain(lines)
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_text_are_listed_to_the_byte() {
        let paths =
            [&b"usr"[..], b"usr/\xe9t\xe9"].map(|path| RootPath::parse(path).expect("a path"));
        assert_eq!(render_list(&paths), b"/.\n/usr\n/usr/\xe9t\xe9\n");
    }
}
