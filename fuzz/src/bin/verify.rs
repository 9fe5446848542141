//! The fuzzer of `pkg::fuzzing::VERIFY`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::VERIFY);
