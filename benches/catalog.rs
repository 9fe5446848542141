//! How scanning, rendering and planning grow with the catalog: `cargo bench`.
//!
//! Each catalog is laid out on disk as images in groups of ten, the first of a group built on a base image and each of
//! the others on the one before it. Every figure is the median of several runs.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark lays out files and prints its figures"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use pkg::oci::Digest;
use pkg::plan::{Availability, Extent, Facts, Goal, Means, Overwrite, plan};
use pkg::scan::load;
use pkg::settings::{Layer, Settings, parse_settings};

const RUNS: usize = 7;
const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    let settings =
        "registry: r.example.org\nnamespace: bench\nbase_images: [r.example.org/bench/base:1]\n";
    let layer = Layer {
        path: Path::new("config.yaml"),
        text: settings,
    };
    let settings = parse_settings(&[layer]).expect("settings").settings;
    println!("{:>8}  {:>14}  {:>10}", "images", "scan + render", "plan");
    for size in SIZES {
        let directory = tempfile::tempdir().expect("a directory");
        lay_out(directory.path(), size);
        let (load_time, plan_time) = measure(directory.path(), &settings);
        println!("{size:>8}  {load_time:>12.1?}  {plan_time:>10.1?}");
    }
}

fn lay_out(directory: &Path, size: usize) {
    for i in 0..size {
        let parent = if i % 10 == 0 {
            "base".to_owned()
        } else {
            format!("image{}", i - 1)
        };
        let image = directory
            .join(format!("group{}", i / 10))
            .join(format!("image{i}"));
        std::fs::create_dir_all(&image).expect("a directory");
        let files = [
            (
                "changelog",
                format!(
                    "image{i} (1.2.{i}-1) stable; urgency=low\n\n  * One.\n\n -- Ann <ann@example.org>  Mon, 05 Oct 2026 10:00:00 +0000\n"
                ),
            ),
            (
                "control",
                format!("Package: image{i}\nBuild-Depends: {parent}\n"),
            ),
            (
                "Dockerfile.template",
                format!(
                    "FROM {{{{ \"{parent}\" | image_tag }}}}\nRUN {{{{ \"git curl\" | apt_install }}}}\nUSER {{{{ \"nobody\" | uid }}}}\n"
                ),
            ),
        ];
        for (name, text) in files {
            std::fs::write(image.join(name), text).expect("a file");
        }
    }
}

fn measure(directory: &Path, settings: &Settings) -> (Duration, Duration) {
    let roots = [directory.to_owned()];
    let mut load_times = Vec::new();
    let mut plan_times = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        let loaded = load(&roots, settings).expect("a catalog");
        load_times.push(began.elapsed());
        // Every other image is published.
        let facts: Vec<_> = (0..loaded.catalog.len())
            .map(|i| Facts {
                registry: if i % 2 == 0 {
                    Availability::Absent
                } else {
                    Availability::Present(Digest::of(b"manifest"))
                },
                ..Facts::default()
            })
            .collect();
        let goal = Goal {
            extent: Extent::BuildAndPublish,
            selection: None,
            overwrite: Overwrite::Never,
            means: Means::Engine,
        };
        let began = Instant::now();
        let plan = plan(&loaded.catalog, &loaded.graph, &facts, &goal);
        plan_times.push(began.elapsed());
        assert_eq!(plan.steps.len(), loaded.catalog.len());
    }
    (median(load_times), median(plan_times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
