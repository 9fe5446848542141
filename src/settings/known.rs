//! The one table of settings: the reader's warnings, what templates see by default, and the JSON schema are made from it.
//!
//! A key that is not in it belongs to the user and means something only to templates.

/// One setting that means something.
pub(super) struct Setting {
    /// The key.
    pub(super) name: &'static str,
    /// What it is for, as an editor shows it.
    pub(super) about: &'static str,
    /// Which values it can have, besides `null`, which counts as if nothing stood there.
    pub(super) shape: Shape,
    /// What it is where no file says anything.
    pub(super) preset: Preset,
}

/// Which values a setting can have.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Any value; nothing reads it any more.
    Ignored,
    /// Any text.
    Text,
    /// A text or `false`.
    TextOrFalse,
    /// A registry, with the first parts of a path where all images have them.
    Registry,
    /// The middle parts of an image's name.
    Namespace,
    /// An address of a Debian mirror.
    Address,
    /// `true` or `false`.
    Flag,
    /// A whole number over 0.
    Count,
    /// A length of time.
    Span,
    /// Lengths of time by patterns of images' names.
    Spans,
    /// A list of texts.
    Texts,
    /// A list of references of images.
    References,
    /// Numbers of users by their names.
    Users,
    /// Limits of a build, as `name=value` pairs or as a mapping.
    Limits,
    /// Levels, age and exclusions of an audit.
    Audit,
    /// Where the values of build secrets are.
    Secrets,
    /// The words of a command, or a text of them.
    Command,
    /// Texts by keys of stamps.
    Stamps,
    /// One of these texts.
    Choice(&'static [&'static str]),
}

/// What a setting is where no file says anything.
#[derive(Clone, Copy)]
pub(super) enum Preset {
    /// Templates see it, as docker-pkg shows it to them.
    Shown(Literal),
    /// Only the program knows it: docker-pkg leaves the key undefined in templates.
    Kept(Literal),
}

/// A value that can be written into the table.
#[derive(Clone, Copy)]
pub(super) enum Literal {
    Nothing,
    Flag(bool),
    Number(i32),
    Text(&'static str),
    Texts(&'static [&'static str]),
    Users(&'static [(&'static str, i32)]),
}

impl Preset {
    pub(super) fn literal(self) -> Literal {
        match self {
            Self::Shown(literal) | Self::Kept(literal) => literal,
        }
    }
}

/// Finds a setting by its key.
pub(super) fn find_setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

const NO_LIST: Literal = Literal::Texts(&[]);
const DEBIAN_USERS: Literal = Literal::Users(&[("root", 0), ("www-data", 33), ("nobody", 65534)]);
const SHELL_TEST: Literal = Literal::Texts(&["-c", "{path}/test.sh {image}"]);

/// Every setting, in the order of the keys.
pub(super) static SETTINGS: [Setting; 33] = [
    Setting {
        name: "apt_only_proxy",
        about: "The proxy that only apt uses, in the filters `apt_install` and `apt_remove`. Without it apt takes \
                `http_proxy`; `''` or `false` means none.",
        shape: Shape::TextOrFalse,
        preset: Preset::Shown(Literal::Nothing),
    },
    Setting {
        name: "apt_options",
        about: "More options for each `apt-get` of the filters `apt_install` and `apt_remove`, such as \
                `-o Acquire::Retries=3`.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Text("")),
    },
    Setting {
        name: "audit",
        about: "What `pkg audit` takes for a fault: `rules` gives rules another severity or puts them `off`, `days` is the \
                age over which an image is called old, `exclude` lists rules and patterns of images' names.",
        shape: Shape::Audit,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "base_images",
        about: "Images from elsewhere that templates name with `image_tag`, each with its tag. They are refreshed \
                before a build that uses them.",
        shape: Shape::References,
        preset: Preset::Shown(NO_LIST),
    },
    Setting {
        name: "build_timeout",
        about: "How long the build of one image may take: seconds, or a length such as `15m` or `1h30m`.",
        shape: Shape::Span,
        preset: Preset::Kept(Literal::Text("2h")),
    },
    Setting {
        name: "build_timeouts",
        about: "Images whose build may take another time, by name or by a pattern of names: \
                `{chromium: 8h, \"*-toolchain\": 4h}`. Of several that match, the first counts.",
        shape: Shape::Spans,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "ca_bundle",
        about: "A PEM file with the certificates to trust at the registry, instead of the machine's.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Nothing),
    },
    Setting {
        name: "container_limits",
        about: "What the containers of a build may use: `memory=4g,memswap=-1,cpushares=512,cpusetcpus=0-3,8`, or \
                the same as a mapping.",
        shape: Shape::Limits,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "distribution",
        about: "The distribution of new changelog entries.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Text("wikimedia")),
    },
    Setting {
        name: "driver",
        about: "What builds images: the Docker engine.",
        shape: Shape::Choice(&["docker"]),
        preset: Preset::Kept(Literal::Text("docker")),
    },
    Setting {
        name: "engine_timeout",
        about: "How long the engine may be silent in a push or a pull, and to a question at most a minute of it: \
                seconds, or a length such as `90s` or `5m`.",
        shape: Shape::Span,
        preset: Preset::Kept(Literal::Text("5m")),
    },
    Setting {
        name: "fallback_author",
        about: "Who signs new changelog entries where neither DEBFULLNAME nor git's `user.name` tells.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Text("Author")),
    },
    Setting {
        name: "fallback_email",
        about: "The address in new changelog entries where neither DEBEMAIL nor git's `user.email` tells.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Text("email@domain")),
    },
    Setting {
        name: "force_numeric_user",
        about: "Refuses an image whose last USER is a name: Kubernetes can only tell that a container does not run as \
                root when its user is a number.",
        shape: Shape::Flag,
        preset: Preset::Shown(Literal::Flag(false)),
    },
    Setting {
        name: "http_proxy",
        about: "The proxy for everything that a build fetches; `false` means none.",
        shape: Shape::TextOrFalse,
        preset: Preset::Shown(Literal::Nothing),
    },
    Setting {
        name: "known_uid_mappings",
        about: "The numbers of the users that the filters `uid` and `add_user` know. A mapping here replaces the \
                default one as a whole.",
        shape: Shape::Users,
        preset: Preset::Shown(DEBIAN_USERS),
    },
    Setting {
        name: "mirror",
        about: "The Debian mirror from which declared bases are made. Without it the machine's apt sources tell.",
        shape: Shape::Address,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "namespace",
        about: "Comes between the registry and the name of an image: `base` in `registry.example.org/base/nginx:1.0-1`.",
        shape: Shape::Namespace,
        preset: Preset::Shown(Literal::Text("")),
    },
    Setting {
        name: "password",
        about: "The password or token of `username`. It belongs into the user's own settings, \
                `~/.config/docker-pkg.yaml`; `--password-stdin` and PKG_PASSWORD go before it; templates do not see it.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Nothing),
    },
    Setting {
        name: "registry",
        about: "Where images are published, as HOST, HOST:PORT or HOST/PATH. Without it they stay on the engine that \
                built them.",
        shape: Shape::Registry,
        preset: Preset::Shown(Literal::Text("")),
    },
    Setting {
        name: "registry_timeout",
        about: "How long a registry in trouble is asked again: seconds, or a length such as `90s` or `2m`.",
        shape: Shape::Span,
        preset: Preset::Kept(Literal::Text("2m")),
    },
    Setting {
        name: "scan_workers",
        about: "How many questions the registry is asked at once.",
        shape: Shape::Count,
        preset: Preset::Shown(Literal::Number(8)),
    },
    Setting {
        name: "secrets",
        about: "What builds may mount with `RUN --mount=type=secret,id=ID`: under each id the environment variable (`env`) \
                or the file (`file`) that holds the value, and in `images` patterns of the images that get it.",
        shape: Shape::Secrets,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "security_mirror",
        about: "The mirror of Debian's security updates for declared bases. Without it the machine's apt sources tell.",
        shape: Shape::Address,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "seed_image",
        about: "Nothing reads it any more; old repositories have it.",
        shape: Shape::Ignored,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "stamp_defaults",
        about: "What each `{{ stamp.KEY }}` of recipes and tags is without `--stamp`; of keys that do not begin with \
                `STABLE_` this alone counts for rebuilds: `{STABLE_GIT_COMMIT: unknown, CI_PIPELINE: none}`.",
        shape: Shape::Stamps,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "status_command",
        about: "The program that `--stamp` runs once, in the directory of this file: it prints `KEY value` lines, the values \
                of stamps.",
        shape: Shape::Command,
        preset: Preset::Kept(Literal::Nothing),
    },
    Setting {
        name: "update_id",
        about: "What the new part of a version begins with: `s` makes `1.0-1-s1` of `1.0-1`.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Text("s")),
    },
    Setting {
        name: "username",
        about: "The account that publishes; `--username` and PKG_USERNAME go before it. Only with a password too is \
                anything published by `build`.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Nothing),
    },
    Setting {
        name: "verify_args",
        about: "The arguments of `verify_command`: `{path}` is the directory of the image, `{image}` its label.",
        shape: Shape::Texts,
        preset: Preset::Shown(SHELL_TEST),
    },
    Setting {
        name: "verify_command",
        about: "The program that tests an image after it was built.",
        shape: Shape::Text,
        preset: Preset::Shown(Literal::Text("/bin/bash")),
    },
    Setting {
        name: "verify_timeout",
        about: "How long the tests of one image may take: seconds, or a length such as `15m`.",
        shape: Shape::Span,
        preset: Preset::Kept(Literal::Text("15m")),
    },
    Setting {
        name: "verify_timeouts",
        about: "Images whose tests may take another time, as in `build_timeouts`.",
        shape: Shape::Spans,
        preset: Preset::Kept(Literal::Nothing),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_setting_is_explained() {
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
        for setting in &SETTINGS {
            assert!(setting.about.ends_with('.'), "{}", setting.name);
        }
    }
}
