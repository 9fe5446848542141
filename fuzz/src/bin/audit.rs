//! The fuzzer of `pkg::fuzzing::AUDIT`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::AUDIT);
