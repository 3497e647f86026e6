//! One listener: from its host name to a login by the properties.

use std::time::Duration;

use super::finding::{Check, Finding, Grade, Subject};
use super::time::{span_of, until};
use crate::kafka::{
    Address, Cluster, Config, offered_mechanisms, reach, shake_hands, shown_certificates,
};
use crate::scram::Mechanism;
use crate::tls::Shown;
use crate::{clock, status::Status};

/// A listener that was looked at.
pub(super) struct Listener {
    pub(super) address: Address,
    /// By what tokens could log in.
    pub(super) scram: Option<Mechanism>,
    /// Whether the login by the properties worked, or the listener wants none.
    pub(super) is_usable: bool,
    /// When it ended the session of that login, if ever.
    pub(super) session: Option<Duration>,
    pub(super) findings: Vec<Finding>,
}

/// Looks at a listener, step by step, until a step fails. With `primary` the properties have a login
/// of their own, which is tried.
pub(super) fn look(
    subject: &Subject,
    address: &Address,
    config: &Config,
    primary: bool,
) -> Listener {
    let mut listener = Listener {
        address: address.clone(),
        scram: None,
        is_usable: false,
        session: None,
        findings: Vec::new(),
    };
    // Each step says what it found, and whether the next one makes sense.
    let _ = listener.look(subject, config, primary);
    listener
}

impl Listener {
    fn look(&mut self, subject: &Subject, config: &Config, primary: bool) -> Result<(), ()> {
        self.network(subject, config)?;
        self.tls(subject, config)?;
        self.mechanisms(subject, config)?;
        if primary {
            self.log_in(subject, config)?;
        }
        self.is_usable = true;
        Ok(())
    }

    fn network(&mut self, subject: &Subject, config: &Config) -> Result<(), ()> {
        const CHECK: Check = Check::Network;
        let mend = "start it, or look at advertised.listeners, at DNS and at the firewalls between \
                    here and there";
        let reached = match reach(&self.address, config) {
            Ok(reached) => reached,
            Err(error) => {
                return self.failed(subject.fails_by(CHECK, "cannot be found", &error, mend));
            }
        };
        let places = |works: bool| {
            let places = reached.iter().filter(|(_, outcome)| outcome.is_ok() == works);
            places.map(|(place, _)| place.to_string()).collect::<Vec<_>>().join(", ")
        };
        let error = reached.iter().find_map(|(_, outcome)| outcome.as_ref().err());
        match error {
            Some(error) if reached.iter().all(|(_, outcome)| outcome.is_err()) => {
                self.failed(subject.fails_by(CHECK, "cannot be reached", error, mend))
            }
            Some(error) => {
                let text = format!(
                    "is reached at {} but not at every address of {}: {error}",
                    places(true),
                    self.address.host
                );
                let mend = "take the addresses out of DNS at which it does not listen: clients lose \
                            time there";
                self.findings.push(subject.warns(CHECK, text, mend));
                Ok(())
            }
            None => {
                let text = format!("is reached at {}", places(true));
                self.findings.push(subject.finds(CHECK, Grade::Ok, text));
                Ok(())
            }
        }
    }

    fn tls(&mut self, subject: &Subject, config: &Config) -> Result<(), ()> {
        const CHECK: Check = Check::Tls;
        let shown = shown_certificates(&self.address, config);
        let checked = shake_hands(&self.address, config);
        let certificate = match &shown {
            Ok(None) => return Ok(()), // no TLS: the network's step has said it all
            Ok(Some(chain)) => chain.first(),
            Err(_) => None,
        };
        let now_ms = clock::now_ms();
        if let Err(error) = checked {
            let (about, mend) = match certificate {
                None => (String::new(), ""),
                Some(shown) => (format!(" ({})", validity(shown, now_ms)), mend_of(shown, now_ms)),
            };
            let text = format!("does not shake hands by TLS: {error}{about}");
            return self.failed(subject.fails(CHECK, error.status(), text, mend));
        }
        let chain = shown.ok().flatten().unwrap_or_default();
        let Some(certificate) = chain.first() else { return Ok(()) };
        let hosts = match certificate.hosts.as_slice() {
            [] => "no host".to_owned(),
            hosts => hosts.join(", "),
        };
        let text = format!(
            "shows a certificate for {hosts} that is trusted, {}",
            validity(certificate, now_ms)
        );
        // Of the chain whichever ends first.
        let ends_ms = chain.iter().map(|shown| shown.not_after.saturating_mul(1000)).min();
        self.findings.push(match ends_ms {
            Some(ends_ms) if ends_ms.saturating_sub(now_ms) < SOON_MS => subject.warns(
                CHECK,
                format!("{text}; its chain ends {}", until(ends_ms, now_ms)),
                "renew it before that",
            ),
            _ => subject.finds(CHECK, Grade::Ok, text),
        });
        Ok(())
    }

    fn mechanisms(&mut self, subject: &Subject, config: &Config) -> Result<(), ()> {
        const CHECK: Check = Check::Mechanisms;
        if !config.protocol().uses_sasl() {
            return Ok(());
        }
        let offered = match offered_mechanisms(&self.address, config) {
            Ok(offered) => offered,
            Err(error) => {
                let mend = "is it a broker's port, and does the listener speak what \
                            security.protocol says?";
                return self.failed(subject.fails_by(
                    CHECK,
                    "does not say which mechanisms it offers",
                    &error,
                    mend,
                ));
            }
        };
        let has = |name: &str| offered.iter().any(|offered| offered == name);
        let preferred = config.scram_mechanism().filter(|mechanism| has(mechanism.name()));
        self.scram = preferred.or_else(|| {
            [Mechanism::ScramSha512, Mechanism::ScramSha256]
                .into_iter()
                .find(|mechanism| has(mechanism.name()))
        });
        let list = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        let wanted = config.login().map(|login| login.mechanism());
        if let Some(wanted) = wanted.filter(|wanted| !has(wanted)) {
            let text =
                format!("does not offer {wanted}, by which the properties log in, but {list}");
            let mend = "set sasl.mechanism to one of these, or add it to sasl.enabled.mechanisms of the \
                        listener";
            return self.failed(subject.fails(CHECK, Status::UNSUPPORTED_MECHANISM, text, mend));
        }
        if self.scram.is_none() {
            let text = format!("offers no SCRAM, by which tokens log in, but {list}");
            let mend = "add SCRAM-SHA-512 to sasl.enabled.mechanisms of the listener, or name a \
                        listener that has it";
            self.findings.push(subject.fails(CHECK, Status::UNSUPPORTED_MECHANISM, text, mend));
        } else {
            self.findings.push(subject.finds(CHECK, Grade::Ok, format!("offers {list}")));
        }
        Ok(())
    }

    fn log_in(&mut self, subject: &Subject, config: &Config) -> Result<(), ()> {
        let mut cluster = Cluster::new(vec![self.address.clone()], config.clone(), |_| ());
        let connection = match cluster.connect() {
            Ok(connection) => connection,
            Err(error) => {
                let what = match error.status() {
                    Status::SERVER_REFUSED => "refuses the login of the properties",
                    _ => "cannot be logged in to by the properties",
                };
                return self.failed(subject.fails_by(Check::PrimaryLogin, what, &error, ""));
            }
        };
        let (text, session) = match config.login() {
            None => return Ok(()),
            Some(login) => (
                format!("lets {:?} in by {}", connection.session().name, login.mechanism()),
                connection.session().lifetime,
            ),
        };
        self.findings.push(subject.finds(Check::PrimaryLogin, Grade::Ok, text));
        self.session = session;
        let text = match session {
            None => "sets sessions no end (connections.max.reauth.ms is 0)".to_owned(),
            Some(lifetime) => format!(
                "ends sessions after {}, unless the client logs in again (connections.max.reauth.ms, or \
                 the end of an access token)",
                span_of(lifetime)
            ),
        };
        self.findings.push(subject.finds(Check::Session, Grade::Note, text));
        Ok(())
    }

    fn failed(&mut self, finding: Finding) -> Result<(), ()> {
        self.findings.push(finding);
        Err(())
    }
}

/// Some weeks, in which a certificate can be renewed without haste.
const SOON_MS: i64 = 4 * 7 * 86_400_000;

fn validity(certificate: &Shown, now_ms: i64) -> String {
    let (from_ms, to_ms) =
        (certificate.not_before.saturating_mul(1000), certificate.not_after.saturating_mul(1000));
    if from_ms > now_ms {
        format!("which is not valid yet, but {}", until(from_ms, now_ms))
    } else if to_ms < now_ms {
        format!("which ended {}", until(to_ms, now_ms))
    } else {
        format!("which ends {}", until(to_ms, now_ms))
    }
}

fn mend_of(certificate: &Shown, now_ms: i64) -> &'static str {
    if certificate.not_after.saturating_mul(1000) < now_ms {
        "give the broker a new certificate"
    } else if certificate.not_before.saturating_mul(1000) > now_ms {
        "set this host's clock right, or wait"
    } else {
        ""
    }
}
