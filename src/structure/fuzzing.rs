//! What a `structure-test.yaml` and the image that it is held against may hold.

use std::path::Path;

use super::{ImageView, parse_suite};
use crate::oci::ContainerConfig;
use crate::rootfs::{Extent, Tree};
use crate::structure::view::Files;

/// The function by its name.
pub(crate) const TARGET: crate::FuzzTarget = ("structure_tests", suite);

/// The file is read, or its errors point into it; an empty image can be held against whatever was read.
fn suite(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .count()
        + 1;
    let path = Path::new("structure-test.yaml");
    match parse_suite(path, &text) {
        Ok(suite) => {
            let (tree, config) = (Tree::default(), ContainerConfig::default());
            let fetch = |_: &Extent, _: &mut dyn std::io::Write| Ok(());
            let files = Files {
                tree: &tree,
                fetch: &fetch,
            };
            let view = ImageView::new(&config, Some(files));
            for check in suite.checks() {
                assert!(check.place().line_number().is_some());
                assert_eq!(
                    view.judge(&check).is_none(),
                    matches!(check, super::Check::Command(_))
                );
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(
                    error.place.line_number().is_none_or(|line| line <= lines),
                    "{error:?}"
                );
                assert!(!error.to_string().is_empty());
            }
        }
    }
}
