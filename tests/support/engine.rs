//! The real Docker engine, with names that belong to one test and vanish with it.
//!
//! Whatever a test makes carries its namespace `pkgtest-PID-N`: as a component of the image's or container's name, or as
//! the value of the label `pkgtest`. When the test is over, also by a panic, all of that is removed; what a test left
//! that was killed is removed by the next one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::{ContainerSummary, ImageSummary};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, ListContainersOptionsBuilder,
    ListImagesOptionsBuilder, PushImageOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use pkg::oci::Digest;
use tokio::runtime::Runtime;
use tokio::time::error::Elapsed;

const LABEL: &str = "pkgtest";
const PREFIX: &str = "pkgtest-";

/// An engine that answers, and a namespace on it.
pub(crate) struct Engine {
    docker: Docker,
    runtime: Runtime,
    namespace: String,
}

impl Engine {
    /// Tells why no engine answers, if none does.
    pub(crate) fn missing() -> Option<String> {
        reach().err()
    }

    /// Connects to the engine at `DOCKER_HOST` or the default socket, or tells why it does not answer.
    pub(crate) fn connect() -> Result<Self, String> {
        static SWEPT: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let (docker, runtime) = reach()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let engine = Self {
            docker,
            runtime,
            namespace: format!("{PREFIX}{}-{number}", std::process::id()),
        };
        SWEPT.call_once(|| engine.remove(is_leftover));
        Ok(engine)
    }

    /// Gives the client.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Gives the namespace: one component of a repository.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Puts a name into the namespace: `pkgtest-17-1/base:1`.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.namespace)
    }

    /// Waits for the engine, at most two minutes.
    #[track_caller]
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.try_wait(work)
            .expect("the engine has two minutes for this")
    }

    fn try_wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        const DEADLINE: Duration = Duration::from_secs(120);
        self.runtime
            .block_on(async { tokio::time::timeout(DEADLINE, work).await })
    }

    /// Builds an image of static busybox with a shell, without the network, and gives its name.
    pub(crate) fn base_image(&self) -> String {
        const DOCKERFILE: &[u8] = b"FROM scratch\nCOPY root /\nCMD [\"/bin/sh\"]\n";
        const APPLETS: [&str; 12] = [
            "sh", "cat", "echo", "env", "false", "grep", "id", "ls", "mkdir", "rm", "sleep", "true",
        ];
        let busybox = std::fs::read("/bin/busybox").unwrap_or_else(|error| {
            panic!("cannot read /bin/busybox ({error}); run scripts/prepare, which installs what tests need")
        });
        let mut context = tar::Builder::new(Vec::new());
        append(&mut context, "Dockerfile", 0o644, DOCKERFILE);
        append(&mut context, "root/bin/busybox", 0o755, &busybox);
        for applet in APPLETS {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            let path = format!("root/bin/{applet}");
            context
                .append_link(&mut header, path, "busybox")
                .expect("an archive in memory");
        }
        let context = context.into_inner().expect("an archive in memory");
        let name = self.name("base:1");
        self.build(&name, context);
        name
    }

    /// Builds an image out of a context with a `Dockerfile`.
    pub(crate) fn build(&self, name: &str, context: Vec<u8>) {
        let labels = HashMap::from([(LABEL, self.namespace.as_str())]);
        let options = BuildImageOptionsBuilder::new()
            .dockerfile("Dockerfile")
            .t(name)
            .labels(&labels)
            // A layer of the cache may be another test's, which removes it at this moment.
            .nocache(true)
            .rm(true)
            .forcerm(true);
        let body = bollard::body_full(context.into());
        let events = self.docker.build_image(options.build(), None, Some(body));
        let events: Vec<_> = self.wait(events.collect());
        for event in events {
            let event = event.unwrap_or_else(|error| panic!("building {name}: {error}"));
            assert_eq!(event.error_detail, None, "building {name}");
        }
    }

    /// Builds an image out of the text of a Dockerfile alone.
    pub(crate) fn build_from(&self, name: &str, dockerfile: &str) {
        let mut context = tar::Builder::new(Vec::new());
        append(&mut context, "Dockerfile", 0o644, dockerfile.as_bytes());
        self.build(name, context.into_inner().expect("an archive in memory"));
    }

    /// Pushes a reference and gives the digest that the engine tells.
    pub(crate) fn push(&self, reference: &str, login: Option<(&str, &str)>) -> Digest {
        let (repository, tag) = reference.rsplit_once(':').expect("a tag");
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        let events = self
            .docker
            .push_image(repository, Some(options), login.map(credentials));
        let events: Vec<_> = self.wait(events.collect());
        let told = events.into_iter().find_map(|event| {
            let event = event.unwrap_or_else(|error| panic!("pushing {reference}: {error}"));
            let status = event.status?;
            let (_, rest) = status.split_once("digest: ")?;
            rest.split(' ').next()?.parse().ok()
        });
        told.expect("the engine tells the digest")
    }

    /// Pulls a reference.
    pub(crate) fn pull(&self, reference: &str, login: Option<(&str, &str)>) {
        let options = CreateImageOptionsBuilder::new().from_image(reference);
        let events = self
            .docker
            .create_image(Some(options.build()), None, login.map(credentials));
        let events: Vec<_> = self.wait(events.collect());
        for event in events {
            event.unwrap_or_else(|error| panic!("pulling {reference}: {error}"));
        }
    }

    /// Gives the names of all images of the namespace.
    pub(crate) fn images(&self) -> Vec<String> {
        let images = self.wait(list_images(&self.docker)).expect("a list");
        let tags = images.into_iter().flat_map(|image| image.repo_tags);
        // podman lists them with Docker's default registry.
        let tags = tags.map(|tag| tag.trim_start_matches("docker.io/").to_owned());
        let mut tags: Vec<_> = tags.filter(|tag| is_of(tag, &self.namespace)).collect();
        tags.sort();
        tags
    }

    /// Gives the names of the files that the layers of an image hold.
    pub(crate) fn names_in(&self, image: &str) -> Vec<String> {
        let archive: Vec<_> = self.wait(self.docker.export_image(image).collect());
        let archive: Vec<u8> = archive
            .into_iter()
            .flat_map(|chunk| chunk.expect("an archive"))
            .collect();
        let mut names = Vec::new();
        let mut archive = tar::Archive::new(archive.as_slice());
        for entry in archive.entries().expect("an archive") {
            let entry = entry.expect("an entry");
            if entry.path_bytes().ends_with(b"layer.tar") {
                names.extend(names_of(entry));
            }
        }
        names
    }

    /// Gives the containers that were made from the images of the namespace, also by builds.
    pub(crate) fn containers(&self) -> Vec<String> {
        let containers = self
            .wait(list_containers(&self.docker))
            .expect("a list of containers");
        let is_own = |container: &ContainerSummary| {
            let names = container_names(container);
            names.iter().any(|name| is_of(name, &self.namespace))
        };
        let own = containers.into_iter().filter(is_own);
        own.filter_map(|container| container.id).collect()
    }

    /// Gives every name of the images that were built from the base image of the namespace.
    pub(crate) fn all_names_of_its_images(&self) -> Vec<String> {
        let images = self.wait(list_images(&self.docker)).expect("a list");
        let is_own = |image: &ImageSummary| image.labels.get(LABEL) == Some(&self.namespace);
        let own = images.into_iter().filter(is_own);
        own.flat_map(|image| image.repo_tags).collect()
    }

    /// Removes containers and images of the namespaces that are chosen; what cannot be removed is told, not fatal.
    fn remove(&self, is_chosen: impl Fn(&str) -> bool) {
        let removed = self.try_wait(async {
            let containers = list_containers(&self.docker).await?;
            for container in &containers {
                if let Some(id) = &container.id
                    && container_names(container).iter().any(|it| is_chosen(it))
                {
                    let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
                    let removal = self.docker.remove_container(id, Some(options.build()));
                    tell(id, removal.await.err().and_then(unless_gone));
                }
            }
            for image in list_images(&self.docker).await? {
                for name in names_to_remove(&image, &is_chosen) {
                    let options = RemoveImageOptionsBuilder::new().force(true).build();
                    let removal = self.docker.remove_image(&name, Some(options), None);
                    tell(&name, removal.await.err().and_then(unless_gone));
                }
            }
            Ok::<_, bollard::errors::Error>(())
        });
        match removed {
            Ok(removed) => tell("what a test made", removed.err()),
            Err(elapsed) => tell("what a test made", Some(elapsed)),
        }
    }
}

fn credentials((username, password): (&str, &str)) -> DockerCredentials {
    DockerCredentials {
        username: Some(username.to_owned()),
        password: Some(password.to_owned()),
        ..DockerCredentials::default()
    }
}

fn reach() -> Result<(Docker, Runtime), String> {
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let docker = Docker::connect_with_defaults().map_err(|error| error.to_string())?;
    let answer = runtime.block_on(async {
        let ping = docker.ping();
        tokio::time::timeout(Duration::from_secs(10), ping).await
    });
    match answer {
        Ok(Ok(_)) => Ok((docker, runtime)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it gives no answer in 10 seconds".to_owned()),
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let namespace = self.namespace.clone();
        self.remove(|name| is_of(name, &namespace));
    }
}

async fn list_containers(docker: &Docker) -> Result<Vec<ContainerSummary>, bollard::errors::Error> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    docker.list_containers(Some(options)).await
}

async fn list_images(docker: &Docker) -> Result<Vec<ImageSummary>, bollard::errors::Error> {
    let options = ListImagesOptionsBuilder::new().build();
    while_images_vanish(|| docker.list_images(Some(options.clone()))).await
}

/// Asks again where the engine has trouble: some fail to find any image while another test removes one.
pub(crate) async fn while_images_vanish<T, F>(
    ask: impl Fn() -> F,
) -> Result<T, bollard::errors::Error>
where
    F: Future<Output = Result<T, bollard::errors::Error>>,
{
    use bollard::errors::Error::DockerResponseServerError;
    let mut tries = 20;
    loop {
        let answer = ask().await;
        tries -= 1;
        let is_trouble = matches!(
            answer,
            Err(DockerResponseServerError {
                status_code: 500..,
                ..
            })
        );
        if !is_trouble || tries == 0 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn names_of(layer: impl std::io::Read) -> Vec<String> {
    let mut layer = tar::Archive::new(layer);
    let entries = layer.entries().expect("a layer");
    let names = entries.map(|entry| {
        let entry = entry.expect("an entry");
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        name.trim_start_matches("./").to_owned()
    });
    names.collect()
}

/// Gives everything by which a container may belong to a namespace.
fn container_names(container: &ContainerSummary) -> Vec<String> {
    let mut names = container.names.clone().unwrap_or_default();
    names.extend(container.image.clone());
    let labels = container.labels.as_ref();
    names.extend(labels.and_then(|labels| labels.get(LABEL).cloned()));
    names
}

/// Gives the names of an image that are chosen; an image whose label is chosen goes with all its names, or by its id when
/// it has none. Images inherit the label from the base image that they are built from.
fn names_to_remove(image: &ImageSummary, is_chosen: impl Fn(&str) -> bool) -> Vec<String> {
    let is_own = image
        .labels
        .get(LABEL)
        .is_some_and(|label| is_chosen(label));
    let mut names = image.repo_tags.clone();
    names.retain(|name| name != "<none>:<none>" && (is_own || is_chosen(name)));
    if is_own && names.is_empty() {
        names.push(image.id.clone());
    }
    names
}

/// Tells whether a name has the namespace as one of its components.
fn is_of(name: &str, namespace: &str) -> bool {
    name.split(['/', ':', '@']).any(|part| part == namespace)
}

/// Tells whether a name belongs to a test whose process is gone.
fn is_leftover(name: &str) -> bool {
    let pids = name.split(['/', ':', '@']).filter_map(|part| {
        let (pid, _) = part.strip_prefix(PREFIX)?.split_once('-')?;
        pid.parse::<u32>().ok()
    });
    let mut dead = pids.filter(|pid| !Path::new("/proc").join(pid.to_string()).exists());
    dead.next().is_some()
}

fn unless_gone(error: bollard::errors::Error) -> Option<bollard::errors::Error> {
    use bollard::errors::Error::DockerResponseServerError as Answer;
    // Another name's removal took it along.
    let is_gone = matches!(
        error,
        Answer {
            status_code: 404,
            ..
        }
    );
    (!is_gone).then_some(error)
}

#[expect(
    clippy::print_stderr,
    reason = "a panic while another one unwinds would hide the first"
)]
fn tell(what: &str, error: Option<impl std::fmt::Display>) {
    if let Some(error) = error {
        eprintln!("cannot remove {what}: {error}");
    }
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(u64::try_from(bytes.len()).expect("a length"));
    archive
        .append_data(&mut header, path, bytes)
        .expect("an archive in memory");
}
