//! The commands of a `RUN`, as far as rules need them: words with their lines, without running anything.

use crate::dockerfile::Instruction;

/// One command: a program with its arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ShellCommand {
    /// The words without quotes, each with its line in the rendered text.
    pub(super) words: Vec<Word>,
}

/// A word with its line.
pub(super) type Word = (String, usize);

/// What a command runs.
pub(super) struct Call<'a> {
    /// The program, without directories.
    pub(super) program: &'a str,
    /// Its line.
    pub(super) line: usize,
    /// What follows it.
    pub(super) arguments: &'a [Word],
}

/// Words of the shell that stand before a program.
const BEFORE: [&str; 9] = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{",
];

/// A program that runs another one.
struct Wrapper {
    name: &'static str,
    /// Its options that take the next word.
    with_value: &'static [&'static str],
    /// How many words follow its options before the program.
    words: usize,
}

const fn wrapper(name: &'static str, with_value: &'static [&'static str], words: usize) -> Wrapper {
    Wrapper {
        name,
        with_value,
        words,
    }
}

/// Programs that run another one, as far as their options are known.
const WRAPPERS: [Wrapper; 14] = [
    wrapper("exec", &["-a"], 0),
    wrapper("command", &[], 0),
    wrapper("env", &["-u", "--unset", "-C", "--chdir"], 0),
    wrapper(
        "sudo",
        &[
            "-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "-D", "-R",
            "-T",
        ],
        0,
    ),
    wrapper("time", &["-f", "--format", "-o", "--output"], 0),
    wrapper("timeout", &["-k", "--kill-after", "-s", "--signal"], 1),
    wrapper("nice", &["-n", "--adjustment"], 0),
    wrapper("ionice", &["-c", "--class", "-n", "--classdata"], 0),
    wrapper("nohup", &[], 0),
    wrapper("setsid", &[], 0),
    wrapper(
        "stdbuf",
        &["-i", "--input", "-o", "--output", "-e", "--error"],
        0,
    ),
    wrapper("chronic", &[], 0),
    wrapper("eatmydata", &[], 0),
    wrapper(
        "xargs",
        &["-n", "-L", "-I", "-P", "-a", "-d", "-E", "-s"],
        0,
    ),
];

/// Shells take a script behind `-c`.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "su"];
/// Scripts stand within scripts this deep at most.
const DEEPEST: usize = 4;

impl ShellCommand {
    /// Finds what is run, also through programs that run another one.
    pub(super) fn call(&self) -> Option<Call<'_>> {
        let mut words = self.words.as_slice();
        loop {
            let at = words.iter().position(|(word, _)| !is_before(word))?;
            let (word, line) = &words[at];
            let program = word.rsplit('/').next().unwrap_or(word);
            let call = Call {
                program,
                line: *line,
                arguments: &words[at + 1..],
            };
            let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == program);
            let inner = wrapper.and_then(|wrapper| skip_options(wrapper, call.arguments));
            match inner {
                Some(inner) if !inner.is_empty() => words = inner,
                _ => return Some(call),
            }
        }
    }
}

fn is_before(word: &str) -> bool {
    let is_assignment = word
        .split_once('=')
        .is_some_and(|(name, _)| is_variable(name));
    is_assignment || word.starts_with("<<") || BEFORE.contains(&word)
}

/// Gives the words of the program that a wrapper runs.
fn skip_options<'a>(wrapper: &Wrapper, words: &'a [Word]) -> Option<&'a [Word]> {
    let mut rest = words;
    while let Some((word, _)) = rest.first().filter(|(word, _)| word.starts_with('-')) {
        let taken = if wrapper.with_value.contains(&word.as_str()) {
            2
        } else {
            1
        };
        rest = rest.get(taken..)?;
        if word == "--" {
            break;
        }
    }
    // What `env` and `sudo` set stands before the words of a program as well.
    let is_set = |(word, _): &&Word| is_before(word);
    let set = rest.iter().take_while(is_set).count();
    rest.get(set + wrapper.words..)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reads the commands of a `RUN` in the rendered text, those of its here-documents among them.
pub(super) fn parse_commands(text: &str, run: &Instruction) -> Vec<ShellCommand> {
    let mut commands = parse_written(text, run);
    let mut start = 0;
    // A script in the words of a command is a list of commands of its own.
    for _ in 0..DEEPEST {
        let end = commands.len();
        let inner: Vec<ShellCommand> = commands[start..].iter().flat_map(parse_script).collect();
        commands.extend(inner);
        start = end;
    }
    commands
}

/// Reads the commands of `sh -c 'a && b'`.
fn parse_script(command: &ShellCommand) -> Vec<ShellCommand> {
    let call = command.call().filter(|call| SHELLS.contains(&call.program));
    let Some(call) = call else {
        return Vec::new();
    };
    let is_script = |word: &str| {
        let letters = word.strip_prefix('-').unwrap_or_default();
        letters.bytes().all(|b| b.is_ascii_lowercase()) && letters.contains('c')
            || word == "--command"
    };
    let mut words = call.arguments.iter();
    loop {
        match words.next().map(|(word, _)| word.as_str()) {
            Some(word) if is_script(word) => break,
            Some("-o" | "+o") => {
                words.next();
            }
            // `su` takes the name of the user as well; of the others, what is no option names a file.
            Some(word) if word.starts_with(['-', '+']) || call.program == "su" => {}
            _ => return Vec::new(),
        }
    }
    let Some((script, line)) = words.find(|(word, _)| !word.starts_with('-')) else {
        return Vec::new();
    };
    let mut reader = Reader::default();
    for (index, text) in script.lines().enumerate() {
        reader.read_line(text, *line + index);
        reader.end_line();
    }
    reader.end_command();
    reader.commands
}

fn parse_written(text: &str, run: &Instruction) -> Vec<ShellCommand> {
    if let Ok(words) = serde_json::from_str::<Vec<String>>(&run.arguments) {
        let words = words.into_iter().map(|word| (word, run.line)).collect();
        return vec![ShellCommand { words }];
    }
    let mut reader = Reader::default();
    let written = text.get(run.span.clone()).unwrap_or_default();
    for (index, line) in written.lines().enumerate() {
        // A comment between the lines of an instruction is none of it, even inside of quotes.
        if index > 0 && line.trim_start().starts_with('#') {
            continue;
        }
        let (line, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        reader.read_line(line, run.line + index);
        if !goes_on {
            reader.end_line();
        }
    }
    reader.end_command();
    let mut commands = reader.commands;
    if let Some(first) = commands.first_mut() {
        // `RUN` itself, and its options.
        first.words.remove(0);
        let is_option = |word: &(String, usize)| word.0.starts_with("--");
        let options = first.words.iter().take_while(|word| is_option(word));
        let count = options.count();
        first.words.drain(..count);
    }
    commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<ShellCommand>,
    command: ShellCommand,
    word: Option<(String, usize)>,
    quote: Option<char>,
}

impl Reader {
    fn read_line(&mut self, line: &str, number: usize) {
        let mut characters = line.chars();
        while let Some(c) = characters.next() {
            match self.quote {
                Some(quote) if c == quote => self.quote = None,
                Some('"') if c == '\\' => {
                    let escaped = characters.next();
                    self.push(number, escaped);
                }
                Some(_) => self.push(number, Some(c)),
                None => match c {
                    '\\' => {
                        let escaped = characters.next();
                        self.push(number, escaped);
                    }
                    '"' | '\'' => {
                        self.quote = Some(c);
                        self.push(number, None);
                    }
                    '#' if self.word.is_none() => return,
                    '&' if self
                        .word
                        .as_ref()
                        .is_some_and(|(word, _)| word.ends_with('>')) =>
                    {
                        self.push(number, Some(c));
                    }
                    ';' | '|' | '&' | '(' | ')' | '`' => self.end_command(),
                    c if c.is_whitespace() => self.end_word(),
                    c => self.push(number, Some(c)),
                },
            }
        }
    }

    fn push(&mut self, number: usize, c: Option<char>) {
        let (word, _) = self.word.get_or_insert_with(|| (String::new(), number));
        word.extend(c);
    }

    fn end_line(&mut self) {
        match (self.quote, &mut self.word) {
            (None, _) => self.end_command(),
            (Some(_), Some((word, _))) => word.push('\n'),
            (Some(_), None) => {}
        }
    }

    fn end_word(&mut self) {
        self.command.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.command.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse_dockerfile;

    #[track_caller]
    fn case(run: &str, expected: &[(&str, usize, &str)]) {
        let text = format!("FROM a\n{run}");
        let dockerfile = parse_dockerfile(&text).expect("a Dockerfile");
        let commands = parse_commands(&text, &dockerfile.stages[0].instructions[0]);
        let found: Vec<_> = commands
            .iter()
            .filter_map(|command| {
                let call = command.call()?;
                let words: Vec<_> = call
                    .arguments
                    .iter()
                    .map(|(word, _)| word.as_str())
                    .collect();
                Some((call.program, call.line, words.join("|")))
            })
            .collect();
        let found: Vec<_> = found
            .iter()
            .map(|(program, line, words)| (*program, *line, words.as_str()))
            .collect();
        assert_eq!(found, expected, "{run}");
    }

    #[test]
    fn commands_are_parted_as_a_shell_parts_them() {
        case("RUN a", &[("a", 2, "")]);
        case(
            "RUN a 'b && c' && X=y /usr/bin/d \\\n  # no\n  e; if f\n",
            &[("a", 2, "b && c"), ("d", 2, "e"), ("f", 4, "")],
        );
        case(
            "RUN a 2>&1 || { b $(c d); } | \"e f\"\n",
            &[
                ("a", 2, "2>&1"),
                ("b", 2, "$"),
                ("c", 2, "d"),
                ("}", 2, ""),
                ("e f", 2, ""),
            ],
        );
        case(
            "RUN [\"apt-get\", \"install\"]",
            &[("apt-get", 2, "install")],
        );
        case(
            "RUN --mount=type=cache,target=/c --network=none a --b # c\n",
            &[("a", 2, "--b")],
        );
        case("RUN a \\\n  && b\n", &[("a", 2, ""), ("b", 3, "")]);
    }

    #[test]
    fn what_runs_another_program_is_passed_over() {
        let apt = [("apt-get", 2, "install|a")];
        for before in [
            "sudo -E",
            "sudo -u root X=y",
            "timeout 5",
            "timeout -k 1 --signal=KILL 5m /usr/bin/env -i A=b",
            "nice -n 10 ionice -c 3",
            "exec",
        ] {
            case(&format!("RUN {before} apt-get install a"), &apt);
        }
        case(
            "RUN echo a | xargs -r -n 1 apt-get install",
            &[("echo", 2, "a"), ("apt-get", 2, "install")],
        );
        case("RUN sudo -i", &[("sudo", 2, "-i")]);
        case("RUN timeout 5", &[("timeout", 2, "5")]);
    }

    #[test]
    fn the_script_of_a_shell_is_read_as_well() {
        case(
            "RUN a && sh -ec \"b 'c d' && e\"",
            &[
                ("a", 2, ""),
                ("sh", 2, "-ec|b 'c d' && e"),
                ("b", 2, "c d"),
                ("e", 2, ""),
            ],
        );
        case(
            "RUN [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\", \"a; sudo sh -c 'b'\"]",
            &[
                ("bash", 2, "-o|pipefail|-c|a; sudo sh -c 'b'"),
                ("a", 2, ""),
                ("sh", 2, "-c|b"),
                ("b", 2, ""),
            ],
        );
        case(
            "RUN <<EOF\nsh -c 'a\nb c'\nEOF\n",
            &[
                ("sh", 3, "-c|a\nb c"),
                ("EOF", 5, ""),
                ("a", 3, ""),
                ("b", 4, "c"),
            ],
        );
        case("RUN sh a.sh -c b", &[("sh", 2, "a.sh|-c|b")]);
        case("RUN su ann -c b", &[("su", 2, "ann|-c|b"), ("b", 2, "")]);
    }

    #[test]
    fn commands_of_here_documents_have_their_lines() {
        case(
            "RUN <<EOF\na b\n# c\nd \\\n  e\nEOF\n",
            &[("a", 3, "b"), ("d", 5, "e"), ("EOF", 7, "")],
        );
    }
}
