//! The kinds of machines that glibc runs on, as far as the lowest byte is first there: where the loader is, and how libraries
//! are marked in the cache.

use crate::elf::{Class, Library, machine};

/// A kind of machine.
#[derive(Debug, PartialEq, Eq)]
pub struct System {
    /// Where its loader is.
    pub loader: &'static str,
    /// The directory of libraries in Debian's tree (Debian Policy 9.1.1).
    pub triplet: &'static str,
    family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    X86,
    Arm,
    PowerPc,
    RiscV,
}

/// All of them; of two in one image the first counts.
pub const SYSTEMS: &[System] = &[
    system(
        "/lib64/ld-linux-x86-64.so.2",
        "x86_64-linux-gnu",
        Family::X86,
    ),
    system(
        "/lib/ld-linux-aarch64.so.1",
        "aarch64-linux-gnu",
        Family::Arm,
    ),
    system("/lib64/ld64.so.2", "powerpc64le-linux-gnu", Family::PowerPc),
    system(
        "/lib/ld-linux-riscv64-lp64d.so.1",
        "riscv64-linux-gnu",
        Family::RiscV,
    ),
    system(
        "/lib/ld-linux-armhf.so.3",
        "arm-linux-gnueabihf",
        Family::Arm,
    ),
    system("/lib/ld-linux.so.2", "i386-linux-gnu", Family::X86),
];

const fn system(loader: &'static str, triplet: &'static str, family: Family) -> System {
    System {
        loader,
        triplet,
        family,
    }
}

/// A library of glibc, and those of its kinds (`dl-cache.h` names the numbers; ldconfig writes them). What a library needs
/// does not count, as with glibc 2.37 and later; all loaders take these.
const GLIBC: u32 = 3;
const POWERPC_64: u32 = 0x0500;
const X86_64: u32 = 0x0300;
const X32: u32 = 0x0800;
const ARM_HARD: u32 = 0x0900;
const AARCH64: u32 = 0x0a00;
const ARM_SOFT: u32 = 0x0b00;
const RISCV_DOUBLE: u32 = 0x1000;
/// How floating-point numbers are handed over (`EF_ARM_ABI_FLOAT_HARD`, `_SOFT`, `EF_RISCV_FLOAT_ABI`).
const ARM_FLAGS: (u32, u32) = (0x400, 0x200);
const RISCV_FLAGS: (u32, u32) = (6, 4);

impl System {
    /// Gives the mark of a library, where this machine runs it.
    #[must_use]
    pub fn mark(&self, library: &Library) -> Option<u32> {
        use Class::{Bits32, Bits64};
        Some(match (self.family, library.machine, library.class) {
            (Family::X86, machine::X86_64, Bits64) => X86_64 | GLIBC,
            (Family::X86, machine::X86_64, Bits32) => X32 | GLIBC,
            (Family::Arm, machine::AARCH64, Bits64) => AARCH64 | GLIBC,
            (Family::Arm, machine::ARM, Bits32) if library.flags & ARM_FLAGS.0 != 0 => {
                ARM_HARD | GLIBC
            }
            (Family::Arm, machine::ARM, Bits32) if library.flags & ARM_FLAGS.1 != 0 => {
                ARM_SOFT | GLIBC
            }
            (Family::X86, machine::I386, Bits32) | (Family::Arm, machine::ARM, Bits32) => GLIBC,
            (Family::PowerPc, machine::POWERPC_64, Bits64) => POWERPC_64 | GLIBC,
            (Family::RiscV, machine::RISCV, Bits64)
                if library.flags & RISCV_FLAGS.0 == RISCV_FLAGS.1 =>
            {
                RISCV_DOUBLE | GLIBC
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::read_library;
    use crate::elf::samples::Sample;

    #[test]
    fn a_library_of_i386_is_one_of_glibc_whatever_it_needs() {
        for needed in [&["libc.so.6"][..], &["liba.so.1"], &[]] {
            let sample = Sample {
                class: Class::Bits32,
                machine: machine::I386,
                needed,
                ..Sample::named("libb.so.1")
            };
            let library = read_library(&mut std::io::Cursor::new(sample.bytes()));
            let library = library.expect("a library");
            for system in SYSTEMS.iter().filter(|it| it.family == Family::X86) {
                assert_eq!(system.mark(&library), Some(GLIBC), "{needed:?}");
            }
        }
    }
}
