//! The source: who can read it, how old it is, whose token is in it, and when that ends.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::{Check, Finding, Grade, Subject};
use super::time::{ago, span_of, until};
use crate::cli::exit;
use crate::kafka::escape;
use crate::scram::ClientCredential;
use crate::source::{CurrentCredential, Source};
use crate::token::Token;
use crate::{clock, error::Error, random, status::Status};

/// What the source gives to log in with.
pub(super) struct Given {
    pub(super) credential: ClientCredential,
    /// Where it is a token.
    pub(super) token: Option<Token>,
}

/// What a source came to.
pub(super) enum Looked {
    Given(Given),
    /// A token that has ended by this host's clock.
    Ended(Token),
    /// Nothing that is of use.
    Nothing,
}

/// Looks at a source.
pub(super) fn look(uri: &str, findings: &mut Vec<Finding>) -> Looked {
    let fails = |error: Error| {
        let mend = match error.status() {
            Status::PERMISSIONS => {
                "then expire the token and make a new one, for others may have read it"
            }
            _ => "",
        };
        Subject::Source.fails_by(Check::Source, "cannot be used", &error, mend)
    };
    let now_ms = clock::now_ms();
    let read = random::bytes()
        .and_then(|random| Source::open(uri, random))
        .and_then(|source| source.look(now_ms).map_err(exit::of_file));
    findings.extend(file(uri));
    let (current, warning) = match read {
        Ok(read) => read,
        Err(error) => {
            findings.push(fails(error));
            return Looked::Nothing;
        }
    };
    findings.extend(warning.map(|text| Subject::Source.warns(Check::Source, text, "")));
    match current {
        CurrentCredential::Password(credential) => {
            let text = format!("holds the password of the user {:?}, no token", credential.name());
            findings.push(Subject::Source.finds(Check::Source, Grade::Note, text));
            Looked::Given(Given { credential, token: None })
        }
        CurrentCredential::Token(token) => {
            findings.push(life(&token, now_ms));
            if token.has_expired(now_ms) {
                return Looked::Ended(token);
            }
            match token.client_credential() {
                Ok(credential) => Looked::Given(Given { credential, token: Some(token) }),
                Err(error) => {
                    findings.push(fails(error));
                    Looked::Nothing
                }
            }
        }
    }
}

/// A token that has ended by this host's clock alone, which is so much ahead of the brokers'.
pub(super) fn forgive(token: &Token, ahead_ms: i64, findings: &mut [Finding]) {
    let brokers_ms = clock::now_ms().saturating_sub(ahead_ms);
    if token.has_expired(brokers_ms) {
        return;
    }
    let ended = findings
        .iter_mut()
        .find(|found| found.check == Check::Source && found.status == Status::TOKEN_EXPIRED);
    if let Some(ended) = ended {
        let ahead = span_of(Duration::from_millis(ahead_ms.unsigned_abs()));
        ended.text = format!(
            "holds the token {}, which has not ended, but clients on this host take it for expired: its \
             clock is {ahead} ahead of the cluster's",
            escape(&token.id)
        );
        ended.mend = "set this host's clock by NTP".to_owned();
    }
}

/// Mode, owner and age.
fn file(uri: &str) -> Option<Finding> {
    let (_, path) = uri.split_once(':').filter(|(_, path)| !path.is_empty())?;
    let metadata = std::fs::metadata(Path::new(path)).ok()?;
    let kind = if metadata.is_dir() { "directory" } else { "file" };
    let age = metadata
        .modified()
        .ok()
        .and_then(|modified| SystemTime::now().duration_since(modified).ok())
        .map_or("just now".to_owned(), ago);
    let text = format!(
        "is the {kind} {path}: mode {:04o}, owner {}, group {}, written {age}",
        metadata.mode() & 0o7777,
        metadata.uid(),
        metadata.gid(),
    );
    Some(Subject::Source.finds(Check::Source, Grade::Note, text))
}

fn life(token: &Token, now_ms: i64) -> Finding {
    let id = escape(&token.id);
    let owner = token.owner.as_deref().map(|owner| format!(" of {}", escape(owner)));
    let whose = format!("the token {id}{}", owner.unwrap_or_default());
    if token.has_expired(now_ms) {
        let ended = until(token.expiry_ms.unwrap_or_default(), now_ms);
        return Subject::Source.fails(
            Check::Source,
            Status::TOKEN_EXPIRED,
            format!("holds {whose}, which ended {ended}"),
            "put a new one there, or let `scramtoken agent` keep one there",
        );
    }
    let Some(expiry_ms) = token.expiry_ms else {
        let text = format!("holds {whose}; it does not say when that ends");
        return Subject::Source.finds(Check::Source, Grade::Ok, text);
    };
    let at_most = match token.max_ms {
        Some(max_ms) => format!(", and at the latest {}", until(max_ms, now_ms)),
        None => String::new(),
    };
    let text = format!("holds {whose}, which ends {}{at_most}", until(expiry_ms, now_ms));
    Subject::Source.finds(Check::Source, Grade::Ok, text)
}
