//! Who writes: name and mail address for new changelog entries.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Environment, Git};
use crate::debian::Author;

/// A name is not worth a long wait.
const DEADLINE: Duration = Duration::from_secs(10);

/// Finds the author: `DEBFULLNAME` and `DEBEMAIL` (devscripts' debchange(1), which takes `DEBEMAIL` as `Name <mail>` too), else
/// git's `user.name` and `user.email` in this directory, else the fallback; name and address each by itself.
///
/// What cannot stand in the last line of an entry is left out of both; what is empty then counts as not set.
pub async fn find_author(environment: &Environment, directory: &Path, fallback: Author) -> Author {
    let email = environment.find("DEBEMAIL").unwrap_or_default();
    let (name_of_email, email) = match email.split_once('<') {
        Some((name, rest)) => (clean(name), clean(rest)),
        None => (None, clean(&email)),
    };
    let name = environment.find("DEBFULLNAME");
    let name = match name.as_deref().and_then(clean).or(name_of_email) {
        Some(name) => Some(name),
        None => find_git_setting(environment, directory, "user.name").await,
    };
    let email = match email {
        Some(email) => Some(email),
        None => find_git_setting(environment, directory, "user.email").await,
    };
    Author {
        name: name.unwrap_or(fallback.name),
        email: email.unwrap_or(fallback.email),
    }
}

pub(super) fn clean(text: &str) -> Option<String> {
    let clean = text.replace(|c: char| matches!(c, '<' | '>') || c.is_control(), "");
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// A machine without git, and a git without the setting, have none.
async fn find_git_setting(
    environment: &Environment,
    directory: &Path,
    name: &str,
) -> Option<String> {
    let git = Git::new(environment, directory, &CancellationToken::new());
    let value = tokio::time::timeout(DEADLINE, git.ask(["config", "--get", name])).await;
    clean(&String::from_utf8_lossy(&value.ok()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(name: &str, email: &str) -> Author {
        Author {
            name: name.to_owned(),
            email: email.to_owned(),
        }
    }

    #[tokio::test]
    async fn variables_come_before_git_and_git_before_the_fallback() {
        let home = tempfile::tempdir().unwrap();
        let settings = home.path().join("gitconfig");
        let path = settings.to_str().unwrap();
        let search = Environment::of_process().find("PATH").unwrap_or_default();
        let find = async |variables: [(&str, &str); 2]| {
            let [one, other] = variables;
            let environment = Environment::from([
                ("PATH", search.as_str()),
                ("GIT_CONFIG_GLOBAL", path),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                one,
                other,
            ]);
            find_author(&environment, home.path(), author("Fallback", "f@x")).await
        };
        let nothing = [("DEBFULLNAME", ""), ("DEBEMAIL", "")];
        assert_eq!(find(nothing).await, author("Fallback", "f@x"));
        let text = "[user]\nname = Git Name\nemail = git@x\n";
        crate::host::fs::write_atomically(&settings, text.as_bytes()).unwrap();
        for (name, email, expected) in [
            ("", "", author("Git Name", "git@x")),
            ("Deb Name", "", author("Deb Name", "git@x")),
            ("", "deb@x", author("Git Name", "deb@x")),
            ("Deb Name", "deb@x", author("Deb Name", "deb@x")),
            ("", "Ann E <ann@x>", author("Ann E", "ann@x")),
            ("Deb Name", "Ann E <ann@x>", author("Deb Name", "ann@x")),
            (" ", "<", author("Git Name", "git@x")),
            ("A\nb <c>", "q>", author("Ab c", "q")),
        ] {
            assert_eq!(
                find([("DEBFULLNAME", name), ("DEBEMAIL", email)]).await,
                expected
            );
        }
    }
}
