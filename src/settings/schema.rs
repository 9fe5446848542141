//! The JSON schema of `config.yaml`, for editors, from the table of settings.
//!
//! It never refuses what the reader accepts, with two exceptions: a boolean is written as `true` or `false`, because
//! editors read YAML 1.2, in which `yes` is a text; and only an audit itself refuses a rule that it does not have. Any other key is a template's variable and may be there.

use serde_json::{Map, Value as Json, json};

use super::known::{Literal, SETTINGS, Setting, Shape};

const HOST: &str = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const COMPONENT: &str = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
const TAG: &str = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const SIZE: &str = r"^[0-9]+[kKmMgGtT]?[bB]?$";

/// Renders the schema (JSON Schema 2020-12), with the ids of the rules that an audit has.
#[must_use]
pub fn render_schema(rules: &[&str]) -> String {
    let properties: Map<String, Json> = SETTINGS
        .iter()
        .map(|setting| (setting.name.to_owned(), property(setting, rules)))
        .collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:pkg:schema:config.yaml",
        "title": "Settings of a repository of container images",
        "description": "config.yaml, and ~/.config/docker-pkg.yaml below it. Every key is a variable in the \
                        templates, also one that is not described here.",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": true,
    });
    format!("{schema:#}\n")
}

fn property(setting: &Setting, rules: &[&str]) -> Json {
    let mut property = json!({ "description": setting.about });
    let preset = match setting.preset.literal() {
        Literal::Nothing => None,
        literal => Some(default(literal)),
    };
    let parts = [
        constraints(setting.shape, rules),
        json!({ "default": preset }),
    ];
    for part in parts {
        if let (Json::Object(property), Json::Object(part)) = (&mut property, part) {
            property.extend(part.into_iter().filter(|(_, value)| !value.is_null()));
        }
    }
    property
}

fn default(literal: Literal) -> Json {
    match literal {
        Literal::Nothing => Json::Null,
        Literal::Flag(flag) => flag.into(),
        Literal::Number(number) => number.into(),
        Literal::Text(text) => text.into(),
        Literal::Texts(items) => items.into(),
        Literal::Users(users) => users
            .iter()
            .map(|(name, uid)| ((*name).to_owned(), Json::from(*uid)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn constraints(shape: Shape, rules: &[&str]) -> Json {
    match shape {
        Shape::Audit => audit(rules),
        Shape::Secrets => secrets(),
        Shape::Command => command(),
        Shape::Stamps => stamps(),
        Shape::Ignored => json!({ "deprecated": true }),
        Shape::Text => json!({ "type": ["string", "null"] }),
        Shape::TextOrFalse => json!({
            "anyOf": [{ "type": ["string", "null"] }, { "const": false }],
        }),
        Shape::Registry => json!({
            "type": ["string", "null"],
            "pattern": format!(r"^(?:{}(?:/{COMPONENT})*|{COMPONENT}(?:/{COMPONENT})*)?$", registry()),
            "examples": ["registry.example.org", "registry.example.org:5000/team"],
        }),
        Shape::Namespace => json!({
            "type": ["string", "null"],
            "pattern": format!(r"^(?:{COMPONENT}(?:/{COMPONENT})*)?$"),
        }),
        Shape::Address => json!({
            "type": ["string", "null"],
            "pattern": r"^(?:(?:https?://|file:/)\S+)?$",
            "examples": ["https://deb.example.org/debian"],
        }),
        Shape::Flag => json!({ "type": ["boolean", "null"] }),
        Shape::Count => json!({
            "type": ["integer", "string", "null"],
            "minimum": 1,
            "pattern": r"^\+?[0-9]*[1-9][0-9]*$",
        }),
        Shape::Span => span(&["integer", "string", "null"]),
        Shape::Spans => json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": super::spans::PATTERN },
            "additionalProperties": span(&["integer", "string"]),
            "examples": [{ "chromium": "8h", "*-toolchain": "4h" }],
        }),
        Shape::Texts => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
        Shape::References => json!({
            "type": ["array", "null"],
            "items": { "type": "string", "pattern": reference() },
            "examples": [["registry.example.org/bookworm:latest"]],
        }),
        Shape::Users => json!({
            "type": ["object", "null"],
            "additionalProperties": {
                "type": ["integer", "string"],
                "minimum": 0,
                "maximum": u32::MAX,
                "pattern": "^(?:0|[1-9][0-9]*)$",
            },
        }),
        Shape::Limits => limits(),
        Shape::Choice(texts) => {
            let texts = texts.iter().map(|text| Json::from(*text));
            json!({ "enum": texts.chain([Json::Null]).collect::<Vec<_>>() })
        }
    }
}

fn span(types: &[&str]) -> Json {
    json!({
        "type": types,
        "minimum": 1,
        "maximum": super::span::LONGEST,
        "pattern": r"^\s*(?:[0-9]+[hms]?|[0-9]+h[0-9]+[ms]|[0-9]+h[0-9]+m[0-9]+s|[0-9]+m[0-9]+s)\s*$",
        "examples": ["90", "15m", "1h30m"],
    })
}

fn audit(rules: &[&str]) -> Json {
    let level = json!({ "enum": ["error", "warning", "note", "off", false] });
    let levels: Map<String, Json> = rules
        .iter()
        .map(|rule| ((*rule).to_owned(), level.clone()))
        .collect();
    json!({
        "type": ["object", "null"],
        "properties": {
            "rules": {
                "type": ["object", "null"],
                "properties": levels,
                "additionalProperties": false,
            },
            "days": { "type": ["integer", "null"], "minimum": 1, "maximum": u32::MAX },
            "exclude": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "properties": { "rule": { "enum": rules }, "image": { "type": "string" } },
                    "additionalProperties": false,
                    "anyOf": [{ "required": ["rule"] }, { "required": ["image"] }],
                },
            },
        },
        "additionalProperties": false,
        "examples": [{ "rules": { "image-old": "off" }, "days": super::audit::DAYS }],
    })
}

fn secrets() -> Json {
    let source = |name: &str| {
        let text = json!({ "type": "string", "pattern": "." });
        let images = json!({ "type": "array", "items": { "type": "string" } });
        json!({
            "type": "object",
            "properties": { name: text, "images": images },
            "required": [name],
            "additionalProperties": false,
        })
    };
    json!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[A-Za-z0-9_.-]+$" },
        "additionalProperties": { "anyOf": [source("env"), source("file")] },
        "examples": [{ "npm": { "env": "NPM_TOKEN" }, "netrc": { "file": "~/.netrc", "images": ["web-*"] } }],
    })
}

fn command() -> Json {
    json!({
        "anyOf": [
            { "type": ["string", "null"], "pattern": r"\S" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ],
        "examples": ["scripts/status.sh", ["scripts/status", "--short"]],
    })
}

fn stamps() -> Json {
    let text = r"^(?:[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f \\])? *$";
    json!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$" },
        "additionalProperties": { "type": "string", "maxLength": 4096, "pattern": text },
        "examples": [{ "STABLE_GIT_COMMIT": "unknown", "CI_PIPELINE": "none" }],
    })
}

/// A host that cannot be the first part of a path: it has a dot or a port, or is this machine.
fn registry() -> String {
    format!(
        r"(?:(?:{HOST}(?:\.{HOST})+|localhost)(?::[0-9]+)?|{HOST}:[0-9]+|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?)"
    )
}

fn reference() -> String {
    let digest = "sha256:[0-9a-f]{64}";
    format!(
        "^(?:{}/)?{COMPONENT}(?:/{COMPONENT})*(?::{TAG})?(?:@{digest})?$",
        registry()
    )
}

fn limits() -> Json {
    let size =
        |pattern: &str| json!({ "type": ["integer", "string"], "minimum": 0, "pattern": pattern });
    json!({
        "type": ["string", "object", "null"],
        "pattern": r"^[\s,]*(?:(?:memory|memswap|cpushares|cpusetcpus)\s*=[^,]*(?:,[\s0-9-]*)*)*$",
        "properties": {
            "memory": size(SIZE),
            "memswap": {
                "type": ["integer", "string"],
                "minimum": -1,
                "pattern": r"^(?:-1|[0-9]+[kKmMgGtT]?[bB]?)$",
            },
            "cpushares": size(r"^\+?[0-9]+$"),
            "cpusetcpus": size(r"^[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*$"),
        },
        "additionalProperties": false,
        "examples": ["memory=4g,cpusetcpus=0-3"],
    })
}
