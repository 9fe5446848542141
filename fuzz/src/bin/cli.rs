//! The fuzzer of `pkg::fuzzing::CLI`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::CLI);
