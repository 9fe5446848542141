//! The fuzzer of `pkg::fuzzing::APK`.
#![no_main]

pkg_fuzz::fuzz!(pkg::fuzzing::APK);
