//! Indexes of repositories.

use std::sync::Arc;

use super::super::client::Client;
use super::super::location::Location;
use super::error::ApkError;
use crate::apk::{Index, Key, Trust, parse_index};

/// That of the largest repository has some tens of megabytes.
const LARGEST_INDEX_BYTES: u64 = 300 << 20;

/// Fetches an index, `APKINDEX.tar.gz`, which one of the keys has to have signed.
pub async fn fetch_apk_index(
    client: &Client,
    place: &Location,
    keys: &Arc<[Key]>,
) -> Result<Index, ApkError> {
    let bytes = client.fetch(place, LARGEST_INDEX_BYTES).await?;
    let (place, keys) = (place.to_string(), Arc::clone(keys));
    let parse = move || {
        let parsed = parse_index(&bytes, Trust::Keys(&keys));
        parsed.map_err(|source| ApkError::of_index(place, source, &keys))
    };
    // Tens of thousands of packages are work for a thread that may be busy.
    let parsed = tokio::task::spawn_blocking(parse).await;
    parsed.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
