//! `secret-key`: the keys that make the HMACs of a store's tokens.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::store_args::{self, Missing};
use super::{exit, output, signals};
use crate::authority::TokenManager;
use crate::files::{Access, SecretFile};
use crate::{clock, error::Error, random};

/// Make and remove the secret keys of a store's tokens
#[derive(Args)]
#[command(after_help = exit::HELP)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Generate(Generate),
    Remove(Remove),
}

/// Make a secret key: 32 random bytes, as base64 text
///
/// It does for a store's tokens, and as delegation.token.secret.key of Kafka's brokers.
#[derive(Args)]
struct Generate {
    /// New file for it, with mode 0600; one that is there already is left alone
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Remove a secret key from a store for good, with all of its tokens
///
/// From then on no server lets these tokens in, and the key cannot come back, nor can its name. Let
/// another key sign first, in every process that makes tokens.
#[derive(Args)]
struct Remove {
    /// The store: lmdb:/PATH
    #[arg(long, value_name = "URI")]
    store: String,

    /// What the store calls the key
    #[arg(value_name = "NAME")]
    name: String,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        match &self.command {
            Command::Generate(arguments) => arguments.run(),
            Command::Remove(arguments) => arguments.run(),
        }
    }
}

impl Generate {
    fn run(&self) -> Result<(), Error> {
        signals::remove_temporaries();
        let file = SecretFile::check(&self.out, Access::default()).map_err(exit::of_file)?;
        let random = Zeroizing::new(random::bytes::<32>()?);
        let text = Zeroizing::new(STANDARD.encode(random.as_slice()) + "\n");
        file.create(text.as_bytes())
    }
}

impl Remove {
    fn run(&self) -> Result<(), Error> {
        let store = store_args::open(&self.store, Missing::Refuse)?;
        let ended = TokenManager::new(&store).remove_secret_key(&self.name, clock::now_ms())?;
        let name = crate::kafka::escape(&self.name);
        output::print(&format!("Removed the secret key {name}; tokens that ended: {ended}\n"))
    }
}
