//! What each setting means, with its default.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::audit::{AuditSettings, read_audit};
use super::build_secrets::{BuildSecret, read_build_secrets};
use super::credentials::{Credentials, Login, choose_credentials, read_login, refuse_logins};
use super::doubts::find_warnings;
use super::error::{SettingsError, SettingsErrors, SettingsWarning};
use super::file::Content;
use super::limits::{ContainerLimits, parse_limits};
use super::naming::Naming;
use super::reader::{Layer, Reader};
use super::span::find_duration;
use super::spans::{NamedSpan, read_spans};
use super::stamping::{StatusCommand, read_stamps, read_status_command};
use super::value::Value;
use super::variables::{Variables, read_variables};
use crate::oci::Reference;
use crate::place::Place;
use crate::stamp::Stamps;

/// The settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `registry` and `namespace`: the parts that all labels share.
    pub naming: Naming,
    /// `base_images`: images from outside of the catalog.
    pub base_images: Vec<Reference>,
    /// Who logs in at the registry; by itself what the files say, if they have both halves.
    pub credentials: Option<Credentials>,
    /// `username` and `password` as the files have them.
    pub login: Login,
    /// `secrets`: what builds may mount.
    pub secrets: Vec<BuildSecret>,
    /// `http_proxy` and `apt_only_proxy`.
    pub proxies: Proxies,
    /// `apt_options`: put into each `apt-get` of the apt filters.
    pub apt_options: String,
    /// `scan_workers`: how many questions the registry is asked at once.
    pub scan_workers: NonZeroUsize,
    /// `fallback_author`: who signs changelog entries where nothing else tells.
    pub fallback_author: String,
    /// `fallback_email`.
    pub fallback_email: String,
    /// `distribution`: the distribution of new changelog entries.
    pub distribution: String,
    /// `update_id`: what a new revision begins with (`1.2.3-s1`).
    pub update_id: String,
    /// `ca_bundle`: certificates to trust at the registry.
    pub ca_bundle: Option<NamedFile>,
    /// `force_numeric_user`: a `USER` has to be a number.
    pub force_numeric_user: bool,
    /// `known_uid_mappings`: the numbers of users.
    pub known_uid_mappings: BTreeMap<String, u32>,
    /// `verify_command` and `verify_args`: what tests an image.
    pub verify: VerifyCommand,
    /// `container_limits`: what a build may use.
    pub container_limits: ContainerLimits,
    /// `driver`: what builds.
    pub driver: Driver,
    /// `mirror` and `security_mirror`: where Debian packages of declared bases come from.
    pub mirrors: Mirrors,
    /// `build_timeout`: how long the build of one image may take.
    pub build_timeout: Duration,
    /// `build_timeouts`: the images for which it is another time.
    pub build_timeouts: Vec<NamedSpan>,
    /// `verify_timeout`: how long the tests of one image may take.
    pub verify_timeout: Duration,
    /// `verify_timeouts`: the images for which it is another time.
    pub verify_timeouts: Vec<NamedSpan>,
    /// `engine_timeout`: how long the engine may be silent.
    pub engine_timeout: Duration,
    /// `registry_timeout`: how long a registry is asked again that fails to answer, and a push repeated that it broke off.
    pub registry_timeout: Duration,
    /// `audit`: what an audit takes for a fault.
    pub audit: AuditSettings,
    /// `status_command`: what tells the values of stamps.
    pub status_command: Option<StatusCommand>,
    /// `stamp_defaults`, over which values are laid where images are stamped.
    pub stamps: Stamps,
    variables: Variables,
}

/// A file that is used, and where the settings name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The file.
    pub path: PathBuf,
    /// The place of its name.
    pub place: Place,
}

/// The names under which programs look for a proxy.
pub const PROXY_VARIABLES: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];

/// Proxies of builds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For everything that a build fetches.
    pub http: Option<String>,
    /// For apt; the one above where nothing else is set.
    pub apt_only: Option<String>,
}

/// The program that tests an image, with `{path}` and `{image}` still to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyCommand {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The proxy that the tests are told of.
    pub proxy: Option<String>,
}

/// What builds images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// The Docker engine.
    #[default]
    Docker,
}

/// Addresses of Debian mirrors, without a slash at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// The archive.
    pub main: Option<String>,
    /// Security updates.
    pub security: Option<String>,
}

/// Settings with what is doubtful about them.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadSettings {
    /// The settings.
    pub settings: Settings,
    /// What the user should know.
    pub warnings: Vec<SettingsWarning>,
}

const DEFAULT_BUILD_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);
const DEFAULT_VERIFY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A registry may take minutes to store what came.
const DEFAULT_ENGINE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
const DEFAULT_REGISTRY_TIMEOUT: Duration = Duration::from_secs(2 * 60);

/// Reads settings from files of which each lies over the one before it; a setting of an upper file replaces the whole
/// setting of a lower one.
pub fn parse_settings(layers: &[Layer<'_>]) -> Result<ReadSettings, SettingsErrors> {
    let mut reader = Reader::read(layers);
    let warnings = find_warnings(&reader);
    let settings = read_settings(&mut reader);
    match SettingsErrors::of(reader.errors) {
        Some(errors) => Err(errors),
        None => Ok(ReadSettings { settings, warnings }),
    }
}

impl Settings {
    /// Gives every setting, known or not, as templates see it.
    #[must_use]
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Gives the same settings on a machine that needs no proxy: which one it is does not change what an image is.
    #[must_use]
    pub fn without_proxies(&self) -> Self {
        let mut settings = self.clone();
        settings.proxies = Proxies::default();
        for name in ["http_proxy", "apt_only_proxy"] {
            settings.variables.insert(name, Value::None);
        }
        settings
    }
}

impl Default for Settings {
    fn default() -> Self {
        read_settings(&mut Reader::default())
    }
}

fn read_settings(reader: &mut Reader<'_>) -> Settings {
    const WORKERS: &str = "a whole number over 0";
    refuse_logins(reader);
    let naming = read_naming(reader);
    let login = read_login(reader);
    let http = reader.text_or_false("http_proxy");
    // An empty text says that apt needs no proxy; only where nothing is said, the general one is meant.
    let apt_only = match reader.find("apt_only_proxy") {
        Some(_) => reader.text_or_false("apt_only_proxy"),
        None => http.clone(),
    };
    let workers = reader.parsed("scan_workers", WORKERS, |text| text.parse().ok());
    let args = reader.texts("verify_args");
    let args = args.map(|args| args.into_iter().map(|(_, text)| text).collect());
    let text = |reader: &mut Reader<'_>, key, default: &str| {
        reader.text(key).unwrap_or_else(|| default.to_owned())
    };
    Settings {
        naming,
        base_images: read_base_images(reader),
        credentials: choose_credentials(&[&login]).unwrap_or_default(),
        login,
        secrets: read_build_secrets(reader),
        proxies: Proxies {
            http: http.clone(),
            apt_only,
        },
        apt_options: text(reader, "apt_options", ""),
        scan_workers: workers.unwrap_or(NonZeroUsize::MIN.saturating_add(7)),
        fallback_author: text(reader, "fallback_author", "Author"),
        fallback_email: text(reader, "fallback_email", "email@domain"),
        distribution: text(reader, "distribution", "wikimedia"),
        update_id: text(reader, "update_id", "s"),
        ca_bundle: read_file(reader, "ca_bundle"),
        force_numeric_user: reader.boolean("force_numeric_user").unwrap_or(false),
        known_uid_mappings: read_users(reader),
        verify: VerifyCommand {
            command: text(reader, "verify_command", "/bin/bash"),
            args: args
                .unwrap_or_else(|| vec!["-c".to_owned(), "{path}/test.sh {image}".to_owned()]),
            proxy: http,
        },
        container_limits: read_limits(reader),
        driver: Driver::Docker,
        mirrors: Mirrors {
            main: read_mirror(reader, "mirror"),
            security: read_mirror(reader, "security_mirror"),
        },
        build_timeout: read_span(reader, "build_timeout", DEFAULT_BUILD_TIMEOUT),
        build_timeouts: read_spans(reader, "build_timeouts"),
        verify_timeout: read_span(reader, "verify_timeout", DEFAULT_VERIFY_TIMEOUT),
        verify_timeouts: read_spans(reader, "verify_timeouts"),
        engine_timeout: read_span(reader, "engine_timeout", DEFAULT_ENGINE_TIMEOUT),
        registry_timeout: read_span(reader, "registry_timeout", DEFAULT_REGISTRY_TIMEOUT),
        audit: read_audit(reader),
        status_command: read_status_command(reader),
        stamps: read_stamps(reader),
        variables: read_variables(reader),
    }
}

fn read_users(reader: &mut Reader<'_>) -> BTreeMap<String, u32> {
    let usual = [("root", 0), ("www-data", 33), ("nobody", 65534)];
    let users = reader.numbers("known_uid_mappings");
    users.unwrap_or_else(|| usual.map(|(name, uid)| (name.to_owned(), uid)).into())
}

fn read_file(reader: &mut Reader<'_>, key: &'static str) -> Option<NamedFile> {
    let path = reader.filled_text(key).map(PathBuf::from)?;
    let place = reader.find(key)?.place();
    Some(NamedFile { path, place })
}

fn read_span(reader: &mut Reader<'_>, key: &'static str, default: Duration) -> Duration {
    const SPAN: &str = "a length of time such as `90` (seconds), `15m` or `1h30m`";
    let read = reader.parsed(key, SPAN, find_duration);
    read.unwrap_or(default)
}

fn read_naming(reader: &mut Reader<'_>) -> Naming {
    let naming = Naming {
        registry: reader.filled_text("registry"),
        namespace: reader.filled_text("namespace"),
        suffix: None,
    };
    for (key, part) in [
        ("registry", &naming.registry),
        ("namespace", &naming.namespace),
    ] {
        if let (Some(part), Some(entry)) = (part, reader.find(key))
            && let Err(source) = format!("{part}/name").parse::<Reference>()
        {
            let place = entry.place();
            let error = SettingsError::Naming {
                place,
                key,
                source: source.into(),
            };
            reader.errors.push(error);
        }
    }
    naming
}

fn read_base_images(reader: &mut Reader<'_>) -> Vec<Reference> {
    let mut images: Vec<Reference> = Vec::new();
    for (place, text) in reader.texts("base_images").unwrap_or_default() {
        let image: Reference = match text.parse() {
            Ok(image) => image,
            Err(source) => {
                let error = SettingsError::BaseImage {
                    place,
                    source: source.into(),
                };
                reader.errors.push(error);
                continue;
            }
        };
        match images.iter().find(|other| other.name() == image.name()) {
            Some(other) if *other == image => {}
            Some(other) => reader.errors.push(SettingsError::BaseImageTwice {
                place,
                first: other.clone().into(),
                second: image.into(),
            }),
            None => images.push(image),
        }
    }
    images
}

fn read_limits(reader: &mut Reader<'_>) -> ContainerLimits {
    let Some(entry) = reader.find("container_limits") else {
        return ContainerLimits::default();
    };
    let Content::Mapping(pairs) = &entry.node.content else {
        let place = entry.place();
        let text = reader.text("container_limits").unwrap_or_default();
        return parse_limits(&text).unwrap_or_else(|source| {
            reader.errors.push(SettingsError::Limits {
                place,
                source: source.into(),
            });
            ContainerLimits::default()
        });
    };
    let mut limits = ContainerLimits::default();
    let mut errors = Vec::new();
    for (name, value) in pairs {
        let set = limits.set(&name.to_value().print(), &value.to_value().print());
        if let Err(source) = set {
            let place = entry.place_of(value.mark);
            errors.push(SettingsError::Limits {
                place,
                source: source.into(),
            });
        }
    }
    reader.errors.append(&mut errors);
    limits
}

fn read_mirror(reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
    reader.filled_text(key)?;
    reader.parsed(
        key,
        "an address that begins with `http://`, `https://` or `file:/`",
        |text| {
            let is_address = ["http://", "https://", "file:/"].iter().any(|scheme| {
                text.strip_prefix(scheme)
                    .is_some_and(|rest| !rest.is_empty())
            });
            (is_address && !text.contains(char::is_whitespace))
                .then(|| text.trim_end_matches('/').to_owned())
        },
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::{Secret, Value};

    fn read(texts: &[&str]) -> Result<ReadSettings, SettingsErrors> {
        let paths = ["user.yaml", "config.yaml"];
        let layers: Vec<Layer<'_>> = texts
            .iter()
            .zip(&paths[2 - texts.len()..])
            .map(|(text, path)| Layer {
                path: Path::new(path),
                text,
            })
            .collect();
        parse_settings(&layers)
    }

    fn settings(text: &str) -> Settings {
        read(&[text]).unwrap().settings
    }

    #[test]
    fn no_file_and_an_empty_file_give_the_defaults() {
        let defaults = Settings::default();
        assert_eq!(settings("# nothing\n"), defaults);
        assert_eq!(defaults.scan_workers.get(), 8);
        assert_eq!(defaults.verify.args, ["-c", "{path}/test.sh {image}"]);
        assert_eq!(defaults.known_uid_mappings["nobody"], 65534);
        assert_eq!(defaults.build_timeout, Duration::from_secs(7200));
        assert_eq!(defaults.engine_timeout, Duration::from_secs(300));
        assert_eq!(defaults.registry_timeout, Duration::from_secs(120));
        assert_eq!(defaults.variables().iter().count(), 18);
    }

    #[test]
    fn an_upper_setting_replaces_the_whole_lower_one() {
        let lower = "namespace: ns\nusername: u\nknown_uid_mappings: {a: 1}\nfoo: {x: 1, y: 2}";
        let upper = "registry: r.example.org\nnamespace:\nknown_uid_mappings: {b: 2}\nfoo: {x: 3}";
        let settings = read(&[lower, upper]).unwrap().settings;
        assert_eq!(settings.naming.name("n"), "r.example.org/n");
        assert_eq!(
            settings.known_uid_mappings,
            BTreeMap::from([("b".to_owned(), 2)])
        );
        let variables = settings.variables();
        assert_eq!(variables.find("namespace"), Some(&Value::None));
        assert_eq!(
            variables.find("username"),
            Some(&Value::Text("u".to_owned()))
        );
        let foo = Value::Mapping(vec![(Value::Text("x".to_owned()), Value::Integer(3))]);
        assert_eq!(variables.find("foo"), Some(&foo));
    }

    #[track_caller]
    fn apt_proxy(text: &str, expected: Option<&str>, shown: &Value) {
        let settings = settings(text);
        assert_eq!(settings.proxies.apt_only.as_deref(), expected);
        assert_eq!(settings.variables().find("apt_only_proxy"), Some(shown));
    }

    #[test]
    fn apt_takes_the_general_proxy_unless_told_otherwise() {
        let text = |text: &str| Value::Text(text.to_owned());
        apt_proxy("", None, &Value::None);
        apt_proxy("http_proxy: http://p", Some("http://p"), &text("http://p"));
        apt_proxy(
            "http_proxy: http://p\napt_only_proxy: ~",
            Some("http://p"),
            &text("http://p"),
        );
        apt_proxy("http_proxy: http://p\napt_only_proxy: ''", None, &text(""));
        apt_proxy(
            "http_proxy: http://p\napt_only_proxy: off",
            None,
            &Value::Boolean(false),
        );
        apt_proxy(
            "apt_only_proxy: http://q",
            Some("http://q"),
            &text("http://q"),
        );
    }

    #[test]
    fn secrets_are_neither_printed_nor_shown_to_templates() {
        let settings = settings("username: ann\npassword: hush-hush");
        assert!(!format!("{settings:?}").contains("hush"));
        assert_eq!(settings.variables().find("password"), None);
        let password = settings.credentials.map(|credentials| credentials.password);
        assert_eq!(password.as_ref().map(Secret::reveal), Some("hush-hush"));
    }

    #[test]
    fn own_settings_are_read() {
        let settings = settings(
            "mirror: https://deb.example.org/debian/\nbuild_timeout: 1h30m\nverify_timeout: 90\n\
             container_limits: {memory: 4g, cpushares: 512}\nscan_workers: 2\nregistry_timeout: 5s",
        );
        assert_eq!(
            settings.mirrors.main.as_deref(),
            Some("https://deb.example.org/debian")
        );
        assert_eq!(settings.build_timeout, Duration::from_secs(5400));
        assert_eq!(settings.verify_timeout, Duration::from_secs(90));
        assert_eq!(settings.registry_timeout, Duration::from_secs(5));
        assert_eq!(settings.container_limits.memory_bytes, Some(4 << 30));
        assert_eq!(settings.scan_workers.get(), 2);
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let errors = read(&[text]).expect_err(text);
        assert_eq!(errors.to_string(), expected);
    }

    #[test]
    fn all_faults_are_told_with_their_places() {
        refused(
            "namespace: 5\nscan_workers: 0\nbase_images: [a:1, 7]\nverify_timeout: soon",
            "config.yaml:1:12: `namespace` has to be a text (in quotes where it looks like something else), and this is a whole number\n\
             config.yaml:2:15: `scan_workers` has to be a whole number over 0\n\
             config.yaml:3:20: `base_images` has to be a list of texts, and this is a whole number\n\
             config.yaml:4:17: `verify_timeout` has to be a length of time such as `90` (seconds), `15m` or `1h30m`",
        );
        refused(
            "- a",
            "config.yaml:1:1: settings are `name: value` pairs, and this is a list",
        );
        refused(
            "yes: 1",
            "config.yaml:1:1: the name of a setting has to be a text, and this is a boolean",
        );
        refused(
            "a: [",
            "config.yaml:1:4: the settings cannot be read: unclosed bracket '['",
        );
        refused(
            "namespace: Big",
            "config.yaml:1:12: `namespace` cannot be part of an image's name: `Big/name` is no image reference: `Big` \
             has to be lower-case letters and digits, parted by `.`, `_`, `__` or `-`",
        );
        refused(
            "container_limits: memory=much",
            "config.yaml:1:19: `container_limits` cannot be read: `memory` cannot be `much`: a number of bytes such as \
             `4294967296` or `4g` is expected",
        );
        refused(
            "known_uid_mappings: {a: -1}",
            "config.yaml:1:25: `known_uid_mappings` has to be a mapping of names to numbers from 0 to 4294967295",
        );
        refused(
            "mirror: deb.example.org",
            "config.yaml:1:9: `mirror` has to be an address that begins with `http://`, `https://` or `file:/`",
        );
    }

    #[test]
    fn a_base_image_with_two_tags_is_an_error_and_a_repeated_one_is_not() {
        assert_eq!(
            settings("base_images: [r.example.org/a:1, r.example.org/a:1]")
                .base_images
                .len(),
            1
        );
        refused(
            "base_images:\n  - r.example.org/a:1\n  - r.example.org/a:2",
            "config.yaml:3:5: `base_images` lists `r.example.org/a` twice, as `r.example.org/a:1` and as \
             `r.example.org/a:2`",
        );
    }

    #[track_caller]
    fn warned(text: &str, expected: &[&str]) {
        let warnings = read(&[text]).unwrap().warnings;
        let warnings: Vec<String> = warnings
            .iter()
            .map(|warning| format!("{}: {warning}", warning.place()))
            .collect();
        assert_eq!(warnings, expected);
    }

    #[test]
    fn doubtful_settings_are_warned_of() {
        warned(
            "registry: r.example.org\nnamspace: ns\nbase-images: []\nrepo: x\nseed_image: y\n",
            &[
                "config.yaml:2:1: there is no setting `namspace`; `namespace` may be meant",
                "config.yaml:3:1: there is no setting `base-images`; `base_images` may be meant",
            ],
        );
        warned(
            "username: u",
            &["config.yaml:1:1: credentials need `password` too, so nobody logs in"],
        );
        warned(
            "driver: kaniko",
            &["config.yaml:1:9: there is no driver `kaniko`, so images are built with `docker`"],
        );
    }
}
