//! Why a text is no Dockerfile.

/// Why a text is no Dockerfile; [`DockerfileError::line`] tells where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DockerfileError {
    /// No line is a `FROM`.
    #[error("a Dockerfile needs a `FROM`, and there is none")]
    NoFrom,
    /// An instruction that needs a stage stands before the first one.
    #[error("before the first `FROM` stands only `ARG`, not `{keyword}`")]
    BeforeFrom {
        /// The line, counted from 1.
        line: usize,
        /// The instruction's name.
        keyword: String,
    },
    /// The first word of a line is no instruction.
    #[error("`{word}` is no instruction")]
    Instruction {
        /// The line, counted from 1.
        line: usize,
        /// The word as written.
        word: String,
    },
    /// An instruction has nothing after its name.
    #[error("after `{keyword}` something has to follow")]
    Arguments {
        /// The line, counted from 1.
        line: usize,
        /// The instruction's name.
        keyword: String,
    },
    /// A `FROM` is not written as one.
    #[error("expected `FROM image` or `FROM image AS name`, not `FROM {arguments}`")]
    From {
        /// The line, counted from 1.
        line: usize,
        /// What follows `FROM`.
        arguments: String,
    },
    /// The variables of a `FROM` give no name.
    #[error("`{written}` names no image: the `ARG` lines before the first `FROM` give it no value")]
    Blank {
        /// The line, counted from 1.
        line: usize,
        /// The base as written.
        written: String,
    },
    /// The name of an image has a quote in its middle.
    #[error("`{written}` names no image: a quote stands in it")]
    Quote {
        /// The line, counted from 1.
        line: usize,
        /// The name as written.
        written: String,
    },
    /// A variable cannot be put in.
    #[error("`{written}` cannot be read: {cause}")]
    Expansion {
        /// The line, counted from 1.
        line: usize,
        /// The word as written.
        written: String,
        /// What is wrong with it.
        cause: ExpandError,
    },
    /// A here-document has no end.
    #[error("the here-document that begins here has no line `{name}` at its end")]
    HereDocument {
        /// The line, counted from 1.
        line: usize,
        /// The line that would end it.
        name: String,
    },
    /// The directive `escape` names a character that cannot escape.
    #[error("the directive `escape` is a backslash or a backtick, not `{value}`")]
    Escape {
        /// The line, counted from 1.
        line: usize,
        /// The value as written.
        value: String,
    },
}

/// Why variables cannot be put into a word.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExpandError {
    /// `${` has no `}`, or no name.
    #[error("it holds `$` and `{{` without a name and `}}`")]
    Braces,
    /// `${NAME:?…}` without a value for the name.
    #[error("it needs a variable that has no value")]
    Required,
    /// The result is longer than any name of an image.
    #[error("with its variables it is too long")]
    TooLong,
    /// Braces in braces in braces.
    #[error("its variables are nested too deep")]
    TooDeep,
}

impl DockerfileError {
    /// Gives the line at fault, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::NoFrom => 1,
            Self::BeforeFrom { line, .. }
            | Self::Instruction { line, .. }
            | Self::Arguments { line, .. }
            | Self::From { line, .. }
            | Self::Blank { line, .. }
            | Self::Quote { line, .. }
            | Self::Expansion { line, .. }
            | Self::HereDocument { line, .. }
            | Self::Escape { line, .. } => *line,
        }
    }
}
