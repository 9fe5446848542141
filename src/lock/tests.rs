use super::{
    DebianLock, Freshness, Lock, LockError, OwnKeys, Staleness, checksum_of, name_archives,
    parse_lock,
};
use crate::declared::{ImageFile, parse_image_file};

mod comparing;

const HASH: &str = "d0a0325a97c42fd5f66a8c3e29bcea64b9d5cd6a3c39a2ef3a22be8c4f3b7d9a";
const TEXT: &str = "suite: bookworm\ncontents: {packages: [app]}\n";

fn text() -> String {
    format!(
        r#"{{
  "version": "debian-1",
  "config": {{
    "name": "image.yaml",
    "checksum": "{}"
  }},
  "contents": {{
    "architecture": "amd64",
    "archives": [
      {{
        "suite": "bookworm",
        "components": [
          "main"
        ],
        "release": "{HASH}",
        "date": "2026-11-15T10:38:02Z"
      }}
    ],
    "packages": [
      {{
        "name": "app",
        "version": "1:2.0-1+b1",
        "architecture": "amd64",
        "path": "pool/main/a/app/app_2.0-1+b1_amd64.deb",
        "size": 53104,
        "sha256": "{HASH}",
        "archive": "bookworm"
      }},
      {{
        "name": "base-data",
        "version": "12.4",
        "architecture": "all",
        "path": "pool/main/b/base-data/base-data_12.4_all.deb",
        "size": 7,
        "sha256": "{HASH}",
        "archive": "bookworm"
      }}
    ]
  }}
}}
"#,
        checksum_of(&[TEXT.to_owned()])
    )
}

fn lock(text: &str) -> Lock {
    parse_lock(text).expect("a lock")
}

fn debian(text: &str) -> DebianLock {
    match lock(text) {
        Lock::Debian(lock) => *lock,
        Lock::Apk(lock) => panic!("{lock:?}"),
    }
}

fn freshness(lock: &Lock, file: &ImageFile) -> Freshness {
    lock.freshness(file, &OwnKeys::default())
}

const STALE: Freshness = Freshness::Stale(Staleness::Declaration);

fn declared(text: &str, included: &str) -> ImageFile {
    let mut read = |_: Option<&str>, _: &str| Ok(included.to_owned());
    parse_image_file(text, &mut read).expect("a declaration")
}

#[test]
fn a_lock_comes_back_to_the_byte() {
    assert_eq!(lock(&text()).render().expect("JSON"), text());
}

/// Makes the text of a lock for two architectures of that for one.
fn text_of_two() -> String {
    let text = text();
    let (head, contents) = text.split_once("\"contents\": ").expect("contents");
    let contents = contents.trim_end().strip_suffix('}').expect("its end");
    let contents = contents.trim_end().replace('\n', "\n  ");
    let other = contents
        .replace("amd64", "arm64")
        .replace("1:2.0-1+b1", "1:2.0-1");
    let head = head.replace("debian-1", "debian-2");
    format!("{head}\"contents\": [\n    {contents},\n    {other}\n  ]\n}}\n")
}

#[test]
fn a_lock_of_several_architectures_comes_back_to_the_byte_and_tells_what_moved_on_which() {
    let text = text_of_two();
    let locked = lock(&text);
    assert_eq!(locked.render().expect("JSON"), text);
    assert_eq!(locked.len(), 4);
    let Lock::Debian(of_both) = &locked else {
        panic!("{locked:?}");
    };
    assert_eq!(
        of_both.architectures().collect::<Vec<_>>(),
        ["amd64", "arm64"]
    );
    let of_arm64 = of_both.find("arm64").expect("pins");
    assert_eq!(of_arm64.packages[0].version, "1:2.0-1");
    assert_eq!(of_both.find("i386"), None);
    let moved = lock(&text.replace("\"1:2.0-1\"", "\"1:2.0-2\""));
    assert_ne!(moved.digest(), locked.digest());
    let moves = super::list_moves(&locked, &moved);
    let moves: Vec<&str> = moves.iter().map(|one| one.package.as_str()).collect();
    assert_eq!(moves, ["app arm64"]);
    let file = declared(TEXT, "");
    assert_eq!(freshness(&locked, &file), Freshness::Fresh);
    let (head, _) = text.split_once("\"contents\": ").expect("contents");
    for wrong in [
        format!("{head}\"contents\": []\n}}\n"),
        text.replace("debian-2", "debian-1"),
        text.replace("arm64", "amd64"),
        text.replace("arm64", "aaa"),
        self::text().replace("debian-1", "debian-2"),
    ] {
        parse_lock(&wrong).expect_err(&wrong);
    }
}

#[test]
fn a_lock_that_lacks_one_of_the_architectures_that_are_declared_is_stale() {
    let archs = format!("archs: [amd64, arm64]\n{TEXT}");
    let file = declared(&archs, "");
    let sum = |text: &str| checksum_of(&[text.to_owned()]);
    let of_archs = |text: &str| lock(&text.replace(&sum(TEXT), &sum(&archs)));
    assert_eq!(
        freshness(&of_archs(&text_of_two()), &file),
        Freshness::Fresh
    );
    let lacking = Freshness::Stale(Staleness::Architecture("aarch64"));
    assert_eq!(freshness(&of_archs(&text()), &file), lacking);
}

#[track_caller]
fn refused(from: &str, to: &str, message: &str, line: usize) {
    let text = text();
    assert!(text.contains(from), "{from}");
    let error = parse_lock(&text.replace(from, to)).expect_err(to);
    assert_eq!(error.to_string(), message);
    assert_eq!(error.line(), Some(line).filter(|line| *line > 0));
}

#[test]
fn what_is_no_lock_is_refused_with_its_line() {
    refused(
        "\"debian-1\"",
        "\"debian-0\"",
        "it is a lock of the shape \"debian-0\", and `debian-1`, `debian-2` and `v1` are known",
        0,
    );
    refused(
        "  \"version\": \"debian-1\",\n  \"config\"",
        "  \"config\"",
        "it is no lock: missing field `version`",
        1,
    );
    refused(
        "\"size\": 53104",
        "\"size\": -1",
        "it is no lock: invalid value: integer `-1`, expected u64",
        25,
    );
    refused(
        "pool/main/a/app/",
        "pool/../../app/",
        "it is no lock: `pool/../../app/app_2.0-1+b1_amd64.deb` is no path below an archive",
        24,
    );
    refused(
        "\"1:2.0-1+b1\"",
        "\"1:2.0_1\"",
        "it is no lock: `1:2.0_1` is no version of Debian's",
        22,
    );
}

#[test]
fn what_does_not_go_together_in_a_lock_is_refused_with_its_line() {
    refused(
        "\"architecture\": \"all\"",
        "\"architecture\": \"arm64\"",
        "its package `base-data` is for another architecture than the lock",
        30,
    );
    refused(
        "\"archive\": \"bookworm\"",
        "\"archive\": \"sid\"",
        "its package `app` names an archive that the lock does not have",
        21,
    );
    refused(
        "\"name\": \"base-data\"",
        "\"name\": \"aaa\"",
        "its package `aaa` does not stand in the order of names, or twice",
        30,
    );
    refused(
        "\"contents\"",
        "\"content\"",
        "it is no lock: unknown field `content`, expected one of `version`, `config`, `contents`",
        7,
    );
    refused(
        HASH,
        "D0A0",
        "it is no lock: `D0A0` is no SHA-256 in 64 lower-case digits",
        15,
    );
    let error = parse_lock("<<<<<<< HEAD\n").expect_err("a conflict of git's");
    assert!(matches!(error, LockError::Shape { line: 1, .. }), "{error}");
}

#[test]
fn a_lock_is_fresh_as_long_as_every_file_of_the_declaration_is_the_same() {
    let locked = lock(&text());
    let case = |text: &str| freshness(&locked, &declared(text, ""));
    assert_eq!(case(TEXT), Freshness::Fresh);
    let comment = format!("{TEXT}# more\n");
    assert_eq!(case(&comment), STALE);
    let including = "include: base.yaml\ncontents: {packages: [app]}\n";
    let of = |included: &str| declared(including, included);
    let mut whole = debian(&text());
    whole.config.checksum = checksum_of(&of("suite: bookworm\n").texts);
    let whole = Lock::Debian(Box::new(whole));
    assert_eq!(
        freshness(&whole, &of("suite: bookworm\n")),
        Freshness::Fresh
    );
    assert_eq!(freshness(&whole, &of("suite: trixie\n")), STALE);
    // A line that moves from one file to the other is noticed.
    let moved = format!("{including}suite: bookworm\n");
    assert_eq!(freshness(&whole, &declared(&moved, "")), STALE);
}

#[test]
fn a_lock_of_alpines_packages_is_one_of_their_declarations_alone() {
    let yaml = "contents: {repositories: [https://example.org/os], packages: [app]}\n";
    let text = format!(
        "{{\"version\": \"v1\", \"config\": {{\"name\": \"image.yaml\", \"checksum\": \"{}\"}}, \
         \"contents\": {{\"packages\": []}}}}",
        checksum_of(&[yaml.to_owned()])
    );
    let lock = lock(&text);
    assert_eq!(freshness(&lock, &declared(yaml, "")), Freshness::Fresh);
    assert_eq!(freshness(&lock, &declared(TEXT, "")), STALE);
    let hash = crate::apk::Sha256::of(yaml.as_bytes()).hex();
    let text = format!(
        "{{\"version\": \"v1\", \"contents\": {{\"packages\": []}}, \"configHash\": \"{hash}\"}}"
    );
    let lock = parse_lock(&text).expect("a lock");
    assert_eq!(freshness(&lock, &declared(yaml, "")), Freshness::Fresh);
    let other = format!("{yaml}# more\n");
    assert_eq!(freshness(&lock, &declared(&other, "")), STALE);
}

#[test]
fn what_others_have_written_into_a_lock_stays_there() {
    let yaml = "contents: {repositories: [https://example.org/os], packages: [app]}\n";
    let text =
        |more: &str| format!("{{\"version\": \"v1\", \"contents\": {{\"packages\": []}}{more}}}");
    let old = lock(&text(", \"configHash\": \"00\", \"team\": \"base\""));
    let mut new = lock(&text(""));
    new.take_over(&old, &declared(yaml, ""));
    assert_eq!(freshness(&new, &declared(yaml, "")), Freshness::Fresh);
    assert!(new.render().expect("JSON").contains("\"team\": \"base\""));
}

#[test]
fn a_lock_is_stale_when_a_file_with_keys_is_another_one() {
    let yaml = "contents:\n  repositories: ['deb [signed-by=keys/a.gpg] https://example.org/debian bookworm main']\n  packages: [app]\n";
    let file = declared(yaml, "");
    let keys = |text: &str| OwnKeys([("keys/a.gpg".to_owned(), text.as_bytes().to_vec())].into());
    let other = Freshness::Stale(Staleness::Keys("keys/a.gpg".to_owned()));
    let mut lock = debian(&text());
    lock.config.checksum = checksum_of(&file.texts);
    // It does not say with which keys it was made.
    let untold = Lock::Debian(Box::new(lock.clone()));
    assert_eq!(untold.freshness(&file, &keys("one")), other);
    lock.contents[0].archives[0].keys = Some(crate::oci::Digest::of(b"one").hex().to_owned());
    let told = Lock::Debian(Box::new(lock));
    assert_eq!(told.freshness(&file, &keys("one")), Freshness::Fresh);
    assert_eq!(told.freshness(&file, &keys("two")), other);
    // What is not there says nothing: a build from a lock needs none.
    assert_eq!(freshness(&told, &file), Freshness::Fresh);
    let read = parse_lock(&told.render().expect("JSON")).expect("a lock");
    assert_eq!(read, told);
}

#[test]
fn a_lock_of_alpines_packages_is_stale_when_a_key_that_it_holds_is_another_one() {
    let yaml = "contents: {repositories: [https://example.org/os], keyring: [a.rsa.pub, /b.rsa.pub], packages: [app]}\n";
    let file = declared(yaml, "");
    let lock_with = |content: &str| {
        let text = serde_json::json!({
            "version": "v1",
            "config": {"name": "image.yaml", "checksum": checksum_of(&[yaml.to_owned()])},
            "contents": {
                "keyring": [{"name": "a.rsa.pub", "url": "a.rsa.pub", "content": content}],
                "packages": [],
            },
        });
        lock(&text.to_string())
    };
    let keys = |text: &str| OwnKeys([("a.rsa.pub".to_owned(), text.as_bytes().to_vec())].into());
    let other = Freshness::Stale(Staleness::Keys("a.rsa.pub".to_owned()));
    assert_eq!(
        lock_with("one\n").freshness(&file, &keys("one")),
        Freshness::Fresh
    );
    assert_eq!(lock_with("one\n").freshness(&file, &keys("two")), other);
    assert_eq!(freshness(&lock_with("one"), &file), Freshness::Fresh);
    // Of a key that only its name is locked of, a build takes what stands there.
    assert_eq!(
        lock_with("").freshness(&file, &keys("two")),
        Freshness::Fresh
    );
}

#[test]
fn suites_of_one_name_are_told_apart() {
    let names = name_archives(["stable", "stable", "sid", "stable"]);
    assert_eq!(names, ["stable", "stable#2", "sid", "stable#3"]);
}
