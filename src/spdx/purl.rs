//! Package URLs (ECMA-427): `pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64&distro=debian-12`.

use super::document::{Distribution, Image, Package, Packaging, Source};

/// Gives the address of a package.
pub(super) fn of_package(distribution: &Distribution, package: &Package) -> String {
    let kind = match distribution.packaging {
        Packaging::Deb => "deb",
        Packaging::Apk => "apk",
    };
    let names = [distribution.id.as_str(), &package.name];
    let distro = name_release(distribution);
    let qualifiers = [("arch", package.architecture.as_str()), ("distro", &distro)];
    render(kind, &names, &package.version, &qualifiers)
}

/// Gives the address of a source package, where there is a kind of those.
pub(super) fn of_source(distribution: &Distribution, source: &Source) -> Option<String> {
    let names = [distribution.id.as_str(), &source.name];
    let distro = name_release(distribution);
    let qualifiers = [("arch", "source"), ("distro", &distro)];
    match distribution.packaging {
        Packaging::Deb => Some(render("deb", &names, &source.version, &qualifiers)),
        Packaging::Apk => None,
    }
}

/// Gives the address of an image.
pub(super) fn of_image(image: &Image) -> String {
    let reference = &image.reference;
    let registry = reference.registry().map(|registry| format!("{registry}/"));
    let repository = format!("{}{}", registry.unwrap_or_default(), reference.repository());
    let tag = reference.tag().map_or("", |tag| tag.as_str());
    let qualifiers = [
        ("arch", image.architecture.as_str()),
        ("repository_url", &repository),
        ("tag", tag),
    ];
    let name = reference
        .repository()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    render("oci", &[name], image.digest.as_str(), &qualifiers)
}

/// Names a release as scanners know it: `debian-12`, and by its code name where it has no number.
fn name_release(distribution: &Distribution) -> String {
    match (&distribution.version, &distribution.codename) {
        (Some(version), _) => format!("{}-{version}", distribution.id),
        (None, Some(codename)) => codename.clone(),
        (None, None) => distribution.id.clone(),
    }
}

/// The qualifiers have to be in the order of their keys; those without a value are left out.
fn render(kind: &str, names: &[&str], version: &str, qualifiers: &[(&str, &str)]) -> String {
    let mut purl = format!("pkg:{kind}");
    for name in names {
        purl.push('/');
        purl.push_str(&encode(&name.to_lowercase()));
    }
    if !version.is_empty() {
        purl.push('@');
        purl.push_str(&encode(version));
    }
    let qualifiers = qualifiers.iter().filter(|(_, value)| !value.is_empty());
    for ((key, value), sign) in qualifiers.zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
        purl.push(sign);
        purl.push_str(key);
        purl.push('=');
        purl.push_str(&encode(value));
    }
    purl
}

/// Writes everything as `%2B` but letters, digits, `.`, `-`, `_`, `~` and the colon (ECMA-427, "Character encoding").
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'.' | b'-' | b'_' | b'~' | b':' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.extend([b'%', digit(byte >> 4), digit(byte & 15)].map(char::from)),
        }
    }
    encoded
}

/// Gives one of sixteen digits, in capitals.
fn digit(value: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(packaging: Packaging, id: &str, version: Option<&str>) -> Distribution {
        Distribution {
            packaging,
            id: id.to_owned(),
            version: version.map(str::to_owned),
            codename: Some("sid".to_owned()),
        }
    }

    fn package(name: &str, version: &str, architecture: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
            ..Package::default()
        }
    }

    #[test]
    fn addresses_are_as_their_specification_has_them() {
        let debian = distribution(Packaging::Deb, "debian", Some("12"));
        let attr = package("attr", "1:2.4.47-2+b1", "amd64");
        assert_eq!(
            of_package(&debian, &attr),
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12"
        );
        let cpp = package("libstdc++6", "12~rc1", "amd64");
        let sid = distribution(Packaging::Deb, "debian", None);
        assert_eq!(
            of_package(&sid, &cpp),
            "pkg:deb/debian/libstdc%2B%2B6@12~rc1?arch=amd64&distro=sid"
        );
        let wolfi = distribution(Packaging::Apk, "wolfi", Some("20230201"));
        assert_eq!(
            of_package(&wolfi, &package("curl", "8.1-r0", "x86_64")),
            "pkg:apk/wolfi/curl@8.1-r0?arch=x86_64&distro=wolfi-20230201"
        );
        let source = Source {
            name: "gcc-12".to_owned(),
            version: "12.2.0-14".to_owned(),
        };
        assert_eq!(
            of_source(&debian, &source).as_deref(),
            Some("pkg:deb/debian/gcc-12@12.2.0-14?arch=source&distro=debian-12")
        );
        assert_eq!(of_source(&wolfi, &source), None);
    }

    #[test]
    fn what_would_end_a_part_is_encoded() {
        assert_eq!(
            encode("a b/c?d#e@f%\u{fc}&=+"),
            "a%20b%2Fc%3Fd%23e%40f%25%C3%BC%26%3D%2B"
        );
    }
}
