//! Hostile words in every place where somebody writes a word, and texts that are made to blow up.

use super::Case;
use crate::ground::Ground;

/// Words that name places, run commands, control terminals, or are no text.
fn words() -> Vec<(&'static str, Vec<u8>)> {
    let long = "x".repeat(200_000);
    let texts: [(&str, &str); 14] = [
        ("nothing", ""),
        ("the directory above", ".."),
        ("a path up", "../../../../etc/passwd"),
        ("a title", "\x1b]0;owned\x07"),
        ("a bell and a backspace", "a\x07\x08b"),
        ("an eight-bit control", "a\u{9b}31mb"),
        ("a carriage return", "good\rbad"),
        ("a right-to-left mark", "a\u{202e}b"),
        ("a command", "$(touch pwned)"),
        ("an option", "--output=/pwned"),
        ("a template", "{{ 7 * 7 }}"),
        ("a reference", "a:b@sha256:c"),
        ("a NUL", "a\0b"),
        ("a long word", &long),
    ];
    let texts = texts
        .into_iter()
        .map(|(name, text)| (name, text.as_bytes().to_vec()));
    let no_text = [("no UTF-8", b"a\xff\xfeb".to_vec())];
    texts.chain(no_text).collect()
}

/// A file in which `WORD` stands for the hostile one.
const PLACES: [(&str, &str, &str); 16] = [
    (
        "the name in the changelog",
        "images/bad/changelog",
        "WORD (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n",
    ),
    (
        "the version",
        "images/bad/changelog",
        "bad (WORD) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n",
    ),
    (
        "the distribution",
        "images/bad/changelog",
        "bad (1-1) WORD; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n",
    ),
    (
        "the text of an entry",
        "images/bad/changelog",
        "bad (1-1) stable; urgency=medium\n\n  * WORD\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n",
    ),
    (
        "the author",
        "images/bad/changelog",
        "bad (1-1) stable; urgency=medium\n\n  * A change.\n\n -- WORD <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n",
    ),
    (
        "the date",
        "images/bad/changelog",
        "bad (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  WORD\n",
    ),
    ("the package", "images/bad/control", "Package: WORD\n"),
    (
        "a dependency",
        "images/bad/control",
        "Package: bad\nBuild-Depends: good, WORD\n",
    ),
    ("a field", "images/bad/control", "Package: bad\nWORD: x\n"),
    (
        "what is built on",
        "images/bad/Dockerfile.template",
        "FROM WORD\nRUN true\n",
    ),
    (
        "a step",
        "images/bad/Dockerfile.template",
        "FROM example/base:1\nRUN WORD\n",
    ),
    (
        "the name of a stage",
        "images/bad/Dockerfile.template",
        "FROM example/base:1 AS WORD\nFROM WORD\n",
    ),
    (
        "what a template asks for",
        "images/bad/Dockerfile.template",
        "FROM {{ \"WORD\" | image_tag }}\n",
    ),
    (
        "what a template includes",
        "images/bad/Dockerfile.template",
        "FROM example/base:1\n{% include \"WORD\" %}\n",
    ),
    ("what is left out", "images/bad/.dockerignore", "WORD\n"),
    (
        "a package of a base",
        "images/declared/image.yaml",
        "bootstrap: mmdebstrap\nsuite: bookworm\ncontents: {packages: [\"WORD\"]}\n",
    ),
];

/// Settings with a word.
const SETTINGS: [(&str, &str); 5] = [
    ("the namespace", "namespace: \"WORD\"\n"),
    ("the registry", "registry: \"WORD\"\n"),
    ("a base image", "base_images: [\"WORD\"]\n"),
    ("the program of the tests", "verify_command: \"WORD\"\n"),
    ("a setting", "\"WORD\": 1\n"),
];

fn replace(text: &str, word: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = text.split("WORD").map(str::as_bytes).collect();
    parts.join(word)
}

fn bad(ground: Ground) -> Ground {
    ground.image("bad", &[], "FROM $BASE\nRUN true")
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (word, bytes) in words() {
        for (place, path, text) in PLACES {
            let content = replace(text, &bytes);
            cases.push(Case::build(format!("{word} as {place}"), move |ground| {
                let ground = bad(ground);
                ground.write(path, &content);
                if path.contains("declared") {
                    ground.write(
                        "images/declared/changelog",
                        crate::ground::changelog("declared", "1-1").as_bytes(),
                    );
                }
                ground
            }));
        }
        for (place, text) in SETTINGS {
            let content = replace(text, &bytes);
            cases.push(Case::build(format!("{word} as {place}"), move |ground| {
                ground.write("config.yaml", &content);
                ground
            }));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !text.contains('\0') && text.len() < 100_000 {
            for (place, arguments) in [
                ("a pattern", vec!["build", "--select", &text, "images"]),
                (
                    "the name to update",
                    vec![
                        "update",
                        &text,
                        "--version",
                        "2",
                        "--reason",
                        "x",
                        "--dry-run",
                        "images",
                    ],
                ),
                (
                    "the version to update to",
                    vec![
                        "update",
                        "good",
                        "--version",
                        &text,
                        "--reason",
                        "x",
                        "--dry-run",
                        "images",
                    ],
                ),
                ("the directory", vec!["build", &text]),
            ] {
                cases.push(Case::of(
                    format!("{word} as {place}"),
                    &arguments,
                    |ground| ground,
                ));
            }
        }
    }
    cases.extend(bombs());
    cases.extend(locks());
    cases
}

/// Locks that name many packages, each of the archive that is looked up last.
fn locks() -> [Case; 2] {
    let check = lock(50_000, 50_000);
    let build = lock(10_000, 1);
    [
        Case::of(
            "a lock of 50,000 packages and archives",
            &["lock", "--check", "images"],
            move |ground| lay_out_lock(ground, &check),
        ),
        Case::build(
            "a lock of 10,000 packages that are nowhere",
            move |ground| lay_out_lock(ground, &build),
        ),
    ]
}

const OF_DEBIAN: &str =
    "contents: {repositories: ['deb file:/nowhere a main'], packages: [p00000]}\n";

fn lay_out_lock(ground: Ground, lock: &str) -> Ground {
    let changelog = crate::ground::changelog("declared", "1-1");
    ground.write("images/declared/changelog", changelog.as_bytes());
    ground.write("images/declared/image.yaml", OF_DEBIAN.as_bytes());
    ground.write("images/declared/image.lock.json", lock.as_bytes());
    ground
}

fn lock(packages: usize, archives: usize) -> String {
    let hash = "0".repeat(64);
    let name = |count: usize| match count {
        1 => "a".to_owned(),
        count => format!("a#{count}"),
    };
    let archive = format!(
        r#"{{"suite":"a","components":["main"],"release":"{hash}","date":"2026-11-15T10:38:02Z"}}"#
    );
    let archive_of_all = name(archives);
    let pins = (0..packages).map(|number| {
        format!(
            r#"{{"name":"p{number:05}","version":"1","architecture":"all","path":"p{number}.deb","size":1,"sha256":"{number:064x}","archive":"{archive_of_all}"}}"#
        )
    });
    let pins: Vec<String> = pins.collect();
    let checksum = pkg::lock::checksum_of(&[OF_DEBIAN.to_owned()]);
    format!(
        r#"{{"version":"debian-1","config":{{"name":"image.yaml","checksum":"{checksum}"}},"contents":{{"architecture":"amd64","archives":[{}],"packages":[{}]}}}}"#,
        vec![archive; archives].join(","),
        pins.join(",")
    )
}

fn write(name: &str, path: &'static str, text: impl Into<Vec<u8>>) -> Case {
    let text = text.into();
    Case::build(format!("{name} in {path}"), move |ground| {
        let ground = bad(ground);
        ground.write(path, &text);
        if path.contains("declared") {
            ground.write(
                "images/declared/changelog",
                crate::ground::changelog("declared", "1-1").as_bytes(),
            );
        }
        ground
    })
}

/// Small texts that want much.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn bombs() -> Vec<Case> {
    const TEMPLATE: &str = "images/bad/Dockerfile.template";
    const IGNORE: &str = "images/bad/.dockerignore";
    let from = "FROM example/base:1\n";
    let mut cases = Vec::new();
    for path in ["config.yaml", "images/declared/image.yaml"] {
        for (name, text) in yaml() {
            cases.push(write(name, path, text));
        }
    }
    let doubled = lines(1..60, |i| format!("ARG A{i}=$A{0}$A{0}\n", i - 1));
    let mut macros = "{% macro m(x) %}{{ m(x) }}{% endmacro %}".to_owned();
    macros.push_str("{{ m(1) }}");
    for (name, text) in [
        (
            "a long loop",
            "{% for i in range(1000000000) %}x{% endfor %}".to_owned(),
        ),
        (
            "loops in loops",
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
                .to_owned(),
        ),
        (
            "a long text",
            "{{ 'aaaaaaaaaaaaaaaa' * 1000000000 }}".to_owned(),
        ),
        (
            "a text that doubles",
            format!(
                "{{% set ns = namespace(t='aaaaaaaaaaaaaaaa') %}}{}{{{{ ns.t }}}}",
                "{% set ns.t = ns.t ~ ns.t %}".repeat(40)
            ),
        ),
        ("a padded text", "{{ 'a' | center(9000000000) }}".to_owned()),
        (
            "a formatted text",
            "{{ '%9000000000d' | format(1) }}".to_owned(),
        ),
        ("a macro without end", macros),
        (
            "an include of itself",
            "{% include 'Dockerfile.template' %}".to_owned(),
        ),
        (
            "a parent of its own",
            "{% extends 'Dockerfile.template' %}".to_owned(),
        ),
        ("a large power", "{{ 9 ** 9 ** 9 }}".to_owned()),
        (
            "many conditions",
            format!(
                "{}{}",
                "{% if true %}".repeat(20_000),
                "{% endif %}".repeat(20_000)
            ),
        ),
        (
            "many brackets",
            format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000)),
        ),
        (
            "a slow replacement",
            "{{ ('a' * 30000) | replace('a', 'b' * 30000) }}".to_owned(),
        ),
        (
            "a batch",
            "{{ range(99999999) | batch(1) | list | length }}".to_owned(),
        ),
        (
            "a list that holds itself",
            "{% set l = [] %}{% do l.append(l) %}{{ l }}".to_owned(),
        ),
        (
            "an escape sequence from a template",
            "RUN echo {{ '\\x1b[31m' }}".to_owned(),
        ),
    ] {
        cases.push(write(name, TEMPLATE, format!("{from}{text}\n")));
    }
    for (name, text) in [
        (
            "arguments that double",
            format!("ARG A0=aaaaaaaaaaaaaaaa\n{doubled}FROM $A59\n"),
        ),
        (
            "arguments that double later",
            format!("{from}ARG A0=aaaaaaaaaaaaaaaa\n{doubled}USER $A59\n"),
        ),
        ("many stages", "FROM example/base:1\n".repeat(50_000)),
        (
            "a line without end",
            format!("{from}RUN {}", "a \\\n".repeat(200_000)),
        ),
        (
            "a long line",
            format!("{from}RUN {}", "a".repeat(5_000_000)),
        ),
        (
            "an open here-document",
            format!("{from}RUN <<EOF\n{}", "a\n".repeat(100_000)),
        ),
        (
            "stages in a circle",
            "FROM b AS a\nFROM a AS b\n".to_owned(),
        ),
        (
            "an open quote",
            format!("{from}ENV A=\"{}", "\\\"".repeat(100_000)),
        ),
        (
            "nested defaults",
            format!(
                "ARG A\nFROM {}x{}\n",
                "${A:-".repeat(20_000),
                "}".repeat(20_000)
            ),
        ),
    ] {
        cases.push(write(name, TEMPLATE, text));
    }
    for (name, text) in [
        ("many lines", "a/b/c*\n!d\n".repeat(50_000)),
        ("many stars", format!("{}b\n", "a*".repeat(2_000))),
        ("many double stars", format!("{}x\n", "**/".repeat(5_000))),
        ("open brackets", "[".repeat(100_000)),
        ("a large class", format!("[{}]\n", "a-z".repeat(50_000))),
        ("a path up again", "!../../secret\n../**\n".to_owned()),
        ("backslashes", "\\".repeat(100_001)),
        ("a long line", "x".repeat(5_000_000)),
    ] {
        cases.push(write(name, IGNORE, text));
    }
    let entry = crate::ground::changelog("bad", "1-1");
    for (name, text) in [
        ("many entries", entry.repeat(20_000)),
        ("a long line", format!("{entry}{}", "x".repeat(20_000_000))),
        (
            "many empty lines",
            format!("{entry}{}", "\n".repeat(5_000_000)),
        ),
        (
            "an epoch without end",
            crate::ground::changelog("bad", &format!("{}:1", "9".repeat(10_000))),
        ),
        (
            "a version of many parts",
            crate::ground::changelog("bad", &"1.".repeat(20_000)),
        ),
        (
            "an entry without end",
            entry
                .split(" -- ")
                .next()
                .unwrap_or_default()
                .repeat(20_000),
        ),
    ] {
        cases.push(write(name, "images/bad/changelog", text));
    }
    for (name, text) in [
        (
            "many dependencies",
            format!(
                "Package: bad\nBuild-Depends: {}good\n",
                "good, ".repeat(100_000)
            ),
        ),
        (
            "many fields",
            format!("Package: bad\n{}", "X-A: b\n".repeat(100_000)),
        ),
        ("many paragraphs", "Package: bad\n\n".repeat(50_000)),
        ("itself", "Package: bad\nBuild-Depends: bad\n".to_owned()),
        (
            "a long line",
            format!("Package: bad\nDescription: {}\n", "x".repeat(5_000_000)),
        ),
        (
            "brackets",
            format!("Package: bad\nBuild-Depends: {}\n", "(".repeat(100_000)),
        ),
    ] {
        cases.push(write(name, "images/bad/control", text));
    }
    cases
}

/// Documents that are larger than they look.
fn yaml() -> Vec<(&'static str, String)> {
    let laughs = lines(1..40, |i| {
        format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}, *a{0}]\n", i - 1)
    });
    let laughs = format!("a0: &a0 [lol, lol]\n{laughs}");
    let merges = lines(1..40, |i| {
        format!("b{i}: &b{i}\n  <<: [*b{0}, *b{0}]\n", i - 1)
    });
    let merges = format!("b0: &b0 {{k: v}}\n{merges}");
    let indented = lines(0..2_000, |i| format!("{}a:\n", " ".repeat(i)));
    let keys = lines(0..100_000, |i| format!("k{i}: v\n"));
    vec![
        ("a billion laughs", laughs),
        ("merges of merges", merges),
        ("an alias of itself", "a: &a [*a]\n".to_owned()),
        ("an unknown alias", "a: *nobody\n".to_owned()),
        ("deep lists", "[".repeat(100_000)),
        ("deep mappings", "{a: ".repeat(100_000)),
        ("deep indentation", indented),
        (
            "a large number",
            format!("scan_workers: {}\n", "9".repeat(100_000)),
        ),
        ("many keys", keys),
        ("one key often", "namespace: a\n".repeat(50_000)),
        (
            "a tag",
            "namespace: !!python/object/apply:os.system ['touch pwned']\n".to_owned(),
        ),
        ("many documents", "---\na: 1\n".repeat(20_000)),
        (
            "a long text",
            format!("namespace: \"{}\"\n", "\\u0061".repeat(500_000)),
        ),
        ("no end", "namespace: \"abc".to_owned()),
        (
            "a byte-order mark of another kind",
            "\u{feff}\u{feff}namespace: a\n".to_owned(),
        ),
    ]
}

fn lines(numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}
