//! Reads the files of image directories.

use std::path::Path;

use super::gather::by_directory;
use crate::catalog::Image;
use crate::debian::{Changelog, Control, parse_changelog, parse_control};
use crate::dockerfile::IgnoreRules;
use crate::host::fs::find_text;
use crate::host::in_parallel;
use crate::scan::Survey;
use crate::settings::Settings;
use crate::verify::find_test;

/// What one image directory holds, read for an audit.
#[derive(Debug)]
pub struct Files {
    pub(super) changelog_text: Option<String>,
    pub(super) changelog: Option<Changelog>,
    pub(super) control_text: Option<String>,
    pub(super) control: Option<Control>,
    pub(super) declaration_text: Option<String>,
    pub(super) ignored: IgnoreRules,
    pub(super) has_test: bool,
}

/// Reads the files of all directories, on as many threads as there are processors.
#[must_use]
pub fn read_files(survey: &Survey, settings: &Settings) -> Vec<Files> {
    let images = by_directory(survey);
    in_parallel(&survey.directories, 1, |one| {
        let image = images.get(one.directory.as_path()).map(|(_, image)| *image);
        read(&one.directory, image, settings)
    })
}

/// A file that cannot be read is a finding of the survey's, and here as if it said nothing that can be relied on.
fn read(directory: &Path, image: Option<&Image>, settings: &Settings) -> Files {
    let text = |name: &str| find_text(&directory.join(name)).ok();
    let changelog_text = text("changelog").flatten();
    let changelog = changelog_text.as_deref().map(parse_changelog);
    let (control_text, control) = match text("control") {
        Some(Some(text)) => {
            let control = parse_control(&text).ok();
            (Some(text), control)
        }
        Some(None) => (None, Some(Control::default())),
        None => (None, None),
    };
    let ignored = text(".dockerignore").flatten();
    let ignored = ignored.and_then(|text| IgnoreRules::parse(&text).ok());
    let label = image.map(|image| &image.label);
    let test = label.map(|label| find_test(&settings.verify, directory, label));
    Files {
        changelog: changelog.and_then(Result::ok),
        changelog_text,
        control_text,
        control,
        declaration_text: text("image.yaml").flatten(),
        ignored: ignored.unwrap_or_default(),
        // A test that cannot be read is there.
        has_test: !matches!(test, Some(Ok(None))),
    }
}
