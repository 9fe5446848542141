//! Why an entry was written, without the form in which it stands in a changelog.
//!
//! ```text
//!   * Add the module that                 Add the module that the gateway needs.
//!     the gateway needs.            →     Drop the old one.
//!   * Drop the old one.
//! ```

/// The first line of what is written for an image that is built on another one.
const REFRESH: &str = "Refresh for update in parent image ";

/// Why an entry was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The changes, each without its bullet and on one line.
    pub changes: Vec<String>,
    /// The image whose update is the reason, for an image that is built on it; its changes are then `changes`.
    pub parent: Option<String>,
}

/// Reads the lines between header and trailer.
#[must_use]
pub fn parse_reason(body: &[String]) -> Reason {
    let mut lines = body.iter().map(|line| line.trim()).peekable();
    let parent = lines.peek().and_then(|line| {
        let name = without_bullet(line).strip_prefix(REFRESH)?;
        Some(name.strip_suffix(':')?.trim().to_owned())
    });
    if parent.is_some() {
        lines.next();
    }
    let mut changes: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let text = without_bullet(line);
        match changes.last_mut() {
            // A line without a bullet goes on with what stands above it.
            Some(last) if goes_on && text.len() == line.len() && !line.is_empty() => {
                last.push(' ');
                last.push_str(text);
            }
            _ if !text.is_empty() => changes.push(text.to_owned()),
            _ => (),
        }
        // `[ Ann ]` tells whose changes follow.
        let is_heading = line.starts_with('[') && line.ends_with(']');
        goes_on = !line.is_empty() && !is_heading;
    }
    Reason { changes, parent }
}

fn without_bullet(line: &str) -> &str {
    let rest = line.strip_prefix(['*', '-', '+']);
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(body: &str, parent: Option<&str>, changes: &[&str]) {
        let body: Vec<String> = body.lines().map(str::to_owned).collect();
        let expected = Reason {
            changes: changes.iter().map(|&change| change.to_owned()).collect(),
            parent: parent.map(str::to_owned),
        };
        assert_eq!(parse_reason(&body), expected);
    }

    #[test]
    fn changes_are_read_without_bullets_and_line_ends() {
        case("  * Weekly rebuild.", None, &["Weekly rebuild."]);
        case("   Security update", None, &["Security update"]);
        case("  * one\n    more\n  * two", None, &["one more", "two"]);
        case(
            "  * one\n\n    two\n  - three",
            None,
            &["one", "two", "three"],
        );
        case(
            "  [ Ann ]\n  * x\n\n  [ Ben ]\n  y",
            None,
            &["[ Ann ]", "x", "[ Ben ]", "y"],
        );
        case("  *bold* move\n  --flag", None, &["*bold* move --flag"]);
        case("  *\n  * x", None, &["x"]);
        case("", None, &[]);
    }

    #[test]
    fn what_an_update_of_a_parent_brought_about_names_it() {
        let text = "   Refresh for update in parent image tools:\n   New upstream\n\n   * x";
        case(text, Some("tools"), &["New upstream", "x"]);
        let text = "  * Refresh for update in parent image a.b-c:\n    y";
        case(text, Some("a.b-c"), &["y"]);
        case(
            "   Refresh for update in parent image",
            None,
            &["Refresh for update in parent image"],
        );
    }
}
