//! The fuzzer of `pkg::fuzzing::ARCHIVES`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::ARCHIVES);
