//! What an application sets: scramtoken.* and the properties of librdkafka's that belong to a login.

use core::time::Duration;
use std::sync::Arc;

use super::network::Callbacks;
use super::servers::Servers;
use super::tls::{self, TlsSettings};
use crate::properties::SecurityProtocol;
use crate::scram::Mechanism;
use crate::source::Source;
use crate::{error::Error, status::Status};

/// The configuration of one client, as far as it concerns us.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) source: Option<Arc<Source>>,
    pub(super) mode: Mode,
    pub(super) mechanism: Mechanism,
    pub(super) login_timeout: Duration,
    /// security.protocol; None where it is not set.
    protocol: Option<SecurityProtocol>,
    /// bootstrap.servers, where protocols are in it.
    pub(super) servers: Option<Servers>,
    pub(super) tls: TlsSettings,
    /// The application's own, where ours have taken their place.
    pub(super) callbacks: Callbacks,
}

/// Who logs in to the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// We do, with `tokenauth=true` for a token.
    Token,
    /// librdkafka does, with the source's name and secret.
    Credentials,
}

/// How logins come about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// librdkafka's socket is ours until it is logged in.
    Handover,
    /// The connections are relayed, over TLS of ours.
    Relay,
    /// librdkafka logs in, with a name and secret from us.
    Rotation,
}

/// Whose property it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Ours,
    /// librdkafka is to take it, or to refuse it.
    Librdkafka,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: None,
            mode: Mode::Token,
            mechanism: Mechanism::ScramSha512,
            login_timeout: Duration::from_millis(DEFAULT_LOGIN_TIMEOUT_MS),
            protocol: None,
            servers: None,
            tls: TlsSettings::default(),
            callbacks: Callbacks::default(),
        }
    }
}

impl Settings {
    /// Takes a property if it is ours; a value of None sets it back to its default.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` with a text for the application.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) -> Result<Owner, Error> {
        match name {
            SOURCE => {
                self.source = match value {
                    Some(uri) => Some(Arc::new(open(uri)?)),
                    None => None,
                }
            }
            MODE => {
                self.mode = mode(value)?;
                self.check_tls()?;
            }
            SERVERS | "metadata.broker.list" => {
                self.servers = value.and_then(Servers::parse);
                self.check_servers()?;
                if self.servers.is_none() {
                    return Ok(Owner::Librdkafka);
                }
            }
            MECHANISM | "sasl.mechanism" | "sasl.mechanisms" => {
                self.mechanism = match value {
                    Some(value) => mechanism(name, value)?,
                    None => Self::default().mechanism,
                }
            }
            LOGIN_TIMEOUT => {
                self.login_timeout = match value {
                    Some(value) => milliseconds(value)?,
                    None => Self::default().login_timeout,
                }
            }
            PROTOCOL => {
                self.protocol = value.map(protocol).transpose()?;
                self.check_servers()?;
                self.check_tls()?;
            }
            "sasl.username" | "sasl.password" => {
                return Err(invalid(format!(
                    "{name} is not used with scramtoken, which takes name and secret from \
                     {SOURCE}: leave it out"
                )));
            }
            _ if name.starts_with(PREFIX) => return Err(unknown(name)),
            _ => {
                // librdkafka takes it too, and tells a wrong value from a right one.
                self.tls.set(name, value);
                self.check_tls()?;
                return Ok(Owner::Librdkafka);
            }
        }
        Ok(Owner::Ours)
    }

    /// Whether [`set`](Self::set) takes it, or at least looks at it.
    pub(super) fn knows(name: &str) -> bool {
        const ALIASES: [&str; 2] = ["sasl.mechanism", "metadata.broker.list"];
        name.starts_with(PREFIX)
            || ALIASES.contains(&name)
            || read_before().any(|(known, _)| known == name)
    }

    pub(super) fn way(&self) -> Way {
        match self.mode {
            Mode::Token if self.protocol().uses_tls() => Way::Relay,
            Mode::Token => Way::Handover,
            Mode::Credentials => Way::Rotation,
        }
    }

    /// What brokers are spoken to by.
    pub(super) fn protocol(&self) -> SecurityProtocol {
        self.protocol.unwrap_or(SecurityProtocol::SaslPlaintext)
    }

    fn check_servers(&self) -> Result<(), Error> {
        match (&self.servers, self.protocol) {
            (Some(servers), Some(protocol)) => servers.check(protocol),
            _ => Ok(()),
        }
    }

    fn check_tls(&self) -> Result<(), Error> {
        if self.way() == Way::Relay { self.tls.check() } else { Ok(()) }
    }
}

/// The properties of librdkafka's that may have been set before the plugin was loaded, each with its
/// default: a value like that may not have been set at all.
pub(super) fn read_before() -> impl Iterator<Item = (&'static str, &'static str)> {
    let login = [
        (PROTOCOL, "plaintext"),
        ("sasl.mechanisms", "GSSAPI"),
        ("sasl.username", ""),
        ("sasl.password", ""),
        (SERVERS, ""),
    ];
    login.into_iter().chain(tls::NAMES.into_iter().chain(tls::REFUSED).map(|name| (name, "")))
}

fn open(uri: &str) -> Result<Source, Error> {
    Source::open(uri, crate::random::bytes()?)
        .map_err(|error| invalid(format!("{SOURCE}: {error}")))
}

fn mode(value: Option<&str>) -> Result<Mode, Error> {
    match value {
        None | Some("token") => Ok(Mode::Token),
        Some("credentials") => Ok(Mode::Credentials),
        Some(other) => Err(invalid(format!("{MODE}={other} is neither token nor credentials"))),
    }
}

fn mechanism(name: &str, value: &str) -> Result<Mechanism, Error> {
    Mechanism::from_name(value).map_err(|error| invalid(format!("{name}={value}: {error}")))
}

fn milliseconds(value: &str) -> Result<Duration, Error> {
    match value.parse::<u64>() {
        Ok(ms) if LOGIN_TIMEOUT_RANGE_MS.contains(&ms) => Ok(Duration::from_millis(ms)),
        _ => {
            let (least, most) = (LOGIN_TIMEOUT_RANGE_MS.start(), LOGIN_TIMEOUT_RANGE_MS.end());
            Err(invalid(format!("{LOGIN_TIMEOUT} is {value:?} and not {least} to {most}")))
        }
    }
}

fn protocol(value: &str) -> Result<SecurityProtocol, Error> {
    SecurityProtocol::from_name(value).filter(|protocol| protocol.uses_sasl()).ok_or_else(|| {
        invalid(format!(
            "{PROTOCOL}={value} has no login: with scramtoken it is SASL_SSL or SASL_PLAINTEXT"
        ))
    })
}

fn unknown(name: &str) -> Error {
    let nearest = NAMES.into_iter().min_by_key(|known| distance(name, known));
    let nearest = nearest.unwrap_or(SOURCE);
    invalid(format!("there is no property {name:?}; did you mean {nearest}?"))
}

/// How many characters have to be inserted, removed or replaced to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().take(MAX_COMPARED).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to.bytes()) {
            let above = *cell;
            left = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn invalid(text: String) -> Error {
    Error::new(Status::INVALID_ARGUMENT, text)
}

const PREFIX: &str = "scramtoken.";
const PROTOCOL: &str = "security.protocol";
const SERVERS: &str = "bootstrap.servers";
const SOURCE: &str = "scramtoken.source";
const MODE: &str = "scramtoken.mode";
const MECHANISM: &str = "scramtoken.mechanism";
const LOGIN_TIMEOUT: &str = "scramtoken.login.timeout.ms";
const NAMES: [&str; 4] = [SOURCE, MODE, MECHANISM, LOGIN_TIMEOUT];
const DEFAULT_LOGIN_TIMEOUT_MS: u64 = 10_000;
const LOGIN_TIMEOUT_RANGE_MS: core::ops::RangeInclusive<u64> = 100..=300_000;
/// Names are as long as the application makes them.
const MAX_COMPARED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str, value: &str) -> String {
        Settings::default().set(name, Some(value)).unwrap_err().text().to_owned()
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        for (typed, meant) in [
            ("scramtoken.sorce", SOURCE),
            ("scramtoken.", MODE),
            ("scramtoken.mechanisms", MECHANISM),
            ("scramtoken.login.timeout", LOGIN_TIMEOUT),
        ] {
            assert!(refusal(typed, "x").ends_with(&format!("did you mean {meant}?")), "{typed}");
        }
    }

    #[test]
    fn distances() {
        for (from, to, expected) in
            [("", "", 0), ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn values_are_checked_when_they_are_set() {
        assert!(refusal(SOURCE, "token.json").starts_with("scramtoken.source: "));
        assert!(refusal(MECHANISM, "PLAIN").contains("SCRAM-SHA-256"));
        assert!(refusal(MODE, "tokens").contains("neither token nor credentials"));
        assert!(refusal(LOGIN_TIMEOUT, "10 s").contains("100 to 300000"));
        assert!(refusal("security.protocol", "PLAINTEXT").contains("SASL_PLAINTEXT"));
        assert!(refusal("sasl.password", "secret").contains("leave it out"));
        assert!(!refusal("sasl.password", "secret").contains("secret is"));
        let mut settings = Settings::default();
        assert_eq!(settings.set("sasl.mechanism", Some("SCRAM-SHA-256")), Ok(Owner::Ours));
        assert_eq!(settings.mechanism, Mechanism::ScramSha256);
        assert_eq!(settings.set("client.id", Some("x")), Ok(Owner::Librdkafka));
    }

    #[test]
    fn what_librdkafkas_tls_alone_honours_is_refused_with_ours() {
        let mut settings = Settings::default();
        assert_eq!(settings.set("ssl.crl.location", Some("x")), Ok(Owner::Librdkafka));
        let text = settings.set("security.protocol", Some("SASL_SSL")).unwrap_err();
        assert!(text.text().contains("ssl.crl.location"), "{text}");
        assert_eq!(settings.set(MODE, Some("credentials")), Ok(Owner::Ours));
        assert_eq!(settings.set("security.protocol", Some("SASL_SSL")), Ok(Owner::Ours));
        assert!(settings.set(MODE, Some("token")).is_err());
    }
}
