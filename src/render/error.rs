//! Why a template cannot be rendered, with its place.

use std::borrow::Cow;
use std::ops::Range;

use super::filters::FilterError;
use super::source::Bulk;
use crate::place::Place;

/// What is wrong with a template.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderFault {
    /// The text breaks the grammar of templates.
    #[error("this is no template: {0}")]
    Syntax(String),
    /// A block that begins and does not end.
    #[error("the `{0}` that begins here has no `end{0}`")]
    Unclosed(String),
    /// A name without a value.
    #[error("`{0}` has no value")]
    Undefined(String),
    /// A filter that does not exist.
    #[error("there is no filter `{0}`")]
    UnknownFilter(String),
    /// A test that does not exist.
    #[error("there is no test `{0}`")]
    UnknownTest(String),
    /// A method that a value does not have.
    #[error("{kind} has no method `{name}`")]
    UnknownMethod {
        /// The method.
        name: String,
        /// The kind of the value.
        kind: &'static str,
    },
    /// A text with an escape that is not known here.
    #[error("this text has an escape that is not known")]
    Escape,
    /// A filter has no answer.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A file that `include`, `import` or `extends` names and that is not in the directory of the image.
    #[error("there is no file `{0}` in the directory of the image")]
    NoFile(String),
    /// The template takes too many steps.
    #[error("this template runs for too long")]
    TooLong,
    /// The template is too large, or writes too much.
    #[error("this template is too large, or what it writes is")]
    TooLarge,
    /// The template has too much code.
    #[error(transparent)]
    Bulk(#[from] Bulk),
    /// Something else that the template engine refuses.
    #[error("{0}")]
    Engine(String),
}

/// Characters of a name of the user's that a message tells.
const LONGEST_NAME: usize = 80;
/// Words of a message; what a template calls a name may have blanks.
const MOST_WORDS: usize = 80;

/// Cuts what a template says so that a message stays one: a value may have any size.
pub(super) fn shorten(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// Cuts every long word of a message, and what comes behind very many.
fn shorten_words(message: &str) -> String {
    let mut words: Vec<_> = message.split(' ').take(MOST_WORDS + 1).collect();
    let end = if words.len() > MOST_WORDS { " …" } else { "" };
    words.truncate(MOST_WORDS);
    let words: Vec<_> = words.into_iter().map(shorten).collect();
    words.join(" ") + end
}

impl RenderFault {
    /// Shortens what it says of the template.
    pub(super) fn shorten(self) -> Self {
        let name = |name: String| shorten(&name).into_owned();
        match self {
            Self::Syntax(said) => Self::Syntax(shorten_words(&said)),
            Self::Engine(said) => Self::Engine(shorten_words(&said)),
            Self::Undefined(undefined) => Self::Undefined(name(undefined)),
            Self::UnknownFilter(filter) => Self::UnknownFilter(name(filter)),
            Self::UnknownTest(test) => Self::UnknownTest(name(test)),
            Self::UnknownMethod { name: method, kind } => Self::UnknownMethod {
                name: name(method),
                kind,
            },
            Self::NoFile(file) => Self::NoFile(name(file)),
            Self::Filter(FilterError::UnknownImage { name: image, near }) => {
                FilterError::UnknownImage {
                    name: name(image),
                    near,
                }
                .into()
            }
            Self::Filter(FilterError::UnknownUser(user)) => {
                FilterError::UnknownUser(name(user)).into()
            }
            Self::Filter(FilterError::NoVersion(label)) => {
                FilterError::NoVersion(name(label)).into()
            }
            Self::Filter(FilterError::NoText { filter, found }) => FilterError::NoText {
                filter,
                found: name(found),
            }
            .into(),
            Self::Filter(FilterError::Lines(_))
            | Self::Unclosed(_)
            | Self::Escape
            | Self::TooLong
            | Self::TooLarge
            | Self::Bulk(_) => self,
        }
    }
}

/// A line of a file, with the characters at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line.
    pub line: String,
    /// Its characters at fault, counted from 0; the end may lie behind the line.
    pub marked: Option<Range<usize>>,
}

/// A fault with the place in the template, the line there, and what can be done.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{fault}")]
pub struct RenderError {
    /// What is wrong.
    pub fault: RenderFault,
    /// Where.
    pub place: Place,
    /// The line of the template.
    pub excerpt: Option<Excerpt>,
    /// What can be done about it.
    pub hints: Vec<String>,
}

/// Something doubtful that does not stop a render.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RenderWarning {
    /// `uid` was asked for a user without a number, and gave the name back.
    UnknownUser {
        /// The template, with the line where it is known.
        place: Place,
        /// The user.
        user: String,
    },
}

impl RenderWarning {
    /// Gives the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::UnknownUser { place, .. } => place,
        }
    }
}

impl std::fmt::Display for RenderWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownUser { user, .. } => write!(
                f,
                "the user `{user}` has no number in `known_uid_mappings`, so its name is used"
            ),
        }
    }
}
