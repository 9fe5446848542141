//! Who logs in at the settings' registry: the command line goes before the environment, and that before the files.

use super::error::SettingsError;
use super::reader::Reader;
use super::secret::Secret;
use crate::address::has_credentials;
use crate::place::Place;

/// Who logs in at the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name of the account.
    pub username: String,
    /// Its password or token.
    pub password: Secret,
    /// The host that they are for, where that is not the settings' registry.
    pub host: Option<String>,
}

/// Where a name or password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whence {
    /// `--username` or `--password-stdin`.
    Option,
    /// `PKG_USERNAME` or `PKG_PASSWORD`.
    Variable,
    /// A file, and the place there.
    File(Place),
}

/// What one source says: both, one of them, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: Option<(String, Whence)>,
    /// The password.
    pub password: Option<(Secret, Whence)>,
}

/// Only one half of the credentials is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is set, and no {}", half(missing, there), if *missing == "password" { "password" } else { "name of an account" })]
pub struct HalfCredentials {
    /// `username` or `password`.
    pub missing: &'static str,
    /// Where the other one comes from.
    pub there: Whence,
}

impl HalfCredentials {
    /// Gives the place in a file, where the one half stands in one.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match &self.there {
            Whence::File(place) => Some(place),
            Whence::Option | Whence::Variable => None,
        }
    }
}

fn half(missing: &str, there: &Whence) -> &'static str {
    match (missing, there) {
        ("password", Whence::Option) => "`--username`",
        ("password", Whence::Variable) => "`PKG_USERNAME`",
        ("password", Whence::File(_)) => "`username`",
        (_, Whence::Option) => "`--password-stdin`",
        (_, Whence::Variable) => "`PKG_PASSWORD`",
        (_, Whence::File(_)) => "`password`",
    }
}

/// Chooses from sources of which each goes before the next: the password of the first that has one, with the name of the
/// same source or, where it has none, of the next that has one. A name is never joined with the password of a later
/// source, which is another account's.
pub fn choose_credentials(sources: &[&Login]) -> Result<Option<Credentials>, HalfCredentials> {
    for (i, source) in sources.iter().enumerate() {
        match (&source.username, &source.password) {
            (Some((_, there)), None) => {
                return Err(HalfCredentials {
                    missing: "password",
                    there: there.clone(),
                });
            }
            (_, Some((password, there))) => {
                let mut names = sources[i..]
                    .iter()
                    .filter_map(|later| later.username.as_ref());
                let (username, _) = names.next().ok_or_else(|| HalfCredentials {
                    missing: "username",
                    there: there.clone(),
                })?;
                return Ok(Some(Credentials {
                    username: username.clone(),
                    password: password.clone(),
                    host: None,
                }));
            }
            (None, None) => {}
        }
    }
    Ok(None)
}

/// Reads `username` and `password`.
pub(super) fn read_login(reader: &mut Reader<'_>) -> Login {
    let username = reader.filled_text("username");
    let password = reader.filled_text("password");
    let place = |reader: &Reader<'_>, key| {
        reader
            .find(key)
            .map(|entry| Whence::File(entry.name_place()))
    };
    Login {
        username: username.zip(place(reader, "username")),
        password: password.map(Secret::new).zip(place(reader, "password")),
    }
}

/// Refuses names with a login in them: a name is in the logs, and in the images that are built on it.
pub(super) fn refuse_logins(reader: &mut Reader<'_>) {
    const REGISTRY: &str = "without a login in it: `username` and `password` say who logs in";
    const BASE: &str =
        "names without a login in them; `docker login` keeps the logins for other registries";
    const PROXY: &str = "an address without a login, since the apt filters write it into images: set it to `false`, and \
                         apt takes `http_proxy` from the environment of the build";
    let mut errors = Vec::new();
    let mut refuse = |place, key, expected| {
        errors.push(SettingsError::Value {
            place,
            key,
            expected,
        });
    };
    for (key, expected) in [("registry", REGISTRY), ("apt_only_proxy", PROXY)] {
        if let Some(entry) = reader.find(key)
            && has_credentials(&entry.node.to_value().print())
        {
            refuse(entry.place(), key, expected);
        }
    }
    if let Some(entry) = reader.find("base_images")
        && let super::file::Content::List(items) = &entry.node.content
    {
        for item in items {
            let text = item.to_value().print();
            // In `name@sha256:…` nothing but a digest follows.
            if text
                .split_once('@')
                .is_some_and(|(_, rest)| rest.contains('/'))
            {
                refuse(entry.place_of(item.mark), "base_images", BASE);
            }
        }
    }
    for error in errors {
        if let SettingsError::Value { key, .. } = error {
            // What is read of it would be told with its text.
            reader.entries.remove(key);
        }
        reader.errors.push(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: Option<&str>, password: Option<&str>, whence: &Whence) -> Login {
        Login {
            username: name.map(|name| (name.to_owned(), whence.clone())),
            password: password.map(|password| (Secret::new(password), whence.clone())),
        }
    }

    #[track_caller]
    fn case(
        sources: [(Option<&str>, Option<&str>); 3],
        expected: Result<Option<(&str, &str)>, &str>,
    ) {
        let place = Place::column(std::path::Path::new("config.yaml"), 1, 1);
        let kinds = [Whence::Option, Whence::Variable, Whence::File(place)];
        let sources: Vec<Login> = sources
            .iter()
            .zip(&kinds)
            .map(|((name, password), whence)| login(*name, *password, whence))
            .collect();
        let chosen = choose_credentials(&sources.iter().collect::<Vec<_>>());
        let chosen = chosen.map_err(|half| half.to_string());
        let chosen = chosen.as_ref().map(|chosen| {
            let chosen = chosen.as_ref();
            chosen.map(|it| (it.username.as_str(), it.password.reveal()))
        });
        assert_eq!(chosen.map_err(String::as_str), expected);
    }

    #[test]
    fn the_command_line_goes_before_the_environment_and_that_before_the_files() {
        const NONE: (Option<&str>, Option<&str>) = (None, None);
        let both = |name, password| (Some(name), Some(password));
        case([NONE, NONE, NONE], Ok(None));
        case([NONE, NONE, both("f", "3")], Ok(Some(("f", "3"))));
        case([NONE, both("e", "2"), both("f", "3")], Ok(Some(("e", "2"))));
        case(
            [both("o", "1"), both("e", "2"), both("f", "3")],
            Ok(Some(("o", "1"))),
        );
        // The account may be told in the committed file, and only its password be handed in.
        case(
            [NONE, (None, Some("2")), both("f", "3")],
            Ok(Some(("f", "2"))),
        );
        case(
            [(None, Some("1")), NONE, (Some("f"), None)],
            Ok(Some(("f", "1"))),
        );
    }

    #[test]
    fn a_half_is_told_with_where_it_is_and_never_joined_with_another_account() {
        const NONE: (Option<&str>, Option<&str>) = (None, None);
        let files = (Some("f"), Some("3"));
        case(
            [NONE, (Some("e"), None), files],
            Err("`PKG_USERNAME` is set, and no password"),
        );
        case(
            [(Some("o"), None), NONE, files],
            Err("`--username` is set, and no password"),
        );
        case(
            [(None, Some("1")), NONE, NONE],
            Err("`--password-stdin` is set, and no name of an account"),
        );
        case(
            [NONE, (None, Some("2")), NONE],
            Err("`PKG_PASSWORD` is set, and no name of an account"),
        );
        case(
            [NONE, NONE, (Some("f"), None)],
            Err("`username` is set, and no password"),
        );
        case(
            [NONE, NONE, (None, Some("3"))],
            Err("`password` is set, and no name of an account"),
        );
    }
}
