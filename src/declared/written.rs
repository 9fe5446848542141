//! `image.yaml` as it is written: every key that there may be, with the places of what is looked at later.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::bootstrap::{Bootstrap, Variant};

/// A text with the place where it stands.
pub(super) type Text = Spanned<String>;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Written {
    pub(super) include: Option<Text>,
    pub(super) bootstrap: Option<Bootstrap>,
    pub(super) suite: Option<Text>,
    pub(super) variant: Option<Spanned<Variant>>,
    pub(super) components: Vec<Text>,
    pub(super) base: Option<Text>,
    pub(super) contents: Contents,
    pub(super) accounts: Accounts,
    pub(super) paths: Vec<PathEntry>,
    pub(super) layers: Vec<Layer>,
    pub(super) certificates: Certificates,
    pub(super) environment: BTreeMap<String, Text>,
    pub(super) entrypoint: Entrypoint,
    pub(super) cmd: Option<Text>,
    pub(super) work_dir: Option<Text>,
    pub(super) stop_signal: Option<Text>,
    pub(super) volumes: Vec<Text>,
    pub(super) ports: Vec<Text>,
    pub(super) labels: BTreeMap<String, Text>,
    pub(super) annotations: BTreeMap<String, Text>,
    pub(super) archs: Vec<Text>,
    pub(super) vcs_url: Option<Text>,
    pub(super) layering: Option<Layering>,
    pub(super) format: Option<Text>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Contents {
    pub(super) packages: Vec<Text>,
    #[serde(rename = "without-scripts")]
    pub(super) without_scripts: Vec<Text>,
    #[serde(rename = "without-packages")]
    pub(super) without_packages: Vec<Text>,
    pub(super) repositories: Vec<Spanned<Repository>>,
    pub(super) build_repositories: Vec<Text>,
    pub(super) runtime_repositories: Vec<Text>,
    pub(super) keyring: Vec<Text>,
    pub(super) runtime_keyring: Vec<Named>,
    pub(super) baseimage: Option<serde::de::IgnoredAny>,
}

/// A line, or the fields of a deb822 source.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Repository {
    Line(String),
    Fields(DebianFields),
}

/// The fields of sources.list(5), in its DEB822-STYLE FORMAT.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DebianFields {
    pub(super) types: Option<Words>,
    pub(super) uris: Words,
    pub(super) suites: Words,
    #[serde(default)]
    pub(super) components: Words,
    pub(super) signed_by: Option<String>,
}

/// Words of one text or of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Words {
    Text(String),
    List(Vec<String>),
}

impl Default for Words {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Words {
    pub(super) fn split(&self) -> Vec<String> {
        let texts = match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(texts) => texts,
        };
        let words = texts.iter().flat_map(|text| text.split_whitespace());
        words.map(str::to_owned).collect()
    }
}

/// A file's name and what it holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: Text,
    pub(super) content: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Entrypoint {
    pub(super) r#type: Option<Text>,
    pub(super) command: Option<Text>,
    pub(super) shell_fragment: Option<Text>,
    pub(super) services: BTreeMap<String, Text>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Accounts {
    pub(super) run_as: Option<Text>,
    pub(super) users: Vec<User>,
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) username: Text,
    pub(super) uid: Spanned<u32>,
    pub(super) gid: Option<u32>,
    pub(super) shell: Option<Text>,
    pub(super) homedir: Option<Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) groupname: Text,
    pub(super) gid: Spanned<u32>,
    #[serde(default)]
    pub(super) members: Vec<Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathEntry {
    pub(super) path: Text,
    pub(super) r#type: Text,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) permissions: Option<Text>,
    pub(super) source: Option<Text>,
    #[serde(default)]
    pub(super) recursive: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    pub(super) from: Option<Text>,
    pub(super) source: Text,
    pub(super) target: Option<Text>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) permissions: Option<Text>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Certificates {
    pub(super) additional: Vec<Named>,
    pub(super) providers: Vec<Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layering {
    pub(super) strategy: Text,
    #[serde(default)]
    pub(super) budget: u32,
}

impl Written {
    /// Lays this file over one that it includes: what is said once is said by this one, and lists go on where those of the
    /// included file end.
    pub(super) fn over(self, included: Self) -> Self {
        Self {
            include: included.include,
            bootstrap: self.bootstrap.or(included.bootstrap),
            suite: self.suite.or(included.suite),
            variant: self.variant.or(included.variant),
            components: join(included.components, self.components),
            base: self.base.or(included.base),
            contents: self.contents.over(included.contents),
            accounts: Accounts {
                run_as: self.accounts.run_as.or(included.accounts.run_as),
                users: join(included.accounts.users, self.accounts.users),
                groups: join(included.accounts.groups, self.accounts.groups),
            },
            paths: join(included.paths, self.paths),
            layers: join(included.layers, self.layers),
            certificates: Certificates {
                additional: join(
                    included.certificates.additional,
                    self.certificates.additional,
                ),
                providers: join(included.certificates.providers, self.certificates.providers),
            },
            environment: merge(included.environment, self.environment),
            entrypoint: Entrypoint {
                r#type: self.entrypoint.r#type.or(included.entrypoint.r#type),
                command: self.entrypoint.command.or(included.entrypoint.command),
                shell_fragment: self
                    .entrypoint
                    .shell_fragment
                    .or(included.entrypoint.shell_fragment),
                services: merge(included.entrypoint.services, self.entrypoint.services),
            },
            cmd: self.cmd.or(included.cmd),
            work_dir: self.work_dir.or(included.work_dir),
            stop_signal: self.stop_signal.or(included.stop_signal),
            volumes: join(included.volumes, self.volumes),
            ports: join(included.ports, self.ports),
            labels: merge(included.labels, self.labels),
            annotations: merge(included.annotations, self.annotations),
            archs: if self.archs.is_empty() {
                included.archs
            } else {
                self.archs
            },
            vcs_url: self.vcs_url.or(included.vcs_url),
            layering: self.layering.or(included.layering),
            format: self.format.or(included.format),
        }
    }
}

impl Contents {
    fn over(self, included: Self) -> Self {
        Self {
            packages: join(included.packages, self.packages),
            without_scripts: join(included.without_scripts, self.without_scripts),
            without_packages: join(included.without_packages, self.without_packages),
            repositories: join(included.repositories, self.repositories),
            build_repositories: join(included.build_repositories, self.build_repositories),
            runtime_repositories: join(included.runtime_repositories, self.runtime_repositories),
            keyring: join(included.keyring, self.keyring),
            runtime_keyring: join(included.runtime_keyring, self.runtime_keyring),
            baseimage: self.baseimage.or(included.baseimage),
        }
    }
}

fn join<T>(mut first: Vec<T>, then: Vec<T>) -> Vec<T> {
    first.extend(then);
    first
}

fn merge<T>(mut first: BTreeMap<String, T>, over: BTreeMap<String, T>) -> BTreeMap<String, T> {
    first.extend(over);
    first
}
