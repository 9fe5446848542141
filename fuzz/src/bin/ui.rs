//! The fuzzer of `pkg::fuzzing::UI`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::UI);
