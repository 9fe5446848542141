//! The table of rules, in the order of their ids.

use super::rule::{Check, Rule};
use super::{apt, changelog, control, dependencies, images, life, secrets, users};
use crate::settings::Severity::{Error, Note, Warning};

/// Makes a rule with the page of its id.
macro_rules! rule {
    ($id:literal, $severity:expr, $summary:literal, $check:expr) => {
        Rule {
            id: $id,
            severity: $severity,
            summary: $summary,
            page: include_str!(concat!("../../docs/rules/", $id, ".md")),
            check: $check,
        }
    };
}

/// Every rule.
pub(super) static RULES: [Rule; 45] = [
    rule!(
        "add-checksum",
        Warning,
        "`ADD` fetches a file without a checksum",
        Check::Subject(images::find_unchecked_additions)
    ),
    rule!(
        "apt-filter",
        Note,
        "`apt-get install` is written out instead of the filter `apt_install`",
        Check::Subject(apt::find_without_filter)
    ),
    rule!(
        "apt-lists",
        Warning,
        "`apt-get update` leaves its lists in the image",
        Check::Subject(apt::find_lists)
    ),
    rule!(
        "apt-recommends",
        Warning,
        "`apt-get install` without `--no-install-recommends`",
        Check::Subject(apt::find_recommends)
    ),
    rule!(
        "changelog-newline",
        Note,
        "The last line of a changelog has no end",
        Check::Subject(changelog::find_final_newline)
    ),
    rule!(
        "changelog-unreadable",
        Error,
        "A changelog cannot be read",
        Check::Reading
    ),
    rule!(
        "control-unreadable",
        Error,
        "A control file cannot be read",
        Check::Reading
    ),
    rule!(
        "date-future",
        Warning,
        "An entry of a changelog is dated in the future",
        Check::Subject(changelog::find_future_dates)
    ),
    rule!(
        "date-malformed",
        Warning,
        "The date of a changelog's entry is none, or does not fit its weekday",
        Check::Subject(changelog::find_dates)
    ),
    rule!(
        "date-order",
        Warning,
        "An entry of a changelog is dated before the one below it",
        Check::Subject(changelog::find_date_order)
    ),
    rule!(
        "dependency-across",
        Note,
        "An image needs one of another directory of the command line",
        Check::Subject(dependencies::find_across)
    ),
    rule!(
        "dependency-cycle",
        Error,
        "Images need each other",
        Check::Reading
    ),
    rule!(
        "dependency-qualifier",
        Note,
        "A part of a dependency has no effect",
        Check::Reading
    ),
    rule!(
        "dependency-undeclared",
        Warning,
        "A recipe uses an image that `control` does not declare",
        Check::Subject(dependencies::find_undeclared)
    ),
    rule!(
        "dependency-unknown",
        Error,
        "An image needs one that nobody provides",
        Check::Reading
    ),
    rule!(
        "dependency-unused",
        Note,
        "`control` declares an image that the recipe does not use",
        Check::Subject(dependencies::find_unused)
    ),
    rule!(
        "directory-incomplete",
        Warning,
        "A directory has a recipe and no changelog, or a changelog and no recipe",
        Check::Reading
    ),
    rule!(
        "distribution-unknown",
        Warning,
        "A changelog names a distribution that nobody knows",
        Check::Subject(changelog::find_distributions)
    ),
    rule!(
        "dockerfile-unreadable",
        Error,
        "A rendered template is no Dockerfile",
        Check::Reading
    ),
    rule!(
        "entry-empty",
        Warning,
        "An entry of a changelog does not say what changed",
        Check::Subject(changelog::find_empty_entries)
    ),
    rule!(
        "entry-missing",
        Warning,
        "Files of an image have changed since the top entry was written",
        Check::Subject(life::find_missing_entries)
    ),
    rule!(
        "file-unreadable",
        Error,
        "A file or directory cannot be read",
        Check::Reading
    ),
    rule!(
        "image-abandoned",
        Note,
        "Nothing is built on an image, and for a year nobody has updated it",
        Check::Subject(life::find_abandoned)
    ),
    rule!(
        "image-file-unreadable",
        Error,
        "An `image.yaml` cannot be read",
        Check::Reading
    ),
    rule!(
        "image-old",
        Note,
        "The last entry of an image is older than `audit.days`",
        Check::Subject(life::find_old)
    ),
    rule!(
        "image-outside",
        Warning,
        "A recipe names an image that neither the catalog nor `base_images` has",
        Check::Subject(images::find_outside)
    ),
    rule!(
        "image-unpinned",
        Warning,
        "A recipe names an image without a version",
        Check::Subject(images::find_unpinned)
    ),
    rule!(
        "maintainer-malformed",
        Warning,
        "Who wrote an entry of a changelog cannot be told",
        Check::Subject(changelog::find_maintainers)
    ),
    rule!(
        "name-differs",
        Warning,
        "`Package` is not the name that the changelog gives",
        Check::Subject(control::find_other_name)
    ),
    rule!(
        "name-duplicate",
        Error,
        "Several directories have one name",
        Check::Reading
    ),
    rule!(
        "name-invalid",
        Error,
        "The name in a changelog cannot name an image",
        Check::Reading
    ),
    rule!(
        "published-differs",
        Error,
        "A version is published, and what it was made from has changed since",
        Check::Subject(life::find_published_differences)
    ),
    rule!(
        "recipe-duplicate",
        Error,
        "A directory has two recipes",
        Check::Reading
    ),
    rule!(
        "secret-in-history",
        Error,
        "A recipe puts a secret into an image or its history",
        Check::Subject(secrets::find)
    ),
    rule!(
        "stage-duplicate",
        Warning,
        "Two stages of a recipe have one name",
        Check::Subject(images::find_stage_duplicates)
    ),
    rule!(
        "template-doubtful",
        Warning,
        "A template asks for something that nobody has set",
        Check::Reading
    ),
    rule!(
        "template-fails",
        Error,
        "A template cannot be rendered",
        Check::Reading
    ),
    rule!(
        "test-missing",
        Note,
        "An image serves a port and has no test",
        Check::Subject(life::find_missing_tests)
    ),
    rule!(
        "trailer-malformed",
        Warning,
        "The last line of a changelog's entry is missing or misspelt",
        Check::Subject(changelog::find_trailers)
    ),
    rule!(
        "urgency-unknown",
        Warning,
        "A changelog has an urgency that nobody knows, or none",
        Check::Subject(changelog::find_urgencies)
    ),
    rule!(
        "user-name",
        Warning,
        "The last USER is a name instead of a number",
        Check::Subject(users::find_names)
    ),
    rule!(
        "user-root",
        Warning,
        "Root runs an image",
        Check::Subject(users::find_root)
    ),
    rule!(
        "version-duplicate",
        Error,
        "Two entries of a changelog have one version",
        Check::Subject(changelog::find_version_duplicates)
    ),
    rule!(
        "version-order",
        Warning,
        "The versions of a changelog do not descend",
        Check::Subject(changelog::find_version_order)
    ),
    rule!(
        "version-untaggable",
        Error,
        "No tag can hold the version of an image",
        Check::Reading
    ),
];
