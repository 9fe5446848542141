//! The file as it is written: the keys that there are, and the kinds of their values.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

/// A list that may be left empty: `commandTests:` with nothing behind it.
pub(super) type List<T> = Option<Vec<T>>;

/// What says how to read the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WrittenVersion {
    pub(super) schema_version: Spanned<String>,
}

/// All of it; a command is a text or a list of texts.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    bound(deserialize = "C: Deserialize<'de>")
)]
pub(super) struct WrittenSuite<C> {
    #[expect(dead_code, reason = "it is read before, and is a key here")]
    pub(super) schema_version: IgnoredAny,
    #[serde(default)]
    pub(super) global_env_vars: List<WrittenVariable>,
    #[serde(default)]
    pub(super) command_tests: List<WrittenCommand<C>>,
    #[serde(default)]
    pub(super) file_existence_tests: List<WrittenExistence>,
    #[serde(default)]
    pub(super) file_content_tests: List<WrittenContent>,
    #[serde(default)]
    pub(super) metadata_test: Option<Spanned<WrittenMetadata>>,
    #[serde(default)]
    pub(super) license_tests: List<Spanned<WrittenLicense>>,
    #[serde(default)]
    pub(super) container_run_options: Option<WrittenRunOptions>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenVariable {
    pub(super) key: Spanned<String>,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenPair {
    pub(super) key: Spanned<String>,
    #[serde(default)]
    pub(super) value: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) is_regex: bool,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    bound(deserialize = "C: Deserialize<'de>")
)]
pub(super) struct WrittenCommand<C> {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) setup: List<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) teardown: List<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) env_vars: List<WrittenVariable>,
    pub(super) command: Spanned<C>,
    #[serde(default)]
    pub(super) args: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) expected_output: List<Spanned<String>>,
    #[serde(default)]
    pub(super) excluded_output: List<Spanned<String>>,
    #[serde(default)]
    pub(super) expected_error: List<Spanned<String>>,
    #[serde(default)]
    pub(super) excluded_error: List<Spanned<String>>,
    #[serde(default)]
    pub(super) exit_code: i64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WrittenExecution {
    Owner,
    Group,
    Other,
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenExistence {
    pub(super) name: Spanned<String>,
    pub(super) path: Spanned<String>,
    #[serde(default = "yes")]
    pub(super) should_exist: bool,
    #[serde(default)]
    pub(super) permissions: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) uid: Option<u64>,
    #[serde(default)]
    pub(super) gid: Option<u64>,
    #[serde(default)]
    pub(super) is_executable_by: Option<WrittenExecution>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenContent {
    pub(super) name: Spanned<String>,
    pub(super) path: Spanned<String>,
    #[serde(default)]
    pub(super) expected_contents: List<Spanned<String>>,
    #[serde(default)]
    pub(super) excluded_contents: List<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenLicense {
    #[serde(default)]
    pub(super) debian: bool,
    #[serde(default)]
    pub(super) files: List<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenMetadata {
    #[serde(default)]
    pub(super) env_vars: Option<Spanned<Vec<WrittenPair>>>,
    /// What schema 1.0.0 calls `envVars`.
    #[serde(default)]
    pub(super) env: Option<Spanned<Vec<WrittenPair>>>,
    #[serde(default)]
    pub(super) unbound_env_vars: List<WrittenPair>,
    #[serde(default)]
    pub(super) labels: List<WrittenPair>,
    #[serde(default)]
    pub(super) entrypoint: Option<Vec<String>>,
    #[serde(default)]
    pub(super) cmd: Option<Vec<String>>,
    #[serde(default)]
    pub(super) exposed_ports: List<String>,
    #[serde(default)]
    pub(super) unexposed_ports: List<String>,
    #[serde(default)]
    pub(super) volumes: List<String>,
    #[serde(default)]
    pub(super) unmounted_volumes: List<String>,
    #[serde(default)]
    pub(super) workdir: Option<String>,
    #[serde(default)]
    pub(super) user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WrittenRunOptions {
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) privileged: bool,
    #[serde(default)]
    pub(super) allocate_tty: bool,
    #[serde(default)]
    pub(super) env_file: Option<String>,
    #[serde(default)]
    pub(super) env_vars: List<Spanned<String>>,
    #[serde(default)]
    pub(super) capabilities: List<String>,
    #[serde(default)]
    pub(super) bind_mounts: List<String>,
}
