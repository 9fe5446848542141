//! A catalog of tiny images in a sandbox, with names of one test's namespace on the real engine.
//!
//! ```ignore
//! let catalog = Catalog::new(engine);
//! catalog.image("root", "1-1", &[], "FROM $BASE\nRUN echo root > /names");
//! catalog.image("leaf", "1-1", &["root"], "FROM $(root)\nRUN echo leaf >> /names");
//! catalog.build(&[]).assert_code(0);
//! assert_eq!(catalog.output_of("leaf", "cat /names"), "root\nleaf\n");
//! ```
//!
//! `$BASE` stands for the base image, `$(NAME)` for an image of the catalog, both through `image_tag`.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ImageInspect};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, StartContainerOptions, TagImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};

use super::engine::{Engine, while_images_vanish};
use super::sandbox::{Output, Sandbox};

/// How long is waited for what is to come: a busy machine is slow.
pub(crate) const SLOW: Duration = Duration::from_secs(180);

/// The directories of a catalog, its settings, and the engine that builds it.
pub(crate) struct Catalog<'a> {
    engine: &'a Engine,
    sandbox: Sandbox,
    registry: Option<String>,
}

impl<'a> Catalog<'a> {
    /// Makes an empty one, with the base image on the engine.
    pub(crate) fn new(engine: &'a Engine) -> Self {
        Self::in_sandbox(engine, Sandbox::new())
    }

    /// Makes an empty one in a sandbox that a test prepared.
    pub(crate) fn in_sandbox(engine: &'a Engine, sandbox: Sandbox) -> Self {
        let sandbox = match find_engine_address() {
            Some(address) => sandbox.env("DOCKER_HOST", &address),
            None => sandbox,
        };
        engine.base_image();
        let catalog = Self {
            engine,
            sandbox,
            registry: None,
        };
        catalog.settings("");
        catalog
    }

    /// Sets an environment variable of the program.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.sandbox = self.sandbox.env(name, value);
        self
    }

    /// Names a registry to publish to; `settings` are further lines, such as credentials.
    pub(crate) fn with_registry(mut self, host: &str, settings: &str) -> Self {
        self.registry = Some(host.to_owned());
        self.settings(settings);
        self
    }

    /// Writes the settings: namespace, base image, registry if there is one, and further lines.
    pub(crate) fn settings(&self, more: &str) -> &Self {
        let namespace = self.engine.namespace();
        let base = self.engine.name("base:1");
        let mut lines = vec![format!("namespace: {namespace}\n")];
        if !more.contains("base_images:") {
            lines.push(format!("base_images: [\"{base}\"]\n"));
        }
        if let Some(registry) = &self.registry {
            lines.push(format!("registry: \"{registry}\"\n"));
        }
        lines.push(more.to_owned());
        self.write("config.yaml", lines.concat().as_bytes())
    }

    /// Writes a file of the working directory.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> &Self {
        let path = self.sandbox.path().join(path);
        let directory = path.parent().expect("a directory");
        fs::create_dir_all(directory).expect("a directory");
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    /// Lays out an image directory, or gives one a new version and recipe.
    ///
    /// What is made from nothing gets a label of its own: images of two tests that are the same to the bit are one image on
    /// the engine, and one test would remove the other's.
    pub(crate) fn image(&self, name: &str, version: &str, parents: &[&str], recipe: &str) -> &Self {
        let base = format!("{{{{ \"{}\" | image_tag }}}}", self.engine.name("base"));
        let own = format!("FROM scratch\nLABEL pkgtest={}\n", self.engine.namespace());
        let mut recipe = recipe
            .replace("FROM scratch\n", &own)
            .replace("$BASE", &base);
        for parent in parents {
            let parent_tag = format!("{{{{ \"{parent}\" | image_tag }}}}");
            recipe = recipe.replace(&format!("$({parent})"), &parent_tag);
        }
        self.write(
            &format!("images/{name}/Dockerfile.template"),
            format!("{recipe}\n").as_bytes(),
        );
        let mut control = format!("Package: {name}\nMaintainer: Ann <ann@example.org>\n");
        if !parents.is_empty() {
            control.extend(["Build-Depends: ", &parents.join(", "), "\n"]);
        }
        self.write(&format!("images/{name}/control"), control.as_bytes());
        self.version(name, version)
    }

    /// Writes the changelog of an image with one entry.
    pub(crate) fn version(&self, name: &str, version: &str) -> &Self {
        let changelog = format!(
            "{name} ({version}) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
             Fri, 20 Nov 2026 10:00:00 +0000\n"
        );
        self.write(&format!("images/{name}/changelog"), changelog.as_bytes())
    }

    /// Writes the tests of an image.
    pub(crate) fn test(&self, name: &str, script: &str) -> &Self {
        let path = format!("images/{name}/test.sh");
        self.write(&path, format!("#!/bin/sh\n{script}\n").as_bytes());
        self.sandbox_run("chmod", &["0755", &path]);
        self
    }

    fn sandbox_run(&self, program: &str, arguments: &[&str]) {
        self.sandbox.run(program, arguments).assert_code(0);
    }

    /// Gives the sandbox.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Gives the label of an image, without the version: `HOST/NAMESPACE/NAME`.
    pub(crate) fn repository(&self, name: &str) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.engine.name(name)),
            None => self.engine.name(name),
        }
    }

    /// Runs the program to its end.
    pub(crate) fn pkg(&self, arguments: &[&str]) -> Output {
        self.sandbox.pkg(arguments)
    }

    /// Runs `pkg build` over the images; base images are taken as the engine has them.
    pub(crate) fn build(&self, more: &[&str]) -> Output {
        self.pkg(&[&["build", "--no-pull", "images"], more].concat())
    }

    /// Starts `pkg build` and leaves it running.
    pub(crate) fn start_build(&self, more: &[&str]) -> Running {
        self.start(&[&["build", "--no-pull", "images"], more].concat())
    }

    /// Starts the program and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&self.sandbox, arguments)
    }

    /// Finds the identity of a local image by its name and version.
    pub(crate) fn find_id(&self, name: &str, version: &str) -> Option<String> {
        self.find(&format!("{}:{version}", self.repository(name)))
            .and_then(|image| image.id)
    }

    /// Gives the identity of a local image.
    #[track_caller]
    pub(crate) fn id(&self, name: &str, version: &str) -> String {
        self.find_id(name, version)
            .unwrap_or_else(|| panic!("{name} {version} is not on the engine"))
    }

    /// Finds anything on the engine by any of its names.
    pub(crate) fn find(&self, image: &str) -> Option<ImageInspect> {
        let inspect = || self.engine.docker().inspect_image(image);
        let found = self.engine.wait(while_images_vanish(inspect));
        found.map_or_else(
            |error| match error {
                Error::DockerResponseServerError {
                    status_code: 404, ..
                } => None,
                error => panic!("{image}: {error}"),
            },
            Some,
        )
    }

    /// Gives a local image a further name.
    pub(crate) fn tag(&self, image: &str, repository: &str, tag: &str) {
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag);
        let options = options.build();
        let tagging = || self.engine.docker().tag_image(image, Some(options.clone()));
        let tagged = self.engine.wait(while_images_vanish(tagging));
        tagged.unwrap_or_else(|error| panic!("{repository}:{tag}: {error}"));
    }

    /// Removes an image with all its names, which must be this test's.
    #[track_caller]
    pub(crate) fn remove(&self, image: &str) {
        let found = self.find(image);
        let names = found.and_then(|it| it.repo_tags).unwrap_or_default();
        let namespace = format!("{}/", self.engine.namespace());
        for name in &names {
            assert!(name.contains(&namespace), "{image} is also {name}");
        }
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        let removal = self
            .engine
            .docker()
            .remove_image(image, Some(options), None);
        self.engine.wait(removal).expect("an image to remove");
    }

    /// Runs a shell command in an image of version 1-1 and gives what it prints.
    #[track_caller]
    pub(crate) fn output_of(&self, name: &str, script: &str) -> String {
        self.output_in(&format!("{}:1-1", self.repository(name)), script)
    }

    /// Runs a shell command in any image and gives what it prints.
    #[track_caller]
    pub(crate) fn output_in(&self, image: &str, script: &str) -> String {
        let docker = self.engine.docker();
        self.engine.wait(async {
            let config = ContainerCreateBody {
                image: Some(image.to_owned()),
                entrypoint: Some(Vec::new()),
                cmd: Some(["/bin/sh", "-c", script].map(str::to_owned).into()),
                labels: Some([("pkgtest".to_owned(), self.engine.namespace().to_owned())].into()),
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                ..ContainerCreateBody::default()
            };
            let create = || docker.create_container(None::<CreateContainerOptions>, config.clone());
            let created = while_images_vanish(create).await;
            let id = created
                .unwrap_or_else(|error| panic!("a container of {image}: {error}"))
                .id;
            let options = AttachContainerOptionsBuilder::new()
                .stdout(true)
                .stderr(true)
                .stream(true);
            let attached = docker.attach_container(&id, Some(options.build())).await;
            let start = docker.start_container(&id, None::<StartContainerOptions>);
            start.await.expect("a container that starts");
            let chunks: Vec<_> = attached.expect("its output").output.collect().await;
            let options = RemoveContainerOptionsBuilder::new().force(true).build();
            let removal = docker.remove_container(&id, Some(options)).await;
            removal.expect("the container goes");
            let chunks = chunks.into_iter().map(|chunk| chunk.expect("output"));
            chunks.map(|chunk: LogOutput| chunk.to_string()).collect()
        })
    }

    /// Gives the directories of the runs' logs, in their order.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let logs = self.sandbox.home().join(".local/state/pkg/logs");
        let entries = fs::read_dir(&logs).expect("a directory of logs");
        let mut runs: Vec<_> = entries.map(|entry| entry.expect("a run").path()).collect();
        runs.sort_by_key(|run| {
            let metadata = fs::metadata(run).expect("a run");
            metadata.modified().expect("a time")
        });
        runs
    }

    /// Gives all that the files below the home directory hold, which is where logs and records are.
    pub(crate) fn everything_kept(&self) -> String {
        let entries = walkdir::WalkDir::new(self.sandbox.home());
        let files = entries.into_iter().map(|entry| entry.expect("an entry"));
        let files = files.filter(|entry| entry.file_type().is_file());
        files
            .map(|file| {
                let bytes = fs::read(file.path()).expect("a file");
                String::from_utf8_lossy(&bytes).into_owned()
            })
            .collect()
    }
}

/// The engine that the tests talk to is the one that the program is to find.
fn find_engine_address() -> Option<String> {
    std::env::var("DOCKER_HOST").ok()
}

/// A run of the program that goes on.
pub(crate) struct Running {
    child: Child,
    talk: PathBuf,
    began: Instant,
}

/// How a run ended that was held.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) talk: String,
}

impl Running {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let talk = sandbox.home().join("talk");
        let file = fs::File::create(&talk).expect("a file");
        let mut command: Command = sandbox.command(env!("CARGO_BIN_EXE_pkg"));
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file)
            .spawn()
            .expect("the program");
        Self {
            child,
            talk,
            began: Instant::now(),
        }
    }

    /// Gives the number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells how long it runs already.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("a process to signal");
    }

    /// Tells whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Waits until its talk holds a text.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        wait_telling(
            || format!("the program says `{text}`; it said {}", self.talk()),
            || self.talk().contains(text),
        );
    }

    /// Gives what it said so far.
    pub(crate) fn talk(&self) -> String {
        fs::read_to_string(&self.talk).expect("its talk")
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let talk = self.talk.clone();
        let said = || fs::read_to_string(&talk).expect("its talk");
        let what = || format!("the program ends; it said {}", said());
        wait_telling(what, || self.has_ended());
        Ended {
            code: self.child.wait().expect("a child").code(),
            talk: self.talk(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so, and fails after a time that is long for any machine.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_telling(|| what, is_so);
}

/// Does that with words that are made when it fails.
#[track_caller]
fn wait_telling<T: Display>(what: impl Fn() -> T, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        let is_early = began.elapsed() < SLOW;
        assert!(is_early, "waited {} s until {}", SLOW.as_secs(), what());
        std::thread::sleep(Duration::from_millis(50));
    }
}
