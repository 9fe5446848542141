//! What kind of machine this is.

/// Gives the machine's architecture as images name it (OCI image-spec, "Platform"; the names are Go's).
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}
