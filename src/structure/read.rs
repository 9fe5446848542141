//! Reads a file of tests: all that is wrong with it is told at once, as far as it is YAML with the right keys.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};

use super::error::{StructureError, StructureFault as Fault};
use super::mode::is_mode;
use super::pattern::{Pattern, Room};
use super::suite::{
    CommandTest, ContentTest, Execution, ExistenceTest, LicenseTest, MetadataTest, Pair,
    RunOptions, Suite, Value, Variable,
};
use super::written::{
    List, WrittenCommand, WrittenContent, WrittenExecution, WrittenExistence, WrittenLicense,
    WrittenMetadata, WrittenPair, WrittenRunOptions, WrittenSuite, WrittenVariable, WrittenVersion,
};
use crate::place::Place;
use crate::yaml::{YamlFault, read_yaml};

/// No real file is nearly as large.
const LARGEST_BYTES: usize = 4 << 20;

/// Reads the tests of a file; `path` is for places.
pub fn parse_suite(path: &Path, text: &str) -> Result<Suite, Vec<StructureError>> {
    let mut reader = Reader {
        path,
        version: Version::Two,
        room: Room::default(),
        errors: Vec::new(),
    };
    if text.len() > LARGEST_BYTES {
        let fault = Fault::TooLarge("over 4 MiB");
        let place = Place::file(path);
        return Err(vec![StructureError { place, fault }]);
    }
    let read = reader.read(text).map_err(|error| vec![error])?;
    if reader.errors.is_empty() {
        return Ok(read);
    }
    reader
        .errors
        .sort_by(|one, other| one.place.cmp(&other.place));
    Err(reader.errors)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

struct Reader<'a> {
    path: &'a Path,
    version: Version,
    room: Room,
    errors: Vec<StructureError>,
}

/// What a command is written as.
trait Words {
    fn into_words(self) -> Vec<String>;
}

impl Words for String {
    fn into_words(self) -> Vec<String> {
        vec![self]
    }
}

impl Words for Vec<String> {
    fn into_words(self) -> Vec<String> {
        self
    }
}

/// What schema 2.0.0 says of a command.
const ONE_TEXT: &str = "is one text, its arguments are `args`,";
/// What schema 1.0.0 says of a command.
const A_LIST: &str = "is a list of texts with all arguments";

impl Reader<'_> {
    fn place(&self, location: Location) -> Place {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match (number(location.line()), number(location.column())) {
            (0, _) => Place::file(self.path),
            (line, column) => Place::column(self.path, line, column.max(1)),
        }
    }

    fn add(&mut self, location: Location, fault: Fault) {
        let place = self.place(location);
        self.errors.push(StructureError { place, fault });
    }

    fn read(&mut self, text: &str) -> Result<Suite, StructureError> {
        let written: WrittenVersion = read_yaml(text).map_err(|fault| self.error(fault))?;
        let version = written.schema_version;
        self.version = match version.value.as_str() {
            "2.0.0" => Version::Two,
            "1.0.0" => Version::One,
            _ => {
                let place = self.place(version.referenced);
                let fault = Fault::Version(version.value);
                return Err(StructureError { place, fault });
            }
        };
        match self.version {
            Version::Two => self.read_as::<String, Vec<String>>(text, (ONE_TEXT, "2.0.0")),
            Version::One => self.read_as::<Vec<String>, String>(text, (A_LIST, "1.0.0")),
        }
    }

    /// Reads a file whose commands are `C`; where only those of the other schema would be right, says so.
    fn read_as<C, Other>(
        &mut self,
        text: &str,
        (rule, version): (&'static str, &'static str),
    ) -> Result<Suite, StructureError>
    where
        C: DeserializeOwned + Words,
        Other: DeserializeOwned,
    {
        let read = read_yaml::<WrittenSuite<C>>(text).map_err(|fault| {
            let error = self.error(fault);
            match read_yaml::<WrittenSuite<Other>>(text) {
                Ok(_) => StructureError {
                    fault: schema("command", rule, version),
                    ..error
                },
                Err(_) => error,
            }
        });
        read.map(|written| self.suite(written))
    }

    fn error(&self, fault: YamlFault) -> StructureError {
        let place = match (fault.line, fault.column) {
            (Some(line), Some(column)) => Place::column(self.path, line, column),
            _ => Place::file(self.path),
        };
        let fault = fault.into();
        StructureError { place, fault }
    }

    fn suite<C: Words>(&mut self, written: WrittenSuite<C>) -> Suite {
        let licenses = written.license_tests.into_iter().flatten();
        let run = written.container_run_options;
        Suite {
            variables: self.variables(written.global_env_vars),
            commands: each(written.command_tests, |one| self.command(one)),
            contents: each(written.file_content_tests, |one| self.content(one)),
            existence: each(written.file_existence_tests, |one| self.existence(one)),
            licenses: (0..)
                .zip(licenses)
                .map(|(number, one)| self.license(number, one))
                .collect(),
            metadata: written.metadata_test.and_then(|one| self.metadata(one)),
            run: run.map(|run| self.run(run)).unwrap_or_default(),
        }
    }

    fn filled(&mut self, key: &'static str, text: Spanned<String>) -> String {
        if text.value.is_empty() {
            self.add(text.referenced, Fault::Empty(key));
        }
        text.value
    }

    fn variables(&mut self, written: List<WrittenVariable>) -> Vec<Variable> {
        each(written, |one| Variable {
            key: self.variable_name(one.key),
            value: one.value,
        })
    }

    fn variable_name(&mut self, key: Spanned<String>) -> String {
        if key.value.is_empty() || key.value.contains(['=', '\0']) {
            self.add(key.referenced, Fault::Variable(key.value.clone()));
        }
        key.value
    }

    fn patterns(&mut self, written: List<Spanned<String>>) -> Vec<Pattern> {
        let written = written.into_iter().flatten();
        written.filter_map(|one| self.pattern(one)).collect()
    }

    fn pattern(&mut self, written: Spanned<String>) -> Option<Pattern> {
        match Pattern::compile(&written.value, &mut self.room) {
            Ok(pattern) => Some(pattern),
            Err(reason) => {
                let pattern = written.value;
                self.add(written.referenced, Fault::Pattern { pattern, reason });
                None
            }
        }
    }

    fn command<C: Words>(&mut self, written: WrittenCommand<C>) -> CommandTest {
        let place = self.place(written.name.referenced);
        CommandTest {
            name: self.filled("name", written.name),
            place,
            setup: each(written.setup, |one| self.words("setup", one)),
            teardown: each(written.teardown, |one| self.words("teardown", one)),
            variables: self.variables(written.env_vars),
            words: self.command_words(written.command, written.args),
            exit_code: written.exit_code,
            expected_output: self.patterns(written.expected_output),
            excluded_output: self.patterns(written.excluded_output),
            expected_error: self.patterns(written.expected_error),
            excluded_error: self.patterns(written.excluded_error),
        }
    }

    fn words(&mut self, key: &'static str, words: Spanned<Vec<String>>) -> Vec<String> {
        if words.value.first().is_none_or(String::is_empty) {
            self.add(words.referenced, Fault::Empty(key));
        }
        words.value
    }

    fn command_words<C: Words>(
        &mut self,
        command: Spanned<C>,
        args: Option<Spanned<Vec<String>>>,
    ) -> Vec<String> {
        let (location, defined) = (command.referenced, command.defined);
        let words = command.value.into_words();
        let mut words = self.words("command", Spanned::new(words, location, defined));
        if let Some(args) = args {
            if self.version == Version::One {
                self.add(args.referenced, schema("args", "does not exist", "1.0.0"));
            }
            words.extend(args.value);
        }
        words
    }

    fn existence(&mut self, written: WrittenExistence) -> ExistenceTest {
        let place = self.place(written.name.referenced);
        if let Some(mode) = &written.permissions
            && !mode.value.is_empty()
            && !is_mode(&mode.value)
        {
            self.add(mode.referenced, Fault::Permissions(mode.value.clone()));
        }
        let permissions = written.permissions.map(|mode| mode.value);
        ExistenceTest {
            name: self.filled("name", written.name),
            place,
            path: self.filled("path", written.path),
            is_expected: written.should_exist,
            permissions: permissions.filter(|mode| !mode.is_empty()),
            uid: written.uid,
            gid: written.gid,
            executable_by: written.is_executable_by.map(|by| match by {
                WrittenExecution::Owner => Execution::Owner,
                WrittenExecution::Group => Execution::Group,
                WrittenExecution::Other => Execution::Other,
                WrittenExecution::Any => Execution::Any,
            }),
        }
    }

    fn content(&mut self, written: WrittenContent) -> ContentTest {
        let place = self.place(written.name.referenced);
        ContentTest {
            name: self.filled("name", written.name),
            place,
            path: self.filled("path", written.path),
            expected: self.patterns(written.expected_contents),
            excluded: self.patterns(written.excluded_contents),
        }
    }

    fn license(&mut self, number: usize, written: Spanned<WrittenLicense>) -> LicenseTest {
        let place = self.place(written.referenced);
        let files = each(written.value.files, |file| self.filled("files", file));
        if !written.value.debian && files.is_empty() {
            self.add(written.referenced, Fault::Empty("licenseTests"));
        }
        LicenseTest {
            place,
            number,
            debian: written.value.debian,
            files,
        }
    }

    /// Reads what the configuration has to say; a section that says nothing is no test.
    fn metadata(&mut self, written: Spanned<WrittenMetadata>) -> Option<MetadataTest> {
        let place = self.place(written.referenced);
        let written = written.value;
        let wrong = match self.version {
            Version::Two => written
                .env
                .as_ref()
                .map(|env| (env.referenced, "env", "is called `envVars`", "2.0.0")),
            Version::One => {
                let named = written.env_vars.as_ref();
                named.map(|env| (env.referenced, "envVars", "is called `env`", "1.0.0"))
            }
        };
        if let Some((location, key, rule, version)) = wrong {
            self.add(location, schema(key, rule, version));
        }
        let variables = written.env_vars.or(written.env);
        let unbound = written.unbound_env_vars;
        let test = MetadataTest {
            place,
            variables: self.pairs(variables.map(|pairs| pairs.value)),
            unbound: each(unbound, |one| self.variable_name(one.key)),
            labels: self.pairs(written.labels),
            entrypoint: written.entrypoint,
            cmd: written.cmd,
            exposed: written.exposed_ports.unwrap_or_default(),
            unexposed: written.unexposed_ports.unwrap_or_default(),
            volumes: written.volumes.unwrap_or_default(),
            unmounted: written.unmounted_volumes.unwrap_or_default(),
            workdir: written.workdir.filter(|text| !text.is_empty()),
            user: written.user.filter(|text| !text.is_empty()),
        };
        (!test.is_empty()).then_some(test)
    }

    fn pairs(&mut self, written: List<WrittenPair>) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for one in written.into_iter().flatten() {
            let (is_regex, place) = (one.is_regex, one.key.referenced);
            let key = self.filled("key", one.key);
            let value = one.value;
            let value = value.unwrap_or_else(|| Spanned::new(String::new(), place, place));
            let value = if is_regex {
                self.pattern(value).map(Value::Matching)
            } else {
                Some(Value::Exact(value.value))
            };
            pairs.extend(value.map(|value| Pair { key, value }));
        }
        pairs
    }

    fn run(&mut self, written: WrittenRunOptions) -> RunOptions {
        RunOptions {
            user: written.user.filter(|text| !text.is_empty()),
            privileged: written.privileged,
            allocate_tty: written.allocate_tty,
            env_file: written.env_file.filter(|text| !text.is_empty()),
            env_vars: each(written.env_vars, |name| self.variable_name(name)),
            capabilities: written.capabilities.unwrap_or_default(),
            bind_mounts: written.bind_mounts.unwrap_or_default(),
        }
    }
}

fn schema(key: &'static str, rule: &'static str, version: &'static str) -> Fault {
    Fault::Schema { key, rule, version }
}

fn each<T, U>(written: List<T>, read: impl FnMut(T) -> U) -> Vec<U> {
    written.into_iter().flatten().map(read).collect()
}

#[cfg(test)]
mod tests;
