//! The filters that docker-pkg adds to Jinja, and one of our own: `docker_quote`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::apt::Apt;
use super::known::{ImageKind, KnownImages};
use super::python::{self, check_defined};
use crate::oci::Reference;
use crate::settings::Settings;

/// Why a filter has no answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FilterError {
    /// `image_tag` was asked for an image that nothing provides.
    #[error("there is no image `{name}`, neither in the catalog nor among `base_images`")]
    UnknownImage {
        /// The name as written.
        name: String,
        /// Names that may be meant.
        near: Vec<String>,
    },
    /// `add_user` was asked for a user without a number.
    #[error("the user `{0}` has no number in `known_uid_mappings`")]
    UnknownUser(String),
    /// `upstream_version` was given something without a version.
    #[error("`{0}` names no version of an image")]
    NoVersion(String),
    /// A filter was given something else than a text.
    #[error("`{filter}` needs a text, and this is {found}")]
    NoText {
        /// The filter.
        filter: &'static str,
        /// What it was given.
        found: String,
    },
    /// A text for one line of a Dockerfile has several.
    #[error(
        "`{0}` needs a text of one line: no quote keeps what follows a line break in a Dockerfile"
    )]
    Lines(&'static str),
}

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Self {
        Self::new(ErrorKind::InvalidOperation, error.to_string()).with_source(error)
    }
}

/// What a template read while it was rendered.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) images: BTreeMap<String, (ImageKind, Reference)>,
    pub(super) unknown_users: BTreeSet<String>,
}

pub(super) fn add_filters(
    environment: &mut Environment<'_>,
    settings: &Settings,
    known: Arc<KnownImages>,
) {
    environment.add_filter("image_tag", move |state: &mut State, name: &Value| {
        find_image_tag(state, &known, name)
    });
    environment.add_filter("upstream_version", |label: &Value| {
        let text = text_of("upstream_version", label)?;
        match find_upstream_version(text) {
            Some(version) => Ok(version.to_owned()),
            None => Err(Error::from(FilterError::NoVersion(text.to_owned()))),
        }
    });
    let users = settings.known_uid_mappings.clone();
    environment.add_filter("uid", move |state: &mut State, user: &Value| {
        let name = python::text_of(user)?;
        if let Some(uid) = find_uid(&users, user) {
            return Ok(uid.to_string());
        }
        let record = state.get_or_insert_extension_with(Record::default);
        record.unknown_users.insert(name.clone());
        Ok::<_, Error>(name)
    });
    let users = settings.known_uid_mappings.clone();
    environment.add_filter("add_user", move |user: &Value| {
        let name = python::text_of(user)?;
        match find_uid(&users, user) {
            Some(uid) => Ok(render_add_user(&name, uid)),
            None => Err(Error::from(FilterError::UnknownUser(name))),
        }
    });
    let apt = Arc::new(Apt::new(settings));
    let install = Arc::clone(&apt);
    environment.add_filter("apt_install", move |packages: &Value| {
        text_of("apt_install", packages).map(|packages| install.render_install(packages))
    });
    environment.add_filter("apt_remove", move |packages: &Value| {
        // Any value goes, because docker-pkg only puts it into a text.
        python::text_of(packages).map(|packages| apt.render_remove(&packages))
    });
    environment.add_filter(DOCKER_QUOTE, |value: &Value| {
        let text = python::text_of(value)?;
        if text.contains(['\n', '\r']) {
            return Err(Error::from(FilterError::Lines(DOCKER_QUOTE)));
        }
        Ok(quote(&text))
    });
}

const DOCKER_QUOTE: &str = "docker_quote";

/// Quotes a text as `LABEL`, `ENV` and `ARG` read it; they know no other signs behind a `\`.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '$' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

fn text_of<'a>(filter: &'static str, value: &'a Value) -> Result<&'a str, Error> {
    check_defined(value)?;
    value.as_str().ok_or_else(|| {
        let found = python::print_repr(value);
        FilterError::NoText { filter, found }.into()
    })
}

fn find_uid(users: &BTreeMap<String, u32>, user: &Value) -> Option<u32> {
    users.get(user.as_str()?).copied()
}

fn find_image_tag(
    state: &mut State<'_, '_>,
    known: &KnownImages,
    name: &Value,
) -> Result<String, Error> {
    let name = text_of("image_tag", name)?;
    let Some(image) = known.find(name) else {
        let (name, near) = (name.to_owned(), known.find_near(name));
        return Err(FilterError::UnknownImage { name, near }.into());
    };
    let record = state.get_or_insert_extension_with(Record::default);
    if !record.images.contains_key(name) {
        let used = (image.kind, image.label.clone());
        record.images.insert(name.to_owned(), used);
    }
    Ok(image.label.to_string())
}

/// Finds the upstream part of the version in a label (Debian Policy, "Version").
///
/// `name:1.2-1-20260101` is `1.2`: behind the revision, only dates of nightly builds follow.
fn find_upstream_version(label: &str) -> Option<&str> {
    let name_start = label.rfind('/').map_or(0, |at| at + 1);
    let (_, version) = label[name_start..].split_once(':')?;
    if version.contains(':') {
        return None;
    }
    let end = version.match_indices('-').nth(1).map(|(at, _)| at);
    let version = &version[..end.unwrap_or(version.len())];
    match version.split_once('-') {
        Some((upstream, revision)) if !upstream.is_empty() && !revision.is_empty() => {
            Some(upstream)
        }
        _ => Some(version),
    }
}

fn render_add_user(user: &str, uid: u32) -> String {
    format!(
        "groupadd -o -g {uid} -r {user} && useradd -l -o -r -m -d /var/lib/{user} -g {user} -u {uid} {user}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_as_a_dockerfile_has_it() {
        assert_eq!(quote(""), r#""""#);
        assert_eq!(
            quote(r#"a "b" & 'ü' ${HOME} `c` \n"#),
            r#""a \"b\" & 'ü' \${HOME} `c` \\n""#
        );
    }

    #[track_caller]
    fn version(label: &str, expected: Option<&str>) {
        assert_eq!(find_upstream_version(label), expected, "{label}");
    }

    #[test]
    fn the_upstream_version_ends_at_the_first_hyphen() {
        version("r.example.org/a:1.2.3-4-20260101", Some("1.2.3"));
        version("x:1.2-3", Some("1.2"));
        version("x:1.2", Some("1.2"));
        version("x:a-b-c-d", Some("a"));
        version("x-y:1-2", Some("1"));
        version("x:", Some(""));
        version("x:-1", Some("-1"));
        version("x:1.2-", Some("1.2-"));
        version("r.example.org:5000/x:1.2-1", Some("1.2"));
    }

    #[test]
    fn what_is_no_label_has_no_version() {
        for label in [
            "",
            "x",
            "v1",
            "1.2-1",
            "x-y-z",
            "x:1:2-3",
            "r.example.org:5000/x",
        ] {
            version(label, None);
        }
    }

    #[test]
    fn a_user_is_added_with_a_group_of_the_same_number() {
        assert_eq!(
            render_add_user("u", 100),
            "groupadd -o -g 100 -r u && useradd -l -o -r -m -d /var/lib/u -g u -u 100 u"
        );
    }
}
