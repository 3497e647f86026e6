//! The program `scramtoken`: Kafka's delegation tokens, SCRAM users and logins without a JVM.

mod authority;
mod cluster_args;
mod configs;
mod delegation_tokens;
mod exit;
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

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Kafka's delegation tokens, SCRAM users and logins, without a JVM.
#[derive(Parser)]
#[command(name = "scramtoken", version, propagate_version = true, infer_long_args = true)]
#[command(after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    DelegationTokens(delegation_tokens::Arguments),
    Configs(configs::Arguments),
    Store(store::Arguments),
    SecretKey(secret_key::Arguments),
    Login(login::Arguments),
    Completions(generate::Completions),
    Man(generate::Man),
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return wrong_usage::report(error),
    };
    let done = match arguments.command {
        Command::DelegationTokens(arguments) => arguments.run(),
        Command::Configs(arguments) => arguments.run(),
        Command::Store(arguments) => arguments.run(),
        Command::SecretKey(arguments) => arguments.run(),
        Command::Login(arguments) => arguments.run(),
        Command::Completions(arguments) => arguments.run(),
        Command::Man(arguments) => arguments.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scramtoken: {error}");
            exit::code(error.status())
        }
    }
}

/// Tells of something that did not stop the work.
fn warn(text: impl core::fmt::Display) {
    eprintln!("scramtoken: warning: {text}");
}
