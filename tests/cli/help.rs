//! What the program says of itself, and of a command line that it cannot read.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn the_program() {
    Sandbox::new().pkg(&["--help"]).assert_snapshot(str![[r#"
Keeps a git repository of container images: renders, orders, builds, tests and publishes them

Usage: pkg [OPTIONS] <COMMAND>

Commands:
  build    Build, test and publish the images that need it
  plan     Print what `build` would do, and why
  publish  Publish what is built, after its tests passed
  verify   Run the tests of an image that is built
  list     List the images with their versions and where they are
  graph    Print what is built on what
  log      Print what the changelogs say of the last weeks, newest first
  diff     Print what changed in the images since a git revision
  render   Print the Dockerfile of an image, or write those of all images
  new      Make a directory for a new image
  update   Write changelog entries for an image and for everything that depends on it
  refresh  Write changelog entries for the images that need a rebuild, in dated versions
  lock     Choose the packages of declared images, and write down which
  prune    Remove local versions of the images other than the changelogs'
  audit    Find what is wrong or doubtful with the images
  export   Write an image that is built as files for other programs
  util     Print completions, manual pages and the schemas of files
  help     Print this message or the help of the given subcommand(s)

Options:
  -h, --help     Print help
  -V, --version  Print version

Options of every command:
  -c, --configfile <FILE>  The settings [default: config.yaml]
      --info               Show each step of builds, tests and pushes
      --debug              Show each line that builds, tests and pushes print
      --color <WHEN>       When to use colour [default: auto] [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a help text is as long as it is")]
fn build() {
    Sandbox::new()
        .pkg(&["build", "--help"])
        .assert_snapshot(str![[r#"
Build, test and publish the images that need it

An image needs it when neither the registry nor the engine has its version, or, while it is not
published, when its recipe, a file that the recipe takes, or an image that it is built on is another
one now. It is published when the settings have a registry and credentials. A published version
whose inputs changed is left alone, and the run ends with exit code 3.

Usage: pkg build [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images; together they make one catalog

Options:
      --select <GLOB>
          Only images whose whole label matches this pattern (`*/nginx:*`), and what they need

      --nightly
          Put the date behind each version (1.0-1-20261121)

      --snapshot
          Put date and time behind each version (1.0-1-20261121-073000)

      --stamp
          Run `status_command` of the settings and take what it prints for the values of stamps, in
          the place of their constants

      --username <NAME>
          Log in at the registry as this account, with the password of `--password-stdin`, instead
          of `PKG_USERNAME`

      --password-stdin
          Read the password from standard input, instead of taking `PKG_PASSWORD`

  -j, --jobs <N>
          Work on so many images at once [default: the number of processors, 2 to 4]

      --use-cache
          Let the engine take steps from its cache

      --no-pull
          Take base images as the engine has them

      --no-publish
          Publish nothing

      --fail-fast
          Begin nothing more after the first failure

      --force
          Build published versions anew whose inputs changed, and publish over them

      --retry
          Try images now that failed with the same inputs before
          
          The second failure in a row with the same version, recipe, context, tests and parents
          makes an image wait: 10 minutes, then 30, 2 hours, 6 and 20. Until then it is not built,
          unless this or `--force` is given, `--select` names it alone, or an image that it is built
          on is built anew; the run ends as after a failure.

      --locked
          Refuse images of packages that have no lock, or one that was made from another declaration

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

      --dry-run
          Print the plan and do nothing

      --json
          Print the plan as JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn plan() {
    Sandbox::new()
        .pkg(&["plan", "--help"])
        .assert_snapshot(str![[r#"
Print what `build` would do, and why

Usage: pkg plan [OPTIONS] <DIR>...

Arguments:
  <DIR>...  The directories with images; together they make one catalog

Options:
      --select <GLOB>    Only images whose whole label matches this pattern (`*/nginx:*`), and what
                         they need
      --nightly          Put the date behind each version (1.0-1-20261121)
      --snapshot         Put date and time behind each version (1.0-1-20261121-073000)
      --stamp            Run `status_command` of the settings and take what it prints for the values
                         of stamps, in the place of their constants
      --username <NAME>  Log in at the registry as this account, with the password of
                         `--password-stdin`, instead of `PKG_USERNAME`
      --password-stdin   Read the password from standard input, instead of taking `PKG_PASSWORD`
      --no-publish       Leave publishing out
      --force            Plan for `build --force`: published versions whose inputs changed are
                         published over
      --retry            Plan for `build --retry`: images that failed with the same inputs before do
                         not wait
      --locked           Refuse images of packages that have no lock, or one that was made from
                         another declaration
      --explain <NAME>   Tell of one image what is there, and which file, argument or parent differs
                         from what was recorded
      --json             Print JSON
  -h, --help             Print help

Options of every command:
  -c, --configfile <FILE>  The settings [default: config.yaml]
      --info               Show each step of builds, tests and pushes
      --debug              Show each line that builds, tests and pushes print
      --color <WHEN>       When to use colour [default: auto] [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn prune() {
    Sandbox::new()
        .pkg(&["prune", "--help"])
        .assert_snapshot(str![[r#"
Remove local versions of the images other than the changelogs'

What a container uses is named and kept; `latest` stays where it is the version that stays. Versions
on the shelf of what was made without an engine go as well. Nothing is removed from a registry.

Usage: pkg prune [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images

Options:
      --select <GLOB>
          Only images whose whole label matches this pattern (`*/nginx:*`)

      --nightly <ID>
          Keep this nightly version of each image (1.0-1-ID) in place of the changelog's

      --dry-run
          Print what would be removed and do nothing

      --json
          Print it as JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn publish() {
    Sandbox::new()
        .pkg(&["publish", "--help"])
        .assert_snapshot(str![[r#"
Publish what is built, after its tests passed

A version is published once and never changes. `latest` follows when the registry has confirmed the
version, and only forward; where an earlier run was cut before that, it follows now.

Credentials for the settings' registry come from the options, `PKG_USERNAME` and `PKG_PASSWORD`, the
settings, or else from where `docker login` keeps them; those for another place from the options,
where it is the only one, or from there.

Usage: pkg publish [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images; together they make one catalog

Options:
      --select <GLOB>
          Only images whose whole label matches this pattern (`*/nginx:*`), and what they need

      --nightly
          Put the date behind each version (1.0-1-20261121)

      --snapshot
          Put date and time behind each version (1.0-1-20261121-073000)

      --stamp
          Run `status_command` of the settings and take what it prints for the values of stamps, in
          the place of their constants

      --username <NAME>
          Log in at the registry as this account, with the password of `--password-stdin`, instead
          of `PKG_USERNAME`

      --password-stdin
          Read the password from standard input, instead of taking `PKG_PASSWORD`

      --repository <HOST/PATH>
          Publish there instead of where the settings say, each image under its name; several places
          are served one by one

      --tag <TAG>
          Publish a candidate: what is built goes under this tag, which moves, and not under its
          version; `latest` stays. Can be given several times, and hold stamps: `ci-{{
          stamp.CI_PIPELINE }}`

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn verify() {
    Sandbox::new()
        .pkg(&["verify", "--help"])
        .assert_snapshot(str![[r#"
Run the tests of an image that is built

Tests are the verify command of the settings (`test.sh`) and the structure tests in
`structure-test.yaml`; the image has to pass all of them.

Usage: pkg verify [OPTIONS] [NAME] [DIR]...

Arguments:
  [NAME]
          The name of the image

  [DIR]...
          The directories with images

Options:
      --image <PATH>
          Run structure tests on this OCI layout or archive, without an engine; their commands are
          skipped

      --structure-test <FILE>
          The structure tests for `--image`; can be given several times

      --format <FORMAT>
          How to report

          Possible values:
          - text:  For people
          - json:  In the shape of container-structure-test's JSON
          - junit: The XML of `JUnit`
          
          [default: text]

      --test-report <FILE>
          Write the report to this file instead of stdout

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn export() {
    Sandbox::new()
        .pkg(&["export", "--help"])
        .assert_snapshot(str![[r#"
Write an image that is built as files for other programs

It is written whole or not at all, every layer is checked against its digest, and the same image
gives the same bytes. The end of a file's name says how it is compressed: `.tar`, `.tar.gz`,
`.tar.xz`, `.tar.zst`.

Usage: pkg export [OPTIONS] --format <FORMAT> --output <PATH> <NAME> <DIR>...

Arguments:
  <NAME>
          The name of the image

  <DIR>...
          The directories with images

Options:
      --format <FORMAT>
          What to write

          Possible values:
          - oci:    An OCI layout: a directory, or a tar where the name ends so
          - docker: An archive that `docker load` reads
          - bundle: A bundle that `runc run` runs: a directory (written by root), or a tar
          - rootfs: A tar of the root file system
          - spdx:   What a declared image is made of, as an SPDX document (JSON)

  -o, --output <PATH>
          The file or directory to write; `-` is standard output

      --layers <HOW>
          Compress the layers of an OCI layout so; gzip where nothing is said

          Possible values:
          - gzip: As every program reads them
          - zstd: Smaller and faster, for programs since 2021
          - none: Not at all

      --platform <PLATFORM>
          Write the image for this kind of machine, `linux/arm64`, of one for several; where nothing
          is said, an OCI layout and an SPDX document are of all of them, and other formats for this
          machine

      --overlay <TAR>
          Put the entries of this tar over the root file system; repeat it for more

      --prefix <DIRECTORY>
          Put the root file system below this directory of the tar

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn list() {
    Sandbox::new()
        .pkg(&["list", "--help"])
        .assert_snapshot(str![[r#"
List the images with their versions and where they are

Usage: pkg list [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images

Options:
      --select <GLOB>
          Only images whose whole label matches this pattern (`*/nginx:*`)

      --offline
          Ask neither engine nor registry

      --only <WHICH>
          Only images whose version the registry has, or does not have

          Possible values:
          - published:   It has it
          - unpublished: It does not have it

      --print <WHAT>
          Print this alone, a line for each image: for scripts

          Possible values:
          - name:      The name
          - version:   The version, with the date of a nightly
          - label:     Registry, namespace, name and version
          - directory: The directory, as it was given
          - changelog: The changelog, as it was given

      --nightly
          Put the date behind each version (1.0-1-20261121)

      --snapshot
          Put date and time behind each version (1.0-1-20261121-073000)

      --username <NAME>
          Log in at the registry as this account, with the password of `--password-stdin`, instead
          of `PKG_USERNAME`

      --password-stdin
          Read the password from standard input, instead of taking `PKG_PASSWORD`

      --json
          Print JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn graph() {
    Sandbox::new()
        .pkg(&["graph", "--help"])
        .assert_snapshot(str![[r#"
Print what is built on what

Usage: pkg graph [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images

Options:
      --format <FORMAT>
          The form of the graph

          Possible values:
          - text:    A tree for each image that needs no other
          - dot:     The language of Graphviz
          - mermaid: A flowchart for Mermaid, as forges draw it in Markdown
          
          [default: text]

      --json
          Print JSON: the order of a build, and each dependency with where it is written

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn log() {
    Sandbox::new()
        .pkg(&["log", "--help"])
        .assert_snapshot(str![[r#"
Print what the changelogs say of the last weeks, newest first

Entries of one day with one author and one reason are one, and what was written for the dependants
of an image stands below its entry; `--info` names all of them. D is a day (2026-11-01), a time
(2026-11-01T12:00:00Z), so many days, weeks or years ago (30d, 4w, 1y), `today` or `yesterday`. An
entry counts for the day that it names itself.

Usage: pkg log [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images

Options:
      --image <NAME>
          Only this image, by the name that it has or had (may be given several times)

      --select <GLOB>
          Only images whose whole label matches this pattern (`*/nginx:*`)

      --since <D>
          Only entries of this day or time, and later ones [default: 30 days before today or before
          `--until`]

      --until <D>
          Only entries of this day or time, and earlier ones

      --author <TEXT>
          Only entries whose author's name or address holds this text

      --by <WHAT>
          What entries are listed under

          Possible values:
          - day:   The day
          - image: The image
          
          [default: day]

      --json
          Print JSON, each entry by itself

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn diff() {
    Sandbox::new()
        .pkg(&["diff", "--help"])
        .assert_snapshot(str![[r#"
Print what changed in the images since a git revision

The revision is compared with the working tree as it is, with files that git does not follow yet and
without those that it ignores. Dockerfiles are compared as they are rendered, each side with its own
settings. Images that were rebuilt, so that their Dockerfiles differ at most in the versions of what
they are built on, are one line; `--info` shows all.

Usage: pkg diff [OPTIONS] <REV> <DIR>...

Arguments:
  <REV>
          The revision, as git understands it (HEAD~3, v1.2, origin/main)

  <DIR>...
          The directories with images

Options:
      --stat
          Print a line for each image

      --json
          Print JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn render() {
    Sandbox::new()
        .pkg(&["render", "--help"])
        .assert_snapshot(str![[r#"
Print the Dockerfile of an image, or write those of all images

Usage: pkg render [OPTIONS] <[NAME] DIR>...

Arguments:
  <[NAME] DIR>...  With `--all` the directories with images; else the name of an image and the
                   directories

Options:
      --all        Render every template
      --out <OUT>  Write `OUT/<directory of the image below its root>/Dockerfile`
      --nightly    Put the date behind each version (1.0-1-20261121)
      --snapshot   Put date and time behind each version (1.0-1-20261121-073000)
      --stamp      Run `status_command` of the settings and take what it prints for the values of
                   stamps, in the place of their constants
  -h, --help       Print help

Options of every command:
  -c, --configfile <FILE>  The settings [default: config.yaml]
      --info               Show each step of builds, tests and pushes
      --debug              Show each line that builds, tests and pushes print
      --color <WHEN>       When to use colour [default: auto] [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn update() {
    Sandbox::new()
        .pkg(&["update", "--help"])
        .assert_snapshot(str![[r#"
Write changelog entries for an image and for everything that depends on it

What depends on it, through any chain and in any of the directories, gets the version of its next
rebuild: 1.2-1-s1, then 1.2-1-s2. Neither engine nor registry is asked. All changelogs are changed,
or none.

Usage: pkg update [OPTIONS] <NAME> <DIR>...

Arguments:
  <NAME>
          The name of the image; several with commas between them

  <DIR>...
          The directories with images

Options:
  -v, --version <VERSION>
          The new version of the image [default: that of its next rebuild]

      --bump <PART>
          Raise a part of the image's version

          Possible values:
          - major:  1.2.3-4 → 2.0.0-1
          - minor:  1.2.3-4 → 1.3.0-1
          - patch:  1.2.3-4 → 1.2.4-1
          - debian: 1.2.3-4 → 1.2.3-5, the number at the end without a date behind it: 1.2-3-s1 →
            1.2-3-s2, 1.2-3-20261121 → 1.2-4

      --glob
          Take NAME for a pattern of names, as `php8.*`

      --reason <TEXT>
          Why
          
          [default: "Security update"]

      --force
          Take a version that does not sort after the one that is there

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

      --dry-run
          Print what would change, as a patch, and write nothing

      --json
          Print JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn new() {
    Sandbox::new()
        .pkg(&["new", "--help"])
        .assert_snapshot(str![[r#"
Make a directory for a new image

It gets a changelog, a control file, a template and a test, and can be built as it is.

Usage: pkg new [OPTIONS] --from <IMAGE> <NAME> <DIR>...

Arguments:
  <NAME>
          The name of the new image

  <DIR>...
          The directories with images; the new one is made in the first

Options:
      --from <IMAGE>
          What it is built on: an image of the catalog, or a base image of the settings

      --at <PATH>
          The directory of the new image, below the first of the directories [default: NAME]

      --version <VERSION>
          The first version
          
          [default: 0.1.0-1]

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn refresh() {
    Sandbox::new()
        .pkg(&["refresh", "--help"])
        .assert_snapshot(str![[r#"
Write changelog entries for the images that need a rebuild, in dated versions

An image needs one when a base image is not what it was built on any more, when it is older than
asked for, or when an image that it is built on gets one. Its version is that of the day,
1.2-3-20261121, a second time on that day 1.2-3-20261121.1; an earlier date gives way. All
changelogs are changed, or none.

Usage: pkg refresh [OPTIONS] <DIR>...

Arguments:
  <DIR>...
          The directories with images

Options:
      --all
          Refresh every image

      --since-days <N>
          Refresh what is older than so many days

      --exclude <GLOB>
          Leave out images whose name or whole label matches this pattern; may be given several
          times

      --offline
          Do not ask the registry whether base images have moved

      --date <DATE>
          The date of the versions, as 20261121 or 2026-11-21 [default: today]

      --reason <TEXT>
          A line below the reason of each entry

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

      --dry-run
          Print what would change, as a patch, and write nothing

      --json
          Print JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn audit() {
    Sandbox::new()
        .pkg(&["audit", "--help"])
        .assert_snapshot(str![[r#"
Find what is wrong or doubtful with the images

Changelogs, control files, recipes, dependencies and the git history of the directories are held
against rules; what cannot be read is a finding, and the rest is looked at all the same. The engine
is not asked, and the registry only with `--registry`.

Usage: pkg audit [OPTIONS] [DIR]...

Arguments:
  [DIR]...
          The directories with images

Options:
      --fix
          Mend what can be mended safely; all files are changed, or none

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

      --fail-on <SEVERITY>
          End with exit code 3 when a finding is as grave as this
          
          [default: warning]
          [possible values: error, warning, note]

      --registry
          Ask the registry whether published versions were made from what there is now

      --stamp
          Run `status_command` of the settings and take what it prints for the values of stamps, in
          the place of their constants

      --rule <ID>
          Ask only this rule; can be given several times

      --format <FORMAT>
          What to print

          Possible values:
          - text:  For people
          - json:  This program's own, see docs/json.md
          - sarif: SARIF 2.1.0
          - junit: The XML of `JUnit`
          
          [default: text]

      --json
          Print JSON, as `--format json` does

      --explain <ID>
          Print the page of a rule and do nothing else

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn util() {
    Sandbox::new()
        .pkg(&["util", "--help"])
        .assert_snapshot(str![[r#"
Print completions, manual pages and the schemas of files

Usage: pkg util [OPTIONS] <COMMAND>

Commands:
  completions  Print completions for a shell
  man          Print the manual page of the program or of a command
  schema       Print the JSON schema of a file, for editors

Options:
  -h, --help  Print help

Options of every command:
  -c, --configfile <FILE>  The settings [default: config.yaml]
      --info               Show each step of builds, tests and pushes
      --debug              Show each line that builds, tests and pushes print
      --color <WHEN>       When to use colour [default: auto] [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn every_command_has_its_test_here() {
    let output = Sandbox::new().pkg(&["--help"]);
    let (_, commands) = output.stdout.split_once("Commands:\n").expect("commands");
    let (commands, _) = commands.split_once("\n\n").expect("an end of the commands");
    let names: Vec<_> = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        names,
        [
            "build", "plan", "publish", "verify", "list", "graph", "log", "diff", "render", "new",
            "update", "refresh", "lock", "prune", "audit", "export", "util", "help"
        ]
    );
}

#[test]
fn no_command() {
    Sandbox::new().pkg(&[]).assert_code(2);
}

#[test]
fn an_unknown_command() {
    Sandbox::new().pkg(&["biuld"]).assert_snapshot(str![[r#"
------- stderr -------
error: unrecognized subcommand 'biuld'

  tip: a similar subcommand exists: 'build'

Usage: pkg [OPTIONS] <COMMAND>

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn an_unknown_option() {
    Sandbox::new()
        .pkg(&["build", "--nigthly", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: unexpected argument '--nigthly' found

  tip: a similar argument exists: '--nightly'

Usage: pkg build --nightly <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn no_directory() {
    Sandbox::new().pkg(&["list"]).assert_snapshot(str![[r#"
------- stderr -------
error: the following required arguments were not provided:
  <DIR>...

Usage: pkg list <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn nightly_and_snapshot_at_once() {
    Sandbox::new()
        .pkg(&["plan", "--nightly", "--snapshot", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the argument '--nightly' cannot be used with '--snapshot'

Usage: pkg plan --nightly <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn no_builds_at_once() {
    Sandbox::new()
        .pkg(&["build", "--jobs", "0", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '0' for '--jobs <N>': at least 1

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn all_without_a_place_to_write_to() {
    Sandbox::new()
        .pkg(&["render", "--all", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the following required arguments were not provided:
  --out <OUT>

Usage: pkg render --all --out <OUT> <[NAME] DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn info_and_debug_at_once() {
    Sandbox::new()
        .pkg(&["--info", "--debug", "list", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the argument '--info' cannot be used with '--debug'

Usage: pkg --info <COMMAND>

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn colour_is_for_those_who_ask_for_it() {
    let colored = |when| {
        let output = Sandbox::with_settings().pkg(&["--color", when, "list", "nowhere"]);
        output.assert_code(2);
        output.stderr.contains('\u{1b}')
    };
    assert!(colored("always"));
    assert!(!colored("auto"));
    assert!(!colored("never"));
}

#[test]
fn lock() {
    Sandbox::new()
        .pkg(&["lock", "--help"])
        .assert_snapshot(str![[r#"
Choose the packages of declared images, and write down which

Each image that its `image.yaml` makes of packages gets an `image.lock.json`, with the version, the
file and the hash of each package; builds take these then and look at no index. A lock is written
only where it says something new, and all of a run are written or none.

Usage: pkg lock [OPTIONS] <DIR>... [NAME]

Arguments:
  <DIR>...
          The directories with images, and behind them the name of one image, where it is for that
          alone

Options:
      --check
          Write nothing and ask nobody: tell which locks are missing, or were made from other
          declarations

      --resolve
          Choose anew for `--check`, and tell what would move

      --fetch
          Bring the packages into the store of this machine, too, so that builds need no archive

      --wait <TIME>
          Wait so long for another run on these directories (`30m`) instead of giving up at once

      --json
          Print JSON

  -h, --help
          Print help (see a summary with '-h')

Options of every command:
  -c, --configfile <FILE>
          The settings
          
          [default: config.yaml]

      --info
          Show each step of builds, tests and pushes

      --debug
          Show each line that builds, tests and pushes print

      --color <WHEN>
          When to use colour
          
          [default: auto]
          [possible values: auto, always, never]
[exit status: 0]
[EOF]

"#]]);
}
