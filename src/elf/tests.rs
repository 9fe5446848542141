use proptest::prelude::*;

use super::fuzzing::Strict;
use super::samples::Sample;
use super::{Class, ElfError, Library, machine, read_library};

fn read(bytes: &[u8]) -> Result<Library, ElfError> {
    read_library(&mut Strict::new(bytes))
}

#[test]
fn names_and_levels_of_both_classes_are_read() {
    for class in [Class::Bits32, Class::Bits64] {
        let sample = Sample {
            class,
            machine: machine::ARM,
            flags: 0x400,
            needed: &["libc.so.6", "libm.so.6"],
            isa: 0b111,
            ..Sample::named("liba.so.1")
        };
        let library = read(&sample.bytes()).expect("a library");
        let expected = Library {
            class,
            machine: machine::ARM,
            flags: 0x400,
            soname: Some(b"liba.so.1".to_vec()),
            isa_level: 2,
        };
        assert_eq!(library, expected);
    }
    let sample = Sample {
        soname: None,
        needed: &[],
        ..Sample::named("")
    };
    let library = read(&sample.bytes()).expect("a library");
    assert_eq!((library.soname, library.isa_level), (None, 0));
}

/// Changes a number of a library and tells what is said of it.
#[track_caller]
fn case(at: usize, changed: &[u8], expected: &str) {
    let mut bytes = Sample::named("liba.so.1").bytes();
    bytes[at..at + changed.len()].copy_from_slice(changed);
    let error = read(&bytes).expect_err("a broken library");
    let shown = error.to_string();
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn what_is_no_library_or_a_broken_one_is_told() {
    let (segments, dynamic) = (64, 64 + 56);
    case(0, b"#!", "no ELF file");
    case(4, &[3], "no shared library");
    case(5, &[2], "no shared library");
    case(16, &[2], "no shared library");
    case(32, &u64::MAX.to_le_bytes(), "ends before");
    case(32, &(u64::MAX - 200).to_le_bytes(), "ends before");
    case(56, &u16::MAX.to_le_bytes(), "more segments");
    case(dynamic, &[9], "nothing can be linked");
    case(dynamic + 8, &(1_u64 << 62).to_le_bytes(), "ends before");
    case(dynamic + 32, &u64::MAX.to_le_bytes(), "fills a megabyte");
    // The segment that is loaded is behind the names, and lies where no file goes on.
    case(segments + 16, &u64::MAX.to_le_bytes(), "no segment");
    case(segments + 8, &u64::MAX.to_le_bytes(), "no segment");
    let table = 64 + 3 * 56;
    case(table + 16 + 8, &u64::MAX.to_le_bytes(), "behind the table");
    case(table + 32, &[9], "no table of names");
    case(table + 48 + 8, &0_u64.to_le_bytes(), "behind the table");
    for text in ["", "\x7fELF", "\x7fELF\x02\x01\x01"] {
        read(text.as_bytes()).expect_err("too short");
    }
}

/// Changes a number of a library that is one still.
#[track_caller]
fn stays(at: usize, changed: &[u8]) {
    let mut bytes = Sample::named("liba.so.1").bytes();
    bytes[at..at + changed.len()].copy_from_slice(changed);
    let library = read(&bytes).expect("a library");
    assert_eq!(library.soname.as_deref(), Some(&b"liba.so.1"[..]));
}

#[test]
fn a_name_of_what_it_needs_that_lies_nowhere_is_no_matter() {
    let table = 64 + 3 * 56;
    stays(table + 8, &u64::MAX.to_le_bytes());
}

#[test]
fn notes_that_lie_where_no_file_goes_on_say_nothing() {
    let notes = 64 + 2 * 56;
    for offset in [u64::MAX, 1 << 63, 1 << 32] {
        stays(notes + 8, &offset.to_le_bytes());
    }
}

#[test]
fn a_name_without_an_end_is_none() {
    let name = "a".repeat(300);
    let error = read(&Sample::named(&name).bytes()).expect_err("a long name");
    assert!(error.to_string().contains("no end"), "{error}");
}

proptest! {
    #[test]
    fn no_change_of_a_library_costs_more_than_its_bytes(at in 0_usize..400, byte: u8, cut in 0_usize..500) {
        let mut bytes = Sample::named("liba.so.1").bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut);
        let _ = read(&bytes);
    }
}
