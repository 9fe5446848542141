//! The fuzzer of `pkg::fuzzing::HOST`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::HOST);
