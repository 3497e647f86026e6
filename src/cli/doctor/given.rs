//! The credential of the source, or of the properties, on every broker.

use super::at_once::at_once;
use super::broker::Listener;
use super::finding::{Check, Finding, Grade, Subject};
use super::source::Given;
use super::time::{span_of, until};
use crate::kafka::{Cluster, Config, escape};
use crate::token::Token;
use crate::{clock, status::Status};

/// Logs in by the credential to each broker where nothing stands in the way.
pub(super) fn look(
    brokers: &[(Subject, Listener)],
    config: &Config,
    given: &Given,
    is_blamed: impl Fn(&Subject) -> bool + Sync,
) -> Vec<Finding> {
    let usable: Vec<_> = brokers.iter().filter(|(_, listener)| listener.is_usable).collect();
    at_once(&usable, |(subject, listener)| {
        log_in(subject, listener, config, given, is_blamed(subject))
    })
}

fn log_in(
    subject: &Subject,
    listener: &Listener,
    config: &Config,
    given: &Given,
    is_blamed: bool,
) -> Finding {
    const CHECK: Check = Check::GivenToken;
    let what = if given.token.is_some() { "the given token" } else { "the given user" };
    let Some(mechanism) = listener.scram else {
        let text = format!("offers no SCRAM, so that {what} was not tried");
        return subject.finds(CHECK, Grade::Skipped, text);
    };
    let config = match config.with_credential(mechanism, given.credential.clone()) {
        Ok(config) => config,
        Err(error) => return subject.fails_by(CHECK, "cannot be logged in to", &error, ""),
    };
    let mut cluster = Cluster::new(vec![listener.address.clone()], config, |_| ());
    match cluster.connect() {
        Ok(connection) => {
            let until = match connection.session().lifetime {
                None => "without an end".to_owned(),
                Some(lifetime) => format!("for {}", span_of(lifetime)),
            };
            let text = format!("lets {what} in by {}, {until}", mechanism.name());
            subject.finds(CHECK, Grade::Ok, text)
        }
        // What was found before says why.
        Err(_) if is_blamed => {
            subject.finds(CHECK, Grade::Skipped, format!("does not let {what} in: see above"))
        }
        Err(error) => {
            let mend = mend(error.status(), given);
            subject.fails_by(CHECK, &format!("does not let {what} in"), &error, mend)
        }
    }
}

fn mend(status: Status, given: &Given) -> &'static str {
    match (status, &given.token) {
        (Status::SERVER_REFUSED, Some(_)) => {
            "it may have been expired and removed, be another cluster's, or have been made with another \
             delegation.token.secret.key: make a new one"
        }
        (Status::TOKEN_EXPIRED, Some(_)) => "let `scramtoken agent` renew it in time",
        _ => "",
    }
}

/// What the cluster knows of the token, where the login by the properties may see it.
pub(super) fn known(
    brokers: &[(Subject, Listener)],
    config: &Config,
    token: &Token,
) -> Option<Finding> {
    let (_, listener) = brokers.iter().find(|(_, listener)| listener.is_usable)?;
    let mut cluster = Cluster::new(vec![listener.address.clone()], config.clone(), |_| ());
    let known = cluster.find_token(&token.id).ok()??;
    let now_ms = clock::now_ms();
    if !known.has_same_hmac(token) {
        let text = format!(
            "knows the given token {} with another HMAC: delegation.token.secret.key was changed since it \
             was made, or the source holds something else",
            escape(&known.id)
        );
        let mend = "make a new token";
        return Some(Subject::Cluster.fails(Check::GivenToken, Status::SERVER_REFUSED, text, mend));
    }
    let time = |ms: Option<i64>| ms.map_or("at an unknown time".to_owned(), |ms| until(ms, now_ms));
    let text = format!(
        "knows the given token {} of {}, which ends {} unless it is renewed, and at the latest {}",
        escape(&known.id),
        escape(known.owner.as_deref().unwrap_or("nobody")),
        time(known.expiry_ms),
        time(known.max_ms),
    );
    Some(Subject::Cluster.finds(Check::GivenToken, Grade::Ok, text))
}
