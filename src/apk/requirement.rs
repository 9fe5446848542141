//! What a package or an image needs: `name`, `name>=1.2`, `name~3`, `name=1.2-r3@tag`, and `!name` for what may not be there.
//!
//! Names may be virtual: `so:libc.so.6`, `cmd:bash`, `pc:zlib`. A package provides names, with a version or without one.
//!
//! The version of a `so:` name is that of the package where it has a revision, else the library's own; the latter is read with
//! `0.` before it, so that a package's counts more.

use std::fmt;
use std::str::FromStr;

use super::version::{Version, VersionError};

/// How a version is compared with the one that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterEqual,
    /// `<=`
    LessEqual,
    /// `~` or `=~`: see [`Version::is_like`].
    Like,
}

/// Whether a name has to be there, or may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// `name`
    Needs,
    /// `!name`
    Excludes,
}

/// One expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    text: Box<str>,
    sense: Sense,
    name: Box<str>,
    bound: Option<Box<(Comparison, Version)>>,
    tag: Option<Box<str>>,
}

/// Why a text is no requirement.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequirementError {
    /// There is no name.
    #[error("`{0}` names no package")]
    NoName(String),
    /// A character that no name has.
    #[error("`{text}` is no requirement: a name cannot hold `{}`", character.escape_debug())]
    Character {
        /// The refused text.
        text: String,
        /// The first character at fault.
        character: char,
    },
    /// The signs between name and version mean nothing.
    #[error("`{text}` is no requirement: `{signs}` compares no versions")]
    Comparison {
        /// The refused text.
        text: String,
        /// What stands there.
        signs: String,
    },
    /// The version is none.
    #[error("`{text}` is no requirement: {source}")]
    Version {
        /// The refused text.
        text: String,
        /// Why.
        source: VersionError,
    },
    /// The tag is none, or stands before the version.
    #[error("`{text}` is no requirement: `@{tag}` is no tag of a repository")]
    Tag {
        /// The refused text.
        text: String,
        /// What stands behind `@`.
        tag: String,
    },
}

impl RequirementError {
    /// Gives the way out, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Comparison { .. } => Some("versions are compared with = < > <= >= ~".to_owned()),
            Self::Tag { text, tag } => {
                let name = text.split('@').next()?;
                let at = tag.find(SIGNS)?;
                let (tag, bound) = tag.split_at(at);
                Some(format!(
                    "the tag stands behind the version: `{name}{bound}@{tag}`"
                ))
            }
            Self::Version { .. } => {
                Some("a version of APK looks like `1.2.3`, `1.2_rc1` or `1.2.3-r4`".to_owned())
            }
            Self::NoName(_) | Self::Character { .. } => None,
        }
    }
}

const SIGNS: [char; 4] = ['=', '<', '>', '~'];

impl Comparison {
    fn parse(signs: &str) -> Option<Self> {
        Some(match signs {
            "=" => Self::Equal,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" => Self::GreaterEqual,
            "<=" => Self::LessEqual,
            "~" | "=~" | "~=" => Self::Like,
            _ => return None,
        })
    }

    /// Tells whether `actual` compares so with `required`.
    #[must_use]
    pub fn holds(self, actual: &Version, required: &Version) -> bool {
        match self {
            Self::Equal => actual == required,
            Self::Greater => actual > required,
            Self::Less => actual < required,
            Self::GreaterEqual => actual >= required,
            Self::LessEqual => actual <= required,
            Self::Like => actual.is_like(required),
        }
    }
}

/// Reads the version behind a name.
fn parse_version(name: &str, text: &str) -> Result<Version, VersionError> {
    let version: Version = text.parse()?;
    if name.starts_with("so:") && !version.has_revision() {
        return format!("0.{text}").parse();
    }
    Ok(version)
}

impl Requirement {
    /// Tells whether the name has to be there, or may not be.
    #[must_use]
    pub fn sense(&self) -> Sense {
        self.sense
    }

    /// Gives the name alone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives how the version is compared, and with which, where it is.
    #[must_use]
    pub fn bound(&self) -> Option<(Comparison, &Version)> {
        let (comparison, version) = &**self.bound.as_ref()?;
        Some((*comparison, version))
    }

    /// Gives the tag of the repositories that it may be taken from beside those without one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Gives the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether a version is one that is asked for.
    #[must_use]
    pub fn allows(&self, version: &Version) -> bool {
        self.bound()
            .is_none_or(|(comparison, required)| comparison.holds(version, required))
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let whole = || text.to_owned();
        let (sense, positive) = match text.strip_prefix('!') {
            Some(rest) => (Sense::Excludes, rest),
            None => (Sense::Needs, text),
        };
        let (before, tag) = match positive.split_once('@') {
            Some((before, tag)) => (before, Some(tag)),
            None => (positive, None),
        };
        let is_tag = |tag: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !tag.is_empty() && tag.bytes().all(known)
        };
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            let (text, tag) = (whole(), tag.to_owned());
            return Err(RequirementError::Tag { text, tag });
        }
        let name_end = before.find(SIGNS).unwrap_or(before.len());
        let (name, bound) = before.split_at(name_end);
        if name.is_empty() {
            return Err(RequirementError::NoName(whole()));
        }
        let is_refused = |c: &char| c.is_whitespace() || c.is_control() || *c == '!';
        if let Some(character) = name.chars().find(is_refused) {
            let text = whole();
            return Err(RequirementError::Character { text, character });
        }
        let bound = (!bound.is_empty()).then(|| parse_bound(text, name, bound));
        Ok(Self {
            text: text.into(),
            sense,
            name: name.into(),
            bound: bound.transpose()?.map(Box::new),
            tag: tag.map(Into::into),
        })
    }
}

fn parse_bound(
    text: &str,
    name: &str,
    bound: &str,
) -> Result<(Comparison, Version), RequirementError> {
    let version = bound.trim_start_matches(SIGNS);
    let signs = &bound[..bound.len() - version.len()];
    let comparison = Comparison::parse(signs).ok_or_else(|| RequirementError::Comparison {
        text: text.to_owned(),
        signs: signs.to_owned(),
    })?;
    let version = parse_version(name, version).map_err(|source| RequirementError::Version {
        text: text.to_owned(),
        source,
    })?;
    Ok((comparison, version))
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name that a package provides beside its own: `so:libz.so.1=1.3.1`, `cmd:gzip=1.13-r0`, `/bin/sh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provide {
    text: Box<str>,
    name_end: usize,
    version: Option<Version>,
}

impl Provide {
    /// Reads one; a version that is none of APK's satisfies nothing that asks for one, as if there were none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let name_end = text.find(SIGNS).unwrap_or(text.len());
        let (name, rest) = text.split_at(name_end);
        let version = rest.strip_prefix('=').unwrap_or_default();
        Self {
            text: text.into(),
            name_end,
            version: parse_version(name, version).ok(),
        }
    }

    /// Gives the name alone.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[..self.name_end]
    }

    /// Gives the version that it is provided in, where there is one.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// Gives the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, sense: Sense, name: &str, bound: Option<(Comparison, &str)>, tag: &str) {
        let read: Requirement = text.parse().expect("a requirement");
        assert_eq!((read.sense(), read.name()), (sense, name));
        let found = read.bound();
        let found = found.map(|(comparison, version)| (comparison, version.as_str()));
        assert_eq!(found, bound);
        assert_eq!(read.tag().unwrap_or_default(), tag);
        assert_eq!(read.to_string(), text);
    }

    #[test]
    fn every_form_is_read() {
        use Comparison::{Equal, Greater, GreaterEqual, Less, LessEqual, Like};
        use Sense::{Excludes, Needs};
        case("bash", Needs, "bash", None, "");
        case("bash=5.2-r0", Needs, "bash", Some((Equal, "5.2-r0")), "");
        case("bash>5", Needs, "bash", Some((Greater, "5")), "");
        case("bash<5", Needs, "bash", Some((Less, "5")), "");
        case("bash>=5", Needs, "bash", Some((GreaterEqual, "5")), "");
        case("bash<=5", Needs, "bash", Some((LessEqual, "5")), "");
        case("bash~5", Needs, "bash", Some((Like, "5")), "");
        case("bash=~5", Needs, "bash", Some((Like, "5")), "");
        case("bash@local", Needs, "bash", None, "local");
        case("bash=5@local", Needs, "bash", Some((Equal, "5")), "local");
        case("!bash", Excludes, "bash", None, "");
        case("!bash<5", Excludes, "bash", Some((Less, "5")), "");
        case("so:libc.so.6", Needs, "so:libc.so.6", None, "");
        case("so:a.so=1.2", Needs, "so:a.so", Some((Equal, "0.1.2")), "");
        case("so:a.so=1-r2", Needs, "so:a.so", Some((Equal, "1-r2")), "");
        case("/bin/sh", Needs, "/bin/sh", None, "");
        case("font++", Needs, "font++", None, "");
    }

    #[track_caller]
    fn refused(text: &str, message: &str, hint: Option<&str>) {
        let error = text.parse::<Requirement>().expect_err(text);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.hint().as_deref(), hint);
    }

    #[test]
    fn what_is_no_requirement_is_refused_with_the_way_out() {
        refused("", "`` names no package", None);
        refused("!", "`!` names no package", None);
        refused("=1", "`=1` names no package", None);
        refused("@edge", "`@edge` names no package", None);
        refused(
            "a b",
            "`a b` is no requirement: a name cannot hold ` `",
            None,
        );
        refused(
            "!!a",
            "`!!a` is no requirement: a name cannot hold `!`",
            None,
        );
        refused(
            "a><1",
            "`a><1` is no requirement: `><` compares no versions",
            Some("versions are compared with = < > <= >= ~"),
        );
        refused(
            "a=x",
            "`a=x` is no requirement: `x` is no version: it has to begin with a number",
            Some("a version of APK looks like `1.2.3`, `1.2_rc1` or `1.2.3-r4`"),
        );
        refused(
            "a@edge=1.2",
            "`a@edge=1.2` is no requirement: `@edge=1.2` is no tag of a repository",
            Some("the tag stands behind the version: `a=1.2@edge`"),
        );
        refused(
            "a@",
            "`a@` is no requirement: `@` is no tag of a repository",
            None,
        );
    }

    #[test]
    fn provides_have_versions_that_satisfy() {
        let provide = Provide::parse("so:libz.so.1=1.3.1");
        assert_eq!(provide.name(), "so:libz.so.1");
        assert_eq!(provide.version().map(Version::as_str), Some("0.1.3.1"));
        assert_eq!(Provide::parse("cmd:sh").version(), None);
        let odd = Provide::parse("pc:nss=SRCVERSION");
        assert_eq!(
            (odd.name(), odd.version(), odd.as_str()),
            ("pc:nss", None, "pc:nss=SRCVERSION")
        );
        let needs: Requirement = "so:libz.so.1>=1.2".parse().expect("a requirement");
        assert!(provide.version().is_some_and(|v| needs.allows(v)));
    }
}
