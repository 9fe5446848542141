//! Who logs in at the settings' registry: options of the command line, else the environment, else the settings. Where none
//! of them says anything, what `docker login` keeps is taken.

use super::session::Session;
use crate::error::UsageError;
use crate::host::read_input;
use crate::settings::{Credentials, Login, Secret, Settings, Whence, choose_credentials};

const NAME: &str = "PKG_USERNAME";
pub(super) const PASSWORD: &str = "PKG_PASSWORD";

/// How a command may be told who logs in. There is no option with the password itself: everybody on the machine can read
/// command lines.
#[derive(Debug, Default, clap::Args)]
pub(super) struct LoginArgs {
    /// Log in at the registry as this account, with the password of `--password-stdin`, instead of
    /// `PKG_USERNAME`
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password from standard input, instead of taking `PKG_PASSWORD`
    #[arg(long)]
    password_stdin: bool,
}

impl LoginArgs {
    /// Tells whether the command line says who logs in.
    pub(super) fn is_given(&self) -> bool {
        self.username.is_some() || self.password_stdin
    }
}

/// How much a half of the credentials is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The command goes on without a login; the settings' reader warned of a half in a file.
    Optional,
    /// The command is about logging in.
    Required,
}

impl Session {
    /// Finds who logs in.
    pub(super) fn find_credentials(
        &self,
        settings: &Settings,
        args: &LoginArgs,
        need: Need,
    ) -> anyhow::Result<Option<Credentials>> {
        let option = Login {
            username: (args.username.clone()).map(|name| (name, Whence::Option)),
            password: Self::read_password(args)?.map(|it| (it, Whence::Option)),
        };
        let variable = |name| self.environment.find(name);
        let variables = Login {
            username: variable(NAME).map(|name| (name, Whence::Variable)),
            password: variable(PASSWORD).map(|it| (Secret::new(it), Whence::Variable)),
        };
        let chosen = choose_credentials(&[&option, &variables, &settings.login]);
        match chosen {
            Ok(chosen) => Ok(chosen),
            Err(half) if half.place().is_some() && need == Need::Optional => Ok(None),
            Err(half) => Err(half.into()),
        }
    }

    fn read_password(args: &LoginArgs) -> anyhow::Result<Option<Secret>> {
        if !args.password_stdin {
            return Ok(None);
        }
        let text = read_input(LONGEST_PASSWORD)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let password = line.strip_suffix('\r').unwrap_or(line);
        if password.is_empty() || password.contains('\n') {
            let message = "standard input is not one line with a password".to_owned();
            let hints = vec!["hand it in: `pkg … --password-stdin < FILE`".to_owned()];
            return Err(UsageError { message, hints }.into());
        }
        Ok(Some(Secret::new(password)))
    }
}

/// A token may be long; a file that was meant for something else is longer.
const LONGEST_PASSWORD: u64 = 64 << 10;
