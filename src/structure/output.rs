//! What a command answered.

use super::pattern::judge;
use super::suite::CommandTest;

/// How a command ended, and what it printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code.
    pub exit_code: i64,
    /// What it printed.
    pub stdout: String,
    /// What it printed of trouble.
    pub stderr: String,
}

impl CommandTest {
    /// Gives what is wrong with an answer.
    #[must_use]
    pub fn judge(&self, ran: &Ran) -> Vec<String> {
        let mut wrong = judge(
            "stdout",
            &ran.stdout,
            (&self.expected_output, &self.excluded_output),
        );
        wrong.extend(judge(
            "stderr",
            &ran.stderr,
            (&self.expected_error, &self.excluded_error),
        ));
        if ran.exit_code != self.exit_code {
            let (code, expected) = (ran.exit_code, self.exit_code);
            wrong.push(format!(
                "it ended with exit code {code}, and not {expected}"
            ));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::suite;
    use super::*;

    #[track_caller]
    fn case(test: &str, ran: (i64, &str, &str), expected: &[&str]) {
        let text =
            format!("schemaVersion: 2.0.0\ncommandTests:\n- {{name: a, command: b, {test}}}\n");
        let (exit_code, stdout, stderr) = ran;
        let ran = Ran {
            exit_code,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        assert_eq!(suite(&text).commands[0].judge(&ran), expected, "{test}");
    }

    #[test]
    fn each_of_the_answers_parts_is_judged() {
        case("exitCode: 0", (0, "", ""), &[]);
        case(
            "args: []",
            (1, "", ""),
            &["it ended with exit code 1, and not 0"],
        );
        case(
            "exitCode: 3",
            (0, "", ""),
            &["it ended with exit code 0, and not 3"],
        );
        case(
            "expectedOutput: [a, b], excludedOutput: [c]",
            (0, "ab", "c"),
            &[],
        );
        case(
            "expectedError: [c], excludedError: [a]",
            (0, "ab", "c"),
            &[],
        );
        case(
            "expectedOutput: [c], excludedOutput: [a], expectedError: [a], excludedError: [c]",
            (0, "ab", "c"),
            &[
                "stdout does not match `c`",
                "stdout matches `a`, which it may not",
                "stderr does not match `a`",
                "stderr matches `c`, which it may not",
            ],
        );
    }
}
