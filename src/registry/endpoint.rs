//! Where a reference leads: the registry's host, how it is spoken to, and the repository's name there.
//!
//! ```text
//! nginx:1                      → https://registry-1.docker.io  library/nginx
//! r.example.org/base/nginx:1   → https://r.example.org         base/nginx
//! 127.0.0.1:5000/nginx:1       → http://127.0.0.1:5000         nginx
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::Asked;
use crate::oci::{Reference, Tag};

/// The name by which Docker's default registry is known; its credentials are kept for it.
pub(super) const DOCKER_HUB: &str = "docker.io";

/// How many tags are asked for at once.
const PAGE: usize = 1000;

/// One manifest of one repository of one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The registry as the user knows it, with its port.
    pub(super) host: String,
    /// The repository as the registry knows it.
    pub(super) repository: String,
    /// The digest, else the tag, else `latest`; of a list of tags the query of a page, where it is not the first.
    pub(super) name: String,
    /// What is asked for.
    pub(super) object: Object,
    /// What is done with it.
    pub(super) access: Access,
    /// The repository of the same registry that has it already, and would give it.
    pub(super) mounts_from: Option<String>,
}

/// What a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// A manifest: an image or an index of images.
    Manifest,
    /// Bytes that a manifest names by their digest: a configuration, a layer.
    Blob,
    /// Room for such bytes, which are to come.
    Upload,
    /// The list of its tags.
    Tags,
    /// Nothing of it: the API itself.
    Root,
}

/// What a token has to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To read.
    Read,
    /// To read and to write.
    Write,
}

impl Endpoint {
    pub(super) fn of(reference: &Reference) -> Self {
        let host = match reference.registry() {
            None | Some("index.docker.io" | "registry-1.docker.io") => DOCKER_HUB,
            Some(host) => host,
        };
        let repository = match reference.repository() {
            name if host == DOCKER_HUB && !name.contains('/') => format!("library/{name}"),
            name => name.to_owned(),
        };
        let manifest = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag.as_str(),
            (None, None) => "latest",
        };
        Self {
            host: host.to_owned(),
            repository,
            name: manifest.to_owned(),
            object: Object::Manifest,
            access: Access::Read,
            mounts_from: None,
        }
    }

    /// Gives the address of something else in the same repository.
    pub(super) fn sibling(&self, name: String, object: Object) -> Self {
        Self {
            name,
            object,
            ..self.clone()
        }
    }

    /// Gives the query of the page behind a tag.
    pub(super) fn page_behind(last: &Tag) -> String {
        format!("n={PAGE}&last={last}")
    }

    /// Gives the address of the object.
    pub(super) fn url(&self) -> String {
        let scheme = if is_loopback(host_of(&self.host)) {
            "http"
        } else {
            "https"
        };
        let authority = match self.host.as_str() {
            DOCKER_HUB => "registry-1.docker.io",
            host => host,
        };
        let (repository, name) = (&self.repository, &self.name);
        let path = match (self.object, name.as_str()) {
            (Object::Manifest, _) => format!("{repository}/manifests/{name}"),
            (Object::Blob, _) => format!("{repository}/blobs/{name}"),
            (Object::Upload, _) => match &self.mounts_from {
                Some(from) => format!("{repository}/blobs/uploads/?mount={name}&from={from}"),
                None => format!("{repository}/blobs/uploads/"),
            },
            (Object::Tags, "") => format!("{repository}/tags/list?n={PAGE}"),
            (Object::Tags, query) => format!("{repository}/tags/list?{query}"),
            (Object::Root, _) => String::new(),
        };
        format!("{scheme}://{authority}/v2/{path}")
    }

    /// Names what is asked for in a message.
    pub(super) fn subject(&self) -> String {
        let (repository, name) = (&self.repository, &self.name);
        match self.object {
            Object::Tags => format!("the tags of `{repository}`"),
            Object::Root => "its API".to_owned(),
            Object::Upload => format!("an upload of `{repository}@{name}`"),
            Object::Manifest | Object::Blob if name.contains(':') => {
                format!("`{repository}@{name}`")
            }
            Object::Manifest | Object::Blob => format!("`{repository}:{name}`"),
        }
    }

    /// Tells what was asked once.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            registry: self.host.as_str().into(),
            host: self.host.as_str().into(),
            subject: self.subject().into(),
            times: 1,
        }
    }

    /// Gives the scopes of a token for what is done with the repository, parted by blanks (distribution's token specification).
    pub(super) fn scope(&self) -> String {
        let actions = match self.access {
            Access::Read => "pull",
            Access::Write => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        match &self.mounts_from {
            Some(from) => format!("{scope} repository:{from}:pull"),
            None => scope,
        }
    }
}

/// Tells whether a host is this machine, the only one that is spoken to without TLS.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
        || bare.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback())
}

/// Cuts the port off.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    #[track_caller]
    fn case(reference: &str, host: &str, url: &str) {
        let endpoint = Endpoint::of(&reference.parse().expect("a reference"));
        assert_eq!(endpoint.host, host);
        assert_eq!(endpoint.url(), url);
    }

    #[test]
    fn the_default_registry_has_three_names_and_a_library() {
        let url = "https://registry-1.docker.io/v2/library/nginx/manifests/1";
        case("nginx:1", "docker.io", url);
        case("docker.io/nginx:1", "docker.io", url);
        case("index.docker.io/library/nginx:1", "docker.io", url);
        let url = "https://registry-1.docker.io/v2/example/nginx/manifests/latest";
        case("example/nginx", "docker.io", url);
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for host in [
            "127.0.0.1:5000",
            "127.9.9.9:5000",
            "localhost",
            "[::1]:5000",
        ] {
            let url = format!("http://{host}/v2/a/manifests/1");
            case(&format!("{host}/a:1"), host, &url);
        }
        for host in [
            "128.0.0.1:5000",
            "127.0.0.1.example.org",
            "localhost.example.org:5000",
            "[::2]:5000",
        ] {
            let url = format!("https://{host}/v2/a/manifests/1");
            case(&format!("{host}/a:1"), host, &url);
        }
    }

    #[test]
    fn a_digest_is_asked_for_before_a_tag() {
        let digest = Digest::of(b"");
        let url = format!("https://r.example.org/v2/a/manifests/{digest}");
        case(
            &format!("r.example.org/a:1@{digest}"),
            "r.example.org",
            &url,
        );
    }
}
