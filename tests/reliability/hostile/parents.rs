//! A child is built on its own parent or not at all, whoever else has an image of that name.

use crate::ground::Ground;
use crate::support::fake_engine::Operation;
use crate::support::faulty_registry::{FaultyRegistry, Operation as Asked};

const FOREIGN: &str = r#"{"schemaVersion":2,"config":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"layers":[]}"#;

/// A catalog without a registry, whose names are Docker Hub's for every engine, and a hub that has them all.
fn with_a_hub(parent: &str) -> (Ground, FaultyRegistry) {
    let hub = FaultyRegistry::start();
    let ground = Ground::new()
        .image("parent", &[], &format!("FROM $BASE\nRUN {parent}"))
        .image("child", &["parent"], "FROM $(parent)\nRUN true");
    ground.write(
        "config.yaml",
        b"namespace: example\nbase_images: [\"example/base:1\"]\n",
    );
    for name in ["parent", "child"] {
        for tag in ["1-1", "latest"] {
            hub.put_manifest(&format!("example/{name}"), tag, FOREIGN);
        }
    }
    ground.engine.take_for_hub(hub.host());
    (ground, hub)
}

#[track_caller]
fn assert_child_is_blocked(ground: &Ground, hub: &FaultyRegistry, arguments: &[&str]) {
    let ended = ground.build(arguments);
    let talk = ended.talk();
    assert_ne!(ended.code(), "0", "{talk}");
    assert!(!talk.contains("built example/child"), "{talk}");
    assert!(ground.engine.find("example/child:1-1").is_none(), "{talk}");
    let fetched = hub.requests_of(Asked::GetManifest);
    assert!(fetched.is_empty(), "{fetched:?}");
}

#[test]
fn a_child_of_a_failed_parent_is_not_built_on_a_foreign_image_of_its_name() {
    let (ground, hub) = with_a_hub("exit 1");
    assert_child_is_blocked(&ground, &hub, &[]);
}

#[test]
fn a_child_of_a_failed_parent_is_not_built_on_what_the_engine_had_under_its_name() {
    let (ground, hub) = with_a_hub("exit 1");
    ground.engine.put_image("example/parent:1-1");
    ground.engine.put_image("example/parent:latest");
    assert_child_is_blocked(&ground, &hub, &[]);
}

#[test]
fn a_selected_child_takes_its_parent_along() {
    let (ground, hub) = with_a_hub("exit 1");
    assert_child_is_blocked(&ground, &hub, &["--select", "*/child:*"]);
}

#[test]
fn a_child_that_names_its_parent_by_hand_is_not_built_on_a_foreign_one() {
    let (ground, hub) = with_a_hub("exit 1");
    let recipe = b"FROM example/parent:1-1\nRUN true\n";
    ground.write("images/child/Dockerfile.template", recipe);
    assert_child_is_blocked(&ground, &hub, &[]);
}

#[test]
fn a_parent_whose_name_is_taken_meanwhile_is_still_the_one_that_was_built() {
    let (ground, hub) = with_a_hub("true");
    // Before the child is built, somebody else gives the name to another image.
    ground.engine.give_away("example/parent:1-1");
    let ended = ground.build(&[]);
    assert_eq!(ended.code(), "0", "{}", ended.talk());
    let child = ground.engine.find("example/child:1-1").expect("the child");
    let stolen = ground
        .engine
        .find("example/parent:1-1")
        .expect("the other image");
    assert!(!child.layer_ids().starts_with(&stolen.layer_ids()));
    assert!(hub.requests_of(Asked::GetManifest).is_empty());
}

#[test]
fn a_parent_that_vanishes_before_its_child_is_built_is_not_fetched() {
    let (ground, hub) = with_a_hub("true");
    // What the builder finds of the parent is gone: the engine loses the names that it is given.
    ground.engine.forget_tags();
    assert_child_is_blocked(&ground, &hub, &[]);
    assert!(ground.engine.count(Operation::Tag) > 0);
}
