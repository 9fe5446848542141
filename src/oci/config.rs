//! The configuration of an image (OCI image-spec, "Image Configuration"): what an engine hashes to its identity.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Digest, Platform};

/// How containers of an image are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunConfig {
    /// Variables, by name.
    pub environment: BTreeMap<String, String>,
    /// The program that always runs, with its first arguments.
    pub entrypoint: Vec<String>,
    /// The default arguments, or the program where there is no entry point.
    pub cmd: Vec<String>,
    /// Who runs it: a name or a number, also with a group after a colon.
    pub user: Option<String>,
    /// The ports that it listens on: `8080/tcp`.
    pub ports: Vec<String>,
    /// The directories that containers keep of their own.
    pub volumes: Vec<String>,
    /// The working directory.
    pub working_directory: Option<String>,
    /// The signal that ends a container.
    pub stop_signal: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// One layer as the configuration knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerHistory {
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// What made it, for `docker history`.
    pub created_by: String,
}

#[derive(Serialize)]
struct Written<'a> {
    created: &'a str,
    architecture: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    os: &'a str,
    config: WrittenConfig<'a>,
    rootfs: WrittenRootfs<'a>,
    history: Vec<WrittenHistory<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "as_object"
    )]
    exposed_ports: BTreeSet<&'a str>,
    env: Vec<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    entrypoint: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cmd: &'a [String],
    #[serde(
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "as_object"
    )]
    volumes: BTreeSet<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
}

/// Writes a set as the specification has it: an object with an empty object for each member.
fn as_object<S: Serializer>(set: &BTreeSet<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    let nothing = BTreeMap::<&str, &str>::new();
    serializer.collect_map(set.iter().map(|member| (member, &nothing)))
}

#[derive(Serialize)]
struct WrittenRootfs<'a> {
    r#type: &'static str,
    diff_ids: Vec<&'a str>,
}

#[derive(Serialize)]
struct WrittenHistory<'a> {
    created: &'a str,
    created_by: &'a str,
}

const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Renders the configuration as JSON; the same values give the same bytes, and so the same image id.
///
/// A `PATH` is added where the environment has none.
///
/// # Panics
///
/// Never: text, lists and maps with text keys are always JSON.
#[must_use]
pub fn render_config(
    run: &RunConfig,
    layers: &[LayerHistory],
    created: DateTime<Utc>,
    platform: &Platform,
) -> String {
    let created = created.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut environment = run.environment.clone();
    environment
        .entry("PATH".to_owned())
        .or_insert_with(|| USUAL_PATH.to_owned());
    let written = Written {
        created: &created,
        architecture: &platform.architecture,
        variant: platform.variant.as_deref(),
        os: &platform.os,
        config: WrittenConfig {
            user: run.user.as_deref(),
            exposed_ports: set(&run.ports),
            env: environment
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            entrypoint: &run.entrypoint,
            cmd: &run.cmd,
            volumes: set(&run.volumes),
            working_dir: run.working_directory.as_deref(),
            stop_signal: run.stop_signal.as_deref(),
            labels: &run.labels,
        },
        rootfs: WrittenRootfs {
            r#type: "layers",
            diff_ids: layers.iter().map(|layer| layer.diff_id.as_str()).collect(),
        },
        history: layers
            .iter()
            .map(|layer| WrittenHistory {
                created: &created,
                created_by: &layer.created_by,
            })
            .collect(),
    };
    serde_json::to_string(&written).expect("text, lists and maps with text keys are always JSON")
}

/// Renders the configuration of an image that is built on another one: what that one says stays, unless `run` says otherwise.
///
/// Variables, labels, ports and volumes are added; an entry point takes the base's command along, which was meant for another
/// program. What `base` has beside an image's own configuration is left out: the containers that Docker made it in, and what
/// it wanted its children to do (`OnBuild`).
pub fn extend_config(
    base: &[u8],
    run: &RunConfig,
    layer: Option<&LayerHistory>,
    (created, made_by): (DateTime<Utc>, &str),
) -> Result<String, serde_json::Error> {
    let created = Value::from(created.to_rfc3339_opts(SecondsFormat::Secs, true));
    let mut image: Map<String, Value> = serde_json::from_slice(base)?;
    let mut config = take_map(&mut image, "config");
    config.remove("OnBuild");
    for (key, words) in [("Entrypoint", &run.entrypoint), ("Cmd", &run.cmd)] {
        if !words.is_empty() {
            config.insert(key.to_owned(), Value::from(words.clone()));
        }
    }
    if !run.entrypoint.is_empty() && run.cmd.is_empty() {
        config.remove("Cmd");
    }
    let texts = [
        ("User", &run.user),
        ("WorkingDir", &run.working_directory),
        ("StopSignal", &run.stop_signal),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            config.insert(key.to_owned(), Value::from(text.as_str()));
        }
    }
    for (key, members) in [("ExposedPorts", &run.ports), ("Volumes", &run.volumes)] {
        let mut all = take_map(&mut config, key);
        let nothing = || Value::Object(Map::new());
        all.extend(members.iter().map(|member| (member.clone(), nothing())));
        put_map(&mut config, key, all);
    }
    let mut labels = take_map(&mut config, "Labels");
    labels.retain(|key, _| !key.starts_with(ABOUT_ITSELF));
    let own = run.labels.iter();
    labels.extend(own.map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    put_map(&mut config, "Labels", labels);
    let environment = extend_environment(config.remove("Env"), &run.environment);
    config.insert("Env".to_owned(), Value::from(environment));
    let mut rootfs = take_map(&mut image, "rootfs");
    let mut diff_ids = take_list(&mut rootfs, "diff_ids");
    diff_ids.extend(layer.map(|layer| Value::from(layer.diff_id.as_str())));
    rootfs.insert("diff_ids".to_owned(), Value::from(diff_ids));
    rootfs.insert("type".to_owned(), Value::from("layers"));
    let mut history = take_list(&mut image, "history");
    let mut entry = Map::new();
    entry.insert("created".to_owned(), created.clone());
    entry.insert("created_by".to_owned(), Value::from(made_by));
    if layer.is_none() {
        entry.insert("empty_layer".to_owned(), Value::from(true));
    }
    history.push(Value::Object(entry));
    image.retain(|key, _| KEPT.contains(&key.as_str()));
    image.insert("config".to_owned(), Value::Object(config));
    image.insert("created".to_owned(), created);
    image.insert("rootfs".to_owned(), Value::Object(rootfs));
    image.insert("history".to_owned(), Value::from(history));
    serde_json::to_string(&image)
}

/// What the base says of itself alone ("Pre-Defined Annotation Keys").
const ABOUT_ITSELF: &str = "org.opencontainers.image.";

/// What an image has of its own beside what is written anew.
const KEPT: [&str; 6] = [
    "architecture",
    "os",
    "variant",
    "os.version",
    "os.features",
    "author",
];

/// Takes an object out; Docker writes `null` for one that is empty.
fn take_map(object: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match object.remove(key) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn put_map(object: &mut Map<String, Value>, key: &str, map: Map<String, Value>) {
    if !map.is_empty() {
        object.insert(key.to_owned(), Value::Object(map));
    }
}

fn take_list(object: &mut Map<String, Value>, key: &str) -> Vec<Value> {
    match object.remove(key) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

/// Puts variables in the place of the base's, and others behind them.
fn extend_environment(base: Option<Value>, own: &BTreeMap<String, String>) -> Vec<String> {
    let mut left = own.clone();
    let mut all = Vec::new();
    if let Some(Value::Array(variables)) = base {
        for variable in variables.iter().filter_map(Value::as_str) {
            let name = variable.split('=').next().unwrap_or_default();
            match left.remove(name) {
                Some(value) => all.push(format!("{name}={value}")),
                None => all.push(variable.to_owned()),
            }
        }
    }
    all.extend(
        left.into_iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    all
}

fn set(members: &[String]) -> BTreeSet<&str> {
    let members = members.iter();
    members.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_what_the_specification_describes() {
        let run = RunConfig {
            environment: [("LANG".to_owned(), "C.UTF-8".to_owned())].into(),
            cmd: vec!["/bin/bash".to_owned()],
            ports: vec!["80/tcp".to_owned()],
            volumes: vec!["/data".to_owned()],
            user: Some("app".to_owned()),
            ..RunConfig::default()
        };
        let layers = [LayerHistory {
            diff_id: Digest::of(b""),
            created_by: "mmdebstrap bookworm".to_owned(),
        }];
        let created = DateTime::from_timestamp(0, 0).unwrap();
        let platform = |variant: Option<&str>| Platform {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
            variant: variant.map(str::to_owned),
        };
        let of_variant = render_config(&run, &layers, created, &platform(Some("v3")));
        assert!(of_variant.contains("\"architecture\":\"amd64\",\"variant\":\"v3\",\"os\""));
        assert_eq!(
            render_config(&run, &layers, created, &platform(None)),
            "{\"created\":\"1970-01-01T00:00:00Z\",\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"User\":\"app\",\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[\"LANG=C.UTF-8\",\
             \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\"Cmd\":[\"/bin/bash\"],\"Volumes\":{\"/data\":{}}},\"rootfs\":{\"type\":\
             \"layers\",\"diff_ids\":[\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]},\"history\":\
             [{\"created\":\"1970-01-01T00:00:00Z\",\"created_by\":\"mmdebstrap bookworm\"}]}"
        );
    }
}
