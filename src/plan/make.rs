//! Makes a plan from the catalog, its graph, and what engine and registry hold.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::{Action, Drift, InputChange, Inputs, Reason, Skip};
use crate::catalog::{Catalog, Graph, ImageId, Recipe};
use crate::declared::{BaseImage, Making};
use crate::oci::{Digest, Reference};

/// What the registry holds of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// No registry is set.
    #[default]
    NotAsked,
    /// The registry answered that it does not have this version.
    Absent,
    /// The registry has this version, as this manifest.
    Present(Digest),
    /// The registry has this version, as this manifest that somebody else made, while the engine has this program's own, tested
    /// image of it.
    Taken(Digest),
}

/// What the engine holds under the label of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalImage {
    /// The identity that the engine gives it.
    pub id: Digest,
    /// The manifests under which registries know it.
    pub manifests: Vec<Digest>,
    /// The identities of the images that it was built on, with the labels that they had, as recorded at the build; nothing
    /// where this program did not build it.
    pub parents: Option<Vec<(Reference, Digest)>>,
    /// The inputs that it was made from, as recorded at the build; nothing where this program did not build it.
    pub inputs: Option<Inputs>,
    /// How these stand to those of today.
    pub drift: Drift,
    /// The first outside base image under whose label the engine has another one than the image was built on.
    pub moved_base: Option<MovedBase>,
    /// Whether its tests passed on this very identity.
    pub verified: bool,
}

/// An outside base image that is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedBase {
    /// Its label.
    pub base: Reference,
    /// The identity that was recorded when an image was built on it.
    pub built_on: Digest,
    /// The identity that the engine has now.
    pub now: Digest,
}

/// What was observed of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What the registry holds.
    pub registry: Availability,
    /// How the inputs of what the registry holds stand to those of today.
    pub published: Drift,
    /// What the engine holds.
    pub local: Option<LocalImage>,
}

impl Facts {
    /// Gives the identity of what others would be built on now.
    ///
    /// What the registry has counts, not what the engine has under the same label: somebody else may have published it.
    #[must_use]
    pub fn identity(&self) -> Option<&Digest> {
        match (&self.registry, &self.local) {
            (Availability::Present(digest), Some(here)) if here.manifests.contains(digest) => {
                Some(&here.id)
            }
            (Availability::Present(digest), _) => Some(digest),
            (_, here) => Some(&here.as_ref()?.id),
        }
    }
}

impl Facts {
    /// Tells whether an identity is that of what others would be built on now: what was made from the shelf may have recorded
    /// an index, of which the engine has the image of one machine.
    fn is_now(&self, id: &Digest) -> bool {
        let now = self.identity();
        let mut here = self.local.iter().filter(|here| Some(&here.id) == now);
        now == Some(id) || here.any(|here| here.manifests.contains(id))
    }

    /// Gives all identities of what others would be built on now: the engine's, and that of the manifest.
    #[must_use]
    pub fn identities(&self) -> Vec<Digest> {
        let published = match &self.registry {
            Availability::Present(digest) => Some(digest),
            // Nothing is built on it, and it is no identity of what the engine has.
            Availability::Taken(_) | Availability::Absent | Availability::NotAsked => None,
        };
        let engines = self.identity().filter(|it| Some(*it) != published);
        engines.into_iter().chain(published).cloned().collect()
    }
}

/// How far the run is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Build, test, and publish nothing.
    Build,
    /// Build, test and publish.
    BuildAndPublish,
    /// Test and publish what is built already.
    Publish,
}

/// What becomes of a published version whose inputs changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays, and is told.
    #[default]
    Never,
    /// It is built anew, and published in its place.
    Drifted,
}

/// Whether there is an engine to build with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    /// There is one.
    #[default]
    Engine,
    /// There is none: only declared images can be made, and of all others what the registry has is all that is known.
    NoEngine,
}

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Goal {
    /// How far to go.
    pub extent: Extent,
    /// With what.
    pub means: Means,
    /// The images that were selected; nothing stands for all.
    pub selection: Option<BTreeSet<ImageId>>,
    /// What becomes of published versions whose inputs changed.
    pub overwrite: Overwrite,
}

/// What is done with one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The image.
    pub image: ImageId,
    /// What is done, and why.
    pub action: Action,
    /// Whether it is published in the end.
    pub publish: bool,
    /// The published version in whose place it is put; nothing where the registry has none.
    pub replaces: Option<Digest>,
}

/// What a run does: a step for every selected image and everything that they need, in build order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Gives the steps that do something.
    pub fn work(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(|step| !matches!(step.action, Action::Skip(_)))
    }

    /// Gives the images whose published version stays as it is although their inputs changed, with these.
    pub fn refused<'a>(
        &'a self,
        facts: &'a [Facts],
    ) -> impl Iterator<Item = (ImageId, &'a [InputChange])> {
        let steps = self.steps.iter();
        steps.filter_map(
            |step| match (&step.action, &facts[step.image.0].published) {
                (Action::Skip(_) | Action::Pull(_), Drift::Changed(changes)) => {
                    Some((step.image, changes.as_slice()))
                }
                _ => None,
            },
        )
    }

    /// Gives the images whose version somebody else took, with what the registry has of each.
    pub fn taken(&self) -> impl Iterator<Item = (ImageId, &Digest)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Skip(Skip::Taken(digest)) => Some((step.image, digest)),
            _ => None,
        })
    }

    /// Gives the images with which nothing is done for lack of an engine.
    pub fn needing_engine(&self) -> impl Iterator<Item = ImageId> {
        let steps = self.steps.iter();
        let needing = steps.filter(|step| step.action == Action::Skip(Skip::NeedsEngine));
        needing.map(|step| step.image)
    }

    /// Gives the images that are built.
    pub fn builds(&self) -> impl Iterator<Item = ImageId> {
        self.steps
            .iter()
            .filter(|step| matches!(step.action, Action::Build(_)))
            .map(|step| step.image)
    }
}

/// Makes the plan; `facts` has one item for each image of the catalog, in the order of their numbers.
#[must_use]
pub fn plan(catalog: &Catalog, graph: &Graph, facts: &[Facts], goal: &Goal) -> Plan {
    let all = || catalog.iter().map(|(id, _)| id).collect();
    let selected: BTreeSet<ImageId> = goal.selection.clone().unwrap_or_else(all);
    let mut concerned = graph.ancestors(selected.iter().copied());
    concerned.extend(&selected);
    let mut planner = Planner {
        catalog,
        graph,
        facts,
        goal,
        actions: vec![None; catalog.len()],
        by_engine: RefCell::new(vec![None; catalog.len()]),
    };
    for &id in graph.order().iter().filter(|id| concerned.contains(id)) {
        planner.actions[id.0] = Some(planner.decide(id));
    }
    let mut actions = planner.actions;
    let mut plan = Plan::default();
    let mut needed: BTreeSet<ImageId> = BTreeSet::new();
    let mut vouching: BTreeSet<ImageId> = BTreeSet::new();
    // From the leaves to the roots: what is only an ancestor is worked on when something that is built needs it.
    for &id in graph.order().iter().rev() {
        let Some(action) = actions[id.0].take() else {
            continue;
        };
        let is_selected = selected.contains(&id);
        let is_needed =
            needed.contains(&id) || (action == Action::Verify && vouching.contains(&id));
        let action = settle(action, &facts[id.0], goal.means, (is_selected, is_needed));
        if matches!(action, Action::Build(_)) {
            needed.extend(graph.parents(id));
        }
        // An image is as good as what it is built on: the tests of that have to pass before it is published.
        if matches!(action, Action::Build(_) | Action::Verify | Action::Publish)
            || vouching.contains(&id)
        {
            vouching.extend(graph.parents(id));
        }
        let publish = is_selected
            && goal.extent != Extent::Build
            && matches!(action, Action::Build(_) | Action::Verify | Action::Publish);
        let replaces = match (&action, &facts[id.0].registry) {
            (
                Action::Build(_) | Action::Verify | Action::Publish,
                Availability::Present(digest),
            ) => Some(digest.clone()),
            _ => None,
        };
        plan.steps.push(Step {
            image: id,
            action,
            publish,
            replaces,
        });
    }
    plan.steps.reverse();
    plan
}

/// Decides image by image, in build order.
struct Planner<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    facts: &'a [Facts],
    goal: &'a Goal,
    actions: Vec<Option<Action>>,
    /// What is known of the images that need an engine.
    by_engine: RefCell<Vec<Option<bool>>>,
}

impl Planner<'_> {
    fn decide(&self, id: ImageId) -> Action {
        let is_rebuilt =
            |parent: &ImageId| matches!(self.actions[parent.0], Some(Action::Build(_)));
        // What is here of it is out of date: a build makes it anew, and it is never published as it is.
        let is_left = |parent: &ImageId| {
            self.actions[parent.0] == Some(Action::Skip(Skip::NotBuiltYet))
                && self.facts[parent.0].local.is_some()
        };
        let parents = || self.graph.parents(id).iter().copied();
        let rebuilt = parents().find(|parent| is_rebuilt(parent) || is_left(parent));
        let Facts {
            registry,
            published,
            local,
        } = &self.facts[id.0];
        if let Availability::Taken(digest) = registry {
            return Action::Skip(Skip::Taken(digest.clone()));
        }
        if let Availability::Present(digest) = registry {
            if let Drift::Changed(changes) = published {
                if self.overwrites(id) && self.needs_engine(id) {
                    return Action::Skip(Skip::NeedsEngine);
                }
                if self.overwrites(id) {
                    let anew = || Reason::InputsChanged(changes.clone());
                    return self.decide_unpublished(id, local.as_ref(), rebuilt, anew);
                }
                let (digest, changes) = (digest.clone(), changes.clone());
                return Action::Skip(Skip::Drifted { digest, changes });
            }
            // The engine knows what it was built on, where it has the very image that is published.
            let local = local
                .as_ref()
                .filter(|local| local.manifests.contains(digest));
            let moved = || Some(self.find_moved_parent(id, local?)?.0);
            let digest = digest.clone();
            return Action::Skip(match rebuilt.or_else(moved) {
                Some(parent) => Skip::PublishedOnOldParent { digest, parent },
                None => Skip::Published(digest),
            });
        }
        // Neither what the engine has of such a parent nor what the registry has may get into what is published.
        if let Some(parent) = parents().find_map(|parent| self.find_taken(parent)) {
            return Action::Skip(Skip::OnTaken { parent });
        }
        if self.needs_engine(id) {
            return Action::Skip(Skip::NeedsEngine);
        }
        let absent = || match registry {
            Availability::NotAsked => Reason::NotBuilt,
            _ => Reason::NotPublished,
        };
        self.decide_unpublished(id, local.as_ref(), rebuilt, absent)
    }

    /// Tells whether nothing can be done with an image, nor be known of what is here of it, for lack of an engine.
    fn needs_engine(&self, id: ImageId) -> bool {
        self.goal.means == Means::NoEngine && self.is_made_by_engine(id)
    }

    /// Tells whether an image, or what it is made on, comes from an engine.
    fn is_made_by_engine(&self, id: ImageId) -> bool {
        // Parents were decided before: their answers do not change any more.
        if let Some(known) = self.by_engine.borrow()[id.0] {
            return known;
        }
        let is_made = match &self.catalog.image(id).recipe {
            Recipe::Template { .. } => true,
            Recipe::Declared { file, .. } => {
                matches!(file.making, Making::Base(BaseImage::Pinned(_)))
                    || file.image_names().any(|name| self.comes_by_engine(name))
            }
        };
        self.by_engine.borrow_mut()[id.0] = Some(is_made);
        is_made
    }

    /// Tells whether an image by its name has to be made or fetched by an engine.
    fn comes_by_engine(&self, name: &str) -> bool {
        let image = self.catalog.find(name);
        image.is_none_or(|image| self.is_made_by_engine(image) || self.is_elsewhere(image))
    }

    /// Tells whether an image would have to be fetched from the registry, which engines do.
    fn is_elsewhere(&self, id: ImageId) -> bool {
        if let Some(Action::Build(_) | Action::Verify | Action::Publish) = self.actions[id.0] {
            return false;
        }
        let Facts {
            registry, local, ..
        } = &self.facts[id.0];
        let here = local.as_ref().map(|local| local.manifests.as_slice());
        match registry {
            Availability::Present(digest) => !here.unwrap_or_default().contains(digest),
            Availability::NotAsked | Availability::Absent | Availability::Taken(_) => false,
        }
    }

    /// Gives the image whose version somebody else took, of one that is passed over for it.
    fn find_taken(&self, id: ImageId) -> Option<ImageId> {
        match self.actions[id.0] {
            Some(Action::Skip(Skip::Taken(_))) => Some(id),
            Some(Action::Skip(Skip::OnTaken { parent })) => Some(parent),
            _ => None,
        }
    }

    fn overwrites(&self, id: ImageId) -> bool {
        let selection = self.goal.selection.as_ref();
        let is_selected = selection.is_none_or(|selection| selection.contains(&id));
        self.goal.overwrite == Overwrite::Drifted && is_selected
    }

    /// Decides by what the engine has alone; `absent` is the reason where it has nothing.
    fn decide_unpublished(
        &self,
        id: ImageId,
        local: Option<&LocalImage>,
        rebuilt: Option<ImageId>,
        absent: impl FnOnce() -> Reason,
    ) -> Action {
        let extent = self.goal.extent;
        let Some(local) = local else {
            return match extent {
                Extent::Publish => Action::Skip(Skip::NotBuiltYet),
                _ => Action::Build(absent()),
            };
        };
        let out_of_date = rebuilt
            .map(|parent| Reason::ParentRebuilt { parent })
            .or_else(|| local.parents.is_none().then_some(Reason::NotOurs))
            .or_else(|| match &local.drift {
                Drift::None => None,
                Drift::Unknown => Some(Reason::NotOurs),
                Drift::Changed(changes) => Some(Reason::InputsChanged(changes.clone())),
                Drift::Unreadable(why) => Some(Reason::InputsUnreadable(why.clone())),
            })
            .or_else(|| Some(self.find_moved_parent(id, local)?.1))
            .or_else(|| {
                let moved = local.moved_base.clone()?;
                Some(Reason::ParentMoved {
                    parent: moved.base,
                    built_on: moved.built_on,
                    now: moved.now,
                })
            });
        match (out_of_date, local.verified, extent) {
            (Some(_), _, Extent::Publish) => Action::Skip(Skip::NotBuiltYet),
            (Some(reason), _, _) => Action::Build(reason),
            (None, false, _) => Action::Verify,
            (None, true, Extent::Build) => Action::Skip(Skip::Built),
            (None, true, _) => Action::Publish,
        }
    }

    /// An image that was built here recorded what it was built on; it is out of date when that is another one now.
    fn find_moved_parent(&self, id: ImageId, local: &LocalImage) -> Option<(ImageId, Reason)> {
        self.graph.parents(id).iter().find_map(|parent| {
            let label = &self.catalog.image(*parent).label;
            let facts = &self.facts[parent.0];
            let now = facts.identity()?;
            let name = label.name();
            let (_, built_on) = local
                .parents
                .as_ref()?
                .iter()
                .find(|(recorded, _)| recorded.name() == name)?;
            let reason = || Reason::ParentMoved {
                parent: label.clone(),
                built_on: built_on.clone(),
                now: now.clone(),
            };
            (!facts.is_now(built_on)).then(|| (*parent, reason()))
        })
    }
}

/// What is published is fetched for what is built on it, unless the engine has that very manifest, or there is none: what
/// can be made then is made on nothing of it. What was not selected is built only for what needs it.
fn settle(
    action: Action,
    facts: &Facts,
    means: Means,
    (is_selected, is_needed): (bool, bool),
) -> Action {
    match action {
        Action::Skip(
            Skip::Published(ref digest)
            | Skip::PublishedOnOldParent { ref digest, .. }
            | Skip::Drifted { ref digest, .. },
        ) if is_needed && means == Means::Engine => {
            let has_it = |local: &LocalImage| local.manifests.contains(digest);
            if facts.local.as_ref().is_some_and(has_it) {
                action
            } else {
                Action::Pull(digest.clone())
            }
        }
        Action::Build(_) | Action::Verify | Action::Publish | Action::Skip(Skip::NeedsEngine)
            if !is_selected && !is_needed =>
        {
            Action::Skip(Skip::NotNeeded)
        }
        // An image that others are built on has to have passed its tests; to publish it was not asked for.
        Action::Publish if !is_selected => Action::Skip(Skip::Built),
        other => other,
    }
}
