//! The program `scramtoken`; see src/cli, and src/agent for one of its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    scramtoken::cli::run(scramtoken::agent::Command::run)
}
