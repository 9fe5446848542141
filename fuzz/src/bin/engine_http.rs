//! The fuzzer of `pkg::fuzzing::ENGINE_HTTP`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::ENGINE_HTTP);
