//! What Jinja gives its templates: filters, tests and functions, where the engine gives them otherwise, not at all, or
//! more. Each follows Jinja 3.1.

mod environment;
mod globals;
mod json;
mod numbers;
mod operators;
mod sequences;
mod texts;
mod wrap;

pub(super) use environment::add_to_environment;
pub(super) use texts::escape;
