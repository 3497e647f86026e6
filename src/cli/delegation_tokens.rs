//! `delegation-tokens`: the options and the output of kafka-delegation-tokens.sh.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use clap::{ArgGroup, Args};
use serde_json::json;
use zeroize::Zeroizing;

use super::authority::Authority;
use super::cluster_args::ClusterArguments;
use super::output::{self, Format, Output};
use super::store_args::{AuthorityArguments, Missing, StoreArgument, principal};
use super::token_table::{date, list};
use super::{exit, secret, warn};
use crate::files::{SecretFile, Swap};
use crate::kafka::Config;
use crate::scram::Mechanism;
use crate::source::ReadTokenFile;
use crate::token::{Principal, Token};
use crate::{clock, error::Error, json, status::Status};

/// Create, renew, expire and describe delegation tokens, of a cluster or of a store
///
/// The options are those of kafka-delegation-tokens.sh, and so is what `--output table` prints, but
/// that an HMAC is never shown again by --renew and --expire. With --store, --secret-key-file and
/// --as in place of --bootstrap-server they are for the tokens of a store, which servers other than
/// Kafka let in.
#[derive(Args)]
#[command(after_help = exit::HELP)]
#[command(group = ArgGroup::new("where").args(["bootstrap_server", "store"]).required(true))]
#[command(group = ArgGroup::new("action").required(true))]
#[command(group = ArgGroup::new("which_hmac"))]
pub(super) struct Arguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    store: StoreArgument,

    #[command(flatten)]
    authority: AuthorityArguments,

    /// Create a token; needs --max-life-time-period
    #[arg(long, group = "action", requires = "max_life_time_period")]
    #[arg(conflicts_with_all = ["which_hmac", "renew_time_period", "expiry_time_period"])]
    create: bool,

    /// Renew a token; needs --renew-time-period and its HMAC
    #[arg(long, group = "action", requires_all = ["renew_time_period", "which_hmac"])]
    #[arg(conflicts_with_all = [
        "renewer_principal", "max_life_time_period", "expiry_time_period", "owner_principal",
    ])]
    renew: bool,

    /// Expire a token; needs --expiry-time-period and its HMAC
    #[arg(long, group = "action", requires_all = ["expiry_time_period", "which_hmac"])]
    #[arg(conflicts_with_all = ["max_life_time_period", "renew_time_period", "owner_principal"])]
    expire: bool,

    /// Describe the tokens of --owner-principal; without it none are listed, as in Kafka
    #[arg(long, group = "action")]
    #[arg(conflicts_with_all = [
        "renew_time_period", "max_life_time_period", "which_hmac", "expiry_time_period",
    ])]
    describe: bool,

    /// Whose token to create, or tokens to describe (repeatable there)
    #[arg(long, value_name = "TYPE:NAME", value_parser = principal)]
    owner_principal: Vec<Principal>,

    /// Who else may renew the token (repeatable)
    #[arg(long, value_name = "TYPE:NAME", value_parser = principal)]
    renewer_principal: Vec<Principal>,

    /// Longest life in ms; -1 is what the brokers allow (delegation.token.max.lifetime.ms; seven
    /// days in a store)
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    max_life_time_period: Option<i64>,

    /// For how long to renew in ms; -1 is the brokers' delegation.token.expiry.time.ms (a day in a
    /// store)
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    renew_time_period: Option<i64>,

    /// After how many ms to expire; -1 is at once
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    expiry_time_period: Option<i64>,

    /// HMAC of the token, base64; all users of this machine can see it: prefer --hmac-file
    #[arg(long, value_name = "BASE64", group = "which_hmac")]
    hmac: Option<String>,

    /// File with the HMAC, bare or in a token file; - is standard input
    #[arg(long, value_name = "FILE", group = "which_hmac")]
    hmac_file: Option<PathBuf>,

    /// How to write the result
    #[arg(long, value_enum, default_value = "table")]
    output: Format,

    /// Write the result to this file, whole or not at all, with mode 0600
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        // All that can be refused is refused before a cluster is asked for anything.
        let output = Output::check(self.out.as_deref())?;
        let given = self.hmac()?;
        if self.renew || self.expire {
            self.check_output_of_a_date(&output, &given)?;
        }
        let (mut authority, mechanism) = self.authority()?;
        if self.create {
            self.create(&mut authority, mechanism, &output)
        } else if self.renew {
            let period_ms = self.renew_time_period.unwrap_or_default();
            self.say(format_args!(
                "Calling renew token operation with hmac :(not shown) , renew-time-period \
                 :{period_ms}\n"
            ))?;
            let asked_ms = clock::now_ms().saturating_add(period_ms);
            let expiry_ms = authority.renew(&given.hmac, period_ms)?;
            self.put_date("renew", expiry_ms, &given, &output)?;
            // Whatever was given in full was not cut short by the token's end; clocks may differ.
            let is_full = period_ms > 0 && expiry_ms.saturating_add(60_000) >= asked_ms;
            let max_ms = match given.token_file()?.and_then(|file| file.max_ms()) {
                None if !is_full => authority.max_of(&given.hmac),
                known => known,
            };
            warn_of_the_end(expiry_ms, max_ms);
            Ok(())
        } else if self.expire {
            let period_ms = self.expiry_time_period.unwrap_or_default();
            self.say(format_args!(
                "Calling expire token operation with hmac :(not shown) , expire-time-period \
                 :{period_ms}\n"
            ))?;
            self.put_date("expire", authority.expire(&given.hmac, period_ms)?, &given, &output)
        } else {
            self.describe(&mut authority, mechanism, &output)
        }
    }

    /// Whom to ask, and which mechanism tokens are likely to log in by.
    fn authority(&self) -> Result<(Authority, Mechanism), Error> {
        if let Some(uri) = &self.store.store {
            let missing = if self.create { Missing::Make } else { Missing::Refuse };
            let (manager, requester) = self.authority.open(uri, missing)?;
            return Ok((Authority::Store { manager, requester }, DEFAULT_MECHANISM));
        }
        let config = self.cluster.config(None)?;
        let mechanism = mechanism(&config);
        Ok((Authority::Cluster(Box::new(self.cluster.cluster(config)?)), mechanism))
    }

    fn create(
        &self,
        authority: &mut Authority,
        mechanism: Mechanism,
        output: &Output,
    ) -> Result<(), Error> {
        let max_ms = self.max_life_time_period.unwrap_or_default();
        self.say(format_args!(
            "Calling create token operation with renewers :{} , max-life-time-period :{max_ms}\n",
            list(&self.renewer_principal)
        ))?;
        // An owner without a name is whoever asks, as in Kafka.
        let owner = self.owner_principal.first().filter(|owner| !owner.name().is_empty());
        let token = authority.create(owner, &self.renewer_principal, max_ms)?;
        let put = || {
            self.say(format_args!("Created delegation token with tokenId : {}\n", token.id))?;
            output.put(&output::one(self.output, &token, mechanism)?)
        };
        put().map_err(|error| not_put_out(&token, &error))
    }

    fn describe(
        &self,
        authority: &mut Authority,
        mechanism: Mechanism,
        output: &Output,
    ) -> Result<(), Error> {
        if self.owner_principal.is_empty() {
            warn("no tokens are listed without --owner-principal, as in Kafka");
            self.say(format_args!("Calling describe token operation for current user.\n"))?;
        } else {
            let owners = list(&self.owner_principal);
            self.say(format_args!("Calling describe token operation for owners: {owners}\n"))?;
        }
        let tokens = authority.describe(&self.owner_principal)?;
        self.say(format_args!("Total number of tokens : {}", tokens.len()))?;
        output.put(&output::many(self.output, &tokens, mechanism)?)
    }

    /// What Kafka's tool says along the way belongs to no other form than its own.
    fn say(&self, text: core::fmt::Arguments<'_>) -> Result<(), Error> {
        if self.output == Format::Table { output::print(&text.to_string()) } else { Ok(()) }
    }

    fn put_date(
        &self,
        action: &str,
        expiry_ms: i64,
        given: &Given,
        output: &Output,
    ) -> Result<(), Error> {
        let put = || match (self.output, given.token_file()?) {
            (Format::Json, _) => {
                output.put(&json::text(&json!({ "expiry_timestamp_ms": expiry_ms })))
            }
            (Format::TokenFile, Some(file)) => {
                let text = file.with_expiry(expiry_ms)?;
                match output {
                    Output::File(place) if given.is_from(place) => put_back(given, place, &text),
                    output => output.put(&text),
                }
            }
            _ => {
                let date = date(Some(expiry_ms));
                output.put(&format!("Completed {action} operation. New expiry date : {date}\n"))
            }
        };
        // Whatever became of the file: the token has changed.
        put().map_err(|error| {
            let changed = if action == "renew" { "was renewed until" } else { "expires at" };
            let date = date(Some(expiry_ms));
            let text = format!("{error}; the token {changed} {date} ({expiry_ms} ms) all the same");
            Error::new(error.status(), text)
        })
    }

    fn check_output_of_a_date(&self, output: &Output, given: &Given) -> Result<(), Error> {
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        match self.output {
            Format::Table | Format::Json => match output {
                Output::File(place) if given.is_from(place) => invalid(
                    "a date would take the place of the token that --hmac-file names: give another \
                     --out, or --output token-file",
                ),
                _ => Ok(()),
            },
            Format::TokenFile if given.token_file()?.is_some() => Ok(()),
            Format::Properties | Format::TokenFile => invalid(
                "--renew and --expire give a date and no token: --output table or json, or \
                 token-file where --hmac-file names a token file, whose expiry it then changes",
            ),
        }
    }

    /// The HMAC, and where it came from; empty where the action wants none.
    fn hmac(&self) -> Result<Given, Error> {
        match (&self.hmac, &self.hmac_file) {
            (Some(hmac), _) if hmac == "-" => Given::read(Path::new("-")),
            (Some(hmac), _) => {
                warn("--hmac shows the secret to all users of this machine; use --hmac-file");
                Given::parse(Zeroizing::new(hmac.clone()))
            }
            (None, Some(path)) => Given::read(path),
            (None, None) => Ok(Given::default()),
        }
    }
}

/// Puts a token that has changed back to where it was read, unless something else is there by now:
/// another token, say, that somebody put there while the cluster was asked.
fn put_back(given: &Given, place: &SecretFile, text: &str) -> Result<(), Error> {
    let left_alone = match place.swap(&given.read, text.as_bytes())? {
        Swap::Done => return Ok(()),
        Swap::Changed => "it has changed since it was read, and was left alone",
        Swap::Missing => "it has been removed since it was read, and was not made anew",
    };
    let path = given.path.as_deref().unwrap_or(Path::new("-")).display();
    Err(Error::new(Status::CORRUPT, format!("{path}: {left_alone}")))
}

/// Tells of a token that no renewal keeps alive any longer: whoever renews it from cron would hear of
/// it from the clients that are refused.
fn warn_of_the_end(expiry_ms: i64, max_ms: Option<i64>) {
    if max_ms.is_some_and(|max_ms| expiry_ms >= max_ms) {
        let date = date(max_ms);
        warn(format_args!(
            "the token ends for good at {date}, and no renewal moves that: create a new one before"
        ));
    }
}

/// A token that could not be put out is not lost.
fn not_put_out(token: &Token, error: &Error) -> Error {
    let (id, owner) = (&token.id, token.owner.as_deref().unwrap_or_default());
    let text = format!(
        "{error}; the token {id:?} was created: --describe --owner-principal {owner:?} shows its HMAC"
    );
    Error::new(error.status(), text)
}

/// The HMAC that names a token.
#[derive(Default)]
struct Given {
    hmac: Zeroizing<Vec<u8>>,
    /// What it stood in, where that is a token file.
    token_file: Option<Zeroizing<String>>,
    /// Where it was read, and all that was there.
    path: Option<PathBuf>,
    read: Zeroizing<Vec<u8>>,
}

impl Given {
    fn read(path: &Path) -> Result<Self, Error> {
        let read = secret::bytes("HMAC", path)?;
        let text = Zeroizing::new(secret::text("HMAC", path, &read)?.to_owned());
        Ok(Self { path: Some(path.to_owned()), read, ..Self::parse(text)? })
    }

    /// Takes base64 with and without padding, as Kafka's tool does, and token files.
    fn parse(text: Zeroizing<String>) -> Result<Self, Error> {
        let invalid =
            |what: &str| Error::new(Status::INVALID_ARGUMENT, format!("the HMAC: {what}"));
        let decode = |text: &str| decode(text).ok_or_else(|| invalid("it is not base64"));
        if !text.trim_start().starts_with('{') {
            return Ok(Self { hmac: decode(text.trim())?, ..Self::default() });
        }
        let (_, hmac) = ReadTokenFile::parse(&text)
            .map_err(|error| invalid(&format!("it begins as a token file, and {error}")))?;
        Ok(Self { hmac: decode(&hmac)?, token_file: Some(text), ..Self::default() })
    }

    fn token_file(&self) -> Result<Option<ReadTokenFile<'_>>, Error> {
        let Some(text) = &self.token_file else { return Ok(None) };
        Ok(Some(ReadTokenFile::parse(text)?.0))
    }

    /// Whether it was read where the result goes.
    fn is_from(&self, place: &SecretFile) -> bool {
        match &self.path {
            Some(path) if secret::is_standard_input(path) => place.is(io::stdin()),
            Some(path) => place.is_at(path),
            None => false,
        }
    }
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, padding).decode(text).ok()?;
    (!bytes.is_empty()).then(|| Zeroizing::new(bytes))
}

/// With which mechanism the token's logins are likely to work: ours, where that is SCRAM.
fn mechanism(config: &Config) -> Mechanism {
    let name = config.login().map_or("", |login| login.mechanism());
    Mechanism::from_name(name).unwrap_or(DEFAULT_MECHANISM)
}

/// Every server that knows SCRAM has it, and so has every token.
const DEFAULT_MECHANISM: Mechanism = Mechanism::ScramSha256;
