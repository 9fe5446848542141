//! Which files of its directory a recipe takes into the image, or shows to a step.
//!
//! ```text
//! COPY conf/*.conf entrypoint.sh /etc/     conf/a.conf, entrypoint.sh, neither conf/readme nor conf/d/a.conf
//! COPY --from=build /out /srv              nothing
//! RUN --mount=target=/src make             everything
//! ```
//!
//! What cannot be told from the file, a variable in a source for one, counts as everything.

use std::ffi::OsStr;
use std::path::{Component, Path};

use super::Pattern;
use crate::dockerfile::{Dockerfile, Instruction, Mount};

/// What a recipe takes.
#[derive(Clone, Debug, Default)]
pub struct Taken(Vec<Source>);

#[derive(Clone, Debug)]
enum Source {
    Everything,
    /// Files, or directories with all that is in them, name by name from the image directory down.
    Below(Vec<Name>),
    Elsewhere,
}

/// What one name of a path is. Docker matches as Go's `filepath.Match`: no sign stands for a `/`.
#[derive(Clone, Debug)]
enum Name {
    Plain(String),
    Matching(Pattern),
}

impl Taken {
    /// Gives what a Dockerfile takes from its context, in all of its stages.
    #[must_use]
    pub fn by(dockerfile: &Dockerfile) -> Self {
        let stages = dockerfile.stages.iter();
        let instructions = stages.flat_map(|stage| &stage.instructions);
        Self(instructions.flat_map(sources_of).collect())
    }

    /// Gives what takes everything.
    #[must_use]
    pub fn everything() -> Self {
        Self(vec![Source::Everything])
    }

    /// Gives what the images that are built on a Dockerfile take because of it (`ONBUILD`).
    #[must_use]
    pub fn by_children_of(dockerfile: &Dockerfile) -> Self {
        let stages = dockerfile.stages.iter();
        let mut instructions = stages.flat_map(|stage| &stage.instructions);
        let is_taking = |one: &Instruction| {
            let words = ["COPY", "ADD", "RUN"];
            let is = |word| one.arguments.to_ascii_uppercase().starts_with(word);
            one.keyword == "ONBUILD" && words.into_iter().any(is)
        };
        if instructions.any(is_taking) {
            Self::everything()
        } else {
            Self::default()
        }
    }

    /// Takes what another one takes as well.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Tells whether no file is taken, whatever there is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether a file is taken; the name is that below the image directory.
    #[must_use]
    pub fn holds(&self, file: &str) -> bool {
        self.holds_path(Path::new(file))
    }

    /// Tells the same of a file whose name may be no text.
    #[must_use]
    pub fn holds_path(&self, file: &Path) -> bool {
        self.0.iter().any(|source| source.holds(file))
    }
}

fn sources_of(one: &Instruction) -> Vec<Source> {
    match one.keyword.as_str() {
        "RUN" if one.mounts().iter().any(is_of_context) => vec![Source::Everything],
        "COPY" | "ADD" => {
            let (options, operands) = one.part_options();
            if options.iter().any(|option| option.starts_with("--from=")) {
                return Vec::new();
            }
            let words = words_of(operands);
            let sources = words.split_last().map(|(_, sources)| sources);
            let sources = sources.unwrap_or_default().iter();
            sources.map(|source| Source::parse(source)).collect()
        }
        _ => Vec::new(),
    }
}

/// Tells whether a step sees the context by a mount: one is of the context unless it says so.
fn is_of_context(mount: &Mount) -> bool {
    mount.is_of("bind") && mount.find(&["from"]).is_none()
}

fn words_of(operands: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(operands)
        .unwrap_or_else(|_| operands.split_whitespace().map(str::to_owned).collect())
}

impl Source {
    fn parse(text: &str) -> Self {
        if text.contains("://") {
            return Self::Elsewhere;
        }
        // Docker's classes and escapes are Go's, and what is not plain may be anything. With `--parents` two stars reach below.
        let is_odd = text.contains(['$', '[', ']', '\\', '"', '\'', ',']) || text.contains("**");
        let names = text.split('/').filter(|name| !matches!(*name, "" | "."));
        let names: Vec<&str> = names.collect();
        if names.is_empty() || names.contains(&"..") || is_odd {
            return Self::Everything;
        }
        let names = names.into_iter().map(Name::parse).collect::<Option<_>>();
        names.map_or(Self::Everything, Self::Below)
    }

    fn holds(&self, file: &Path) -> bool {
        let names = match self {
            Self::Everything => return true,
            Self::Elsewhere => return false,
            Self::Below(names) => names,
        };
        let mut components = file.components();
        names.iter().all(|name| match components.next() {
            Some(Component::Normal(component)) => name.is(component),
            _ => false,
        })
    }
}

impl Name {
    /// Reads a name; nothing where it is a pattern that is huge.
    fn parse(text: &str) -> Option<Self> {
        if text.contains(['*', '?']) {
            Pattern::parse(text).ok().map(Self::Matching)
        } else {
            Some(Self::Plain(text.to_owned()))
        }
    }

    fn is(&self, name: &OsStr) -> bool {
        match (self, name.to_str()) {
            (Self::Plain(plain), name) => name == Some(plain.as_str()),
            (Self::Matching(pattern), Some(name)) => pattern.matches(name),
            // What a pattern makes of bytes that are no text is Go's own affair.
            (Self::Matching(_), None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse_dockerfile;

    fn dockerfile(line: &str) -> Dockerfile {
        parse_dockerfile(&format!("FROM scratch\n{line}\n")).expect("a Dockerfile")
    }

    #[track_caller]
    fn case(line: &str, file: &str, expected: bool) {
        let taken = Taken::by(&dockerfile(line));
        assert_eq!(taken.holds(file), expected, "{line}: {file}");
    }

    #[test]
    fn only_what_the_recipe_names_can_change_the_image() {
        case("COPY . /", "test.sh", true);
        case("COPY ./src /src", "src/a", true);
        case("COPY src /src", "srcs", false);
        case("COPY --chown=1 [\"a b\", \"/\"]", "control", false);
        case("COPY --chown=1 [\"a b\", \"/\"]", "a b", true);
        case("COPY [\"a b\", \"/\"]", "a b", true);
        case("COPY *.conf /etc/", "x.conf", true);
        case("COPY *.conf /etc/", "test.sh", false);
        case("COPY conf* /etc/", "conf.d/x", true);
        case("COPY * /", "conf.d/x", true);
        case("COPY *.conf /etc/", "conf.d/x.conf", false);
        case("COPY conf/*.conf /etc/", "conf/x.conf", true);
        case("COPY conf/*.conf /etc/", "conf/d/x.conf", false);
        case("COPY conf/*.d /etc/", "conf/x.d/e/y", true);
        case("COPY */x /etc/", "a/b/x", false);
        case("COPY conf/a? /", "conf/a/b", false);
        case("COPY --parents **/x /etc/", "a/b/x", true);
        case("COPY dir/. /", "dir/x", true);
        case("COPY conf/./ /", "conf/x", true);
        case("COPY conf/./ /", "config", false);
        case("COPY [\"src/.\", \"/\"]", "src/x", true);
        case("COPY conf/*/. /", "conf/a/b", true);
        case("COPY ./. /", "x", true);
        case("COPY / /", "x", true);
        case("COPY ./*.conf /", "x.conf", true);
        case("COPY $WHAT /", "x", true);
        case("COPY conf//a.conf /", "conf/a.conf", true);
        case("COPY [\"./conf/./b\", \"/\"]", "conf/b", true);
        case("COPY conf/c[1] /", "conf/c1", true);
        case("COPY conf/[^x]* /", "conf/y", true);
        case("ADD a/../b /", "b", true);
        case("COPY --from=x . /", "test.sh", false);
        case("COPY [\"a  b\", \"/\"]", "a  b", true);
        case("COPY a --from=b /", "a", true);
        case(
            "ADD https://example.org/x.tar /",
            "example.org/x.tar",
            false,
        );
    }

    #[test]
    fn a_step_sees_what_is_bound_into_it() {
        case("RUN --mount=type=bind,target=/x make", "Makefile", true);
        case("RUN --mount=target=/x make", "Makefile", true);
        case("RUN --mount=\"TYPE=bind,target=/x\" make", "Makefile", true);
        case("RUN --mount=type=cache,target=/x make", "Makefile", false);
        case("RUN --mount=from=a,target=/x make", "Makefile", false);
        case(
            "RUN --mount=from=a,target=/x --mount=target=/y make",
            "Makefile",
            true,
        );
        case("RUN make", "Makefile", false);
    }

    #[test]
    fn what_a_base_does_in_its_children_takes_everything() {
        let children = |line| Taken::by_children_of(&dockerfile(line));
        assert!(children("ONBUILD COPY . /app").holds("a"));
        assert!(children("ONBUILD USER 33").is_nothing());
        assert!(children("COPY . /app").is_nothing());
    }
}
