//! What holds of every plan, whatever there is and whatever is asked for.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::samples::{built, identity, manifest};
use super::{
    Action, Availability, Extent, Facts, Goal, LocalImage, Means, Overwrite, Plan, Reason, Skip,
    plan,
};
use crate::catalog::samples::{graph, named, numbered, pairs};
use crate::catalog::{Catalog, Graph, ImageId};
use crate::oci::Digest;

#[derive(Debug)]
struct World {
    catalog: Catalog,
    graph: Graph,
    facts: Vec<Facts>,
    goal: Goal,
}

/// For one image: published, local, verified, known by the published manifest, built on what is there, selected.
type Dice = (bool, bool, bool, bool, bool, bool);

fn worlds() -> impl Strategy<Value = World> {
    let dice = proptest::collection::vec(any::<Dice>(), 25);
    let ranks = Just((0..25usize).collect::<Vec<_>>()).prop_shuffle();
    let extent = prop_oneof![
        Just(Extent::Build),
        Just(Extent::BuildAndPublish),
        Just(Extent::Publish)
    ];
    (pairs(), ranks, dice, extent, any::<bool>(), any::<bool>()).prop_map(
        |((count, pairs), ranks, dice, extent, selects, has_registry)| {
            let down = |&(child, parent): &(usize, usize)| ranks[parent] < ranks[child];
            let pairs: Vec<_> = pairs.into_iter().filter(down).collect();
            let catalog = numbered(count);
            let graph = graph(&catalog, &named(&pairs)).expect("no cycle");
            let facts = catalog
                .iter()
                .map(|(id, _)| make_facts(&catalog, &graph, id, dice[id.0], has_registry));
            let facts = facts.collect();
            let selected = catalog.iter().map(|(id, _)| id).filter(|id| dice[id.0].5);
            let selection = selects.then(|| selected.collect());
            World {
                goal: Goal {
                    extent,
                    means: Means::Engine,
                    selection,
                    overwrite: Overwrite::Never,
                },
                catalog,
                graph,
                facts,
            }
        },
    )
}

fn make_facts(
    catalog: &Catalog,
    graph: &Graph,
    id: ImageId,
    (published, local, verified, as_published, on_current, _): Dice,
    has_registry: bool,
) -> Facts {
    let registry = match (has_registry, published) {
        (false, _) => Availability::NotAsked,
        (true, false) => Availability::Absent,
        (true, true) => Availability::Present(manifest()),
    };
    let parents = graph.parents(id).iter().map(|&parent| {
        let parent = catalog.image(parent);
        let id = if on_current {
            identity(parent.name.as_str())
        } else {
            Digest::of(b"old")
        };
        (parent.label.clone(), id)
    });
    let local = local.then(|| LocalImage {
        manifests: as_published.then(manifest).into_iter().collect(),
        parents: Some(parents.collect()),
        verified,
        ..built(catalog.image(id).name.as_str())
    });
    Facts {
        registry,
        local,
        ..Facts::default()
    }
}

impl World {
    fn plan(&self) -> Plan {
        plan(&self.catalog, &self.graph, &self.facts, &self.goal)
    }

    fn is_selected(&self, id: ImageId) -> bool {
        let selection = self.goal.selection.as_ref();
        selection.is_none_or(|selection| selection.contains(&id))
    }

    fn is_published(&self, id: ImageId) -> bool {
        matches!(self.facts[id.0].registry, Availability::Present(_))
    }
}

proptest! {
    #[test]
    fn an_unselected_image_is_never_published(world in worlds()) {
        for step in world.plan().steps {
            prop_assert!(world.is_selected(step.image) || !step.publish);
            prop_assert!(world.is_selected(step.image) || step.action != Action::Publish);
        }
    }

    #[test]
    fn a_published_image_is_never_built_or_published_again(world in worlds()) {
        for step in world.plan().steps {
            if world.is_published(step.image) {
                prop_assert!(matches!(step.action, Action::Skip(_) | Action::Pull(_)), "{step:?}");
                prop_assert!(!step.publish);
            }
        }
    }

    #[test]
    fn what_a_build_needs_is_made_before_it_or_is_there(world in worlds()) {
        let plan = world.plan();
        for (i, step) in plan.steps.iter().enumerate() {
            let Action::Build(reason) = &step.action else { continue };
            for &parent in world.graph.parents(step.image) {
                let found = plan.steps[..i].iter().find(|step| step.image == parent);
                let action = found.map(|step| &step.action).expect("a step before");
                let is_local = world.facts[parent.0].local.is_some();
                match action {
                    Action::Build(_) | Action::Pull(_) => (),
                    Action::Verify | Action::Publish => prop_assert!(is_local),
                    Action::Skip(skip) => {
                        prop_assert!(is_local, "{skip:?}");
                        prop_assert!(!matches!(skip, Skip::NotNeeded | Skip::NotBuiltYet), "{skip:?}");
                    }
                }
            }
            if let Reason::ParentRebuilt { parent } = reason {
                prop_assert!(plan.builds().any(|built| built == *parent));
            }
        }
    }

    #[test]
    fn steps_are_for_all_that_is_concerned_in_the_order_of_the_graph(world in worlds()) {
        let plan = world.plan();
        let selected: BTreeSet<_> = world.catalog.iter().map(|(id, _)| id).filter(|&id| world.is_selected(id)).collect();
        let ancestors = world.graph.ancestors(selected.iter().copied());
        let expected: Vec<_> = world.graph.order().iter().copied().filter(|id| selected.contains(id) || ancestors.contains(id)).collect();
        let steps: Vec<_> = plan.steps.iter().map(|step| step.image).collect();
        prop_assert_eq!(steps, expected);
    }

    #[test]
    fn each_extent_keeps_to_itself(world in worlds()) {
        let plan = world.plan();
        match world.goal.extent {
            Extent::Build => prop_assert!(plan.steps.iter().all(|step| !step.publish && step.action != Action::Publish)),
            Extent::BuildAndPublish => (),
            Extent::Publish => prop_assert_eq!(plan.builds().count(), 0),
        }
    }
}
