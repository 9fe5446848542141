//! Where SARIF says that findings are: code scanning goes by paths from the top of the repository.

use serde_json::{Value as Json, json};

use super::{committed, fine};
use crate::support::sandbox::Sandbox;

/// The artifacts that a report on a directory names, and the base of their paths.
fn artifacts(sandbox: &Sandbox, directory: &str) -> (Json, Json) {
    let output = sandbox.pkg(&["audit", "--rule=user-root", "--format=sarif", directory]);
    let report: Json = serde_json::from_str(&output.assert_code(3).stdout).expect("JSON");
    let results = report["runs"][0]["results"].as_array().expect("results");
    let artifact = |one: &Json| one["locations"][0]["physicalLocation"]["artifactLocation"].clone();
    let bases = report["runs"][0]["originalUriBaseIds"].clone();
    (results.iter().map(artifact).collect(), bases)
}

#[test]
fn paths_start_at_the_top_of_the_repository_wherever_the_directory_is_named_from() {
    let template = "FROM scratch\nUSER root\nCMD [\"/a\"]\n";
    let file = "images/tool/Dockerfile.template";
    let sandbox = fine().file(file, template).file("more/notes", "");
    assert_eq!(
        artifacts(&sandbox, "images"),
        (json!([{ "uri": file }]), Json::Null)
    );
    let sandbox = committed(sandbox);
    let whole = sandbox.path().join("images").display().to_string();
    for directory in ["images", "./images", "more/../images", &whole] {
        let (found, bases) = artifacts(&sandbox, directory);
        assert_eq!(
            found,
            json!([{ "uri": file, "uriBaseId": "%SRCROOT%" }]),
            "{directory}"
        );
        assert!(bases["%SRCROOT%"]["description"].is_object(), "{bases}");
    }
}
