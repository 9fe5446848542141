//! What the configuration of an image says.

use std::collections::BTreeMap;

use super::suite::{MetadataTest, Pair, Value};
use crate::oci::ContainerConfig;

impl MetadataTest {
    /// Tells whether nothing is checked.
    pub(super) fn is_empty(&self) -> bool {
        let lists = [
            &self.exposed,
            &self.unexposed,
            &self.volumes,
            &self.unmounted,
            &self.unbound,
        ];
        let pairs = [&self.variables, &self.labels];
        let texts = [&self.workdir, &self.user];
        let commands = [&self.entrypoint, &self.cmd];
        lists.iter().all(|list| list.is_empty())
            && pairs.iter().all(|pairs| pairs.is_empty())
            && texts.iter().all(|text| text.is_none())
            && commands.iter().all(|command| command.is_none())
    }
}

/// Gives what is wrong with a configuration.
pub(super) fn judge_metadata(
    test: &MetadataTest,
    config: &ContainerConfig,
    environment: &BTreeMap<String, String>,
) -> Vec<String> {
    let empty = BTreeMap::new();
    let labels = config.labels.as_ref().unwrap_or(&empty);
    let mut wrong = Vec::new();
    let variables = test.variables.iter();
    wrong.extend(variables.filter_map(|pair| judge_pair("variable", pair, environment)));
    let bound = test
        .unbound
        .iter()
        .filter(|key| environment.contains_key(*key));
    wrong.extend(bound.map(|key| format!("the variable `{key}` is set")));
    let pairs = test.labels.iter();
    wrong.extend(pairs.filter_map(|pair| judge_pair("label", pair, labels)));
    wrong.extend(judge_command(
        "entry point",
        test.entrypoint.as_ref(),
        config.entrypoint.as_ref(),
    ));
    wrong.extend(judge_command(
        "command",
        test.cmd.as_ref(),
        config.cmd.as_ref(),
    ));
    wrong.extend(judge_ports(test, config));
    wrong.extend(judge_volumes(test, config));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let texts = [
        (
            "working directory",
            &test.workdir,
            text(&config.working_dir),
        ),
        ("user", &test.user, text(&config.user)),
    ];
    for (what, expected, found) in texts {
        if let Some(expected) = expected.as_ref().filter(|expected| **expected != found) {
            wrong.push(format!("the {what} is `{found}`, and not `{expected}`"));
        }
    }
    wrong
}

fn judge_pair(what: &str, pair: &Pair, found: &BTreeMap<String, String>) -> Option<String> {
    let key = &pair.key;
    let Some(value) = found.get(key) else {
        return Some(format!("there is no {what} `{key}`"));
    };
    match &pair.value {
        Value::Exact(expected) if value != expected => Some(format!(
            "the {what} `{key}` is `{value}`, and not `{expected}`"
        )),
        Value::Matching(pattern) if !pattern.matches(value) => Some(format!(
            "the {what} `{key}` is `{value}`, which does not match `{}`",
            pattern.as_str()
        )),
        Value::Exact(_) | Value::Matching(_) => None,
    }
}

/// A command that is not named is not checked; an empty one has to be empty.
fn judge_command(
    what: &str,
    expected: Option<&Vec<String>>,
    found: Option<&Vec<String>>,
) -> Option<String> {
    let expected = expected?;
    let nothing = Vec::new();
    let found = found.unwrap_or(&nothing);
    (expected != found).then(|| format!("the {what} is {found:?}, and not {expected:?}"))
}

fn judge_ports(test: &MetadataTest, config: &ContainerConfig) -> Vec<String> {
    let exposed: Vec<&String> = config
        .exposed_ports
        .iter()
        .flatten()
        .map(|(port, _)| port)
        .collect();
    // A port that is written without a protocol is meant with any.
    let is_exposed = |port: &&String| {
        exposed
            .iter()
            .any(|found| found == port || found.split('/').next() == Some(port))
            || port
                .strip_suffix("/tcp")
                .is_some_and(|bare| exposed.iter().any(|found| *found == bare))
    };
    let missing = test.exposed.iter().filter(|port| !is_exposed(port));
    let missing = missing.map(|port| format!("the port {port} is not exposed"));
    let found = test.unexposed.iter().filter(is_exposed);
    let found = found.map(|port| format!("the port {port} is exposed"));
    missing.chain(found).collect()
}

fn judge_volumes(test: &MetadataTest, config: &ContainerConfig) -> Vec<String> {
    let volumes = config.volumes.as_ref();
    let is_one = |path: &&String| volumes.is_some_and(|volumes| volumes.contains_key(*path));
    let missing = test.volumes.iter().filter(|path| !is_one(path));
    let missing = missing.map(|path| format!("{path} is no volume"));
    let found = test.unmounted.iter().filter(is_one);
    let found = found.map(|path| format!("{path} is a volume"));
    missing.chain(found).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples::judge;
    use crate::oci::ContainerConfig;
    use crate::rootfs::Tree;

    #[track_caller]
    fn case(test: &str, expected: &[&str]) {
        let config = r#"{"User": "app", "ExposedPorts": {"8080/tcp": {}, "53/udp": {}, "99": {}}, "Volumes": {"/data": {}},
            "Env": ["PATH=/usr/bin:/bin", "EMPTY=", "BARE"], "Entrypoint": ["/app", "run"], "WorkingDir": "/srv",
            "Labels": {"version": "1.2"}}"#;
        let config: ContainerConfig = serde_json::from_str(config).unwrap();
        let text = format!("metadataTest: {{{test}}}");
        assert_eq!(judge(&text, &Tree::default(), &config), expected, "{test}");
    }

    #[test]
    fn variables_are_compared_or_matched() {
        case(
            "envVars: [{key: PATH, value: '/usr/bin:/bin'}, {key: EMPTY}, {key: BARE, value: ''}]",
            &[],
        );
        case(
            "envVars: [{key: PATH, value: ':/bin$', isRegex: true}]",
            &[],
        );
        case(
            "envVars: [{key: PATH, value: bin}, {key: PATH, value: '^/bin', isRegex: true}, {key: NO, value: '.*', isRegex: true}]",
            &[
                "the variable `PATH` is `/usr/bin:/bin`, and not `bin`",
                "the variable `PATH` is `/usr/bin:/bin`, which does not match `^/bin`",
                "there is no variable `NO`",
            ],
        );
        case("unboundEnvVars: [{key: NO}]", &[]);
        case(
            "unboundEnvVars: [{key: EMPTY}]",
            &["the variable `EMPTY` is set"],
        );
    }

    #[test]
    fn labels_are_compared_or_matched() {
        case(
            "labels: [{key: version, value: '1.2'}, {key: version, value: '^1', isRegex: true}]",
            &[],
        );
        case(
            "labels: [{key: version, value: '1'}, {key: version, value: '^2', isRegex: true}, {key: name, value: a}]",
            &[
                "the label `version` is `1.2`, and not `1`",
                "the label `version` is `1.2`, which does not match `^2`",
                "there is no label `name`",
            ],
        );
    }

    #[test]
    fn commands_are_compared_where_they_are_named() {
        case("entrypoint: [/app, run], cmd: []", &[]);
        case(
            "entrypoint: [], cmd: [sh]",
            &[
                r#"the entry point is ["/app", "run"], and not []"#,
                r#"the command is [], and not ["sh"]"#,
            ],
        );
    }

    #[test]
    fn ports_and_volumes_are_there_or_not() {
        case(
            "exposedPorts: ['8080', 53, 53/udp, 8080/tcp, 99, 99/tcp], unexposedPorts: [80, 53/tcp, 8080/udp]",
            &[],
        );
        case("volumes: [/data], unmountedVolumes: [/tmp]", &[]);
        case(
            "exposedPorts: [80, 53/tcp], unexposedPorts: [8080], volumes: [/tmp], unmountedVolumes: [/data]",
            &[
                "the port 80 is not exposed",
                "the port 53/tcp is not exposed",
                "the port 8080 is exposed",
                "/tmp is no volume",
                "/data is a volume",
            ],
        );
    }

    #[test]
    fn user_and_working_directory_are_compared() {
        case("user: app, workdir: /srv", &[]);
        case(
            "user: root, workdir: /",
            &[
                "the working directory is `/srv`, and not `/`",
                "the user is `app`, and not `root`",
            ],
        );
        case(
            "user: root, workdir: ''",
            &["the user is `app`, and not `root`"],
        );
    }
}
