//! What a failed step says of itself, in one short sentence whatever the builder.
//!
//! ```text
//! executor failed running [/bin/sh -c make all]: exit code: 2                      BuildKit of 20.10
//! process "/bin/sh -c make all" did not complete successfully: exit code: 2        later BuildKit
//! The command '/bin/sh -c make all' returned a non-zero code: 2                    the classic builder
//! building at STEP "RUN make all": while running runtime: exit status 2            podman
//!
//! `make all` ended with exit code 2
//! ```

/// What stands before and behind the command, and before the exit code.
const FORMS: [(&str, &str); 4] = [
    ("executor failed running [", "]: exit code: "),
    (
        "process \"",
        "\" did not complete successfully: exit code: ",
    ),
    ("The command '", "' returned a non-zero code: "),
    ("STEP \"", "\": while running runtime: exit status "),
];

/// What podman puts before its own words where nothing ran.
const PODMAN: (&str, &str) = ("building at STEP \"", "\": ");

/// What a shell gives for a command that got SIGKILL.
const KILLED: &str = "137";

/// A command of many lines stands whole in the log.
const LONGEST_COMMAND: usize = 60; // characters

/// Gives the sentence, or the step with the builder's own text where that says something else; `name` is empty where the
/// builder does not tell which step it is.
pub(super) fn explain_failed_step(name: &str, text: &str) -> String {
    let ended = FORMS.iter().find_map(|(before, between)| {
        let (_, rest) = text.split_once(before)?;
        let (command, code) = rest.rsplit_once(between)?;
        let end = code
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(code.len());
        let code = &code[..end];
        let command = shorten_command(command);
        let why = match code {
            KILLED => ": it was killed, as happens when memory runs out",
            _ => "",
        };
        (!code.is_empty()).then(|| format!("`{command}` ended with exit code {code}{why}"))
    });
    if let Some(ended) = ended {
        return ended;
    }
    if let Some((step, why)) = podman_step(text) {
        return format!("`{}`: {why}", shorten_command(step));
    }
    let text = text
        .strip_suffix(": not found")
        .filter(|rest| rest.ends_with("not found"))
        .unwrap_or(text);
    match instruction(name) {
        Some(instruction) => format!("`{}`: {text}", shorten_command(instruction)),
        None => text.to_owned(),
    }
}

/// The instruction, and what is wrong with it, without the directory in which podman keeps contexts.
fn podman_step(text: &str) -> Option<(&str, &str)> {
    let (step, why) = text.strip_prefix(PODMAN.0)?.split_once(PODMAN.1)?;
    Some((
        step,
        why.rsplit_once(": copier: ").map_or(why, |(_, why)| why),
    ))
}

/// `COPY a b` of `[stage 2/3] COPY a b`; what the builder does of itself is no instruction of the user's.
fn instruction(name: &str) -> Option<&str> {
    let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
    (place != "internal").then_some(instruction)
}

fn shorten_command(command: &str) -> String {
    let command = ["/bin/sh -c ", "RUN "]
        .iter()
        .find_map(|prefix| command.strip_prefix(prefix))
        .unwrap_or(command)
        .trim();
    match command.char_indices().nth(LONGEST_COMMAND) {
        Some((end, _)) => format!("{}…", command[..end].trim_end()),
        None => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(explain_failed_step("", text), expected);
    }

    #[test]
    fn every_builders_words_become_the_same_sentence() {
        let expected = "`make all` ended with exit code 2";
        case(
            "executor failed running [/bin/sh -c make all]: exit code: 2",
            expected,
        );
        case(
            r#"failed to solve: process "/bin/sh -c make all" did not complete successfully: exit code: 2"#,
            expected,
        );
        case(
            "The command '/bin/sh -c make all' returned a non-zero code: 2",
            expected,
        );
        case(
            r#"building at STEP "RUN make all": while running runtime: exit status 2"#,
            expected,
        );
    }

    #[test]
    fn a_long_command_is_cut_and_other_texts_stay() {
        let command = "a ü".repeat(40);
        let text = format!("executor failed running [/bin/bash -c {command}]: exit code: 137");
        let start: String = format!("/bin/bash -c {command}")
            .chars()
            .take(LONGEST_COMMAND)
            .collect();
        let killed = "it was killed, as happens when memory runs out";
        let expected = format!("`{}…` ended with exit code 137: {killed}", start.trim_end());
        case(&text, &expected);
        for text in [
            "dockerfile parse error line 2",
            "executor failed running [x]: exit code: ",
            "process \"",
        ] {
            case(text, text);
        }
    }

    #[test]
    fn a_step_that_ran_nothing_is_named() {
        let text = "\"/missing\" not found: not found";
        for (name, expected) in [
            (
                "[one 2/3] COPY missing /",
                "`COPY missing /`: \"/missing\" not found",
            ),
            ("[internal] load build context", "\"/missing\" not found"),
            ("", "\"/missing\" not found"),
        ] {
            assert_eq!(explain_failed_step(name, text), expected);
        }
        case(
            r#"building at STEP "COPY missing /there": checking on sources under "/var/tmp/b": copier: stat: "/missing": no such file"#,
            r#"`COPY missing /there`: stat: "/missing": no such file"#,
        );
    }
}
