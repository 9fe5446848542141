//! Which files an image has, and what they contain.

use std::collections::BTreeMap;

use super::expand::expand;
use super::mode::render_mode;
use super::pattern::judge;
use super::suite::{ContentTest, Execution, ExistenceTest};
use super::view::Files;
use crate::rootfs::Node;

/// Gives what is wrong with a path. A link is looked at itself; those on the way to it are followed.
pub(super) fn judge_existence(
    test: &ExistenceTest,
    files: &Files<'_>,
    environment: &BTreeMap<String, String>,
) -> Vec<String> {
    let path = expand(&test.path, environment);
    if path.contains('$') && path == test.path && !test.is_expected {
        // Whatever is meant, it was not looked for.
        return vec![format!(
            "{path} names a variable that the image does not have"
        )];
    }
    let node = match files.find(&path) {
        Ok(node) => node,
        Err(_) if !test.is_expected && files.is_endless(&path) => return Vec::new(),
        Err(error) => return vec![error],
    };
    match (node, test.is_expected) {
        (Some(node), true) => judge_node(test, (&path, files), node),
        (None, false) => Vec::new(),
        (None, true) => vec![format!("{path} is not there")],
        (Some(_), false) => vec![format!("{path} is there")],
    }
}

fn judge_node(test: &ExistenceTest, (path, files): (&str, &Files<'_>), node: &Node) -> Vec<String> {
    let mut wrong = Vec::new();
    let attributes = &node.attributes;
    let mode = render_mode(node);
    if let Some(expected) = test.permissions.as_ref().filter(|text| **text != mode) {
        wrong.push(format!("{path} has the mode {mode}, and not {expected}"));
    }
    if let Some(expected) = test.uid.filter(|uid| *uid != attributes.uid) {
        let uid = attributes.uid;
        wrong.push(format!(
            "{path} belongs to the user {uid}, and not to {expected}"
        ));
    }
    if let Some(expected) = test.gid.filter(|gid| *gid != attributes.gid) {
        let gid = attributes.gid;
        wrong.push(format!(
            "{path} belongs to the group {gid}, and not to {expected}"
        ));
    }
    if let Some(by) = test.executable_by {
        let (bits, whom) = match by {
            Execution::Owner => (0o100, "its owner"),
            Execution::Group => (0o010, "its group"),
            Execution::Other => (0o001, "others"),
            Execution::Any => (0o111, "anybody"),
        };
        // A link is as good as what it leads to.
        match files.find_target(path) {
            None => wrong.push(format!("{path} cannot be executed: it leads nowhere")),
            Some(target) if target.attributes.mode & bits == 0 => {
                let mode = render_mode(target);
                wrong.push(format!(
                    "{path} cannot be executed by {whom}: it has the mode {mode}"
                ));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// Gives what is wrong with a file's content, as a text of all its lines.
pub(super) fn judge_content(test: &ContentTest, files: &Files<'_>) -> Vec<String> {
    match files.read(&test.path) {
        Ok(text) => judge(&test.path, &text, (&test.expected, &test.excluded)),
        Err(error) => vec![error],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{config, file, judge, link, tree};
    use super::super::view::parse;
    use crate::oci::ContainerConfig;
    use crate::rootfs::{Kind, Tree};

    fn example() -> Tree {
        let (major, minor) = (1, 3);
        tree(&[
            ("usr/bin/app", file("#!/bin/sh\n"), (0, 0, 0o755)),
            ("usr/bin/sudo", file(""), (0, 42, 0o4750)),
            ("bin", link("usr/bin"), (0, 0, 0o777)),
            ("etc/conf", file("a = 1\nb = 2\n"), (7, 8, 0o640)),
            ("etc/link", link("/../../etc/conf"), (1, 2, 0o777)),
            ("etc/outside", link("/no/such/file"), (0, 0, 0o777)),
            ("etc/a", link("b"), (0, 0, 0o777)),
            ("etc/b", link("a"), (0, 0, 0o777)),
            (
                "etc/binary",
                Kind::File(crate::rootfs::Content::Held(
                    [0xff, b'x', 0].as_slice().into(),
                )),
                (0, 0, 0o644),
            ),
            ("tmp", Kind::Directory, (0, 0, 0o1777)),
            (
                "dev/null",
                Kind::CharacterDevice { major, minor },
                (0, 0, 0o666),
            ),
        ])
    }

    #[track_caller]
    fn existence(test: &str, expected: &[&str]) {
        let config = ContainerConfig {
            env: Some(vec!["HOME=/etc".to_owned()]),
            ..config()
        };
        let text = format!("fileExistenceTests:\n- {{name: a, {test}}}");
        assert_eq!(judge(&text, &example(), &config), expected, "{test}");
    }

    #[test]
    fn a_path_is_there_or_not() {
        existence("path: /etc/conf", &[]);
        existence("path: etc/conf", &[]);
        existence("path: /usr/../etc/./conf/", &[]);
        existence("path: /../../etc/conf", &[]);
        existence("path: /", &[]);
        existence("path: /etc/no", &["/etc/no is not there"]);
        existence("path: /etc/no, shouldExist: false", &[]);
        existence(
            "path: /etc/conf, shouldExist: false",
            &["/etc/conf is there"],
        );
        existence("path: /etc/conf/no", &["/etc/conf/no is not there"]);
    }

    #[test]
    fn variables_of_the_image_are_put_into_the_path() {
        existence("path: $HOME/conf", &[]);
        existence("path: '${HOME}/no'", &["/etc/no is not there"]);
        existence("path: $NO/conf", &["$NO/conf is not there"]);
        existence(
            "path: $NO/conf, shouldExist: false",
            &["$NO/conf names a variable that the image does not have"],
        );
    }

    #[test]
    fn links_are_followed_on_the_way_and_not_at_the_end() {
        existence("path: /bin/app, permissions: '-rwxr-xr-x'", &[]);
        existence("path: /bin, permissions: Lrwxrwxrwx", &[]);
        existence(
            "path: /etc/link, permissions: Lrwxrwxrwx, uid: 1, gid: 2",
            &[],
        );
        existence("path: /etc/outside", &[]);
        existence("path: /etc/a", &[]);
        existence(
            "path: /etc/a/x",
            &["/etc/a/x is one of symbolic links without an end"],
        );
        existence("path: /etc/a/x, shouldExist: false", &[]);
    }

    #[test]
    fn modes_owners_and_rights_of_execution_are_the_images() {
        existence(
            "path: /etc/conf, permissions: '-rw-r-----', uid: 7, gid: 8",
            &[],
        );
        existence(
            "path: /usr/bin/sudo, permissions: urwxr-x---, gid: 42, isExecutableBy: group",
            &[],
        );
        existence(
            "path: /tmp, permissions: dtrwxrwxrwx, isExecutableBy: other",
            &[],
        );
        existence("path: /dev/null, permissions: Dcrw-rw-rw-", &[]);
        existence("path: /usr/bin/sudo, isExecutableBy: any", &[]);
        existence("path: /bin/../bin/app, isExecutableBy: any", &[]);
        existence(
            "path: /etc/link, isExecutableBy: any",
            &["/etc/link cannot be executed by anybody: it has the mode -rw-r-----"],
        );
        existence(
            "path: /etc/outside, isExecutableBy: any",
            &["/etc/outside cannot be executed: it leads nowhere"],
        );
        existence(
            "path: /etc/conf, permissions: '-rw-r--r--', uid: 0, gid: 0, isExecutableBy: owner",
            &[
                "/etc/conf has the mode -rw-r-----, and not -rw-r--r--",
                "/etc/conf belongs to the user 7, and not to 0",
                "/etc/conf belongs to the group 8, and not to 0",
                "/etc/conf cannot be executed by its owner: it has the mode -rw-r-----",
            ],
        );
        existence(
            "path: /usr/bin/sudo, isExecutableBy: other",
            &["/usr/bin/sudo cannot be executed by others: it has the mode urwxr-x---"],
        );
        existence(
            "path: /etc/conf, isExecutableBy: any",
            &["/etc/conf cannot be executed by anybody: it has the mode -rw-r-----"],
        );
        existence(
            "path: /etc/conf, isExecutableBy: group",
            &["/etc/conf cannot be executed by its group: it has the mode -rw-r-----"],
        );
    }

    #[track_caller]
    fn content(test: &str, expected: &[&str]) {
        let text = format!("fileContentTests:\n- {{name: a, {test}}}");
        assert_eq!(judge(&text, &example(), &config()), expected, "{test}");
    }

    #[test]
    fn a_content_is_matched_as_a_whole() {
        content(
            r"path: /etc/conf, expectedContents: ['a = \d+', 'b.*2\n$', '1\nb'], excludedContents: ['c', '^b']",
            &[],
        );
        content(
            "path: /etc/conf, expectedContents: ['^b', 'a'], excludedContents: ['(?m)^b', 'c']",
            &[
                "/etc/conf does not match `^b`",
                "/etc/conf matches `(?m)^b`, which it may not",
            ],
        );
        content(
            "path: /etc/binary, expectedContents: ['^.x', 'x\\x00$']",
            &[],
        );
    }

    #[test]
    fn contents_are_found_through_links_inside_of_the_image() {
        content("path: /etc/link, expectedContents: ['^a']", &[]);
        content("path: /bin/app, expectedContents: ['^#!/bin/sh']", &[]);
        content(
            "path: /etc/outside",
            &["/etc/outside → /no/such/file is not there"],
        );
        content(
            "path: /etc/a",
            &["/etc/a is one of symbolic links without an end"],
        );
        content("path: /tmp", &["/tmp is a directory"]);
        content("path: /dev/null", &["/dev/null is no file"]);
        content("path: /no", &["/no is not there"]);
    }

    proptest! {
        /// Whatever a path is, it stays in the image, and means the same when it is written the plain way.
        #[test]
        fn no_path_leaves_the_image(names in proptest::collection::vec("[a-c]|\\.|\\.\\.|", 0..12)) {
            let path = parse(&names.join("/")).unwrap();
            prop_assert!(path.names().all(|name| name.is_ascii() && name[0].is_ascii_lowercase()));
            prop_assert_eq!(parse(&path.to_string()).unwrap(), path);
        }
    }
}
