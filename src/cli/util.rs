//! `pkg util`: what shells and manual readers need.

use clap::Subcommand;
use clap_complete::Shell;

use super::Ending;
use super::session::Session;
use crate::error::{UsageError, closest_names};
use crate::near::find_near;

/// Print completions and manual pages
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
    }
    session.ui.print(&String::from_utf8_lossy(&out))?;
    Ok(Ending::Done)
}

/// Gives a command with all that it takes, the options of every command among them.
fn find_command(program: &mut clap::Command, name: &str) -> Result<clap::Command, UsageError> {
    program.build();
    if let Some(command) = program.find_subcommand(name) {
        return Ok(command.clone());
    }
    let names = program.get_subcommands().map(clap::Command::get_name);
    Err(UsageError {
        message: format!("there is no command `{name}`"),
        hints: closest_names(&find_near(name, names)).into_iter().collect(),
    })
}
