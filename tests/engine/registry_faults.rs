//! Every fault of a registry at every operation: never "published" without the digest, never "absent" but by a 404.
//!
//! The program publishes three images with the real engine to a real registry, in front of which one fault happens. By
//! default a part of the cases runs, those that need no long wait; `scripts/registry-faults` runs all of them on an engine
//! of its own, and prints a table.

mod cases;

use std::time::{Duration, Instant};

use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use pkg::registry::{self, Client, Presence};

use cases::{Case, Doing, cases, rules};

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{FaultyRegistry, Login};
use crate::support::registry_cases::{Verdict, is_claimed, run_cases, run_program, told};
use crate::support::sandbox::Sandbox;

pub(crate) const TESTS: &[Test] = &[(
    "every_fault_of_a_registry_is_told_and_nothing_is_published_that_is_not_confirmed",
    every_fault_of_a_registry_is_told_and_nothing_is_published_that_is_not_confirmed,
)];

const NAMES: [&str; 3] = ["a", "b", "c"];
const PASSWORD: &str = "correct-horse-battery";
/// No case takes longer, or it hangs.
const LONGEST: Duration = Duration::from_secs(20 * 60);
/// Cases mostly wait.
const AT_ONCE: usize = 48;

fn every_fault_of_a_registry_is_told_and_nothing_is_published_that_is_not_confirmed(
    engine: &Engine,
) {
    let catalog = Catalog::new(engine);
    for name in NAMES {
        let payload = format!("images/{name}/payload");
        let recipe = "FROM scratch\nCOPY payload /payload";
        catalog
            .image(name, "1-1", &[], recipe)
            .write(&payload, name.as_bytes());
    }
    catalog.build(&[]).assert_code(0);
    let ids = NAMES.map(|name| catalog.id(name, "1-1"));
    let cases = cases();
    let name = |case: &Case| {
        let Case {
            fault,
            doing,
            position,
        } = case;
        format!("{:16} {doing:?} {position:?}", fault.0)
    };
    run_cases(&cases, AT_ONCE, name, |case| {
        Stage::new(engine, case, &ids).run()
    });
}

/// One case: a registry behind its faulty front, and the images under labels of this front.
struct Stage<'a> {
    engine: &'a Engine,
    case: &'a Case,
    ids: &'a [String; 3],
    behind: DockerRegistry,
    front: FaultyRegistry,
    sandbox: Sandbox,
}

impl<'a> Stage<'a> {
    fn new(engine: &'a Engine, case: &'a Case, ids: &'a [String; 3]) -> Self {
        let behind = DockerRegistry::start();
        let login = (case.doing == Doing::Token).then_some(Login::Token("ann", PASSWORD));
        let front = FaultyRegistry::start_in_front_of(behind.host(), login);
        let settings = format!(
            "namespace: {}\nregistry: \"{}\"\nusername: ann\npassword: {PASSWORD}\nregistry_timeout: 4s\n",
            engine.namespace(),
            front.host()
        );
        let mut sandbox = Sandbox::new().file("config.yaml", &settings);
        if let Ok(address) = std::env::var("DOCKER_HOST") {
            sandbox = sandbox.env("DOCKER_HOST", &address);
        }
        for name in NAMES {
            let changelog = format!(
                "{name} (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
                 Fri, 20 Nov 2026 10:00:00 +0000\n"
            );
            // As the catalog writes it.
            let namespace = engine.namespace();
            let recipe =
                format!("FROM scratch\nLABEL pkgtest={namespace}\nCOPY payload /payload\n");
            let control = format!("Package: {name}\nMaintainer: Ann <ann@example.org>\n");
            sandbox = sandbox
                .file(&format!("images/{name}/changelog"), &changelog)
                .file(&format!("images/{name}/control"), &control)
                .file(&format!("images/{name}/Dockerfile.template"), &recipe)
                .file(&format!("images/{name}/payload"), name);
        }
        Self {
            engine,
            case,
            ids,
            behind,
            front,
            sandbox,
        }
    }

    fn run(self) -> Result<Verdict, String> {
        self.prepare();
        for (operation, requests) in rules(self.case.doing, self.case.position) {
            let fault = self.case.fault.1.clone();
            self.front.misbehave(operation, requests, fault);
        }
        let command: &[&str] = match self.case.doing {
            Doing::Presence => &["plan", "images"],
            _ => &["--info", "publish", "images"],
        };
        let began = Instant::now();
        let (code, talk) = run_program(&self.sandbox, command, LONGEST)?;
        let took = began.elapsed();
        let judged = match self.case.doing {
            _ if self.front.hits() == 0 => Err("no request met the fault".to_owned()),
            Doing::Presence => self.judge_plan(code, &talk),
            Doing::Reading | Doing::Own => self.judge_latest(code, &talk),
            _ => self.judge_publication(code, &talk),
        };
        self.clean();
        let expected = self.case.expected();
        let judged = judged.and_then(|told| {
            if expected.contains(&code) {
                Ok(told)
            } else {
                Err(format!(
                    "it ends with {code}, and not with one of {expected:?}"
                ))
            }
        });
        let told = judged.map_err(|promise| format!("{promise}\nexit {code}\n{talk}"))?;
        Ok(Verdict { code, told, took })
    }

    /// Puts images where the case needs them: at the registry alone, or on the engine alone.
    fn prepare(&self) {
        let namespace = self.engine.namespace();
        for (name, id) in NAMES.iter().zip(self.ids) {
            let repository = format!("{namespace}/{name}");
            let labels = |version| {
                [
                    ("pkg.parents", ""),
                    ("org.opencontainers.image.title", *name),
                    ("org.opencontainers.image.version", version),
                ]
            };
            let push = |tag, labels: [(&'static str, &str); 3]| {
                let pushed = self.behind.push_labelled((&repository, tag), &labels);
                self.engine.wait(pushed)
            };
            match self.case.doing {
                Doing::Presence => {
                    push("1-1", labels("1-1"));
                    push("latest", labels("1-1"));
                }
                Doing::Reading | Doing::Own => {
                    push("1-1", labels("1-1"));
                    push("latest", labels("0.9-1"));
                }
                _ => {
                    let host = self.front.host();
                    let repository = format!("{host}/{repository}");
                    let options = TagImageOptionsBuilder::new().repo(&repository).tag("1-1");
                    let tagging = self.engine.docker().tag_image(id, Some(options.build()));
                    self.engine.wait(tagging).expect("a tag");
                }
            }
        }
    }

    fn clean(&self) {
        if matches!(
            self.case.doing,
            Doing::Presence | Doing::Reading | Doing::Own
        ) {
            return;
        }
        for name in NAMES {
            let image = format!(
                "{}/{}/{name}:1-1",
                self.front.host(),
                self.engine.namespace()
            );
            let options = RemoveImageOptionsBuilder::new().build();
            let removal = self
                .engine
                .docker()
                .remove_image(&image, Some(options), None);
            self.engine.wait(removal).expect("a tag to remove");
        }
    }

    fn is_claimed(talk: &str, name: &str, tag: &str) -> bool {
        let beginning = format!("pkgtest-{}-", std::process::id());
        is_claimed(talk, (&beginning, name), tag)
    }

    /// Asks the registry behind the front, which behaves.
    fn digest(&self, name: &str, tag: &str) -> Option<String> {
        let reference = format!(
            "{}/{}/{name}:{tag}",
            self.behind.host(),
            self.engine.namespace()
        );
        let reference = reference.parse().expect("a reference");
        let client = Client::new(registry::Options::default()).expect("a client");
        let presence = self.engine.wait(client.presence(&reference));
        match presence.expect("an answer") {
            Presence::Present(digest) => Some(digest.to_string()),
            Presence::Absent => None,
        }
    }

    /// Gives the identity of the image that the registry has.
    fn id_at_registry(&self, name: &str) -> Option<String> {
        let reference = format!(
            "{}/{}/{name}:1-1",
            self.behind.host(),
            self.engine.namespace()
        );
        let reference = reference.parse().expect("a reference");
        let client = Client::new(registry::Options::default()).expect("a client");
        let manifest = self.engine.wait(client.fetch_manifest(&reference));
        Some(manifest.expect("an answer")?.config()?.to_string())
    }

    /// All three versions are there: none is planned to be built, unless a 404 says so.
    fn judge_plan(&self, code: i32, talk: &str) -> Result<String, String> {
        let says_absent = talk.contains("not published");
        if says_absent && self.case.fault.0 != "404" {
            return Err("absent, and no 404 said so".to_owned());
        }
        if code == 0 && !says_absent && !talk.contains("3 already published") {
            return Err("neither an error nor all that is there".to_owned());
        }
        told(code, talk)
    }

    /// The versions are there, and `latest` is an older one.
    fn judge_latest(&self, code: i32, talk: &str) -> Result<String, String> {
        for name in NAMES {
            let is_moved = self.digest(name, "latest") == self.digest(name, "1-1");
            if !is_moved && (code == 0 || Self::is_claimed(talk, name, "latest")) {
                return Err(format!(
                    "`latest` of {name} did not follow, and that is not told"
                ));
            }
        }
        told(code, talk)
    }

    /// What is called published is at the registry, and it is the image that was tested.
    fn judge_publication(&self, code: i32, talk: &str) -> Result<String, String> {
        for (name, id) in NAMES.iter().zip(self.ids) {
            // Also what is not called published is the tested image, or is not there.
            let there = self.id_at_registry(name);
            if there.is_some() && there.as_ref() != Some(id) {
                return Err(format!("{name} is there as another image"));
            }
            if code != 0 && !Self::is_claimed(talk, name, "1-1") {
                continue;
            }
            if !Self::is_claimed(talk, name, "1-1") {
                return Err(format!("{name} is not published, and that is not told"));
            }
            if self.id_at_registry(name).as_ref() != Some(id) {
                return Err(format!("{name} is called published, and it is not there"));
            }
            if self.digest(name, "latest") != self.digest(name, "1-1") {
                return Err(format!("{name} is called published without `latest`"));
            }
        }
        told(code, talk)
    }
}
