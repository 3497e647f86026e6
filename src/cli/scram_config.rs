//! What --add-config, --add-config-file and --delete-config say of SCRAM.
//!
//! ```text
//! --add-config   = entry *("," entry) [","]
//! entry          = mechanism "=" [ "[" value "]" ]     blanks around each part mean nothing
//! value          = [ "iterations=" count ] [ "password=" password ]     a comma between the two
//! ```
//!
//! A line of --add-config-file is `mechanism=value`, without brackets. All of this is what
//! kafka-configs.sh reads, but for two things: what there is taken for a password, although it is
//! most likely a slip, is refused; and a `]` in a password stays in it.

use core::ops::RangeInclusive;

use zeroize::Zeroizing;

use crate::properties::Properties;
use crate::scram::{ITERATIONS, Mechanism};
use crate::{error::Error, status::Status};

/// One credential to set. The password may come from elsewhere.
#[derive(PartialEq, Debug)]
pub(super) struct ScramConfig {
    pub(super) mechanism: Mechanism,
    pub(super) iterations: u32,
    pub(super) password: Option<Zeroizing<String>>,
}

/// Whose users are changed, for not everybody takes the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    Cluster,
    Store,
}

impl Whose {
    fn iterations(self) -> RangeInclusive<u32> {
        match self {
            Self::Cluster => 4096..=16384,
            Self::Store => ITERATIONS,
        }
    }
}

const DEFAULT_ITERATIONS: u32 = 4096;

/// Reads the value of --add-config.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, without anything of the value: it may be a password, wherever it stands.
pub(super) fn parse_added(text: &str, whose: Whose) -> Result<Vec<ScramConfig>, Error> {
    let mut configs = Vec::new();
    let text = trim(text);
    let mut rest = text.strip_suffix(',').unwrap_or(text);
    if rest.is_empty() {
        return Err(invalid("--add-config: it is empty"));
    }
    loop {
        let end = rest
            .bytes()
            .enumerate()
            .find_map(|(at, byte)| (byte == b',' && !is_within_brackets(rest, at)).then_some(at));
        let (entry, after) = rest.split_at(end.unwrap_or(rest.len()));
        let number = configs.len() + 1;
        let config = parse_entry(entry, whose)
            .map_err(|what| invalid(format_args!("--add-config: in entry {number}, {what}")))?;
        configs.push(config);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None => break,
        }
    }
    check_doubles("--add-config", configs.iter().map(|config| config.mechanism))?;
    Ok(configs)
}

/// Reads what --add-config-file holds.
///
/// # Errors
///
/// As of [`parse_added`].
pub(super) fn parse_file(properties: &Properties, whose: Whose) -> Result<Vec<ScramConfig>, Error> {
    let mut configs = Vec::new();
    for key in properties.keys() {
        let mechanism = Mechanism::from_name(key).map_err(|_| {
            invalid("a key is neither SCRAM-SHA-256 nor SCRAM-SHA-512; a line is MECHANISM=VALUE")
        })?;
        let named = |what: Fault| invalid(format_args!("{}: {what}", mechanism.name()));
        let value = properties.get(key).unwrap_or_default();
        if value.starts_with('[') {
            return Err(named("a value has no brackets in a file"));
        }
        configs.push(parse_value(mechanism, value, whose).map_err(named)?);
    }
    if configs.is_empty() {
        return Err(invalid("it holds no SCRAM-SHA-256 and no SCRAM-SHA-512"));
    }
    Ok(configs)
}

/// The mechanisms of --delete-config.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, without what was given.
pub(super) fn parse_deleted(names: &[String]) -> Result<Vec<Mechanism>, Error> {
    let mut mechanisms = Vec::new();
    for name in names {
        let mechanism = parse_mechanism(name)
            .map_err(|what| invalid(format_args!("--delete-config: {what}")))?;
        mechanisms.push(mechanism);
    }
    check_doubles("--delete-config", mechanisms.iter().copied())?;
    Ok(mechanisms)
}

/// What is wrong with an entry: the end of a sentence, and a text of ours alone, so that nothing of
/// a password can be in it.
type Fault = &'static str;

fn parse_entry(entry: &str, whose: Whose) -> Result<ScramConfig, Fault> {
    const BRACKETS: Fault = "the mechanism is not followed by = and one pair of brackets, as in MECHANISM=[password=...]";

    let (name, value) = entry.split_once('=').ok_or(BRACKETS)?;
    let mechanism = parse_mechanism(name)?;
    let value = trim(value);
    let value = match value.strip_prefix('[') {
        None if value.is_empty() => value,
        None => return Err(BRACKETS),
        Some(value) => trim(value.strip_suffix(']').ok_or(BRACKETS)?),
    };
    // A bracket in the middle is part of a password only where nothing begins behind it.
    let (_, behind) = value.split_once(']').unwrap_or((value, ""));
    if value.contains('[') || value.ends_with(']') || behind.contains('=') {
        return Err(
            "there is more than one pair of brackets: entries are separated by a comma, and a \
             password with brackets is given by --password-file",
        );
    }
    parse_value(mechanism, value, whose)
}

fn parse_mechanism(name: &str) -> Result<Mechanism, Fault> {
    Mechanism::from_name(trim(name)).map_err(|_| {
        "what is named is neither SCRAM-SHA-256 nor SCRAM-SHA-512, and nothing else is changed \
         here; quotas are for kafka-configs.sh"
    })
}

fn parse_value(mechanism: Mechanism, value: &str, whose: Whose) -> Result<ScramConfig, Fault> {
    const ORDER: Fault = "the value is not iterations=N,password=..., or one of the two";

    let (iterations, rest) = match value.strip_prefix("iterations=") {
        None => (DEFAULT_ITERATIONS, Some(value).filter(|value| !value.is_empty())),
        Some(rest) => {
            let (count, rest) = match rest.split_once(',') {
                Some((count, rest)) => (count, Some(rest)),
                None => (rest, None),
            };
            (parse_iterations(count, whose)?, rest)
        }
    };
    let password = rest.map(|rest| rest.strip_prefix("password=").ok_or(ORDER)).transpose()?;
    if let Some(password) = password {
        check_password(password)?;
    }
    let password = password.map(|password| Zeroizing::new(password.to_owned()));
    Ok(ScramConfig { mechanism, iterations, password })
}

fn parse_iterations(count: &str, whose: Whose) -> Result<u32, Fault> {
    if count == "-1" {
        return Ok(DEFAULT_ITERATIONS);
    }
    // A sign is not for numbers that count.
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| count.parse().ok()).flatten();
    number.filter(|number| whose.iterations().contains(number)).ok_or(match whose {
        Whose::Cluster => "iterations= is not a number that Kafka takes, 4096 to 16384",
        Whose::Store => "iterations= is not a number that clients accept, 4096 to 1000000",
    })
}

/// Refuses what kafka-configs.sh would take for a password, and nobody means as one.
fn check_password(password: &str) -> Result<(), Fault> {
    if password.is_empty() {
        return Err("the password is empty");
    }
    if password.starts_with(is_blank) || password.ends_with(is_blank) {
        return Err("the password begins or ends with a blank, which --password-file takes");
    }
    if password.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err("the password holds a line end, which --password-file takes");
    }
    let lower = Zeroizing::new(password.to_ascii_lowercase());
    let begins_a_setting = lower.split(',').skip(1).map(trim).any(|part| {
        ["iterations", "password"]
            .iter()
            .any(|name| part.strip_prefix(name).is_some_and(|part| trim(part).starts_with('=')))
    });
    if begins_a_setting {
        return Err(
            "the password, which goes on to the end, holds another setting: iterations= stands \
             before password=, each of them once",
        );
    }
    if lower.contains("scram-sha-") {
        return Err("the password holds the name of a mechanism: is a bracket or comma missing?");
    }
    Ok(())
}

/// Kafka's rule: a comma is within brackets where a bracket that follows it closes one.
fn is_within_brackets(text: &str, at: usize) -> bool {
    let behind = text.get(at..).unwrap_or_default();
    behind.chars().find(|character| matches!(character, '[' | ']')) == Some(']')
}

fn check_doubles(option: &str, mechanisms: impl Iterator<Item = Mechanism>) -> Result<(), Error> {
    let mut seen = Vec::new();
    for mechanism in mechanisms {
        if seen.contains(&mechanism) {
            return Err(invalid(format_args!("{option}: {} is there twice", mechanism.name())));
        }
        seen.push(mechanism);
    }
    Ok(())
}

/// Without the blanks at both ends that Java's `String.trim` takes away.
fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

fn is_blank(character: char) -> bool {
    character <= ' '
}

fn invalid(what: impl core::fmt::Display) -> Error {
    Error::new(Status::INVALID_ARGUMENT, what.to_string())
}

#[cfg(test)]
mod tests {
    use Mechanism::{ScramSha256 as S256, ScramSha512 as S512};

    use super::*;

    fn config(mechanism: Mechanism, iterations: u32, password: Option<&str>) -> ScramConfig {
        let password = password.map(|password| Zeroizing::new(password.to_owned()));
        ScramConfig { mechanism, iterations, password }
    }

    #[test]
    fn reads_what_kafka_configs_reads() {
        for (text, expected) in [
            (
                "SCRAM-SHA-256=[iterations=8192,password=a,b=c]",
                vec![config(S256, 8192, Some("a,b=c"))],
            ),
            ("SCRAM-SHA-512=[password=x]", vec![config(S512, 4096, Some("x"))]),
            (" SCRAM-SHA-512 = [ password=x y ] , ", vec![config(S512, 4096, Some("x y"))]),
            ("SCRAM-SHA-512=[iterations=-1,password=x]", vec![config(S512, 4096, Some("x"))]),
            ("SCRAM-SHA-512=[iterations=08192,password=x]", vec![config(S512, 8192, Some("x"))]),
            ("SCRAM-SHA-512=[password=x],", vec![config(S512, 4096, Some("x"))]),
            ("SCRAM-SHA-512=[password=a]b,c]", vec![config(S512, 4096, Some("a]b,c"))]),
            ("SCRAM-SHA-512=[password=\u{a0}é]", vec![config(S512, 4096, Some("\u{a0}é"))]),
            (
                "SCRAM-SHA-256=[password=x], SCRAM-SHA-512=[iterations=4097,password=y]",
                vec![config(S256, 4096, Some("x")), config(S512, 4097, Some("y"))],
            ),
        ] {
            assert_eq!(parse_added(text, Whose::Cluster).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_password_may_come_from_elsewhere() {
        for (text, iterations) in [
            ("SCRAM-SHA-512=[iterations=5000]", 5000),
            ("SCRAM-SHA-512=[]", 4096),
            ("SCRAM-SHA-512=", 4096),
        ] {
            let configs = parse_added(text, Whose::Cluster).unwrap();
            assert_eq!(configs, [config(S512, iterations, None)], "{text}");
        }
    }

    /// What would set a password that nobody knows; most of it kafka-configs.sh refuses too.
    #[test]
    fn refuses_slips_without_the_password() {
        for text in [
            "",
            " ",
            ",",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1=[password=s3cret]",
            "scram-sha-256=[password=s3cret]",
            "s3cret=[password=s3cret]",
            "producer_byte_rate=1024",
            "SCRAM-SHA-256=password=s3cret",
            "SCRAM-SHA-256=password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret",
            "SCRAM-SHA-256=[[password=s3cret]]",
            "SCRAM-SHA-256=[password=s3cret]]",
            "SCRAM-SHA-256=[password=[s3cret]]",
            "SCRAM-SHA-256=[password=s[3cret]",
            "SCRAM-SHA-256=[password=s3cret]x",
            "SCRAM-SHA-256=[password=s3cret]SCRAM-SHA-512=[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret] SCRAM-SHA-512=[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret];SCRAM-SHA-512=[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret]\nSCRAM-SHA-512=[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret]SCRAM-SHA-512=password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret];SHA-512=password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret],SCRAM-SHA-512=password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret,SCRAM-SHA-512=[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret,SCRAM-SHA-512=password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret],SCRAM-SHA-512",
            "SCRAM-SHA-256=[password=s3cret],,SCRAM-SHA-512=[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret],SCRAM-SHA-512[password=s3cret]",
            "SCRAM-SHA-256=[password=s3cret],SCRAM-SHA-256=[password=s3cret2]",
            "SCRAM-SHA-256=[password=s3cret] [iterations=8192]",
            "SCRAM-SHA-256=[password=s3cret,iterations=8192]",
            "SCRAM-SHA-256=[password=s3cret, Iterations = 8192]",
            "SCRAM-SHA-256=[password=s3cret,password=s3cret2]",
            "SCRAM-SHA-256=[iterations=8192,iterations=4096,password=s3cret]",
            "SCRAM-SHA-256=[iterations=8192, password=s3cret]",
            "SCRAM-SHA-256=[iterations=8192;password=s3cret]",
            "SCRAM-SHA-256=[iterations=8192,]",
            "SCRAM-SHA-256=[iterations=4095,password=s3cret]",
            "SCRAM-SHA-256=[iterations=16385,password=s3cret]",
            "SCRAM-SHA-256=[iterations=+8192,password=s3cret]",
            "SCRAM-SHA-256=[iterations=-2,password=s3cret]",
            "SCRAM-SHA-256=[iterations=,password=s3cret]",
            "SCRAM-SHA-256=[iterations=,s3cret]",
            "SCRAM-SHA-256=[iterations=]",
            "SCRAM-SHA-256=[iterations=8192.0,password=s3cret]",
            "SCRAM-SHA-256=[iterations=99999999999,password=s3cret]",
            "SCRAM-SHA-256=[iterations=s3cret,password=s3cret]",
            "SCRAM-SHA-256=[iteration=8192,password=s3cret]",
            "SCRAM-SHA-256=[password=]",
            "SCRAM-SHA-256=[password= s3cret]",
            "SCRAM-SHA-256=[password =s3cret]",
            "SCRAM-SHA-256=[Password=s3cret]",
            "SCRAM-SHA-256=[password=s3\ncret]",
            "SCRAM-SHA-256=[s3cret]",
            "SCRAM-SHA-256=s3cret",
        ] {
            let error = parse_added(text, Whose::Cluster).map(drop).expect_err(text);
            assert_eq!(error.status(), Status::INVALID_ARGUMENT, "{text}");
            assert!(error.text().starts_with("--add-config: "), "{text}: {error}");
            assert!(!error.text().contains("s3"), "{text}: {error}");
        }
    }

    #[test]
    fn iterations_are_those_of_the_cluster_or_of_the_store() {
        let text = "SCRAM-SHA-256=[iterations=16385,password=x]";
        let error = parse_added(text, Whose::Cluster).unwrap_err();
        assert!(error.text().contains("Kafka takes, 4096 to 16384"), "{error}");
        assert_eq!(parse_added(text, Whose::Store).unwrap(), [config(S256, 16385, Some("x"))]);
        for number in ["4095", "1000001"] {
            let text = format!("SCRAM-SHA-256=[iterations={number},password=x]");
            let error = parse_added(&text, Whose::Store).unwrap_err();
            assert!(error.text().contains("clients accept, 4096 to 1000000"), "{error}");
        }
        assert_eq!(Whose::Store.iterations(), 4096..=1_000_000, "as the text says");
    }

    fn file(text: &str) -> Result<Vec<ScramConfig>, Error> {
        parse_file(&Properties::parse(text.as_bytes()).unwrap(), Whose::Cluster)
    }

    #[test]
    fn a_file_holds_values_without_brackets() {
        let text = "# Kafka's\nSCRAM-SHA-512=password=a]b, [c=d]\n\
                    SCRAM-SHA-256 : iterations=8192,password=\\u00e9\n";
        let expected = [config(S256, 8192, Some("é")), config(S512, 4096, Some("a]b, [c=d]"))];
        assert_eq!(file(text).unwrap(), expected);
        for text in [
            "",
            "s3cret",
            "password=s3cret",
            "SCRAM-SHA-256=[password=s3cret]",
            "SCRAM-SHA-256=password=s3cret ",
            "SCRAM-SHA-256=s3cret",
            "SCRAM-SHA-256=password=s3cret,SCRAM-SHA-512=password=s3cret",
            "SCRAM-SHA-256=password=s3cret,iterations=8192",
            "SCRAM-SHA-256=iterations=+8192,password=s3cret",
            "SCRAM-SHA-256=password=s3cret\nproducer_byte_rate=1024",
        ] {
            let error = file(text).map(drop).expect_err(text);
            assert!(!error.text().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn mechanisms_to_delete() {
        let parse = |names: &[&str]| {
            parse_deleted(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["SCRAM-SHA-512", " SCRAM-SHA-256 "]).unwrap(), [S512, S256]);
        for names in [&["s3cret"][..], &[""], &["SCRAM-SHA-256=[password=s3cret]"]] {
            let error = parse(names).unwrap_err();
            assert!(error.text().starts_with("--delete-config: what is named"), "{error}");
            assert!(!error.text().contains("s3cret"), "{error}");
        }
        assert!(parse(&["SCRAM-SHA-256", "SCRAM-SHA-256"]).is_err());
    }
}
