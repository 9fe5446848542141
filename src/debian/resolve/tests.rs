use std::fmt::Write as _;

use crate::debian::{ResolveError, Universe, parse_packages, parse_request};

/// Writes an index of `name version; Field: value; …` lines.
fn index(packages: &str) -> String {
    let mut text = String::new();
    for line in packages
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let mut parts = line.split(';').map(str::trim);
        let (name, version) = parts
            .next()
            .expect("a name")
            .split_once(' ')
            .expect("a version");
        writeln!(
            text,
            "Package: {name}\nVersion: {version}\nFilename: {name}.deb\nSize: 1\nSHA256: {}",
            "0".repeat(64)
        )
        .expect("memory");
        let fields: Vec<&str> = parts.collect();
        if !fields.iter().any(|field| field.starts_with("Architecture")) {
            text += "Architecture: amd64\n";
        }
        for field in fields {
            writeln!(text, "{field}").expect("memory");
        }
        text += "\n";
    }
    text
}

fn resolve(packages: &str, requests: &[&str]) -> Result<Vec<String>, ResolveError> {
    let text = index(packages);
    let universe = Universe::new(parse_packages(&text).expect("an index"), "amd64");
    let requests: Vec<_> = requests
        .iter()
        .map(|request| parse_request(request).expect("a request"))
        .collect();
    let chosen = universe.resolve(&requests)?;
    let shown = chosen
        .iter()
        .map(|one| format!("{} {}", one.package.name, one.package.version));
    Ok(shown.collect())
}

#[test]
fn what_is_left_out_counts_as_there_and_so_does_what_it_provides() {
    let text = index(
        "base 1; Depends: awk, config (>= 9) | config-2\nzones 1; Depends: config-2\nmawk 1; Provides: awk\n\
         config 1; Provides: config-2; Depends: perl\nperl 1\nother 1; Depends: perl\n",
    );
    let universe = Universe::new(parse_packages(&text).expect("an index"), "amd64");
    let choose = |requests: &[&str], left_out: &[&str]| {
        let requests = requests.iter().map(|it| parse_request(it).expect(it));
        let left_out: Vec<String> = left_out.iter().map(|it| (*it).to_owned()).collect();
        let chosen = universe.resolve_without(&requests.collect::<Vec<_>>(), &left_out);
        let chosen = chosen.expect("a choice");
        chosen
            .iter()
            .map(|one| one.package.name.to_owned())
            .collect::<Vec<_>>()
    };
    let all = ["base", "config", "mawk", "perl", "zones"];
    assert_eq!(choose(&["base", "zones"], &[]), all);
    assert_eq!(
        choose(&["base", "zones"], &["config"]),
        ["base", "mawk", "zones"]
    );
    // A name that others provide, and a package that provides it, are the same to whoever needs it.
    assert_eq!(choose(&["base"], &["config", "awk"]), ["base"]);
    assert_eq!(choose(&["base"], &["config", "mawk"]), ["base"]);
    // What comes by itself comes, also where something that is left out would have brought it.
    assert_eq!(
        choose(&["zones", "other"], &["config"]),
        ["other", "perl", "zones"]
    );
}

#[test]
fn what_is_left_out_and_not_there_is_told_with_what_may_be_meant() {
    let text = index("base 1; Depends: debconf\ndebconf 1\n");
    let universe = Universe::new(parse_packages(&text).expect("an index"), "amd64");
    let known = ["debconf", "base"].map(str::to_owned);
    assert_eq!(universe.check_left_out(&known), Ok(()));
    let error = universe.check_left_out(&["debcomf".to_owned()]);
    assert_eq!(
        error.expect_err("an unknown name").to_string(),
        "no archive has or needs a package `debcomf` that `contents.without-packages` could leave out; did you mean `debconf`?"
    );
}

#[track_caller]
fn case(packages: &str, requests: &[&str], expected: &[&str]) {
    let found = resolve(packages, requests).expect("a choice");
    assert_eq!(found, expected);
}

#[track_caller]
fn refused(packages: &str, requests: &[&str], message: &str) {
    let error = resolve(packages, requests).expect_err("no choice");
    assert_eq!(error.to_string(), message);
}

#[test]
fn what_is_needed_comes_with_all_that_it_needs() {
    case(
        "a 1; Depends: b, c (>= 2)
         b 1; Pre-Depends: d; Architecture: all
         c 1
         c 2; Depends: a
         d 1
         e 1",
        &["a"],
        &["a 1", "b 1", "c 2", "d 1"],
    );
    case("a 1; Architecture: arm64\na 0.9", &["a"], &["a 0.9"]);
    case("a 1\na 2\na 3", &["a=2"], &["a 2"]);
    case("a 1\na 2\na 3", &["a (<< 3)"], &["a 2"]);
    case("a 1", &["a", "a"], &["a 1"]);
}

#[test]
fn alternatives_go_from_left_to_right_unless_one_is_there() {
    let packages = "a 1; Depends: x | y | z
         y 1
         z 1
         b 1; Depends: z, y | z
         c 1; Depends: y (>= 2) | z";
    case(packages, &["a"], &["a 1", "y 1"]);
    case(packages, &["b"], &["b 1", "z 1"]);
    case(packages, &["c"], &["c 1", "z 1"]);
    case(packages, &["a", "z"], &["a 1", "z 1"]);
}

#[test]
fn provided_names_count_and_versions_of_them_where_they_have_one() {
    let packages = "a 1; Depends: mta
         exim 1; Provides: mta
         postfix 1; Provides: mta; Priority: important
         b 1; Depends: api (>= 2)
         old 1; Provides: api (= 1)
         plain 1; Provides: api
         new 1; Provides: x, api (= 2:1)
         c 1; Depends: exim, mta
         d 1; Depends: real
         real 1
         fake 1; Provides: real (= 2)
         e 1; Depends: real (>= 2)";
    case(packages, &["a"], &["a 1", "postfix 1"]);
    case(packages, &["b"], &["b 1", "new 1"]);
    case(packages, &["c"], &["c 1", "exim 1"]);
    case(packages, &["d"], &["d 1", "real 1"]);
    case(packages, &["e"], &["e 1", "fake 1"]);
    case(packages, &["mta"], &["postfix 1"]);
    // Only the version that counts provides something.
    case(
        "a 1; Depends: v\nx 1; Provides: v\nx 2\ny 1; Provides: v",
        &["a"],
        &["a 1", "y 1"],
    );
}

#[test]
fn a_name_for_any_architecture_needs_a_package_that_allows_it() {
    let packages = "a 1; Depends: python3:any
         python3 3.11; Multi-Arch: allowed
         b 1; Depends: perl:any
         perl 5; Multi-Arch: foreign
         c 1; Depends: python3:amd64
         d 1; Depends: python3:arm64";
    case(packages, &["a"], &["a 1", "python3 3.11"]);
    refused(
        packages,
        &["b"],
        "needed by `b`: no package satisfies `perl:any` (there is perl 5)",
    );
    case(packages, &["c"], &["c 1", "python3 3.11"]);
    resolve(packages, &["d"]).expect_err("another architecture");
}

#[test]
fn errors_name_the_chain() {
    let packages = "a 1; Depends: b
         b 1; Depends: c (>= 2) | d
         c 1
         e 1; Depends: f
         f 1; Breaks: c (<< 2)
         g 1; Depends: h | c
         h 1; Conflicts: f";
    refused(packages, &["x"], "asked for: no package satisfies `x`");
    refused(
        packages,
        &["c=3"],
        "asked for: no package satisfies `c (= 3)` (there is c 1)",
    );
    refused(
        packages,
        &["a"],
        "needed by `a` → `b`: no package satisfies `c (>= 2) | d` (there is c 1)",
    );
    refused(
        packages,
        &["c", "e"],
        "needed by `e`: `f 1` cannot be installed with `c 1` (asked for): it says `Breaks: c (<< 2)`",
    );
    // What conflicts is passed over where there is something else.
    case(packages, &["h", "g"], &["g 1", "h 1"]);
    refused(
        packages,
        &["f", "g"],
        "needed by `g`: `h 1` cannot be installed with `f 1` (asked for): it says `Conflicts: f`",
    );
}

#[test]
fn a_package_does_not_conflict_with_itself() {
    case(
        "a 1; Provides: mta; Conflicts: mta; Breaks: a",
        &["a"],
        &["a 1"],
    );
    let packages = "a 1; Provides: mta; Conflicts: mta\nb 1; Provides: mta; Conflicts: mta";
    resolve(packages, &["a", "b"]).expect_err("two of a kind");
}

#[test]
fn broken_packages_matter_only_where_they_are_needed() {
    let packages = "a 1\nb 1; Depends: (x)\nc 1_2";
    case(packages, &["a"], &["a 1"]);
    let error = resolve(packages, &["b"]).expect_err("no relation");
    assert!(
        error.to_string().starts_with("package `b`, `Depends`: "),
        "{error}"
    );
    resolve(packages, &["c"]).expect_err("no version");
    for text in ["", "a | b", "a, b", "a b", "a (= 1"] {
        parse_request(text).expect_err(text);
    }
}

#[test]
fn a_chain_of_any_length_is_followed() {
    let lines: Vec<String> = (0..20_000)
        .map(|i| format!("p{i} 1; Depends: p{}", i + 1))
        .collect();
    let packages = format!("{}\np20000 1", lines.join("\n"));
    assert_eq!(resolve(&packages, &["p0"]).expect("a choice").len(), 20_001);
}
