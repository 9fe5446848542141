//! Questions to a whole Dockerfile: which images it needs, the same with other ones, and who runs the result.

use super::parse::{BaseSource, Dockerfile, ImageReference, Stage, User};

impl Dockerfile {
    /// Gives every image from outside that the build needs, as the file names them from top to bottom.
    ///
    /// Stages, `scratch` and names that only the engine knows are not among them.
    pub fn image_references(&self) -> impl Iterator<Item = &ImageReference> {
        self.stages.iter().flat_map(|stage| {
            let base = (stage.source == BaseSource::Image).then_some(&stage.base);
            base.into_iter().chain(&stage.references)
        })
    }

    /// Gives the text with other names of images in it; all other bytes stay.
    ///
    /// `text` is the one that was parsed. `replace` gets each of [`Dockerfile::image_references`] and gives nothing for one
    /// that stays as it is written.
    #[must_use]
    pub fn rewrite_references(
        &self,
        text: &str,
        mut replace: impl FnMut(&str) -> Option<String>,
    ) -> String {
        let mut result = String::with_capacity(text.len());
        let mut done = 0;
        for reference in self.image_references() {
            let between = text.get(done..reference.span.start);
            if let Some(replaced) = replace(&reference.text)
                && let Some(between) = between
            {
                result.push_str(between);
                result.push_str(&replaced);
                done = reference.span.end;
            }
        }
        result.push_str(text.get(done..).unwrap_or_default());
        result
    }

    /// Gives the stages of which the result is made, the last one first.
    pub fn result_stages(&self) -> impl Iterator<Item = &Stage> {
        std::iter::successors(self.stages.last(), |stage| match stage.source {
            BaseSource::Stage(earlier) => self.stages.get(earlier),
            _ => None,
        })
    }

    /// Finds the `USER` that the result runs as, in the last stage or the stages that it is made from.
    #[must_use]
    pub fn final_user(&self) -> Option<&User> {
        self.result_stages().find_map(|stage| stage.user.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse::parse_dockerfile;
    use super::*;

    fn parse(text: &str) -> Dockerfile {
        parse_dockerfile(text).expect("a Dockerfile")
    }

    #[track_caller]
    fn case(text: &str, expected: &[(&str, usize)]) {
        let dockerfile = parse(text);
        let found: Vec<(&str, usize)> = dockerfile
            .image_references()
            .map(|reference| (reference.text.as_str(), reference.line))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn bases_are_found_without_stages_and_scratch() {
        case("FROM a:1", &[("a:1", 1)]);
        case(
            "\t from --platform=linux/amd64 a:1 as b\nFROM B\nFROM scratch\nFROM c",
            &[("a:1", 1), ("c", 4)],
        );
        case("FROM b\nFROM a AS b\nFROM b\n", &[("b", 1), ("a", 2)]);
        case(
            "FROM \\\n# c\n  r.example.org:5000/a:1\\\n-2@sha256:0 AS b\n",
            &[("r.example.org:5000/a:1-2@sha256:0", 3)],
        );
        case(
            "ARG A=a B='b' C\nARG D=$A-$B\nFROM $D${C:-:1}\nFROM ${A}\n",
            &[("a-b:1", 3), ("a", 4)],
        );
        case(
            "FROM a AS build-amd64\nFROM build-$TARGETARCH\n",
            &[("a", 1)],
        );
        case("FROM \"a:1\"\n", &[("a:1", 1)]);
    }

    #[test]
    fn sources_of_copies_and_mounts_are_found() {
        case(
            "FROM a AS x\nCOPY --from=b:1 /b /\nCOPY --chown=1 --link --from=x /b /\nCOPY --from=0 / /",
            &[("a", 1), ("b:1", 2)],
        );
        case(
            "FROM a\nCOPY --from=later /b /\nFROM b AS Later\nADD --from=7 / /",
            &[("a", 1), ("b", 3), ("7", 4)],
        );
        case(
            "FROM a\nCOPY f --from=b /\nCOPY --from=\"c\" \\\n --from=d / /\nCOPY --from= / /",
            &[("a", 1), ("c", 3), ("d", 4)],
        );
        case(
            "FROM a\nRUN --mount=type=bind,from=b:1,target=/b --network=none \\\n  --mount=type=cache,target=/c,FROM=c make --mount=from=d",
            &[("a", 1), ("b:1", 2), ("c", 3)],
        );
        case(
            "FROM a\nRUN --mount=type=bind,\"from=b\",target=/b make\nRUN --mount=from=scratch,type=tmpfs x",
            &[("a", 1), ("b", 2)],
        );
        case(
            "FROM a\nONBUILD COPY --from=b / /\nRUN echo --from=b it's\nRUN <<E\nFROM b\nE\n",
            &[("a", 1)],
        );
    }

    #[test]
    fn quotes_are_no_part_of_a_name() {
        case(
            "FROM a\nRUN --mount=\"type=bind,from=b\",target=/b make\nRUN --mount=\"from=c,target=/c\" make",
            &[("a", 1), ("b", 2), ("c", 3)],
        );
        case(
            "FROM a\nRUN --mount=type=bind,from=\"b\" make",
            &[("a", 1), ("b", 2)],
        );
        case("FROM a\nRUN --mount=\"from=\"b make", &[("a", 1), ("b", 2)]);
        let text = "FROM a\nRUN --mount=\"type=bind,from=\"b,target=/b make\n";
        let rewritten = parse(text).rewrite_references(text, |_| Some("c:1".to_owned()));
        assert_eq!(
            rewritten,
            "FROM c:1\nRUN --mount=\"type=bind,from=\"c:1,target=/b make\n"
        );
        for line in ["COPY --from=b\"c d\" / /", "RUN --mount=\"from=a\"b\" c"] {
            let error = parse_dockerfile(&format!("FROM a\n{line}\n")).expect_err(line);
            assert_eq!(error.line(), 2, "{error}");
            assert!(
                error.to_string().ends_with("a quote stands in it"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_syntax_image_is_told_apart() {
        let text = "# Syntax = docker/dockerfile:1 \nFROM a\n";
        let syntax = parse(text).syntax.expect("a directive");
        assert_eq!(
            (syntax.text.as_str(), syntax.line),
            ("docker/dockerfile:1", 1)
        );
        assert_eq!(&text[syntax.span], "docker/dockerfile:1");
        assert_eq!(
            parse("# c\n# syntax=docker/dockerfile:1\nFROM a\n").syntax,
            None
        );
    }

    #[test]
    fn only_references_are_rewritten() {
        let text = "# FROM a\nARG A=a\nFrom\t--platform=x $A  as b\r\nCOPY --from=\"c\" a /\nRUN --mount=from=a,target=/a a \\\n  # a\n a\nFROM b\nFROM \\\n  a\\\n:2\n";
        let rewritten = parse(text).rewrite_references(text, |name| match name {
            "a" => Some("a@sha256:1".to_owned()),
            "a:2" => Some("a2".to_owned()),
            _ => None,
        });
        let expected = "# FROM a\nARG A=a\nFrom\t--platform=x a@sha256:1  as b\r\nCOPY --from=\"c\" a /\nRUN --mount=from=a@sha256:1,target=/a a \\\n  # a\n a\nFROM b\nFROM \\\n  a2\n";
        assert_eq!(rewritten, expected);
    }

    #[track_caller]
    fn user(text: &str, expected: Option<(&str, usize)>) {
        let dockerfile = parse(text);
        let found = dockerfile
            .final_user()
            .map(|user| (user.value.as_deref().unwrap_or("?"), user.line));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_result_runs_as_the_last_user_of_its_stages() {
        user("FROM a", None);
        user("FROM a\nUSER root\n \tuser\t33:33 \n", Some(("33:33", 3)));
        user("FROM a\nUSER \\\n# c\n 33\n", Some(("33", 2)));
        user("FROM a\nUSER root\nFROM b\n", None);
        user(
            "FROM a AS x\nUSER 33\nFROM c\nUSER 1\nFROM x\nRUN y\n",
            Some(("33", 2)),
        );
        user("FROM a\nONBUILD USER x\nRUN <<E\nUSER y\nE\n", None);
    }

    #[test]
    fn the_variables_of_a_user_are_put_in_where_the_file_gives_them() {
        let case = |lines: &str, expected: &str| {
            let text = format!("ARG G=7\nARG N\nFROM a AS x\n{lines}\n");
            let dockerfile = parse(&text);
            let user = dockerfile.final_user().expect("a user");
            assert_eq!(user.value.as_deref().unwrap_or("?"), expected, "{lines}");
        };
        case("USER \"33\"", "33");
        case("USER '33':\"33\"", "33:33");
        case("ARG U=33\nUSER $U", "33");
        case("ARG U=33 V=\"4 4\"\nUSER ${U}:${V}", "33:4 4");
        case("ENV U=33\nUSER $U:$U", "33:33");
        case("ENV U 33\nUSER $U", "33");
        case("ENV U=1 V=$U\nENV W=$U\nUSER $W", "1");
        // The base may set what the file does not.
        case("USER $U", "?");
        case("USER ${U:-33}", "?");
        case("ENV U=1 V=$U\nUSER $V", "?");
        case("ENV V=$U\nUSER $V", "?");
        // An ARG takes its value from above the first FROM, or has none.
        case("USER $G", "?");
        case("ARG G\nUSER $G", "7");
        case("ARG N\nUSER ${N:-33}", "33");
        case("ARG U=1\nENV U=2\nARG U=3\nUSER $U", "2");
        // What comes later counts later.
        case("ARG U=1\nUSER $U\nARG U=2", "1");
        // A stage has the environment of the one that it is made from, and its own arguments.
        case("ENV U=1\nFROM x\nUSER $U", "1");
        case("ENV U=1\nARG V=2\nFROM x\nUSER $V", "?");
        case("FROM scratch\nUSER ${U:-5}", "5");
        case("ENV U=1\nFROM b\nUSER $U", "?");
        case("USER ${U", "?");
        case("ARG TARGETARCH\nUSER $TARGETARCH", "?");
        case("ARG U=33\nUSER '$U'", "$U");
    }

    #[track_caller]
    fn refused(text: &str, line: usize, message: &str) {
        let error = parse_dockerfile(text).expect_err("no Dockerfile");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.line(), line);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        refused("", 1, "a Dockerfile needs a `FROM`, and there is none");
        refused(
            "ARG A\n",
            1,
            "a Dockerfile needs a `FROM`, and there is none",
        );
        refused(
            "\nRUN x\nFROM a\n",
            2,
            "before the first `FROM` stands only `ARG`, not `RUN`",
        );
        refused("FROM a\n\\\nFORM b\n", 3, "`FORM` is no instruction");
        refused("FROM a\nuser\n", 2, "after `USER` something has to follow");
        for arguments in ["a b", "a AS", "a AS b c", "--platform=x"] {
            let message =
                format!("expected `FROM image` or `FROM image AS name`, not `FROM {arguments}`");
            refused(&format!("FROM {arguments}"), 1, &message);
        }
        refused(
            "ARG A\nFROM ${A}\n",
            2,
            "`${A}` names no image: the `ARG` lines before the first `FROM` give it no value",
        );
        refused(
            "FROM ${A",
            1,
            "`${A` cannot be read: it holds `$` and `{` without a name and `}`",
        );
        refused(
            "FROM a\nCOPY <<E /x\n",
            2,
            "the here-document that begins here has no line `E` at its end",
        );
    }

    proptest! {
        #[test]
        fn without_replacements_every_byte_stays(
            text in "(FROM a|\n|\r\n|\\\\\n|COPY --from=| b|'|\"|\\$\\{?A|ARG A=x|RUN --mount=|,from=|<<E|E\n|#|\t|é|\u{feff}|\\PC){0,30}",
        ) {
            for start in ["", "FROM a\n"] {
                let text = format!("{start}{text}");
                if let Ok(dockerfile) = parse_dockerfile(&text) {
                    prop_assert_eq!(dockerfile.rewrite_references(&text, |_| None), text.as_str());
                    let mut end = 0;
                    for reference in dockerfile.image_references() {
                        prop_assert!(end <= reference.span.start && reference.span.start < reference.span.end);
                        end = reference.span.end;
                        prop_assert!(text.get(reference.span.clone()).is_some());
                    }
                    let mut written = dockerfile.image_references().map(|reference| text[reference.span.clone()].to_owned());
                    let rewritten = dockerfile.rewrite_references(&text, |_| written.next());
                    prop_assert_eq!(rewritten, text.as_str());
                }
            }
        }
    }
}
