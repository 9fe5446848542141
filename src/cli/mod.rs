//! The command line: one file for each command, with its arguments and one `run`.

mod abbreviations;
mod audit;
mod build;
mod built;
mod changes;
mod claims;
mod diff;
mod entries;
mod explain;
mod export;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod graph;
mod list;
mod lock;
mod locks;
mod log;
mod login;
mod logs;
mod new;
mod past;
mod plan;
mod prepare;
mod presence;
mod prune;
mod publish;
mod refresh;
mod render;
mod scope;
mod session;
mod signals;
mod stamping;
mod target;
mod update;
mod util;
mod verify;
mod words;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use self::abbreviations::explain;
use self::session::Session;
use crate::error::{Diagnostic, Kind, Severity, diagnose};
use crate::host::Environment;
use crate::ui::{ColorChoice, Live, Options, TerminalFacts, Ui, Verbosity};

/// The file of settings where none is named.
const SETTINGS: &str = "config.yaml";

/// Keeps a git repository of container images: renders, orders, builds, tests and publishes them
#[derive(Debug, Parser)]
#[command(
    name = "pkg",
    version,
    max_term_width = 100,
    infer_long_args = true,
    args_override_self = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    fn parse_words(words: &[OsString]) -> Result<Self, clap::Error> {
        Self::parse_words_with(&mut Self::command(), words)
    }

    /// To make the program that reads the words takes longer than to read them.
    fn parse_words_with(
        program: &mut clap::Command,
        words: &[OsString],
    ) -> Result<Self, clap::Error> {
        program
            .try_get_matches_from_mut(words)
            .and_then(|mut found| {
                Self::from_arg_matches_mut(&mut found).map_err(|error| error.format(program))
            })
            .map_err(|error| explain(error, program, words))
            .and_then(Self::checked)
    }

    /// Refuses `--info` and `--debug` at once also where one stands before the command and one behind it, which clap
    /// does not compare.
    fn checked(self) -> Result<Self, clap::Error> {
        if self.global.info && self.global.debug {
            let message = "the argument '--info' cannot be used with '--debug'";
            return Err(Self::command().error(clap::error::ErrorKind::ArgumentConflict, message));
        }
        Ok(self)
    }
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The settings
    #[arg(
        short = 'c',
        long = "configfile",
        // docker-pkg takes what is left of an option's name when no other begins with it; here `--color` does.
        aliases = ["c", "co"],
        value_name = "FILE",
        default_value = SETTINGS,
        global = true
    )]
    config: PathBuf,
    /// Show each step of builds, tests and pushes
    #[arg(long, global = true)]
    info: bool,
    /// Show each line that builds, tests and pushes print
    #[arg(long, global = true, conflicts_with = "info")]
    debug: bool,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto, global = true)]
    color: When,
}

/// When something is done; `Auto` is on a terminal.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::Args),
    Plan(plan::Args),
    Publish(publish::Args),
    Verify(verify::Args),
    List(list::Args),
    Graph(graph::Args),
    Log(log::Args),
    Diff(diff::Args),
    Render(render::Args),
    New(new::Args),
    Update(update::Args),
    Refresh(refresh::Args),
    Lock(lock::Args),
    Prune(prune::Args),
    Audit(audit::Args),
    Export(export::Args),
    #[command(subcommand, disable_help_subcommand = true)]
    Util(util::Command),
}

/// How a command ended when nothing went wrong with the command itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// All is done.
    Done,
    /// A part of the work failed, and the user was told which.
    Failed,
    /// What was asked for was looked for, and there is some of it.
    Found,
    /// All of the work that failed, failed because of the machine, and the user was told which.
    Hindered,
    /// The user ended it, by this signal.
    Interrupted(u8),
}

impl Ending {
    /// A program that a signal ended tells so with 128 and the signal's number, as shells expect it.
    fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => Kind::Work.exit_code(),
            Self::Found => Kind::Findings.exit_code(),
            Self::Hindered => Kind::Environment.exit_code(),
            Self::Interrupted(signal) => 128 + signal,
        }
    }
}

/// Runs the program and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let environment = Environment::of_process();
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::parse_words(&words) {
        Ok(cli) => cli,
        Err(error) => {
            let error = with_visible_words(&words, error);
            // clap prints what was asked for to stdout and what is wrong to stderr; where neither can be written to,
            // there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                Kind::Usage.exit_code()
            } else {
                0
            });
        }
    };
    let ui = Ui::new(
        options(&cli.global),
        TerminalFacts::read(|name| environment.find(name)),
    );
    tell_panics(&ui);
    let session = Session::new(cli.global.config, environment, ui.clone());
    let ended =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&session, cli.command)));
    let code = match ended {
        Ok(Ok(ending)) => ending.exit_code(),
        Ok(Err(error)) => {
            let (kind, diagnostics) = diagnose(&error);
            for diagnostic in &diagnostics {
                ui.diagnostic(diagnostic);
            }
            kind.exit_code()
        }
        Err(_) => Kind::Defect.exit_code(),
    };
    ExitCode::from(code)
}

/// Gives an error of the command line that quotes its words without what would control the terminal.
fn with_visible_words(words: &[OsString], error: clap::Error) -> clap::Error {
    let visible = words.iter().map(|word| {
        let text = word.to_string_lossy();
        OsString::from(crate::ui::visible(&text).into_owned())
    });
    let visible: Vec<OsString> = visible.collect();
    if visible == words {
        return error;
    }
    Cli::parse_words(&visible).err().unwrap_or(error)
}

fn run(session: &Session, command: Command) -> anyhow::Result<Ending> {
    match command {
        Command::Build(args) => build::run(session, &args),
        Command::Plan(args) => plan::run(session, &args),
        Command::Publish(args) => publish::run(session, &args),
        Command::Prune(args) => prune::run(session, &args),
        Command::Audit(args) => audit::run(session, &args),
        Command::Export(args) => export::run(session, &args),
        Command::Verify(args) => verify::run(session, &args),
        Command::List(args) => list::run(session, &args),
        Command::Graph(args) => graph::run(session, &args),
        Command::Log(args) => log::run(session, &args),
        Command::Diff(args) => diff::run(session, &args),
        Command::Render(args) => render::run(session, &args),
        Command::New(args) => new::run(session, &args),
        Command::Update(args) => update::run(session, &args),
        Command::Refresh(args) => refresh::run(session, &args),
        Command::Lock(args) => lock::run(session, &args),
        Command::Util(command) => util::run(session, &command, &mut Cli::command()),
    }
}

fn options(global: &Global) -> Options {
    Options {
        color: match global.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        },
        verbosity: match (global.debug, global.info) {
            (true, _) => Verbosity::Debug,
            (false, true) => Verbosity::Info,
            (false, false) => Verbosity::Warnings,
        },
        live: Live::Auto,
    }
}

/// A defect is told as one, above whatever is shown at that moment.
fn tell_panics(ui: &Ui) {
    let ui = ui.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let message = "this program has a defect and cannot go on";
        let mut diagnostic = Diagnostic::new(Severity::Error, message)
            .hint("please report it with the command that you ran");
        diagnostic.causes.push(panic.to_string());
        ui.diagnostic(&diagnostic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Cli {
        let words = shlex::split(line).expect("words");
        let words = std::iter::once("pkg".to_owned()).chain(words);
        let words: Vec<OsString> = words.map(OsString::from).collect();
        Cli::parse_words(&words).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// Lines that docker-pkg takes, each with the same in full.
    #[test]
    fn what_argparse_takes_means_the_same_here() {
        for (line, full) in [
            ("-cX build D", "--configfile X build D"),
            ("--conf=X build D", "--configfile X build D"),
            ("--c X --i build D", "--configfile X --info build D"),
            ("-c X -c Y build D", "--configfile Y build D"),
            ("--deb build D", "--debug build D"),
            ("build --night D", "build --nightly D"),
            ("build --sn D", "build --snapshot D"),
            ("build D --u --no-pul", "build --use-cache --no-pull D"),
            ("build --sel=a D", "build --select a D"),
            ("build --select a D --sel b", "build --select b D"),
            ("build --select=-x -- D", "build --select=-x D"),
            ("build --use-cache --use-cache D", "build --use-cache D"),
            ("prune --night 20261121 D", "prune --nightly 20261121 D"),
            ("prune D --nightly=20261121", "prune --nightly 20261121 D"),
            ("prune --sel=a D", "prune --select a D"),
            ("update -v 1-2 N D", "update N --version 1-2 D"),
            ("update -v1-2 N D", "update N --version 1-2 D"),
            ("update -v=1-2 N D", "update N --version 1-2 D"),
            (
                "update N --ver 1-2 D --rea R",
                "update N --version 1-2 --reason R D",
            ),
        ] {
            assert_eq!(
                format!("{:?}", parse(line)),
                format!("{:?}", parse(full)),
                "{line}"
            );
        }
    }

    #[test]
    fn options_of_every_command_mean_the_same_before_and_behind_it() {
        for (before, behind) in [
            ("-c X build D", "build D -c X"),
            ("--info build D", "build --info D"),
            (
                "--debug --color never plan D",
                "plan D --debug --color never",
            ),
        ] {
            assert_eq!(
                format!("{:?}", parse(before)),
                format!("{:?}", parse(behind)),
                "{before}"
            );
        }
    }

    #[test]
    fn the_command_line_has_no_contradictions() {
        Cli::command().debug_assert();
    }
}
