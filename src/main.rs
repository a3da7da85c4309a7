//! The `everlit` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    everlit::cli::run(std::env::args_os())
}
