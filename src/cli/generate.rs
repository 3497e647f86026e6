//! `completions` and `man`: what a package ships besides the program.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{error::Error, status::Status};

/// Print the completions of a shell
#[derive(Args)]
pub(super) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, mut command: Command) -> Result<(), Error> {
        clap_complete::generate(self.shell, &mut command, "scramtoken", &mut io::stdout());
        Ok(())
    }
}

/// Write the man pages
#[derive(Args)]
pub(super) struct Man {
    /// Directory for scramtoken.1 and a page for each command
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Man {
    pub(super) fn run(&self, command: Command) -> Result<(), Error> {
        clap_mangen::generate_to(command, &self.out).map_err(|error| {
            Error::new(Status::CORRUPT, format!("{}: {error}", self.out.display()))
        })
    }
}
