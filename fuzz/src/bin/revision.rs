//! The fuzzer of `pkg::fuzzing::REVISION`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::REVISION);
