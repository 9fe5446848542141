//! `pkg util`: what shells and manual readers need.

use clap::Subcommand;
use clap_complete::Shell;

use super::Ending;
use super::session::Session;

/// Print completions and manual pages
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

pub(super) fn run(
    session: &Session,
    command: &Command,
    program: &mut clap::Command,
) -> anyhow::Result<Ending> {
    let mut out = Vec::new();
    match command {
        Command::Completions { shell } => clap_complete::generate(*shell, program, "pkg", &mut out),
        Command::Man => clap_mangen::Man::new(program.clone()).render(&mut out)?,
    }
    session.ui.print(&String::from_utf8_lossy(&out))?;
    Ok(Ending::Done)
}
