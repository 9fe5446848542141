//! The tests of one file.

use super::pattern::Pattern;
use crate::place::Place;

/// The tests of one file, in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// Variables of all commands.
    pub variables: Vec<Variable>,
    /// Commands to run.
    pub commands: Vec<CommandTest>,
    /// What files contain.
    pub contents: Vec<ContentTest>,
    /// Which files there are.
    pub existence: Vec<ExistenceTest>,
    /// What packages are licensed under.
    pub licenses: Vec<LicenseTest>,
    /// What the configuration says.
    pub metadata: Option<MetadataTest>,
    /// How commands are run.
    pub run: RunOptions,
}

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub key: String,
    /// Its value, in which `$X` is another one's.
    pub value: String,
}

/// A command, and what it has to answer.
#[derive(Clone, Debug)]
pub struct CommandTest {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Commands before it; what they change, it finds.
    pub setup: Vec<Vec<String>>,
    /// Commands after it.
    pub teardown: Vec<Vec<String>>,
    /// Further variables.
    pub variables: Vec<Variable>,
    /// The program with its arguments.
    pub words: Vec<String>,
    /// The exit code.
    pub exit_code: i64,
    /// What stdout has to match.
    pub expected_output: Vec<Pattern>,
    /// What it may not match.
    pub excluded_output: Vec<Pattern>,
    /// What stderr has to match.
    pub expected_error: Vec<Pattern>,
    /// What it may not match.
    pub excluded_error: Vec<Pattern>,
}

/// Which rights of execution a file has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// Its owner's.
    Owner,
    /// Its group's.
    Group,
    /// All others'.
    Other,
    /// Anybody's.
    Any,
}

/// A path, and what it has to be.
#[derive(Clone, Debug)]
pub struct ExistenceTest {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// The path, in which `$X` is a variable of the image.
    pub path: String,
    /// Whether anything has to be there, or nothing.
    pub is_expected: bool,
    /// The mode, as Go writes it.
    pub permissions: Option<String>,
    /// The owner.
    pub uid: Option<u64>,
    /// The group.
    pub gid: Option<u64>,
    /// Who has to be able to execute it.
    pub executable_by: Option<Execution>,
}

/// A file, and what it has to contain.
#[derive(Clone, Debug)]
pub struct ContentTest {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// The path.
    pub path: String,
    /// What it has to match.
    pub expected: Vec<Pattern>,
    /// What it may not match.
    pub excluded: Vec<Pattern>,
}

/// Files whose licences have to be acceptable.
#[derive(Clone, Debug)]
pub struct LicenseTest {
    /// Where it is written.
    pub place: Place,
    /// Which one of the file it is, counted from 0.
    pub number: usize,
    /// Whether those of all Debian packages are meant.
    pub debian: bool,
    /// Further files.
    pub files: Vec<String>,
}

/// A variable or a label with the value that it has to have.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Its name.
    pub key: String,
    /// The value.
    pub value: Value,
}

/// How a value is compared.
#[derive(Clone, Debug)]
pub enum Value {
    /// It has to be this.
    Exact(String),
    /// It has to match this.
    Matching(Pattern),
}

/// What the configuration of an image has to say.
#[derive(Clone, Debug)]
pub struct MetadataTest {
    /// Where it is written.
    pub place: Place,
    /// Variables of the environment.
    pub variables: Vec<Pair>,
    /// Variables that may not be there.
    pub unbound: Vec<String>,
    /// Labels.
    pub labels: Vec<Pair>,
    /// The entry point, where it is checked.
    pub entrypoint: Option<Vec<String>>,
    /// The command, where it is checked.
    pub cmd: Option<Vec<String>>,
    /// Ports that are exposed: `8080`, of any protocol, or `53/udp`.
    pub exposed: Vec<String>,
    /// Ports that are not.
    pub unexposed: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
    /// What is none.
    pub unmounted: Vec<String>,
    /// The working directory, where it is checked.
    pub workdir: Option<String>,
    /// The user, where it is checked.
    pub user: Option<String>,
}

/// How commands are run; the image's own where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// The user.
    pub user: Option<String>,
    /// With all rights.
    pub privileged: bool,
    /// With a terminal: then stderr comes as stdout.
    pub allocate_tty: bool,
    /// A file of variables, from the directory of the tests.
    pub env_file: Option<String>,
    /// Variables to be handed on from the environment of this program.
    pub env_vars: Vec<String>,
    /// Capabilities to add.
    pub capabilities: Vec<String>,
    /// Directories to mount: `/on/the/machine:/in/the/container:ro`.
    pub bind_mounts: Vec<String>,
}

/// One test of a suite.
#[derive(Clone, Copy, Debug)]
pub enum Check<'a> {
    /// A command.
    Command(&'a CommandTest),
    /// A file's content.
    Content(&'a ContentTest),
    /// A path.
    Existence(&'a ExistenceTest),
    /// Licences.
    License(&'a LicenseTest),
    /// The configuration.
    Metadata(&'a MetadataTest),
}

impl Suite {
    /// Gives all tests in the order in which they are run.
    pub fn checks(&self) -> impl Iterator<Item = Check<'_>> {
        let commands = self.commands.iter().map(Check::Command);
        let contents = self.contents.iter().map(Check::Content);
        let existence = self.existence.iter().map(Check::Existence);
        let licenses = self.licenses.iter().map(Check::License);
        let metadata = self.metadata.iter().map(Check::Metadata);
        let files = contents.chain(existence).chain(licenses);
        commands.chain(files).chain(metadata)
    }
}

impl Check<'_> {
    /// Gives what a report calls it, as container-structure-test does.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Command(test) => format!("Command Test: {}", test.name),
            Self::Content(test) => format!("File Content Test: {}", test.name),
            Self::Existence(test) => format!("File Existence Test: {}", test.name),
            Self::License(test) => format!("License Test #{}", test.number),
            Self::Metadata(_) => "Metadata Test".to_owned(),
        }
    }

    /// Gives where it is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Command(test) => &test.place,
            Self::Content(test) => &test.place,
            Self::Existence(test) => &test.place,
            Self::License(test) => &test.place,
            Self::Metadata(test) => &test.place,
        }
    }

    /// Tells whether it looks at the files of an image.
    #[must_use]
    pub fn needs_files(&self) -> bool {
        matches!(
            self,
            Self::Content(_) | Self::Existence(_) | Self::License(_)
        )
    }
}
