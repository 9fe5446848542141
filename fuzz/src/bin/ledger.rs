//! The fuzzer of `pkg::fuzzing::LEDGER`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::LEDGER);
