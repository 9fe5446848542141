//! What a try is made of, so that a failure is remembered for these inputs and no others, and whether it is due: one
//! decision for a plan that is printed and for one that is run.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::secrets::{BuildSecrets, find_given};
use crate::address::{Address, without_login};
use crate::catalog::{ImageId, find_of_name};
use crate::engine::Engine;
use crate::ledger::{Ledger, NextTry, PastFailures, TryKey};
use crate::observe::Inventory;
use crate::oci::{Digest, Reference};
use crate::settings::{Mirrors, NamedSpan, Proxies, Settings};
use crate::verify::find_test;

/// So many digits of the digest of secrets are kept: another value has others in all but one of 65,536 cases, and who reads
/// them cannot tell a guess that is right from one of very many that are not.
const SECRET_DIGITS: usize = 4;

/// Decides which images are tried.
#[derive(Debug)]
pub struct Tries<'a> {
    /// What images are made from.
    pub inventory: &'a Inventory<'a>,
    /// The settings.
    pub settings: &'a Settings,
    /// The engine that builds, where there is one.
    pub engine: Option<&'a Engine>,
    /// What failed before.
    pub ledger: &'a Ledger,
    /// What builds may mount.
    pub secrets: &'a BuildSecrets,
    /// The images that are tried now, however often they failed.
    pub impatient: BTreeSet<ImageId>,
    /// What was hashed already: many images have the same ancestors.
    pub hashed: RefCell<BTreeMap<ImageId, Digest>>,
}

/// What an image is, or was, built on, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Below {
    /// The images from elsewhere.
    pub bases: Vec<(Reference, Digest)>,
    /// Those of the catalog, each with all identities by which an engine or a registry knows it.
    pub parents: BTreeMap<ImageId, Vec<Digest>>,
}

impl Tries<'_> {
    /// Tells what past failures mean for an image, where there are any.
    pub async fn judge(&self, image: ImageId, below: &Below) -> Option<PastFailures> {
        let described = self.inventory.loaded().catalog.image(image);
        // Most images never fail; only of those that did are the files read once more.
        let attempt = self
            .ledger
            .find_attempt(&described.root, &described.label)?;
        let past = attempt.judge(&self.key(image, below).await?, self.ledger.now());
        if self.impatient.contains(&image) || self.has_unknown_base(image) {
            let next = NextTry::Now;
            return Some(PastFailures { next, ..past });
        }
        Some(past)
    }

    /// Gives what a try of an image is made of; nothing where a part cannot be read.
    ///
    /// The one place that decides what counts as the same try. Images of the catalog below it count with what they are made
    /// from, as a nightly build makes all of them anew; a release takes them as they are, and there they also count with their
    /// identities.
    pub(super) async fn key(&self, image: ImageId, below: &Below) -> Option<TryKey> {
        let loaded = self.inventory.loaded();
        let mut text = self.circumstances(image).await?;
        for id in self.with_ancestors(image) {
            let digest = self.hash(id).await?;
            let image = loaded.catalog.image(id);
            // A text takes all that is written to it.
            let _ = writeln!(text, "{} {} {digest}", image.name, image.version);
        }
        let parents = below.parents.iter().filter(|_| self.is_release());
        let parents = parents.map(|(parent, identities)| {
            let name = loaded.catalog.image(*parent).name.to_string();
            (name, identities.iter().map(Digest::to_string).collect())
        });
        Some(TryKey {
            secrets: self.mark_secrets(image, &text),
            own: Digest::of(text.as_bytes()).to_string(),
            on: self.bases(image, &below.bases),
            parents: parents.collect(),
        })
    }

    /// Gives what else may decide how a try ends: the tests, the engine, the settings, and whether there is a secret for
    /// each mount.
    async fn circumstances(&self, image: ImageId) -> Option<String> {
        let settings = self.settings;
        let loaded = self.inventory.loaded();
        let described = loaded.catalog.image(image);
        let label = &described.label;
        let (command, directory) = (settings.verify.clone(), described.directory.clone());
        let of_label = label.clone();
        // One task drives all builds, and must not wait for a disk.
        let finding =
            tokio::task::spawn_blocking(move || find_test(&command, &directory, &of_label));
        let test = finding.await.ok()?.ok()?;
        let test = test.map(|test| test.digest().clone());
        // Who gives an image more time or another proxy wants to see what that does.
        let (proxies, mirrors, _) = part_logins(settings);
        let limits = (&settings.container_limits, proxies, mirrors);
        let times = (
            build_timeout(settings, label),
            verify_timeout(settings, label),
        );
        let builder = self.engine.map(|it| (it.make(), it.builder()));
        let builder = builder.map_or_else(|| "none".to_owned(), |it| format!("{it:?}"));
        let mut text = format!("{test:?}\n{limits:?} {times:?}\n{builder}\n");
        for mount in loaded.secret_mounts(image) {
            let given = find_given(&settings.secrets, &mount.id, described.name.as_str());
            let _ = writeln!(
                text,
                "secret {} {}",
                mount.id,
                given.is_ok_and(|it| it.is_some())
            );
        }
        Some(text)
    }

    async fn hash(&self, image: ImageId) -> Option<Digest> {
        if let Some(known) = self.hashed.borrow().get(&image) {
            return Some(known.clone());
        }
        let sources = self.inventory.find_sources(image);
        // One task drives all builds, and must not wait for a disk.
        let taken = tokio::task::spawn_blocking(move || sources.take());
        let digest = taken.await.ok()?.ok()?.inputs.digest().clone();
        self.hashed.borrow_mut().insert(image, digest.clone());
        Some(digest)
    }

    fn with_ancestors(&self, image: ImageId) -> impl Iterator<Item = ImageId> {
        let ancestors = self.inventory.loaded().graph.ancestors([image]);
        ancestors.into_iter().chain([image])
    }

    /// Nightly builds and snapshots make all images anew, each time under other labels.
    fn is_release(&self) -> bool {
        self.settings.naming.suffix.is_none()
    }

    /// Gives the images whose base images decide what an image is built on.
    fn on_bases(&self, image: ImageId) -> Vec<ImageId> {
        if self.is_release() {
            vec![image]
        } else {
            self.with_ancestors(image).collect()
        }
    }

    /// Tells whether something is taken from elsewhere that the settings do not list: nobody but the builder asks for it, and
    /// whether it moved, or may be pulled now, is not known.
    fn has_unknown_base(&self, image: ImageId) -> bool {
        let loaded = self.inventory.loaded();
        self.on_bases(image).into_iter().any(|image| {
            let parents = loaded.graph.parents(image).iter();
            let parents = parents.map(|parent| &loaded.catalog.image(*parent).label);
            let known = parents.chain(loaded.bases(image));
            let known: Vec<_> = known.map(|label| (label.clone(), String::new())).collect();
            !loaded.unpinned_references(image, &known).is_empty()
        })
    }

    fn bases(&self, image: ImageId, observed: &[(Reference, Digest)]) -> Option<String> {
        if self.has_unknown_base(image) {
            return None;
        }
        let loaded = self.inventory.loaded();
        let images = self.on_bases(image).into_iter();
        let bases: BTreeSet<&Reference> = images.flat_map(|it| loaded.bases(it)).collect();
        let each = bases.into_iter().map(|base| {
            let is_it = |(label, _): &&(Reference, Digest)| label == base;
            let is_named = |(label, _): &&(Reference, Digest)| label.name() == base.name();
            // What is only tested says what it was built on, which may have been another tag.
            let found = observed.iter().find(is_it);
            let (_, id) = found.or_else(|| observed.iter().find(is_named))?;
            Some(format!("{}@{id}", base.name()))
        });
        let each: Vec<String> = each.collect::<Option<_>>()?;
        Some(each.join(" "))
    }

    /// Marks the values of the secrets that an image is given, and the logins of addresses; nothing where there are none, or
    /// one cannot be read here.
    fn mark_secrets(&self, image: ImageId, text: &str) -> Option<String> {
        let secrets = self.secrets.of(image);
        let (.., logins) = part_logins(self.settings);
        let is_empty = secrets.is_empty() && logins.is_empty();
        if is_empty || self.secrets.lacks_any(image) {
            return None;
        }
        let mut bytes = text.as_bytes().to_vec();
        for (id, value) in &secrets {
            bytes.extend_from_slice(Digest::of(id.as_bytes()).as_str().as_bytes());
            bytes.extend_from_slice(Digest::of(value.reveal()).as_str().as_bytes());
        }
        for (place, login) in logins {
            bytes.extend_from_slice(format!("{place} {}", Digest::of(login.as_bytes())).as_bytes());
        }
        Some(Digest::of(&bytes).hex()[..SECRET_DIGITS].to_owned())
    }
}

/// Parts the addresses of proxies and mirrors from their logins, which stand with their places: what is kept of a password
/// must not tell whether a guess is right.
fn part_logins(settings: &Settings) -> (Proxies, Mirrors, Vec<(usize, &str)>) {
    let (proxies, mirrors) = (&settings.proxies, &settings.mirrors);
    let addresses = [
        &proxies.http,
        &proxies.apt_only,
        &mirrors.main,
        &mirrors.security,
    ];
    let logins = addresses.iter().enumerate().filter_map(|(place, address)| {
        let login = Address::of(address.as_deref()?).login?;
        Some((place, login))
    });
    let logins = logins.collect();
    let plain = addresses.map(|address| {
        let address = address.as_deref()?;
        Some(without_login(address).into_owned())
    });
    let [http, apt_only, main, security] = plain;
    (
        Proxies { http, apt_only },
        Mirrors { main, security },
        logins,
    )
}

/// Gives how long the build of an image may take, with the pulls that it needs, and then its push.
#[must_use]
pub fn build_timeout(settings: &Settings, label: &Reference) -> std::time::Duration {
    span_of(&settings.build_timeouts, label).unwrap_or(settings.build_timeout)
}

/// Gives how long the tests of an image may take.
pub(super) fn verify_timeout(settings: &Settings, label: &Reference) -> std::time::Duration {
    span_of(&settings.verify_timeouts, label).unwrap_or(settings.verify_timeout)
}

fn span_of(spans: &[NamedSpan], label: &Reference) -> Option<std::time::Duration> {
    find_of_name(spans, label.short_name(), |it| &it.pattern).map(|it| it.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_addresses_has_no_login() {
        let with = |password: &str| {
            let address = Some(format!("http://ann:{password}@h.example.org:3128/"));
            let mut settings = Settings::default();
            settings.proxies.http.clone_from(&address);
            settings.mirrors.main = address;
            settings
        };
        let (one, other) = (with("hush"), with("hash"));
        let (proxies, mirrors, logins) = part_logins(&one);
        let (same_proxies, same_mirrors, others) = part_logins(&other);
        assert_eq!((&proxies, &mirrors), (&same_proxies, &same_mirrors));
        assert_eq!(proxies.http.as_deref(), Some("http://h.example.org:3128/"));
        assert_eq!(mirrors.main.as_deref(), Some("http://h.example.org:3128/"));
        assert_eq!(logins, [(0, "ann:hush"), (2, "ann:hush")]);
        assert_ne!(logins, others);
    }
}
