//! The architectures that images are made for, each with the name that Alpine, Debian and images have for it.

use crate::oci::Platform;

/// An architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Architecture {
    /// As Alpine's packages name it: `x86_64`.
    pub apk: &'static str,
    /// As images name it (OCI image-spec, "Platform"; the names are Go's): `amd64`.
    pub image: &'static str,
    /// Which one of several kinds: `v7` of an `arm`.
    pub variant: Option<&'static str>,
    /// As Debian names it (`dpkg-architecture -L`): `amd64`.
    pub debian: &'static str,
}

impl Architecture {
    /// Finds one by the name that Alpine or images have for it: `x86_64`, `amd64`, `arm/v7`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let mut known = ARCHITECTURES.into_iter();
        known.find(|one| one.apk == name || one.in_image() == name)
    }

    /// Gives the names that Alpine has, of all that are known.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ARCHITECTURES.iter().map(|one| one.apk)
    }

    fn in_image(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}/{variant}", self.image),
            None => self.image.to_owned(),
        }
    }

    /// Gives the kind of machine, as images name it.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.image.to_owned(),
            os: "linux".to_owned(),
            variant: self.variant.map(str::to_owned),
        }
    }
}

const fn of(apk: &'static str, image: &'static str, debian: &'static str) -> Architecture {
    Architecture {
        apk,
        image,
        variant: None,
        debian,
    }
}

/// Alpine's `armhf` is what Debian has as `armel` for older machines; Debian's `armhf` needs an `ARMv7`.
const ARCHITECTURES: [Architecture; 9] = [
    of("x86_64", "amd64", "amd64"),
    of("x86", "386", "i386"),
    of("aarch64", "arm64", "arm64"),
    Architecture {
        variant: Some("v6"),
        ..of("armhf", "arm", "armel")
    },
    Architecture {
        variant: Some("v7"),
        ..of("armv7", "arm", "armhf")
    },
    of("ppc64le", "ppc64le", "ppc64el"),
    of("s390x", "s390x", "s390x"),
    of("riscv64", "riscv64", "riscv64"),
    of("loongarch64", "loong64", "loong64"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(name: &str, expected: &str) {
        let found = Architecture::find(name).expect("an architecture");
        let platform = found.platform();
        assert_eq!(
            format!("{} {platform} {}", found.apk, found.debian),
            expected
        );
    }

    #[test]
    fn an_architecture_has_the_names_of_each_world() {
        case("amd64", "x86_64 linux/amd64 amd64");
        case("386", "x86 linux/386 i386");
        case("aarch64", "aarch64 linux/arm64 arm64");
        case("arm/v6", "armhf linux/arm/v6 armel");
        case("armv7", "armv7 linux/arm/v7 armhf");
        case("ppc64le", "ppc64le linux/ppc64le ppc64el");
        case("loong64", "loongarch64 linux/loong64 loong64");
        for unknown in ["arm", "z80", "linux/amd64", ""] {
            assert_eq!(Architecture::find(unknown), None, "{unknown}");
        }
    }
}
