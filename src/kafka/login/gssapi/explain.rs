//! What an error of the library means, and what mends it.

use super::MAX_INSIDE;
use super::library::Fault;
use crate::kafka::failure::Failure;
use crate::kafka::untrusted::excerpt;
use crate::{error::Error, status::Status};

/// What was being done when it came.
#[derive(Clone, Copy)]
pub(super) enum Doing<'a> {
    /// Making the broker's name.
    Target,
    /// Making our own name.
    Principal,
    /// Getting tickets with a key, and one for the broker.
    Keytab,
    /// Taking tickets from a cache, and getting one for the broker.
    Tickets,
    /// Reading what the broker answered; the text begins the sentence.
    Answer(&'a str),
}

pub(super) fn failure(fault: &Fault, doing: Doing<'_>) -> Failure {
    let said = excerpt(&fault.text);
    if let Doing::Answer(what) = doing {
        return answer(fault, what, &said);
    }
    let (status, mend) = match (fault.code(), doing) {
        (KDC_UNREACHABLE | KDC_UNRESOLVED, _) => {
            let text = format!(
                "Kerberos: {said}: is a KDC up that krb5.conf, or DNS, names for the realm, and is its \
                 port (88) reachable?"
            );
            return Failure::retriable(Status::IO, text);
        }
        (SERVER_UNKNOWN, _) => (
            Status::SERVER_REFUSED,
            "the broker's principal is made of sasl.kerberos.service.name and its host, as \
             --bootstrap-server or advertised.listeners has it: correct these, or add the principal",
        ),
        (CLIENT_UNKNOWN, _) => {
            (Status::SERVER_REFUSED, "correct the principal, or have it added to the KDC")
        }
        (CLIENT_EXPIRED | REVOKED | KEY_EXPIRED, _) => {
            (Status::SERVER_REFUSED, "the realm's administrator can renew or unlock it")
        }
        (PREAUTH_FAILED | BAD_INTEGRITY, Doing::Keytab) => (
            Status::SERVER_REFUSED,
            "the keytab's key is not the KDC's, which mostly has a newer one: make the keytab anew by \
             `ktadd` of kadmin",
        ),
        (_, Doing::Tickets) if fault.is_expiry() => {
            (Status::TOKEN_EXPIRED, "run kinit; a keytab (useKeyTab=true) needs none")
        }
        // The KDC has just given them.
        (_, Doing::Keytab) if fault.is_expiry() => (Status::SERVER_REFUSED, CLOCKS),
        (SKEW | NOT_YET_VALID | KDC_SKEW, _) => (Status::SERVER_REFUSED, CLOCKS),
        (NO_DEFAULT_REALM | NO_KDC_OF_REALM | NO_CONFIGURATION | BAD_CONFIGURATION, _) => {
            (Status::CORRUPT, "krb5.conf (or what KRB5_CONFIG names) must have it")
        }
        (CACHE_OF_OTHER, _) => (
            Status::CORRUPT,
            "run kinit for the principal that sasl.jaas.config names, or name another cache as \
             ticketCache",
        ),
        (_, Doing::Tickets) if fault.major == NO_CREDENTIAL => (
            Status::CORRUPT,
            "run kinit, name its cache as ticketCache or by KRB5CCNAME, or log in by a keytab \
             (useKeyTab=true, keyTab and principal in sasl.jaas.config)",
        ),
        (_, Doing::Keytab) if fault.major == NO_CREDENTIAL => (
            Status::SERVER_REFUSED,
            "the keytab has no key for this principal that the KDC takes: look by `klist -ke`",
        ),
        (_, Doing::Target) => (
            Status::INVALID_ARGUMENT,
            "that was of sasl.kerberos.service.name and the broker's host name",
        ),
        (_, Doing::Principal) => (Status::INVALID_ARGUMENT, "that was of principal"),
        _ => (Status::SERVER_REFUSED, "KRB5_TRACE=/dev/stderr shows what was asked of whom"),
    };
    Error::new(status, format!("Kerberos: {said}: {mend}")).into()
}

fn answer(fault: &Fault, what: &str, said: &str) -> Failure {
    // These we find ourselves, in a proof of somebody who has not the service's key.
    if matches!(fault.code(), BAD_INTEGRITY | MESSAGE_TYPE | MODIFIED) {
        return Failure::malformed(
            what,
            format_args!("the broker did not prove who it is: {said}"),
        );
    }
    let mend = match fault.code() {
        SKEW | NOT_YET_VALID | TICKET_EXPIRED => CLOCKS,
        _ => "look at the broker's log, and at its keytab",
    };
    // What a broker says for itself comes as an error of the protocol; all else is no answer to us.
    if fault.major == FAILURE && (1..PROTOCOL_ERRORS).contains(&fault.code()) {
        let text = format!("{what} was refused: {said}: {mend}");
        return Error::new(Status::SERVER_REFUSED, text).into();
    }
    Failure::malformed(what, format_args!("the answer is no token of Kerberos for us: {said}"))
}

/// No KDC has answered, and it may yet.
pub(super) fn no_answer() -> Failure {
    let text = "Kerberos: no KDC answered in time: is one up that krb5.conf, or DNS, names for the realm, \
                and is its port (88) reachable?";
    Failure::retriable(Status::IO, text.to_owned())
}

/// An earlier login by this keytab has not ended, which says less than how that will end.
pub(super) fn no_turn() -> Failure {
    waiting("a login by the same keytab still waits for a KDC, and this one for that".to_owned())
}

/// As many logins as may be have not ended.
pub(super) fn no_place() -> Failure {
    waiting(format!("{MAX_INSIDE} logins wait for a KDC already, and this one for one of them"))
}

fn waiting(what: String) -> Failure {
    let text = format!("Kerberos: {what}: is a KDC up, and is its port (88) reachable?");
    Failure { is_timeout: true, ..Failure::retriable(Status::IO, text) }
}

impl Fault {
    /// The code in libkrb5's table of errors, which begins with those of the protocol.
    fn code(&self) -> i64 {
        i64::from(self.minor) - TABLE
    }

    /// Whether tickets are over by this machine's clock.
    fn is_expiry(&self) -> bool {
        self.major == CREDENTIALS_EXPIRED || self.code() == TICKET_EXPIRED
    }
}

const CLOCKS: &str = "the clocks of this machine, the broker and the KDC must agree within minutes: set \
                      them by NTP";

/// GSS_S_NO_CRED.
const NO_CREDENTIAL: u32 = 7 << 16;
/// GSS_S_CREDENTIALS_EXPIRED; it comes without a code of the mechanism.
const CREDENTIALS_EXPIRED: u32 = 11 << 16;
/// GSS_S_FAILURE.
const FAILURE: u32 = 13 << 16;

/// ERROR_TABLE_BASE_krb5.
const TABLE: i64 = -1_765_328_384;
/// How many of them are the protocol's.
const PROTOCOL_ERRORS: i64 = 128;
/// KRB5KDC_ERR_NAME_EXP.
const CLIENT_EXPIRED: i64 = 1;
/// KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN.
const CLIENT_UNKNOWN: i64 = 6;
/// KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN.
const SERVER_UNKNOWN: i64 = 7;
/// KRB5KDC_ERR_CLIENT_REVOKED.
const REVOKED: i64 = 18;
/// KRB5KDC_ERR_KEY_EXP.
const KEY_EXPIRED: i64 = 23;
/// KRB5KDC_ERR_PREAUTH_FAILED.
const PREAUTH_FAILED: i64 = 24;
/// KRB5KRB_AP_ERR_BAD_INTEGRITY.
const BAD_INTEGRITY: i64 = 31;
/// KRB5KRB_AP_ERR_TKT_EXPIRED.
const TICKET_EXPIRED: i64 = 32;
/// KRB5KRB_AP_ERR_TKT_NYV.
const NOT_YET_VALID: i64 = 33;
/// KRB5KRB_AP_ERR_SKEW.
const SKEW: i64 = 37;
/// KRB5KRB_AP_ERR_MSG_TYPE.
const MESSAGE_TYPE: i64 = 40;
/// KRB5KRB_AP_ERR_MODIFIED.
const MODIFIED: i64 = 41;
/// KRB5_CONFIG_CANTOPEN.
const NO_CONFIGURATION: i64 = 135;
/// KRB5_CONFIG_BADFORMAT.
const BAD_CONFIGURATION: i64 = 136;
/// KRB5_KDCREP_SKEW.
const KDC_SKEW: i64 = 148;
/// KRB5_REALM_UNKNOWN.
const NO_KDC_OF_REALM: i64 = 154;
/// KRB5_KDC_UNREACH.
const KDC_UNREACHABLE: i64 = 156;
/// KRB5_REALM_CANT_RESOLVE.
const KDC_UNRESOLVED: i64 = 220;
/// KRB5_CONFIG_NODEFREALM.
const NO_DEFAULT_REALM: i64 = 224;
/// KG_CCACHE_NOMATCH, of another table.
const CACHE_OF_OTHER: i64 = 39_756_032 - TABLE;

#[cfg(test)]
mod tests {
    use super::*;

    /// What gss_inquire_cred says of a ticket that ended a moment ago, and what a KDC or libkrb5 does.
    #[test]
    fn tickets_that_are_over() {
        let ended = |major, minor| Fault { major, minor, text: "over".to_owned() };
        let of_kdc = i32::try_from(TABLE + TICKET_EXPIRED).unwrap();
        for fault in [ended(CREDENTIALS_EXPIRED, 0), ended(FAILURE, of_kdc)] {
            let error = failure(&fault, Doing::Tickets).error;
            assert_eq!(error.status(), Status::TOKEN_EXPIRED);
            assert!(error.text().contains("over: run kinit"), "{error}");
            let error = failure(&fault, Doing::Keytab).error;
            assert_eq!(error.status(), Status::SERVER_REFUSED);
            assert!(error.text().contains("clocks"), "{error}");
        }
    }
}
