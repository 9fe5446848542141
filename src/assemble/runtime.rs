//! What containers get of a declared image, in the words of an image's configuration.

use std::collections::BTreeMap;

use crate::declared::Runtime;
use crate::oci::RunConfig;

/// Gives the part of the configuration that is about containers; `labels` are those that this program adds.
pub(super) fn run_config(runtime: &Runtime, labels: &BTreeMap<String, String>) -> RunConfig {
    let mut all = runtime.labels.clone();
    all.extend(labels.clone());
    RunConfig {
        environment: runtime.environment.clone(),
        entrypoint: runtime.entrypoint.0.clone(),
        cmd: runtime.cmd.clone().unwrap_or_default().0,
        user: runtime.user.clone(),
        ports: runtime.ports.clone(),
        volumes: runtime.volumes.clone(),
        working_directory: runtime.work_dir.clone(),
        stop_signal: runtime.stop_signal.clone(),
        labels: all,
    }
}
