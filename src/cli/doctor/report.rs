//! What was found, for people and for programs.

use core::fmt;
use std::collections::BTreeMap;

use serde_json::json;

use super::finding::{Finding, Grade, Subject};
use crate::cli::output;
use crate::kafka::escape;
use crate::{error::Error, json};

/// What is wrong first, each in one sentence with cause and mend; then a table of everything.
pub(super) fn table(findings: &[Finding], brokers: usize) -> Result<(), Error> {
    let mut text = String::new();
    let bad = findings.iter().filter(|found| found.result <= Grade::Warning);
    for found in bad {
        let Finding { subject, text: what, .. } = found;
        let word = if found.result == Grade::Failed { "FAILED" } else { "WARNING" };
        text.push_str(&format!("{word}: {subject} {}", escape(what)));
        if !found.mend.is_empty() {
            text.push_str(&format!("; {}", found.mend));
        }
        text.push('\n');
    }
    text.push_str(&format!("{}\n", summary(findings, brokers)));

    // What is the same of every broker is said once.
    let of_brokers = |found: &&Finding| matches!(found.subject, Subject::Broker { .. });
    let is_of_all = |found: &Finding| {
        let same = findings.iter().filter(of_brokers).filter(|other| {
            (other.check, other.result, &other.text) == (found.check, found.result, &found.text)
        });
        brokers > 1 && of_brokers(&found) && same.count() == brokers
    };
    let mut sections: BTreeMap<Section<'_>, Vec<&Finding>> = BTreeMap::new();
    for found in findings {
        let section = match &found.subject {
            _ if is_of_all(found) => Section::EveryBroker,
            subject @ (Subject::Broker { .. } | Subject::Bootstrap(_)) => Section::One(subject),
            subject => Section::Whole(subject),
        };
        let section = sections.entry(section).or_default();
        if !section.iter().any(|other| (other.check, &other.text) == (found.check, &found.text)) {
            section.push(found);
        }
    }
    for (section, mut found) in sections {
        found.sort_by_key(|found| found.check);
        text.push_str(&format!("\n{section}\n"));
        for found in found {
            let (grade, check) = (found.result.name(), found.check.title());
            text.push_str(&format!("  {grade:<8} {check:<16} {}\n", escape(&found.text)));
        }
    }
    output::print(&text)
}

/// A heading of the table, in their order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Section<'a> {
    Whole(&'a Subject),
    EveryBroker,
    One(&'a Subject),
}

impl fmt::Display for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryBroker => f.write_str("every broker"),
            Self::One(Subject::Broker { id, place }) => write!(f, "broker {id} ({place})"),
            Self::Whole(subject) | Self::One(subject) => subject.fmt(f),
        }
    }
}

/// An object with a list of all findings, the worst first.
pub(super) fn json(findings: &[Finding], brokers: usize, exit_code: u8) -> Result<(), Error> {
    let list: Vec<_> = findings
        .iter()
        .map(|found| {
            let (id, place) = match &found.subject {
                Subject::Broker { id, place } => (Some(*id), Some(place)),
                Subject::Bootstrap(place) => (None, Some(place)),
                _ => (None, None),
            };
            json!({
                "result": found.result.name(),
                "subject": found.subject.to_string(),
                "broker_id": id,
                "address": place,
                "check": found.check.name(),
                "finding": found.text,
                "mend": Some(&found.mend).filter(|mend| !mend.is_empty()),
                "status": (found.result == Grade::Failed).then(|| found.status.to_string()),
            })
        })
        .collect();
    let value = json!({
        "summary": summary(findings, brokers),
        "exit_code": exit_code,
        "brokers": brokers,
        "findings": list,
    });
    output::print(&json::text(&value))
}

fn summary(findings: &[Finding], brokers: usize) -> String {
    let count = |grade: Grade| findings.iter().filter(|found| found.result == grade).count();
    let (failed, warnings) = (count(Grade::Failed), count(Grade::Warning));
    let of = match brokers {
        0 => "no broker was named".to_owned(),
        1 => "1 broker".to_owned(),
        brokers => format!("{brokers} brokers"),
    };
    if failed == 0 && warnings == 0 && brokers > 0 {
        return match count(Grade::Skipped) {
            0 => format!("All is well: {of}."),
            _ => format!("Nothing failed, but not everything was looked at (see below); {of}."),
        };
    }
    let plural = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    format!("{}, {}; {of}.", plural(failed, "failure"), plural(warnings, "warning"))
}
