//! What commands that work on a store take, in place of a cluster.

use std::env;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use clap::Args;
use zeroize::Zeroizing;

use super::secret::without_line_end;
use super::{exit, warn};
use crate::authority::{Requester, TokenManager};
use crate::files::read_secret;
use crate::store::Store;
use crate::token::Principal;
use crate::{byte_order_mark, error::Error, status::Status};

#[derive(Args)]
pub(super) struct StoreArgument {
    /// Store to work on in place of a cluster: lmdb:/PATH, a directory that is made when something is
    /// first put into it
    #[arg(long, value_name = "URI", conflicts_with = "command_config")]
    pub(super) store: Option<String>,
}

impl StoreArgument {
    /// The store, where it is one and not a cluster that is meant.
    pub(super) fn open(&self, missing: Missing) -> Result<Option<Store>, Error> {
        self.store.as_deref().map(|uri| open(uri, missing)).transpose()
    }
}

/// What is done about a store that is not there.
#[derive(Clone, Copy)]
pub(super) enum Missing {
    /// It is made, for what is about to be put into it.
    Make,
    /// It is an error: a mistyped path leads to no empty store.
    Refuse,
}

/// Opens a store that outlives the program.
pub(super) fn open(uri: &str, missing: Missing) -> Result<Store, Error> {
    if uri.starts_with("memory:") {
        let text = "--store memory: would end with this program: give lmdb:/PATH";
        return Err(Error::new(Status::INVALID_ARGUMENT, text));
    }
    if matches!(missing, Missing::Refuse) {
        drop(told_of(Store::open_read_only(uri).map_err(exit::of_file)?));
    }
    Store::open(uri).map(told_of)
}

/// Shows what the store has to say.
pub(super) fn told_of(store: Store) -> Store {
    if let Some(warning) = store.warning() {
        warn(warning);
    }
    store
}

/// What makes a store a token authority.
#[derive(Args)]
pub(super) struct AuthorityArguments {
    /// File (mode 0600) with a secret key of the store's tokens, as `secret-key generate` makes it;
    /// NAME is what the store calls it, the file's name unless given. Repeatable: the first one
    /// signs, every one verifies
    #[arg(long, value_name = "FILE[=NAME]", conflicts_with = "bootstrap_server")]
    secret_key_file: Vec<String>,

    /// Environment variable with a secret key, in place of a file or after all files; NAME is the
    /// variable's name unless given
    #[arg(long, value_name = "VARIABLE[=NAME]", conflicts_with = "bootstrap_server")]
    secret_key_env: Vec<String>,

    /// Who asks the store's authority: owner of new tokens, and who renews, expires and sees them
    #[arg(id = "as", long = "as", value_name = "TYPE:NAME", value_parser = requester)]
    #[arg(conflicts_with = "bootstrap_server")]
    requester: Option<Principal>,
}

impl AuthorityArguments {
    /// A manager of the store's tokens, and who asks it. Whoever has store and secret key may do
    /// anything, so it is allowed to act for every owner.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for what is missing, before the store is touched; the keys' and the store's.
    pub(super) fn open(
        &self,
        uri: &str,
        missing: Missing,
    ) -> Result<(TokenManager, Requester), Error> {
        let lacking = |text| Error::new(Status::INVALID_ARGUMENT, text);
        let requester = self.requester.clone().ok_or_else(|| {
            lacking("--store wants --as: the principal that asks, such as --as User:alice")
        })?;
        let keys = self.secret_keys()?;
        if keys.is_empty() {
            return Err(lacking(
                "tokens of a store want its secret key: give --secret-key-file (scramtoken secret-key \
                 generate makes one) or --secret-key-env",
            ));
        }
        let mut manager = TokenManager::new(&open(uri, missing)?);
        manager.set_authorizer(|_| true);
        for (name, secret) in keys {
            manager.add_secret_key(name, secret.as_bytes())?;
        }
        Ok((manager, Requester::new(requester)))
    }

    /// By name, in the order of files and variables.
    fn secret_keys(&self) -> Result<Vec<(&str, Zeroizing<String>)>, Error> {
        let mut keys = Vec::new();
        for argument in &self.secret_key_file {
            let (path, name) = named(argument);
            let name = name.or_else(|| Path::new(path).file_name()?.to_str()).unwrap_or(path);
            keys.push((name, from_file(Path::new(path))?));
        }
        for argument in &self.secret_key_env {
            let (variable, name) = named(argument);
            keys.push((name.unwrap_or(variable), from_env(variable)?));
        }
        Ok(keys)
    }
}

/// Reads a principal as Kafka's tools do.
pub(super) fn principal(text: &str) -> Result<Principal, Error> {
    Principal::as_kafka_reads(text.trim())
}

/// Reads whoever asks, and has a name.
fn requester(text: &str) -> Result<Principal, Error> {
    text.trim().parse()
}

/// What stands before and after the last `=`.
fn named(argument: &str) -> (&str, Option<&str>) {
    argument.rsplit_once('=').map_or((argument, None), |(source, name)| (source, Some(name)))
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Error> {
    let file = read_secret(path, MAX_KEY_FILE).map_err(exit::of_file)?;
    file.warning.into_iter().for_each(warn);
    let corrupt = |what: &str| {
        let text = format!("the secret key in {}: {what}", path.display());
        Error::new(Status::CORRUPT, text)
    };
    let bytes = byte_order_mark::skip(&file.bytes).map_err(|error| corrupt(error.text()))?;
    let text = str::from_utf8(bytes).map_err(|_| corrupt("it is not UTF-8"))?;
    Ok(Zeroizing::new(without_line_end(text).to_owned()))
}

/// Its errors name the variable where that looks like a name: somebody may have given the key itself.
fn from_env(variable: &str) -> Result<Zeroizing<String>, Error> {
    let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let name = if variable.bytes().all(is_upper) { variable } else { "of --secret-key-env" };
    let corrupt = |what: &str| {
        let text = format!("the environment variable {name} {what}");
        Error::new(Status::CORRUPT, text)
    };
    let value = env::var_os(variable).ok_or_else(|| corrupt("is not set"))?;
    let bytes = Zeroizing::new(value.into_vec());
    let text = str::from_utf8(&bytes).map_err(|_| corrupt("is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

const MAX_KEY_FILE: usize = 64 * 1024;
