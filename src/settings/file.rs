//! A settings file as written: YAML to a tree that knows its lines.
//!
//! The parser is `granit-parser`: `PyYAML`'s types hang on quotes and tags, which only a parser of events shows (a serde
//! reader such as `serde-saphyr`, which stands on this same parser, or `serde_yaml_ng` hides them), and it is fuzzed,
//! released often and brings two small crates. Scalars, merge keys (`<<`) and repeated keys (the last wins) are read as
//! `PyYAML` reads YAML 1.1.
//!
//! ```yaml
//! defaults: &defaults {memory: 4g}
//! limits: {<<: *defaults, cpus: 2}
//! ```

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::scalar::{self, ScalarError, ScalarTag};
use super::value::Value;

/// More bytes than any settings file has.
const LARGEST_FILE: usize = 4 << 20;
/// Nodes after aliases were followed.
const MOST_NODES: usize = 200_000;
/// Bytes of scalars after aliases were followed.
const MOST_TEXT: usize = 16 << 20;
/// Nested lists and mappings after aliases were followed.
const DEEPEST: usize = 64;

/// The namespace of YAML's own tags.
const NAMESPACE: &str = "tag:yaml.org,2002:";

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl From<&Marker> for Mark {
    fn from(marker: &Marker) -> Self {
        Self {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) mark: Mark,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Neither list nor mapping.
    Scalar(Value),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// Gives the value without places.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::List(items.iter().map(Self::to_value).collect()),
            Content::Mapping(pairs) => Value::Mapping(
                pairs
                    .iter()
                    .map(|(key, value)| (key.to_value(), value.to_value()))
                    .collect(),
            ),
        }
    }

    fn depth(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 0,
            Content::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Content::Mapping(pairs) => {
                1 + pairs
                    .iter()
                    .map(|(_, value)| value.depth())
                    .max()
                    .unwrap_or(0)
            }
        }
    }
}

/// What is wrong with the YAML of a file.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum YamlError {
    /// The text breaks YAML's grammar.
    #[error("{}", .0.info())]
    Syntax(ScanError),
    /// A scalar has no value.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    /// A tag that no settings file needs.
    #[error("the tag `{0}` is not supported")]
    Tag(String),
    /// A list or a mapping as a key.
    #[error("a key has to be a text")]
    Key,
    /// `<<` with something that is no mapping.
    #[error("`<<` needs a mapping or a list of mappings")]
    Merge,
    /// An alias inside of what it names.
    #[error("an alias cannot stand inside of what it names")]
    Recursion,
    /// A second document.
    #[error("a settings file is one document")]
    SecondDocument,
    /// The file, or what its aliases make of it, is beyond the bounds.
    #[error("this is too large: {0}")]
    TooLarge(&'static str),
}

/// A fault with its place.
pub(super) type Fault = (Mark, YamlError);

/// Reads the one document of a file; an empty file holds none.
pub(super) fn parse_document(text: &str) -> Result<Option<Node>, Fault> {
    let start = Mark { line: 1, column: 1 };
    if text.len() > LARGEST_FILE {
        return Err((start, YamlError::TooLarge("over 4 MiB")));
    }
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text.trim_start_matches('\u{feff}'), options),
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
    };
    let mut document = None;
    while let Some((event, mark)) = reader.find_event()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if document.is_some() => return Err((mark, YamlError::SecondDocument)),
            event => document = Some(reader.read_node(event, mark)?),
        }
    }
    Ok(document)
}

struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    bytes: usize,
}

impl<'a> Reader<'a> {
    fn find_event(&mut self) -> Result<Option<(Event<'a>, Mark)>, Fault> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, Mark::from(&span.start)))),
            Some(Err(error)) => Err((Mark::from(error.marker()), YamlError::Syntax(error))),
        }
    }

    fn read_node(&mut self, event: Event<'a>, mark: Mark) -> Result<Node, Fault> {
        let (nodes, bytes) = (self.nodes, self.bytes);
        let (anchor, content) = match event {
            Event::Alias(anchor) => return self.copy_anchored(anchor, mark),
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, text.len(), mark)?;
                let tag = find_scalar_tag(&text, style, tag.as_deref()).map_err(|e| (mark, e))?;
                let value = scalar::parse_scalar(tag, &text).map_err(|e| (mark, e.into()))?;
                (anchor, Content::Scalar(value))
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.count(1, 0, mark)?;
                check_tag(tag.as_deref(), "seq").map_err(|e| (mark, e))?;
                (anchor, Content::List(self.read_items()?))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.count(1, 0, mark)?;
                check_tag(tag.as_deref(), "map").map_err(|e| (mark, e))?;
                (anchor, Content::Mapping(self.read_pairs()?))
            }
            _ => return Err((mark, YamlError::Key)),
        };
        let node = Node { content, mark };
        if anchor != 0 {
            let anchored = Anchored {
                node: node.clone(),
                nodes: self.nodes - nodes,
                bytes: self.bytes - bytes,
            };
            self.anchors.insert(anchor, anchored);
        }
        Ok(node)
    }

    fn copy_anchored(&mut self, anchor: usize, mark: Mark) -> Result<Node, Fault> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err((mark, YamlError::Recursion));
        };
        let (nodes, bytes) = (anchored.nodes, anchored.bytes);
        self.count(nodes, bytes, mark)?;
        // What an anchor names was counted and bounded when it was read.
        let node = self.anchors[&anchor].node.clone();
        if node.depth() > DEEPEST {
            return Err((mark, YamlError::TooLarge("nested too deeply")));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, bytes: usize, mark: Mark) -> Result<(), Fault> {
        self.nodes += nodes;
        self.bytes += bytes;
        if self.nodes > MOST_NODES || self.bytes > MOST_TEXT {
            return Err((
                mark,
                YamlError::TooLarge("aliases make it grow beyond bounds"),
            ));
        }
        Ok(())
    }

    fn read_items(&mut self) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        while let Some((event, mark)) = self.find_event()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.read_node(event, mark)?);
        }
        Ok(items)
    }

    /// Reads the pairs of a mapping: what is merged stands before its own, and the last of equal keys wins.
    fn read_pairs(&mut self) -> Result<Vec<(Node, Node)>, Fault> {
        let mut merged = Vec::new();
        let mut own = Vec::new();
        while let Some((event, mark)) = self.find_event()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.read_key(event, mark)?;
            let Some((event, value_mark)) = self.find_event()? else {
                break;
            };
            let value = self.read_node(event, value_mark)?;
            match key {
                Some(key) => own.push((key, value)),
                None => merge(value, &mut merged)?,
            }
        }
        merged.append(&mut own);
        without_repeated(merged)
    }

    /// Reads a key; the merge key is none.
    fn read_key(&mut self, event: Event<'a>, mark: Mark) -> Result<Option<Node>, Fault> {
        if let Event::Scalar(text, style, anchor, tag) = &event {
            match find_scalar_tag(text, *style, tag.as_deref()).map_err(|e| (mark, e))? {
                ScalarTag::Merge => return Ok(None),
                ScalarTag::Default => {
                    let event =
                        Event::Scalar(text.clone(), ScalarStyle::SingleQuoted, *anchor, None);
                    return self.read_node(event, mark).map(Some);
                }
                _ => {}
            }
        }
        self.read_node(event, mark).map(Some)
    }
}

fn merge(value: Node, merged: &mut Vec<(Node, Node)>) -> Result<(), Fault> {
    match value.content {
        Content::Mapping(mut pairs) => merged.append(&mut pairs),
        Content::List(items) => {
            // Of several mappings the first wins, so it comes last.
            for item in items.into_iter().rev() {
                match item.content {
                    Content::Mapping(mut pairs) => merged.append(&mut pairs),
                    _ => return Err((item.mark, YamlError::Merge)),
                }
            }
        }
        Content::Scalar(_) => return Err((value.mark, YamlError::Merge)),
    }
    Ok(())
}

fn without_repeated(pairs: Vec<(Node, Node)>) -> Result<Vec<(Node, Node)>, Fault> {
    let mut places: HashMap<String, usize> = HashMap::with_capacity(pairs.len());
    let mut kept: Vec<(Node, Node)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let identity = match &key.content {
            Content::Scalar(key) => key.find_identity(),
            _ => None,
        };
        let identity = identity.ok_or((key.mark, YamlError::Key))?;
        if let Some(&place) = places.get(&identity) {
            // The first key keeps its form and place in the order, as in a Python dict.
            kept[place].0.mark = key.mark;
            kept[place].1 = value;
        } else {
            places.insert(identity, kept.len());
            kept.push((key, value));
        }
    }
    Ok(kept)
}

fn find_scalar_tag(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<ScalarTag, YamlError> {
    let Some(tag) = tag.filter(|tag| tag.original() != "!") else {
        return Ok(match style {
            ScalarStyle::Plain => scalar::find_implicit_tag(text),
            _ => ScalarTag::Text,
        });
    };
    match tag.suffix_in_namespace(NAMESPACE).as_deref() {
        Some("str") => Ok(ScalarTag::Text),
        Some("int") => Ok(ScalarTag::Integer),
        Some("float") => Ok(ScalarTag::Float),
        Some("bool") => Ok(ScalarTag::Boolean),
        Some("null") => Ok(ScalarTag::None),
        Some("timestamp") => Ok(ScalarTag::Timestamp),
        Some("merge") => Ok(ScalarTag::Merge),
        _ => Err(YamlError::Tag(tag.original())),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str) -> Result<(), YamlError> {
    let Some(tag) = tag.filter(|tag| tag.original() != "!") else {
        return Ok(());
    };
    if tag.suffix_in_namespace(NAMESPACE).as_deref() == Some(expected) {
        Ok(())
    } else {
        Err(YamlError::Tag(tag.original()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints a tree in flow style: what `PyYAML` made of each text below was written the same way.
    fn print(value: &Value) -> String {
        match value {
            Value::Text(text) => text.clone(),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(print).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Mapping(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{}: {}", print(key), print(value)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
            Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[track_caller]
    fn case(text: &str, expected: &str) {
        let document = parse_document(text).unwrap().expect("a document");
        assert_eq!(print(&document.to_value()), expected);
    }

    #[test]
    fn merged_pairs_come_first_and_own_pairs_win() {
        case(
            "x: &x {a: 1, b: 2}\nk: {c: 3, <<: *x, b: 4}",
            "{x: {a: 1, b: 2}, k: {a: 1, b: 4, c: 3}}",
        );
        case(
            "<<: [{a: 1, z: 0}, {a: 2, y: 5}]\ny: 7",
            "{a: 1, y: 7, z: 0}",
        );
        case("{a: 1, <<: {b: 2}, <<: {b: 3, a: 9}}", "{b: 3, a: 1}");
        case("{'<<': {a: 1}, =: 2}", "{<<: {a: 1}, =: 2}");
    }

    #[test]
    fn the_last_of_equal_keys_wins_at_the_place_of_the_first() {
        case("a: 1\nb: 2\na: 3", "{a: 3, b: 2}");
        case("{1: a, yes: b, 1.0: c}", "{1: c}");
    }

    #[test]
    fn quotes_blocks_and_tags_make_texts() {
        case("['12', \"yes\", !!str 12, 0777]", "[12, yes, 12, 511]");
        case("|\n  a\n  b\n", "a\nb\n");
        case(">-\n  a\n  b\n\n  c\n", "a b\nc");
        case("\u{feff}k: \"\\u00e9\"", "{k: \u{e9}}");
    }

    #[test]
    fn an_empty_file_holds_no_document() {
        for text in ["", "# only a comment\n"] {
            assert!(parse_document(text).unwrap().is_none(), "{text:?}");
        }
    }

    #[track_caller]
    fn refused(text: &str, line: usize, column: usize, message: &str) {
        let (mark, error) = parse_document(text).expect_err(text);
        assert_eq!(
            (mark, error.to_string()),
            (Mark { line, column }, message.to_owned())
        );
    }

    #[test]
    fn faults_have_their_place() {
        refused("a: 1\nb: [1", 2, 4, "unclosed bracket '['");
        refused(
            "a: !!python/tuple [1]",
            1,
            19,
            "the tag `!!python/tuple` is not supported",
        );
        refused("a: 1\n---\nb: 2", 3, 1, "a settings file is one document");
        refused("a: =", 1, 4, "`=` has to stand in quotes here");
        refused("[a]: 1", 1, 1, "a key has to be a text");
        refused(
            "a: &a [*a]",
            1,
            8,
            "an alias cannot stand inside of what it names",
        );
        refused("<<: 1", 1, 5, "`<<` needs a mapping or a list of mappings");
        refused("a: 2026-13-01", 1, 4, "this is not a date of the calendar");
        refused("a: 0x_", 1, 4, "this is not a whole number");
    }

    #[test]
    fn bombs_are_refused() {
        let grown = |width: usize, times: usize| {
            let line = |i: usize| {
                let items = vec![format!("*a{i}"); width].join(", ");
                format!("a{}: &a{} [{items}]\n", i + 1, i + 1)
            };
            format!("a0: &a0 x\n{}", (0..times).map(line).collect::<String>())
        };
        let (aliases, deep) = (grown(10, 12), grown(1, 100));
        let nested = "[".repeat(10_000);
        let long = "x".repeat(LARGEST_FILE + 1);
        for text in [aliases, deep, nested, long] {
            parse_document(&text).expect_err("it is beyond the bounds");
        }
    }
}
