//! Comments that allow a rule to be broken in the files of one image.
//!
//! ```text
//! {# audit: allow user-root it binds port 53 #}
//! # audit: allow user-root
//! ```

use std::collections::BTreeSet;

const MARK: &str = "audit: allow ";

/// Finds the ids that the comments of a text allow.
#[must_use]
pub fn find_allowed(text: &str) -> BTreeSet<String> {
    let comments = text.lines().filter_map(|line| {
        let at = line.find(MARK)?;
        let before = line[..at].trim_end();
        (before.ends_with('#')).then(|| &line[at + MARK.len()..])
    });
    let ids = comments.filter_map(|rest| rest.split_whitespace().next());
    ids.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comments_allow() {
        let text =
            "FROM a {# audit: allow a because #}\n# audit: allow b\nRUN echo audit: allow c\n";
        let ids: Vec<String> = find_allowed(text).into_iter().collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
