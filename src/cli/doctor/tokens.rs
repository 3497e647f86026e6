//! A token that doctor makes, tries on every broker, and expires again.

use std::thread;
use std::time::{Duration, Instant};

use super::at_once::at_once;
use super::broker::Listener;
use super::finding::{Check, Finding, Grade, Subject};
use super::time::span_of;
use crate::kafka::{Cluster, Config};
use crate::scram::ClientCredential;
use crate::token::{Principal, Token};
use crate::{clock, error::Error, status::Status};

/// How long the token lives if nobody expires it.
const LIFETIME_MS: i64 = 300_000;
/// How long a broker may take to learn of it.
const LAG: Duration = Duration::from_secs(15);
/// How long it may take to let in a token that it knows.
const ACCEPTANCE: Duration = Duration::from_secs(3);
/// Less between two clocks is nothing to worry about.
const SKEW_MS: i64 = 30_000;

/// What the token came to on one broker.
enum Honour {
    Yes {
        skew: Option<Skew>,
        habits: Vec<Finding>,
    },
    /// It lists the token as it should, and offers no SCRAM to log in by it.
    Listed,
    /// It lists the token with another HMAC.
    OtherKey,
    /// It has not heard of it in time.
    Unknown,
    Refused(Error),
}

/// How far another clock is ahead of ours, and how sure that is.
#[derive(Clone, Copy)]
struct Skew {
    ahead_ms: i64,
    give_or_take_ms: i64,
}

/// Looks at tokens on every broker that can be asked.
///
/// The second part is how many ms the controller's clock is ahead of this host's.
pub(super) fn look(
    brokers: &[(Subject, Listener)],
    config: &Config,
) -> (Vec<Finding>, Option<i64>) {
    let mut findings = Vec::new();
    let enabled = enabled(brokers, config, &mut findings);
    let Some((_, first)) = enabled.first() else { return (findings, None) };

    let mut admin = Cluster::new(vec![first.address.clone()], config.clone(), |_| ());
    // The login first, so that the clocks are compared over one request.
    let created = admin.connect().map(|_| ()).and_then(|()| {
        let before_ms = clock::now_ms();
        let token = admin.create_token(None, &[], LIFETIME_MS)?;
        Ok((token, before_ms, clock::now_ms()))
    });
    let (token, before_ms, after_ms) = match created {
        Ok(created) => created,
        Err(error) => {
            let mend = if error.status() == Status::TOKEN_AUTH_DISABLED {
                "the controllers need it as much as the brokers"
            } else {
                ""
            };
            findings.push(Subject::Cluster.fails_by(Check::Tokens, "makes no token", &error, mend));
            return (findings, None);
        }
    };
    let owner = token.owner.clone().unwrap_or_default();
    let skew = token.issue_ms.map(|issue_ms| Skew::between(issue_ms, before_ms, after_ms));
    findings.extend(skew.map(|skew| clock_of(&Subject::Cluster, skew)));

    let honours =
        at_once(&enabled, |(subject, listener)| honour(subject, listener, config, &token));
    findings.extend(judge(&enabled, honours));
    // Anew, for the session of before may be over.
    let mut admin = Cluster::new(vec![first.address.clone()], config.clone(), |_| ());
    let expired = token.hmac_bytes().and_then(|hmac| admin.expire_token(&hmac, -1));
    let end = match expired {
        Ok(_) => "expired again by now".to_owned(),
        Err(error) => format!("not expired again ({error}); it ends by itself"),
    };
    let text = format!("makes tokens: one of {owner}, {end}");
    findings.push(Subject::Cluster.finds(Check::Tokens, Grade::Ok, text));
    (findings, skew.map(|skew| skew.ahead_ms))
}

/// The brokers that do tokens; says which do not.
fn enabled<'a>(
    brokers: &'a [(Subject, Listener)],
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Vec<&'a (Subject, Listener)> {
    let usable: Vec<_> = brokers.iter().filter(|(_, listener)| listener.is_usable).collect();
    let (mut enabled, mut failed) = (Vec::new(), Vec::new());
    let answers = at_once(&usable, |(_, listener)| {
        let mut cluster = Cluster::new(vec![listener.address.clone()], config.clone(), |_| ());
        // Of nobody there are none; whether tokens are there at all is looked at first.
        cluster.describe_tokens(&[]).map(|_| ())
    });
    for (broker, answer) in usable.iter().zip(answers) {
        match answer {
            Ok(()) => enabled.push(*broker),
            Err(error) => failed.push((&broker.0, error)),
        }
    }
    let is_everybody = enabled.is_empty()
        && failed.iter().all(|(_, error)| {
            Some(error.status()) == failed.first().map(|(_, error)| error.status())
        });
    if let (true, Some((_, error))) = (is_everybody, failed.first()) {
        findings.push(refusal(&Subject::Cluster, error));
    } else {
        findings.extend(failed.iter().map(|(subject, error)| refusal(subject, error)));
    }
    enabled
}

fn refusal(subject: &Subject, error: &Error) -> Finding {
    match error.status() {
        Status::TOKEN_AUTH_DISABLED => subject.fails(
            Check::Tokens,
            error.status(),
            "does not do delegation tokens: delegation.token.secret.key is not set there",
            "set it, to the same value, on every broker and controller, and restart them one by one",
        ),
        Status::TOKEN_REQUEST_NOT_ALLOWED => subject.fails(
            Check::Tokens,
            error.status(),
            "takes no requests about tokens from this login: neither without a login (PLAINTEXT, SSL \
             without a client's certificate) nor by one that itself used a token",
            "let --command-config log in with a password, a client's certificate or Kerberos",
        ),
        _ => subject.fails_by(Check::Tokens, "refuses requests about tokens", error, ""),
    }
}

/// Waits until the broker knows the token, and logs in by it.
fn honour(subject: &Subject, listener: &Listener, config: &Config, token: &Token) -> Honour {
    let started = Instant::now();
    let owner: Option<Principal> = token.owner.as_deref().and_then(|owner| owner.parse().ok());
    let owners: Vec<_> = owner.into_iter().collect();
    let mut cluster = Cluster::new(vec![listener.address.clone()], config.clone(), |_| ());
    let mut last = Honour::Unknown;
    loop {
        match cluster.describe_tokens(&owners) {
            Err(error) => last = Honour::Refused(error),
            Ok(tokens) => match tokens.iter().find(|listed| listed.id == token.id) {
                None => {}
                Some(listed) if !listed.has_same_hmac(token) => return Honour::OtherKey,
                Some(_) if listener.scram.is_none() => return Honour::Listed,
                Some(_) => match log_in(listener, config, token) {
                    Ok(skew) => {
                        let habits = habits(subject, listener, config, token);
                        return Honour::Yes { skew, habits };
                    }
                    Err(error) if started.elapsed() >= ACCEPTANCE => return Honour::Refused(error),
                    Err(error) => last = Honour::Refused(error),
                },
            },
        }
        if started.elapsed() >= LAG {
            return last;
        }
        thread::sleep(Duration::from_millis(300));
    }
}

/// How far the broker's clock is ahead, where it tells: the session ends with the token.
fn log_in(listener: &Listener, config: &Config, token: &Token) -> Result<Option<Skew>, Error> {
    let config = with_token(listener, config, token)?;
    let before_ms = clock::now_ms();
    let mut cluster = Cluster::new(vec![listener.address.clone()], config, |_| ());
    let lifetime = cluster.connect()?.session().lifetime;
    let after_ms = clock::now_ms();
    let lifetime_ms = lifetime.and_then(|lifetime| i64::try_from(lifetime.as_millis()).ok());
    // Not with the token but after connections.max.reauth.ms: that says nothing.
    let is_cut =
        listener.session.is_some_and(|most| lifetime.is_some_and(|lifetime| lifetime >= most));
    Ok(match (lifetime_ms, token.expiry_ms) {
        (Some(lifetime_ms), Some(expiry_ms)) if !is_cut => {
            Some(Skew::between(expiry_ms.saturating_sub(lifetime_ms), before_ms, after_ms))
        }
        _ => None,
    })
}

fn with_token(listener: &Listener, config: &Config, token: &Token) -> Result<Config, Error> {
    let credential = token.client_credential()?;
    let mechanism = listener
        .scram
        .ok_or_else(|| Error::new(Status::UNSUPPORTED_MECHANISM, "the listener offers no SCRAM"))?;
    config.with_credential(mechanism, credential)
}

fn judge(brokers: &[&(Subject, Listener)], honours: Vec<Honour>) -> Vec<Finding> {
    let honouring = brokers
        .iter()
        .zip(&honours)
        .find(|(_, honour)| matches!(honour, Honour::Yes { .. } | Honour::Listed))
        .map(|((subject, _), _)| subject.to_string());
    let mut findings = Vec::new();
    for ((subject, _), honour) in brokers.iter().zip(honours) {
        match honour {
            Honour::Yes { skew, habits } => {
                let text = "honours the new token".to_owned();
                findings.push(subject.finds(Check::TokenLogin, Grade::Ok, text));
                findings.extend(skew.map(|skew| clock_of(subject, skew)));
                findings.extend(habits);
            }
            Honour::Listed => {
                let text = "lists the new token as it should, and offers no SCRAM to log in by it";
                findings.push(subject.finds(Check::TokenLogin, Grade::Skipped, text));
            }
            Honour::OtherKey => {
                let mend = "set it to one value on every broker and controller, and restart them one \
                            by one; tokens that were made with another value have to be made anew";
                let text = match &honouring {
                    Some(other) => format!(
                        "does not honour tokens made by {other}: delegation.token.secret.key differs"
                    ),
                    None => "does not honour the tokens that the controller makes: \
                             delegation.token.secret.key differs"
                        .to_owned(),
                };
                findings.push(subject.fails(Check::SecretKey, Status::SERVER_REFUSED, text, mend));
            }
            Honour::Unknown => findings.push(subject.fails(
                Check::TokenLogin,
                Status::SERVER_REFUSED,
                format!(
                    "does not know a token that was made {} before: it lags behind the controller",
                    span_of(LAG)
                ),
                "look at its log, and at its metadata's lag; the agent publishes a token only when \
                 every broker knows it",
            )),
            Honour::Refused(error) if error.status() == Status::TOKEN_EXPIRED => {
                let text = "takes the new token for expired: its clock is more than 5 min ahead of the \
                            controller's";
                findings.push(subject.fails(
                    Check::Clock,
                    Status::SERVER_REFUSED,
                    text,
                    "set it by NTP",
                ));
            }
            Honour::Refused(error) => findings.push(subject.fails_by(
                Check::TokenLogin,
                "cannot be logged in to by the new token",
                &error,
                "",
            )),
        }
    }
    findings
}

/// What it takes beyond what Kafka's own clients send.
fn habits(subject: &Subject, listener: &Listener, config: &Config, token: &Token) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(mechanism) = listener.scram else { return findings };
    let takes = |config: Config| {
        let mut cluster = Cluster::new(vec![listener.address.clone()], config, |_| ());
        match cluster.connect() {
            Ok(_) => Some(true),
            Err(error) if error.status() == Status::SERVER_REFUSED => Some(false),
            Err(_) => None,
        }
    };
    let implicit = ClientCredential::password(token.id.as_bytes(), token.hmac_text().as_bytes())
        .and_then(|credential| config.with_credential(mechanism, credential));
    if let Some(takes) = implicit.ok().and_then(takes) {
        let text = if takes {
            "lets tokens in without tokenauth=true too (implicit tokens)"
        } else {
            "lets tokens in only with tokenauth=true, as Kafka does"
        };
        findings.push(subject.finds(Check::ImplicitTokens, Grade::Note, text));
    }
    let doubling = with_token(listener, config, token).map(|config| config.doubling_nonce());
    if let Some(takes) = doubling.ok().and_then(takes) {
        let text = if takes {
            "takes a doubled nonce, so that librdkafka before 2.6.1 can log in"
        } else {
            "refuses a doubled nonce, so that librdkafka before 2.6.1 cannot log in without the \
             scramtoken plugin"
        };
        findings.push(subject.finds(Check::DoubledNonce, Grade::Note, text));
    }
    findings
}

impl Skew {
    /// Of a clock that stood at `theirs_ms` some time between two looks at ours.
    fn between(theirs_ms: i64, before_ms: i64, after_ms: i64) -> Self {
        let half_ms = after_ms.saturating_sub(before_ms) / 2;
        let ahead_ms = theirs_ms.saturating_sub(before_ms.saturating_add(half_ms));
        Self { ahead_ms, give_or_take_ms: half_ms + 1 }
    }
}

fn clock_of(subject: &Subject, skew: Skew) -> Finding {
    let Skew { ahead_ms, give_or_take_ms } = skew;
    let off_ms = ahead_ms.saturating_abs().saturating_sub(give_or_take_ms);
    if off_ms <= SKEW_MS {
        let text = if off_ms <= 0 {
            format!("has the time of this host, give or take {give_or_take_ms} ms")
        } else {
            let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
            format!(
                "is {} ms {side} this host's clock, give or take {give_or_take_ms} ms",
                ahead_ms.abs()
            )
        };
        return subject.finds(Check::Clock, Grade::Ok, text);
    }
    let span = span_of(Duration::from_millis(ahead_ms.unsigned_abs()));
    let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
    subject.warns(
        Check::Clock,
        format!("is {span} {side} this host's clock"),
        "set the clocks by NTP: tokens end by the brokers' clocks, and a client with a wrong clock \
         refuses a good token, or tries an ended one",
    )
}
