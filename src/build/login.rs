//! Who the engine is at the registries of a build: the settings' login for their registry, Docker's own for all others.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use crate::catalog::ImageId;
use crate::engine::RegistryLogin;
use crate::oci::Reference;
use crate::registry::{Credentials, CredentialsError, Found, Login, Pace};

/// Where references without a registry lead.
const DOCKER_HUB: &str = "docker.io";

/// Finds who the engine is at a registry; a registry that nobody has a login for is asked without.
pub async fn find_login(
    credentials: &Credentials,
    registry: &str,
) -> Result<Option<RegistryLogin>, CredentialsError> {
    let found = credentials.find(registry, Pace::default().credentials);
    Ok(match found.await? {
        Found::Nothing => None,
        Found::Login(Login { username, password }) => {
            Some(RegistryLogin::Password { username, password })
        }
        Found::IdentityToken(token) => Some(RegistryLogin::IdentityToken(token)),
    })
}

impl Run<'_> {
    /// Finds the login for pulling an image.
    pub(super) async fn login_for(
        &self,
        image: &Reference,
    ) -> Result<Option<RegistryLogin>, CredentialsError> {
        find_login(&self.credentials, registry_of(image)).await
    }

    /// Finds the logins for what a build fetches by itself: images that its recipe names and the settings do not list.
    pub(super) async fn logins_of_build(
        &self,
        image: ImageId,
        pins: &[(Reference, String)],
    ) -> Result<BTreeMap<String, RegistryLogin>, CredentialsError> {
        let outside = self.loaded.unpinned_references(image, pins);
        let registries: BTreeSet<&str> = outside.iter().map(registry_of).collect();
        let mut logins = BTreeMap::new();
        for registry in registries {
            if let Some(login) = find_login(&self.credentials, registry).await? {
                logins.insert(registry.to_owned(), login);
            }
        }
        Ok(logins)
    }
}

fn registry_of(image: &Reference) -> &str {
    image.registry().unwrap_or(DOCKER_HUB)
}
