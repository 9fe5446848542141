//! What commands share: settings, clock, terminal, and the way to engine and registry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::login::{LoginArgs, Need};
use crate::build::find_login;
use crate::catalog::{Catalog, ImageId, Pattern};
use crate::engine::{Engine, EngineError, RegistryLogin, find_address};
use crate::error::{
    BundleError, Diagnostic, Severity, UsageError, closest_names, diagnose, diagnose_warnings,
};
use crate::host::fs::find_text;
use crate::host::{Clock, Environment};
use crate::layout::Shelf;
use crate::registry::{self, ClientError};
use crate::scan::{Loaded, load};
use crate::settings::{Layer, ReadSettings, Settings, SettingsWarning, parse_settings};
use crate::ui::Ui;
use crate::verify::VerifiedRecord;

/// The user's own settings, below the configuration directory; the name is docker-pkg's.
const USER_SETTINGS: &str = "docker-pkg.yaml";

/// One run of the program.
pub(super) struct Session {
    config: PathBuf,
    pub(super) environment: Environment,
    pub(super) ui: Ui,
}

/// What is put behind the versions of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Nothing: the versions of the changelogs.
    Release,
    /// The day.
    Nightly,
    /// The second.
    Snapshot,
}

impl Session {
    pub(super) fn new(config: PathBuf, environment: Environment, ui: Ui) -> Self {
        Self {
            config,
            environment,
            ui,
        }
    }

    /// Gives the time of the run.
    pub(super) fn clock(&self) -> anyhow::Result<Clock> {
        Ok(Clock::of_run(&self.environment)?)
    }

    /// Reads the settings and tells what is doubtful about them.
    pub(super) fn settings(&self, flavour: Flavour) -> anyhow::Result<Settings> {
        let read = self.read_settings()?;
        self.warn(&read.warnings);
        self.complete(read.settings, flavour)
    }

    /// Reads the settings without a word, for a look before the command that tells what is doubtful about them.
    pub(super) fn settings_silently(&self, flavour: Flavour) -> anyhow::Result<Settings> {
        self.complete(self.read_settings()?.settings, flavour)
    }

    /// Reads the settings for a command that may log in, with who does.
    pub(super) fn settings_with_login(
        &self,
        flavour: Flavour,
        (args, need): (&LoginArgs, Need),
    ) -> anyhow::Result<Settings> {
        let mut read = self.read_settings()?;
        let found = self.find_credentials(&read.settings, args, need);
        let is_half =
            |warning: &SettingsWarning| matches!(warning, SettingsWarning::HalfCredentials { .. });
        if !matches!(found, Ok(None)) {
            // The other half is elsewhere, or its absence is told as an error.
            read.warnings.retain(|warning| !is_half(warning));
        }
        self.warn(&read.warnings);
        read.settings.credentials = found?;
        self.complete(read.settings, flavour)
    }

    fn read_settings(&self) -> anyhow::Result<ReadSettings> {
        let Some(text) = find_text(&self.config)? else {
            return Err(no_settings(&self.config).into());
        };
        self.parse_settings(&self.config, &text)
    }

    fn warn(&self, warnings: &[SettingsWarning]) {
        for warning in warnings {
            self.ui.diagnostic(&Diagnostic::from(warning));
        }
    }

    fn complete(&self, mut settings: Settings, flavour: Flavour) -> anyhow::Result<Settings> {
        let now = self.clock()?.now();
        settings.naming.suffix = match flavour {
            Flavour::Release => None,
            Flavour::Nightly => Some(now.format("-%Y%m%d").to_string()),
            Flavour::Snapshot => Some(now.format("-%Y%m%d-%H%M%S").to_string()),
        };
        Ok(settings)
    }

    /// Reads a text as the settings of a repository, over the user's own file.
    pub(super) fn parse_settings(&self, path: &Path, text: &str) -> anyhow::Result<ReadSettings> {
        let user_path = self
            .environment
            .config_home()
            .map(|home| home.join(USER_SETTINGS));
        let user_text = match &user_path {
            Some(path) => find_text(path)?,
            None => None,
        };
        let mut layers = Vec::new();
        if let (Some(path), Some(text)) = (&user_path, &user_text) {
            layers.push(Layer { path, text });
        }
        layers.push(Layer { path, text });
        Ok(parse_settings(&layers)?)
    }

    /// Tells an error after which the command goes on.
    pub(super) fn tell(&self, error: &anyhow::Error) {
        for diagnostic in &diagnose(error).1 {
            self.ui.diagnostic(diagnostic);
        }
    }

    /// Tells an error that only means that less is done.
    pub(super) fn tell_as_warning(&self, error: &anyhow::Error) {
        for mut diagnostic in diagnose(error).1 {
            diagnostic.severity = Severity::Warning;
            self.ui.diagnostic(&diagnostic);
        }
    }

    /// Gives the file of the settings.
    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    /// Loads the catalog and tells what is doubtful about it.
    pub(super) fn load(
        &self,
        directories: &[PathBuf],
        settings: &Settings,
    ) -> anyhow::Result<Loaded> {
        let loaded = load(directories, settings)?;
        for diagnostic in diagnose_warnings(&loaded.warnings) {
            self.ui.diagnostic(&diagnostic);
        }
        if loaded.catalog.is_empty() {
            let message = "there is no image in these directories";
            self.ui
                .diagnostic(&Diagnostic::new(Severity::Warning, message));
        }
        Ok(loaded)
    }

    /// Finds the images whose label a pattern matches, and tells when there is none.
    pub(super) fn select(
        &self,
        loaded: &Loaded,
        pattern: Option<&str>,
    ) -> anyhow::Result<Option<BTreeSet<ImageId>>> {
        match pattern {
            Some(text) => Ok(Some(self.select_in(&loaded.catalog, text)?)),
            None => Ok(None),
        }
    }

    /// Finds the images of a catalog whose label a pattern matches, and tells when there is none.
    pub(super) fn select_in(
        &self,
        catalog: &Catalog,
        text: &str,
    ) -> anyhow::Result<BTreeSet<ImageId>> {
        let pattern = Pattern::parse(text)?;
        let matching = catalog
            .iter()
            .filter(|(_, image)| pattern.matches(&image.label.to_string()));
        let selection: BTreeSet<ImageId> = matching.map(|(id, _)| id).collect();
        if selection.is_empty() {
            let example = match catalog.find(text) {
                Some(_) => text,
                None => "nginx",
            };
            let message = format!("no image matches `{text}`");
            let hint = format!("the pattern has to match a whole label: `*/{example}:*`");
            let diagnostic = Diagnostic::new(Severity::Warning, message).hint(hint);
            self.ui.diagnostic(&diagnostic);
        }
        Ok(selection)
    }

    /// Connects to the engine.
    pub(super) async fn engine(&self, settings: &Settings) -> anyhow::Result<Engine> {
        let address = find_address(&self.environment);
        Ok(Engine::connect(address, settings.engine_timeout).await?)
    }

    /// Connects to the engine, or gives why none answers: what can do without goes on. An address that is none is the user's
    /// mistake.
    pub(super) async fn find_engine(
        &self,
        settings: &Settings,
    ) -> anyhow::Result<anyhow::Result<Engine>> {
        let connected = self.engine(settings).await;
        match connected.as_ref().map_err(|error| error.downcast_ref()) {
            Err(None | Some(EngineError::Address { .. })) => connected.map(Ok),
            Ok(_) | Err(Some(_)) => Ok(connected),
        }
    }

    /// Sets up the registry's client, where the settings name a registry.
    pub(super) fn registry(&self, settings: &Settings) -> anyhow::Result<Option<registry::Client>> {
        match settings.naming.registry {
            Some(_) => Ok(Some(self.client(settings)?)),
            None => Ok(None),
        }
    }

    /// Sets up a client for any registry.
    pub(super) fn client(&self, settings: &Settings) -> anyhow::Result<registry::Client> {
        let bundle = settings.ca_bundle.as_ref();
        let client = registry::Client::new(registry::Options {
            credentials: self.credentials(settings),
            ca_bundle: bundle.map(|bundle| bundle.path.clone()),
            proxy: registry::Proxy::of_environment(&self.environment),
            concurrency: settings.scan_workers.get(),
            pace: registry::Pace::within(settings.registry_timeout),
        });
        client.map_err(|source| match (bundle, &source) {
            (Some(bundle), ClientError::CaBundle(_) | ClientError::Certificates(_)) => {
                let place = bundle.place.clone();
                BundleError { place, source }.into()
            }
            _ => anyhow::Error::from(source),
        })
    }

    /// Finds the login with which the engine pushes: to a host that was named, else to the settings' registry.
    pub(super) async fn login(
        &self,
        settings: &Settings,
        host: Option<&str>,
    ) -> anyhow::Result<Option<RegistryLogin>> {
        let Some(registry) = host.or(settings.naming.registry.as_deref()) else {
            return Ok(None);
        };
        Ok(find_login(&self.credentials(settings), registry).await?)
    }

    /// Gives the logins of this run: that of the settings for their registry, and those that Docker keeps.
    pub(super) fn credentials(&self, settings: &Settings) -> registry::Credentials {
        let credentials = registry::Credentials::default().with_docker_config_of(&self.environment);
        let own = settings.credentials.as_ref();
        let named = own.and_then(|own| own.host.as_ref());
        match (own, named.or(settings.naming.registry.as_ref())) {
            (Some(own), Some(registry)) => credentials.with_login(
                registry,
                registry::Login {
                    username: own.username.clone(),
                    password: own.password.clone(),
                },
            ),
            _ => credentials,
        }
    }

    /// Gives the directory for logs and records.
    pub(super) fn state(&self) -> anyhow::Result<PathBuf> {
        self.environment.state_home().ok_or_else(|| {
            let message = "there is no place for logs".to_owned();
            let hints = vec!["set HOME or XDG_STATE_HOME".to_owned()];
            UsageError { message, hints }.into()
        })
    }

    /// Gives the shelf of images that are made without an engine.
    pub(super) fn shelf(&self) -> Shelf {
        Shelf::of_environment(&self.environment)
    }

    /// Gives the record of passed tests.
    pub(super) fn verified(&self) -> anyhow::Result<VerifiedRecord> {
        Ok(VerifiedRecord::new(&self.state()?))
    }

    /// Runs the part of a command that waits for others.
    pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let result = runtime.block_on(work);
        // Threads that still write a context to an engine that has gone must not hold up the end.
        runtime.shutdown_background();
        result
    }
}

/// Finds the image of a name.
pub(super) fn find_image(loaded: &Loaded, name: &str) -> anyhow::Result<ImageId> {
    loaded.catalog.find(name).ok_or_else(|| {
        let near = loaded.catalog.near_names(name);
        let hint = closest_names(&near)
            .unwrap_or_else(|| "`pkg list --offline DIR` shows the names".to_owned());
        UsageError {
            message: format!("no directory provides an image named `{name}`"),
            hints: vec![hint],
        }
        .into()
    })
}

fn no_settings(path: &Path) -> UsageError {
    let hint = if path == Path::new(super::SETTINGS) {
        "go to the directory that holds it, or name the file with `-c FILE`"
    } else {
        "`-c` takes the path of a file, from the current directory"
    };
    UsageError {
        message: format!("there are no settings at {}", path.display()),
        hints: vec![hint.to_owned()],
    }
}
