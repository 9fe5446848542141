//! Which packages share a layer: those of one source package, since they change together.
//!
//! The largest groups have layers of their own, the others share the last one. Files that belong to no package are no concern
//! of this; they come above all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::record::Record;

/// Groups packages, by their places in `records`, into at most `budget` layers, the largest first; a budget of 0 is one layer.
///
/// Packages of which one replaces files of the other are in one group, so that no layer hides what another one has.
#[must_use]
pub fn group_by_origin(records: &[&Record], budget: usize) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, first) in first_of_groups(records).into_iter().enumerate() {
        groups.entry(first).or_default().push(i);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_cached_key(|group| {
        let sizes = group.iter().map(|i| records[*i].installed_bytes);
        let size = sizes.fold(0, u64::saturating_add);
        let name = group.iter().map(|i| &*records[*i].name).max();
        (Reverse(size), Reverse(name))
    });
    if groups.len() > budget.max(1) {
        let mut rest = groups.split_off(budget.max(1) - 1).concat();
        rest.sort_unstable();
        groups.push(rest);
    }
    groups
}

/// Gives for each package the first one of its group.
fn first_of_groups(records: &[&Record]) -> Vec<usize> {
    let mut first: Vec<usize> = (0..records.len()).collect();
    let mut origins: BTreeMap<&str, usize> = BTreeMap::new();
    let names: BTreeMap<&str, usize> = (0..).zip(records).map(|(i, one)| (&*one.name, i)).collect();
    for (i, record) in records.iter().enumerate() {
        let named = [&*record.origin, &*record.name];
        let origin = named.into_iter().find(|name| !name.is_empty());
        let other = *origins.entry(origin.unwrap_or_default()).or_insert(i);
        join(&mut first, i, other);
        for replaced in &record.replaces {
            let other = names.get(replaced.name()).copied();
            if let Some(other) = other.filter(|other| record.replaces(records[*other])) {
                join(&mut first, i, other);
            }
        }
    }
    (0..records.len()).map(|i| find(&first, i)).collect()
}

fn find(first: &[usize], mut i: usize) -> usize {
    while first[i] != i {
        i = first[i];
    }
    i
}

fn join(first: &mut [usize], one: usize, other: usize) {
    let (one, other) = (find(first, one), find(first, other));
    first[one.max(other)] = one.min(other);
}

#[cfg(test)]
mod tests {
    use super::super::index::parse_list;
    use super::*;

    /// Packages as `name size origin replaces`, with `-` for none.
    #[track_caller]
    fn case(packages: &[&str], budget: usize, expected: &[&str]) {
        let list: Vec<String> = packages
            .iter()
            .map(|package| {
                let words: Vec<&str> = package.split(' ').collect();
                let origin = words[2].trim_matches('-');
                let replaces = words[3].trim_matches('-');
                format!(
                    "C:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nP:{}\nV:1\nI:{}\no:{origin}\nr:{replaces}\n\n",
                    words[0], words[1]
                )
            })
            .collect();
        let (records, skipped) = parse_list(&list.concat()).expect("a list");
        assert_eq!(skipped, []);
        let records: Vec<&Record> = records.iter().collect();
        let groups = group_by_origin(&records, budget).into_iter().map(|group| {
            let names = group.iter().map(|i| &*records[*i].name);
            names.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(groups.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_largest_groups_have_layers_of_their_own() {
        let packages = ["a 1 x -", "b 5 y -", "c 6 x -", "d 3 - -", "e 3 - -"];
        case(&packages, 10, &["a c", "b", "e", "d"]);
        case(&packages, 4, &["a c", "b", "e", "d"]);
        case(&packages, 3, &["a c", "b", "d e"]);
        case(&packages, 2, &["a c", "b d e"]);
        case(&packages, 1, &["a b c d e"]);
        case(&packages, 0, &["a b c d e"]);
        case(&[], 3, &[]);
    }

    #[test]
    fn what_replaces_files_of_another_is_in_its_group() {
        case(
            &["a 1 x -", "b 1 y a", "c 1 z b", "d 9 w q"],
            9,
            &["d", "a b c"],
        );
        // Another version is not there.
        case(&["a 1 x -", "b 2 y a>1"], 9, &["b", "a"]);
    }
}
