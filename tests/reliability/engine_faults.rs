//! A first look.

use crate::ground::Ground;

#[test]
fn a_catalog_is_built_and_published_with_the_fake_engine() {
    let ground = Ground::new()
        .image("root", &[], "FROM $BASE\nRUN echo hello world")
        .image("leaf", &["root"], "FROM $(root)\nRUN echo more")
        .image("broken", &["root"], "FROM $(root)\nRUN exit 3")
        .image("behind", &["broken"], "FROM $(broken)\nRUN true")
        .test("leaf", "exit 0");
    let ended = ground.build(&["--info"]);
    panic!("{} {:?} {}\n{}", ended.code(), ended.took, ended.peak_bytes, ended.talk());
}
