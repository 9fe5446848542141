//! Archives of Debian packages beside Debian's own programs: signatures beside gpgv(1), packages beside dpkg-deb(1), choices
//! beside apt-get(8); repositories of APK packages, signed by openssl(1). Each test makes its own keys, packages and archive; none needs the network.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads files and asks programs; the program never does, nor does it unwrap"
)]

mod apk;
mod assembling;
mod gpg;
mod layering;
mod libraries;
mod locking;
mod machines;
mod mirroring;
mod packages;
mod repository;
mod resolving;
mod sbom;
mod server;
mod signatures;
mod stamping;
#[path = "../support/mod.rs"]
mod support;
mod taking;
mod without_engine;

use std::process::{Command, Output};

/// Runs a program, which has to be there and to succeed.
#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|fault| {
        panic!(
            "this test needs {}: {fault}",
            command.get_program().display()
        );
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
    output
}
