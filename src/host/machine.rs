//! What kind of machine this is.

use crate::declared::Architecture;
use crate::oci::Platform;

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

/// Gives the kind of machine that this one is.
#[must_use]
pub fn platform() -> Platform {
    Platform {
        architecture: architecture().to_owned(),
        os: "linux".to_owned(),
        variant: None,
    }
}

/// Gives the machine's architecture, in the words of all.
#[must_use]
pub fn machine_architecture() -> Architecture {
    Architecture {
        apk: alpine_architecture(),
        image: architecture(),
        variant: None,
        debian: debian_architecture(),
    }
}

/// Gives the machine's architecture as Alpine's packages name it.
#[must_use]
pub fn alpine_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "powerpc64" => "ppc64le",
        "arm" => "armv7",
        other => other,
    }
}

/// Gives the machine's architecture as Debian names it (Debian Policy 11.1, `dpkg-architecture -L`).
#[must_use]
pub fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        other => other,
    }
}

/// Gives the name of the machine, or of the container.
#[must_use]
pub fn host_name() -> String {
    let name = super::fs::read_text(std::path::Path::new("/proc/sys/kernel/hostname"));
    name.map_or_else(
        |_| "this machine".to_owned(),
        |name| name.trim_end().to_owned(),
    )
}
