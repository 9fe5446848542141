//! What an image of APK packages gets besides: home directories, certificates of packages, services.

use super::super::accounts::{PASSWD, make_home, read_lines};
use super::super::certificates::trust;
use super::super::filling::{FillError, Filling};
use super::install::ApkFilling;
use crate::declared::{Command, Runtime};

/// Makes the home directory of each user that has none, also of those that packages brought.
pub(super) fn make_homes(filling: &mut Filling) -> Result<(), FillError> {
    for line in read_lines(filling, PASSWD)? {
        let fields: Vec<&str> = line.split(':').collect();
        let &[_, _, uid, gid, _, home, _] = fields.as_slice() else {
            continue;
        };
        if let (Ok(uid), Ok(gid), true) = (uid.parse(), gid.parse(), home.starts_with('/')) {
            make_home(filling, home, (uid, gid))?;
        }
    }
    Ok(())
}

/// Adds the certificates of all packages that are, or provide, one of these names to the bundles.
pub(super) fn trust_providers(image: &mut ApkFilling, names: &[String]) -> Result<(), FillError> {
    let provides = |package: usize, name: &String| {
        let record = &image.records[package];
        let provided = || record.provides.iter().any(|one| one.name() == name);
        *record.name == **name || provided()
    };
    let mut paths = Vec::new();
    for name in names {
        if !(0..image.records.len()).any(|package| provides(package, name)) {
            return Err(FillError::Clash(format!(
                "`certificates.providers` names `{name}`, which no package of the image is or provides"
            )));
        }
    }
    for (path, package) in &image.certificates {
        if names.iter().any(|name| provides(*package, name)) {
            paths.push(path.to_string());
        }
    }
    for path in paths {
        // What is laid over packages may have taken its place.
        if let Some(pem) = image.filling.read(&path)? {
            trust(&mut image.filling, &pem)?;
        }
    }
    Ok(())
}

/// Writes what each service runs, where the supervisor looks for it.
pub(super) fn write_services(filling: &mut Filling, runtime: &Runtime) -> Result<(), FillError> {
    for (name, command) in &runtime.services {
        let text = format!("#!/bin/execlineb\n{}\n", render_execline(command));
        filling.file(&format!("/sv/{name}/run"), text.as_bytes(), 0o755)?;
    }
    Ok(())
}

/// Renders a command in the words of execlineb(1), where quotes keep everything in a word as it is but quotes and backslashes.
fn render_execline(command: &Command) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    let words = command.0.iter().map(|word| {
        if !word.is_empty() && word.bytes().all(is_plain) {
            return word.clone();
        }
        let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_service_stay_what_they_are() {
        let words = [
            "/usr/bin/nginx",
            "-g",
            "daemon off;",
            "",
            "{",
            "a\"b\\c",
            "#",
        ];
        let command = Command(words.map(str::to_owned).to_vec());
        assert_eq!(
            render_execline(&command),
            r##"/usr/bin/nginx -g "daemon off;" "" "{" "a\"b\\c" "#""##
        );
    }

    #[test]
    fn each_user_has_a_home_that_is_its_own() {
        let mut filling = Filling::new(7);
        let passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n\
                      a:x:5:6::/var/lib/a:/bin/sh\nnull:x:8:8::/dev/null:/bin/sh\nodd\nb:x:9:9::/srv:/bin/sh\n";
        filling
            .file(PASSWD, passwd.as_bytes(), 0o644)
            .expect("a file");
        filling.directory("/srv", 0o755).expect("a directory");
        make_homes(&mut filling).expect("homes");
        let of = |path: &str| {
            let node = filling.find(path).expect("a path");
            node.map(|node| (node.attributes.uid, node.attributes.mode))
        };
        assert_eq!(of("/root"), Some((0, 0o700)));
        assert_eq!(of("/var/lib/a"), Some((5, 0o700)));
        assert_eq!(of("/var/lib"), Some((0, 0o755)));
        assert_eq!(of("/srv"), Some((0, 0o755)));
        assert_eq!(of("/dev/null"), None);
    }
}
