//! Choices of packages beside apt-get(8), which gets the same archive and nothing installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use pkg::debian::{Universe, parse_packages, parse_request};
use tempfile::TempDir;

use super::repository::{ARCHITECTURE, Form, Repository};
use super::run;

/// apt with a state of its own, in which nothing is installed.
struct Apt {
    root: TempDir,
    sources: Sources,
}

/// Where the packages are from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sources {
    Own,
    Machine,
}

impl Apt {
    fn new(repository: &Repository) -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["etc", "state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let key = root.path().join("key.gpg");
        fs::write(&key, repository.gpg.export(&[])).unwrap();
        fs::write(root.path().join("status"), "").unwrap();
        let place = repository.path().display();
        let line = format!(
            "deb [signed-by={}] file:{place} stable main\n",
            key.display()
        );
        fs::write(root.path().join("etc/sources.list"), line).unwrap();
        let sources = Sources::Own;
        let apt = Self { root, sources };
        run(apt.command().arg("update"));
        apt
    }

    fn of_machine() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("status"), "").unwrap();
        let sources = Sources::Machine;
        Self { root, sources }
    }

    fn command(&self) -> Command {
        let path = |name: &str| self.root.path().join(name).display().to_string();
        let mut command = Command::new("apt-get");
        command.env("LC_ALL", "C");
        let status = format!("Dir::State::status={}", path("status"));
        command.args(["-o", &status]);
        if self.sources == Sources::Machine {
            return command;
        }
        for (option, value) in [
            ("Dir::Etc::sourcelist", path("etc/sources.list")),
            ("Dir::Etc::sourceparts", "/dev/null".to_owned()),
            ("Dir::Etc::preferences", "/dev/null".to_owned()),
            ("Dir::Etc::preferencesparts", "/dev/null".to_owned()),
            ("Dir::State", path("state")),
            ("Dir::State::extended_states", path("state/extended")),
            ("Dir::Cache", path("cache")),
            ("APT::Architecture", ARCHITECTURE.to_owned()),
            ("APT::Architectures", ARCHITECTURE.to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
        ] {
            command.args(["-o", &format!("{option}={value}")]);
        }
        command
    }

    /// Gives what would be installed, sorted.
    fn resolve(&self, requests: &[&str]) -> Option<Vec<String>> {
        let mut command = self.command();
        command.args(["install", "--simulate", "--no-install-recommends", "--yes"]);
        let output = command
            .args(requests)
            .output()
            .expect("this test needs apt-get");
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("Inst "));
        let mut found: Vec<String> = lines
            .map(|line| {
                let (name, rest) = line.split_once(" (").unwrap();
                format!("{name} {}", rest.split(' ').next().unwrap())
            })
            .collect();
        found.sort();
        Some(found)
    }
}

fn resolve(index: &str, requests: &[&str]) -> Option<Vec<String>> {
    let universe = Universe::new(parse_packages(index).unwrap(), ARCHITECTURE);
    choose(&universe, requests)
}

fn choose(universe: &Universe<'_>, requests: &[&str]) -> Option<Vec<String>> {
    let requests: Vec<_> = requests
        .iter()
        .map(|it| parse_request(it).unwrap())
        .collect();
    let chosen = universe.resolve(&requests).ok()?;
    let mut shown: Vec<String> = chosen
        .iter()
        .map(|one| format!("{} {}", one.package.name, one.package.version))
        .collect();
    shown.sort();
    Some(shown)
}

const PACKAGES: &str = "app 1; Depends: libx (>= 2), libc6; Pre-Depends: init
    app 2~rc1; Depends: nothing-has-this
    app 1.5; Depends: libx (>= 2), libc6, tool | other-tool; Pre-Depends: init
    libx 1
    libx 2.1-1+b1; Depends: libc6 (>= 2.30), libx-data (= 2.1-1)
    libx-data 2.1-1; Architecture: all; Depends: libx
    libc6 2.36; Breaks: old-tool (<< 3)
    init 1; Provides: init-system
    other-tool 1
    old-tool 2
    old-tool2 2; Depends: old-tool
    needs-old 1; Depends: old-tool2, libc6
    mail 1; Depends: default-mta | mail-transport-agent
    exim 4; Provides: mail-transport-agent; Conflicts: mail-transport-agent
    wants-exim 1; Depends: exim, mail
    two-mtas 1; Depends: exim, postfix
    postfix 3; Provides: mail-transport-agent; Conflicts: mail-transport-agent; Priority: extra
    api-user 1; Depends: api (>= 2)
    api-1 1; Provides: api (= 1)
    api-2 1; Provides: api (= 2.5), api-extra
    python3 3.11; Multi-Arch: allowed
    script 1; Architecture: all; Depends: python3:any (>= 3.9)
    perl 5.36; Multi-Arch: foreign
    perl-user 1; Depends: perl:any
    broken 1; Depends: libx (>= 3)
    late 1; Depends: broken | libc6
    choosy 1; Depends: libx (>= 3) | libx-data | nothing
    self 1; Provides: selfish; Conflicts: selfish
    circle-a 1; Depends: circle-b
    circle-b 1; Depends: circle-c
    circle-c 1; Depends: circle-a, selfish
    pre 1~; Depends: libc6 (<< 2.36)
    pre 0.9; Depends: libc6 (<= 2.36)";

#[test]
fn choices_are_those_of_apt() {
    let repository = Repository::of(PACKAGES);
    repository.publish(&Form {
        by_hash: false,
        suffixes: &[""],
        ..Form::default()
    });
    let index = repository
        .path()
        .join("dists/stable/main/binary-amd64/Packages");
    let index = fs::read_to_string(index).unwrap();
    let apt = Apt::new(&repository);
    let mut chosen = 0;
    for requests in [
        &["app=1"][..],
        &["app=1.5"],
        &["app"],
        &["app=1.5", "other-tool"],
        &["libx"],
        &["libx=1"],
        &["libx-data"],
        &["mail"],
        &["mail", "postfix"],
        &["wants-exim"],
        &["two-mtas"],
        &["api-user"],
        &["api-user", "api-1"],
        &["api-extra"],
        &["script"],
        &["perl-user"],
        &["broken"],
        &["choosy"],
        &["circle-b"],
        &["self", "circle-a"],
        &["needs-old"],
        &["old-tool2"],
        &["pre=0.9"],
        &["pre"],
        &["init-system"],
        &["no-such-package"],
    ] {
        let (ours, theirs) = (resolve(&index, requests), apt.resolve(requests));
        assert_eq!(ours, theirs, "{requests:?}");
        chosen += usize::from(ours.is_some());
    }
    assert!(chosen > 15, "only {chosen} can be had");
}

/// The machine's own lists, where it has any: packages with what they bring to an empty machine.
///
/// `PKG_COMPARE_PACKAGES` names the packages.
#[test]
#[ignore = "it takes minutes: apt is asked for each of many packages"]
fn choices_among_real_packages_are_those_of_apt() {
    let lists = Path::new("/var/lib/apt/lists");
    let indexes: Vec<_> = fs::read_dir(lists)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("_Packages"))
        .collect();
    if indexes.is_empty() {
        return;
    }
    let text: String = indexes
        .iter()
        .map(|path| {
            let mut cat = Command::new("/usr/lib/apt/apt-helper");
            let text = run(cat.arg("cat-file").arg(path)).stdout;
            String::from_utf8(text).unwrap() + "\n"
        })
        .collect();
    let universe = Universe::new(parse_packages(&text).unwrap(), ARCHITECTURE);
    let apt = Apt::of_machine();
    let names = std::env::var("PKG_COMPARE_PACKAGES");
    let names =
        names.unwrap_or_else(|_| "ca-certificates libssl3 tzdata curl python3-minimal".to_owned());
    let without = |one: &Option<Vec<String>>, other: &Option<Vec<String>>| -> Vec<String> {
        let others = other.as_deref().unwrap_or_default();
        let ours = one.iter().flatten().filter(|it| !others.contains(it));
        ours.cloned().collect()
    };
    let mut differing = Vec::new();
    for name in names.split_whitespace() {
        let (ours, theirs) = (choose(&universe, &[name]), apt.resolve(&[name]));
        if ours != theirs {
            let (only_ours, only_theirs) = (without(&ours, &theirs), without(&theirs, &ours));
            differing.push(format!(
                "{name}: only ours {only_ours:?}, only theirs {only_theirs:?}"
            ));
        }
    }
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
}
