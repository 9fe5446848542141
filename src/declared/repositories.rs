//! `contents`: which packages, and where they come from.

use serde_saphyr::Spanned;

use super::image_file::ImageFileError;
use super::value::{Values, at, check_word, read_line, read_lines};
use super::written::{Contents, DebianFields, Named, Repository, Text};
use crate::address::shown;

/// Packages of Debian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebianContents {
    /// What is asked for: `libc6`, `openssl (>= 3.0)`, `openssl=3.0.16-1`.
    pub packages: Vec<String>,
    /// The packages whose maintainer scripts do nothing that the image needs.
    pub without_scripts: Vec<String>,
    /// The packages that others need and the image does not: they count as there.
    pub without_packages: Vec<String>,
    /// Whether it is for several architectures, not each of which has every package.
    pub is_for_several: bool,
    /// Where from.
    pub archive: DebianArchive,
}

/// Where packages of Debian come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebianArchive {
    /// A release with its updates and its security suite, from the mirrors of the settings or of the machine.
    Release {
        /// Its name: `bookworm`.
        suite: String,
        /// The areas, `main` where none is named.
        components: Vec<String>,
    },
    /// What the file says.
    Sources(Vec<DebianSource>),
}

/// A source of packages as in sources.list(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebianSource {
    /// Its addresses.
    pub uris: Vec<String>,
    /// Its suites.
    pub suites: Vec<String>,
    /// Its areas; none where a suite ends with a slash.
    pub components: Vec<String>,
    /// The file of the keys that sign it: absolute on this machine, else in the image's directory; nothing for Debian's own.
    pub signed_by: Option<String>,
}

/// Packages of Alpine or Wolfi.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApkContents {
    /// What is asked for, in the words of apk: `busybox`, `nginx=1.24.0-r7@edge`, `!perl`.
    pub packages: Vec<String>,
    /// Where from, for the build and in the image.
    pub repositories: Vec<ApkRepository>,
    /// Where from, for the build alone.
    pub build_repositories: Vec<ApkRepository>,
    /// What the image has in its list of repositories, and nothing is taken from here.
    pub runtime_repositories: Vec<ApkRepository>,
    /// Addresses or files of the keys that sign.
    pub keyring: Vec<String>,
    /// Keys that the image gets besides, and that nothing is checked by here: a name and a block of PEM.
    pub runtime_keyring: Vec<(String, String)>,
}

/// A repository of Alpine packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApkRepository {
    /// The tag that packages name to be taken from here.
    pub tag: Option<String>,
    /// An address or a directory, without a slash at its end; the architecture follows it.
    pub address: String,
}

/// The repositories of a file, by their world.
pub(super) enum Repositories {
    None,
    Debian(Vec<DebianSource>),
    Apk(Vec<ApkRepository>),
}

pub(super) fn read_repositories(contents: &Contents) -> Values<Repositories> {
    let mut debian = Vec::new();
    let mut apk = Vec::new();
    for repository in &contents.repositories {
        match &repository.value {
            Repository::Fields(fields) => debian.push(read_fields(repository, fields)?),
            Repository::Line(line) if line == "deb" || line.starts_with("deb ") => {
                debian.push(read_deb_line(repository, line)?);
            }
            Repository::Line(line) => apk.push(read_apk(repository, line)?),
        }
        if !debian.is_empty() && !apk.is_empty() {
            let message = "Debian's repositories and Alpine's cannot be in one image".to_owned();
            return Err(at(repository, message));
        }
    }
    Ok(match (debian.is_empty(), apk.is_empty()) {
        (true, true) => Repositories::None,
        (false, _) => Repositories::Debian(debian),
        (true, false) => Repositories::Apk(apk),
    })
}

fn read_fields<T>(place: &Spanned<T>, fields: &DebianFields) -> Values<DebianSource> {
    let types = fields.types.as_ref().map(super::written::Words::split);
    if types.is_some_and(|types| types != ["deb"]) {
        return Err(at(place, "`types` can be `deb` alone".to_owned()));
    }
    let source = DebianSource {
        uris: fields.uris.split(),
        suites: fields.suites.split(),
        components: fields.components.split(),
        signed_by: fields.signed_by.clone(),
    };
    check_source(place, source)
}

/// Reads `deb [signed-by=FILE] URI SUITE COMPONENT…`.
fn read_deb_line<T>(place: &Spanned<T>, line: &str) -> Values<DebianSource> {
    let rest = line["deb".len()..].trim();
    let (options, rest) = match rest.strip_prefix('[').map(|rest| rest.split_once(']')) {
        None => ("", rest),
        Some(Some((options, rest))) => (options, rest),
        Some(None) => return Err(at(place, "the options of `deb` have no `]`".to_owned())),
    };
    let mut signed_by = None;
    for option in options.split_whitespace() {
        let Some(file) = option.strip_prefix("signed-by=") else {
            let option = shown(option);
            let message = format!("`deb` can have the option `signed-by=FILE`, and no `{option}`");
            return Err(at(place, message));
        };
        signed_by = Some(file.to_owned());
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    let source = DebianSource {
        uris: words.next().into_iter().collect(),
        suites: words.next().into_iter().collect(),
        components: words.collect(),
        signed_by,
    };
    check_source(place, source)
}

fn check_source<T>(place: &Spanned<T>, source: DebianSource) -> Values<DebianSource> {
    let refuse = |message: &str| Err(at(place, message.to_owned()));
    if source.uris.is_empty() || source.suites.is_empty() {
        return refuse(
            "a source of Debian packages needs an address and a suite: `deb URI SUITE COMPONENT…`",
        );
    }
    let is_flat = |suite: &String| suite.ends_with('/');
    if source.suites.iter().any(is_flat) {
        return refuse("a suite that is a path is not supported: name the suite, and components");
    }
    if source.components.is_empty() {
        return refuse("a source of Debian packages needs a component, such as `main`");
    }
    let known = ["http://", "https://", "file:"];
    match source
        .uris
        .iter()
        .find(|uri| !known.iter().any(|scheme| uri.starts_with(scheme)))
    {
        None => Ok(source),
        Some(uri) => {
            let uri = shown(uri);
            let message =
                format!("an address has to begin with `http://`, `https://` or `file:`: `{uri}`");
            Err(at(place, message))
        }
    }
}

/// Reads `URL`, a directory, or `@TAG URL`.
fn read_apk<T>(place: &Spanned<T>, line: &str) -> Values<ApkRepository> {
    let (tag, address) = match line.strip_prefix('@') {
        None => (None, line),
        Some(tagged) => match tagged.split_once(' ') {
            Some((tag, address)) if !tag.is_empty() => (Some(tag.to_owned()), address),
            _ => {
                return Err(at(
                    place,
                    format!(
                        "a repository with a tag is `@TAG ADDRESS`: `{}`",
                        shown(line)
                    ),
                ));
            }
        },
    };
    let address = address.trim_end_matches('/');
    if address.is_empty() || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!(
            "a repository is an address or a directory: `{}`",
            shown(line).escape_debug()
        );
        return Err(at(place, message));
    }
    Ok(ApkRepository {
        tag,
        address: address.to_owned(),
    })
}

pub(super) fn read_apk_list(texts: &[Text]) -> Values<Vec<ApkRepository>> {
    texts
        .iter()
        .map(|text| read_apk(text, &text.value))
        .collect()
}

/// Reads the rest of what only Alpine's packages have.
pub(super) fn read_apk_contents(
    contents: &Contents,
    repositories: Vec<ApkRepository>,
) -> Values<ApkContents> {
    let of_debian = [
        ("contents.without-scripts", &contents.without_scripts),
        ("contents.without-packages", &contents.without_packages),
    ];
    for (key, words) in of_debian {
        if let Some(word) = words.first() {
            let message =
                format!("`{key}` is for packages of Debian, and the repositories are Alpine's");
            return Err(at(word, message));
        }
    }
    Ok(ApkContents {
        packages: read_lines("contents.packages", &contents.packages)?,
        repositories,
        build_repositories: read_apk_list(&contents.build_repositories)?,
        runtime_repositories: read_apk_list(&contents.runtime_repositories)?,
        keyring: read_lines("contents.keyring", &contents.keyring)?,
        runtime_keyring: read_named("contents.runtime_keyring", &contents.runtime_keyring)?,
    })
}

/// Reads files that stand in the declaration: one block of PEM each, under a name of letters, digits, `_`, `-` and dots.
pub(super) fn read_named(key: &str, files: &[Named]) -> Values<Vec<(String, String)>> {
    let mut read: Vec<(String, String)> = Vec::new();
    for file in files {
        let name = &file.name.value;
        let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(is_fine) {
            let message = format!("`{key}` cannot hold a file named `{}`", name.escape_debug());
            return Err(at(&file.name, message));
        }
        if read.iter().any(|(known, _)| known == name) {
            return Err(at(&file.name, format!("`{key}` holds `{name}` twice")));
        }
        let blocks = file.content.value.matches("-----BEGIN ").count();
        if blocks != 1 {
            let message =
                format!("`{key}`: `{name}` has to be one block of PEM, and holds {blocks}");
            return Err(at(&file.content, message));
        }
        read.push((name.clone(), file.content.value.clone()));
    }
    Ok(read)
}

/// Reads the words that mmdebstrap gets.
pub(super) fn read_words(key: &str, words: &[Text]) -> Values<Vec<String>> {
    for word in words {
        check_word(key, word)?;
    }
    Ok(words.iter().map(|word| word.value.clone()).collect())
}

/// Reads packages of Debian; their constraints are read where they are looked up.
pub(super) fn read_debian_packages(contents: &Contents) -> Result<Vec<String>, ImageFileError> {
    let key = "contents.packages";
    let mut read = Vec::new();
    for package in &contents.packages {
        let line = read_line(key, package)?;
        if !line.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            let message =
                format!("`{key}` cannot hold `{line}`: a package's name is in small letters");
            return Err(at(package, message));
        }
        let name = line.split([' ', '(', '=', ':']).next().unwrap_or_default();
        let mut left_out = contents.without_packages.iter();
        if left_out.any(|one| one.value == name) {
            let message = format!("`{name}` is in `{key}`, and in `contents.without-packages`");
            return Err(at(package, message));
        }
        read.push(line);
    }
    Ok(read)
}
