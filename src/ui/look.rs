//! How meaning is shown on one stream: tones that become colours, and glyphs with their ASCII counterparts.

use std::borrow::Cow;

use console::Style;

use super::facts::Charset;

/// What a piece of text means to its reader; a terminal shows it as a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Less important than its surroundings.
    Dim,
    /// More important than its surroundings.
    Strong,
    /// It went well.
    Good,
    /// It failed.
    Bad,
    /// It deserves attention.
    Caution,
    /// A place or a hint that leads on.
    Accent,
}

/// The look of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether tones become colours.
    pub(super) color: bool,
    /// What may be written.
    pub(super) charset: Charset,
}

/// The signs of the display.
#[derive(Debug)]
pub(super) struct Glyphs {
    pub(super) done: &'static str,
    pub(super) failed: &'static str,
    pub(super) stopped: &'static str,
    pub(super) ellipsis: &'static str,
    pub(super) between: &'static str,
    pub(super) gutter: &'static str,
    pub(super) spinner: &'static [&'static str],
}

const UTF8: Glyphs = Glyphs {
    done: "✓",
    failed: "✗",
    stopped: "–",
    ellipsis: "…",
    between: " · ",
    gutter: "│",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
};

const ASCII: Glyphs = Glyphs {
    done: "+",
    failed: "x",
    stopped: "-",
    ellipsis: "...",
    between: ", ",
    gutter: "|",
    spinner: &["|", "/", "-", "\\"],
};

impl Look {
    /// Gives a text its tone.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Dim => Style::new().dim(),
            Tone::Strong => Style::new().bold(),
            Tone::Good => Style::new().green(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Caution => Style::new().yellow().bold(),
            Tone::Accent => Style::new().cyan(),
        };
        style.force_styling(true).apply_to(text).to_string()
    }

    /// Writes the signs that this program's own texts hold as the reader's terminal can show them: `a -> b`.
    pub(super) fn spell(self, text: &str) -> Cow<'_, str> {
        let ascii = |sign: char| match sign {
            '→' => Some("->"),
            '…' => Some("..."),
            '–' | '─' => Some("-"),
            '├' | '│' => Some("|"),
            '└' => Some("`"),
            _ => None,
        };
        if self.charset == Charset::Utf8 || !text.contains(|sign| ascii(sign).is_some()) {
            return Cow::Borrowed(text);
        }
        let mut spelled = String::with_capacity(text.len());
        for sign in text.chars() {
            match ascii(sign) {
                Some(instead) => spelled.push_str(instead),
                None => spelled.push(sign),
            }
        }
        Cow::Owned(spelled)
    }

    /// Gives the signs that the reader's terminal can show.
    pub(super) fn glyphs(self) -> &'static Glyphs {
        match self.charset {
            Charset::Utf8 => &UTF8,
            Charset::Ascii => &ASCII,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_a_colour_only_where_colour_is_on() {
        let mut look = Look::default();
        assert_eq!(look.paint(Tone::Bad, "error"), "error");
        look.color = true;
        let red = look.paint(Tone::Bad, "error");
        assert_eq!(red, "\u{1b}[31m\u{1b}[1merror\u{1b}[0m");
        assert_eq!(look.paint(Tone::Plain, "error"), "error");
        assert_eq!(look.paint(Tone::Bad, ""), "", "no empty codes");
    }

    #[test]
    fn signs_are_spelled_out_where_the_locale_is_ascii() {
        let mut look = Look::default();
        let text = "a → b… – é\n├── c\n│   └── d";
        assert_eq!(look.spell(text), text);
        look.charset = Charset::Ascii;
        let expected = "a -> b... - é\n|-- c\n|   `-- d";
        assert_eq!(look.spell(text), expected);
    }

    #[test]
    fn the_fallback_is_ascii() {
        let glyphs = format!("{ASCII:?}");
        assert!(glyphs.is_ascii(), "{glyphs}");
    }
}
