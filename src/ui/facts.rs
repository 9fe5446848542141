//! What the display depends on: the user's options, and facts about terminal and locale, both plain values.
//!
//! Nothing here or below asks the environment by itself, so a test can make up any terminal.

use std::io::IsTerminal as _;

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Also into files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// How much is told on stderr; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Problems, results and progress.
    #[default]
    Warnings,
    /// Also notes, steps, and phases that passed.
    Info,
    /// Also every line that the engine and the tests give.
    Debug,
}

/// Whether running work is shown in lines that change in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Live {
    /// When stderr is a terminal that can move its cursor.
    #[default]
    Auto,
    /// Never: one plain line per event.
    Never,
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// When colour is used.
    pub color: ColorChoice,
    /// How much is told.
    pub verbosity: Verbosity,
    /// Whether running work is shown in place.
    pub live: Live,
}

/// The characters that the reader's terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Anything.
    #[default]
    Utf8,
    /// Only ASCII is safe.
    Ascii,
}

/// What is known about stdout, stderr and the locale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalFacts {
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// The width in columns, from the terminal or from `COLUMNS`.
    pub width: Option<u16>,
    /// What `NO_COLOR` and `CLICOLOR_FORCE` say: `Auto` when neither is set.
    pub color: ColorChoice,
    /// Whether `TERM` is `dumb`: no cursor movement and no colour.
    pub term_is_dumb: bool,
    /// What the locale can show.
    pub charset: Charset,
}

impl TerminalFacts {
    /// Reads the facts of this process; `find` looks a variable up and gives nothing for an empty one.
    ///
    /// `NO_COLOR` (no-color.org) wins over `CLICOLOR_FORCE` (bixense.com/clicolors). The locale is the first that is
    /// set of `LC_ALL`, `LC_CTYPE` and `LANG` (POSIX "Environment Variables", 8.2); with none of them, as in most
    /// containers and CI jobs, UTF-8 is assumed.
    #[must_use]
    pub fn read(find: impl Fn(&str) -> Option<String>) -> Self {
        let stdout_is_terminal = std::io::stdout().is_terminal();
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let terminal = match (stderr_is_terminal, stdout_is_terminal) {
            (true, _) => Some(console::Term::stderr()),
            (false, true) => Some(console::Term::stdout()),
            (false, false) => None,
        };
        let measured = terminal.and_then(|terminal| terminal.size_checked());
        let facts = Self::from_variables(find);
        Self {
            stdout_is_terminal,
            stderr_is_terminal,
            width: measured.map(|(_, columns)| columns).or(facts.width),
            ..facts
        }
    }

    fn from_variables(find: impl Fn(&str) -> Option<String>) -> Self {
        let color = if find("NO_COLOR").is_some() {
            ColorChoice::Never
        } else if find("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            ColorChoice::Always
        } else {
            ColorChoice::Auto
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(&find);
        Self {
            width: find("COLUMNS").and_then(|columns| columns.parse().ok()),
            color,
            term_is_dumb: find("TERM").is_none_or(|term| term == "dumb"),
            charset: locale.map_or(Charset::Utf8, |locale| charset_of(&locale)),
            ..Self::default()
        }
    }

    /// Tells whether a stream gets colour: the option, then the environment, then what the stream is.
    pub(super) fn color_on(&self, choice: ColorChoice, stream_is_terminal: bool) -> bool {
        match (choice, self.color) {
            (ColorChoice::Always, _) | (ColorChoice::Auto, ColorChoice::Always) => true,
            (ColorChoice::Never, _) | (ColorChoice::Auto, ColorChoice::Never) => false,
            (ColorChoice::Auto, ColorChoice::Auto) => stream_is_terminal && !self.term_is_dumb,
        }
    }

    /// Tells whether running work can be shown in place.
    pub(super) fn live_on(&self, live: Live) -> bool {
        live == Live::Auto && self.stderr_is_terminal && !self.term_is_dumb
    }
}

/// `en_GB.UTF-8@euro` → UTF-8; a locale without a named charset counts as an old one.
fn charset_of(locale: &str) -> Charset {
    let locale = locale.to_ascii_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        Charset::Utf8
    } else {
        Charset::Ascii
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(variables: &[(&str, &str)]) -> TerminalFacts {
        TerminalFacts::from_variables(|name| {
            let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        })
    }

    #[track_caller]
    fn color(choice: ColorChoice, variables: &[(&str, &str)], expected: [bool; 2]) {
        let facts = facts(variables);
        let on = [true, false].map(|is_terminal| facts.color_on(choice, is_terminal));
        assert_eq!(on, expected, "on a terminal, in a file");
    }

    #[test]
    fn colour_follows_option_then_environment_then_stream() {
        let xterm = ("TERM", "xterm");
        color(ColorChoice::Auto, &[xterm], [true, false]);
        color(ColorChoice::Auto, &[], [false, false]);
        color(ColorChoice::Auto, &[("TERM", "dumb")], [false, false]);
        color(ColorChoice::Auto, &[xterm, ("NO_COLOR", "1")], [false; 2]);
        color(ColorChoice::Auto, &[("CLICOLOR_FORCE", "1")], [true; 2]);
        let off = ("CLICOLOR_FORCE", "0");
        color(ColorChoice::Auto, &[xterm, off], [true, false]);
        let both = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
        color(ColorChoice::Auto, &both, [false, false]);
        color(ColorChoice::Always, &both, [true, true]);
        color(ColorChoice::Never, &[xterm], [false, false]);
    }

    #[track_caller]
    fn charset(variables: &[(&str, &str)], expected: Charset) {
        assert_eq!(facts(variables).charset, expected);
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        charset(&[], Charset::Utf8);
        charset(&[("LANG", "en_GB.UTF-8")], Charset::Utf8);
        charset(&[("LANG", "C.utf8")], Charset::Utf8);
        charset(&[("LANG", "C")], Charset::Ascii);
        charset(&[("LC_ALL", "POSIX"), ("LANG", "C.UTF-8")], Charset::Ascii);
        charset(&[("LC_CTYPE", "de_DE.ISO-8859-1")], Charset::Ascii);
    }

    #[test]
    fn running_work_is_shown_in_place_only_on_a_terminal_that_can() {
        let mut facts = facts(&[("TERM", "xterm")]);
        assert!(!facts.live_on(Live::Auto), "stderr is a file");
        facts.stderr_is_terminal = true;
        assert!(facts.live_on(Live::Auto));
        assert!(!facts.live_on(Live::Never));
        facts.term_is_dumb = true;
        assert!(!facts.live_on(Live::Auto));
    }
}
