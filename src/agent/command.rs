//! The command line: `scramtoken agent`, and what a running agent is asked.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::service::duration;
use crate::{error::Error, status::Status};

/// What the agent adds to the program's commands.
#[derive(Subcommand)]
pub enum Command {
    /// Keep delegation tokens valid in files and elsewhere for as long as jobs need them
    Agent(Arguments),
}

impl Command {
    /// Does what the command line says.
    ///
    /// # Errors
    ///
    /// One sentence.
    pub fn run(&self) -> Result<(), Error> {
        let Self::Agent(arguments) = self;
        arguments.run()
    }
}

/// Keep delegation tokens valid in files and elsewhere for as long as jobs need them
///
/// Makes the tokens that a configuration file names, puts them where it says once all brokers accept
/// them, renews them, and replaces them before their longest life is over. Stays in the foreground;
/// SIGHUP reads the configuration anew, SIGTERM ends it.
#[derive(Args)]
#[command(after_help = EXIT_CODES, after_long_help = LONG_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    ask: Option<Ask>,

    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Say whether the configuration is right, and do nothing else
    #[arg(long, requires = "config")]
    check_config: bool,

    /// Do what is due and exit: renew every token, replace those that end too soon; for cron, which has
    /// to run it more often than delegation.token.expiry.time.ms
    #[arg(long, requires = "config", conflicts_with = "check_config")]
    once: bool,

    /// How long --once may take
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    timeout: i64,
}

/// What a running agent is asked.
#[derive(Subcommand)]
enum Ask {
    /// How the tokens of a running agent are
    Status(StatusArguments),
    /// Wait until a running agent has published its tokens
    Wait(WaitArguments),
}

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
struct StatusArguments {
    #[command(flatten)]
    agent: RunningAgent,

    /// How to write it
    #[arg(long, value_enum, default_value = "table")]
    output: Form,
}

#[derive(Args)]
#[command(after_help = EXIT_CODES)]
struct WaitArguments {
    #[command(flatten)]
    agent: RunningAgent,

    /// Wait for this one alone
    #[arg(long, value_name = "NAME")]
    token: Option<String>,

    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: i64,
}

/// Which agent.
#[derive(Args)]
struct RunningAgent {
    /// The agent's configuration file, for its listen
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the agent serves HTTP; without both, 127.0.0.1:9712
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "config")]
    address: Option<SocketAddr>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line for each token and each target
    Table,
    /// One object
    Json,
}

const LONG_HELP: &str =
    concat!(include_str!("config/reference.txt"), "\n", include_str!("../exit_codes.txt"));
const EXIT_CODES: &str = include_str!("../exit_codes.txt");

impl Arguments {
    fn run(&self) -> Result<(), Error> {
        match (&self.ask, &self.config) {
            (Some(Ask::Status(ask)), _) => {
                let text = super::status(ask.agent.address()?, ask.output == Form::Json)?;
                print(&text)
            }
            (Some(Ask::Wait(ask)), _) => {
                super::wait(ask.agent.address()?, ask.token.as_deref(), ask.timeout)
            }
            (None, Some(config)) if self.check_config => {
                for warning in super::check(config)? {
                    eprintln!("scramtoken: warning: {warning}");
                }
                print(&format!("{}: it is right\n", config.display()))
            }
            (None, Some(config)) if self.once => super::once(config, self.timeout),
            (None, Some(config)) => super::run(config),
            (None, None) => {
                let text = "--config is missing: give it the configuration file, which \
                            `scramtoken help agent` describes";
                Err(Error::new(Status::INVALID_ARGUMENT, text))
            }
        }
    }
}

impl RunningAgent {
    fn address(&self) -> Result<SocketAddr, Error> {
        match self.address {
            Some(address) => Ok(address),
            None => super::address(self.config.as_deref()),
        }
    }
}

fn parse_duration(text: &str) -> Result<i64, &'static str> {
    duration::parse(text).ok_or("write it as 30s, 90m, 12h or 3d")
}

fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::new(Status::IO, format!("standard output: {error}")))
}
