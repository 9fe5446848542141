//! Where keys, repositories and packages lie: addresses, and paths of an image's directory.

use std::path::Path;

use super::super::location::{Location, LocationError};

/// Reads an address, or a path, which is taken from `directory` where it is relative.
pub fn locate(text: &str, directory: &Path) -> Result<Location, LocationError> {
    if text.contains("://") || text.starts_with("file:") {
        return Location::parse(text);
    }
    Ok(Location::Directory(directory.join(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_a_path_of_the_directory() {
        for (text, expected) in [
            ("https://a.example.org/os", "https://a.example.org/os"),
            ("file:/srv/os", "/srv/os"),
            ("packages", "/images/app/packages"),
            ("/srv/os", "/srv/os"),
        ] {
            let location = locate(text, Path::new("/images/app")).expect("a place");
            assert_eq!(location.to_string(), expected);
        }
        let error = locate("ftp://ann:s3cret@a.example.org", Path::new("/")).expect_err("no place");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
