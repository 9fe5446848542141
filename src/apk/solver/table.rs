//! Each rule of the solver as a small repository, what is wished for, and what comes out.

use std::collections::BTreeMap;

use super::super::index::{Index, parse_list};
use super::super::requirement::Requirement;
use super::{Chosen, Repository, SolveErrors, Universe, solve, solve_all};

/// Makes an index: a package a line, `name version | letter:value | …`.
fn index(packages: &str) -> Index {
    let mut list = String::new();
    for line in packages
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let mut parts = line.split('|').map(str::trim);
        let id = parts.next().and_then(|id| id.split_once(' '));
        let (name, version) = id.expect("a name and a version");
        let sum = "C:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=";
        let fixed = [sum.to_owned(), format!("P:{name}"), format!("V:{version}")];
        for line in fixed.into_iter().chain(parts.map(str::to_owned)) {
            list.push_str(&line);
            list.push('\n');
        }
        list.push('\n');
    }
    let (records, skipped) = parse_list(&list).expect("a list");
    assert_eq!(skipped, []);
    Index {
        description: String::new(),
        records,
        skipped,
    }
}

fn wishes(text: &str) -> Vec<Requirement> {
    let words = text.split_whitespace();
    words.map(|word| word.parse().expect("a wish")).collect()
}

/// Solves with a repository for each text; one that begins with `@tag` has the tag.
fn answer(repositories: &[&str], wished: &str) -> String {
    let parts = repositories
        .iter()
        .map(|text| match text.strip_prefix('@') {
            Some(tagged) => {
                let (tag, packages) = tagged.split_once('\n').expect("a tag");
                (Some(tag), index(packages))
            }
            None => (None, index(text)),
        });
    let parts: Vec<_> = parts.collect();
    let repositories: Vec<_> = parts
        .iter()
        .map(|(tag, index)| Repository {
            address: "https://example.org/x86_64",
            tag: *tag,
            index,
        })
        .collect();
    let universe = Universe::new(&repositories);
    match solve(&universe, &wishes(wished)) {
        Ok(chosen) => {
            let ids = chosen.iter().map(|one| one.record.id());
            ids.collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn case(packages: &str, wished: &str, expected: &str) {
    assert_eq!(answer(&[packages], wished), expected);
}

#[test]
fn what_is_needed_comes_before_what_needs_it() {
    case("a 1 | D:b c\nb 1 | D:d\nc 1\nd 1", "a", "d-1 b-1 c-1 a-1");
    case("a 1 | D:c b\nb 1\nc 1 | D:b", "a", "b-1 c-1 a-1");
    case("a 1\nb 1", "b a", "a-1 b-1");
    case("a 1\nb 1", "", "");
}

#[test]
fn the_dependency_with_the_fewest_candidates_is_met_first() {
    // `v` alone would take b, which excludes the only candidate of `w`.
    let packages = "a 1 | D:v w\nb 2 | p:v=2 x=2\nc 1 | p:v=1\nd 1 | p:w x=1";
    case(packages, "a", "d-1 c-1 a-1");
    // The same with wishes.
    case(packages, "v w", "c-1 d-1");
}

#[test]
fn the_highest_version_that_is_allowed_is_taken() {
    let packages = "a 1-r0\na 1-r2\na 1.5-r0\na 2-r0";
    case(packages, "a", "a-2-r0");
    case(packages, "a<2", "a-1.5-r0");
    case(packages, "a=1-r0", "a-1-r0");
    case(packages, "a~1", "a-1.5-r0");
    case(packages, "a<1.5", "a-1-r2");
    case(packages, "a>=1-r1 a<=1.5-r0", "a-1.5-r0");
    // What the image wishes counts for what only comes with it.
    case("a 1\na 2\nb 1 | D:a", "b a<2", "a-1 b-1");
}

#[test]
fn a_name_may_be_provided() {
    case("a 1 | D:so:b.so.1\nb 1 | p:so:b.so.1=1", "a", "b-1 a-1");
    case(
        "a 1 | D:cmd:sh>1\nb 1 | p:cmd:sh=1\nc 1 | p:cmd:sh=2",
        "a",
        "c-1 a-1",
    );
    // A package meets its own dependencies.
    case("a 1 | p:b=1 | D:b a>0", "a", "a-1");
    // A name without a version meets none, but the version of its package may.
    case("a 1 | D:v>2\nb 3 | p:v\nc 1 | p:v", "a", "b-3 a-1");
    case(
        "a 1 | D:v>2\nc 1 | p:v",
        "a",
        "`a` cannot be installed: none of the packages that have or provide `v` can be taken\n  \
         a-1 needs `v>2`\n  c-1: `v>2` asks for another version",
    );
}

#[test]
fn candidates_are_preferred_in_an_order() {
    // What was chosen already, over a higher version of the name.
    case(
        "a 1 | D:v\nb 1 | p:v=1\nc 2 | p:w\nb2 9 | p:v=9",
        "a b",
        "b-1 a-1",
    );
    // The same source package at the same version, over a higher version of the name.
    let origin = "a 1 | D:b v\nb 1 | o:x\nc 1 | o:x | p:v=1\nd 2 | p:v=2";
    case(origin, "a", "b-1 c-1 a-1");
    // At another version it is as any other.
    let moved = "a 1 | D:b v\nb 1 | o:x\nc 2 | o:x | p:v=1\nd 2 | p:v=2";
    case(moved, "a", "b-1 d-2 a-1");
    // The higher version of the name, over a higher version of the package.
    case("b 9 | p:v=1\nc 1 | p:v=2", "v", "c-1");
    // The priority, over a higher version of the package.
    case("b 9 | p:v\nc 1 | p:v | k:5", "v", "c-1");
    // A higher version of the package, over the name.
    case("b 1 | p:v\nc 2 | p:v", "v", "c-2");
    case("b 1 | p:v\nc 1 | p:v", "v", "b-1");
    // Repositories have no order.
    let repositories = ["b 1 | p:v", "c 2 | p:v"];
    assert_eq!(answer(&repositories, "v"), "c-2");
    // A name without a version is as good as one with any.
    case("b 1 | p:v | k:1\nc 1 | p:v=7", "v", "b-1");
}

#[test]
fn packages_with_a_tag_are_taken_only_where_it_is_asked_for() {
    let repositories = ["a 1 | D:b\nb 1\nc 1 | D:b", "@edge\na 2 | D:b\nb 2\nd 1"];
    assert_eq!(answer(&repositories, "a"), "b-1 a-1");
    // What it depends on may have the tag too, but is preferred without.
    assert_eq!(answer(&repositories, "a@edge"), "b-1 a-2");
    assert_eq!(answer(&repositories, "a=1@edge"), "b-1 a-1");
    let needing = ["a 1", "@edge\na 2 | D:b>1\nb 2"];
    assert_eq!(answer(&needing, "a@edge"), "b-2 a-2");
    assert_eq!(
        answer(&repositories, "d"),
        "`d` cannot be installed: none of the packages that have or provide `d` can be taken\n  \
         d-1: it is in a repository that is taken only with `@edge`"
    );
}

#[test]
fn what_is_excluded_is_not_taken() {
    case("a 1 | D:v\nb 2 | p:v\nc 1 | p:v", "a !b", "c-1 a-1");
    case("a 1 | D:v\nb 2 | p:v\nb 1 | p:v", "a !b>1", "b-1 a-1");
    case(
        "a 1 | D:b\nb 1",
        "a !b",
        "`a` cannot be installed: none of the packages that have or provide `b` can be taken\n  \
         a-1 needs `b`\n  b-1: `!b` excludes it",
    );
    case(
        "a 1 | D:!b\nb 1\nc 1",
        "a b c",
        "`a-1` cannot be there with `b-1`: it has `!b`",
    );
    case("a 1 | D:!b<1\nb 1", "a b", "a-1 b-1");
    // A package may exclude others of a name that it has itself.
    case("a 1 | D:!v | p:v=1", "a", "a-1");
}

#[test]
fn what_has_the_same_name_is_not_taken_twice() {
    // Two versions of one package.
    case(
        "a 1 | D:b=1\nb 1\nb 2\nc 1 | D:b=2",
        "a c",
        "`c` cannot be installed: `b-1` was chosen before, which is not what `b=2` asks for\n  c-1 needs `b=2`",
    );
    // A name with a version has one package.
    case(
        "a 1 | p:v=1\nb 1 | p:v=2",
        "a b",
        "`b` cannot be installed: none of the packages that have or provide `b` can be taken\n  \
         b-1: `a-1` was chosen, which has or provides `v`",
    );
    // One without a version may have several.
    case("a 1 | p:v\nb 1 | p:v", "a b", "a-1 b-1");
}

#[test]
fn circles_are_cut() {
    case("a 1 | D:b\nb 1 | D:c\nc 1 | D:a", "a", "c-1 b-1 a-1");
    case("a 1 | D:b\nb 1 | D:a", "a b", "b-1 a-1");
    case("a 1 | D:a", "a", "a-1");
}

#[test]
fn packages_join_when_all_that_they_wait_for_is_there() {
    let packages = "a 1\nb 1\nab 1 | i:a b | D:d\nab-doc 1 | i:ab docs\ndocs 1\nd 1";
    case(packages, "a", "a-1");
    case(packages, "a b", "a-1 b-1 d-1 ab-1");
    case(packages, "a b docs", "a-1 b-1 docs-1 d-1 ab-1 ab-doc-1");
    case(packages, "a b !ab", "a-1 b-1");
    // The version counts.
    let versions = "a 1\na-x 1 | i:a=1\na-x 2 | i:a=2";
    case(versions, "a", "a-1 a-x-1");
    // One that something excludes stays away.
    case("a 1 | D:!j\nj 1 | i:a", "a", "a-1");
    case("a 1\nj 1 | i:a | D:!a", "a", "a-1");
    case("a 1 | p:v\nj 1 | i:v !b\nb 1", "a", "a-1 j-1");
    case("a 1 | p:v\nj 1 | i:v !b\nb 1", "a b", "a-1 b-1");
}

#[test]
fn what_nobody_has_is_told_with_the_way_to_it() {
    case(
        "a 1 | D:b\nb 1 | D:c\nc 1 | D:zlip\nzlib 1",
        "a",
        "`a` cannot be installed: no repository has a package `zlip`, or one that provides it\n  \
         a-1 needs `b`\n  b-1 needs `c`\n  c-1 needs `zlip`",
    );
    let index = index("zlib 1");
    let repository = Repository {
        address: "",
        tag: None,
        index: &index,
    };
    let universe = Universe::new(&[repository]);
    let error = solve(&universe, &wishes("zlip")).expect_err("an error");
    assert_eq!(error.near(), ["zlib"]);
    case(
        "a 1\na 2",
        "a>2",
        "`a>2` cannot be installed: none of the packages that have or provide `a` can be taken\n  \
         a-1: `a>2` asks for another version\n  a-2: `a>2` asks for another version",
    );
}

#[test]
fn chains_that_are_too_long_are_an_error() {
    let chain = |length: usize| {
        let lines = (0..length).map(|i| format!("p{i} 1 | D:p{}\n", i + 1));
        let end = format!("p{length} 1\n");
        lines.chain([end]).collect::<String>()
    };
    assert_eq!(answer(&[&chain(400)], "p0").split(' ').count(), 401);
    let error = answer(&[&chain(600)], "p0");
    let first = error.lines().next();
    let expected = "`p0` cannot be installed: its dependencies go deeper than 512 packages";
    assert_eq!(first, Some(expected));
}

#[track_caller]
fn on_both(x86_64: &str, aarch64: &str, wished: &str, expected: &str) {
    let indexes = [("x86_64", index(x86_64)), ("aarch64", index(aarch64))];
    let universes: BTreeMap<_, _> = indexes
        .iter()
        .map(|(architecture, index)| {
            let repository = Repository {
                address: architecture,
                tag: None,
                index,
            };
            ((*architecture).to_owned(), Universe::new(&[repository]))
        })
        .collect();
    let answer = match solve_all(&universes, &wishes(wished)) {
        Ok(resolved) => {
            let lines = resolved.iter().map(|(architecture, chosen)| {
                let urls: Vec<_> = chosen.iter().map(Chosen::url).collect();
                format!("{architecture}: {}", urls.join(" "))
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(error @ (SolveErrors::Each(_) | SolveErrors::Differs { .. })) => error.to_string(),
    };
    assert_eq!(answer, expected);
}

#[test]
fn a_version_that_one_architecture_lacks_is_taken_on_none() {
    on_both(
        "a 1\na 2",
        "a 1",
        "a",
        "aarch64: aarch64/a-1.apk\nx86_64: x86_64/a-1.apk",
    );
    on_both(
        "a 2",
        "a 1",
        "a",
        "aarch64: `a` cannot be installed: none of the packages that have or provide `a` can be taken\n  \
         a-1: the architecture x86_64 does not have it\n\
         x86_64: `a` cannot be installed: none of the packages that have or provide `a` can be taken\n  \
         a-2: the architecture aarch64 does not have it",
    );
}

#[test]
fn a_wish_has_one_version_on_all_architectures_and_what_comes_with_it_may_differ() {
    // The packages are the same, and what they provide is not.
    on_both(
        "b 1 | p:v=1\nc 1 | p:v=2",
        "b 1 | p:v=2\nc 1 | p:v=1",
        "v",
        "`v` would not be the same on all architectures\n  aarch64: b-1\n  x86_64: c-1",
    );
    on_both(
        "a 1 | D:b\nb 1",
        "a 1\nb 1",
        "a",
        "aarch64: aarch64/a-1.apk\nx86_64: x86_64/b-1.apk x86_64/a-1.apk",
    );
}
