//! The declared images of this repository: made of packages of the machine's mirror without an engine, read by other programs,
//! and run.

use std::fs;
use std::path::Path;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;
use crate::support::sandbox::Output;

pub(crate) const TESTS: &[Test] = &[(
    "the_declared_images_here_pass_without_an_engine_are_read_by_others_and_run",
    the_declared_images_here_pass_without_an_engine_are_read_by_others_and_run,
)];

/// Those that need nothing but packages.
const DIRECTORIES: [&str; 3] = ["bases/static", "bases/glibc", "runtimes/python3-slim"];

/// A program that looks up certificates, with nothing of the environment that names them, zones and users.
const PROGRAM: &str = r#"
import os, pwd, sqlite3, ssl, sys, zoneinfo
os.environ.pop("SSL_CERT_FILE", None)
assert len(ssl.create_default_context().get_ca_certs()) > 100, "trusts no authority"
assert sys.version_info[:2] == (3, 13) and sys.stdout.encoding == "utf-8", sys.version
print(ssl.OPENSSL_VERSION.split(".")[0], pwd.getpwuid(os.getuid()).pw_name, os.getcwd())
print(zoneinfo.ZoneInfo("Europe/Berlin"), sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0])
"#;
const SAID: &str = "OpenSSL 3 nonroot /home/nonroot\nEurope/Berlin 42\n";

/// A catalog of them; each has a label of this test, so that no image of a user's is the same to the bit.
fn catalog_of(engine: &Engine) -> Catalog<'_> {
    let catalog = Catalog::new(engine);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    for directory in DIRECTORIES {
        let files = fs::read_dir(here.join(directory)).expect("an image of this repository");
        for file in files {
            let file = file.expect("a file").path();
            let name = file.file_name().expect("a name").to_string_lossy();
            let mut bytes = fs::read(&file).expect("a file");
            if name == "image.yaml" && directory == "bases/static" {
                bytes.extend(format!("labels: {{test: {}}}\n", engine.namespace()).bytes());
            }
            catalog.write(&format!("images/{directory}/{name}"), &bytes);
        }
    }
    catalog
}

/// Runs the program where no engine answers.
fn run_away(catalog: &Catalog<'_>, arguments: &[&str]) -> Output {
    let mut command = catalog.sandbox().command(env!("CARGO_BIN_EXE_pkg"));
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let output = command.args(arguments).output().expect("the program");
    let output = Output::of(catalog.sandbox(), output);
    output.assert_code(0);
    output
}

/// Runs another program in the sandbox and gives what it says.
#[track_caller]
fn run(catalog: &Catalog<'_>, program: &str, arguments: &[&str]) -> String {
    let done = catalog.sandbox().run(program, arguments);
    done.assert_code(0);
    done.stdout
}

fn the_declared_images_here_pass_without_an_engine_are_read_by_others_and_run(engine: &Engine) {
    let catalog = catalog_of(engine);
    catalog.write("program.py", PROGRAM.as_bytes());
    run_away(&catalog, &["audit", "images"]);
    let built = run_away(&catalog, &["build", "images"]);
    assert!(
        built.stderr.contains("3 built, 3 verified"),
        "{}",
        built.stderr
    );
    run_away(&catalog, &["verify", "python3-slim", "images"]);
    read_by_others(&catalog);
    run_as_a_bundle(&catalog, engine);
    run_on_the_engine(&catalog);
}

/// dpkg knows the packages, and so do programs that look at `status.d`.
fn read_by_others(catalog: &Catalog<'_>) {
    let export = [
        "export", "static", "images", "--format", "oci", "-o", "static",
    ];
    run_away(catalog, &export);
    let layout = run(catalog, "skopeo", &["inspect", "oci:static:13.7-1"]);
    let layout: serde_json::Value = serde_json::from_str(&layout).expect("JSON");
    assert_eq!(layout["Layers"].as_array().map(Vec::len), Some(1));
    let unpack = ["unpack", "--image", "static:13.7-1", "unpacked"];
    run(catalog, "umoci", &unpack);
    let root = catalog.sandbox().path().join("unpacked/rootfs");
    let format = "${Package} ${db:Status-Status}\n";
    let database = format!("--admindir={}/var/lib/dpkg", root.display());
    let listed = run(catalog, "dpkg-query", &[&database, "-W", "-f", format]);
    let expected = "base-files installed\nca-certificates installed\nmedia-types installed\nnetbase installed\ntzdata installed\n";
    assert_eq!(listed, expected);
    let told = run(
        catalog,
        "dpkg",
        &[
            &format!("--root={}", root.display()),
            "-S",
            "/usr/share/zoneinfo/Europe/Berlin",
        ],
    );
    assert_eq!(told, "tzdata: /usr/share/zoneinfo/Europe/Berlin\n");
    let files = fs::read_dir(root.join("var/lib/dpkg/status.d")).expect("status.d");
    let names = files.map(|file| file.expect("a file").file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| !name.ends_with(".md5sums"));
    names.sort();
    assert_eq!(names.join(" installed\n") + " installed\n", expected);
}

fn run_as_a_bundle(catalog: &Catalog<'_>, engine: &Engine) {
    let export = [
        "export",
        "python3-slim",
        "images",
        "--format",
        "bundle",
        "-o",
        "bundle",
    ];
    run_away(catalog, &export);
    let name = engine.name("python").replace('/', "-");
    let script = format!("runc --root state run --bundle bundle '{name}' < program.py");
    let said = run(catalog, "sh", &["-c", &script]);
    assert_eq!(said, SAID);
}

fn run_on_the_engine(catalog: &Catalog<'_>) {
    catalog.build(&[]).assert_code(0);
    let label = |name: &str, version: &str| format!("{}:{version}", catalog.repository(name));
    let python = label("python3-slim", "3.13.5-2");
    let script = format!("docker run --rm --interactive --network none {python} < program.py");
    let said = run(catalog, "sh", &["-c", &script]);
    assert_eq!(said, SAID);
    // The loader alone shows that each library finds those that it needs.
    let glibc = label("glibc", "2.41-1");
    let loaded = format!(
        "docker run --rm --network none --entrypoint /usr/lib64/ld-linux-x86-64.so.2 {glibc} --list /usr/lib/x86_64-linux-gnu/libssl.so.3"
    );
    let listed = run(catalog, "sh", &["-c", &loaded]);
    for library in ["libcrypto.so.3 => /", "libzstd.so.1 => /", "libc.so.6 => /"] {
        assert!(listed.contains(library), "{library}\n{listed}");
    }
    let shell = format!(
        "docker run --rm {} /bin/sh -c true",
        label("static", "13.7-1")
    );
    let refused = catalog.sandbox().run("sh", &["-c", &shell]);
    assert_eq!(refused.status.code(), Some(127), "{}", refused.stderr);
}
