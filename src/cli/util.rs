//! `pkg util`: what shells, manual readers and editors need.

use clap::{Subcommand, ValueEnum};
use clap_complete::Shell;

use super::Ending;
use super::session::Session;
use crate::audit;
use crate::declared;
use crate::error::{UsageError, closest_names};
use crate::near::find_near;
use crate::settings;

/// Print completions, manual pages and the schemas of files
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of the program or of a command
    Man {
        /// The command
        command: Option<String>,
    },
    /// Print the JSON schema of a file, for editors
    Schema {
        /// The file
        #[arg(value_enum, default_value_t = File::Config)]
        file: File,
    },
}

/// A file that people write.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum File {
    /// config.yaml, the settings
    Config,
    /// image.yaml, a declared image
    Image,
}

pub(super) fn run(
    session: &Session,
    command: &Command,
    program: &mut clap::Command,
) -> anyhow::Result<Ending> {
    let mut out = Vec::new();
    match command {
        Command::Completions { shell } => clap_complete::generate(*shell, program, "pkg", &mut out),
        Command::Man { command } => {
            let program = match command {
                Some(name) => find_command(program, name)?,
                None => program.clone(),
            };
            clap_mangen::Man::new(program).render(&mut out)?;
        }
        Command::Schema { file } => out.extend_from_slice(
            match file {
                File::Config => settings::render_schema(&rule_ids()),
                File::Image => declared::render_schema(),
            }
            .as_bytes(),
        ),
    }
    session.ui.print(&String::from_utf8_lossy(&out))?;
    Ok(Ending::Done)
}

fn rule_ids() -> Vec<&'static str> {
    audit::rules().iter().map(|rule| rule.id).collect()
}

/// Gives a command with all that it takes, the options of every command among them.
fn find_command(program: &mut clap::Command, name: &str) -> Result<clap::Command, UsageError> {
    program.build();
    if let Some(command) = program.find_subcommand(name) {
        return Ok(command.clone());
    }
    let names: Vec<&str> = program
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let near = closest_names(&find_near(name, names.iter().copied()));
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let all = format!("the commands are {}", quoted.join(", "));
    Err(UsageError {
        message: format!("there is no command `{name}`"),
        hints: near.into_iter().chain([all]).collect(),
    })
}
