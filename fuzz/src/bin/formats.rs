//! The fuzzer of `pkg::fuzzing::FORMATS`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::FORMATS);
