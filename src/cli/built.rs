//! What a command works on that takes an image as the engine has it.

use std::path::PathBuf;

use super::session::Session;
use crate::catalog::Image;
use crate::engine::Engine;
use crate::error::{Diagnostic, Severity};
use crate::oci::Digest;

/// Finds the identity of an image that is built, or says that it is not and how it would be.
pub(super) async fn find_built(
    session: &Session,
    engine: &Engine,
    image: &Image,
    directories: &[PathBuf],
) -> anyhow::Result<Option<Digest>> {
    let found = engine.find_id(&image.label).await?;
    if found.is_none() {
        let message = format!("{} is not built", image.label);
        let hint = format!("build it with `{}`", build_command(image, directories));
        let diagnostic = Diagnostic::new(Severity::Error, message).hint(hint);
        session.ui.diagnostic(&diagnostic);
    }
    Ok(found)
}

/// Writes the command that builds an image, ready to be pasted.
fn build_command(image: &Image, directories: &[PathBuf]) -> String {
    // Without registry and namespace a label begins with the name.
    let before = if image.label.to_string().contains('/') {
        "*/"
    } else {
        ""
    };
    let directories = directories.iter().map(|directory| {
        let directory = directory.display().to_string();
        match shlex::try_quote(&directory) {
            Ok(quoted) => quoted.into_owned(),
            Err(_) => directory,
        }
    });
    let directories: Vec<String> = directories.collect();
    let name = &image.name;
    format!(
        "pkg build --select '{before}{name}:*' {}",
        directories.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::catalog;

    #[test]
    fn the_hint_can_be_pasted() {
        let catalog = catalog(&["app"]);
        let image = catalog.image(catalog.find("app").expect("an image"));
        let directories = ["images".into(), "other images".into()];
        assert_eq!(
            build_command(image, &directories),
            "pkg build --select '*/app:*' images 'other images'"
        );
    }
}
