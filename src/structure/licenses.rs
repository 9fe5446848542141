//! What packages and files are licensed under: names of licences that images are not to be given on under.

use super::suite::LicenseTest;
use super::view::{Files, parse};

/// Names that may not stand in a licence.
const REFUSED: [&str; 2] = ["AGPL", "WTFPL"];
/// Where Debian packages keep theirs (Debian Policy, 12.5).
const DEBIAN: &str = "/usr/share/doc";

/// Gives what is wrong with licences. A package whose copyright lies elsewhere, or was left out, is passed over.
pub(super) fn judge_licenses(test: &LicenseTest, files: &Files<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    if test.debian {
        match debian_files(files) {
            Ok(found) => wrong.extend(found.iter().flat_map(|file| judge_file(file, files))),
            Err(error) => wrong.push(error),
        }
    }
    let named = test.files.iter().flat_map(|file| judge_file(file, files));
    wrong.extend(named);
    wrong
}

fn judge_file(file: &str, files: &Files<'_>) -> Vec<String> {
    let text = match files.read(file) {
        Ok(text) => text,
        Err(error) => return vec![error],
    };
    let found = REFUSED.iter().filter(|name| text.contains(**name));
    found.map(|name| format!("{file} names {name}")).collect()
}

/// Finds `/usr/share/doc/*/copyright`.
fn debian_files(files: &Files<'_>) -> Result<Vec<String>, String> {
    let top = files.tree.resolve(&parse(DEBIAN)?);
    let top = top.map_err(|error| error.to_string())?;
    if !files
        .tree
        .find(&top)
        .is_some_and(crate::rootfs::Node::is_directory)
    {
        return Err(format!(
            "{DEBIAN} is not there, where Debian packages keep their licences"
        ));
    }
    let mut found = Vec::new();
    for (directory, _) in files.tree.children(&top) {
        let path = directory.join(b"copyright");
        let is_there = files
            .tree
            .resolve(&path)
            .is_ok_and(|path| files.tree.find(&path).is_some());
        // A name that is no text cannot be read by it.
        let name = directory
            .names()
            .last()
            .and_then(|name| std::str::from_utf8(name).ok());
        found.extend(
            name.filter(|_| is_there)
                .map(|name| format!("{DEBIAN}/{name}/copyright")),
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{config, file, judge, link, tree};
    use crate::rootfs::{Kind, Tree};

    fn example() -> Tree {
        let plain = (0, 0, 0o644);
        tree(&[
            (
                "usr/share/doc/fine/copyright",
                file("License: GPL-2+"),
                plain,
            ),
            (
                "usr/share/doc/bad/copyright",
                file("License: AGPL-3.0"),
                plain,
            ),
            ("usr/share/doc/same", link("bad"), plain),
            (
                "usr/share/doc/worse/copyright",
                file("AGPL or WTFPL"),
                plain,
            ),
            ("usr/share/doc/none/README", file("AGPL"), plain),
            ("usr/share/doc/nowhere/copyright", link("../gone"), plain),
            ("LICENSE", file("do what you want: WTFPL"), plain),
        ])
    }

    #[track_caller]
    fn case(tree: &Tree, test: &str, expected: &[&str]) {
        let text = format!("licenseTests:\n- {{{test}}}");
        assert_eq!(judge(&text, tree, &config()), expected, "{test}");
    }

    #[test]
    fn licences_that_are_refused_are_found() {
        case(&example(), "files: [/usr/share/doc/fine/copyright]", &[]);
        case(
            &example(),
            "files: [/LICENSE, /no]",
            &["/LICENSE names WTFPL", "/no is not there"],
        );
        case(
            &example(),
            "debian: true",
            &[
                "/usr/share/doc/bad/copyright names AGPL",
                "/usr/share/doc/same/copyright names AGPL",
                "/usr/share/doc/worse/copyright names AGPL",
                "/usr/share/doc/worse/copyright names WTFPL",
            ],
        );
    }

    #[test]
    fn an_image_without_licences_does_not_pass() {
        let tree = tree(&[("usr/share", Kind::Directory, (0, 0, 0o755))]);
        let told = "/usr/share/doc is not there, where Debian packages keep their licences";
        case(&tree, "debian: true", &[told]);
    }
}
