//! The mode of a file as Go writes it (`io/fs`, `FileMode.String`): the letters of its kind, or a dash, and nine for who may
//! read, write and execute it.
//!
//! ```text
//! -rw-r--r--   drwxr-xr-x   dtrwxrwxrwx   Lrwxrwxrwx   urwxr-xr-x   Dcrw-rw-rw-
//! ```

use crate::rootfs::{Kind, Node};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// Writes the mode of a node.
pub(super) fn render_mode(node: &Node) -> String {
    let mode = node.attributes.mode;
    let mut text = String::with_capacity(12);
    text.push_str(match node.kind {
        Kind::Directory => "d",
        Kind::Link(_) => "L",
        Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } => "D",
        Kind::Pipe => "p",
        Kind::File(_) => "",
    });
    // In the order of Go's bits: `u`, `g`, then `c` of a device, then `t`.
    let is_character = matches!(node.kind, Kind::CharacterDevice { .. });
    let letters = [
        (mode & SETUID != 0, 'u'),
        (mode & SETGID != 0, 'g'),
        (is_character, 'c'),
        (mode & STICKY != 0, 't'),
    ];
    text.extend(letters.iter().filter(|(is_set, _)| *is_set).map(|(_, c)| c));
    if text.is_empty() {
        text.push('-');
    }
    let letters = "rwxrwxrwx".chars().zip((0..9).rev());
    text.extend(letters.map(|(c, bit)| if mode >> bit & 1 == 1 { c } else { '-' }));
    text
}

/// Tells whether a text can be the mode of any file.
pub(super) fn is_mode(text: &str) -> bool {
    let Some(split) = text
        .len()
        .checked_sub(9)
        .filter(|at| text.is_char_boundary(*at))
    else {
        return false;
    };
    let (kind, rights) = text.split_at(split);
    let mut fitting = rights.chars().zip("rwxrwxrwx".chars());
    let has_rights = fitting.all(|(c, letter)| c == letter || c == '-');
    let mut order = "dalTLDpSugct?".chars();
    let has_kind =
        kind == "-" || !kind.is_empty() && kind.chars().all(|c| order.any(|one| one == c));
    has_rights && has_kind
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rootfs::{Attributes, Content};

    fn node(kind: Kind, mode: u32) -> Node {
        let attributes = Attributes {
            mode,
            ..Attributes::default()
        };
        Node { kind, attributes }
    }

    fn file() -> Kind {
        Kind::File(Content::Held([].into()))
    }

    #[track_caller]
    fn case(kind: Kind, mode: u32, expected: &str) {
        assert_eq!(render_mode(&node(kind, mode)), expected);
        assert!(is_mode(expected), "{expected}");
    }

    #[test]
    fn modes_are_written_as_go_writes_them() {
        let (major, minor) = (1, 3);
        case(file(), 0o644, "-rw-r--r--");
        case(file(), 0, "----------");
        case(file(), 0o4755, "urwxr-xr-x");
        case(file(), 0o2755, "grwxr-xr-x");
        case(file(), 0o6755, "ugrwxr-xr-x");
        case(file(), 0o1644, "trw-r--r--");
        case(Kind::Directory, 0o755, "drwxr-xr-x");
        case(Kind::Directory, 0o1777, "dtrwxrwxrwx");
        case(Kind::Directory, 0o2755, "dgrwxr-xr-x");
        case(Kind::Link(b"a".to_vec()), 0o777, "Lrwxrwxrwx");
        case(Kind::CharacterDevice { major, minor }, 0o666, "Dcrw-rw-rw-");
        case(Kind::BlockDevice { major, minor }, 0o660, "Drw-rw----");
        case(Kind::Pipe, 0o600, "prw-------");
    }

    #[test]
    fn what_go_never_writes_is_no_mode() {
        for text in [
            "",
            "0644",
            "rw-r--r--",
            "lrwxrwxrwx ",
            "-rw-r--r-x-",
            "-wr-r--r--",
            "-drwxr-xr-x",
            "tdrwxrwxrwx",
            "ddrwxr-xr-x",
            "-rwsr-xr-x",
            "-rw-r--r-ä",
            "ärw-r--r--",
        ] {
            assert!(!is_mode(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_mode_that_is_written_is_one(mode in 0_u32..0o10000, kind in 0_usize..4) {
            let kinds = [file(), Kind::Directory, Kind::Pipe, Kind::Link(Vec::new())];
            let text = render_mode(&node(kinds[kind].clone(), mode));
            prop_assert!(is_mode(&text), "{text}");
        }
    }
}
