//! `accounts`: users and groups of an image, and whom its containers run as.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::value::{Values, at, is_absolute};
use super::written;

/// Users and groups that are added to those of the packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Users, in the order of the file.
    pub users: Vec<User>,
    /// Groups, likewise.
    pub groups: Vec<Group>,
}

/// A user, as in passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number, never 0.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its shell.
    pub shell: String,
    /// Its home directory, an absolute path.
    pub home: String,
}

/// A group, as in group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// The names of its members.
    pub members: Vec<String>,
}

/// Reads users and groups. What is declared twice alike, as by an included file, counts once.
pub(super) fn read(written: &written::Accounts) -> Values<Accounts> {
    let mut accounts = Accounts::default();
    for user in &written.users {
        let name = read_name("username", &user.username)?;
        if user.uid.value == 0 {
            let message = format!("user `{name}` cannot have the uid 0: that is root");
            return Err(at(&user.uid, message));
        }
        let home = match &user.homedir {
            None => format!("/home/{name}"),
            Some(home) => read_field("homedir", home)?,
        };
        let shell = match &user.shell {
            None => "/bin/sh".to_owned(),
            Some(shell) => read_field("shell", shell)?,
        };
        let user_read = User {
            uid: user.uid.value,
            gid: user.gid.unwrap_or(user.uid.value),
            name,
            shell,
            home,
        };
        match accounts.users.iter().find(|it| it.name == user_read.name) {
            None => accounts.users.push(user_read),
            Some(same) if *same == user_read => {}
            Some(_) => {
                let message = format!("user `{}` is declared twice, and otherwise", user_read.name);
                return Err(at(&user.username, message));
            }
        }
    }
    for group in &written.groups {
        let mut members = Vec::new();
        for member in &group.members {
            members.push(read_name("members", member)?);
        }
        let read = Group {
            name: read_name("groupname", &group.groupname)?,
            gid: group.gid.value,
            members,
        };
        match accounts.groups.iter().find(|it| it.name == read.name) {
            None => accounts.groups.push(read),
            Some(same) if *same == read => {}
            Some(_) => {
                let message = format!("group `{}` is declared twice, and otherwise", read.name);
                return Err(at(&group.groupname, message));
            }
        }
    }
    check_numbers(written)?;
    Ok(accounts)
}

/// One number for two names would make them one user.
fn check_numbers(written: &written::Accounts) -> Values<()> {
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for user in &written.users {
        let is_new = names.insert(user.username.value.as_str());
        if is_new && !numbers.insert(user.uid.value) {
            let message = format!("two users have the uid {}", user.uid.value);
            return Err(at(&user.uid, message));
        }
    }
    Ok(())
}

/// Reads a name that `passwd` can hold (useradd(8): letters, digits, `_`, `-` and `.`, and no digit or dash at its start).
fn read_name(key: &str, name: &written::Text) -> Values<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    let first = name.value.bytes().next();
    let starts = first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if starts && name.value.len() <= 32 && name.value.bytes().all(fits) {
        return Ok(name.value.clone());
    }
    let message = format!(
        "`{key}` cannot be `{}`: a letter or `_`, then letters, digits, `_`, `-` and `.`, 32 in all",
        name.value
    );
    Err(at(name, message))
}

/// Reads a path that a field of `passwd` can hold.
fn read_field(key: &str, text: &Spanned<String>) -> Values<String> {
    if is_absolute(&text.value) && !text.value.contains([':', '\n']) {
        return Ok(text.value.clone());
    }
    let message = format!(
        "`{key}` has to be an absolute path without a colon: `{}`",
        text.value
    );
    Err(at(text, message))
}
