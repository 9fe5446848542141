//! The twelve ways in which a secret comes in, each with a catalog that uses it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::TEST;
use super::needle::Needle;
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{FaultyRegistry, Login};
use crate::support::sandbox::Sandbox;

/// Whether the registry takes what it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    No,
}

/// A catalog that uses a secret.
pub(super) struct Case<'a> {
    pub(super) catalog: Catalog<'a>,
    /// Options of the commands that can log in.
    pub(super) options: &'static [&'static str],
    /// Their standard input.
    pub(super) input: String,
    /// What the test wrote below the home directory.
    pub(super) own_files: Vec<PathBuf>,
    /// How `build` ends where the secret is taken.
    pub(super) code: Option<i32>,
    /// Whether the engine can push to this registry.
    pub(super) publishes: bool,
    /// Whether a step of the build prints the secret.
    pub(super) is_printed: bool,
    /// A test that prints the secret in a later run, in which nothing is built.
    pub(super) later_test: Option<String>,
    _registry: Registry,
}

/// Debian's registry, or our own, which refuses and repeats what it was sent.
enum Registry {
    Real(DockerRegistry),
    Own(FaultyRegistry),
}

impl Registry {
    fn host(&self) -> &str {
        match self {
            Self::Real(registry) => registry.host(),
            Self::Own(registry) => registry.host(),
        }
    }
}

type Prepare = for<'a> fn(&'a Engine, &Needle, Taken) -> Case<'a>;

pub(super) const SOURCES: [(&str, Prepare); 12] = [
    ("settings", in_the_settings),
    ("settings of the user", in_the_users_settings),
    ("environment", in_the_environment),
    ("standard input", on_standard_input),
    ("docker login", in_dockers_file),
    ("identity token", as_an_identity_token),
    ("credential helper", from_a_helper),
    ("bearer token", as_a_bearer_token),
    ("proxy", in_the_address_of_a_proxy),
    ("mirror", in_the_address_of_a_mirror),
    ("build secret: env", as_a_build_secret_in_a_variable),
    ("build secret: file", as_a_build_secret_in_a_file),
];

const DOCKER: &str = ".docker/config.json";
const RECIPE: &str = "FROM $BASE\nRUN env";

/// Gives the sandbox a directory for temporary files that can be looked into.
pub(super) fn with_temporary_directory(sandbox: Sandbox) -> Sandbox {
    let directory = sandbox.home().join("tmp");
    std::fs::create_dir(&directory).expect("a directory");
    sandbox.env("TMPDIR", &directory.display().to_string())
}

/// Starts a registry that takes this password, or one that wants another.
fn registry_for(password: &str, taken: Taken) -> Registry {
    match taken {
        Taken::Yes => Registry::Real(DockerRegistry::start_for("ann", password)),
        Taken::No => Registry::Own(FaultyRegistry::start_for(Login::Token("ann", "another"))),
    }
}

fn case<'a>(engine: &'a Engine, registry: Registry, sandbox: Sandbox, settings: &str) -> Case<'a> {
    let settings = format!("registry_timeout: 1s\n{settings}");
    let catalog = Catalog::in_sandbox(engine, with_temporary_directory(sandbox))
        .with_registry(registry.host(), &settings);
    catalog.image("a", "1-1", &[], RECIPE).test("a", TEST);
    Case {
        catalog,
        options: &[],
        input: String::new(),
        own_files: [DOCKER, ".config/docker-pkg.yaml", "key", "helper"]
            .map(PathBuf::from)
            .into(),
        code: Some(0),
        publishes: true,
        is_printed: false,
        later_test: None,
        _registry: registry,
    }
}

fn in_the_settings<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = registry_for(&needle.text(), taken);
    let password = serde_json::Value::from(needle.text());
    let settings = format!("username: ann\npassword: {password}\n");
    case(engine, registry, Sandbox::new(), &settings)
}

fn in_the_users_settings<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = registry_for(&needle.text(), taken);
    let password = serde_json::Value::from(needle.text());
    let own = format!("username: ann\npassword: {password}\n");
    let sandbox = Sandbox::new().home_file(".config/docker-pkg.yaml", &own);
    case(engine, registry, sandbox, "")
}

fn in_the_environment<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = registry_for(&needle.text(), taken);
    let sandbox = Sandbox::new()
        .env("PKG_USERNAME", "ann")
        .env("PKG_PASSWORD", &needle.text());
    case(engine, registry, sandbox, "")
}

fn on_standard_input<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = registry_for(&needle.text(), taken);
    Case {
        options: &["--username", "ann", "--password-stdin"],
        input: format!("{}\n", needle.text()),
        ..case(engine, registry, Sandbox::new(), "")
    }
}

/// Docker's own logins are for the registry of the settings too, but only `publish` publishes with them.
fn with_docker(
    engine: &Engine,
    registry: Registry,
    sandbox: Sandbox,
    entry: impl FnOnce(&str) -> serde_json::Value,
) -> Case<'_> {
    let entry = entry(registry.host()).to_string();
    case(engine, registry, sandbox.home_file(DOCKER, &entry), "")
}

fn in_dockers_file<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = registry_for(&needle.text(), taken);
    let auth = STANDARD.encode(format!("ann:{}", needle.text()));
    with_docker(
        engine,
        registry,
        Sandbox::new(),
        |host| serde_json::json!({"auths": {host: {"auth": auth}}}),
    )
}

fn as_an_identity_token<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let wanted = match taken {
        Taken::Yes => needle.word().to_owned(),
        Taken::No => "another".to_owned(),
    };
    let registry = FaultyRegistry::start_for(Login::IdentityToken(wanted.leak()));
    let registry = Registry::Own(registry);
    let case = with_docker(
        engine,
        registry,
        Sandbox::new(),
        |host| serde_json::json!({"auths": {host: {"identitytoken": needle.word()}}}),
    );
    Case {
        publishes: false,
        ..case
    }
}

fn from_a_helper<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = registry_for(&needle.text(), taken);
    let answer = serde_json::json!({"ServerURL": "", "Username": "ann", "Secret": needle.text()});
    let sandbox = Sandbox::new().home_file("helper", &answer.to_string());
    let answer = sandbox.home().join("helper");
    let script = format!("#!/bin/sh\ncat > /dev/null\ncat {}\n", answer.display());
    let sandbox = sandbox.program("docker-credential-vault", &script);
    with_docker(
        engine,
        registry,
        sandbox,
        |host| serde_json::json!({"credHelpers": {host: "vault"}}),
    )
}

/// What the registry's token service gives is a secret too, for as long as it is valid.
fn as_a_bearer_token<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let registry = FaultyRegistry::start_for(Login::Token("ann", "hush-hush"));
    registry.give_tokens_beginning_with(needle.word());
    if taken == Taken::No {
        registry.take_no_tokens();
    }
    let auth = STANDARD.encode("ann:hush-hush");
    let case = with_docker(
        engine,
        Registry::Own(registry),
        Sandbox::new(),
        |host| serde_json::json!({"auths": {host: {"auth": auth}}}),
    );
    Case {
        publishes: false,
        ..case
    }
}

fn in_the_address_of_a_proxy<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let proxy = format!("http://ann:{}@127.0.0.1:9/", needle.in_address());
    let sandbox = ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"]
        .into_iter()
        .fold(Sandbox::new(), |sandbox, name| sandbox.env(name, &proxy));
    let case = case(
        engine,
        Registry::Own(FaultyRegistry::start()),
        sandbox,
        &format!("http_proxy: \"{proxy}\"\n"),
    );
    let case = Case {
        is_printed: true,
        ..case
    };
    let apt = "FROM $BASE\nRUN env; false && {{ 'git' | apt_install }} || true";
    case.catalog.image("a", "1-1", &[], apt);
    match taken {
        Taken::Yes => case,
        // This one is not on this machine, and goes through the proxy, which is not there.
        Taken::No => Case {
            catalog: case.catalog.with_registry(
                "registry.invalid",
                &format!("http_proxy: \"{proxy}\"\nregistry_timeout: 1s\n"),
            ),
            ..case
        },
    }
}

fn in_the_address_of_a_mirror<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let mirror = format!("http://ann:{}@127.0.0.1:9/debian", needle.in_address());
    let settings = format!("mirror: \"{mirror}\"\nsecurity_mirror: \"{mirror}\"\n");
    let case = case(
        engine,
        Registry::Own(FaultyRegistry::start()),
        Sandbox::new(),
        &settings,
    );
    if taken == Taken::No {
        // A template may not write it into an image.
        case.catalog
            .image("a", "1-1", &[], "FROM $BASE\nRUN echo {{ mirror }}");
    }
    case.catalog.version("bookworm", "12-1").write(
        "images/bookworm/image.yaml",
        b"bootstrap: mmdebstrap\nsuite: bookworm\n",
    );
    Case {
        code: Some(1),
        ..case
    }
}

fn with_a_build_secret<'a>(
    engine: &'a Engine,
    sandbox: Sandbox,
    (source, taken): (&str, Taken),
    needle: &Needle,
) -> Case<'a> {
    let settings = format!("secrets: {{tok: {source}}}\n");
    let case = case(
        engine,
        Registry::Own(FaultyRegistry::start()),
        sandbox,
        &settings,
    );
    let end = match taken {
        Taken::Yes => "true",
        Taken::No => "false",
    };
    let recipe = format!(
        "FROM $BASE\nRUN --mount=type=secret,id=tok,required test -s /run/secrets/tok && cat /run/secrets/tok && \
         busybox base64 /run/secrets/tok && {end}"
    );
    case.catalog.image("a", "1-1", &[], &recipe);
    Case {
        is_printed: true,
        later_test: Some(format!("{TEST}\necho 'the image has {}'", needle.text())),
        ..case
    }
}

fn as_a_build_secret_in_a_variable<'a>(
    engine: &'a Engine,
    needle: &Needle,
    taken: Taken,
) -> Case<'a> {
    let sandbox = Sandbox::new().env("TOK", &needle.text());
    with_a_build_secret(engine, sandbox, ("{env: TOK}", taken), needle)
}

fn as_a_build_secret_in_a_file<'a>(engine: &'a Engine, needle: &Needle, taken: Taken) -> Case<'a> {
    let sandbox = Sandbox::new().home_file("key", &format!("{}\n", needle.text()));
    with_a_build_secret(engine, sandbox, ("{file: ~/key}", taken), needle)
}
