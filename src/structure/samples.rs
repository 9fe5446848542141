//! Tests and images for the tests of this module.

use std::collections::BTreeMap;
use std::path::Path;

use super::{ImageView, Suite, parse_suite};
use crate::oci::ContainerConfig;
use crate::rootfs::{Attributes, Change, Content, Entry, Kind, Node, RootPath, Tree};
use crate::structure::view::Files;

/// A file with every key.
pub(super) const SUITE: &str = "\
schemaVersion: 2.0.0
globalEnvVars: [{key: LANG, value: C}]
commandTests:
- name: c
  setup: [[touch, /a]]
  teardown: [[rm, /a]]
  envVars: [{key: HOME, value: /root}]
  command: sh
  args: [-c, echo $HOME]
  expectedOutput: [/root]
  excludedOutput: [oops]
  expectedError: ['warn.*']
  excludedError: [fatal]
  exitCode: 3
fileExistenceTests:
- {name: a, path: /a, shouldExist: false, permissions: '-rwxr-xr-x', uid: 0, gid: 42, isExecutableBy: group}
fileContentTests:
- {name: b, path: /b, expectedContents: [a], excludedContents: [b]}
metadataTest:
  envVars: [{key: LANG, value: C}, {key: PATH, value: ':/bin$', isRegex: true}]
  unboundEnvVars: [{key: DEBUG}]
  labels: [{key: a, value: b}]
  entrypoint: []
  cmd: [sh]
  exposedPorts: [8080, 53/udp]
  unexposedPorts: ['22']
  volumes: [/data]
  unmountedVolumes: [/tmp]
  workdir: /srv
  user: app
licenseTests:
- {debian: true, files: [/LICENSE]}
containerRunOptions:
  user: app
  privileged: true
  allocateTty: true
  envFile: a.env
  envVars: [CI]
  capabilities: [NET_ADMIN]
  bindMounts: ['/a:/b:ro']
";

#[track_caller]
pub(super) fn suite(text: &str) -> Suite {
    parse_suite(Path::new("t.yaml"), text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Entries of a tree: a path, what it is, and owner, group and mode.
pub(super) fn tree(entries: &[(&str, Kind, (u64, u64, u32))]) -> Tree {
    let mut tree = Tree::default();
    for (path, kind, (uid, gid, mode)) in entries {
        let attributes = Attributes {
            mode: *mode,
            uid: *uid,
            gid: *gid,
            ..Attributes::default()
        };
        let node = Node {
            kind: kind.clone(),
            attributes,
        };
        let path = RootPath::parse(path.as_bytes()).expect("a path");
        tree.add(Entry {
            path,
            change: Change::Node(node),
        })
        .expect("an entry");
    }
    tree
}

pub(super) fn file(text: &str) -> Kind {
    Kind::File(Content::Held(text.as_bytes().into()))
}

pub(super) fn link(target: &str) -> Kind {
    Kind::Link(target.as_bytes().to_vec())
}

/// Judges the only test of a text against a tree and a configuration.
#[track_caller]
pub(super) fn judge(text: &str, tree: &Tree, config: &ContainerConfig) -> Vec<String> {
    let suite = suite(&format!("schemaVersion: 2.0.0\n{text}\n"));
    let fetch = |_: &crate::rootfs::Extent, _: &mut dyn std::io::Write| -> std::io::Result<()> {
        unreachable!("all files are held")
    };
    let files = Files {
        tree,
        fetch: &fetch,
    };
    let view = ImageView::new(config, Some(files));
    let mut checks = suite.checks();
    let check = checks.next().expect("a test");
    assert!(checks.next().is_none(), "one test");
    view.judge(&check).expect("what can be judged here")
}

/// A configuration without anything.
pub(super) fn config() -> ContainerConfig {
    ContainerConfig {
        labels: Some(BTreeMap::new()),
        ..ContainerConfig::default()
    }
}
