//! `accounts`: users and groups in the files that name them, each with its home directory.

use super::filling::{FillError, Filling};
use crate::declared::Accounts;
use crate::rootfs::{Kind, Node};

pub(super) const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const SHADOW: &str = "/etc/shadow";

/// Adds users and groups behind those that are there. One that is there already, and says the same, stays as it is.
pub(super) fn add_accounts(filling: &mut Filling, accounts: &Accounts) -> Result<(), FillError> {
    if accounts == &Accounts::default() {
        return Ok(());
    }
    let mut passwd = read_lines(filling, PASSWD)?;
    let mut group = read_lines(filling, GROUP)?;
    let mut shadow = read_lines(filling, SHADOW)?;
    for user in &accounts.users {
        let line = format!(
            "{}:x:{}:{}::{}:{}",
            user.name, user.uid, user.gid, user.home, user.shell
        );
        match find_named(&passwd, &user.name) {
            None => {
                passwd.push(line);
                shadow.push(format!("{}:!:::::::", user.name));
            }
            Some(at) if is_same_user(&passwd[at], &line) => {}
            Some(at) => return Err(clash(PASSWD, &user.name, &passwd[at])),
        }
    }
    for one in &accounts.groups {
        add_group(&mut group, &one.name, one.gid, &one.members)?;
    }
    for user in &accounts.users {
        let has_group = group.iter().any(|line| number(line) == Some(user.gid));
        if !has_group {
            add_group(&mut group, &user.name, user.gid, &[])?;
        }
    }
    write_lines(filling, (PASSWD, 0o644), &passwd)?;
    write_lines(filling, (GROUP, 0o644), &group)?;
    write_lines(filling, (SHADOW, 0o640), &shadow)?;
    for user in &accounts.users {
        make_home(filling, &user.home, (user.uid, user.gid))?;
    }
    Ok(())
}

/// Adds a group, or members to the one that is there.
fn add_group(
    lines: &mut Vec<String>,
    name: &str,
    gid: u32,
    members: &[String],
) -> Result<(), FillError> {
    let Some(at) = find_named(lines, name) else {
        lines.push(format!("{name}:x:{gid}:{}", members.join(",")));
        return Ok(());
    };
    if number(&lines[at]) != Some(gid) {
        return Err(clash(GROUP, name, &lines[at]));
    }
    for member in members {
        let there = lines[at].rsplit(':').next().unwrap_or_default();
        if !there.split(',').any(|one| one == member) {
            let comma = if there.is_empty() { "" } else { "," };
            let more = format!("{comma}{member}");
            lines[at].push_str(&more);
        }
    }
    Ok(())
}

fn find_named(lines: &[String], name: &str) -> Option<usize> {
    lines
        .iter()
        .position(|line| line.split(':').next() == Some(name))
}

/// Tells whether two lines are the same user, whatever its comment says.
fn is_same_user(one: &str, other: &str) -> bool {
    let fields = |line: &str| {
        let fields: Vec<String> = line.split(':').map(str::to_owned).collect();
        [0, 2, 3, 5, 6].map(|at| fields.get(at).cloned())
    };
    fields(one) == fields(other)
}

fn clash(file: &str, name: &str, there: &str) -> FillError {
    FillError::Clash(format!(
        "`{name}` is in `{file}` already, and is another one: `{there}`"
    ))
}

/// Finds the number of the user that containers run as, so that whoever runs them can see that it is not root.
pub(super) fn find_user(filling: &Filling, user: &str) -> Result<String, FillError> {
    let (name, group) = user
        .split_once(':')
        .map_or((user, None), |(name, group)| (name, Some(group)));
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(user.to_owned());
    }
    let passwd = read_lines(filling, PASSWD)?;
    let uid = find_named(&passwd, name).and_then(|at| number(&passwd[at]));
    let uid = uid.ok_or_else(|| {
        FillError::Clash(format!(
            "`accounts.run-as` names `{name}`, whom `{PASSWD}` of the image does not have"
        ))
    })?;
    Ok(group.map_or(uid.to_string(), |group| format!("{uid}:{group}")))
}

fn number(line: &str) -> Option<u32> {
    line.split(':').nth(2)?.parse().ok()
}

pub(super) fn read_lines(filling: &Filling, path: &str) -> Result<Vec<String>, FillError> {
    let bytes = filling.read(path)?.unwrap_or_default();
    let text = String::from_utf8(bytes).map_err(|source| FillError::Read {
        path: path.to_owned(),
        source: std::io::Error::other(source),
    })?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn write_lines(
    filling: &mut Filling,
    (path, mode): (&str, u32),
    lines: &[String],
) -> Result<(), FillError> {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    filling.extend(path, text.as_bytes(), mode)
}

/// Makes a home directory where none is; what is there stays.
pub(super) fn make_home(
    filling: &mut Filling,
    home: &str,
    owner: (u32, u32),
) -> Result<(), FillError> {
    if home == "/dev/null" || home == "/" || filling.find(home)?.is_some() {
        return Ok(());
    }
    let mut attributes = filling.attributes(0o700);
    (attributes.uid, attributes.gid) = (owner.0.into(), owner.1.into());
    let kind = Kind::Directory;
    filling.put(home, Node { kind, attributes })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::declared::{Group, User};
    use crate::rootfs::Content;

    fn user(name: &str, uid: u32) -> User {
        User {
            name: name.to_owned(),
            uid,
            gid: uid,
            shell: "/bin/sh".to_owned(),
            home: format!("/home/{name}"),
        }
    }

    fn text(filling: &Filling, path: &str) -> String {
        let bytes = filling.read(path).expect("a file").expect(path);
        String::from_utf8(bytes).expect("a text")
    }

    #[test]
    fn users_come_behind_those_that_are_there_with_their_groups_and_homes() {
        let mut filling = Filling::new(0);
        let root = b"root:x:0:0:root:/root:/bin/sh\n";
        filling.file(PASSWD, root, 0o644).expect("a file");
        let accounts = Accounts {
            users: vec![user("app", 1000), user("web", 33)],
            groups: vec![Group {
                name: "www".to_owned(),
                gid: 33,
                members: vec!["app".to_owned()],
            }],
        };
        add_accounts(&mut filling, &accounts).expect("accounts");
        assert_eq!(
            text(&filling, PASSWD),
            "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nweb:x:33:33::/home/web:/bin/sh\n"
        );
        assert_eq!(text(&filling, GROUP), "www:x:33:app\napp:x:1000:\n");
        assert_eq!(text(&filling, SHADOW), "app:!:::::::\nweb:!:::::::\n");
        let home = filling.find("/home/app").expect("a path").expect("a home");
        assert_eq!((home.attributes.uid, home.attributes.mode), (1000, 0o700));
        // Again it is the same.
        let before = text(&filling, PASSWD);
        add_accounts(&mut filling, &accounts).expect("accounts");
        assert_eq!(text(&filling, PASSWD), before);
        let more = Accounts {
            groups: vec![Group {
                name: "www".to_owned(),
                gid: 33,
                members: vec!["app".to_owned(), "web".to_owned()],
            }],
            ..Accounts::default()
        };
        add_accounts(&mut filling, &more).expect("a member more");
        assert_eq!(text(&filling, GROUP), "www:x:33:app,web\napp:x:1000:\n");
    }

    #[test]
    fn files_of_accounts_keep_their_owners_and_permissions() {
        let mut filling = Filling::new(7);
        let mut attributes = filling.attributes(0o600);
        (attributes.gid, attributes.modified) = (42, 1);
        let kind = Kind::File(Content::Held(Arc::from(&b"root:*:::::::\n"[..])));
        let node = Node { kind, attributes };
        filling.put(SHADOW, node).expect("a file");
        let accounts = Accounts {
            users: vec![user("app", 1000)],
            groups: Vec::new(),
        };
        add_accounts(&mut filling, &accounts).expect("accounts");
        let of = |path: &str| {
            let node = filling.find(path).expect("a path").expect(path);
            let one = &node.attributes;
            (one.mode, one.uid, one.gid, one.modified)
        };
        assert_eq!(of(SHADOW), (0o600, 0, 42, 7));
        assert_eq!(of(GROUP), (0o644, 0, 0, 7));
        assert_eq!(text(&filling, SHADOW), "root:*:::::::\napp:!:::::::\n");
    }

    #[test]
    fn a_user_that_is_another_one_already_is_refused() {
        let mut filling = Filling::new(0);
        let web = b"web:x:7:7::/:/bin/sh\n";
        filling.file(PASSWD, web, 0o644).expect("a file");
        let accounts = Accounts {
            users: vec![user("web", 33)],
            groups: Vec::new(),
        };
        let error = add_accounts(&mut filling, &accounts).expect_err("two of one name");
        assert_eq!(
            error.to_string(),
            "`web` is in `/etc/passwd` already, and is another one: `web:x:7:7::/:/bin/sh`"
        );
    }
}
