//! A real registry: Debian's `docker-registry` on a free port, with a storage of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use pkg::oci::Digest;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use tempfile::TempDir;

/// How long it has to say where it listens.
const START: Duration = Duration::from_secs(20);

/// What `config.yml` says beside what is wanted of one registry.
const CONFIG: &str = "\
version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: $DIRECTORY/data
  delete:
    enabled: true
http:
  # The kernel chooses a free port, and the log tells which: no other test can take it in between.
  addr: 127.0.0.1:0
";

const HTPASSWD: &str = "\
auth:
  htpasswd:
    realm: Test
    path: $DIRECTORY/htpasswd
";

/// It goes on under `http`.
const TLS: &str = "  \
  tls:
    certificate: $DIRECTORY/leaf.pem
    key: $DIRECTORY/leaf.key
";

/// A registry that runs as long as this value lives.
pub(crate) struct DockerRegistry {
    child: Child,
    host: String,
    scheme: &'static str,
    login: Option<(String, String)>,
    directory: TempDir,
}

impl DockerRegistry {
    /// Starts one that everybody may read and write.
    pub(crate) fn start() -> Self {
        Self::start_with("", |_| {})
    }

    /// Starts one that only this user may read and write.
    pub(crate) fn start_for(username: &str, password: &str) -> Self {
        let mut registry = Self::start_with(HTPASSWD, |directory| {
            let output = run(Command::new("htpasswd").args(["-Bbn", username, password]));
            fs::write(directory.join("htpasswd"), output.stdout).expect("a file");
        });
        registry.login = Some((username.to_owned(), password.to_owned()));
        registry
    }

    /// Starts one that speaks TLS, with a certificate that [`DockerRegistry::ca_bundle`] vouches for.
    ///
    /// Its host is `0.0.0.0:PORT`: Linux takes that for the machine itself, and by its name it is any other host.
    pub(crate) fn start_with_tls() -> Self {
        let mut registry = Self::start_with(TLS, write_certificates);
        registry.host = registry.host.replace("127.0.0.1", "0.0.0.0");
        registry.scheme = "https";
        registry
    }

    fn start_with(more_config: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        prepare(directory.path());
        let config = format!("{CONFIG}{more_config}");
        let config = config.replace("$DIRECTORY", &directory.path().display().to_string());
        let path = directory.path().join("config.yml");
        fs::write(&path, config).expect("a file");
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| missing("docker-registry", &error));
        let log = child.stderr.take().expect("its log");
        let mut registry = Self {
            child,
            host: String::new(),
            scheme: "http",
            login: None,
            directory,
        };
        registry.host = address_in(log);
        registry
    }

    /// Gives `127.0.0.1:PORT`, as it stands in references.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Gives the file of certificates to trust.
    pub(crate) fn ca_bundle(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Pushes an image without layers by plain requests, and gives its digest.
    pub(crate) async fn push(&self, repository: &str, tag: &str) -> Digest {
        self.push_labelled((repository, tag), &[]).await
    }

    /// Pushes an image without layers that has labels.
    pub(crate) async fn push_labelled(
        &self,
        (repository, tag): (&str, &str),
        labels: &[(&str, &str)],
    ) -> Digest {
        const KIND: &str = "application/vnd.oci.image.manifest.v1+json";
        let labels: std::collections::BTreeMap<_, _> = labels.iter().copied().collect();
        let image = serde_json::json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let image = image.to_string().into_bytes();
        let base = format!("{}://{}/v2/{repository}", self.scheme, self.host);
        let http = self.http();
        let start = http.post(format!("{base}/blobs/uploads/"));
        let headers = self.send(start, Vec::new()).await;
        let location = headers[LOCATION].to_str().expect("an address");
        let finish = format!("{location}&digest={}", Digest::of(&image));
        self.send(http.put(finish), image.clone()).await;
        let config = serde_json::json!({
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(&image).as_str(),
            "size": image.len(),
        });
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": KIND,
            "config": config,
            "layers": [],
        });
        let manifest = manifest.to_string().into_bytes();
        let put = http.put(format!("{base}/manifests/{tag}"));
        self.send(put.header(CONTENT_TYPE, KIND), manifest.clone())
            .await;
        Digest::of(&manifest)
    }

    fn http(&self) -> reqwest::Client {
        // The client under test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().no_proxy();
        if self.scheme == "https" {
            let pem = fs::read(self.ca_bundle()).expect("certificates");
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).expect("certificates");
            builder = builder.tls_certs_only(certificates);
        }
        builder.build().expect("a client")
    }

    async fn send(&self, request: reqwest::RequestBuilder, body: Vec<u8>) -> HeaderMap {
        let request = match &self.login {
            Some((username, password)) => request.basic_auth(username, Some(password)),
            None => request,
        };
        let response = request.body(body).send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        assert!(status.is_success(), "{status}: {:?}", response.text().await);
        headers
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // It is gone already when this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!(
        "cannot start `{program}` ({error}); run scripts/prepare, which installs what tests need"
    )
}

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| missing(&command.get_program().to_string_lossy(), &error));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// Makes an authority that nobody knows and a certificate that it signed.
fn write_certificates(directory: &Path) {
    const CONFIG: &str = "[req]\ndistinguished_name=name\n[name]\n[ca]\nbasicConstraints=critical,CA:TRUE\n\
                          [leaf]\nbasicConstraints=critical,CA:FALSE\nsubjectAltName=IP:0.0.0.0\n";
    fs::write(directory.join("openssl.cnf"), CONFIG).expect("a file");
    let request = |name: &str, more: &[&str]| {
        let key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        run(Command::new("openssl")
            .current_dir(directory)
            .args(["req", "-x509", "-config", "openssl.cnf", "-days", "2"])
            .args(["-extensions", name, "-subj", &format!("/CN={name}")])
            .args(key)
            .args([
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ])
            .args(more));
    };
    request("ca", &[]);
    request("leaf", &["-CA", "ca.pem", "-CAkey", "ca.key"]);
}

/// Finds the address in the log, which is read to its end so that the registry never waits for a reader.
fn address_in(log: ChildStderr) -> String {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // After the address is found, nobody listens any more.
            let _ = sender.send(line);
        }
    });
    let mut seen = String::new();
    while let Ok(line) = receiver.recv_timeout(START) {
        if let Some((_, rest)) = line.split_once("listening on ") {
            let end = rest.find([',', '"']).unwrap_or(rest.len());
            return rest[..end].to_owned();
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    panic!("docker-registry does not listen:\n{seen}")
}
