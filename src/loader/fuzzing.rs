//! `ld.so.conf` of anybody's.

use super::{Directive, Pattern, compare_names, is_file_name, is_name, parse_conf};

/// The function by name.
pub(crate) const TARGET: crate::FuzzTarget = ("loader_conf", conf);

/// Directories are told from the root, everything stands in the text, and names have one order.
fn conf(bytes: &[u8]) {
    for directive in parse_conf(bytes) {
        let (Directive::Directory(text) | Directive::Include(text)) = &directive;
        assert!(!text.is_empty() && !text.contains(&b'\n'));
        assert!(bytes.windows(text.len()).any(|part| part == text));
        if let Directive::Directory(path) = &directive {
            assert_eq!(path[0], b'/');
            assert!(!path.ends_with(b"/"));
        }
    }
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').take(6).collect();
    for one in &lines {
        assert!(!is_name(one) || is_file_name(one));
        assert!(!is_file_name(one) || !one.contains(&b'/'));
        let patterns = Pattern::parse_path(one).unwrap_or_default();
        for other in &lines {
            for pattern in &patterns {
                // Without wildcards it is of one name.
                let is_other = pattern.name().is_some_and(|name| name != *other);
                assert!(!is_other || !pattern.is_match(other));
            }
            assert_eq!(
                compare_names(one, other),
                compare_names(other, one).reverse()
            );
        }
    }
}
