//! The program `pkg`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pkg::cli::main()
}
