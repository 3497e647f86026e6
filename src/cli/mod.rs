//! The program `scramtoken`: Kafka's delegation tokens, SCRAM users and logins without a JVM.

mod authority;
mod cluster_args;
mod configs;
mod delegation_tokens;
mod doctor;
mod exit;
mod explain;
mod follow;
mod generate;
mod import;
mod login;
mod output;
mod progress;
mod scram_config;
mod secret;
mod store;
mod secret_key;
mod signals;
mod store_args;
mod token_table;
mod user_file;
mod users;
mod wrong_usage;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::error::Error;
use crate::kafka::{end_process, is_waiting_for_kdc};

/// Kafka's delegation tokens, SCRAM users and logins, without a JVM.
#[derive(Parser)]
#[command(name = "scramtoken", version, propagate_version = true, infer_long_args = true)]
#[command(after_help = exit::HELP)]
struct Arguments<D: Subcommand> {
    #[command(subcommand)]
    command: Command<D>,
}

#[derive(Subcommand)]
enum Command<D: Subcommand> {
    DelegationTokens(delegation_tokens::Arguments),
    Configs(configs::Arguments),
    Store(store::Arguments),
    SecretKey(secret_key::Arguments),
    Login(login::Arguments),
    Doctor(doctor::Arguments),
    Explain(explain::Arguments),
    /// Those of another door.
    #[command(flatten)]
    Door(D),
    Completions(generate::Completions),
    Man(generate::Man),
}

/// Does what the command line says; `door` does the commands of another door.
pub fn run<D: Subcommand>(door: fn(&D) -> Result<(), Error>) -> ExitCode {
    let arguments = match Arguments::<D>::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage::report(error),
    };
    let code = code_of(arguments.command, door);
    // Destructors of libraries run at the end, and not under a thread that still waits in one.
    if is_waiting_for_kdc() {
        let _ = io::stdout().flush();
        end_process(code);
    }
    ExitCode::from(code)
}

fn code_of<D: Subcommand>(command: Command<D>, door: fn(&D) -> Result<(), Error>) -> u8 {
    let done = match command {
        Command::DelegationTokens(arguments) => arguments.run(),
        Command::Configs(arguments) => arguments.run(),
        Command::Store(arguments) => arguments.run(),
        Command::SecretKey(arguments) => arguments.run(),
        Command::Login(arguments) => arguments.run(),
        Command::Doctor(arguments) => return arguments.run(),
        Command::Explain(arguments) => arguments.run(),
        Command::Door(arguments) => door(&arguments),
        Command::Completions(arguments) => arguments.run(Arguments::<D>::command()),
        Command::Man(arguments) => arguments.run(Arguments::<D>::command()),
    };
    match done {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("scramtoken: {error}");
            exit::number(error.status())
        }
    }
}

/// Tells of something that did not stop the work.
fn warn(text: impl core::fmt::Display) {
    eprintln!("scramtoken: warning: {text}");
}
