//! What can be done about a fault: names that exist, and ways around what is not there.

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

use super::error::{RenderFault, shorten};
use super::filters::FilterError;
use super::stamps::STAMP;
use super::whereabouts::Whereabouts;
use crate::near::find_near;
use crate::stamp::{Stamps, hint_of_unknown};

/// The filters that exist, as the engine keeps no list of them.
pub(super) const FILTERS: [&str; 58] = [
    "abs",
    "add_user",
    "apt_install",
    "apt_remove",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "docker_quote",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "image_tag",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "uid",
    "unique",
    "upper",
    "upstream_version",
    "urlencode",
    "wordcount",
    "wordwrap",
];

/// Filters of Jinja that no repository was seen to use.
const NOT_HERE: [&str; 2] = ["urlize", "xmlattr"];

/// The tests that exist.
const TESTS: [&str; 27] = [
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "undefined",
    "upper",
];

/// Names that are listed where none is near.
const MOST_NAMES: usize = 24;

/// The names that every template knows.
pub(super) struct Names<'a> {
    pub(super) variables: &'a Value,
    pub(super) stamps: Option<&'a Stamps>,
    pub(super) environment: &'a Environment<'a>,
}

impl Names<'_> {
    /// Gives all of them.
    pub(super) fn known(&self) -> Vec<String> {
        let settings = self.variables.try_iter().into_iter().flatten();
        let settings = settings.filter_map(|name| name.as_str().map(str::to_owned));
        let globals = self.environment.globals();
        let stamp = self.stamps.map(|_| STAMP.to_owned());
        settings
            .chain(globals.map(|(name, _)| name.to_owned()))
            .chain(stamp)
            .collect()
    }
}

/// Finds hints, most helpful first.
pub(super) fn find_hints(
    names: &Names<'_>,
    fault: &RenderFault,
    whereabouts: &Whereabouts,
) -> Vec<String> {
    match fault {
        RenderFault::Undefined(name) => of_undefined(names, name, whereabouts),
        RenderFault::UnknownFilter(name) if NOT_HERE.contains(&name.as_str()) => {
            vec!["Jinja has it, and it is not supported here".to_owned()]
        }
        RenderFault::UnknownFilter(name) => near(&find_near(name, FILTERS)),
        RenderFault::UnknownTest(name) => near(&find_near(name, TESTS)),
        RenderFault::Escape => {
            vec![
                "write the character itself: names as in `\\N{BULLET}` are not supported"
                    .to_owned(),
            ]
        }
        RenderFault::Filter(FilterError::UnknownImage { near, .. }) if near.is_empty() => {
            vec!["give the directory that holds it as well, or list it in `base_images`".to_owned()]
        }
        RenderFault::Filter(FilterError::UnknownImage { near: names, .. }) => {
            near(&names.iter().map(String::as_str).collect::<Vec<_>>())
        }
        RenderFault::Filter(FilterError::UnknownUser(user)) => vec![format!(
            "add `{user}: NUMBER` to `known_uid_mappings` of the settings"
        )],
        RenderFault::Engine(said) => of_engine(names, said, whereabouts),
        _ => Vec::new(),
    }
}

fn of_undefined(names: &Names<'_>, name: &str, whereabouts: &Whereabouts) -> Vec<String> {
    match name {
        "password" => {
            return vec![
                "a template never sees the password: it would go into the image".to_owned(),
            ];
        }
        "http_proxy" | "mirror" | "security_mirror" => {
            return vec![format!(
                "a template never sees an address with a login in it, as `{name}` is: it would go into the image"
            )];
        }
        "varargs" | "kwargs" => return vec![MORE_ARGUMENTS.to_owned()],
        "self" => {
            return vec!["`self` is known only with the name of a block: `self.name()`".to_owned()];
        }
        "loop" => {
            return vec!["`loop` is known only inside of a `for` of the same file".to_owned()];
        }
        _ => {}
    }
    if let Some((holder, missing)) = split_attribute(name) {
        return of_attribute(names, holder, missing);
    }
    let assigned = whereabouts.assigned();
    let known = names.known();
    let candidates = assigned.iter().chain(&known).map(String::as_str);
    let close = find_near(name, candidates);
    if !close.is_empty() {
        return near(&close);
    }
    if !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Vec::new();
    }
    let mut hints = vec![format!(
        "set it in the settings, or write `{{% set {name} = … %}}` before"
    )];
    if !assigned.is_empty() {
        hints.push(format!("the template sets {}", list(&assigned)));
    }
    let settings = names.variables.try_iter().into_iter().flatten();
    let settings: Vec<String> = settings
        .filter_map(|name| name.as_str().map(str::to_owned))
        .filter(|name| name != "password")
        .collect();
    if !settings.is_empty() {
        hints.push(format!("the settings give {}", list(&settings)));
    }
    hints
}

const MORE_ARGUMENTS: &str =
    "a macro takes only the arguments that it names: `varargs` and `kwargs` are not supported";

/// Splits `a.b.c` and `a.b["c"]` before the last part.
fn split_attribute(name: &str) -> Option<(&str, &str)> {
    let at = name.rfind(['.', '['])?;
    let missing = name[at + 1..].trim_matches([']', '"', '\'']);
    Some((&name[..at], missing))
}

/// Tells the keys of what was asked for another one, where it comes from the settings.
fn of_attribute(names: &Names<'_>, holder: &str, missing: &str) -> Vec<String> {
    if let (STAMP, Some(stamps)) = (holder, names.stamps) {
        return vec![hint_of_unknown(missing, &find_near(missing, stamps.keys()))];
    }
    let parts = holder
        .split(['.', '['])
        .map(|part| part.trim_matches([']', '"', '\'']));
    let mut value = names.variables.clone();
    for part in parts {
        let found = match part.parse::<usize>() {
            Ok(index) => value.get_item_by_index(index),
            Err(_) => value.get_item(&Value::from(part)),
        };
        match found {
            Ok(found) if !found.is_undefined() => value = found,
            _ => return Vec::new(),
        }
    }
    match value.kind() {
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let keys: Vec<String> = keys.map(|key| key.to_string()).collect();
            let close = find_near(missing, keys.iter().map(String::as_str));
            match (close.is_empty(), keys.is_empty()) {
                (false, _) => near(&close),
                (true, false) => vec![format!("`{holder}` has {}", list(&keys))],
                (true, true) => vec![format!("`{holder}` is empty")],
            }
        }
        ValueKind::Seq => {
            let count = value.len().unwrap_or_default();
            vec![format!("`{holder}` is a list of {count}")]
        }
        ValueKind::String => vec![format!(
            "`{holder}` is a text: its methods are called with `()`"
        )],
        _ => Vec::new(),
    }
}

fn of_engine(names: &Names<'_>, said: &str, whereabouts: &Whereabouts) -> Vec<String> {
    let is_about_arguments = said.contains("argument");
    if is_about_arguments && whereabouts.mentions(&["varargs", "kwargs"]) {
        return vec![MORE_ARGUMENTS.to_owned()];
    }
    if said.contains("not callable") && whereabouts.line_mentions("namespace") {
        let value = names.variables.get_attr("namespace");
        if value.is_ok_and(|value| !value.is_undefined()) {
            return vec![
                "the setting `namespace` hides the function of that name: a list that is changed with `append` does the same"
                    .to_owned(),
            ];
        }
    }
    Vec::new()
}

fn near(names: &[&str]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let verb = if names.len() > 1 {
        "names are"
    } else {
        "name is"
    };
    let names = names.iter().map(|name| format!("`{}`", shorten(name)));
    let names: Vec<String> = names.collect();
    vec![format!("the closest {verb} {}", names.join(", "))]
}

/// Lists names, up to a bound.
fn list(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES);
    let mut shown: Vec<String> = shown.map(|name| format!("`{}`", shorten(name))).collect();
    if names.len() > MOST_NAMES {
        shown.push(format!("and {} more", names.len() - MOST_NAMES));
    }
    shown.join(", ")
}
