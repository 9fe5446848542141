//! The arrows of `src/lib.rs`: a module uses only what the map there names before it, formats and model touch nothing
//! outside of the program, and only `ui` takes hold of stdout and stderr.
//!
//! What stands below `#[cfg(test)]` is free: tests may look anywhere.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand outside the program and read its source"
)]

use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The order of modules, with the group of each.
struct Map(Vec<(String, String)>);

impl Map {
    fn read() -> Self {
        let lib = std::fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
        let (_, map) = lib.split_once("//! ```text\n").expect("a map in lib.rs");
        let (map, _) = map.split_once("//! ```\n").expect("an end of the map");
        let mut modules = Vec::new();
        for line in map.lines() {
            let mut words = line.trim_start_matches("//!").split_whitespace();
            let group = words.next().expect("the name of a group");
            let names = words.filter(|word| *word != "→");
            modules.extend(names.map(|name| (name.to_owned(), group.to_owned())));
        }
        Self(modules)
    }

    fn position(&self, module: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| name == module)
    }

    fn group(&self, module: &str) -> &str {
        self.position(module).map_or("", |i| &self.0[i].1)
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// One file of the source, as a flat list of its tokens outside of tests.
struct File {
    path: PathBuf,
    /// The module of `lib.rs` to which it belongs.
    module: String,
    tokens: Vec<Token>,
}

/// A word or a sign, and how many modules are around it below the root of the crate.
struct Token {
    text: String,
    line: usize,
    depth: usize,
}

/// All files of all modules; `lib.rs` and `main.rs` belong to none.
fn files() -> Vec<File> {
    let source = source();
    let entries = walkdir::WalkDir::new(&source).sort_by_file_name();
    let paths = entries
        .into_iter()
        .map(|entry| entry.expect("an entry").into_path());
    let mut files = Vec::new();
    for path in paths {
        let below = path.strip_prefix(&source).expect("a path below src");
        if below.extension() != Some("rs".as_ref())
            || below == Path::new("lib.rs")
            || below == Path::new("main.rs")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a file of the source");
        files.push(File::parse(below, &text));
    }
    assert!(files.len() > 100, "the source was not found");
    files
}

impl File {
    fn parse(below: &Path, text: &str) -> Self {
        let stem = below.with_extension("");
        let names: Vec<_> = stem
            .iter()
            .filter(|name| *name != "mod")
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        let stream: TokenStream = text.parse().expect("Rust");
        let mut tokens = Vec::new();
        flatten(stream, names.len(), &mut tokens);
        Self {
            path: Path::new("src").join(below),
            module: names[0].clone(),
            tokens,
        }
    }

    /// Finds the modules of the crate that the file names, through `crate::` or a chain of `super::` up to the root.
    fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        let mut start = 0;
        while start < self.tokens.len() {
            let Some(after) = self.skip_to_root(start) else {
                start += 1;
                continue;
            };
            let mut add = |token: &Token| {
                uses.push(Use {
                    path: self.path.clone(),
                    line: token.line,
                    from: self.module.clone(),
                    to: token.text.clone(),
                });
            };
            if self.text(after) == "{" {
                // The names that begin the parts of `crate::{a::b, c}`.
                let mut nested = 0;
                for i in after.. {
                    match self.text(i) {
                        "{" => nested += 1,
                        "}" => nested -= 1,
                        "," => (),
                        _ if nested == 1 && matches!(self.text(i - 1), "{" | ",") => {
                            add(&self.tokens[i]);
                        }
                        _ => (),
                    }
                    if nested == 0 {
                        break;
                    }
                }
            } else {
                add(&self.tokens[after]);
            }
            start = after;
        }
        uses
    }

    /// Where a path begins that leads to the root of the crate, gives the token behind that.
    fn skip_to_root(&self, start: usize) -> Option<usize> {
        if start > 0 && self.text(start - 1) == ":" {
            return None;
        }
        let is_parted = |i: usize| self.text(i) == ":" && self.text(i + 1) == ":";
        match self.text(start) {
            "crate" if is_parted(start + 1) => Some(start + 3),
            "super" => {
                let depth = self.tokens[start].depth;
                let is_chain = |i: usize| self.text(i) == "super" && is_parted(i + 1);
                (0..depth)
                    .all(|step| is_chain(start + 3 * step))
                    .then_some(start + 3 * depth)
            }
            _ => None,
        }
    }

    fn text(&self, i: usize) -> &str {
        self.tokens.get(i).map_or("", |token| &token.text)
    }

    /// Finds a run of tokens; each place where it begins.
    fn find<'a>(&'a self, wanted: &'a [&str]) -> impl Iterator<Item = Place> + 'a {
        let is_here =
            move |i: &usize| (0..wanted.len()).all(|step| self.text(i + step) == wanted[step]);
        (0..self.tokens.len()).filter(is_here).map(|i| Place {
            path: self.path.clone(),
            line: self.tokens[i].line,
            text: wanted.concat(),
        })
    }
}

/// Flattens a stream of tokens, and leaves out what is for tests only.
fn flatten(stream: TokenStream, depth: usize, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    let mut is_module = false;
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let mut push = |text: String, line: usize| tokens.push(Token { text, line, depth });
        match tree {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                let is_test = matches!(trees.peek(), Some(TokenTree::Group(group)) if group.stream().to_string() == "cfg (test)");
                if is_test {
                    // The item goes to its braces or its semicolon.
                    trees.next();
                    trees.find(|tree| match tree {
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        TokenTree::Punct(sign) => sign.as_char() == ';',
                        _ => false,
                    });
                } else {
                    push("#".to_owned(), line);
                }
            }
            TokenTree::Punct(sign) => push(sign.to_string(), line),
            TokenTree::Literal(_) => push("literal".to_owned(), line),
            TokenTree::Ident(word) => {
                let word = word.to_string();
                // `mod name { … }`: two tokens on.
                is_module |= word == "mod";
                push(word, line);
                continue;
            }
            TokenTree::Group(group) => {
                let deeper = is_module && group.delimiter() == Delimiter::Brace;
                let end = group.span_close().start().line;
                let [open, close] = signs(&group);
                push(open.to_owned(), line);
                flatten(group.stream(), depth + usize::from(deeper), tokens);
                tokens.push(Token {
                    text: close.to_owned(),
                    line: end,
                    depth,
                });
            }
        }
        is_module = false;
    }
}

fn signs(group: &Group) -> [&'static str; 2] {
    match group.delimiter() {
        Delimiter::Brace => ["{", "}"],
        Delimiter::Bracket => ["[", "]"],
        Delimiter::Parenthesis => ["(", ")"],
        Delimiter::None => ["", ""],
    }
}

/// One module names another one.
struct Use {
    path: PathBuf,
    line: usize,
    from: String,
    to: String,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            from,
            to,
        } = self;
        write!(f, "{}:{line}: {from} → {to}", path.display())
    }
}

/// Words that stand where they should not.
struct Place {
    path: PathBuf,
    line: usize,
    text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.text)
    }
}

#[track_caller]
fn none_of<T: fmt::Display>(wrong: &[T], rule: &str) {
    let lines: Vec<String> = wrong.iter().map(|one| format!("  {one}\n")).collect();
    assert!(wrong.is_empty(), "{rule}\n{}", lines.concat());
}

#[test]
fn the_map_names_every_module_once() {
    let lib = std::fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
    let mut declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    declared.sort_unstable();
    let map = Map::read();
    let mut named: Vec<&str> = map.0.iter().map(|(name, _)| name.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, declared);
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let map = Map::read();
    let uses: Vec<Use> = files().iter().flat_map(File::uses).collect();
    assert!(uses.len() > 100, "no arrow was found");
    let goes_back = |one: &Use| {
        let (from, to) = (map.position(&one.from), map.position(&one.to));
        one.from != one.to && from <= to
    };
    let wrong: Vec<Use> = uses.into_iter().filter(goes_back).collect();
    none_of(
        &wrong,
        "these arrows go against the map in src/lib.rs (move the code, or draw the map again):",
    );
}

#[test]
fn formats_and_model_touch_nothing_outside() {
    const BANNED: [&[&str]; 13] = [
        &["std", ":", ":", "fs"],
        &["std", ":", ":", "env"],
        &["std", ":", ":", "process"],
        &["std", ":", ":", "os"],
        &["tokio"],
        &["TcpStream"],
        &["UdpSocket"],
        &["UnixStream"],
        &["SystemTime"],
        &["Instant"],
        &[".", "exists", "("],
        &[".", "is_file", "("],
        &[".", "is_dir", "("],
    ];
    let map = Map::read();
    let files = files();
    let pure: Vec<&File> = files
        .iter()
        .filter(|file| ["formats", "model"].contains(&map.group(&file.module)))
        .collect();
    assert!(pure.len() > 40, "the pure modules were not found");
    let wrong: Vec<Place> = pure
        .iter()
        .flat_map(|file| BANNED.iter().flat_map(|banned| file.find(banned)))
        .collect();
    none_of(
        &wrong,
        "formats and model are pure: files, processes, time and the network are the border's:",
    );
}

#[test]
fn only_the_ui_takes_hold_of_stdout_and_stderr() {
    const BANNED: [&[&str]; 11] = [
        &["io", ":", ":", "stdout"],
        &["io", ":", ":", "stderr"],
        &["Term", ":", ":", "stdout"],
        &["Term", ":", ":", "stderr"],
        &["println", "!"],
        &["eprintln", "!"],
        &["print", "!"],
        &["eprint", "!"],
        &["dbg", "!"],
        &["stdout", "(", ")"],
        &["stderr", "(", ")"],
    ];
    let wrong: Vec<Place> = files()
        .iter()
        .filter(|file| file.module != "ui")
        .flat_map(|file| BANNED.iter().flat_map(|banned| file.find(banned)))
        .collect();
    none_of(&wrong, "only `ui` writes to the terminal:");
}

/// The reader of the source finds what it has to find, and nothing else.
#[test]
fn paths_to_the_root_are_found_in_every_form() {
    let text = r#"
        use crate::a::{x, y};
        use crate::{b::x, c, d::{e, f}};
        use super::super::g::x;
        use super::own::x;
        // use crate::comment;
        fn f() -> &'static str { let _ = crate::h::x(); "crate::text" }
        mod inner { use super::super::super::i::x; use super::super::own; }
        matches!(x, crate::j::Y);
        #[cfg(test)]
        use crate::test_only;
        #[cfg(test)]
        mod tests { use crate::test_only; }
        #[cfg(unix)]
        use crate::k;
    "#;
    let file = File::parse(Path::new("one/two.rs"), text);
    let found: Vec<String> = file.uses().into_iter().map(|one| one.to).collect();
    assert_eq!(
        found,
        ["a", "b", "c", "d", "g", "h", "i", "j", "k"],
        "{text}"
    );
    assert_eq!(file.module, "one");
    assert_eq!(file.find(&["test_only"]).count(), 0);
    assert_eq!(
        file.find(&["crate", ":", ":", "h"])
            .map(|place| place.to_string())
            .collect::<Vec<_>>(),
        ["src/one/two.rs:7: crate::h"]
    );
}
