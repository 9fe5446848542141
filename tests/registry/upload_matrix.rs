//! Every fault of a registry at every request by which this program puts an image there itself.
//!
//! Without an engine the program builds three declared images, one of them on another, and publishes them; one fault
//! happens. By default a part of the cases runs, those that need no long wait; `PKG_TEST_ALL_FAULTS=1` runs all of them, and
//! `--nocapture` shows the table.

mod cases;

use std::path::Path;
use std::time::{Duration, Instant};

use pkg::host::fs::{read_text, write_atomically};
use pkg::oci::{Digest, media};

use cases::{Case, Doing, NAMES, cases, rules};

use crate::support::faulty_registry::{FaultyRegistry, Login, Operation};
use crate::support::registry_cases::{Position, Verdict, is_claimed, run_cases, run_program, told};
use crate::support::sandbox::Sandbox;
use crate::uploading::{MIB, blob};

const PASSWORD: &str = "correct-horse-battery";
/// No case takes longer, or it hangs.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// Cases mostly wait.
const AT_ONCE: usize = 16;
/// What goes in more than one part.
const LARGE: usize = 11 * MIB;

#[test]
fn every_fault_at_an_upload_is_told_and_nothing_is_published_that_is_not_confirmed() {
    let name = |case: &Case| {
        let Case {
            fault,
            doing,
            position,
        } = case;
        format!("{:16} {doing:?} {position:?}", fault.0)
    };
    run_cases(&cases(), AT_ONCE, name, |case| Stage::new(case).run());
}

/// Writes an OCI layout with a layer that goes in several parts, and is not compressed again for each case.
fn write_base(directory: &Path) {
    let blobs = directory.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("a directory");
    let mut layer = tar::Builder::new(Vec::new());
    let content = blob(LARGE).bytes;
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let added = layer.append_data(&mut header, "large", content.as_slice());
    added.expect("a file in memory");
    let layer = layer.into_inner().expect("an archive in memory");
    let add = |kind: &str, bytes: &[u8]| {
        let digest = Digest::of(bytes);
        write_atomically(&blobs.join(digest.hex()), bytes).expect("a blob");
        serde_json::json!({"mediaType": kind, "digest": digest.as_str(), "size": bytes.len()})
    };
    let layer_of = add(media::LAYER, &layer);
    let config = serde_json::json!({
        "architecture": pkg::host::architecture(),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer_of["digest"]]},
    });
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media::MANIFEST,
        "config": add(media::CONFIG, config.to_string().as_bytes()),
        "layers": [layer_of],
    });
    let manifest = add(media::MANIFEST, manifest.to_string().as_bytes());
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [manifest]});
    let version = serde_json::json!({"imageLayoutVersion": "1.0.0"});
    for (name, json) in [("index.json", index), ("oci-layout", version)] {
        write_atomically(&directory.join(name), json.to_string().as_bytes()).expect("a file");
    }
}

/// One case: a registry, and three images beside it.
struct Stage<'a> {
    case: &'a Case,
    registry: FaultyRegistry,
    sandbox: Sandbox,
}

impl<'a> Stage<'a> {
    fn new(case: &'a Case) -> Self {
        let registry = match case.doing {
            Doing::Token => FaultyRegistry::start_for(Login::Token("ann", PASSWORD)),
            _ => FaultyRegistry::start(),
        };
        registry.be_strict();
        let settings = format!(
            "namespace: base\nregistry: \"{}\"\nusername: ann\npassword: {PASSWORD}\nregistry_timeout: 4s\n",
            registry.host()
        );
        let mut sandbox = Sandbox::new()
            .file("config.yaml", &settings)
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        for name in NAMES {
            let changelog = format!(
                "{name} (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
                 Fri, 20 Nov 2026 10:00:00 +0000\n"
            );
            let base = match name {
                "b" => "base: a\n",
                "c" if case.doing.needs_parts() => "base: ./base\n",
                _ => "",
            };
            let recipe = format!("{base}layers: [{{source: payload, target: /{name}}}]\n");
            sandbox = sandbox
                .file(&format!("images/{name}/changelog"), &changelog)
                .file(&format!("images/{name}/image.yaml"), &recipe)
                .file(&format!("images/{name}/payload"), name);
        }
        if case.doing.needs_parts() {
            write_base(&sandbox.path().join("images/c/base"));
        }
        Self {
            case,
            registry,
            sandbox,
        }
    }

    fn run(self) -> Result<Verdict, String> {
        let rules = rules(self.case);
        for (operation, requests, fault) in &rules {
            let requests = requests.clone();
            self.registry.misbehave(*operation, requests, fault.clone());
        }
        let began = Instant::now();
        let arguments = ["--info", "build", "images"];
        let (code, talk) = run_program(&self.sandbox, &arguments, LONGEST)?;
        let took = began.elapsed();
        let is_met = |(operation, requests, _): &cases::Rule| {
            self.registry.requests_of(*operation).len() >= *requests.start()
        };
        let judged = if rules.iter().all(is_met) {
            self.judge(code, &talk)
        } else {
            Err("no request met the fault".to_owned())
        };
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

    /// Gives what a tag means at the registry, which is whole there, or nothing.
    fn find(&self, name: &str, tag: &str) -> Result<Option<Digest>, String> {
        let repository = format!("base/{name}");
        let Some(manifest) = self.registry.find_manifest(&repository, tag) else {
            return Ok(None);
        };
        let json: serde_json::Value = serde_json::from_slice(&manifest)
            .map_err(|error| format!("{name}:{tag} is no manifest: {error}"))?;
        let layers = json["layers"].as_array().into_iter().flatten();
        for part in layers.chain([&json["config"]]) {
            let digest = part["digest"].as_str().unwrap_or_default();
            if self.registry.find_blob(&repository, digest).is_none() {
                return Err(format!("{name}:{tag} is there without {digest}"));
            }
        }
        Ok(Some(Digest::of(&manifest)))
    }

    /// Gives the digest of the image that was built and tested.
    fn shelved(&self, name: &str) -> Option<Digest> {
        let shelf = self.sandbox.home().join(".cache/pkg/images-1");
        let entries = std::fs::read_dir(shelf).ok()?;
        let places = entries.map(|entry| entry.expect("an entry").path());
        let beginning = format!("{name}_1-1-");
        let mut of_image = places.filter(|place| {
            let place = place.file_name().unwrap_or_default().to_string_lossy();
            place.starts_with(&beginning)
        });
        let current = read_text(&of_image.next()?.join("current")).ok()?;
        let digest = format!("sha256:{}", current.trim());
        Some(digest.parse().expect("a digest"))
    }

    /// What is called published is there, whole, and it is the image that was tested; no tag is at another one.
    fn judge(&self, code: i32, talk: &str) -> Result<String, String> {
        for name in NAMES {
            let (there, latest) = (self.find(name, "1-1")?, self.find(name, "latest")?);
            let tested = self.shelved(name);
            if there.is_some() && there != tested {
                return Err(format!("{name} is there as another image"));
            }
            if latest.is_some() && latest != tested {
                return Err(format!("`latest` of {name} is another image"));
            }
            let claims = |tag| is_claimed(talk, ("base", name), tag);
            if code == 0 && !claims("1-1") {
                return Err(format!("{name} is not published, and that is not told"));
            }
            if claims("1-1") && (there.is_none() || latest.is_none()) {
                return Err(format!("{name} is called published, and it is not there"));
            }
        }
        self.judge_absence()?;
        told(code, talk)
    }

    /// A blob that is not known to be missing is not sent.
    fn judge_absence(&self) -> Result<(), String> {
        let Case {
            fault,
            doing,
            position,
        } = self.case;
        let is_asked = *doing == Doing::HeadBlob && *position == Position::Always;
        let begun = self.registry.requests_of(Operation::StartUpload).len();
        if is_asked && fault.0 != "404" && begun > 0 {
            return Err("a blob is sent, and no 404 said that it is missing".to_owned());
        }
        Ok(())
    }
}
