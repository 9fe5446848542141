//! Lays out image directories in a sandbox.

use crate::support::sandbox::Sandbox;

impl Sandbox {
    /// Begins with settings that name a registry and a namespace.
    pub(crate) fn with_settings() -> Self {
        Self::new().file(
            "config.yaml",
            "registry: registry.example.org\nnamespace: base\n",
        )
    }

    /// Writes a changelog with one entry; `header` is `name (version)`.
    pub(crate) fn changelog(self, directory: &str, header: &str) -> Self {
        let text = format!(
            "{header} wikimedia; urgency=high\n\n  * Change.\n\n -- Ann Example <ann@example.org>  Fri, 20 Nov 2026 12:00:00 +0000\n"
        );
        self.file(&format!("{directory}/changelog"), &text)
    }

    /// Writes an image directory with a template.
    pub(crate) fn image(self, directory: &str, header: &str, template: &str) -> Self {
        self.changelog(directory, header)
            .file(&format!("{directory}/Dockerfile.template"), template)
    }

    /// Writes an image directory with a template and a list of what it is built on.
    pub(crate) fn dependent(self, directory: &str, header: &str, depends: &str) -> Self {
        let (name, _) = header.split_once(" (").expect("name and version");
        self.image(directory, header, "FROM scratch\n").file(
            &format!("{directory}/control"),
            &format!("Package: {name}\nDepends: {depends}\n"),
        )
    }

    /// Writes an image directory with a declared image.
    pub(crate) fn declared(self, directory: &str, header: &str) -> Self {
        self.changelog(directory, header).file(
            &format!("{directory}/image.yaml"),
            "bootstrap: mmdebstrap\nsuite: trixie\n",
        )
    }

    /// Writes four images: `app` is built on `left` and `right`, and both are built on `bottom`.
    pub(crate) fn diamond(self) -> Self {
        self.image("images/bottom", "bottom (1.0-1)", "FROM scratch\n")
            .image(
                "images/left",
                "left (2.0-1)",
                "FROM {{ \"bottom\" | image_tag }}\n",
            )
            .image(
                "images/right",
                "right (3.0-1)",
                "FROM {{ \"bottom\" | image_tag }}\n",
            )
            .image(
                "images/app",
                "app (4.0-1)",
                "FROM {{ \"left\" | image_tag }} AS build\nFROM {{ \"right\" | image_tag }}\nCOPY --from=build /a /a\n",
            )
    }
}
