//! The fields of `image.yaml` and their meaning.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::yaml::{YamlFault, read_yaml};

/// The program that makes a full Debian base, with its maintainer scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bootstrap {
    /// Debian's mmdebstrap.
    Mmdebstrap,
}

/// Which packages a base starts from (mmdebstrap(1), `--variant`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The essential packages and apt.
    Apt,
    /// The required packages and apt; what official Debian images hold.
    #[default]
    Minbase,
    /// Packages of priority required and important.
    Important,
    /// The standard system.
    Standard,
}

impl Variant {
    /// Gives the name that mmdebstrap knows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Minbase => "minbase",
            Self::Important => "important",
            Self::Standard => "standard",
        }
    }
}

/// A command as an image holds it: the program and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

/// What `image.yaml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// How the root file system comes to be.
    pub bootstrap: Bootstrap,
    /// The Debian suite: `bookworm`.
    pub suite: String,
    /// The set of packages to start from.
    pub variant: Variant,
    /// The archive areas, `main` where none is named.
    pub components: Vec<String>,
    /// More packages.
    pub packages: Vec<String>,
    /// Environment variables of the image.
    pub environment: BTreeMap<String, String>,
    /// OCI `Entrypoint`.
    pub entrypoint: Command,
    /// OCI `Cmd`.
    pub cmd: Command,
    /// OCI `WorkingDir`.
    pub work_dir: Option<String>,
    /// OCI `StopSignal`.
    pub stop_signal: Option<String>,
}

/// What is wrong with an `image.yaml`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ImageFileError {
    /// What is wrong, on one line.
    pub message: String,
    /// The line, counted from 1, where the parser knew it.
    pub line: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    bootstrap: Bootstrap,
    suite: String,
    #[serde(default)]
    variant: Variant,
    #[serde(default = "main_only")]
    components: Vec<String>,
    #[serde(default)]
    contents: Contents,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    entrypoint: Entrypoint,
    #[serde(default)]
    cmd: String,
    work_dir: Option<String>,
    stop_signal: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    packages: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Entrypoint {
    #[serde(default)]
    command: String,
}

fn main_only() -> Vec<String> {
    vec!["main".to_owned()]
}

/// Parses an `image.yaml`; an unknown key anywhere is an error.
pub fn parse_image_file(text: &str) -> Result<ImageFile, ImageFileError> {
    let written: Written = read_yaml(text)?;
    check_words("suite", std::slice::from_ref(&written.suite))?;
    check_words("components", &written.components)?;
    check_words("contents.packages", &written.contents.packages)?;
    check_environment(&written.environment)?;
    Ok(ImageFile {
        bootstrap: written.bootstrap,
        suite: written.suite,
        variant: written.variant,
        components: written.components,
        packages: written.contents.packages,
        environment: written.environment,
        entrypoint: split_command("entrypoint.command", &written.entrypoint.command)?,
        cmd: split_command("cmd", &written.cmd)?,
        work_dir: written.work_dir,
        stop_signal: written.stop_signal,
    })
}

impl From<YamlFault> for ImageFileError {
    fn from(fault: YamlFault) -> Self {
        Self {
            message: fault.message,
            line: fault.line,
        }
    }
}

/// What a word may hold besides letters and digits, as the inside of a regular expression's class.
pub(super) const WORD: &str = "+.:=~/_-";

/// These words become arguments of mmdebstrap, which reads commas, blanks, leading dashes and shell patterns its own way.
fn check_words(key: &str, words: &[String]) -> Result<(), ImageFileError> {
    let fits = |word: &&String| {
        let starts = word
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || WORD.as_bytes().contains(&b));
        !(starts && rest)
    };
    match words.iter().find(fits) {
        None => Ok(()),
        Some(word) => Err(ImageFileError {
            message: format!(
                "`{key}` cannot hold `{word}`: letters, digits and `+-.:=~/_` after a letter or digit"
            ),
            line: None,
        }),
    }
}

fn check_environment(environment: &BTreeMap<String, String>) -> Result<(), ImageFileError> {
    match environment
        .keys()
        .find(|name| name.is_empty() || name.contains(['=', '\0']))
    {
        None => Ok(()),
        Some(name) => Err(ImageFileError {
            message: format!("`environment` cannot hold a variable named `{name}`"),
            line: None,
        }),
    }
}

fn split_command(key: &str, text: &str) -> Result<Command, ImageFileError> {
    shlex::split(text)
        .map(Command)
        .ok_or_else(|| ImageFileError {
            message: format!("`{key}` has a quote that is not closed: `{text}`"),
            line: None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_and_the_rest_has_defaults() {
        let file =
            parse_image_file("bootstrap: mmdebstrap\nsuite: trixie\n").expect("an image file");
        assert_eq!(
            (file.variant, file.components.as_slice()),
            (Variant::Minbase, &["main".to_owned()][..])
        );
        let file = parse_image_file(
            "bootstrap: mmdebstrap\nsuite: trixie\nvariant: apt\ncomponents: [main, contrib]\ncontents:\n  packages: [tzdata]\n\
             environment: {LANG: C.UTF-8}\nentrypoint: {command: /bin/tini --}\ncmd: sh -c 'echo a b'\nwork-dir: /srv\nstop-signal: SIGINT\n",
        )
        .expect("an image file");
        assert_eq!(
            file.cmd,
            Command(vec![
                "sh".to_owned(),
                "-c".to_owned(),
                "echo a b".to_owned()
            ])
        );
        assert_eq!(
            file.entrypoint,
            Command(vec!["/bin/tini".to_owned(), "--".to_owned()])
        );
        assert_eq!(file.packages, ["tzdata"]);
    }

    #[track_caller]
    fn refused(text: &str, line: Option<usize>, message: &str) {
        let error = parse_image_file(text).expect_err("a wrong file");
        assert!(
            error.message.contains(message),
            "{} does not say {message}",
            error.message
        );
        assert_eq!(error.line, line);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let head = "bootstrap: mmdebstrap\nsuite: bookworm\n";
        refused(&format!("{head}workdir: /srv\n"), Some(3), "workdir");
        refused(&format!("{head}variant: huge\n"), Some(3), "huge");
        refused(
            &format!("{head}contents:\n  package: [a]\n"),
            Some(4),
            "package",
        );
        refused("bootstrap: mmdebstrap\n", Some(1), "suite");
        refused(&format!("{head}cmd: sh 'a\n"), None, "not closed");
        refused(
            &format!("{head}contents: {{packages: ['--hook=x']}}\n"),
            None,
            "--hook=x",
        );
        refused(&format!("{head}environment: {{'A=B': c}}\n"), None, "A=B");
        refused(
            "bootstrap: mmdebstrap\nsuite: 'book worm'\n",
            None,
            "book worm",
        );
    }
}
