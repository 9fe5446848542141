//! Whether a text is a licence expression (SPDX 2.3, annex D).

use ::spdx::{AdditionItem, Expression, LicenseItem, ParseMode};

/// No package needs more.
const LONGEST: usize = 4096; // bytes

/// What validators take: also the older names of the list, `GPL-2.0+`.
const MODE: ParseMode = ParseMode {
    allow_deprecated: true,
    allow_postfix_plus_on_gpl: true,
    ..ParseMode::STRICT
};

/// Tells whether a text is an expression of names that the list of licences has: `MIT`,
/// `(GPL-2.0-or-later WITH GCC-exception-3.1) OR BSD-3-Clause`.
///
/// A name of the document's own, `LicenseRef-…`, would have to be explained there.
pub(super) fn is_expression(text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let Ok(expression) = Expression::parse_mode(text, MODE) else {
        return false;
    };
    expression.requirements().all(|one| {
        let is_listed = match &one.req.license {
            LicenseItem::Spdx { id, .. } => !matches!(id.name, "NOASSERTION" | "NONE"),
            LicenseItem::Other { .. } => false,
        };
        is_listed && !matches!(one.req.addition, Some(AdditionItem::Other(_)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_listed_licences_are_known() {
        for text in [
            "MIT",
            "GPL-2.0+",
            "GPL-2.0",
            "GPL-2.0-or-later AND (MIT OR BSD-3-Clause)",
            "(GPL-3.0-or-later WITH GCC-exception-3.1) OR Zlib",
            "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT",
            "((MIT))",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in [
            "",
            "()",
            "MIT BSD-3-Clause",
            "MIT AND",
            "AND MIT",
            "(MIT",
            "MIT)",
            "MIT, Zlib",
            "GPL v2",
            "GPL2",
            "custom",
            "Public-Domain",
            "(MIT OR Zlib) WITH Classpath-exception-2.0",
            "MIT WITH x",
            "MIT WITH AdditionRef-x",
            "WITH",
            "LicenseRef-own",
            "MIT/Zlib",
            "NOASSERTION",
            "NOASSERTION AND MIT",
            "NONE OR MIT",
            "\u{fc}",
        ] {
            assert!(!is_expression(text), "{text}");
        }
        assert!(!is_expression(&"(".repeat(LONGEST)));
    }
}
