//! The names of settings, and what is doubtful about those that a file holds.

use super::error::SettingsWarning;
use super::reader::Reader;

/// Every setting that means something, besides `seed_image`, which older repositories have and nothing reads.
const KNOWN: [&str; 26] = [
    "apt_only_proxy",
    "apt_options",
    "base_images",
    "build_timeout",
    "ca_bundle",
    "container_limits",
    "distribution",
    "driver",
    "fallback_author",
    "fallback_email",
    "force_numeric_user",
    "http_proxy",
    "known_uid_mappings",
    "mirror",
    "namespace",
    "password",
    "registry",
    "registry_timeout",
    "scan_workers",
    "security_mirror",
    "seed_image",
    "update_id",
    "username",
    "verify_args",
    "verify_command",
    "verify_timeout",
];

pub(super) fn find_warnings(reader: &Reader<'_>) -> Vec<SettingsWarning> {
    let mut warnings: Vec<SettingsWarning> = Vec::new();
    for (name, entry) in &reader.entries {
        if let Some(known) = find_near(name) {
            warnings.push(SettingsWarning::NearMiss {
                place: entry.name_place(),
                key: name.clone(),
                known,
            });
        }
    }
    for (key, missing) in [("username", "password"), ("password", "username")] {
        if let (Some(entry), None) = (reader.find(key), reader.find(missing)) {
            let place = entry.name_place();
            warnings.push(SettingsWarning::HalfCredentials { place, missing });
        }
    }
    if let Some(entry) = reader.find("driver") {
        let driver = entry.node.to_value().print();
        if driver != "docker" {
            let place = entry.place();
            warnings.push(SettingsWarning::Driver { place, driver });
        }
    }
    warnings.sort_by(|a, b| a.place().cmp(b.place()));
    warnings
}

/// Finds the setting that an unknown name may mean: one or two letters off, or other in case and hyphens.
fn find_near(name: &str) -> Option<&'static str> {
    if KNOWN.contains(&name) {
        return None;
    }
    let plain = name.to_lowercase().replace('-', "_");
    let most = if name.len() > 6 { 2 } else { 1 };
    let distances = KNOWN.map(|known| (strsim::damerau_levenshtein(&plain, known), known));
    let (distance, known) = distances.into_iter().min()?;
    (distance <= most).then_some(known)
}
