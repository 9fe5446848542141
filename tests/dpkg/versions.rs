//! The order of versions beside dpkg's.
//!
//! The pairs go to one perl with `Dpkg::Version`, which is dpkg's own code, and a sample of them to `dpkg --compare-versions`,
//! a process for each. Perl holds long numbers for floating ones and dpkg does not, so pairs with such are asked of dpkg.

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::{Command, Stdio};

use pkg::debian::Version;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::wanted;

/// Prints -1, 0 or 1 for each line with two versions.
const COMPARE: &str = "use Dpkg::Version; while (<STDIN>) { chomp; my ($a, $b) = split / /; \
                       print Dpkg::Version->new($a) <=> Dpkg::Version->new($b), \"\\n\" or die }";

type Pair = (String, String);

/// Versions as people write them: dates, candidates, rebuilds, epochs, letters.
fn real() -> impl Strategy<Value = String> {
    let upstream = "([1-3]:)?v?[0-9]{1,2}(\\.[0-9]{1,3}){0,3}[a-c]?";
    let marks = "(~rc[0-9]|~beta[0-9]|~bpo1[0-3]\\+[0-9]|\\+deb1[0-3]u[0-9]|\\+dfsg[0-9]?|\\+git202[0-9]0[1-9][0-3][0-9]|\\+really1\\.[0-9]|-alpha\\.[0-9])?";
    let rebuilds = "(-[0-9]{1,2}|-wmf[0-9]|-0ubuntu[0-9]\\.[0-9])?(\\+b[0-9])?(-s[0-9]{1,2})?(-202[0-9](0[1-9]|1[0-2])(0[1-9]|[12][0-9]))?";
    (upstream, marks, rebuilds).prop_map(|(one, two, three)| format!("{one}{two}{three}"))
}

/// Few different characters, so that many pairs differ late or not at all.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "([01]:)?[019][019ab.+~-]{0,6}[01a~](-[01a.+~]{1,3})?",
        "(0{0,3}[0-2]:)?0{0,3}[0-9]{1,3}[.~+]{0,3}0{0,4}[aAzZ]{0,2}~{0,2}[0-9]{0,2}",
        "[0-9a-zA-Z][0-9a-zA-Z.+~:-]{0,12}[0-9a-z]",
    ]
}

/// The same version with a little change.
fn neighbours() -> impl Strategy<Value = Pair> {
    let version = prop_oneof![real(), hostile()];
    (
        version,
        any::<prop::sample::Index>(),
        "[0-9a.~+-]{0,2}",
        any::<bool>(),
    )
        .prop_map(|(one, at, text, replaces)| {
            let at = at.index(one.len());
            let rest = &one[at + usize::from(replaces)..];
            let other = format!("{}{text}{rest}", &one[..at]);
            (one, other)
        })
}

fn pairs(count: usize) -> Vec<Pair> {
    let long = || "1{16}[01]{2,9}(\\.[01]{18,20})?";
    let strategy = prop_oneof![
        30 => (real(), real()),
        30 => (hostile(), hostile()),
        10 => (real(), hostile()),
        30 => neighbours(),
        1 => (long(), long()),
    ];
    let mut runner = TestRunner::new(ProptestConfig {
        // A pair that was found is kept in the test above it.
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let is_version = |text: &String| text.parse::<Version>().is_ok();
    std::iter::repeat_with(|| strategy.new_tree(&mut runner).expect("a pair").current())
        .filter(|(one, other)| is_version(one) && is_version(other))
        .take(count)
        .collect()
}

/// Tells whether perl would hold a number in a pair for a floating one.
fn is_long((one, other): &Pair) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let runs = [one, other].map(|text| text.split(|c| !is_digit(c)).map(str::len).max());
    runs.into_iter().flatten().any(|length| length > 15)
}

fn our_order((one, other): &Pair) -> Ordering {
    let version = |text: &str| text.parse::<Version>().expect("a version");
    version(one).cmp(&version(other))
}

fn perls_order(pairs: &[Pair]) -> Vec<Ordering> {
    let mut perl = Command::new("perl")
        .args(["-e", COMPARE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs perl");
    let mut input = perl.stdin.take().expect("a pipe");
    let lines = pairs.iter().map(|(one, other)| format!("{one} {other}\n"));
    let lines = lines.collect::<Vec<_>>().concat();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = perl.wait_with_output().expect("perl ends");
    writing.join().expect("no panic").expect("perl reads");
    assert!(
        output.status.success(),
        "this test needs Dpkg::Version of libdpkg-perl"
    );
    let text = String::from_utf8(output.stdout).expect("numbers");
    text.lines()
        .map(|line| line.parse::<i8>().expect("a number").cmp(&0))
        .collect()
}

fn dpkgs_order((one, other): &Pair) -> Ordering {
    let holds = |relation: &str| {
        let mut dpkg = Command::new("dpkg");
        dpkg.args(["--compare-versions", "--", one, relation, other]);
        // It warns of versions that begin with a letter.
        let status = dpkg
            .stderr(Stdio::null())
            .status()
            .expect("this test needs dpkg");
        match status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => panic!("dpkg refuses {one:?} or {other:?}"),
        }
    };
    match (holds("lt"), holds("eq")) {
        (true, _) => Ordering::Less,
        (false, true) => Ordering::Equal,
        (false, false) => Ordering::Greater,
    }
}

#[test]
fn the_order_is_that_of_dpkgs_own_code() {
    let count = wanted("PKG_DPKG_PAIRS", "2000").parse().expect("a number");
    let sample: usize = wanted("PKG_DPKG_SAMPLE", "100").parse().expect("a number");
    let (long, short): (Vec<_>, Vec<_>) = pairs(count).into_iter().partition(is_long);
    let theirs = perls_order(&short);
    assert_eq!(theirs.len(), short.len(), "perl answers for each pair");
    for (pair, theirs) in short.iter().zip(&theirs) {
        assert_eq!(our_order(pair), *theirs, "{pair:?} in perl");
    }
    let step = (short.len() / sample).max(1);
    let asked: Vec<_> = short.iter().step_by(step).chain(&long).collect();
    for pair in &asked {
        assert_eq!(our_order(pair), dpkgs_order(pair), "{pair:?} by dpkg");
    }
    let of = |order| theirs.iter().filter(|one| **one == order).count();
    let counts = [Ordering::Less, Ordering::Equal, Ordering::Greater].map(of);
    assert!(counts.iter().all(|one| *one > count / 100), "{counts:?}");
    println!(
        "{count} pairs of versions are in dpkg's order: {} lower, {} equal, {} higher in perl; {} asked of dpkg itself",
        counts[0],
        counts[1],
        counts[2],
        asked.len()
    );
}
