//! The containers that an engine has, and which images they use.

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State};
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::images::parse_id;
use super::{Engine, EngineError};
use crate::oci::Digest;

/// One container of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name, or the first digits of its identity where it has none.
    pub name: String,
    /// The identity of the image that it was made from.
    pub image: Digest,
    /// Whether it runs.
    pub activity: Activity,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It has processes.
    Running,
    /// It was made and never started, or it ended; it can be started.
    Stopped,
}

impl Engine {
    /// Asks for all containers, running or not, in the order of their names.
    pub async fn containers(&self) -> Result<Vec<Container>, EngineError> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let listed = self
            .answer(
                "list its containers",
                self.docker.list_containers(Some(options)),
            )
            .await?;
        let mut containers: Vec<_> = listed.iter().filter_map(Container::find_in).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }
}

impl Container {
    /// Reads one item of the engine's list; a container without an image, such as podman's of a pod, uses none.
    pub(super) fn find_in(summary: &ContainerSummary) -> Option<Self> {
        let image = parse_id(summary.image_id.as_deref()?)?;
        let names = summary.names.iter().flatten();
        // A link gives a container a further name below that of the other one: `/web/database`.
        let mut names = names.map(|name| name.trim_start_matches('/'));
        let id = summary.id.as_deref().unwrap_or_default();
        let short_id = id.get(..12).unwrap_or(id);
        Some(Self {
            name: names
                .find(|name| !name.contains('/'))
                .unwrap_or(short_id)
                .to_owned(),
            image,
            activity: match summary.state {
                Some(State::RUNNING | State::PAUSED | State::RESTARTING) => Activity::Running,
                _ => Activity::Stopped,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(names: &[&str], state: State, expected: (&str, Activity)) {
        let image = Digest::of(b"image");
        for image_id in [image.as_str(), image.hex()] {
            let summary = ContainerSummary {
                id: Some("0123456789abcdef".to_owned()),
                names: Some(names.iter().map(|&name| name.to_owned()).collect()),
                image_id: Some(image_id.to_owned()),
                state: Some(state),
                ..ContainerSummary::default()
            };
            let container = Container::find_in(&summary).expect("a container");
            assert_eq!((container.name.as_str(), container.activity), expected);
            assert_eq!(container.image, image);
        }
    }

    #[test]
    fn a_container_is_known_by_its_own_name() {
        case(&["/web"], State::RUNNING, ("web", Activity::Running));
        case(
            &["/shop/db", "/db"],
            State::PAUSED,
            ("db", Activity::Running),
        );
        case(&["/old"], State::EXITED, ("old", Activity::Stopped));
        case(&["/new"], State::CREATED, ("new", Activity::Stopped));
        case(&[], State::DEAD, ("0123456789ab", Activity::Stopped));
    }

    #[test]
    fn a_container_without_an_image_uses_none() {
        for image_id in [None, Some(String::new())] {
            let summary = ContainerSummary {
                image_id,
                ..ContainerSummary::default()
            };
            assert_eq!(Container::find_in(&summary), None);
        }
    }
}
