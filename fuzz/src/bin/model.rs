//! The fuzzer of `pkg::fuzzing::MODEL`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::MODEL);
