//! `pkg diff`, with real repositories.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use snapbox::str;

use crate::support::sandbox::Sandbox;

impl Sandbox {
    /// Runs git, as somebody with a name.
    #[track_caller]
    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
        let more = [
            "-c",
            "init.defaultBranch=main",
            "-c",
            "protocol.file.allow=always",
        ];
        let all = [&identity[..], &more[..], arguments].concat();
        self.run("git", &all).assert_code(0);
    }

    #[track_caller]
    fn commit(self) -> Self {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self
    }

    #[track_caller]
    fn repository(self) -> Self {
        self.git(&["init", "--quiet"]);
        self.commit()
    }

    /// Commits are the same each time: their identifiers are not shown for all that.
    fn diff(&self, arguments: &[&str]) -> String {
        let output = self.pkg(&[&["diff"], arguments].concat()).render();
        let id = regex::Regex::new("[0-9a-f]{40}|\\([0-9a-f]{10}\\)").expect("a pattern");
        id.replace_all(&output, "[COMMIT]").into_owned()
    }

    fn remove(self, path: &str) -> Self {
        fs::remove_file(self.path().join(path)).expect("a file to remove");
        self
    }
}

#[track_caller]
fn assert_snapshot(actual: String, expected: impl snapbox::IntoData) {
    snapbox::Assert::new()
        .action_env(snapbox::assert::DEFAULT_ACTION_ENV)
        .normalize_paths(false)
        .eq(actual, expected);
}

fn template(parent: &str, line: &str) -> String {
    format!("FROM {{{{ \"{parent}\" | image_tag }}}}\nRUN {line}\n")
}

/// Five images of one commit.
fn before() -> Sandbox {
    Sandbox::with_settings()
        .image("images/base", "base (1.0-1)", "FROM scratch\nRUN one\n")
        .image("images/web", "web (1.0-1)", &template("base", "web"))
        .image("images/app", "app (1.0-1)", &template("base", "app"))
        .file("images/app/conf/app.conf", "a\n")
        .file("images/app/conf/old.conf", "a\n")
        .file("images/app/test.sh", "true\n")
        .image("images/gone", "gone (1.0-1)", "FROM scratch\n")
        .image("images/same", "same (1.0-1)", "FROM scratch\n")
        .file(".gitignore", "*.log\n")
        .repository()
}

/// The same, with changes of every kind.
fn after() -> Sandbox {
    let sandbox = before()
        .image("images/base", "base (1.0-1-s1)", "FROM scratch\nRUN two\n")
        .changelog("images/web", "web (1.0-1-s1)")
        .file("images/app/conf/app.conf", "b\n")
        .remove("images/app/conf/old.conf")
        .file("images/app/test.sh", "false\n")
        .commit()
        .file("images/app/conf/new.conf", "untracked\n")
        .file("images/app/conf/noise.log", "ignored\n")
        .image("images/more", "more (0.1-1)", "FROM scratch\nRUN more\n");
    fs::remove_dir_all(sandbox.path().join("images/gone")).expect("a directory to remove");
    sandbox
}

#[test]
fn each_image_tells_what_changed_in_it() {
    assert_snapshot(
        after().diff(&["HEAD~1", "images"]),
        str![[r#"
changed app 1.0-1, without a new version
  files: conf/app.conf, conf/new.conf (new), conf/old.conf (gone)
  tests: test.sh
  Dockerfile: only versions of what it is built on
--- HEAD~1:images/app/Dockerfile
+++ images/app/Dockerfile
@@ -1,2 +1,2 @@
-FROM registry.example.org/base/base:1.0-1
+FROM registry.example.org/base/base:1.0-1-s1
 RUN app
\ No newline at end of file

changed base 1.0-1 → 1.0-1-s1
  files: Dockerfile.template
--- HEAD~1:images/base/Dockerfile
+++ images/base/Dockerfile
@@ -1,2 +1,2 @@
 FROM scratch
-RUN one
\ No newline at end of file
+RUN two
\ No newline at end of file

removed gone 1.0-1

added more 0.1-1
--- /dev/null
+++ images/more/Dockerfile
@@ -0,0 +1,2 @@
+FROM scratch
+RUN more
\ No newline at end of file

rebuilt, nothing else changed: web 1.0-1 → 1.0-1-s1
------- stderr -------
since HEAD~1 [COMMIT]: 1 added, 1 removed, 1 changed, 1 with a new version only, 1 changed without a new version
[exit status: 0]
[EOF]

"#]],
    );
}

#[test]
fn a_table_has_a_line_for_each_image() {
    assert_snapshot(
        after().diff(&["--stat", "HEAD~1", "images"]),
        str![[r#"
NAME  FROM   TO        RECIPE  FILES  TESTS  NOTE
app   1.0-1  1.0-1      +1 -1      3      1  no new version
base  1.0-1  1.0-1-s1   +1 -1      1
gone  1.0-1  -          +0 -1                removed
more  -      0.1-1      +2 -0                added
web   1.0-1  1.0-1-s1   +1 -1                version only
------- stderr -------
since HEAD~1 [COMMIT]: 1 added, 1 removed, 1 changed, 1 with a new version only, 1 changed without a new version
[exit status: 0]
[EOF]

"#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a snapshot")]
fn json_has_all_of_it() {
    let sandbox = before()
        .file("images/app/conf/app.conf", "b\n")
        .changelog("images/base", "base (1.0-2)");
    fs::remove_dir_all(sandbox.path().join("images/web")).expect("a directory to remove");
    assert_snapshot(
        sandbox.diff(&["--json", "HEAD", "images"]),
        str![[r#"
{
  "version": 1,
  "revision": "HEAD",
  "commit": "[COMMIT]",
  "settings": "revision",
  "images": [
    {
      "name": "app",
      "change": "changed",
      "from": "1.0-1",
      "to": "1.0-1",
      "version_only": false,
      "unversioned": true,
      "directory": "images/app",
      "moved_from": null,
      "recipe": {
        "added": 1,
        "removed": 1,
        "parents_only": true,
        "patch": "--- HEAD:images/app/Dockerfile\n+++ images/app/Dockerfile\n@@ -1,2 +1,2 @@\n-FROM registry.example.org/base/base:1.0-1\n+FROM registry.example.org/base/base:1.0-2\n RUN app\n\\ No newline at end of file\n"
      },
      "files": [
        {
          "path": "conf/app.conf",
          "change": "changed"
        }
      ],
      "tests": [],
      "changelog_reworded": false
    },
    {
      "name": "base",
      "change": "changed",
      "from": "1.0-1",
      "to": "1.0-2",
      "version_only": true,
      "unversioned": false,
      "directory": "images/base",
      "moved_from": null,
      "recipe": null,
      "files": [],
      "tests": [],
      "changelog_reworded": false
    },
    {
      "name": "web",
      "change": "removed",
      "from": "1.0-1",
      "to": null,
      "version_only": false,
      "unversioned": false,
      "directory": "images/web",
      "moved_from": null,
      "recipe": {
        "added": 0,
        "removed": 2,
        "parents_only": false,
        "patch": "--- HEAD:images/web/Dockerfile\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-FROM registry.example.org/base/base:1.0-1\n-RUN web\n\\ No newline at end of file\n"
      },
      "files": [],
      "tests": [],
      "changelog_reworded": false
    }
  ]
}
[exit status: 0]
[EOF]

"#]],
    );
}

#[test]
fn what_did_not_change_is_not_told_and_nothing_is_left_behind() {
    let scratch = tempfile::tempdir().expect("a directory");
    let sandbox = before().env("TMPDIR", scratch.path().to_str().expect("a path"));
    let status = |sandbox: &Sandbox| sandbox.run("git", &["status", "--porcelain"]).stdout;
    // A file that was written anew with the same content.
    let sandbox = sandbox.file("images/app/conf/app.conf", "a\n");
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
no image changed since HEAD [COMMIT]
[exit status: 0]
[EOF]

"#]],
    );
    assert_eq!(status(&sandbox), "");
    let left = || fs::read_dir(scratch.path()).expect("a directory").count();
    assert_eq!(left(), 0, "after success");
    sandbox.pkg(&["diff", "HEAD", "nowhere"]).assert_code(2);
    let sandbox = sandbox
        .file("images/app/changelog", "rubbish\n")
        .commit()
        .changelog("images/app", "app (1.0-1)");
    sandbox.pkg(&["diff", "HEAD", "images"]).assert_code(1);
    assert_eq!(left(), 0, "after a failure");
}

#[test]
fn images_that_stay_behind_their_parents_are_named() {
    let sandbox = before().changelog("images/base", "base (1.0-1-s1)");
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
rebuilt, nothing else changed: base 1.0-1 → 1.0-1-s1
without a new version, although what they are built on has one: app 1.0-1, web 1.0-1
------- stderr -------
since HEAD [COMMIT]: 1 with a new version only, 2 changed without a new version
[exit status: 0]
[EOF]

"#]],
    );
    let arguments = ["--info", "HEAD", "images"];
    let whole = sandbox.diff(&arguments);
    assert!(
        whole.contains("-FROM registry.example.org/base/base:1.0-1\n"),
        "{whole}"
    );
}

#[test]
fn a_mode_a_move_and_other_words_are_changes() {
    let sandbox = before();
    let path = sandbox.path();
    fs::set_permissions(
        path.join("images/app/conf/app.conf"),
        fs::Permissions::from_mode(0o755),
    )
    .expect("a mode");
    sandbox
        .run("mv", &["images/web", "images/www"])
        .assert_code(0);
    let words = sandbox
        .read("images/same/changelog")
        .replace("Change.", "Changes.");
    let sandbox = sandbox.file("images/same/changelog", &words);
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
changed app 1.0-1, without a new version
  files: conf/app.conf (mode)

changed same 1.0-1
  changelog: other words, the same version

changed web 1.0-1, without a new version
  moved: images/web → images/www
------- stderr -------
since HEAD [COMMIT]: 1 changed, 2 changed without a new version
[exit status: 0]
[EOF]

"#]],
    );
}

#[test]
fn each_side_has_its_own_settings() {
    let sandbox = before().file("config.yaml", "registry: other.example.org\n");
    let shown = sandbox.diff(&["HEAD", "images"]);
    assert!(
        shown.contains("-FROM registry.example.org/base/base:1.0-1\n"),
        "{shown}"
    );
    assert!(
        shown.contains("+FROM other.example.org/base:1.0-1\n"),
        "{shown}"
    );
    // Settings that the revision does not have.
    let sandbox = sandbox.file("other.yaml", "namespace: base\n");
    assert_snapshot(
        sandbox.diff(&["-c", "other.yaml", "HEAD", "images"]),
        str![[r#"
------- stderr -------
other.yaml is not in HEAD: both sides are read with the settings of now
no image changed since HEAD [COMMIT]
[exit status: 0]
[EOF]

"#]],
    );
}

#[test]
fn a_declared_image_is_compared_by_its_file() {
    let sandbox = Sandbox::with_settings()
        .declared("images/trixie", "trixie (1.0-1)")
        .repository()
        .file(
            "images/trixie/image.yaml",
            "bootstrap: mmdebstrap\nsuite: forky\n",
        );
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
changed trixie 1.0-1, without a new version
  files: image.yaml
--- HEAD:images/trixie/image.yaml
+++ images/trixie/image.yaml
@@ -1,2 +1,2 @@
 bootstrap: mmdebstrap
-suite: trixie
+suite: forky
------- stderr -------
since HEAD [COMMIT]: 1 changed without a new version
[exit status: 0]
[EOF]

"#]],
    );
}

#[test]
fn a_directory_that_was_not_there_has_new_images_only() {
    let sandbox = before().image("istio/pilot", "pilot (1.0-1)", "FROM scratch\n");
    assert_snapshot(
        sandbox.diff(&["--stat", "HEAD", "istio"]),
        str![[r#"
NAME   FROM  TO     RECIPE  FILES  TESTS  NOTE
pilot  -     1.0-1   +1 -0                added
------- stderr -------
istio was not there in HEAD: all its images are new
since HEAD [COMMIT]: 1 added
[exit status: 0]
[EOF]

"#]],
    );
    let both = sandbox.diff(&["--stat", "HEAD", "images", "istio"]);
    assert!(both.contains("pilot"), "{both}");
    assert!(!both.contains("base"), "{both}");
}

#[test]
fn faults_of_the_revision_are_told_as_its_own() {
    let sandbox = before()
        .file("images/web/changelog", "web 1.0\n")
        .file(
            "images/app/Dockerfile.template",
            "FROM {{ \"bsae\" | image_tag }}\n",
        )
        .commit()
        .changelog("images/web", "web (1.0-1)")
        .file("images/app/Dockerfile.template", &template("base", "app"));
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `web 1.0`
  --> HEAD:images/web/changelog:1
[exit status: 1]
[EOF]

"#]],
    );
    let sandbox = sandbox.file("config.yaml", "registry: [\n").commit();
    let sandbox = sandbox.file("config.yaml", "namespace: base\n");
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
error: the settings cannot be read
  --> HEAD:config.yaml:1:11
caused by: unclosed bracket '['
[exit status: 1]
[EOF]

"#]],
    );
}

#[test]
fn revisions_are_what_git_understands_and_nothing_else() {
    let sandbox = before();
    sandbox.git(&["tag", "v1"]);
    sandbox.pkg(&["diff", "v1", "images"]).assert_code(0);
    sandbox.pkg(&["diff", "main", "images"]).assert_code(0);
    assert_snapshot(
        sandbox.diff(&["v2", "images"]),
        str![[r#"
------- stderr -------
error: `v2` is no revision of the repository $SANDBOX
hint: a commit, a branch or a tag: `HEAD~3`, `v1.2`, `origin/main`
[exit status: 2]
[EOF]

"#]],
    );
    for revision in ["", "HEAD:images", "HEAD..HEAD", "HEAD~1"] {
        sandbox.pkg(&["diff", revision, "images"]).assert_code(2);
    }
    sandbox
        .pkg(&["diff", "--", "--all", "images"])
        .assert_code(2);
}

#[test]
fn a_shallow_clone_says_that_it_is_one() {
    let sandbox = after();
    let address = format!("file://{}", sandbox.path().display());
    sandbox.git(&["clone", "--quiet", "--depth=1", &address, "clone"]);
    let output = sandbox.run(
        "sh",
        &[
            "-c",
            "cd clone && exec \"$0\" diff HEAD~1 images",
            env!("CARGO_BIN_EXE_pkg"),
        ],
    );
    output.assert_snapshot(str![[r#"
------- stderr -------
error: `HEAD~1` is no revision of the repository $SANDBOX/clone
hint: this clone has only a part of the history: `git fetch --unshallow` brings the rest
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn one_history_is_needed() {
    let sandbox = Sandbox::with_settings().image("images/a", "a (1)", "FROM scratch\n");
    let refused = sandbox.env("GIT_CEILING_DIRECTORIES", "/");
    assert_snapshot(
        refused.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
error: images is in no git repository that can be used
caused by: fatal: not a git repository (or any of the parent directories): .git
[exit status: 2]
[EOF]

"#]],
    );
    let sandbox = before().image("other/a", "a (1)", "FROM scratch\n");
    sandbox.git(&["init", "--quiet", "other"]);
    assert_snapshot(
        sandbox.diff(&["HEAD", "images", "other"]),
        str![[r#"
------- stderr -------
error: images and other are in different repositories
hint: compare one after the other
[exit status: 2]
[EOF]

"#]],
    );
}

#[test]
fn a_machine_without_git_says_so() {
    let sandbox = before().env("PATH", "/nowhere");
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
error: git cannot find the repository
caused by: cannot find the program `git`
hint: install git
[exit status: 4]
[EOF]

"#]],
    );
}

#[test]
fn git_that_takes_too_long_or_refuses_is_told_in_its_own_words() {
    let script = "#!/bin/sh\ncase \"$*\" in *ls-tree*) echo 'fatal: loose object is corrupt' >&2; exit 128;; esac\nexec /usr/bin/git \"$@\"\n";
    let sandbox = before().program("git", script);
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
error: git cannot list the files of the revision
caused by: fatal: loose object is corrupt
[exit status: 4]
[EOF]

"#]],
    );
}

#[test]
fn links_and_submodules_are_followed_as_far_as_the_repository_goes() {
    let sandbox = Sandbox::with_settings()
        .image("images/a", "a (1)", "FROM scratch\n{% include 'part' %}\n")
        .file("images/common/part", "RUN one\n")
        .file("images/b/Dockerfile.template", "FROM scratch\n")
        .changelog("images/logs", "b (1)");
    let link = |target: &str, path: &str| {
        symlink(target, sandbox.path().join(path)).expect("a link");
    };
    link("../common/part", "images/a/part");
    link("../logs/changelog", "images/b/changelog");
    link("/etc/hostname", "images/a/outside");
    link("nowhere", "images/a/dangling");
    let module = Sandbox::new().file("x", "x\n").repository();
    let sandbox = sandbox.repository();
    let address = module.path();
    let address = address.to_str().expect("a path");
    sandbox.git(&["submodule", "--quiet", "add", address, "images/a/module"]);
    let sandbox = sandbox.commit();
    assert_snapshot(
        sandbox.diff(&["HEAD", "images"]),
        str![[r#"
------- stderr -------
warning: this directory has a changelog and neither Dockerfile.template nor image.yaml: it is passed over
  --> images/logs/changelog
warning: this is a submodule, and its files are not compared
  --> HEAD:images/a/module
warning: this link leads out of the repository and is not followed
  --> HEAD:images/a/outside
no image changed since HEAD [COMMIT]
[exit status: 0]
[EOF]

"#]],
    );
    // What links point at is read, although it is in no directory of the command line.
    let sandbox = sandbox
        .file("images/common/part", "RUN two\n")
        .changelog("images/logs", "b (2)")
        .file("images/a/module/x", "y\n")
        .remove("images/a/outside");
    let shown = sandbox.diff(&["HEAD", "images"]);
    assert!(shown.contains("-RUN one\n"), "{shown}");
    assert!(shown.contains("files: module, outside (gone)\n"), "{shown}");
    assert!(shown.contains("b 1 → 2"), "{shown}");
}

#[test]
fn a_hook_may_compare_what_it_commits() {
    let pkg = env!("CARGO_BIN_EXE_pkg");
    let hook = format!("#!/bin/sh\nexec {pkg} diff --stat HEAD images\n");
    let sandbox = before()
        .executable(".git/hooks/pre-commit", &hook)
        .file("images/app/conf/app.conf", "b\n");
    let identity = ["-c", "user.name=Ann", "-c", "user.email=a@x"];
    let commit = ["commit", "--quiet", "--all", "--message", "x"];
    let output = sandbox.run("git", &[&identity[..], &commit[..]].concat());
    output.assert_code(0);
    let told = format!("{}{}", output.stdout, output.stderr);
    assert!(told.contains("app   1.0-1  1.0-1"), "{told}");
}
