//! Every field of an `image.yaml`, and everything that may be wrong in one.

use std::collections::BTreeMap;

use super::*;

#[track_caller]
fn parse(text: &str) -> ImageFile {
    let read = parse_image_file(text, &mut |_, name| panic!("{name} is not to be included"));
    read.unwrap_or_else(|error| panic!("{error:?} in {text}"))
}

#[track_caller]
fn refused(text: &str, line: Option<usize>, message: &str) {
    let read = parse_image_file(text, &mut |_, name| panic!("{name} is not to be included"));
    let error = read.expect_err(text);
    assert!(
        error.message.contains(message),
        "`{}` does not say `{message}`",
        error.message
    );
    assert_eq!(error.line, line, "{}", error.message);
}

fn command(words: &[&str]) -> Command {
    Command(words.iter().map(|&word| word.to_owned()).collect())
}

fn strings(words: &[&str]) -> Vec<String> {
    command(words).0
}

#[test]
fn a_bootstrap_has_defaults() {
    let file = parse("bootstrap: mmdebstrap\nsuite: trixie\n");
    let Making::Bootstrap(base) = file.making else {
        panic!("{file:?}");
    };
    assert_eq!(base.variant, Variant::Minbase);
    assert_eq!(base.components, ["main"]);
    let file = parse(
        "bootstrap: mmdebstrap\nsuite: trixie\nvariant: apt\ncomponents: [main, contrib]\ncontents: {packages: [tzdata]}\n",
    );
    let expected = BootstrapFile {
        program: Bootstrap::Mmdebstrap,
        suite: "trixie".to_owned(),
        variant: Variant::Apt,
        components: strings(&["main", "contrib"]),
        packages: strings(&["tzdata"]),
    };
    assert_eq!(file.making, Making::Bootstrap(expected));
}

#[test]
fn what_containers_get_is_read_in_all_its_forms() {
    let file = parse(
        "suite: trixie\naccounts: {run-as: 65532}\nenvironment: {LANG: C.UTF-8, PORT: 8080}\nentrypoint: {command: /bin/tini --}\n\
         cmd: sh -c 'echo a b'\nwork-dir: /srv\nstop-signal: SIGINT\nvolumes: [/data]\nports: [8080, 53/udp]\nlabels: {a: b}\n",
    );
    let expected = Runtime {
        environment: BTreeMap::from([
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("PORT".to_owned(), "8080".to_owned()),
        ]),
        entrypoint: command(&["/bin/tini", "--"]),
        services: BTreeMap::new(),
        cmd: Some(command(&["sh", "-c", "echo a b"])),
        user: Some("65532".to_owned()),
        work_dir: Some("/srv".to_owned()),
        stop_signal: Some("SIGINT".to_owned()),
        volumes: strings(&["/data"]),
        ports: strings(&["8080/tcp", "53/udp"]),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    };
    assert_eq!(file.runtime, expected);
    let file = parse("entrypoint: {command: /bin/a, shell-fragment: exec b}\n");
    assert_eq!(
        file.runtime.entrypoint,
        command(&["/bin/sh", "-c", "exec b"])
    );
    assert_eq!(file.runtime.cmd, None);
    let file = parse(
        "contents: {repositories: [https://r.example.org/os]}\nentrypoint: {type: service-bundle, command: x, services: {web: /usr/bin/web -f}}\n",
    );
    assert_eq!(file.runtime.entrypoint, command(&["/bin/s6-svscan", "/sv"]));
    assert_eq!(
        file.runtime.services["web"],
        command(&["/usr/bin/web", "-f"])
    );
}

#[test]
fn packages_of_debian_come_from_a_release_or_from_sources() {
    let file = parse(
        "suite: trixie\ncontents:\n  packages: [libc6, 'openssl (>= 3.0)']\n  without-scripts: [libc6]\n  without-packages: [debconf]\n",
    );
    let expected = DebianContents {
        packages: strings(&["libc6", "openssl (>= 3.0)"]),
        without_scripts: strings(&["libc6"]),
        without_packages: strings(&["debconf"]),
        is_for_several: false,
        archive: DebianArchive::Release {
            suite: "trixie".to_owned(),
            components: strings(&["main"]),
        },
    };
    assert_eq!(file.making, Making::Debian(expected));
    let source = DebianSource {
        uris: strings(&["https://m.example.org/debian"]),
        suites: strings(&["bookworm"]),
        components: strings(&["main", "contrib"]),
        signed_by: Some("keys.asc".to_owned()),
    };
    for repository in [
        "deb [signed-by=keys.asc] https://m.example.org/debian bookworm main contrib",
        "{uris: https://m.example.org/debian, suites: bookworm, components: main contrib, signed-by: keys.asc}",
        "{types: [deb], uris: [https://m.example.org/debian], suites: [bookworm], components: [main, contrib], signed-by: keys.asc}",
    ] {
        let file = parse(&format!("contents:\n  repositories:\n  - {repository}\n"));
        let Making::Debian(contents) = file.making else {
            panic!("{file:?}");
        };
        assert_eq!(
            contents.archive,
            DebianArchive::Sources(vec![source.clone()])
        );
    }
}

#[test]
fn packages_of_alpine_have_their_own_words() {
    let file = parse(
        "contents:\n  repositories: [https://r.example.org/os/, '@local /srv/packages']\n  build_repositories: [https://u:p@b.example.org]\n  \
         runtime_repositories: [https://c.example.org]\n  keyring: [https://r.example.org/key.rsa.pub]\n  packages: [busybox, '!perl', 'nginx=1.2@local']\n  \
         runtime_keyring:\n  - {name: a.pub, content: \"-----BEGIN PUBLIC KEY-----\\n\"}\n",
    );
    let repository = |tag: Option<&str>, address: &str| ApkRepository {
        tag: tag.map(str::to_owned),
        address: address.to_owned(),
    };
    let expected = ApkContents {
        packages: strings(&["busybox", "!perl", "nginx=1.2@local"]),
        repositories: vec![
            repository(None, "https://r.example.org/os"),
            repository(Some("local"), "/srv/packages"),
        ],
        build_repositories: vec![repository(None, "https://u:p@b.example.org")],
        runtime_repositories: vec![repository(None, "https://c.example.org")],
        keyring: strings(&["https://r.example.org/key.rsa.pub"]),
        runtime_keyring: vec![(
            "a.pub".to_owned(),
            "-----BEGIN PUBLIC KEY-----\n".to_owned(),
        )],
    };
    assert_eq!(file.making, Making::Apk(expected));
}

#[test]
fn accounts_paths_and_layers_have_defaults() {
    let file = parse(
        "accounts:\n  users:\n  - {username: app, uid: 1000}\n  - {username: web, uid: 33, gid: 34, shell: /bin/false, homedir: /var/www}\n  \
         groups: [{groupname: app, gid: 1000, members: [web]}]\n\
         paths:\n- {path: /srv, type: directory, permissions: 0o750, uid: 33}\n- {path: /a, type: symlink, source: ../b}\n\
         - {path: /srv, type: permissions, permissions: 01777, recursive: true}\n\
         layers:\n- {source: etc/motd, target: /etc/motd}\n- {source: root.tar.gz}\n",
    );
    let user = |name: &str, (uid, gid), shell: &str, home: &str| User {
        name: name.to_owned(),
        uid,
        gid,
        shell: shell.to_owned(),
        home: home.to_owned(),
    };
    let accounts = Accounts {
        users: vec![
            user("app", (1000, 1000), "/bin/sh", "/home/app"),
            user("web", (33, 34), "/bin/false", "/var/www"),
        ],
        groups: vec![Group {
            name: "app".to_owned(),
            gid: 1000,
            members: strings(&["web"]),
        }],
    };
    assert_eq!(file.changes.accounts, accounts);
    let path = |path: &str, kind, mode, owner| PathRule {
        path: path.to_owned(),
        kind,
        mode,
        owner,
        recursive: false,
    };
    let link = PathKind::Symlink {
        target: "../b".to_owned(),
    };
    let paths = [
        path("/srv", PathKind::Directory, Some(0o750), Some((33, 0))),
        path("/a", link, None, None),
        PathRule {
            recursive: true,
            ..path("/srv", PathKind::Permissions, Some(0o1777), None)
        },
    ];
    assert_eq!(file.changes.paths, paths);
    let targets: Vec<&str> = file
        .changes
        .layers
        .iter()
        .map(|it| it.target.as_str())
        .collect();
    assert_eq!(targets, ["/etc/motd", "/"]);
    assert_eq!(file.making, Making::Scratch);
}

#[test]
fn the_rest_is_read_too() {
    let file = parse(
        "base: golang\narchs: [amd64, aarch64, x86_64]\nannotations: {a: b}\nvcs-url: https://git.example.org/a@b@0123\n\
         format: tar\n",
    );
    assert_eq!(
        file.making,
        Making::Base(BaseImage::Named("golang".to_owned()))
    );
    let architectures: Vec<&str> = file.architectures.iter().map(|one| one.apk).collect();
    assert_eq!(architectures, ["aarch64", "x86_64"]);
    assert_eq!(
        file.vcs,
        Some(("https://git.example.org/a@b".to_owned(), "0123".to_owned()))
    );
    let labels: Vec<String> = file
        .runtime
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        labels,
        [
            "a=b",
            "org.opencontainers.image.revision=0123",
            "org.opencontainers.image.source=https://git.example.org/a@b"
        ]
    );
    assert_eq!(
        parse("layering: {strategy: origin, budget: 10}\n").layering,
        Layering::Origin { budget: 10 }
    );
    assert_eq!(
        parse("layering: {strategy: origin}\n").layering,
        Layering::One
    );
}

#[test]
fn layering_parts_packages_alone() {
    let text = "base: golang\nlayering: {strategy: origin}\n";
    let error = parse_image_file(text, &mut |_, _| Ok(String::new())).expect_err("no packages");
    assert_eq!(error.line, Some(2));
    assert_eq!(
        error.message,
        "`layering` parts packages, and a `base` takes none"
    );
}

/// What is wrong behind a first line that is right: the line, and what is said of it.
const WRONG: &[(&str, usize, &str)] = &[
    ("workdir: /srv\n", 2, "unknown field `workdir`"),
    ("contents:\n  package: [a]\n", 3, "unknown field `package`"),
    ("variant: huge\n", 2, "huge"),
    ("variant: apt\n", 2, "is for `bootstrap`"),
    ("cmd: sh 'a\n", 2, "not closed"),
    (
        "contents:\n  packages:\n  - a\n  - --hook=x\n",
        5,
        "--hook=x",
    ),
    ("environment:\n  'A=B': c\n", 3, "A=B"),
    ("work-dir: srv\n", 2, "absolute path"),
    ("volumes: [/a/../b]\n", 2, "absolute path"),
    ("ports: [0]\n", 2, "`ports` cannot hold `0`"),
    ("ports: [80/ip]\n", 2, "`ports` cannot hold `80/ip`"),
    (
        "accounts:\n  users: [{username: root2, uid: 0}]\n",
        3,
        "uid 0",
    ),
    (
        "accounts:\n  users: [{username: 'a:b', uid: 1}]\n",
        3,
        "`username` cannot be `a:b`",
    ),
    (
        "accounts:\n  users:\n  - {username: a, uid: 1}\n  - {username: b, uid: 1}\n",
        5,
        "two users have the uid 1",
    ),
    (
        "accounts:\n  users:\n  - {username: a, uid: 1}\n  - {username: a, uid: 2}\n",
        5,
        "declared twice",
    ),
    (
        "accounts:\n  users: [{username: a, uid: 1, homedir: 'x'}]\n",
        3,
        "`homedir`",
    ),
    (
        "paths: [{path: /a, type: file}]\n",
        2,
        "`type` cannot be `file`",
    ),
    (
        "paths: [{path: a, type: directory}]\n",
        2,
        "`path` has to be an absolute path",
    ),
    (
        "paths: [{path: /a, type: symlink}]\n",
        2,
        "needs a `source`",
    ),
    (
        "paths: [{path: /a, type: directory, source: /b}]\n",
        2,
        "for the types `hardlink` and `symlink`",
    ),
    (
        "paths: [{path: /a, type: directory, permissions: 755}]\n",
        2,
        "leading zero",
    ),
    (
        "paths: [{path: /a, type: directory, permissions: 0o17777}]\n",
        2,
        "leading zero",
    ),
    (
        "paths: [{path: /a, type: permissions}]\n",
        2,
        "needs `permissions`",
    ),
    (
        "layers: [{source: ../a}]\n",
        2,
        "below the image's directory",
    ),
    ("layers: [{source: /a}]\n", 2, "below the image's directory"),
    ("archs: [z80]\n", 2, "`archs` cannot hold `z80`"),
    ("vcs-url: https://git.example.org\n", 2, "ADDRESS@REVISION"),
    ("layering: {strategy: size}\n", 2, "`origin` alone"),
    (
        "layering: {strategy: origin, budget: 1000}\n",
        2,
        "100 at most",
    ),
    ("format: erofs\n", 2, "`tar` alone"),
    ("entrypoint: {type: bundle}\n", 2, "`service-bundle` alone"),
    (
        "entrypoint: {services: {a: b}}\n",
        2,
        "are for `type: service-bundle`",
    ),
    (
        "entrypoint:\n  type: service-bundle\n  services:\n    a: foreground { /bin/a } /bin/b\n",
        5,
        "where `{` is needed",
    ),
    (
        "entrypoint:\n  type: service-bundle\n  services:\n    a: if -n /bin/a }\n",
        5,
        "where `}` is needed",
    ),
    (
        "entrypoint:\n  type: service-bundle\n  services:\n    a: '/bin/a \"b\\n\"'\n",
        5,
        "no scripts of execline: write a script, and name it, where `\\` is needed",
    ),
    (
        "contents:\n  repositories: [https://r.example.org]\n",
        1,
        "the repositories are Alpine's",
    ),
    (
        "contents:\n  repositories: [deb https://m.example.org s main]\n",
        1,
        "named twice",
    ),
    (
        "certificates: {additional: [{name: a, content: b}]}\n",
        2,
        "one block of PEM, and holds 0",
    ),
    ("base: golang\n", 2, "cannot be added to a `base`"),
];

/// What no repository can be, likewise.
const NO_REPOSITORIES: &[(&str, usize, &str)] = &[
    ("deb https://m.example.org", 3, "an address and a suite"),
    ("deb https://m.example.org s", 3, "needs a component"),
    ("deb https://m.example.org ./", 3, "a suite that is a path"),
    (
        "deb ftp://m.example.org s main",
        3,
        "an address has to begin",
    ),
    (
        "deb [arch=i386] https://m.example.org s main",
        3,
        "`arch=i386`",
    ),
    (
        "{uris: a, suites: b, types: deb-src}",
        3,
        "`types` can be `deb` alone",
    ),
    ("'@tag'", 3, "`@TAG ADDRESS`"),
];

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let debian = "suite: bookworm\n";
    for (text, line, message) in WRONG {
        refused(&format!("{debian}{text}"), Some(*line), message);
    }
    for (repository, line, message) in NO_REPOSITORIES {
        let text = format!("contents:\n  repositories:\n  - {repository}\n");
        refused(&text, Some(*line), message);
    }
    let mixed = "contents:\n  repositories:\n  - https://r.example.org\n  - deb https://m.example.org s main\n";
    refused(mixed, Some(4), "cannot be in one image");
    refused(
        "contents: {packages: [a]}\n",
        Some(1),
        "nothing says where packages come from",
    );
    refused("bootstrap: mmdebstrap\n", None, "needs a `suite`");
    refused(
        "bootstrap: mmdebstrap\nsuite: 'book worm'\n",
        Some(2),
        "book worm",
    );
    refused(
        "bootstrap: mmdebstrap\nsuite: s\npaths: [{path: /a, type: directory}]\n",
        None,
        "cannot be used with `bootstrap`",
    );
}

#[test]
fn nobody_reads_a_login_of_a_repository_in_an_error() {
    for repository in [
        "deb ftp://ann:hu5h@m.example.org s main",
        "deb [token=https://ann:hu5h@m.example.org] https://m.example.org s main",
        "'@https://ann:hu5h@m.example.org/os'",
        "'https://ann:hu5h@m.example.org/o s'",
        "'https://m.example.org/os https://ann:hu5h@m.example.org/os'",
        "'@os https://m.example.org/os ?token=hu5h'",
    ] {
        let text = format!("suite: s\ncontents:\n  repositories:\n  - {repository}\n");
        let nothing = &mut |_: Option<&str>, _: &str| panic!("nothing is included");
        let error = parse_image_file(&text, nothing).expect_err(repository);
        let told = error.to_string();
        assert!(!told.contains("hu5h") && !told.contains("ann"), "{told}");
    }
}

#[test]
fn an_included_file_lies_below_its_includer() {
    let files = BTreeMap::from([
        (
            "base.yaml",
            "include: more/deep.yaml\nsuite: trixie\ncontents: {packages: [b]}\nenvironment: {A: base, B: base}\ncmd: base\n",
        ),
        (
            "more/deep.yaml",
            "contents: {packages: [a]}\nwork-dir: /deep\nenvironment: {C: deep}\naccounts: {users: [{username: app, uid: 7}]}\n",
        ),
    ]);
    let mut asked = Vec::new();
    let mut read_included = |from: Option<&str>, name: &str| {
        asked.push((from.map(str::to_owned), name.to_owned()));
        Ok(files[name].to_owned())
    };
    let text = "include: base.yaml\ncontents: {packages: [c]}\nenvironment: {A: own}\naccounts: {users: [{username: app, uid: 7}]}\n";
    let file = parse_image_file(text, &mut read_included).expect("an image file");
    let Making::Debian(contents) = &file.making else {
        panic!("{file:?}");
    };
    assert_eq!(contents.packages, ["a", "b", "c"]);
    let environment: Vec<(&str, &str)> = file
        .runtime
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(environment, [("A", "own"), ("B", "base"), ("C", "deep")]);
    assert_eq!(file.runtime.cmd, Some(command(&["base"])));
    assert_eq!(file.runtime.work_dir.as_deref(), Some("/deep"));
    assert_eq!(
        file.changes.accounts.users.len(),
        1,
        "the same twice counts once"
    );
    assert_eq!(
        file.texts,
        [text, files["base.yaml"], files["more/deep.yaml"]]
    );
    assert_eq!(
        asked,
        [
            (None, "base.yaml".to_owned()),
            (Some("base.yaml".to_owned()), "more/deep.yaml".to_owned())
        ]
    );
}

#[test]
fn what_is_wrong_in_an_included_file_is_told_there() {
    let included = |text: &'static str| {
        let mut read_included = move |_: Option<&str>, _: &str| Ok(text.to_owned());
        let read = parse_image_file("suite: trixie\ninclude: b.yaml\n", &mut read_included);
        read.expect_err(text)
    };
    let error = included("cmd: a\nwork-dir: b\n");
    assert_eq!(
        (error.file.as_deref(), error.line),
        (Some("b.yaml"), Some(2))
    );
    let error = included("include: b.yaml\n");
    assert!(error.message.contains("more than 16 deep"), "{error:?}");
    let error = included("base: golang\n");
    assert_eq!((error.file, error.line), (None, None), "both are at fault");
}

#[test]
fn files_are_taken_from_other_images_on_a_base_alone() {
    let file = parse(
        "base: static\nlayers:\n- {from: tools, source: /usr/bin/a}\n- {from: tools, source: /b, target: /c, uid: 7}\n- {source: d}\n",
    );
    let shown = file.changes.layers.iter();
    let shown: Vec<_> = shown
        .map(|it| (it.from.as_deref(), &*it.source, &*it.target, it.owner))
        .collect();
    let expected = [
        (Some("tools"), "/usr/bin/a", "/usr/bin/a", None),
        (Some("tools"), "/b", "/c", Some((7, 0))),
        (None, "d", "/", None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        file.image_names().collect::<Vec<_>>(),
        ["static", "tools", "tools"]
    );
    for (text, message) in [
        (
            "base: a\nlayers: [{from: tools, source: b}]\n",
            "`source` has to be an absolute path without `..`: `b`",
        ),
        (
            "base: a\nlayers: [{from: 'tools:1', source: /b}]\n",
            "`from` has to be an image of the catalog by its name, without a version: `tools:1`",
        ),
        (
            "layers: [{from: tools, source: /b}]\n",
            "`layers` can be taken from another image on a `base` alone",
        ),
        (
            "suite: trixie\ncontents: {packages: [libc6, 'mawk (>= 1)'], without-packages: [mawk]}\n",
            "`mawk` is in `contents.packages`, and in `contents.without-packages`",
        ),
        (
            "contents: {packages: [busybox], repositories: ['https://a.example.org/main'], without-packages: [musl]}\n",
            "`contents.without-packages` is for packages of Debian, and the repositories are Alpine's",
        ),
    ] {
        let error = parse_image_file(text, &mut |_, _| panic!("nothing is included"));
        assert_eq!(error.expect_err(text).message, message);
    }
}
