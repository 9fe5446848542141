//! Values as Python has them: how they take arguments, compare, print, and answer methods.
//!
//! ```text
//! said and allowed   arguments → bounds
//! values             numbers, dates → order → views → ranges → collections
//! printed            print → pprint
//! made of texts      spec → format → letters, splits → text_methods → methods
//! ```
//!
//! The engine has numbers, texts, lists and mappings of its own; here is what it has otherwise than Python, or has not. A
//! file uses those before it, but for views and collections, which print what they hold. Nothing here knows a filter, a
//! test or a tag: those are Jinja's.

mod arguments;
mod bounds;
mod collections;
mod dates;
mod format;
mod letters;
mod methods;
mod numbers;
mod order;
mod pprint;
mod print;
mod ranges;
mod spec;
mod splits;
mod text_methods;
mod views;

pub(super) use arguments::{Arguments, check_defined, named_pairs, refuse};
pub(super) use bounds::{DEEPEST, check_size, check_width};
pub(super) use collections::{check_depth, make_list, make_mapping};
pub(super) use dates::Date;
pub(super) use format::format_percent;
pub(super) use letters::capitalize;
pub(super) use methods::call_method;
pub(super) use numbers::{
    find_float, find_integer, find_remainder, integer, to_float, truncate, truncate_float,
};
pub(super) use order::{sort_by, sorted_keys};
pub(super) use pprint::print_pretty;
pub(super) use print::{check_printable, print_float, print_repr, print_str, text_of, write_str};
pub(super) use ranges::{Range, is_lazy, slice};
pub(super) use text_methods::{center, replace_text};
pub(super) use views::{Group, View, find_part, pairs_of};
