//! The JSON schema of `image.yaml`, for editors. A test holds it against the fields that the reader knows.

use serde_json::{Map, Value as Json, json};

use super::value::WORD;

/// Renders the schema (JSON Schema 2020-12).
#[must_use]
pub fn render_schema() -> String {
    format!("{:#}\n", schema())
}

fn schema() -> Json {
    let mut properties = origin();
    properties.extend(changes());
    properties.extend(runtime());
    properties.extend(about());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:pkg:schema:image.yaml",
        "title": "A declared image",
        "description": "image.yaml: an image declared by what it has.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The fields that say where the files come from.
fn origin() -> Map<String, Json> {
    let word = json!({ "type": "string", "pattern": format!("^[A-Za-z0-9][A-Za-z0-9{WORD}]*$") });
    fields([
        (
            "include",
            text("A file whose fields lie below those of this one, relative to it."),
        ),
        (
            "bootstrap",
            json!({
                "description": "The program that makes a full Debian, with the maintainer scripts of its packages run.",
                "enum": ["mmdebstrap"],
            }),
        ),
        (
            "suite",
            with(
                &word,
                "The Debian suite whose packages it has, from the mirrors of the settings or of the machine.",
            ),
        ),
        (
            "variant",
            json!({
                "description": "The packages to start from with `bootstrap`: `apt` the essential ones, `minbase` the required \
                                ones, `important` and `standard` those of these priorities as well; apt is in each.",
                "enum": ["apt", "minbase", "important", "standard"],
            }),
        ),
        (
            "components",
            list(
                "The areas of the archive, `main` where none is named.",
                &word,
            ),
        ),
        (
            "base",
            text(
                "The image that it is laid over: one of the catalog by its name, or a reference with a digest.",
            ),
        ),
        ("contents", contents()),
    ])
}

fn repository() -> Json {
    json!({
        "anyOf": [
            { "type": "string" },
            object("A source of Debian packages, as in sources.list(5).", [
                ("types", words("`deb`.")),
                ("uris", words("Its addresses.")),
                ("suites", words("Its suites.")),
                ("components", words("Its areas.")),
                ("signed-by", text("The file of the keys that sign it.")),
            ]),
        ],
    })
}

fn contents() -> Json {
    object(
        "What the image holds.",
        [
            (
                "packages",
                list(
                    "Packages.",
                    &json!({ "type": "string", "pattern": "^[A-Za-z0-9!]" }),
                ),
            ),
            (
                "without-scripts",
                texts(
                    "Packages of Debian whose maintainer scripts do nothing that the image needs.",
                ),
            ),
            (
                "without-packages",
                texts("Packages of Debian that others need and the image does not."),
            ),
            (
                "repositories",
                list(
                    "Where packages come from: `deb URI SUITE COMPONENT…`, fields of a source, or repositories of Alpine.",
                    &repository(),
                ),
            ),
            (
                "build_repositories",
                texts("Repositories of Alpine for the build alone."),
            ),
            (
                "runtime_repositories",
                texts("Repositories of Alpine for the image alone."),
            ),
            (
                "keyring",
                texts("Files or addresses of the keys that sign repositories of Alpine."),
            ),
            (
                "runtime_keyring",
                list("Keys for the image alone.", &named()),
            ),
            (
                "baseimage",
                json!({ "not": {}, "description": "Not supported: `base` names the image to build on." }),
            ),
        ],
    )
}

/// The fields that change or add files.
fn changes() -> Map<String, Json> {
    fields([
        ("accounts", accounts()),
        (
            "paths",
            list("What is made or changed, in this order.", &path()),
        ),
        (
            "layers",
            list("What is laid over, in this order.", &layer()),
        ),
        (
            "certificates",
            object(
                "Certificates to trust.",
                [
                    ("additional", list("Certificates.", &named())),
                    (
                        "providers",
                        texts("Virtual packages whose providers bring some."),
                    ),
                ],
            ),
        ),
    ])
}

fn accounts() -> Json {
    let user = object(
        "A user.",
        [
            ("username", text("Its name.")),
            (
                "uid",
                json!({ "description": "Its number.", "type": "integer", "minimum": 1 }),
            ),
            (
                "gid",
                number("The number of its group, that of the user where left out."),
            ),
            ("shell", text("Its shell, `/bin/sh` where left out.")),
            (
                "homedir",
                text("Its home directory, `/home/NAME` where left out."),
            ),
        ],
    );
    let group = object(
        "A group.",
        [
            ("groupname", text("Its name.")),
            ("gid", number("Its number.")),
            ("members", texts("Names of users.")),
        ],
    );
    object(
        "Users and groups.",
        [
            (
                "run-as",
                text("Whom containers run as: a name or a number."),
            ),
            ("users", list("Users.", &user)),
            ("groups", list("Groups.", &group)),
        ],
    )
}

fn path() -> Json {
    object(
        "Something that is made or changed.",
        [
            ("path", text("The absolute path.")),
            (
                "type",
                json!({ "enum": ["directory", "empty-file", "hardlink", "symlink", "permissions"] }),
            ),
            ("uid", number("Its owner.")),
            ("gid", number("Its group.")),
            ("permissions", mode()),
            ("source", text("What a link leads to.")),
            (
                "recursive",
                json!({ "description": "Whether all below gets the same.", "type": "boolean", "default": false }),
            ),
        ],
    )
}

fn layer() -> Json {
    object(
        "Something of the image's directory, or of another image.",
        [
            (
                "from",
                text("The image that it is taken from; the image's directory where left out."),
            ),
            ("source", text("A file, a directory or a tar.")),
            (
                "target",
                text(
                    "Where it lies in the image, `/` where left out, or where it lies in the other image.",
                ),
            ),
            ("uid", number("The owner of its files.")),
            ("gid", number("The group of its files.")),
            ("permissions", mode()),
        ],
    )
}

fn number(about: &str) -> Json {
    json!({ "description": about, "type": "integer", "minimum": 0 })
}

fn mode() -> Json {
    json!({
        "description": "Permissions, in octal with a leading zero.",
        "examples": ["0o755"],
    })
}

/// The fields that a container's beginning and end come from.
fn runtime() -> Map<String, Json> {
    fields([
        ("environment", map("Environment variables.")),
        (
            "entrypoint",
            object(
                "The program that a container begins with.",
                [
                    (
                        "type",
                        json!({ "enum": ["service-bundle"], "description": "For several services under s6." }),
                    ),
                    (
                        "command",
                        text("The program and its arguments, with a shell's quotes."),
                    ),
                    ("shell-fragment", text("A script for `/bin/sh -c`.")),
                    ("services", map("The command of each service.")),
                ],
            ),
        ),
        (
            "cmd",
            text(
                "The command of a container, or the arguments of `entrypoint`, with a shell's quotes.",
            ),
        ),
        (
            "work-dir",
            text("The directory in which a container begins."),
        ),
        (
            "stop-signal",
            json!({
                "description": "The signal that ends a container.",
                "type": ["string", "null"],
                "examples": ["SIGINT"],
            }),
        ),
        (
            "volumes",
            texts("Directories that containers keep of their own."),
        ),
        (
            "ports",
            list(
                "Ports that it listens on: `8080`, `53/udp`.",
                &json!({ "type": ["string", "integer"] }),
            ),
        ),
        (
            "labels",
            map("Labels of the image, which may hold stamps: `{{ stamp.KEY }}`."),
        ),
    ])
}

/// The fields about the image as such.
fn about() -> Map<String, Json> {
    fields([
        (
            "annotations",
            map(
                "Annotations of the manifest, which are labels as well, and may hold stamps: `{{ stamp.KEY }}`.",
            ),
        ),
        (
            "archs",
            texts(
                "The architectures that it is made for, the machine's where none is named; several make an index.",
            ),
        ),
        (
            "vcs-url",
            text(
                "Where it comes from: `ADDRESS@REVISION`, which may hold stamps: `{{ stamp.KEY }}`.",
            ),
        ),
        (
            "layering",
            object(
                "How files are spread over layers.",
                [
                    ("strategy", json!({ "enum": ["origin"] })),
                    (
                        "budget",
                        json!({ "type": "integer", "minimum": 0, "maximum": 100 }),
                    ),
                ],
            ),
        ),
        ("format", json!({ "enum": ["tar"] })),
    ])
}

fn named() -> Json {
    object(
        "A file.",
        [
            ("name", text("Its name.")),
            ("content", text("One block of PEM.")),
        ],
    )
}

fn text(about: &str) -> Json {
    json!({ "description": about, "type": ["string", "null"] })
}

fn texts(about: &str) -> Json {
    list(about, &json!({ "type": "string" }))
}

fn words(about: &str) -> Json {
    json!({ "description": about, "type": ["string", "array"], "items": { "type": "string" } })
}

fn map(about: &str) -> Json {
    json!({
        "description": about,
        "type": "object",
        "propertyNames": { "pattern": "^[^=\\u0000]+$" },
        "additionalProperties": { "type": ["string", "number", "boolean"] },
    })
}

fn list(about: &str, item: &Json) -> Json {
    json!({ "description": about, "type": "array", "items": item })
}

fn with(field: &Json, about: &str) -> Json {
    let mut field = field.clone();
    field["description"] = json!(about);
    field
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

#[cfg(test)]
mod tests {
    use super::super::parse_image_file;
    use super::*;

    /// Reads the names off an error: "unknown field `x`, expected one of a, b".
    #[track_caller]
    fn names_in_error(text: &str) -> Vec<String> {
        let read = parse_image_file(text, &mut |_, _| panic!("nothing is included"));
        let message = read.expect_err(text).message;
        let (_, expected) = message.split_once("expected ").expect(&message);
        let expected = expected.strip_prefix("one of ").unwrap_or(expected);
        let mut names: Vec<String> = expected
            .split(", ")
            .flat_map(|names| names.split(" or "))
            .map(|name| name.trim_matches('`').to_owned())
            .collect();
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
        assert_eq!(names(fields), names_in_error("other: 1\n"));
        for (path, text) in [
            ("/contents", "contents: {other: 1}\n"),
            ("/entrypoint", "entrypoint: {other: 1}\n"),
            ("/accounts", "accounts: {other: 1}\n"),
            (
                "/accounts/properties/users/items",
                "accounts: {users: [{other: 1}]}\n",
            ),
            (
                "/accounts/properties/groups/items",
                "accounts: {groups: [{other: 1}]}\n",
            ),
            ("/paths/items", "paths: [{other: 1}]\n"),
            ("/layers/items", "layers: [{other: 1}]\n"),
            ("/certificates", "certificates: {other: 1}\n"),
            (
                "/certificates/properties/additional/items",
                "certificates: {additional: [{other: 1}]}\n",
            ),
            ("/layering", "layering: {other: 1}\n"),
        ] {
            let object = fields.pointer(path).expect(path);
            assert_eq!(names(&object["properties"]), names_in_error(text), "{path}");
        }
        for (name, text) in [
            ("bootstrap", "bootstrap: other\n"),
            ("variant", "variant: other\n"),
        ] {
            let choices = fields[name]["enum"].as_array().expect("choices");
            let mut choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
            choices.sort_unstable();
            assert_eq!(choices, names_in_error(text));
        }
    }

    #[test]
    fn the_choices_of_the_schema_are_those_of_the_reader() {
        let schema = schema();
        let types = &schema["properties"]["paths"]["items"]["properties"]["type"]["enum"];
        let read = parse_image_file("paths: [{path: /a, type: other}]\n", &mut |_, _| {
            panic!("nothing")
        });
        let message = read.expect_err("a wrong type").message;
        for choice in types.as_array().expect("choices") {
            let choice = choice.as_str().expect("a name");
            assert!(message.contains(&format!("`{choice}`")), "{message}");
        }
        assert_eq!(message.matches('`').count(), 2 * (2 + 5), "{message}");
    }
}
