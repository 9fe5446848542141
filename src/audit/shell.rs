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

/// Words that stand before a program and run it.
const BEFORE: [&str; 14] = [
    "if",
    "then",
    "else",
    "elif",
    "do",
    "while",
    "until",
    "!",
    "{",
    "exec",
    "env",
    "sudo",
    "time",
    "eatmydata",
];

impl ShellCommand {
    /// Finds what is run.
    pub(super) fn call(&self) -> Option<Call<'_>> {
        let is_before = |word: &str| {
            let is_assignment = word
                .split_once('=')
                .is_some_and(|(name, _)| is_variable(name));
            is_assignment || word.starts_with("<<") || BEFORE.contains(&word)
        };
        let at = self.words.iter().position(|(word, _)| !is_before(word))?;
        let (word, line) = &self.words[at];
        Some(Call {
            program: word.rsplit('/').next().unwrap_or(word),
            line: *line,
            arguments: &self.words[at + 1..],
        })
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reads the commands of a `RUN` in the rendered text, those of its here-documents among them.
pub(super) fn parse_commands(text: &str, run: &Instruction) -> Vec<ShellCommand> {
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
        if self.quote.is_none() {
            self.end_command();
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
    fn commands_of_here_documents_have_their_lines() {
        case(
            "RUN <<EOF\na b\n# c\nd \\\n  e\nEOF\n",
            &[("a", 3, "b"), ("d", 5, "e"), ("EOF", 7, "")],
        );
    }
}
