//! `pkg audit`.

mod history;
mod output;
mod pages;
mod repositories;
mod rules;
mod sarif;
mod secrets;

use serde_json::Value as Json;

use crate::support::sandbox::Sandbox;

pub(super) const SETTINGS: &str = "registry: registry.example.org\nnamespace: base\nbase_images: [\"registry.example.org/base/bookworm:12\"]\n";

/// Two images without a fault; the pages of rules change or add files.
pub(super) fn fine() -> Sandbox {
    let sandbox = Sandbox::new().file("config.yaml", SETTINGS);
    ["parent", "tool"].into_iter().fold(sandbox, |sandbox, name| {
        let control = format!("Package: {name}\nMaintainer: Ann Example <ann@example.org>\n");
        let template = "FROM {{ \"bookworm\" | image_tag }}\nUSER {{ \"nobody\" | uid }}\nENTRYPOINT [\"/bin/tool\"]\n";
        sandbox
            .image(&format!("images/{name}"), &format!("{name} (1.0-1)"), template)
            .file(&format!("images/{name}/control"), &control)
    })
}

pub(super) fn git(sandbox: &Sandbox, arguments: &[&str]) {
    sandbox.run("git", arguments).assert_code(0);
}

/// The same, in a git repository with one commit.
pub(super) fn committed(sandbox: Sandbox) -> Sandbox {
    let sandbox = sandbox.home_file(
        ".gitconfig",
        "[user]\nname = Ann\nemail = ann@example.org\n[init]\ndefaultBranch = main\n",
    );
    git(&sandbox, &["init", "--quiet"]);
    commit(&sandbox, "All");
    sandbox
}

pub(super) fn commit(sandbox: &Sandbox, message: &str) {
    git(sandbox, &["add", "--all"]);
    git(sandbox, &["commit", "--quiet", "--message", message]);
}

/// Audits all directories of a sandbox by one rule.
pub(super) fn findings(sandbox: &Sandbox, rule: &str) -> Json {
    let mut arguments = vec!["audit", "--json", "--rule", rule, "images"];
    if sandbox.path().join("more").exists() {
        arguments.push("more");
    }
    let output = sandbox.pkg(&arguments);
    assert!(
        [Some(0), Some(3)].contains(&output.status.code()),
        "{}",
        output.render()
    );
    serde_json::from_str(&output.stdout).expect("JSON")
}
