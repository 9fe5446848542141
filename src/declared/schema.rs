//! The JSON schema of `image.yaml`, for editors. A test holds it against the fields that the reader knows.

use serde_json::{Map, Value as Json, json};

use super::image_file::WORD;

/// Renders the schema (JSON Schema 2020-12).
#[must_use]
pub fn render_schema() -> String {
    format!("{:#}\n", schema())
}

fn schema() -> Json {
    let mut properties = packages();
    properties.extend(runtime());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:pkg:schema:image.yaml",
        "title": "A declared image",
        "description": "image.yaml: an image declared by what it has.",
        "type": "object",
        "properties": properties,
        "required": ["bootstrap", "suite"],
        "additionalProperties": false,
    })
}

/// The fields that say what the root file system holds.
fn packages() -> Map<String, Json> {
    let words = |about: &str, default: &[&str]| {
        json!({
            "description": about,
            "type": "array",
            "items": { "type": "string", "pattern": pattern() },
            "default": default,
        })
    };
    fields([
        (
            "bootstrap",
            json!({
                "description": "The program that makes the base, with the maintainer scripts of its packages run.",
                "enum": ["mmdebstrap"],
            }),
        ),
        (
            "suite",
            json!({
                "description": "The Debian suite.",
                "type": "string",
                "pattern": pattern(),
                "examples": ["trixie"],
            }),
        ),
        (
            "variant",
            json!({
                "description": "The packages to start from: `apt` the essential ones, `minbase` the required ones, \
                                `important` and `standard` those of these priorities as well; apt is in each.",
                "enum": ["apt", "minbase", "important", "standard"],
                "default": "minbase",
            }),
        ),
        ("components", words("The areas of the archive.", &["main"])),
        (
            "contents",
            object(
                "What the image holds besides.",
                [("packages", words("More packages.", &[]))],
            ),
        ),
    ])
}

/// The fields that a container's beginning and end come from.
fn runtime() -> Map<String, Json> {
    let command = |about: &str| json!({ "description": about, "type": "string", "default": "" });
    fields([
        (
            "environment",
            json!({
                "description": "Environment variables of the image.",
                "type": "object",
                "propertyNames": { "pattern": "^[^=\\u0000]+$" },
                "additionalProperties": { "type": "string" },
                "default": {},
            }),
        ),
        (
            "entrypoint",
            object(
                "The program that a container begins with.",
                [(
                    "command",
                    command("The program and its arguments, with a shell's quotes."),
                )],
            ),
        ),
        (
            "cmd",
            command(
                "The command of a container, or the arguments of `entrypoint`, with a shell's quotes.",
            ),
        ),
        (
            "work-dir",
            json!({
                "description": "The directory in which a container begins.",
                "type": ["string", "null"],
            }),
        ),
        (
            "stop-signal",
            json!({
                "description": "The signal that ends a container.",
                "type": ["string", "null"],
                "examples": ["SIGINT"],
            }),
        ),
    ])
}

fn fields<const N: usize>(fields: [(&str, Json); N]) -> Map<String, Json> {
    let fields = fields.into_iter();
    fields
        .map(|(name, field)| (name.to_owned(), field))
        .collect()
}

fn object<const N: usize>(about: &str, properties: [(&str, Json); N]) -> Json {
    json!({
        "description": about,
        "type": "object",
        "properties": fields(properties),
        "additionalProperties": false,
    })
}

/// What can be an argument of mmdebstrap.
fn pattern() -> String {
    format!("^[A-Za-z0-9][A-Za-z0-9{WORD}]*$")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::parse_image_file;
    use super::*;

    const LEAST: &str = "bootstrap: mmdebstrap\nsuite: trixie\n";

    /// Reads the names off an error: "unknown field `x`, expected one of a, b".
    #[track_caller]
    fn names_in_error(text: &str) -> Vec<String> {
        let message = parse_image_file(text).expect_err(text).message;
        let (_, expected) = message.split_once("expected one of ").expect(&message);
        let mut names: Vec<String> = expected.split(", ").map(str::to_owned).collect();
        names.sort();
        names
    }

    fn names(properties: &Json) -> Vec<String> {
        let properties = properties.as_object().expect("properties");
        let mut names: Vec<String> = properties.keys().cloned().collect();
        names.sort();
        names
    }

    #[test]
    fn the_schema_has_the_fields_of_the_reader_and_no_others() {
        let schema = schema();
        let fields = &schema["properties"];
        assert_eq!(names(fields), names_in_error(&format!("{LEAST}other: 1\n")));
        for name in ["contents", "entrypoint"] {
            assert_eq!(
                names(&fields[name]["properties"]),
                names_in_error(&format!("{LEAST}{name}: {{other: 1}}\n"))
            );
        }
        for (name, text) in [
            ("bootstrap", "suite: trixie\nbootstrap: other\n".to_owned()),
            ("variant", format!("{LEAST}variant: other\n")),
        ] {
            let choices = fields[name]["enum"].as_array().expect("choices");
            let mut choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
            choices.sort_unstable();
            assert_eq!(choices, names_in_error(&text));
        }
    }

    #[test]
    fn the_defaults_of_the_schema_are_those_of_the_reader() {
        let mut text = LEAST.to_owned();
        let schema = schema();
        for (name, field) in schema["properties"].as_object().expect("properties") {
            if let Some(default) = field.get("default") {
                writeln!(text, "{name}: {default}").expect("room");
            }
        }
        assert!(text.contains("minbase"), "{text}");
        assert_eq!(parse_image_file(&text), parse_image_file(LEAST));
    }

    #[test]
    fn what_the_schema_requires_cannot_be_left_out() {
        for name in schema()["required"].as_array().expect("names") {
            let name = name.as_str().expect("a name");
            let lines = LEAST.lines().filter(|line| !line.starts_with(name));
            let text = lines.collect::<Vec<_>>().join("\n");
            parse_image_file(&text).expect_err(&text);
        }
    }
}
