//! Expressions, as far as the engine reads some of their parts otherwise than Jinja does.
//!
//! The grammar is Jinja's; what it does not know makes the whole tag stay as it is, for the engine to refuse.

use std::borrow::Cow;

use super::escapes::translate_text;
use super::tokens::{Kind, Token};
use super::{
    DEPTH_FILTER, DONE, Edit, FILE, LIST_FILTER, MAPPING_FILTER, METHOD_FILTER, METHODS, NO_LOOP,
    OUTSIDE, PERCENT_FILTER, PLAIN_FILTER, SLICE_FILTER, TEXT_FILTER,
};

/// Brackets and signs inside of each other; the engine takes as many.
const DEEPEST: usize = 150;

/// What happens to a value that a name is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sets {
    /// Nothing.
    Free,
    /// It is asked for its depth, as it may hold more than a person writes down.
    Asked,
}

/// Reads the tokens of one tag.
pub(super) struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    edits: &'a mut Vec<Edit>,
    /// Lists and mappings are to be changeable.
    pub(super) is_changing: bool,
    /// There are texts that are marked as escaped.
    pub(super) is_marking: bool,
    /// There is a loop around the tag, in the same file.
    pub(super) is_in_loop: bool,
    pub(super) sets: Sets,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token], edits: &'a mut Vec<Edit>) -> Self {
        Self {
            text,
            tokens,
            at: 0,
            depth: 0,
            edits,
            is_changing: false,
            is_marking: false,
            is_in_loop: false,
            sets: Sets::Free,
        }
    }

    /// Reads `{{ … }}`.
    pub(super) fn read_value(&mut self) -> Option<()> {
        self.read_tuple()?;
        (self.at == self.tokens.len()).then_some(())
    }

    /// Reads `{% … %}`: keywords, with expressions between them.
    pub(super) fn read_statement(&mut self) -> Option<()> {
        match self.word() {
            "do" => {
                self.replace(DONE);
                self.read_tuple()?;
            }
            "if" | "elif" => {
                self.at += 1;
                self.read_tuple()?;
            }
            "for" => {
                while self.at < self.tokens.len() && self.word() != "in" {
                    self.at += 1;
                }
                self.at += 1;
                self.read_tuple()?;
            }
            "set" if self.sets == Sets::Asked => self.read_asked_set()?,
            "with" => self.read_with(),
            "from" => return self.read_from(),
            _ => self.at += 1,
        }
        while self.at < self.tokens.len() {
            if self.starts_expression() {
                self.read_expression()?;
            } else {
                self.at += 1;
            }
        }
        Some(())
    }

    /// Asks for the depth of the value of a `set`, unless it is a block.
    fn read_asked_set(&mut self) -> Option<()> {
        let is_target = |token: &&Token| {
            let word = &self.text[token.range.clone()];
            token.kind == Kind::Name || matches!(word, "," | "(" | ")")
        };
        self.at = self.tokens.iter().take_while(is_target).count();
        if self.skip("=") {
            self.insert(self.start(), "(");
            self.read_tuple()?;
            self.insert(self.end(), format!(")|{DEPTH_FILTER}"));
        } else {
            self.at = 1;
        }
        Some(())
    }

    /// Writes `from file import a, b as c` as an import of the file and names for its parts: of the engine, a part that
    /// is not there would be `none`.
    fn read_from(&mut self) -> Option<()> {
        self.replace("import");
        self.read_expression()?;
        if self.word() != "import" {
            return None;
        }
        self.replace(format!("as {FILE} %}}{{% set"));
        self.starts_expression().then_some(())?;
        while self.at < self.tokens.len() {
            match self.word() {
                "," if self.at + 1 == self.tokens.len() => self.replace(""),
                "," => self.replace(" %}{% set"),
                "with" | "without" => {
                    self.replace("");
                    (self.word() == "context").then(|| self.replace(""))?;
                }
                name if self.kind() == Some(Kind::Name) && !name.starts_with('_') => {
                    if self.is_before("as") {
                        self.replace("");
                        self.replace("");
                        self.kind().filter(|kind| *kind == Kind::Name)?;
                    }
                    self.at += 1;
                    self.insert(self.end(), format!(" = {FILE}.{name}"));
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// Makes the values of `with` those outside of it: the engine would let a value see the names before it.
    fn read_with(&mut self) {
        self.at += 1;
        let start = self.start();
        let (mut targets, mut hidden) = (Vec::new(), Vec::new());
        let mut depth = 0_usize;
        let mut is_target = true;
        for (i, token) in self.tokens.iter().enumerate().skip(1) {
            let word = &self.text[token.range.clone()];
            match word {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "=" if depth == 0 => is_target = false,
                "," if depth == 0 => is_target = true,
                _ if token.kind != Kind::Name => {}
                _ if is_target => targets.push(word),
                _ => {
                    let before = &self.text[self.tokens[i - 1].range.clone()];
                    let after = self.tokens.get(i + 1);
                    let is_argument =
                        after.is_some_and(|after| &self.text[after.range.clone()] == "=");
                    if targets.contains(&word)
                        && !matches!(before, "." | "|" | "is")
                        && !is_argument
                    {
                        hidden.push((word, token.range.clone()));
                    }
                }
            }
        }
        let mut names: Vec<&str> = hidden.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.insert(start, format!("{OUTSIDE}{name} = {name}, "));
        }
        for (name, taken) in hidden {
            let put = format!("{OUTSIDE}{name}").into();
            self.edits.push(Edit { taken, put });
        }
    }

    /// Gives the current token as text; nothing at the end.
    fn word(&self) -> &'a str {
        let token = self.tokens.get(self.at);
        token.map_or("", |token| &self.text[token.range.clone()])
    }

    fn kind(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    /// Steps over a token, if it is the current one.
    fn skip(&mut self, word: &str) -> bool {
        let is_it = self.word() == word;
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, word: &str) -> Option<()> {
        self.skip(word).then_some(())
    }

    fn is_before(&self, word: &str) -> bool {
        let next = self.tokens.get(self.at + 1);
        next.is_some_and(|next| &self.text[next.range.clone()] == word)
    }

    /// Where the current token begins.
    fn start(&self) -> usize {
        let token = self.tokens.get(self.at);
        token.map_or(self.text.len(), |token| token.range.start)
    }

    /// Where the last token ended.
    fn end(&self) -> usize {
        self.tokens[self.at - 1].range.end
    }

    fn insert(&mut self, at: usize, put: impl Into<Cow<'static, str>>) {
        let (taken, put) = (at..at, put.into());
        self.edits.push(Edit { taken, put });
    }

    /// Writes something in the place of the current token, and steps over it.
    fn replace(&mut self, put: impl Into<Cow<'static, str>>) {
        let (taken, put) = (self.tokens[self.at].range.clone(), put.into());
        self.edits.push(Edit { taken, put });
        self.at += 1;
    }

    fn starts_expression(&self) -> bool {
        match self.kind() {
            Some(Kind::Name) => !matches!(self.word(), "in" | "is" | "and" | "or" | "else" | "if"),
            Some(Kind::Number | Kind::Text) => true,
            Some(Kind::Sign) => matches!(self.word(), "(" | "[" | "{" | "-" | "+"),
            None => false,
        }
    }

    /// Reads one expression, or several with commas between them, which are a tuple.
    fn read_tuple(&mut self) -> Option<()> {
        let start = self.start();
        self.read_expression()?;
        if self.word() != "," {
            return Some(());
        }
        self.insert(start, "(");
        while self.skip(",") {
            if self.starts_expression() {
                self.read_expression()?;
            }
        }
        self.insert(self.end(), ")");
        Some(())
    }

    fn read_expression(&mut self) -> Option<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.read_or()?;
        while self.skip("if") {
            self.read_or()?;
            if self.skip("else") {
                self.read_expression()?;
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// What binds less than arithmetic.
    fn read_or(&mut self) -> Option<()> {
        loop {
            while self.skip("not") {}
            self.read_sum()?;
            match self.word() {
                "and" | "or" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" => self.at += 1,
                "not" => {
                    self.at += 1;
                    self.expect("in")?;
                }
                _ => return Some(()),
            }
        }
    }

    fn read_sum(&mut self) -> Option<()> {
        let mut starts = vec![(self.start(), 0)];
        loop {
            self.read_concatenation()?;
            starts.last_mut()?.1 = self.end();
            let is_plus = self.word() == "+";
            if !is_plus && self.word() != "-" {
                break;
            }
            self.at += 1;
            if is_plus {
                starts.push((self.start(), 0));
            } else {
                starts = vec![(self.start(), 0)];
            }
        }
        if self.is_marking && starts.len() > 1 {
            for (start, end) in starts {
                self.insert(start, "(");
                self.insert(end, format!(")|{PLAIN_FILTER}"));
            }
        }
        Some(())
    }

    fn read_concatenation(&mut self) -> Option<()> {
        let mut operands = Vec::new();
        loop {
            let (start, first) = (self.start(), self.at);
            self.read_product()?;
            let is_text = self.at == first + 1 && self.tokens[first].kind == Kind::Text;
            operands.push((start, self.end(), is_text));
            if !self.skip("~") {
                break;
            }
        }
        if operands.len() > 1 {
            for (start, end, _) in operands.iter().filter(|(_, _, is_text)| !is_text) {
                self.insert(*start, "(");
                self.insert(*end, format!(")|{TEXT_FILTER}"));
            }
        }
        Some(())
    }

    fn read_product(&mut self) -> Option<()> {
        let start = self.start();
        self.read_power()?;
        loop {
            match self.word() {
                "*" | "/" | "//" => {
                    self.at += 1;
                    self.read_power()?;
                }
                "%" => {
                    self.insert(start, "(");
                    self.replace(format!(")|{PERCENT_FILTER}("));
                    self.read_power()?;
                    self.insert(self.end(), ")");
                }
                _ => return Some(()),
            }
        }
    }

    fn read_power(&mut self) -> Option<()> {
        self.read_unary()?;
        while self.skip("**") {
            self.read_unary()?;
        }
        Some(())
    }

    fn read_unary(&mut self) -> Option<()> {
        self.read_signed()?;
        self.read_filters()
    }

    /// Reads signs and what they stand before, without filters.
    fn read_signed(&mut self) -> Option<()> {
        loop {
            match self.word() {
                "-" => self.at += 1,
                // The engine has no sign that changes nothing.
                "+" => self.replace("- -"),
                _ => break,
            }
        }
        let start = self.start();
        self.read_primary()?;
        self.read_postfix(start)
    }

    fn read_primary(&mut self) -> Option<()> {
        let (start, word) = (self.start(), self.word());
        match self.kind()? {
            Kind::Name if word == "loop" && !self.is_in_loop && !self.is_before("=") => {
                // What is included sees no loop around it.
                self.replace(NO_LOOP);
            }
            Kind::Name | Kind::Number => self.at += 1,
            Kind::Text => {
                while self.kind() == Some(Kind::Text) {
                    match translate_text(self.word()) {
                        Some(text) => self.replace(text),
                        None => self.at += 1,
                    }
                }
            }
            Kind::Sign => {
                self.at += 1;
                match word {
                    "(" => self.read_items(")")?,
                    "[" => {
                        self.read_items("]")?;
                        self.wrap_changeable(start, LIST_FILTER);
                    }
                    "{" => {
                        self.read_items("}")?;
                        self.wrap_changeable(start, MAPPING_FILTER);
                    }
                    _ => return None,
                }
            }
        }
        Some(())
    }

    fn wrap_changeable(&mut self, start: usize, filter: &str) {
        if self.is_changing {
            self.insert(start, "(");
            self.insert(self.end(), format!("|{filter})"));
        }
    }

    /// Reads what stands between commas and colons, up to the closing bracket.
    fn read_items(&mut self, close: &str) -> Option<()> {
        while !self.skip(close) {
            self.read_expression()?;
            if close == "}" && self.skip(":") {
                self.read_expression()?;
            }
            if !self.skip(",") {
                return self.expect(close);
            }
        }
        Some(())
    }

    fn read_postfix(&mut self, start: usize) -> Option<()> {
        loop {
            match self.word() {
                "." => {
                    self.at += 1;
                    let (name, holder) = (self.word(), &self.text[start..self.end() - 1]);
                    self.kind()?;
                    self.at += 1;
                    if holder != "loop"
                        && METHODS.contains(&name)
                        && !matches!(self.word(), "(" | "=")
                    {
                        self.insert(start, "(");
                        self.insert(self.end(), format!("|{METHOD_FILTER})"));
                    }
                }
                "[" => self.read_subscript(start)?,
                "(" => self.read_arguments()?,
                _ => return Some(()),
            }
        }
    }

    fn read_subscript(&mut self, start: usize) -> Option<()> {
        let bracket = self.at;
        self.at += 1;
        if self.word() != ":" {
            self.read_tuple()?;
            if self.skip("]") {
                return Some(());
            }
        }
        let after = self.at;
        self.at = bracket;
        self.insert(start, "(");
        self.replace(format!("|{SLICE_FILTER}("));
        self.at = after;
        if after == bracket + 1 {
            self.insert(self.start(), "none");
        }
        while self.word() == ":" {
            self.replace(",");
            if self.starts_expression() {
                self.read_expression()?;
            } else {
                self.insert(self.start(), "none");
            }
        }
        if self.word() != "]" {
            return None;
        }
        self.replace("))");
        Some(())
    }

    fn read_arguments(&mut self) -> Option<()> {
        self.expect("(")?;
        while !self.skip(")") {
            if !self.skip("**") {
                self.skip("*");
            }
            self.read_expression()?;
            if self.skip("=") {
                self.read_expression()?;
            }
            if !self.skip(",") {
                return self.expect(")");
            }
        }
        Some(())
    }

    fn read_filters(&mut self) -> Option<()> {
        loop {
            let is_test = self.word() == "is";
            if !is_test && self.word() != "|" {
                return Some(());
            }
            self.at += 1;
            if is_test {
                self.skip("not");
            }
            // Its name, which may be a sign as in `is == 2`.
            self.kind()?;
            self.at += 1;
            let is_keyword = matches!(self.word(), "and" | "or" | "else" | "is" | "not");
            if self.word() == "(" {
                self.read_arguments()?;
            } else if is_test && self.starts_expression() && !is_keyword {
                self.read_signed()?;
            }
        }
    }
}
