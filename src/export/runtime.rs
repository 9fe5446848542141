//! The `config.json` of a bundle (OCI runtime-spec 1.0), made from an image's configuration by the rules of image-spec,
//! "Conversion to OCI Runtime Configuration"; what those leave open is as `runc spec` has it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::ExportError;
use super::user::find_user;
use crate::oci::ContainerConfig;
use crate::rootfs::{Node, RootPath, Tree};
use crate::unpack::Unpacked;

const USUAL_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Renders the configuration; the same image gives the same bytes.
pub(super) fn render_runtime(
    image: &Unpacked,
    tree: &Tree,
    hostname: &str,
) -> Result<Vec<u8>, ExportError> {
    let empty = ContainerConfig::default();
    let config = image.configuration.config.as_ref().unwrap_or(&empty);
    let user = find_user(config.user.as_deref().unwrap_or_default(), image, tree)?;
    let mut environment = config.env.clone().unwrap_or_default();
    let mut add = |name: &str, line: String| {
        let is_set = environment
            .iter()
            .any(|set| set.split('=').next() == Some(name));
        if !is_set {
            environment.push(line);
        }
    };
    add("PATH", USUAL_PATH.to_owned());
    add("TERM", "TERM=xterm".to_owned());
    if let Some(home) = &user.home {
        add("HOME", format!("HOME={home}"));
    }
    let work_dir = config.working_dir.as_deref();
    let work_dir = work_dir.filter(|directory| !directory.is_empty());
    let mut who = json!({"uid": user.uid, "gid": user.gid});
    if !user.groups.is_empty() {
        who["additionalGids"] = json!(user.groups);
    }
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let mut runtime = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": who,
            "args": find_command(config, tree)?,
            "env": environment,
            "cwd": work_dir.unwrap_or("/"),
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs"},
        "hostname": hostname,
        "mounts": mounts(config),
    });
    let annotations = annotations(image, config);
    if !annotations.is_empty() {
        runtime["annotations"] = json!(annotations);
    }
    runtime["linux"] = linux();
    let mut bytes = serde_json::to_vec_pretty(&runtime).unwrap_or_default();
    bytes.push(b'\n');
    Ok(bytes)
}

fn find_command(config: &ContainerConfig, tree: &Tree) -> Result<Vec<String>, ExportError> {
    let entrypoint = config.entrypoint.iter().flatten();
    let command: Vec<String> = entrypoint
        .chain(config.cmd.iter().flatten())
        .cloned()
        .collect();
    if !command.is_empty() {
        return Ok(command);
    }
    let shell = RootPath::parse(b"bin/sh").unwrap_or_default();
    let shell = tree.resolve(&shell)?;
    if tree
        .find(&shell)
        .is_some_and(|node: &Node| !node.is_directory())
    {
        return Ok(vec!["/bin/sh".to_owned()]);
    }
    Err(ExportError::NoCommand)
}

/// What the image says of itself; its labels count more.
fn annotations(image: &Unpacked, config: &ContainerConfig) -> BTreeMap<String, String> {
    let said = &image.configuration;
    let ports = config.exposed_ports.iter().flat_map(BTreeMap::keys);
    let ports: Vec<&str> = ports.map(String::as_str).collect();
    let facts = [
        ("os", Some(said.os.clone())),
        ("architecture", Some(said.architecture.clone())),
        ("variant", said.variant.clone()),
        ("author", said.author.clone()),
        ("created", said.created.clone()),
        ("stopSignal", config.stop_signal.clone()),
        ("exposedPorts", Some(ports.join(","))),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some((format!("org.opencontainers.image.{name}"), value))
    });
    let labels = config.labels.iter().flatten();
    let labels = labels.map(|(name, value)| (name.clone(), value.clone()));
    facts.chain(labels).collect()
}

fn mounts(config: &ContainerConfig) -> Vec<Value> {
    let mount = |destination: &str, kind: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": kind, "options": options});
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        mount(
            "/dev",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount(
            "/dev/pts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5",
            ],
        ),
        json!({
            "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        }),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        json!({
            "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro"],
        }),
    ];
    // What a container writes there is no part of its root file system, and goes with it.
    let volumes = config.volumes.iter().flat_map(BTreeMap::keys);
    mounts.extend(
        volumes.map(|volume| mount(volume, "tmpfs", &["rw", "nosuid", "nodev", "tmpcopyup"])),
    );
    mounts
}

fn linux() -> Value {
    let namespaces = ["pid", "network", "ipc", "uts", "mount"];
    let namespaces: Vec<Value> = namespaces
        .iter()
        .map(|kind| json!({"type": kind}))
        .collect();
    json!({
        "resources": {"devices": [{"allow": false, "access": "rwm"}]},
        "namespaces": namespaces,
        "maskedPaths": [
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
        ],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    })
}
