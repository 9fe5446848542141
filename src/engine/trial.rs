//! Commands run in containers of their own, for tests: each is made, run to its end, and removed by whoever asked for it.
//!
//! Names are the caller's, so that what was asked for and not answered can be removed too. All that is made carries a label with
//! the time until which somebody may want it; what outlived a killed run is removed by a later one.

use std::collections::HashMap;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::models::{
    ContainerConfig as Body, ContainerCreateBody, HostConfig, HostConfigLogConfig,
};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListImagesOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StartContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt as _;

use super::{Engine, EngineError};
use crate::oci::{ContainerConfig, Digest};

/// The label of what is made for tests: seconds since 1970, after which nobody wants it any more.
const UNTIL: &str = "pkg.trial-until";
/// An engine under load takes its time for a container.
const CONTAINER_DEADLINE: Duration = Duration::from_secs(300);
/// What a command may print, with what the engine puts before each line.
const LARGEST_OUTPUT: usize = 8 << 20; // bytes
const FRAME: usize = 8; // bytes

/// A command that is to be run in a container.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The container's name.
    pub name: String,
    /// The image, by its identity or by the name that [`Engine::commit_trial`] gave it.
    pub image: String,
    /// The program with its arguments; the image's entry point is left out.
    pub words: Vec<String>,
    /// `NAME=value`, over the image's own.
    pub environment: Vec<String>,
    /// The user, where it is not the image's.
    pub user: Option<String>,
    /// With all rights.
    pub privileged: bool,
    /// With a terminal.
    pub has_terminal: bool,
    /// Capabilities to add.
    pub capabilities: Vec<String>,
    /// Directories to mount: `/on/the/machine:/in/the/container:ro`.
    pub mounts: Vec<String>,
    /// When nobody wants it any more, in seconds since 1970.
    pub until: i64,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    /// With an exit code, and what it printed.
    Ended {
        /// The exit code.
        code: i64,
        /// What it printed.
        stdout: Vec<u8>,
        /// What it printed of trouble; with a terminal it is among the other.
        stderr: Vec<u8>,
    },
    /// It could not be started; the engine's words.
    NotStarted(String),
    /// It printed more than 8 MiB, and may still run.
    Endless,
}

impl Engine {
    /// Asks what the configuration of an image says, by its identity.
    pub async fn image_config(&self, id: &Digest) -> Result<ContainerConfig, EngineError> {
        let action = format!("look up {}", id.short());
        let asked = self.docker.inspect_image(id.as_str());
        let image = self.answer(&action, asked).await?;
        let config = image.config.unwrap_or_default();
        let named = |names: Option<Vec<String>>| {
            let names = names?.into_iter();
            Some(names.map(|name| (name, serde_json::Value::Null)).collect())
        };
        Ok(ContainerConfig {
            user: config.user,
            exposed_ports: named(config.exposed_ports),
            env: config.env,
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            volumes: named(config.volumes),
            working_dir: config.working_dir,
            labels: config.labels.map(|labels| labels.into_iter().collect()),
            stop_signal: config.stop_signal,
        })
    }

    /// Makes a container, which stays until it is removed.
    pub async fn make_trial(&self, trial: &Trial) -> Result<(), EngineError> {
        let action = format!("make a container to run `{}`", trial.program());
        let options = CreateContainerOptionsBuilder::new().name(&trial.name);
        let made = self
            .docker
            .create_container(Some(options.build()), trial.body());
        self.answer_within(CONTAINER_DEADLINE, &action, made)
            .await
            .map(drop)
    }

    /// Starts the command of a container; the runtime's words where that cannot be done.
    pub async fn start_trial(&self, trial: &Trial) -> Result<Option<String>, EngineError> {
        let action = format!("run `{}`", trial.program());
        let started = self
            .docker
            .start_container(&trial.name, None::<StartContainerOptions>);
        match self
            .answer_within(CONTAINER_DEADLINE, &action, started)
            .await
        {
            Ok(()) => Ok(None),
            // The words of the runtime come with a 400, a 404 or a 500.
            Err(EngineError::Refused { message, .. } | EngineError::Failing { message, .. }) => {
                Ok(Some(message))
            }
            Err(error) => Err(error),
        }
    }

    /// Follows a started command to its end, for as long as that takes.
    pub async fn follow_trial(&self, trial: &Trial) -> Result<TrialEnd, EngineError> {
        let action = format!("run `{}`", trial.program());
        let Some((stdout, stderr)) = self.read_output(trial, &action).await? else {
            return Ok(TrialEnd::Endless);
        };
        let code = self.wait_for(trial, &action).await?;
        Ok(TrialEnd::Ended {
            code,
            stdout,
            stderr,
        })
    }

    /// Reads what a command prints until it ends; nothing where that is too much.
    async fn read_output(
        &self,
        trial: &Trial,
        action: &str,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, EngineError> {
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true);
        let mut parts = std::pin::pin!(self.docker.logs(&trial.name, Some(options.build())));
        let (mut stdout, mut stderr, mut size) = (Vec::new(), Vec::new(), 0);
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| EngineError::from_client(action, error))?;
            let (out, message) = match part {
                LogOutput::StdErr { message } => (&mut stderr, message),
                LogOutput::StdOut { message }
                | LogOutput::StdIn { message }
                | LogOutput::Console { message } => (&mut stdout, message),
            };
            size += message.len() + FRAME;
            if size > LARGEST_OUTPUT {
                return Ok(None);
            }
            out.extend_from_slice(&message);
        }
        Ok(Some((stdout, stderr)))
    }

    async fn wait_for(&self, trial: &Trial, action: &str) -> Result<i64, EngineError> {
        use bollard::errors::Error;
        let waited = self
            .docker
            .wait_container(&trial.name, None::<WaitContainerOptions>);
        let mut waited = std::pin::pin!(waited);
        match waited.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(EngineError::from_client(action, error)),
            None => Err(EngineError::Incomplete {
                action: action.to_owned(),
                what: "exit code",
            }),
        }
    }

    /// Makes an image of what a command left behind, under a name that nothing has.
    pub async fn commit_trial(&self, container: &str, image: &str) -> Result<(), EngineError> {
        let action = "keep what a command changed";
        let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let options = CommitContainerOptionsBuilder::new()
            .container(container)
            .repo(name)
            .tag(tag)
            .pause(false);
        let kept = self
            .docker
            .commit_container(options.build(), Body::default());
        self.answer_within(CONTAINER_DEADLINE, action, kept).await?;
        Ok(())
    }

    /// Removes a container, running or not; one that is gone is no error.
    pub async fn remove_trial(&self, name: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true);
        let removed = self.docker.remove_container(name, Some(options.build()));
        let action = "remove a container";
        match self
            .answer_within(CONTAINER_DEADLINE, action, removed)
            .await
        {
            Ok(()) | Err(EngineError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the containers and images of tests that nobody wants any more; `now` is in seconds since 1970.
    pub async fn remove_old_trials(&self, now: i64) -> Result<(), EngineError> {
        let filters = HashMap::from([("label", vec![UNTIL])]);
        let is_over = |labels: Option<&HashMap<String, String>>| {
            let until = labels.and_then(|labels| labels.get(UNTIL)?.parse::<i64>().ok());
            until.is_some_and(|until| until < now)
        };
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters);
        let listed = self.docker.list_containers(Some(options.build()));
        for container in self.answer("list its containers", listed).await? {
            if let (true, Some(id)) = (is_over(container.labels.as_ref()), container.id) {
                self.remove_trial(&id).await?;
            }
        }
        let options = ListImagesOptionsBuilder::new().filters(&filters);
        let listed = self.docker.list_images(Some(options.build()));
        for image in self.answer("list its images", listed).await? {
            for tag in image
                .repo_tags
                .iter()
                .filter(|_| is_over(Some(&image.labels)))
            {
                self.remove_tag(tag).await?;
            }
        }
        Ok(())
    }
}

impl Trial {
    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn body(&self) -> ContainerCreateBody {
        let log = HostConfigLogConfig {
            // Others give nothing back.
            typ: Some("json-file".to_owned()),
            config: None,
        };
        let some = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
        ContainerCreateBody {
            image: Some(self.image.clone()),
            // With an entry point of its own a container takes no command of its image.
            entrypoint: Some(self.words.clone()),
            env: some(&self.environment),
            user: self.user.clone(),
            tty: Some(self.has_terminal),
            labels: Some(HashMap::from([(UNTIL.to_owned(), self.until.to_string())])),
            host_config: Some(HostConfig {
                privileged: Some(self.privileged),
                cap_add: some(&self.capabilities),
                binds: some(&self.mounts),
                log_config: Some(log),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}
