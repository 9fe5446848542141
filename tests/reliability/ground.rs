//! Where the program runs: a sandbox with a catalog, the fake engine, and a registry in memory.
//!
//! `PKG` names another program to test than the one of this build.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::fake_engine::{Dialect, FakeEngine};
use crate::support::faulty_registry::FaultyRegistry;
use crate::support::sandbox::Sandbox;

/// For the registry, which asks nobody for a name.
const LOGIN: &str = "username: ann\npassword: none\n";

/// A catalog, its engine and its registry.
pub(crate) struct Ground {
    pub(crate) sandbox: Sandbox,
    pub(crate) engine: FakeEngine,
    pub(crate) registry: FaultyRegistry,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it wrote to standard error.
    pub(crate) talk: Vec<u8>,
    /// What it wrote to standard output.
    pub(crate) data: Vec<u8>,
    pub(crate) took: Duration,
    /// The time of the processor that it was seen to take; on a busy machine it says more than the clock.
    pub(crate) worked: Duration,
    /// The most memory that it was seen with.
    pub(crate) peak_bytes: u64,
    /// Whether it had to be killed, since it did not end in time.
    pub(crate) is_overdue: bool,
}

impl Ended {
    /// Gives what it told, as far as it is text.
    pub(crate) fn talk(&self) -> String {
        String::from_utf8_lossy(&self.talk).into_owned()
    }

    /// Gives the exit code, or the signal in words.
    pub(crate) fn code(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            _ if self.is_overdue => "overdue".to_owned(),
            (Some(code), _) => code.to_string(),
            (None, signal) => format!("signal {}", signal.unwrap_or_default()),
        }
    }
}

impl Ground {
    /// Makes one with a base image and without images.
    pub(crate) fn new() -> Self {
        Self::with_dialect(Dialect::default())
    }

    /// Makes one with an engine of another kind.
    pub(crate) fn with_dialect(dialect: Dialect) -> Self {
        let engine = FakeEngine::start_with(dialect);
        engine.put_image("example/base:1");
        let sandbox = Sandbox::new().env("DOCKER_HOST", &engine.address());
        let ground = Self {
            sandbox,
            engine,
            registry: FaultyRegistry::start(),
        };
        ground.settings("")
    }

    /// Writes the settings, with further lines.
    pub(crate) fn settings(self, more: &str) -> Self {
        let registry = self.registry.host();
        let text = format!(
            "registry: \"{registry}\"\nnamespace: example\nbase_images: [\"example/base:1\"]\n{LOGIN}{more}"
        );
        self.write("config.yaml", text.as_bytes());
        self
    }

    /// Writes a file of the working directory.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.sandbox.path().join(path);
        let directory = path.parent().expect("a directory");
        fs::create_dir_all(directory).expect("a directory");
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Lays out an image: `$BASE` and `$(NAME)` in the recipe stand for the base image and for parents.
    pub(crate) fn image(self, name: &str, parents: &[&str], recipe: &str) -> Self {
        let mut recipe = recipe.replace("$BASE", "{{ \"example/base\" | image_tag }}");
        for parent in parents {
            let tag = format!("{{{{ \"{parent}\" | image_tag }}}}");
            recipe = recipe.replace(&format!("$({parent})"), &tag);
        }
        let mut control = format!("Package: {name}\nMaintainer: Ann <ann@example.org>\n");
        if !parents.is_empty() {
            control.extend(["Build-Depends: ", &parents.join(", "), "\n"]);
        }
        let changelog = changelog(name, "1-1");
        for (file, text) in [
            ("Dockerfile.template", format!("{recipe}\n")),
            ("control", control),
            ("changelog", changelog),
        ] {
            self.write(&format!("images/{name}/{file}"), text.as_bytes());
        }
        self
    }

    /// Gives an image tests.
    pub(crate) fn test(self, name: &str, script: &str) -> Self {
        let path = format!("images/{name}/test.sh");
        self.write(&path, format!("#!/bin/sh\n{script}\n").as_bytes());
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.sandbox.path().join(path), mode).expect("permissions");
        self
    }

    /// Gives the label of an image of the catalog.
    pub(crate) fn label(&self, name: &str) -> String {
        format!("{}/example/{name}:1-1", self.registry.host())
    }

    /// Starts the program; what it says goes to files in the sandbox.
    pub(crate) fn start(&self, arguments: &[&str], more: &[(&str, &str)]) -> Run {
        let program = std::env::var("PKG").unwrap_or(env!("CARGO_BIN_EXE_pkg").to_owned());
        let command = self.sandbox.command(program);
        Run::start(&self.sandbox, command, arguments, more)
    }

    /// Starts the program with an address space that is bounded, so that memory that it asks for without need ends it.
    pub(crate) fn start_bounded(&self, arguments: &[&str]) -> Run {
        const MOST: &str = "--as=3000000000"; // bytes
        let program = std::env::var("PKG").unwrap_or(env!("CARGO_BIN_EXE_pkg").to_owned());
        let mut command = self.sandbox.command("prlimit");
        command.args([MOST, "--core=0", "--", &program]);
        Run::start(&self.sandbox, command, arguments, &[])
    }

    /// Runs `pkg build` over the images, with base images as the engine has them.
    pub(crate) fn build(&self, more: &[&str]) -> Ended {
        self.pkg(&[&["build", "--no-pull", "images"], more].concat())
    }

    /// Runs the program to its end.
    pub(crate) fn pkg(&self, arguments: &[&str]) -> Ended {
        self.start(arguments, &[]).end(Duration::from_secs(100))
    }

    /// Gives what the registry holds under a tag of an image.
    pub(crate) fn published(&self, name: &str, tag: &str) -> Option<Vec<u8>> {
        self.registry.find_manifest(&format!("example/{name}"), tag)
    }
}

/// Renders a changelog with one entry.
pub(crate) fn changelog(name: &str, version: &str) -> String {
    format!(
        "{name} ({version}) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
         Fri, 20 Nov 2026 10:00:00 +0000\n"
    )
}

/// A run that goes on.
pub(crate) struct Run {
    child: Child,
    data: PathBuf,
    talk: PathBuf,
    began: Instant,
}

impl Run {
    pub(crate) fn start(
        sandbox: &Sandbox,
        mut command: Command,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Self {
        let (data, talk) = (
            sandbox.home().join("standard-output"),
            sandbox.home().join("standard-error"),
        );
        let child = command
            .args(arguments)
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&data).expect("a file"))
            .stderr(File::create(&talk).expect("a file"))
            .spawn()
            .expect("the program");
        Self {
            child,
            data,
            talk,
            began: Instant::now(),
        }
    }

    /// Gives the number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, and kills it where that takes longer than allowed.
    pub(crate) fn end(mut self, allowed: Duration) -> Ended {
        let (mut peak_bytes, mut worked) = (0, Duration::ZERO);
        let mut is_overdue = false;
        let mut pause = Duration::from_millis(1);
        let status = loop {
            peak_bytes = peak_bytes.max(peak_of(self.child.id()));
            worked = worked.max(work_of(self.child.id()));
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            if !is_overdue && self.began.elapsed() > allowed {
                is_overdue = true;
                // It may end at this very moment.
                let _ = self.child.kill();
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        Ended {
            status,
            took: self.began.elapsed(),
            talk: fs::read(&self.talk).expect("what it said"),
            data: fs::read(&self.data).expect("what it wrote"),
            worked,
            peak_bytes,
            is_overdue,
        }
    }
}

/// Gives the most memory that a process ever had, as long as it is there.
fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    number.unwrap_or_default() * 1024
}

/// Gives the time of the processor that a process took, as long as it is there.
fn work_of(pid: u32) -> Duration {
    /// What the kernel counts by, on every machine of Linux.
    const TICKS: f64 = 100.0; // in a second
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = fields.filter_map(|field| field.parse::<u32>().ok()).sum();
    Duration::from_secs_f64(f64::from(ticks) / TICKS)
}
