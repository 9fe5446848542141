//! Filters and methods where the engine differs from Jinja and Python.

use minijinja::Environment;

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
}
