//! The JSON schemas: what they accept is what the program accepts, and the copies in docs/ are fresh.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pkg::host::fs::read_text;
use pkg::settings::{Layer, Settings, parse_settings};
use serde_json::Value as Json;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

use crate::support::json_schema::find_faults;
use crate::support::sandbox::Sandbox;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema(arguments: &[&str]) -> Json {
    let output = Sandbox::new().pkg(&[&["util", "schema"], arguments].concat());
    output.assert_code(0);
    assert_eq!(output.stderr, "");
    serde_json::from_str(&output.stdout).expect("JSON")
}

/// Reads YAML as an editor does.
fn read_yaml(path: &Path) -> Json {
    let text = read_text(path).expect("a file");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn configs() -> Vec<PathBuf> {
    let names = [
        "config.yaml",
        "config-istio.yaml",
        "config-cert-manager.yaml",
    ];
    names.map(|name| root().join(name)).into()
}

#[track_caller]
fn fresh(name: &str, arguments: &[&str]) {
    let output = Sandbox::new().pkg(&[&["util", "schema"], arguments].concat());
    output.assert_code(0);
    let kept = Data::read_from(&root().join("docs").join(name), Some(DataFormat::Text));
    let assert = Assert::new()
        .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
        .normalize_paths(false);
    assert.eq(output.stdout, kept.raw());
}

#[test]
fn the_checked_in_schemas_are_what_the_program_prints() {
    fresh("config.schema.json", &[]);
    fresh("config.schema.json", &["config"]);
    fresh("image.schema.json", &["image"]);
}

#[test]
fn the_configs_of_the_repository_keep_to_the_schema_and_name_it() {
    let schema = schema(&[]);
    for path in configs() {
        assert_eq!(
            find_faults(&schema, &read_yaml(&path)),
            [""; 0],
            "{}",
            path.display()
        );
        let text = read_text(&path).expect("a file");
        let named = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let named = named.unwrap_or_else(|| panic!("{} names no schema", path.display()));
        assert!(root().join(named).is_file(), "{named}");
    }
}

#[test]
fn the_declared_images_of_the_repository_keep_to_the_schema() {
    let schema = schema(&["image"]);
    let mut count = 0;
    for entry in walkdir::WalkDir::new(root().join("images")) {
        let entry = entry.expect("an entry");
        if entry.file_name() == "image.yaml" {
            count += 1;
            assert_eq!(
                find_faults(&schema, &read_yaml(entry.path())),
                [""; 0],
                "{}",
                entry.path().display()
            );
        }
    }
    assert!(count > 0, "there is a declared image");
}

/// Values that a setting can have, and values that it cannot, as JSON, which is YAML as well.
const VALUES: [(&str, &[&str], &[&str]); 33] = [
    (
        "apt_only_proxy",
        &["false", r#""""#, r#""http://p:1""#],
        &["true", "5", "[]"],
    ),
    (
        "apt_options",
        &[r#""""#, r#""-o A=B""#],
        &["5", "[]", "true"],
    ),
    (
        "audit",
        &[
            "{}",
            r#"{"rules": {"image-old": "off", "user-root": "error"}, "days": 90}"#,
            r#"{"exclude": [{"rule": "user-root", "image": "*-cni"}, {"image": "a"}], "rules": null}"#,
            r#"{"rules": {"image-old": false}}"#,
        ],
        &[
            "[]",
            r#"{"day": 1}"#,
            r#"{"days": 0}"#,
            r#"{"rules": {"image-old": "fatal"}}"#,
            r#"{"rules": {"image-old": true}}"#,
            r#"{"exclude": [{}]}"#,
            r#"{"exclude": [{"rules": "a"}]}"#,
        ],
    ),
    (
        "base_images",
        &[
            "[]",
            r#"["a"]"#,
            r#"["a:1", "r.example.org/b__c/d-e.f:1.0_x", "localhost/a", "r:5000/a:1", "[::1]:5/a"]"#,
            r#"["R.example.org/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]"#,
        ],
        &[
            r#""a:1""#,
            "[7]",
            r#"["A"]"#,
            r#"["a:"]"#,
            r#"["http://r.example.org/a"]"#,
            r#"["a@sha256:1"]"#,
            r#"["a b"]"#,
        ],
    ),
    (
        "build_timeout",
        &[
            "1",
            "31622400",
            r#""90""#,
            r#""1h30m""#,
            r#"" 1h1s ""#,
            r#""2m5s""#,
        ],
        &[
            "0",
            "-1",
            "1.5",
            r#""1d""#,
            r#""30m1h""#,
            r#""""#,
            "31622401",
            "[]",
        ],
    ),
    (
        "build_timeouts",
        &[
            "{}",
            r#"{"chromium": "8h", "*-dev": 90, "[a-c]?.x+y_z": " 1h1s "}"#,
        ],
        &[
            "5",
            "[]",
            r#""4h""#,
            r#"{"a": 0}"#,
            r#"{"a": null}"#,
            r#"{"a": "1d"}"#,
            r#"{"a": {}}"#,
            r#"{"*/a:*": "1h"}"#,
            r#"{"": "1h"}"#,
        ],
    ),
    ("ca_bundle", &[r#""/etc/ca.pem""#], &["5", "true"]),
    (
        "container_limits",
        &[
            r#""""#,
            r#""memory=4g, memswap=-1,cpushares=512,cpusetcpus=0-3,8""#,
            r#"{"memory": "4g", "memswap": -1, "cpushares": 5, "cpusetcpus": "0-3,8"}"#,
            r#"{"memory": 4096, "memswap": "2GB", "cpushares": "5", "cpusetcpus": 0}"#,
        ],
        &[
            "5",
            "[]",
            r#""cpu=1""#,
            r#""much""#,
            r#"{"cpu": 1}"#,
            r#"{"memory": "4q"}"#,
            r#"{"memory": -1}"#,
            r#"{"memory": null}"#,
            r#"{"cpusetcpus": "0..3"}"#,
        ],
    ),
    ("distribution", &[r#""trixie""#], &["5"]),
    ("driver", &[r#""docker""#], &[]),
    ("engine_timeout", &["5", r#""5s""#], &["0", r#""soon""#]),
    ("fallback_author", &[r#""Ann""#], &["[]"]),
    ("fallback_email", &[r#""ann@example.org""#], &["{}"]),
    (
        "force_numeric_user",
        &["true", "false"],
        &[r#""true""#, "1", "[]"],
    ),
    (
        "http_proxy",
        &["false", r#""http://p:1""#],
        &["true", "8080"],
    ),
    (
        "known_uid_mappings",
        &["{}", r#"{"a": 0, "b": 4294967295, "c": "33"}"#],
        &[
            "[]",
            r#"{"a": -1}"#,
            r#"{"a": 4294967296}"#,
            r#"{"a": "033"}"#,
            r#"{"a": null}"#,
            r#"{"a": 1.5}"#,
        ],
    ),
    (
        "mirror",
        &[
            r#""""#,
            r#""https://deb.example.org/debian/""#,
            r#""file:/srv/debian""#,
        ],
        &[
            r#""deb.example.org""#,
            r#""https://""#,
            r#""http://a b""#,
            "5",
        ],
    ),
    (
        "namespace",
        &[r#""""#, r#""base""#, r#""a/b-c.d__e""#],
        &[r#""Big""#, r#""a/""#, r#""a b""#, r#""-a""#, "5"],
    ),
    ("password", &[r#""hush""#], &["5"]),
    (
        "registry",
        &[
            r#""""#,
            r#""registry.example.org""#,
            r#""R.example.org:5000/a/b""#,
            r#""localhost""#,
            r#""host:5000""#,
            r#""[::1]:5000""#,
            r#""team""#,
        ],
        &[
            r#""https://r.example.org""#,
            r#""Big""#,
            r#""r.example.org/""#,
            r#""r.example.org/Big""#,
            "5",
        ],
    ),
    ("registry_timeout", &["5", r#""5s""#], &["0", r#""soon""#]),
    (
        "scan_workers",
        &["1", r#""8""#],
        &["0", "-1", r#""none""#, r#""0""#, "1.5", "[]"],
    ),
    (
        "secrets",
        &[
            "{}",
            r#"{"npm": {"env": "NPM_TOKEN"}}"#,
            r#"{"a.b-c_1": {"file": "~/.netrc", "images": ["web-*"]}}"#,
        ],
        &[
            r#""npm""#,
            "[]",
            r#"{"npm": "hush"}"#,
            r#"{"npm": {}}"#,
            r#"{"npm": {"env": ""}}"#,
            r#"{"npm": {"env": "A", "file": "b"}}"#,
            r#"{"npm": {"value": "hush"}}"#,
            r#"{"npm": {"env": "A", "images": "a"}}"#,
            r#"{"a,b": {"env": "A"}}"#,
        ],
    ),
    (
        "security_mirror",
        &[r#""http://deb.example.org/security""#],
        &[r#""ftp://a""#],
    ),
    ("seed_image", &[r#""a:1""#, "5", "[]"], &[]),
    (
        "stamp_defaults",
        &[
            "{}",
            r#"{"STABLE_A": "1.10", "_b2": "", "BUILD_TIMESTAMP": "a b"}"#,
            r#"{"A": " a\\b ", "B": " "}"#,
        ],
        &[
            "[]",
            r#""A x""#,
            r#"{"A-B": "x"}"#,
            r#"{"1A": "x"}"#,
            r#"{"": "x"}"#,
            r#"{"A": 1}"#,
            r#"{"A": null}"#,
            r#"{"A": "x\\"}"#,
            r#"{"A": "\\ "}"#,
            r#"{"A": "x\ny"}"#,
        ],
    ),
    (
        "status_command",
        &[
            r#""./status.sh""#,
            r#""sh -c 'echo A 1'""#,
            r#"["sh", "-c", "a b"]"#,
        ],
        &[r#""""#, r#"" ""#, "[]", "5", "[1]", "{}"],
    ),
    ("update_id", &[r#""u""#], &["5"]),
    ("username", &[r#""ann""#], &["[]"]),
    (
        "verify_args",
        &["[]", r#"["-c", "x {image}"]"#],
        &[r#""-c""#, "[5]", "{}"],
    ),
    ("verify_command", &[r#""/bin/sh""#], &["5", "[]"]),
    (
        "verify_timeout",
        &["90", r#""15m""#],
        &["false", r#""15 minutes""#],
    ),
    (
        "verify_timeouts",
        &[r#"{"a": "1m"}"#],
        &[r#"{"a": "soon"}"#],
    ),
];

fn reader_accepts(text: &str) -> bool {
    let layer = Layer {
        path: Path::new("config.yaml"),
        text,
    };
    parse_settings(&[layer]).is_ok()
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema = schema(&[]);
    let known: Vec<&String> = schema["properties"]
        .as_object()
        .expect("properties")
        .keys()
        .collect();
    assert_eq!(known, VALUES.map(|(name, _, _)| name));
    for (name, accepted, refused) in VALUES {
        let judge = |value: &str| {
            let json: Json = serde_json::from_str(&format!("{{{name:?}: {value}}}")).expect("JSON");
            (
                find_faults(&schema, &json).is_empty(),
                reader_accepts(&format!("{name}: {value}")),
            )
        };
        for value in accepted.iter().chain(&["null"]) {
            assert_eq!(judge(value), (true, true), "{name}: {value}");
        }
        for value in refused {
            assert_eq!(judge(value), (false, false), "{name}: {value}");
        }
    }
    // Only a warning tells of it when images are built.
    let driver = serde_json::json!({ "driver": "kaniko" });
    assert_eq!(find_faults(&schema, &driver).len(), 1);
}

#[test]
fn other_keys_may_be_there_and_the_file_may_be_empty() {
    let schema = schema(&[]);
    for value in [serde_json::json!({ "mine": { "a": [1] } }), Json::Null] {
        assert_eq!(find_faults(&schema, &value), [""; 0]);
    }
    assert!(!find_faults(&schema, &serde_json::json!(["a"])).is_empty());
}

#[test]
fn every_setting_is_described_and_has_a_type() {
    for (name, property) in schema(&[])["properties"].as_object().expect("properties") {
        assert!(
            property["description"]
                .as_str()
                .is_some_and(|text| text.len() > 20),
            "{name}"
        );
        let typed = ["type", "enum", "anyOf", "deprecated"]
            .iter()
            .any(|word| property.get(word).is_some());
        assert!(typed, "{name}");
    }
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_program() {
    let read = |text: &str| {
        let layer = Layer {
            path: Path::new("config.yaml"),
            text,
        };
        parse_settings(&[layer]).expect("settings").settings
    };
    let unset = Settings::default();
    let (mut shown, mut kept, mut names) = (String::new(), String::new(), BTreeSet::new());
    for (name, property) in schema(&[])["properties"].as_object().expect("properties") {
        if let Some(default) = property.get("default") {
            let text = if unset.variables().find(name).is_some() {
                &mut shown
            } else {
                &mut kept
            };
            writeln!(text, "{name}: {default}").expect("room");
            names.insert(name.clone());
        }
    }
    assert_eq!(read(&shown), unset, "{shown}");
    let kept_settings = read(&kept);
    assert_eq!(kept_settings.build_timeout, unset.build_timeout, "{kept}");
    assert_eq!(kept_settings.verify_timeout, unset.verify_timeout, "{kept}");
    assert_eq!(
        kept_settings.registry_timeout, unset.registry_timeout,
        "{kept}"
    );
    assert_eq!(kept_settings.engine_timeout, unset.engine_timeout, "{kept}");
    assert_eq!(kept_settings.driver, unset.driver, "{kept}");
    assert_eq!(kept.lines().count(), 5, "{kept}");
    assert_eq!(names.len(), 18, "{names:?}");
}

/// What the README need not explain: what has one value or none.
const BESIDE_THE_README: [&str; 2] = ["driver", "seed_image"];

#[test]
fn the_readme_explains_the_settings_and_no_others() {
    let readme = read_text(&root().join("README.md")).expect("the README");
    let (_, table) = readme.split_once("| key | default | |\n").expect("a table");
    let (table, _) = table.split_once("\n\n").expect("an end of the table");
    let keys = table.lines().skip(1).flat_map(|row| {
        let keys = row.split('|').nth(1).expect("a first column");
        keys.split('`').skip(1).step_by(2)
    });
    let explained: BTreeSet<&str> = keys.collect();
    let schema = schema(&[]);
    let known = schema["properties"].as_object().expect("properties");
    let known: BTreeSet<&str> = known.keys().map(String::as_str).collect();
    let unknown: Vec<_> = explained.difference(&known).collect();
    assert_eq!(unknown, [&""; 0]);
    let missing: Vec<_> = known
        .difference(&explained)
        .filter(|key| !BESIDE_THE_README.contains(key))
        .collect();
    assert_eq!(missing, [&""; 0]);
}

#[test]
fn an_image_file_is_strict() {
    let schema = schema(&["image"]);
    let least = serde_json::json!({ "bootstrap": "mmdebstrap", "suite": "trixie" });
    assert_eq!(find_faults(&schema, &least), [""; 0]);
    for (name, value) in [
        ("workdir", serde_json::json!("/srv")),
        ("variant", serde_json::json!("huge")),
        ("suite", serde_json::json!("book worm")),
        ("contents", serde_json::json!({ "packages": ["--hook=x"] })),
        ("contents", serde_json::json!({ "package": ["a"] })),
        ("environment", serde_json::json!({ "A=B": "c" })),
        ("cmd", serde_json::json!(["sh"])),
    ] {
        let mut file = least.clone();
        file[name] = value;
        assert_eq!(find_faults(&schema, &file).len(), 1, "{file}");
        let text = file.to_string();
        let nothing = &mut |_: Option<&str>, _: &str| panic!("nothing is included");
        pkg::declared::parse_image_file(&text, nothing).expect_err(&text);
    }
    let packages =
        serde_json::json!({ "suite": "trixie", "contents": { "packages": ["openssl (>= 3)"] } });
    assert_eq!(find_faults(&schema, &packages), [""; 0]);
}
