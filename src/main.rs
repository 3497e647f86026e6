//! The program `scramtoken`; see src/cli.

use std::process::ExitCode;

fn main() -> ExitCode {
    scramtoken::cli::run()
}
