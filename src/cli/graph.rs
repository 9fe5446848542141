//! `pkg graph`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::Ending;
use super::session::{Flavour, Session};
use crate::catalog::{EdgeSource, ImageId};
use crate::scan::Loaded;

/// Print what is built on what
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// The form of the graph
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print JSON: the order of a build, and each dependency with where it is written
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// The forms of a graph.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A tree for each image that needs no other.
    Text,
    /// The language of Graphviz.
    Dot,
    /// A flowchart for Mermaid, as forges draw it in Markdown.
    Mermaid,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let loaded = session.load(&args.directories, &settings)?;
    if args.json {
        let text = serde_json::to_string_pretty(&to_json(&loaded))?;
        session.ui.print(&format!("{text}\n"))?;
        return Ok(Ending::Done);
    }
    match args.format {
        Format::Text => session.ui.print_drawing(&Tree::draw(&loaded))?,
        Format::Dot => session.ui.print(&dot(&loaded))?,
        Format::Mermaid => session.ui.print(&mermaid(&loaded))?,
    }
    Ok(Ending::Done)
}

/// Below each image stand those that are built on it; one with several parents is drawn out once.
struct Tree<'a> {
    loaded: &'a Loaded,
    drawn: BTreeSet<ImageId>,
    text: String,
}

impl<'a> Tree<'a> {
    fn draw(loaded: &'a Loaded) -> String {
        let mut tree = Self {
            loaded,
            drawn: BTreeSet::new(),
            text: String::new(),
        };
        for (id, image) in loaded.catalog.iter() {
            if loaded.graph.parents(id).is_empty() {
                tree.line("", &format!("{} {}", image.name, image.version));
                tree.below(id, "");
            }
        }
        tree.text
    }

    fn below(&mut self, id: ImageId, indent: &str) {
        /// No screen is wider; beyond, indentation alone would fill memory.
        const DEEPEST_INDENT: usize = 4 * 64;
        let loaded = self.loaded;
        if indent.len() > DEEPEST_INDENT && !loaded.graph.children(id).is_empty() {
            self.line(indent, "(deeper)");
            return;
        }
        let children = loaded.graph.children(id);
        for (i, &child) in children.iter().enumerate() {
            let (branch, deeper) = if i + 1 == children.len() {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            let image = loaded.catalog.image(child);
            let is_new = self.drawn.insert(child);
            let again = if is_new || loaded.graph.children(child).is_empty() {
                ""
            } else {
                " (above)"
            };
            self.line(
                &format!("{indent}{branch}"),
                &format!("{} {}{again}", image.name, image.version),
            );
            if is_new {
                self.below(child, &format!("{indent}{deeper}"));
            }
        }
    }

    fn line(&mut self, indent: &str, text: &str) {
        self.text.push_str(indent);
        self.text.push_str(text);
        self.text.push('\n');
    }
}

fn dot(loaded: &Loaded) -> String {
    let mut text = String::from("digraph catalog {\n  rankdir=LR;\n  node [shape=box];\n");
    for (_, image) in loaded.catalog.iter() {
        put(
            &mut text,
            format_args!(
                "  \"{}\" [label=\"{}\\n{}\"];\n",
                image.name, image.name, image.version
            ),
        );
    }
    for edge in loaded.graph.edges() {
        let name = |id| &loaded.catalog.image(id).name;
        put(
            &mut text,
            format_args!("  \"{}\" -> \"{}\";\n", name(edge.parent), name(edge.child)),
        );
    }
    text.push_str("}\n");
    text
}

fn mermaid(loaded: &Loaded) -> String {
    let mut text = String::from("flowchart LR\n");
    for (id, image) in loaded.catalog.iter() {
        put(
            &mut text,
            format_args!("  i{}[\"{} {}\"]\n", id.0, image.name, image.version),
        );
    }
    for edge in loaded.graph.edges() {
        put(
            &mut text,
            format_args!("  i{} --> i{}\n", edge.parent.0, edge.child.0),
        );
    }
    text
}

fn to_json(loaded: &Loaded) -> serde_json::Value {
    let name = |id| loaded.catalog.image(id).name.to_string();
    let order: Vec<_> = loaded.graph.order().iter().map(|id| name(*id)).collect();
    let edges: Vec<_> = loaded
        .graph
        .edges()
        .iter()
        .map(|edge| {
            let sources = edge.sources.iter().map(|source| {
                let kind = match source {
                    EdgeSource::Declared(_) => "control",
                    EdgeSource::ImageTag(_) => "image_tag",
                    EdgeSource::Reference(_) => "reference",
                    EdgeSource::Base(_) => "base",
                    EdgeSource::Layer(_) => "layer",
                };
                json!({ "kind": kind, "place": source.place().to_string() })
            });
            json!({
                "parent": name(edge.parent),
                "child": name(edge.child),
                "sources": sources.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "version": 1, "order": order, "edges": edges })
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("writing to a string cannot fail");
}
