//! What --add-config and --delete-config say of SCRAM: `SCRAM-SHA-256=[iterations=8192,password=x]`.

use zeroize::Zeroizing;

use crate::scram::Mechanism;
use crate::{error::Error, status::Status};

/// One credential to set. The password may come from elsewhere.
#[derive(PartialEq, Debug)]
pub(super) struct ScramConfig {
    pub(super) mechanism: Mechanism,
    pub(super) iterations: u32,
    pub(super) password: Option<Zeroizing<String>>,
}

/// Kafka's range; less than 4096 its brokers refuse, as more than 16384.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=16384;
const DEFAULT_ITERATIONS: u32 = 4096;

/// Reads the value of --add-config.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, without the password.
pub(super) fn parse_added(text: &str) -> Result<Vec<ScramConfig>, Error> {
    let mut configs = Vec::new();
    for entry in split(text) {
        let (name, value) = entry.split_once('=').ok_or_else(|| {
            invalid("an entry is MECHANISM=[iterations=N,password=...], and one has no `=`")
        })?;
        let mechanism = parse_mechanism(name)?;
        let value = value.trim();
        let value = value.strip_prefix('[').map_or(value, |v| v.strip_suffix(']').unwrap_or(v));
        configs.push(parse_value(mechanism, value)?);
    }
    Ok(configs)
}

/// The mechanism that a key of --add-config or --delete-config names.
///
/// # Errors
///
/// `INVALID_ARGUMENT`.
pub(super) fn parse_mechanism(name: &str) -> Result<Mechanism, Error> {
    Mechanism::from_name(name.trim()).map_err(|_| {
        invalid(&format!(
            "{:?} is neither SCRAM-SHA-256 nor SCRAM-SHA-512, and nothing else is changed here; \
             quotas are for kafka-configs.sh",
            name.trim()
        ))
    })
}

fn parse_value(mechanism: Mechanism, value: &str) -> Result<ScramConfig, Error> {
    let (iterations, rest) = match value.strip_prefix("iterations=") {
        None => (None, value),
        Some(rest) => {
            let (number, rest) = rest.split_once(',').unwrap_or((rest, ""));
            (Some(number), rest)
        }
    };
    // To the end, commas included, as in Kafka.
    let password = match rest.strip_prefix("password=") {
        Some("") => return Err(invalid("the password is empty")),
        Some(password) => Some(Zeroizing::new(password.to_owned())),
        None if rest.is_empty() => None,
        None => {
            return Err(invalid(&format!(
                "{} takes [iterations=N,password=...], in this order",
                mechanism.name()
            )));
        }
    };
    let iterations = match iterations {
        None | Some("" | "-1") => DEFAULT_ITERATIONS,
        Some(number) => {
            number.parse().ok().filter(|number| ITERATIONS.contains(number)).ok_or_else(|| {
                let (min, max) = (ITERATIONS.start(), ITERATIONS.end());
                invalid(&format!("iterations are {number:?}, and Kafka takes {min} to {max}"))
            })?
        }
    };
    Ok(ScramConfig { mechanism, iterations, password })
}

/// Splits at commas that are not within brackets.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    text.split(move |character| {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        character == ',' && depth <= 0
    })
    .map(str::trim)
    .filter(|entry| !entry.is_empty())
}

fn invalid(what: &str) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("--add-config or --delete-config: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(mechanism: Mechanism, iterations: u32, password: Option<&str>) -> ScramConfig {
        let password = password.map(|password| Zeroizing::new(password.to_owned()));
        ScramConfig { mechanism, iterations, password }
    }

    #[test]
    fn reads_what_kafka_configs_reads() {
        use Mechanism::{ScramSha256 as S256, ScramSha512 as S512};
        for (text, expected) in [
            (
                "SCRAM-SHA-256=[iterations=8192,password=a,b=c]",
                vec![config(S256, 8192, Some("a,b=c"))],
            ),
            ("SCRAM-SHA-512=[password=x]", vec![config(S512, 4096, Some("x"))]),
            ("SCRAM-SHA-512=password=x", vec![config(S512, 4096, Some("x"))]),
            ("SCRAM-SHA-512=[iterations=-1,password=x]", vec![config(S512, 4096, Some("x"))]),
            ("SCRAM-SHA-512=[iterations=5000]", vec![config(S512, 5000, None)]),
            ("SCRAM-SHA-512=", vec![config(S512, 4096, None)]),
            (
                "SCRAM-SHA-256=[password=x],SCRAM-SHA-512=[iterations=4097,password=y]",
                vec![config(S256, 4096, Some("x")), config(S512, 4097, Some("y"))],
            ),
        ] {
            assert_eq!(parse_added(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_without_the_password() {
        for text in [
            "SCRAM-SHA-256",
            "SCRAM-SHA-1=[password=s3cret]",
            "producer_byte_rate=1024",
            "SCRAM-SHA-256=[iterations=4095,password=s3cret]",
            "SCRAM-SHA-256=[iterations=16385,password=s3cret]",
            "SCRAM-SHA-256=[iterations=x,password=s3cret]",
            "SCRAM-SHA-256=[password=]",
            "SCRAM-SHA-256=[s3cret]",
        ] {
            let error = parse_added(text).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT, "{text}");
            assert!(!error.text().contains("s3cret"), "{error}");
        }
    }
}
