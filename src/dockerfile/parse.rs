//! Stages, bases, users and the images that instructions take files from.

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::DockerfileError;
use super::expand::{Expanded, expand};
use super::lines::{LogicalLine, cut_lines};
use super::scope::Scope;
use super::words::{Words, without_quotes};

/// A Dockerfile that was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// The stages; at least one, and the last one is the result.
    pub stages: Vec<Stage>,
    /// The `ARG` lines before the first stage.
    pub global_args: Vec<GlobalArg>,
    /// The directive `syntax`: an image that the engine fetches to read the file with.
    pub syntax: Option<ImageReference>,
    /// The line of the first here-document: the classic builder of newer engines takes it and runs nothing.
    pub heredoc_line: Option<usize>,
}

/// What a `FROM` begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The name after `AS`, as written.
    pub name: Option<String>,
    /// The base as the engine looks it up, with variables put in.
    pub base: ImageReference,
    /// What the base is.
    pub source: BaseSource,
    /// The last `USER`.
    pub user: Option<User>,
    /// The images from outside that `--from` of `COPY` and `from` of `RUN --mount` name.
    pub references: Vec<ImageReference>,
    /// All instructions after the `FROM`.
    pub instructions: Vec<Instruction>,
}

/// What the base of a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseSource {
    /// An image from outside of the file.
    Image,
    /// An earlier stage, by its index.
    Stage(usize),
    /// Nothing: `FROM scratch`.
    Scratch,
    /// A name that depends on the machine (`build-$TARGETARCH`); its text is as written.
    Unknown,
}

/// The name of an image, and where it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// The name, with variables put in.
    pub text: String,
    /// The bytes in the file that give it.
    pub span: Range<usize>,
    /// The line, counted from 1.
    pub line: usize,
}

/// Who runs what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What follows `USER`, without blanks around it; variables are not put in.
    pub written: String,
    /// The same with variables put in and without quotes; nothing where only the engine knows them.
    pub value: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
}

/// An `ARG` before the first stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalArg {
    /// The name.
    pub name: String,
    /// The default, with variables put in; nothing where there is none or only the engine knows it.
    pub value: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
}

/// One instruction of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The name, in capitals.
    pub keyword: String,
    /// What follows on its lines, joined and without comments; here-documents are not in it.
    pub arguments: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The bytes in the file, here-documents included.
    pub span: Range<usize>,
}

const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads a Dockerfile.
///
/// What stands in here-documents and after `ONBUILD` names nothing for this build and is passed over.
pub fn parse_dockerfile(text: &str) -> Result<Dockerfile, DockerfileError> {
    let lines = cut_lines(text)?;
    let mut parser = Parser {
        escape: lines.escape,
        globals: Scope::empty(),
        scopes: Vec::new(),
        names: BTreeMap::new(),
        dockerfile: Dockerfile {
            stages: Vec::new(),
            global_args: Vec::new(),
            heredoc_line: lines.heredoc_line,
            syntax: lines.syntax.map(|(span, line)| ImageReference {
                text: text[span.clone()].to_owned(),
                span,
                line,
            }),
        },
    };
    for line in &lines.instructions {
        parser.read_line(line)?;
    }
    let mut dockerfile = parser.dockerfile;
    if dockerfile.stages.is_empty() {
        return Err(DockerfileError::NoFrom);
    }
    // A stage may take from a later one, so what is a stage is known only now.
    let count = dockerfile.stages.len();
    let is_stage = |text: &str| {
        parser.names.contains_key(&text.to_ascii_lowercase())
            || text.parse::<usize>().is_ok_and(|index| index < count)
    };
    for stage in &mut dockerfile.stages {
        stage
            .references
            .retain(|reference| !is_stage(&reference.text));
    }
    Ok(dockerfile)
}

struct Parser {
    escape: char,
    /// The variables before the first stage.
    globals: Scope,
    /// Those of each stage.
    scopes: Vec<Scope>,
    /// The stages by their names in small letters; the last one of a name counts.
    names: BTreeMap<String, usize>,
    dockerfile: Dockerfile,
}

impl Parser {
    fn read_line(&mut self, line: &LogicalLine) -> Result<(), DockerfileError> {
        let Some(word) = Words::of(&line.text, self.escape).next() else {
            return Ok(());
        };
        let number = line.line_at(word.start);
        let keyword = line.text[word.clone()].to_ascii_uppercase();
        if !KEYWORDS.contains(&keyword.as_str()) {
            return Err(DockerfileError::Instruction {
                line: number,
                word: line.text[word].escape_debug().collect(),
            });
        }
        let arguments = line.text[word.end..].trim().to_owned();
        if arguments.is_empty() {
            return Err(DockerfileError::Arguments {
                line: number,
                keyword,
            });
        }
        if keyword == "FROM" {
            let stage = self.read_from(line, word.end, number)?;
            self.begin_stage(stage);
            return Ok(());
        }
        let (Some(stage), Some(scope)) =
            (self.dockerfile.stages.last_mut(), self.scopes.last_mut())
        else {
            if keyword == "ARG" {
                return self.read_global_arg(line, word.end);
            }
            return Err(DockerfileError::BeforeFrom {
                line: number,
                keyword,
            });
        };
        match keyword.as_str() {
            "USER" => {
                stage.user = Some(User {
                    written: arguments.clone(),
                    value: scope.expand(&arguments, self.escape).find_text(),
                    line: number,
                });
            }
            "ARG" => scope.read_arguments(&arguments, self.escape, &self.globals),
            "ENV" => scope.read_environment(&arguments, self.escape),
            "COPY" | "ADD" | "RUN" => {
                stage
                    .references
                    .extend(find_references(line, word.end, &keyword, self.escape)?);
            }
            _ => {}
        }
        stage.instructions.push(Instruction {
            keyword,
            arguments,
            line: number,
            span: line.span.clone(),
        });
        Ok(())
    }

    fn begin_stage(&mut self, stage: Stage) {
        if let Some(name) = &stage.name {
            let index = self.dockerfile.stages.len();
            self.names.insert(name.to_ascii_lowercase(), index);
        }
        self.scopes.push(match stage.source {
            BaseSource::Stage(earlier) => self.scopes[earlier].of_stage(),
            BaseSource::Scratch => Scope::empty(),
            BaseSource::Image | BaseSource::Unknown => Scope::of_image(),
        });
        self.dockerfile.stages.push(stage);
    }

    fn read_from(
        &self,
        line: &LogicalLine,
        start: usize,
        number: usize,
    ) -> Result<Stage, DockerfileError> {
        let words: Vec<Range<usize>> = words_from(line, start, self.escape)
            .skip_while(|word| line.text[word.clone()].starts_with("--"))
            .collect();
        let (base, name) = match &words[..] {
            [base] => (base, None),
            [base, keyword, name] if line.text[keyword.clone()].eq_ignore_ascii_case("AS") => {
                (base, Some(line.text[name.clone()].to_owned()))
            }
            _ => {
                return Err(DockerfileError::From {
                    line: number,
                    arguments: line.text[start..].trim().escape_debug().collect(),
                });
            }
        };
        let written = &line.text[base.clone()];
        let at = line.line_at(base.start);
        let (text, source) = match self.expand(written, at)? {
            Expanded::Unknown => (written.to_owned(), BaseSource::Unknown),
            Expanded::Text(text) if text.is_empty() => {
                return Err(DockerfileError::Blank {
                    line: at,
                    written: written.escape_debug().collect(),
                });
            }
            Expanded::Text(text) => {
                let source = self.source_of(&text);
                (text, source)
            }
        };
        Ok(Stage {
            name,
            base: ImageReference {
                text,
                span: line.place(base),
                line: at,
            },
            source,
            user: None,
            references: Vec::new(),
            instructions: Vec::new(),
        })
    }

    /// A stage's name goes before the same name of an image; only earlier stages can be a base.
    fn source_of(&self, text: &str) -> BaseSource {
        match self.names.get(&text.to_ascii_lowercase()) {
            Some(&index) => BaseSource::Stage(index),
            None if text == "scratch" => BaseSource::Scratch,
            None => BaseSource::Image,
        }
    }

    fn read_global_arg(&mut self, line: &LogicalLine, start: usize) -> Result<(), DockerfileError> {
        for word in words_from(line, start, self.escape) {
            let at = line.line_at(word.start);
            let (name, value) = match line.text[word.clone()].split_once('=') {
                Some((name, value)) => (name, Some(self.expand(value, at)?)),
                None => (&line.text[word], None),
            };
            let text = match &value {
                Some(Expanded::Text(text)) => Some(text.clone()),
                Some(Expanded::Unknown) | None => None,
            };
            if let Some(value) = value {
                self.globals.set_argument(name, value.into());
            }
            self.dockerfile.global_args.push(GlobalArg {
                name: name.to_owned(),
                value: text,
                line: at,
            });
        }
        Ok(())
    }

    fn expand(&self, written: &str, line: usize) -> Result<Expanded, DockerfileError> {
        expand(written, self.escape, &self.globals).map_err(|cause| DockerfileError::Expansion {
            line,
            written: written.escape_debug().collect(),
            cause,
        })
    }
}

fn words_from(
    line: &LogicalLine,
    start: usize,
    escape: char,
) -> impl Iterator<Item = Range<usize>> {
    Words::of(&line.text[start..], escape).map(move |word| word.start + start..word.end + start)
}

/// Finds what `--from` and `--mount` name; the engine puts no variables in there.
fn find_references(
    line: &LogicalLine,
    start: usize,
    keyword: &str,
    escape: char,
) -> Result<Vec<ImageReference>, DockerfileError> {
    let mut references = Vec::new();
    for word in words_from(line, start, escape) {
        let text = &line.text[word.clone()];
        if !text.starts_with("--") {
            break;
        }
        let found = match text.split_once('=') {
            Some(("--from", _)) if keyword != "RUN" => Some(word.start + "--from=".len()..word.end),
            Some(("--mount", _)) if keyword == "RUN" => {
                find_mount_source(&line.text, word.start + "--mount=".len()..word.end)
            }
            _ => None,
        };
        let Some(found) = found.map(|found| without_quotes(&line.text, found)) else {
            continue;
        };
        let text = &line.text[found.clone()];
        if text.contains(['"', '\'']) {
            return Err(DockerfileError::Quote {
                line: line.line_at(found.start),
                written: text.escape_debug().collect(),
            });
        }
        if !text.is_empty() && text != "scratch" {
            references.push(ImageReference {
                text: text.to_owned(),
                span: line.place(&found),
                line: line.line_at(found.start),
            });
        }
    }
    Ok(references)
}

/// Finds the value of `from` in `type=bind,from=image,target=/x`, whose parts may each stand in quotes.
fn find_mount_source(text: &str, value: Range<usize>) -> Option<Range<usize>> {
    let mut start = value.start;
    let mut found = None;
    for part in text[value].split(',') {
        let field = without_quotes(text, start..start + part.len());
        start += part.len() + 1;
        if let Some((key, source)) = text[field.clone()].split_once('=')
            && key.trim().eq_ignore_ascii_case("from")
        {
            found = Some(field.end - source.len()..field.end);
        }
    }
    found
}
