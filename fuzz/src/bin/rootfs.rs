//! The fuzzer of `pkg::fuzzing::ROOTFS`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::ROOTFS);
