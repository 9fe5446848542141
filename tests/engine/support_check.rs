//! What tests with the engine stand on: names that vanish, an image without the network, a registry to push to.

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, TagImageOptionsBuilder};
use pkg::oci::Digest;
use pkg::registry::{Client, Options, Presence};

use crate::Test;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{FaultyRegistry, Operation};

pub(crate) const TESTS: &[Test] = &[
    ("an_engine_answers", an_engine_answers),
    (
        "what_a_test_made_vanishes_with_it_even_when_it_panics",
        what_a_test_made_vanishes_with_it_even_when_it_panics,
    ),
    (
        "an_image_is_pushed_to_a_registry_and_found_there",
        an_image_is_pushed_to_a_registry_and_found_there,
    ),
];

fn an_engine_answers(engine: &Engine) {
    let answer = engine.wait(engine.docker().ping());
    assert_eq!(answer.expect("an answer"), "OK");
}

fn what_a_test_made_vanishes_with_it_even_when_it_panics(engine: &Engine) {
    let outcome = std::panic::catch_unwind(|| {
        let other = Engine::connect().expect("an engine");
        let image = other.base_image();
        assert_eq!(other.images(), [image.as_str()]);
        let options = CreateContainerOptionsBuilder::new().name(other.namespace());
        let config = ContainerCreateBody {
            image: Some(image),
            ..ContainerCreateBody::default()
        };
        let creation = other
            .docker()
            .create_container(Some(options.build()), config);
        other.wait(creation).expect("a container");
        std::panic::panic_any(other.namespace().to_owned());
    });
    let namespace = outcome.expect_err("it panicked");
    let namespace = namespace.downcast::<String>().expect("the namespace");
    let image = format!("{namespace}/base:1");
    let image = engine.docker().inspect_image(&image);
    let error = engine.wait(image).expect_err("the image is gone");
    assert!(error.to_string().contains("404"), "{error}");
    let container = engine.docker().inspect_container(&namespace, None);
    let error = engine.wait(container).expect_err("the container is gone");
    assert!(error.to_string().contains("404"), "{error}");
}

fn an_image_is_pushed_to_a_registry_and_found_there(engine: &Engine) {
    let (real, own) = (DockerRegistry::start(), FaultyRegistry::start());
    let image = engine.base_image();
    for host in [real.host(), own.host()] {
        let digest = push(
            engine,
            &image,
            &format!("{host}/{}/base", engine.namespace()),
        );
        let client = Client::new(Options::default()).expect("a client");
        let name = format!("{host}/{}/base:1", engine.namespace());
        let reference = name.parse().expect("a reference");
        let presence = engine.wait(client.presence(&reference));
        assert_eq!(presence.expect("an answer"), Presence::Present(digest));
    }
    assert!(!own.requests_of(Operation::FinishUpload).is_empty());
    let manifest = own.find_manifest(&engine.name("base"), "1");
    manifest.expect("what the engine pushed is stored");
}

/// Pushes under another name, with tag 1, and gives the digest that the engine tells.
fn push(engine: &Engine, image: &str, repository: &str) -> Digest {
    let options = TagImageOptionsBuilder::new().repo(repository).tag("1");
    let tagging = engine.docker().tag_image(image, Some(options.build()));
    engine.wait(tagging).expect("a tag");
    engine.push(&format!("{repository}:1"), None)
}
