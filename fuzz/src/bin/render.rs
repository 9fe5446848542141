//! The fuzzer of `pkg::fuzzing::RENDER`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::RENDER);
