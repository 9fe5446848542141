//! The program `gpg` with a home of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::run;

/// A home with keys.
pub(crate) struct Gpg {
    home: TempDir,
}

/// What a key is made of and for, as `--quick-generate-key` takes it.
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) algorithm: &'a str,
    pub(crate) usage: &'a str,
    pub(crate) expires: &'a str,
}

impl<'a> NewKey<'a> {
    /// A key that signs and does not expire.
    pub(crate) fn named(name: &'a str) -> Self {
        Self {
            name,
            algorithm: "ed25519",
            usage: "sign",
            expires: "never",
        }
    }
}

impl Gpg {
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        Self { home }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts to ask for something; `at` is the time that it takes for now, as `20250607T102347`.
    pub(crate) fn command(&self, at: Option<&str>) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--yes", "--no-tty", "--quiet", "--homedir"]);
        command.arg(self.home.path());
        command.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
        if let Some(at) = at {
            command.args(["--faked-system-time", &format!("{at}!")]);
        }
        command
    }

    pub(crate) fn make_key(&self, key: &NewKey<'_>, at: Option<&str>) {
        let arguments = [key.name, key.algorithm, key.usage, key.expires];
        run(self.command(at).arg("--quick-generate-key").args(arguments));
    }

    /// Gives the fingerprints of a key and of its subkeys.
    pub(crate) fn fingerprints(&self, name: &str) -> Vec<String> {
        let listed = run(self
            .command(None)
            .args(["--with-colons", "--list-keys", name]));
        let listed = String::from_utf8(listed.stdout).unwrap();
        let lines = listed.lines().filter(|line| line.starts_with("fpr:"));
        lines
            .map(|line| line.split(':').nth(9).unwrap().to_owned())
            .collect()
    }

    pub(crate) fn export(&self, names: &[&str]) -> Vec<u8> {
        run(self.command(None).arg("--export").args(names)).stdout
    }

    pub(crate) fn export_armoured(&self, names: &[&str]) -> Vec<u8> {
        run(self.command(None).args(["--armor", "--export"]).args(names)).stdout
    }

    /// Takes a key back with the certificate that `gpg` makes with each key.
    pub(crate) fn revoke(&self, name: &str) {
        let fingerprint = &self.fingerprints(name)[0];
        let path = self
            .home
            .path()
            .join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        // A colon keeps it from being used by accident.
        let certificate = fs::read_to_string(path).unwrap().replace(":-----", "-----");
        Self::feed(self.command(None).arg("--import"), certificate.as_bytes());
    }

    /// Signs a text as archives do.
    pub(crate) fn clear_sign(&self, names: &[&str], text: &str) -> String {
        self.clear_sign_with(names, text, &[], None)
    }

    pub(crate) fn clear_sign_with(
        &self,
        names: &[&str],
        text: &str,
        options: &[&str],
        at: Option<&str>,
    ) -> String {
        let mut command = self.command(at);
        command.args(options);
        for name in names {
            command.args(["--local-user", name]);
        }
        let signed = Self::feed(command.arg("--clear-sign"), text.as_bytes());
        String::from_utf8(signed).unwrap()
    }

    /// Runs a command with an input.
    #[track_caller]
    pub(crate) fn feed(command: &mut Command, input: &[u8]) -> Vec<u8> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("this test needs gpg");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}\n{said}");
        output.stdout
    }

    /// Tells what gpgv(1), which apt asks, holds of a signed text; the text where it is content.
    pub(crate) fn gpgv(&self, keyring: &[u8], signed: &[u8]) -> Option<Vec<u8>> {
        let place = tempfile::tempdir_in(self.home.path()).unwrap();
        let path = |name: &str, bytes: &[u8]| -> PathBuf {
            let path = place.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let output = Command::new("gpgv")
            .args(["--quiet", "--output", "-", "--keyring"])
            .arg(path("keyring.gpg", keyring))
            .arg(path("InRelease", signed))
            .output()
            .expect("this test needs gpgv");
        output.status.success().then_some(output.stdout)
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut stop = Command::new("gpgconf");
        stop.arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "all"]);
        // The agent ends also by itself, once its home is gone.
        let _ = stop.output();
    }
}
