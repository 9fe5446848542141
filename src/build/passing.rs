//! Which failures may pass by themselves: the network's and a mirror's, told from a step that will fail each time.
//!
//! Nobody but the programs in a step knows why it failed, so their words decide: `Temporary failure resolving`, `503
//! Service Unavailable`, `Hash Sum mismatch`. A compiler's error behind such words is the step's own; so is a file that the
//! mirror does not have (404). The cost of an error here is one more try, or one too few; never another result.

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::Regex;

use crate::engine::{BuildProgress, tells_of_passing_trouble};

/// So many lines before the end of a step are about its end.
const TELLING_LINES: usize = 60;
/// And no more than so many of all steps.
const MOST_LINES: usize = 2000;

/// The last lines of each step of one try, as far as they may tell why it failed.
#[derive(Debug, Default)]
pub(super) struct Words {
    lines: VecDeque<(usize, String)>,
    failed: Option<usize>,
}

impl Words {
    /// Takes what a build told.
    pub(super) fn progress(&mut self, progress: &BuildProgress) {
        match progress {
            BuildProgress::Line { step, text } => self.push(*step, text),
            // What is cancelled because of another step's error says nothing of its own.
            BuildProgress::Ended {
                step,
                error: Some(error),
                ..
            } if !error.contains("context canceled") => self.failed = Some(*step),
            _ => (),
        }
    }

    /// Takes a line of a program that has no steps.
    pub(super) fn line(&mut self, text: &str) {
        self.push(0, text);
    }

    fn push(&mut self, step: usize, text: &str) {
        // Stages run side by side, and the lines of another step must not push those of the failing one out.
        let same = self.lines.iter().filter(|(of, _)| *of == step).count();
        if same == TELLING_LINES
            && let Some(oldest) = self.lines.iter().position(|(of, _)| *of == step)
        {
            self.lines.remove(oldest);
        }
        if self.lines.len() == MOST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back((step, text.to_owned()));
    }

    /// Finds the line that says that the failure may pass.
    ///
    /// `error` is what the builder says of it, unless it only says which command failed.
    pub(super) fn find_passing(&self, error: &str) -> Option<String> {
        let lines: Vec<&str> = self
            .lines
            .iter()
            .filter(|(step, _)| {
                self.failed
                    .is_none_or(|failed| *step == failed || *step == 0)
            })
            .map(|(_, text)| text.as_str())
            .collect();
        let names_only_the_command = error.contains("` ended with exit code ");
        let own = || find_passing(&[error]).filter(|_| !names_only_the_command);
        find_passing(&lines).or_else(own).map(str::to_owned)
    }
}

/// Words of a failure that stays: a compiler's, or those of a mirror that does not have the file.
static LASTING: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"(?i):\d+(?::\d+)?: (?:fatal )?error: |^error\[E\d+\]|could not compile `|\b(?:401 +Unauthorized|403 +Forbidden|404 +Not Found|410 +Gone)\b|returned error: 4(?:0\d|10)\b";
    Regex::new(words).unwrap_or_else(|error| unreachable!("a pattern: {error}"))
});

/// Finds the last line that tells of a failure that may pass, unless one that stays comes behind it.
fn find_passing<'a>(lines: &[&'a str]) -> Option<&'a str> {
    for line in lines.iter().rev() {
        let line = line.trim();
        // apt ignores these at first and asks again by itself.
        if line.starts_with("Ign:") {
            continue;
        }
        if LASTING.is_match(line) {
            return None;
        }
        if tells_of_passing_trouble(line) {
            return Some(line);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: Option<&str>) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(find_passing(&lines), expected, "{text}");
    }

    /// What programs of bookworm printed at a port without a server, at servers that close at once, answer 503 or break off,
    /// and at a name that there is not.
    #[test]
    fn faults_of_networks_and_mirrors_may_pass() {
        let update = "W: Some index files failed to download. They have been ignored, or old ones used instead.\n\
                      E: Unable to locate package nginx";
        for cause in [
            "W: Failed to fetch http://127.0.0.1:9/debian/dists/bookworm/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)",
            "W: Failed to fetch http://127.0.0.1:8101/debian/dists/bookworm/InRelease  Connection failed [IP: 127.0.0.1 8101]",
            "W: Failed to fetch http://127.0.0.1:8104/debian/dists/bookworm/InRelease  Error reading from server. Remote end closed connection [IP: 127.0.0.1 8104]",
            "W: Failed to fetch http://no-such-host.invalid/debian/dists/bookworm/InRelease  Could not resolve 'no-such-host.invalid'",
            "W: Failed to fetch http://deb.example.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.example.org'",
            "W: Failed to fetch http://192.0.2.1/debian/dists/bookworm/InRelease  Could not connect to 192.0.2.1:80 (192.0.2.1), connection timed out",
        ] {
            // apt goes on with the lists that it has, which are none.
            case(&format!("Ign:1 x\n{cause}\n{update}"), Some(cause));
        }
        for cause in [
            "E: Failed to fetch http://127.0.0.1:8102/debian/dists/bookworm/main/binary-amd64/Packages  503  Service Unavailable [IP: 127.0.0.1 8102]",
            "E: Failed to fetch http://deb.example.org/debian/pool/main/n/nginx/nginx_1.22.1-9_amd64.deb  Hash Sum mismatch",
            "E: Failed to fetch http://deb.example.org/debian/dists/sid/main/binary-amd64/Packages.xz  File has unexpected size (9 != 8). Mirror sync in progress? [IP: 192.0.2.1 80]",
            "E: GPG error: http://127.0.0.1:8105/debian bookworm Release: Signed file isn't valid, got 'NODATA' (does the network require authentication?)",
        ] {
            let after = "E: Some index files failed to download. They have been ignored, or old ones used instead.\n\
                         E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> -oDpkg::Use-Pty=false failed\n\
                         I: removing tempdir /tmp/mmdebstrap.LPUlZWcloC...\nE: mmdebstrap failed to run";
            case(&format!("{cause}\n{after}"), Some(cause));
        }
        for cause in [
            "curl: (7) Failed to connect to 127.0.0.1 port 9 after 0 ms: Couldn't connect to server",
            "curl: (22) The requested URL returned error: 503",
            "curl: (52) Empty reply from server",
            "curl: (6) Could not resolve host: no.invalid",
            "curl: (18) transfer closed with 4997 bytes remaining to read",
            "curl: (28) Operation timed out after 3000 milliseconds with 0 bytes received",
            "failed: Connection refused.",
            "2026-11-21 13:44:40 ERROR 503: Service Unavailable.",
            "fatal: unable to access 'http://127.0.0.1:8102/x/': The requested URL returned error: 503",
            "npm error code ECONNREFUSED",
            "wget: bad address: Temporary failure in name resolution",
            "dial tcp: lookup proxy.golang.org: i/o timeout",
            "dial tcp: lookup proxy.golang.org on 192.0.2.53:53: no such host",
            "WARNING: fetching https://dl.example.org/v3.20/main: temporary error (try again later)",
        ] {
            case(cause, Some(cause));
            // What make says of its recipe adds nothing.
            case(
                &format!("{cause}\nmake: *** [Makefile:3: get] Error 6"),
                Some(cause),
            );
        }
        let pip = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/six/";
        case(
            &format!("{pip}\nERROR: No matching distribution found for six"),
            Some(pip),
        );
    }

    #[test]
    fn faults_of_the_step_itself_stay() {
        for text in [
            "Reading state information...\nE: Unable to locate package no-such-package-x",
            "a.c:1:19: error: 'x' undeclared (first use in this function)",
            "E: Failed to fetch http://127.0.0.1:8103/debian/dists/bookworm/main/binary-amd64/Packages  404  Not Found [IP: 127.0.0.1 8103]\n\
             E: Some index files failed to download. They have been ignored, or old ones used instead.",
            "curl: (22) The requested URL returned error: 404",
            "error[E0425]: cannot find value `x` in this scope\nerror: could not compile `a` (bin \"a\") due to 1 previous error",
            "ERROR: Could not find a version that satisfies the requirement six (from versions: none)",
            "Ign:1 http://deb.example.org/debian bookworm InRelease  Connection failed\nmake: *** [all] Error 2",
            "Fetched 503 kB in 2s\nsh: 1: no-such-program: not found",
            "Setting up libfoo (1.502.503)\nfalse",
            "",
        ] {
            case(text, None);
        }
        // The network was in trouble, and then it was not.
        let overcome = "Err:1 http://deb.example.org/debian bookworm InRelease\n  Connection failed\n\
                        Get:2 http://deb.example.org/debian bookworm InRelease\na.c:1:19: error: 'x' undeclared";
        case(overcome, None);
    }

    fn line(step: usize, text: &str) -> BuildProgress {
        let text = text.to_owned();
        BuildProgress::Line { step, text }
    }

    fn ended(step: usize, error: &str) -> BuildProgress {
        BuildProgress::Ended {
            step,
            cached: false,
            error: Some(error.to_owned()),
            took: std::time::Duration::ZERO,
        }
    }

    #[test]
    fn only_the_failing_step_has_a_say() {
        let refused = "curl: (7) Failed to connect to 192.0.2.1 port 80";
        let mut words = Words::default();
        words.progress(&line(3, refused));
        for _ in 0..2 * TELLING_LINES {
            words.progress(&line(4, "gcc -c a.c"));
        }
        words.progress(&ended(
            4,
            "process \"make\" did not complete successfully: exit code: 2",
        ));
        words.progress(&ended(3, "context canceled"));
        assert_eq!(words.find_passing("`make` ended with exit code 2"), None);
        let mut words = Words::default();
        words.progress(&line(3, refused));
        for _ in 0..2 * TELLING_LINES {
            words.progress(&line(4, "gcc -c a.c"));
        }
        words.progress(&ended(
            3,
            "process \"curl\" did not complete successfully: exit code: 7",
        ));
        assert_eq!(
            words
                .find_passing("`curl` ended with exit code 7")
                .as_deref(),
            Some(refused)
        );
        let words = Words::default();
        let pulling = "failed to do request: Head \"https://r.example.org/v2/a\": dial tcp 192.0.2.1:443: connect: connection refused";
        assert_eq!(words.find_passing(pulling).as_deref(), Some(pulling));
        let bridge = "`true`: executor failed running [/bin/sh -c true]: failed to create endpoint fkx1 on network bridge: adding interface veth1 to bridge docker0 failed: could not find bridge docker0: route ip+net: no such network interface";
        assert_eq!(words.find_passing(bridge).as_deref(), Some(bridge));
        let named = "`curl x || echo connection refused` ended with exit code 1";
        assert_eq!(words.find_passing(named), None);
        assert!(words.lines.len() <= 2 * TELLING_LINES);
    }
}
