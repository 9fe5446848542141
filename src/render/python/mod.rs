//! Values as Python has them: how they print, compare, take arguments and answer methods.
//!
//! ```text
//! arguments → bounds → the values (dates, views, ranges, collections) → print → numbers, order → pprint
//!                                                                             → spec → format → methods
//! ```
//!
//! The engine has numbers, texts, lists and mappings of its own, and what stands here is where Python's are otherwise.
//! Nothing here knows a filter or a tag: that is Jinja's.

mod arguments;
mod bounds;
mod collections;
mod dates;
mod format;
mod methods;
mod numbers;
mod order;
mod pprint;
mod print;
mod ranges;
mod spec;
mod text_methods;
mod views;

pub(super) use arguments::{Arguments, check_defined, refuse};
pub(super) use bounds::{check_size, check_width};
pub(super) use collections::{make_list, make_mapping, pairs_of};
pub(super) use dates::Date;
pub(super) use format::format_percent;
pub(super) use methods::call_method;
pub(super) use numbers::{
    find_float, find_integer, find_remainder, integer, to_float, truncate_float,
};
pub(super) use order::sort_by;
pub(super) use pprint::print_pretty;
pub(super) use print::{check_printable, print_float, print_repr, print_str, write_str};
pub(super) use ranges::{Range, slice};
pub(super) use text_methods::{capitalize, center, replace_text};
pub(super) use views::{Group, View};
