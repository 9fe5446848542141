//! The images that need a rebuild, each with the reason, in dated versions: `1.2-3-20261121`, and of the same day once more
//! `1.2-3-20261121.1`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset, NaiveDate};

use super::entry::{Draft, Order, UpdateErrors};
use super::update::next_rebuild;
use crate::catalog::{Catalog, Graph, ImageId};
use crate::debian::{Stamp, Version};
use crate::oci::Reference;

/// Which images are to be refreshed.
#[derive(Clone, Debug, Default)]
pub struct RefreshWish {
    /// Whether every image is, whatever it needs.
    pub all: bool,
    /// So many days old an image may be.
    pub oldest_days: Option<u32>,
    /// Images that stay as they are.
    pub excluded: BTreeSet<ImageId>,
    /// The outside base images that are not what an image was built on any more.
    pub moved: BTreeMap<ImageId, Vec<Reference>>,
}

/// Why an image is refreshed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Every image is.
    Asked,
    /// These base images are not what it was built on any more.
    BaseMoved(Vec<Reference>),
    /// It is built on an image that is refreshed.
    Parent(ImageId),
    /// So many days ago it was built for the last time.
    Old(i64),
}

/// One image that is refreshed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The image.
    pub image: ImageId,
    /// Why.
    pub cause: Cause,
}

/// Chooses the images, each after what it is built on.
#[must_use]
pub fn choose(
    catalog: &Catalog,
    graph: &Graph,
    wish: &RefreshWish,
    now: DateTime<FixedOffset>,
) -> Vec<Refresh> {
    let mut chosen: BTreeSet<ImageId> = BTreeSet::new();
    let mut refreshes = Vec::new();
    for &image in graph.order() {
        if wish.excluded.contains(&image) {
            continue;
        }
        let parents = graph.parents(image);
        let parent = parents.iter().find(|parent| chosen.contains(parent));
        let age = catalog
            .image(image)
            .dated
            .map(|date| (now - date).num_days());
        let is_old = |days: &i64| wish.oldest_days.is_some_and(|most| *days > i64::from(most));
        let cause = if wish.all {
            Some(Cause::Asked)
        } else if let Some(bases) = wish.moved.get(&image) {
            Some(Cause::BaseMoved(bases.clone()))
        } else if let Some(&parent) = parent {
            Some(Cause::Parent(parent))
        } else {
            age.filter(is_old).map(Cause::Old)
        };
        if let Some(cause) = cause {
            chosen.insert(image);
            refreshes.push(Refresh { image, cause });
        }
    }
    refreshes
}

/// Drafts the entries; `note` is put below each reason.
pub fn draft_refresh(
    catalog: &Catalog,
    refreshes: &[Refresh],
    date: NaiveDate,
    update_id: &str,
    note: Option<&str>,
) -> Result<Vec<Draft>, UpdateErrors> {
    refreshes
        .iter()
        .map(|refresh| {
            let old = &catalog.image(refresh.image).version;
            let mut reason = reason(&refresh.cause, catalog);
            if let Some(note) = note {
                reason.push('\n');
                reason.push_str(note);
            }
            Ok(Draft {
                image: refresh.image,
                version: match find_dated(old, date, update_id) {
                    Some(version) => version,
                    None => next_rebuild(old, update_id)?,
                },
                order: Order::Ascending,
                reason,
            })
        })
        .collect()
}

fn reason(cause: &Cause, catalog: &Catalog) -> String {
    match cause {
        Cause::Asked => "Weekly rebuild.".to_owned(),
        Cause::BaseMoved(bases) => {
            let line = |base: &Reference| {
                format!("Refresh for update in base image {}.", short_label(base))
            };
            bases.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Cause::Parent(parent) => format!(
            "Refresh for update in parent image {}.",
            catalog.image(*parent).name
        ),
        Cause::Old(days) => format!("Rebuild after {days} days."),
    }
}

/// A reference without registry and namespace, which say nothing to whoever reads a changelog.
fn short_label(reference: &Reference) -> String {
    match (reference.tag(), reference.digest()) {
        (Some(tag), _) => format!("{}:{tag}", reference.short_name()),
        (None, Some(digest)) => format!("{}@{}", reference.short_name(), digest.short()),
        (None, None) => reference.short_name().to_owned(),
    }
}

/// Finds the version of a day: its date stands in place of an earlier one, else behind it all; a second version of one day,
/// or one of an earlier day, is numbered: `1.2-20261121.1`. There is none where it would not sort after the version that is there.
fn find_dated(old: &Version, date: NaiveDate, update_id: &str) -> Option<Version> {
    let text = old.as_str();
    let (head, rebuild) = cut_rebuild(text, update_id);
    let parts = [(text, ""), (head, rebuild)].into_iter();
    let mut found = parts.filter_map(|(text, rebuild)| {
        let (plain, stamp) = text.rsplit_once('-')?;
        Some((plain, Stamp::parse(stamp)?.next(date), rebuild))
    });
    // The rebuild of a dated version keeps its number: without it the version would sort before that one.
    let (plain, stamp, rebuild) = found.next().unwrap_or((text, Stamp::of(date), ""));
    let dated: Version = format!("{plain}-{stamp}{rebuild}").parse().ok()?;
    (dated > *old).then_some(dated)
}

/// Cuts the number of a rebuild off: `1.2-20261121-s1` is `1.2-20261121` and `-s1`.
fn cut_rebuild<'a>(text: &'a str, update_id: &str) -> (&'a str, &'a str) {
    let separator = format!("-{update_id}");
    let at = text.rfind(&separator).filter(|at| {
        let number = &text[at + separator.len()..];
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    });
    text.split_at(at.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::catalog::Image;
    use crate::catalog::samples::{graph, image};

    /// The images of `base ← tool ← app` and of `alone`, with their ages in days.
    fn chosen(ages: [i64; 4], wish: impl FnOnce(&Catalog) -> RefreshWish) -> Vec<String> {
        let now = DateTime::parse_from_rfc3339("2026-11-21T06:00:00+00:00").expect("a date");
        let mut images: Vec<Image> = ["alone", "app", "base", "tool"].map(image).into();
        for (image, age) in images.iter_mut().zip(ages) {
            image.dated = Some(now - TimeDelta::days(age));
        }
        let (catalog, _) = Catalog::new(images);
        let graph = graph(&catalog, &[("tool", "base"), ("app", "tool")]).expect("a graph");
        let name = |id: ImageId| catalog.image(id).name.as_str();
        choose(&catalog, &graph, &wish(&catalog), now)
            .iter()
            .map(|refresh| match &refresh.cause {
                Cause::Asked => format!("{} asked", name(refresh.image)),
                Cause::Old(days) => format!("{} {days}", name(refresh.image)),
                Cause::Parent(parent) => format!("{} {}", name(refresh.image), name(*parent)),
                Cause::BaseMoved(bases) => format!("{} {}", name(refresh.image), bases[0]),
            })
            .collect()
    }

    #[test]
    fn what_is_old_is_refreshed_and_what_is_built_on_it() {
        let older_than = |days| {
            move |_: &Catalog| RefreshWish {
                oldest_days: Some(days),
                ..RefreshWish::default()
            }
        };
        assert_eq!(
            chosen([1, 1, 31, 40], older_than(30)),
            ["base 31", "tool base", "app tool"]
        );
        assert_eq!(chosen([31, 1, 30, 1], older_than(30)), ["alone 31"]);
        assert_eq!(chosen([9, 9, 9, 9], |_| RefreshWish::default()), [""; 0]);
    }

    #[test]
    fn a_base_image_that_moved_refreshes_what_was_built_on_it_and_so_on() {
        let moved = |catalog: &Catalog| RefreshWish {
            moved: [(
                catalog.find("tool").expect("an image"),
                vec!["debian:12".parse().expect("a reference")],
            )]
            .into(),
            ..RefreshWish::default()
        };
        assert_eq!(chosen([1; 4], moved), ["tool debian:12", "app tool"]);
    }

    #[test]
    fn what_is_excluded_stays_and_passes_nothing_on() {
        let excluded = |all| {
            move |catalog: &Catalog| RefreshWish {
                all,
                oldest_days: Some(30),
                excluded: [catalog.find("tool").expect("an image")].into(),
                ..RefreshWish::default()
            }
        };
        assert_eq!(chosen([1, 1, 31, 31], excluded(false)), ["base 31"]);
        let all = chosen([1; 4], excluded(true));
        assert_eq!(all, ["alone asked", "base asked", "app asked"]);
    }

    #[track_caller]
    fn case(old: &str, expected: Option<&str>) {
        let date = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        let old_version = old.parse().expect("a version");
        let dated = find_dated(&old_version, date, "s");
        assert_eq!(dated.as_ref().map(Version::as_str), expected, "{old}");
    }

    #[test]
    fn a_date_stands_behind_the_version_or_in_place_of_an_earlier_one() {
        case("1.2-3", Some("1.2-3-20261121"));
        case("1.2-3-20260816", Some("1.2-3-20261121"));
        case("1.2", Some("1.2-20261121"));
        case(
            "0.0.3-20250601-s1-20260816",
            Some("0.0.3-20250601-s1-20261121"),
        );
        case("1.2-20260816.2", Some("1.2-20261121"));
        case("1.2-3-20260816-s2", Some("1.2-3-20261121-s2"));
        case("1.2-3-20260816.1-s2", Some("1.2-3-20261121-s2"));
        case("1.2-s2", Some("1.2-s2-20261121"));
        case("1.0~rc1", Some("1.0~rc1-20261121"));
        case("v20220915-3", Some("v20220915-3-20261121"));
        // No day has this number.
        case("1.2-20261399", Some("1.2-20261399-20261121"));
    }

    #[test]
    fn a_day_that_is_not_later_is_numbered() {
        case("1.2-3-20261121", Some("1.2-3-20261121.1"));
        case("1.2-3-20261121.9", Some("1.2-3-20261121.10"));
        case("1.2-3-20261122", Some("1.2-3-20261122.1"));
        case("1.2-3-20261121-s1", Some("1.2-3-20261121.1-s1"));
        // No number is left.
        case("1.2-3-20261121.18446744073709551615", None);
    }

    #[test]
    fn versions_do_not_grow_however_often_updates_and_refreshes_take_turns() {
        let first = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        let mut version: Version = "1.22.1-3".parse().expect("a version");
        for week in 0..100 {
            let date = first + TimeDelta::weeks(week);
            for _ in 0..2 {
                let next = find_dated(&version, date, "s").expect("a version of the day");
                assert!(next > version && next.as_tag().is_ok(), "{version} {next}");
                version = next;
            }
            version = version.next_rebuild("s").expect("a rebuild");
        }
        assert_eq!(version.as_str(), "1.22.1-3-20281014.1-s100");
    }
}
