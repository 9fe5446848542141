//! What is wrong with image directories: each fault alone with its place, and all of them at once.

use std::os::unix::fs::symlink;

use snapbox::str;

use crate::support::sandbox::Sandbox;

const LIST: [&str; 3] = ["list", "--offline", "images"];

#[test]
fn a_directory_that_does_not_exist() {
    Sandbox::with_settings()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .file("config", "")
        .pkg(&["list", "--offline", "images", "imgaes", "config"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no such directory: imgaes
error: config is no directory
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_file_that_cannot_be_read() {
    Sandbox::with_settings()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .file("images/a/control/file", "")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: cannot read images/a/control
caused by: it is a directory
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_file_that_is_no_text() {
    let sandbox = Sandbox::with_settings().image("images/a", "a (1.0-1)", "FROM scratch\n");
    let script = r"printf '\377' > images/a/Dockerfile.template";
    sandbox.run("sh", &["-c", script]).assert_code(0);
    sandbox.pkg(&LIST).assert_snapshot(str![[r#"
------- stderr -------
error: images/a/Dockerfile.template is not UTF-8
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_changelog_that_cannot_be_read() {
    Sandbox::with_settings()
        .file("images/empty/changelog", "")
        .file("images/empty/Dockerfile.template", "FROM scratch\n")
        .file("images/header/changelog", "header 1.0 wikimedia\n")
        .file("images/header/Dockerfile.template", "FROM scratch\n")
        .file(
            "images/body/changelog",
            "body (1.0) wikimedia; urgency=high\n\n* not indented\n",
        )
        .file("images/body/Dockerfile.template", "FROM scratch\n")
        .image("images/version", "version (1_0)", "FROM scratch\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the changelog cannot be read: expected a change, indented by two blanks, or ` -- author <mail>  date`, not `* not indented`
  --> images/body/changelog:3
error: the changelog cannot be read: a changelog needs an entry, which begins with `name (version) distribution; urgency=…`
  --> images/empty/changelog:1
error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `header 1.0 wikimedia`
  --> images/header/changelog:1
error: the changelog cannot be read: the version of `version` cannot be read
  --> images/version/changelog:1
caused by: `1_0` is no version: it holds `_`, and the upstream part has only letters, digits and .+-:~
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn names_that_no_image_can_have() {
    Sandbox::with_settings()
        .image("images/slash", "group/name (1.0)", "FROM scratch\n")
        .image("images/underscore", "my_name (1.0)", "FROM scratch\n")
        .image("images/upper", "Name (1.0)", "FROM scratch\n")
        .image("images/dots", "a..b (1.0)", "FROM scratch\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `a..b` cannot name an image: a name has lower-case letters and digits, parted by `.` or `-`
  --> images/dots/changelog:1
error: the changelog cannot be read: `group/name` cannot be the name of an image: it holds `/`, and a name has only letters, digits, `.` and `-`
  --> images/slash/changelog:1
error: the changelog cannot be read: `my_name` cannot be the name of an image: it holds `_`, and a name has only letters, digits, `.` and `-`
  --> images/underscore/changelog:1
error: `Name` cannot name an image: a name has lower-case letters and digits, parted by `.` or `-`
  --> images/upper/changelog:1
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn versions_that_cannot_be_a_tag() {
    Sandbox::with_settings()
        .image("images/epoch", "epoch (1:2.0-1)", "FROM scratch\n")
        .image("images/plus", "plus (2.0+git1)", "FROM scratch\n")
        .image("images/tilde", "tilde (2.0~rc1)", "FROM scratch\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: version `1:2.0-1` cannot be a tag: it holds `:`
  --> images/epoch/changelog:1
hint: a version becomes a tag: leave out the epoch, the number before the `:`
error: version `2.0+git1` cannot be a tag: it holds `+`
  --> images/plus/changelog:1
hint: a version becomes a tag: write `-` or `.` instead, as in `2.0-rc1`
error: version `2.0~rc1` cannot be a tag: it holds `~`
  --> images/tilde/changelog:1
hint: a version becomes a tag: write `-` or `.` instead, as in `2.0-rc1`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_label_that_is_too_long() {
    let name = "long-".repeat(60) + "name";
    let output = Sandbox::with_settings()
        .image("images/a", &format!("{name} (1.0)"), "FROM scratch\n")
        .pkg(&LIST);
    output.assert_code(1);
    let shown = output.render().replace(&name, "NAME");
    snapbox::assert_data_eq!(
        shown,
        str![[r#"
------- stderr -------
error: `registry.example.org/base/NAME:1.0` is no image reference: its name is over 255 characters
  --> images/a/changelog:1
[exit status: 1]
[EOF]

"#]]
    );
}

#[test]
fn a_control_file_that_cannot_be_read() {
    Sandbox::with_settings()
        .image("images/syntax", "syntax (1.0)", "FROM scratch\n")
        .file("images/syntax/control", "Package: a\nrubbish\n")
        .dependent("images/comma", "comma (1.0)", "a b")
        .dependent("images/name", "name (1.0)", "${misc:Depends}")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the control file cannot be read: a comma is missing in `Depends`: after `a` follows `b`
  --> images/comma/control:2
error: the control file cannot be read: expected the name of an image in `Depends`, not `${misc:Depends}`
  --> images/name/control:2
error: the control file cannot be read: expected `Field: value`, a line that begins with a blank and continues a field, a comment or an empty line, not `rubbish`
  --> images/syntax/control:2
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn an_image_file_that_cannot_be_read() {
    Sandbox::with_settings()
        .declared("images/key", "key (1.0)")
        .file(
            "images/key/image.yaml",
            "bootstrap: mmdebstrap\nsuite: trixie\npackages: [tini]\n",
        )
        .declared("images/suite", "suite (1.0)")
        .file("images/suite/image.yaml", "bootstrap: mmdebstrap\n")
        .declared("images/yaml", "yaml (1.0)")
        .file("images/yaml/image.yaml", "bootstrap: [mmdebstrap\n")
        .declared("images/words", "words (1.0)")
        .file(
            "images/words/image.yaml",
            "bootstrap: mmdebstrap\nsuite: trixie\ncontents:\n  packages: ['--hook=x']\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the image file cannot be read: unknown field `packages`, expected one of include, bootstrap, suite, variant, components, base, contents, accounts, paths, layers, certificates, environment, entrypoint, cmd, work-dir, stop-signal, volumes, ports, labels, annotations, archs, vcs-url, layering, format
  --> images/key/image.yaml:3
error: the image file cannot be read: `bootstrap` needs a `suite`
  --> images/suite/image.yaml
error: the image file cannot be read: `contents.packages` cannot hold `--hook=x`: letters, digits and `+-.:=~/_` after a letter or digit
  --> images/words/image.yaml:4
error: the image file cannot be read: unclosed bracket '['
  --> images/yaml/image.yaml:1
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_directory_with_two_recipes() {
    Sandbox::with_settings()
        .image("images/a", "a (1.0)", "FROM scratch\n")
        .declared("images/a", "a (1.0)")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: images/a has two recipes
  --> images/a/Dockerfile.template
  --> images/a/image.yaml
hint: keep one of them
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn two_directories_with_one_name_in_two_roots() {
    Sandbox::with_settings()
        .image("images/a", "tool (1.0)", "FROM scratch\n")
        .image("other/b", "tool (2.0)", "FROM scratch\n")
        .pkg(&["list", "--offline", "images", "other"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: 2 directories are named `tool`
  --> images/a/changelog:1
  --> other/b/changelog:1
hint: the first word of a changelog is the name: change it in all but one
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_name_that_is_there_twice_hides_no_missing_one() {
    Sandbox::with_settings()
        .image("images/a", "tool (1.0)", "FROM scratch\n")
        .image("images/b", "tool (2.0)", "FROM scratch\n")
        .dependent("images/app", "app (1.0)", "tool, other")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: 2 directories are named `tool`
  --> images/a/changelog:1
  --> images/b/changelog:1
hint: the first word of a changelog is the name: change it in all but one
error: image `app` needs `other`, which no directory provides
  --> images/app/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn missing_parents_with_near_names_and_without() {
    Sandbox::with_settings()
        .dependent("images/devel", "nodejs20-devel (1.0)", "nodejs20")
        .image("images/slim20", "nodejs20-slim (1.0)", "FROM scratch\n")
        .image("images/slim22", "nodejs22-slim (1.0)", "FROM scratch\n")
        .dependent("images/app", "app (1.0)", "zlib,\n wget")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: image `app` needs `zlib`, which no directory provides
  --> images/app/control:2
hint: give the directory that holds it as well, or list it in `base_images`
error: image `app` needs `wget`, which no directory provides
  --> images/app/control:3
hint: give the directory that holds it as well, or list it in `base_images`
error: image `nodejs20-devel` needs `nodejs20`, which no directory provides
  --> images/devel/control:2
hint: the closest names are `nodejs20-slim`, `nodejs22-slim`
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn what_asks_for_a_missing_image_is_not_offered_in_its_place() {
    let sandbox = ["nodejs20-devel", "nodejs20-test"].iter().fold(
        Sandbox::with_settings(),
        |sandbox, name| {
            let (directory, header) = (format!("images/{name}"), format!("{name} (1.0)"));
            sandbox.dependent(&directory, &header, "nodejs20")
        },
    );
    sandbox
        .image(
            "images/py",
            "python3-slim (1.0)",
            "FROM {{ \"python3\" | image_tag }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no image `python3`, neither in the catalog nor among `base_images`
  --> images/py/Dockerfile.template:1:21
   | FROM {{ "python3" | image_tag }}
   |                     ^^^^^^^^^
hint: give the directory that holds it as well, or list it in `base_images`
error: no directory provides `nodejs20`, which 2 images need
  --> images/nodejs20-devel/control:2
  --> images/nodejs20-test/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn one_missing_parent_of_many_images() {
    let sandbox = ["a", "b", "c", "d"]
        .iter()
        .fold(Sandbox::with_settings(), |sandbox, name| {
            let (directory, header) = (format!("images/{name}"), format!("{name} (1.0)"));
            sandbox.dependent(&directory, &header, "zlib, wget")
        });
    sandbox
        .dependent("images/app", "app (1.0)", "zlib")
        .file(
            "images/app/Dockerfile.template",
            "FROM {{ \"zlib\" | image_tag }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: no directory provides `zlib`, which 5 images need
  --> images/app/Dockerfile.template:1:18
  --> images/a/control:2
  --> images/app/control:2
  … and 3 more places
hint: give the directory that holds it as well, or list it in `base_images`
error: no directory provides `wget`, which 4 images need
  --> images/a/control:2
  --> images/b/control:2
  --> images/c/control:2
  --> images/d/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_missing_parent_of_template_and_control() {
    Sandbox::with_settings()
        .dependent("images/app", "app (1.0)", "zlib")
        .file(
            "images/app/Dockerfile.template",
            "FROM {{ \"zlib\" | image_tag }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: image `app` needs `zlib`, which no directory provides
  --> images/app/Dockerfile.template:1:18
  --> images/app/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_control_file_of_another_name() {
    Sandbox::with_settings()
        .image("images/a", "a (1.0)", "FROM scratch\n")
        .file("images/a/control", "# of a\nPackage: b\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
NAME  VERSION  DIRECTORY
a     1.0      images/a
------- stderr -------
warning: the changelog names this image `a`, and `Package` says `b`
  --> images/a/control:2
  --> images/a/changelog:1
hint: the changelog counts: write its name in `Package` as well
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn images_that_need_each_other() {
    Sandbox::with_settings()
        .dependent("images/a", "a (1.0)", "b")
        .dependent("images/b", "b (1.0)", "c")
        .image("images/c", "c (1.0)", "FROM {{ \"a\" | image_tag }}\n")
        .dependent("images/self", "self (1.0)", "self")
        .dependent("images/behind", "behind (1.0)", "a")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: images need each other: a → b → c → a
  --> images/a/control:2
  --> images/b/control:2
  --> images/c/Dockerfile.template:1
error: image `self` needs itself
  --> images/self/control:2
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    Sandbox::with_settings()
        .file("images/log/changelog", "log\n")
        .file("images/log/Dockerfile.template", "FROM scratch\n")
        .image("images/epoch", "epoch (1:1.0)", "FROM scratch\n")
        .image("images/filter", "filter (1.0)", "FROM {{ 1 | unknown }}\n")
        .dependent("images/missing", "missing (1.0)", "nothing-like-it")
        .image("images/fine", "fine (1.0)", "FROM scratch\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: version `1:1.0` cannot be a tag: it holds `:`
  --> images/epoch/changelog:1
hint: a version becomes a tag: leave out the epoch, the number before the `:`
error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `log`
  --> images/log/changelog:1
error: there is no filter `unknown`
  --> images/filter/Dockerfile.template:1:13
   | FROM {{ 1 | unknown }}
   |             ^^^^^^^
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn all_files_of_one_image_are_read_before_it_is_given_up() {
    Sandbox::with_settings()
        .file("images/a/changelog", "a\n")
        .file("images/a/control", "a\n")
        .file("images/a/image.yaml", "workdir: /a\n")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `a`
  --> images/a/changelog:1
error: the image file cannot be read: unknown field `workdir`, expected one of include, bootstrap, suite, variant, components, base, contents, accounts, paths, layers, certificates, environment, entrypoint, cmd, work-dir, stop-signal, volumes, ports, labels, annotations, archs, vcs-url, layering, format
  --> images/a/image.yaml:1
error: the control file cannot be read: expected `Field: value`, a line that begins with a blank and continues a field, a comment or an empty line, not `a`
  --> images/a/control:1
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn nothing_is_said_of_names_that_a_broken_image_may_have() {
    Sandbox::with_settings()
        .file("images/bottom/changelog", "bottom\n")
        .file("images/bottom/Dockerfile.template", "FROM scratch\n")
        .dependent("images/declares", "declares (1.0)", "bottom")
        .image(
            "images/uses",
            "uses (1.0)",
            "FROM {{ \"bottom\" | image_tag }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `bottom`
  --> images/bottom/changelog:1
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_directory_that_is_passed_over_may_be_the_one_that_is_missing() {
    Sandbox::with_settings()
        .file("images/bottom/Dockerfile.template", "FROM scratch\n")
        .dependent("images/app", "app (1.0)", "bottom")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
warning: this directory has a recipe and no changelog: it is passed over
  --> images/bottom/Dockerfile.template
error: image `app` needs `bottom`, which no directory provides
  --> images/app/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn warnings_stop_nothing() {
    Sandbox::with_settings()
        .changelog("images/no-recipe", "no-recipe (1.0)")
        .file("images/no-changelog/image.yaml", "")
        .image("images/bottom", "bottom (1.0)", "FROM scratch\n")
        .dependent("images/app", "app (1.0)", "bottom (>= 1) | other")
        .image(
            "images/user",
            "user (1.0)",
            "FROM scratch\n\nUSER {{ \"gnupg\" | uid }}\n",
        )
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
NAME    VERSION  DIRECTORY
app     1.0      images/app
bottom  1.0      images/bottom
user    1.0      images/user
------- stderr -------
warning: `(>= 1) | other` has no effect on the dependency `bottom`
  --> images/app/control:2
warning: this directory has a recipe and no changelog: it is passed over
  --> images/no-changelog/image.yaml
warning: this directory has a changelog and neither Dockerfile.template nor image.yaml: it is passed over
  --> images/no-recipe/changelog
warning: the user `gnupg` has no number in `known_uid_mappings`, so its name is used
  --> images/user/Dockerfile.template:3
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_directory_without_images() {
    Sandbox::with_settings()
        .file("images/README", "")
        .pkg(&LIST)
        .assert_snapshot(str![[r#"
------- stderr -------
warning: there is no image in these directories
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_linked_image_directory_is_not_followed() {
    let sandbox = Sandbox::with_settings().image("elsewhere/a", "a (1.0)", "FROM scratch\n");
    std::fs::create_dir(sandbox.path().join("images")).expect("a directory");
    symlink("../elsewhere/a", sandbox.path().join("images/a")).expect("a link");
    sandbox.pkg(&LIST).assert_snapshot(str![[r#"
------- stderr -------
warning: there is no image in these directories
[exit status: 0]
[EOF]

"#]]);
}
