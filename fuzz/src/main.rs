//! Runs one parser under libFuzzer: `PKG_FUZZ_TARGET` names it, and without a name all are listed.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("PKG_FUZZ_TARGET").unwrap_or_default();
        match pkg::fuzzing::find_target(&name) {
            Some(run) => TARGET.set(run).expect("one target"),
            None => {
                for (name, _) in pkg::fuzzing::targets() {
                    println!("{name}");
                }
                std::process::exit(i32::from(!name.is_empty()));
            }
        }
    },
    |data: &[u8]| {
        TARGET.get().expect("a target")(data);
    }
);
