//! What is doubtful about the settings that a file holds, and stops nothing.

use super::error::SettingsWarning;
use super::known::{SETTINGS, find_setting};
use super::reader::Reader;

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
    if let Some(missing) = find_missing_credential(reader) {
        let there = CREDENTIALS.into_iter().find_map(|key| reader.find(key));
        warnings.extend(there.map(|entry| {
            let place = entry.name_place();
            SettingsWarning::HalfCredentials { place, missing }
        }));
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
    if find_setting(name).is_some() {
        return None;
    }
    let plain = name.to_lowercase().replace('-', "_");
    let most = if name.len() > 6 { 2 } else { 1 };
    let similar = SETTINGS
        .iter()
        .map(|setting| setting.name)
        .filter(|known| known.len().abs_diff(plain.len()) <= most);
    let distances = similar.map(|known| (strsim::damerau_levenshtein(&plain, known), known));
    let (distance, known) = distances.min()?;
    (distance <= most).then_some(known)
}

const CREDENTIALS: [&str; 2] = ["username", "password"];

/// Finds the half of the credentials that is missing where the other one is set.
fn find_missing_credential(reader: &Reader<'_>) -> Option<&'static str> {
    let (missing, there): (Vec<&str>, Vec<&str>) = CREDENTIALS
        .into_iter()
        .partition(|key| reader.find(key).is_none());
    missing.first().copied().filter(|_| !there.is_empty())
}
