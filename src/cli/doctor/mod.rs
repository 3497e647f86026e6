//! `doctor`: why tokens do not work, on one screen.

mod at_once;
mod broker;
mod finding;
mod given;
mod report;
mod source;
mod time;
mod tokens;

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use self::at_once::at_once;
use self::broker::Listener;
use self::finding::{Check, Finding, Grade, Subject};
use self::source::{Given, Looked};
use super::cluster_args::ClusterArguments;
use super::{exit, progress};
use crate::kafka::{Address, Broker, Cluster, Config, Login};
use crate::scram::ClientCredential;
use crate::{error::Error, status::Status};

/// Say why tokens do not work: look at every broker, at its tokens, and at a source
///
/// Looks at each broker of the cluster step by step: network, TLS, mechanisms, the login of
/// --command-config, whether tokens are enabled, and whether the broker honours a token that is made for
/// this, lives for five minutes at most, and is expired again at the end. With --source also at a token
/// that somebody already has. What is wrong stands first, each with its cause and its mend. Two logins on
/// each broker fail on purpose, to learn what it takes, and stand in its log.
///
/// Exits with 0 if nothing failed, and else by the first failure.
#[derive(Args)]
#[command(after_help = exit::HELP)]
#[command(group = ArgGroup::new("where").args(["bootstrap_server"]).required(true))]
pub(super) struct Arguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    /// Look at this credential too: file:/PATH (a token file, or properties), dir:/PATH (a mounted
    /// Secret) or env:
    #[arg(long, value_name = "URI")]
    source: Option<String>,

    /// How to write what was found
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// What is wrong, and then everything that was looked at
    Table,
    /// One object, for programs
    Json,
}

impl Arguments {
    /// The exit code.
    pub(super) fn run(&self) -> u8 {
        let mut findings = Vec::new();
        let brokers = self.look(&mut findings);
        findings.sort_by(|one, other| {
            (one.result, one.check, &one.subject).cmp(&(other.result, other.check, &other.subject))
        });
        let status = findings
            .first()
            .filter(|first| first.result == Grade::Failed)
            .map_or(Status::OK, |first| first.status);
        let code = exit::number(status);
        let printed = match self.output {
            Format::Table => report::table(&findings, brokers),
            Format::Json => report::json(&findings, brokers, code),
        };
        match printed {
            Ok(()) => code,
            Err(error) => {
                eprintln!("scramtoken: {error}");
                exit::number(error.status())
            }
        }
    }

    /// Looks at everything; how many brokers there are.
    fn look(&self, findings: &mut Vec<Finding>) -> usize {
        let (given, ended) = match self.source.as_deref().map(|uri| source::look(uri, findings)) {
            Some(Looked::Given(given)) => (Some(given), None),
            Some(Looked::Ended(token)) => (None, Some(token)),
            Some(Looked::Nothing) | None => (None, None),
        };
        let Some((config, primary)) = self.config(given.as_ref(), findings) else { return 0 };
        let servers = match self.cluster.servers(&config) {
            Ok(servers) => servers,
            Err(error) => {
                findings.push(Subject::Properties.fails_by(
                    Check::Properties,
                    "and --bootstrap-server do not go together",
                    &error,
                    "",
                ));
                return 0;
            }
        };
        let config = config.impatient(PATIENCE).without_retries();
        let bar = progress::bar("{spinner} {msg}");
        bar.enable_steady_tick(Duration::from_millis(100));

        bar.set_message(format!("looking at {} bootstrap server(s)", servers.len()));
        let subjects: Vec<_> =
            servers.into_iter().map(|address| (Subject::bootstrap(&address), address)).collect();
        let primary_or_given = primary || given.is_some();
        let listeners = look_at(subjects, &config, primary);

        let described =
            primary_or_given.then(|| describe(&listeners, &config, primary, given.as_ref()));
        let (listeners, known) = match described {
            Some(Ok((brokers, has_fenced))) => {
                if !has_fenced {
                    let text =
                        "names the brokers that run: Kafka before 4.0 keeps quiet about others";
                    findings.push(Subject::Cluster.finds(Check::Cluster, Grade::Note, text));
                }
                bar.set_message(format!("looking at {} brokers", brokers.len()));
                let count = brokers.len();
                (self.all(listeners, brokers, &config, primary), count)
            }
            Some(Err(finding)) => {
                findings.extend(finding);
                (listeners, 0)
            }
            None => (listeners, 0),
        };
        if primary && !config.login().is_some_and(Login::is_token) {
            bar.set_message("looking at tokens");
            let (found, ahead_ms) = tokens::look(&listeners, &config);
            findings.extend(found);
            // A cluster that is behind: this host is ahead.
            if let (Some(token), Some(ahead_ms)) = (&ended, ahead_ms) {
                source::forgive(token, ahead_ms.saturating_neg(), findings);
            }
        } else if known > 0 {
            let text = "was not asked for a token: that takes a login of --command-config by other \
                        than a token";
            findings.push(Subject::Cluster.finds(Check::Tokens, Grade::Skipped, text));
        }
        if let Some(given) = &given {
            bar.set_message("looking at the given credential");
            let blamed: BTreeSet<_> = findings
                .iter()
                .filter(|found| found.result == Grade::Failed && explains_a_refusal(found))
                .map(|found| found.subject.clone())
                .collect();
            let is_blamed =
                |subject: &Subject| blamed.contains(subject) || blamed.contains(&Subject::Cluster);
            findings.extend(given::look(&listeners, &config, given, is_blamed));
            if primary && let Some(token) = &given.token {
                findings.extend(given::known(&listeners, &config, token));
            }
        }
        for (_, listener) in listeners {
            findings.extend(listener.findings);
        }
        bar.finish_and_clear();
        known
    }

    /// The client's configuration, and whether it has a login of its own.
    fn config(&self, given: Option<&Given>, findings: &mut Vec<Finding>) -> Option<(Config, bool)> {
        let credential = given.map(|given| given.credential.clone());
        let fails = |error: &Error| {
            Subject::Properties.fails_by(Check::Properties, "cannot be used", error, "")
        };
        let (config, warnings, primary) = match (self.cluster.read(None), credential) {
            (Ok((config, warnings)), _) => (config, warnings, true),
            // A job's properties have no login where the source is to give it.
            (Err(error), Some(credential)) => match self.cluster.read(Some(credential)) {
                Ok((config, warnings)) => {
                    let text = format!("have no login of their own ({error})");
                    findings.push(Subject::Properties.finds(Check::Properties, Grade::Note, text));
                    (config, warnings, false)
                }
                Err(_) => {
                    findings.push(fails(&error));
                    return None;
                }
            },
            (Err(error), None) => {
                findings.push(fails(&error));
                return None;
            }
        };
        findings.extend(
            warnings.into_iter().map(|text| Subject::Properties.warns(Check::Properties, text, "")),
        );
        Some((config, primary))
    }

    /// Every listener that is a broker's, or was named.
    fn all(
        &self,
        bootstrap: Vec<(Subject, Listener)>,
        brokers: Vec<Broker>,
        config: &Config,
        primary: bool,
    ) -> Vec<(Subject, Listener)> {
        let (mut known, mut others) = (Vec::new(), Vec::new());
        let mut bootstrap = bootstrap;
        for Broker { id, address, is_fenced } in brokers {
            let subject = Subject::broker(id, &address);
            match bootstrap.iter().position(|(_, listener)| listener.address == address) {
                Some(at) => {
                    let (_, mut listener) = bootstrap.swap_remove(at);
                    for finding in &mut listener.findings {
                        finding.subject = subject.clone();
                    }
                    known.push((subject, listener, is_fenced));
                }
                None => others.push((subject, address, is_fenced)),
            }
        }
        let fenced: Vec<_> = others.iter().map(|(.., is_fenced)| *is_fenced).collect();
        let subjects = others.into_iter().map(|(subject, address, _)| (subject, address)).collect();
        let looked = look_at(subjects, config, primary).into_iter().zip(fenced);
        known.extend(looked.map(|((subject, listener), fenced)| (subject, listener, fenced)));
        for (subject, listener, is_fenced) in &mut known {
            if *is_fenced {
                let text = "is fenced by the controller: it is down, or still starting";
                let mend = "start it and look at its log, or unregister it if it is gone for good (kafka-cluster.sh unregister)";
                listener.findings.push(subject.fails(Check::Network, Status::IO, text, mend));
                listener.is_usable = false;
            }
        }
        known.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let known = known.into_iter().map(|(subject, listener, _)| (subject, listener));
        known.chain(bootstrap).collect()
    }
}

/// Looks at listeners, all at once.
fn look_at(
    subjects: Vec<(Subject, Address)>,
    config: &Config,
    primary: bool,
) -> Vec<(Subject, Listener)> {
    at_once(&subjects, |(subject, address)| {
        (subject.clone(), broker::look(subject, address, config, primary))
    })
}

/// Whether a token that a broker refuses is refused for this.
fn explains_a_refusal(found: &Finding) -> bool {
    match found.check {
        Check::SecretKey | Check::TokenLogin => true,
        Check::Tokens => found.status == Status::TOKEN_AUTH_DISABLED,
        _ => false,
    }
}

/// The brokers, from the first listener that tells; the finding where none does, and none is to blame.
fn describe(
    listeners: &[(Subject, Listener)],
    config: &Config,
    primary: bool,
    given: Option<&Given>,
) -> Result<(Vec<Broker>, bool), Option<Finding>> {
    let mut last = None;
    for (_, listener) in listeners.iter().filter(|(_, listener)| listener.is_usable) {
        let config = match (primary, listener.scram, given) {
            (true, ..) => Ok(config.clone()),
            (false, Some(mechanism), Some(Given { credential, .. })) => {
                let credential: ClientCredential = credential.clone();
                config.with_credential(mechanism, credential)
            }
            _ => continue,
        };
        let brokers = config.and_then(|config| {
            Cluster::new(vec![listener.address.clone()], config, |_| ()).all_brokers()
        });
        match brokers {
            Ok(brokers) => return Ok(brokers),
            Err(error) => {
                let what = "does not name its brokers";
                last = Some(Subject::Cluster.fails_by(Check::Cluster, what, &error, ""));
            }
        }
    }
    Err(last)
}

/// The most that one step may take.
const PATIENCE: Duration = Duration::from_secs(10);
