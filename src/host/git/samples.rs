//! What git runs with in tests, whatever the machine has.

use crate::host::Environment;

/// Gives the variables: git's author is Ann.
pub(super) fn environment() -> Environment {
    let path = Environment::of_process().find("PATH").unwrap_or_default();
    Environment::from([
        ("PATH", path.as_str()),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_COUNT", "3"),
        ("GIT_CONFIG_KEY_0", "user.name"),
        ("GIT_CONFIG_VALUE_0", "Ann"),
        ("GIT_CONFIG_KEY_1", "user.email"),
        ("GIT_CONFIG_VALUE_1", "ann@example.org"),
        ("GIT_CONFIG_KEY_2", "color.ui"),
        ("GIT_CONFIG_VALUE_2", "always"),
        ("GIT_CEILING_DIRECTORIES", "/"),
    ])
}
