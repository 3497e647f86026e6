//! Tokens as Kafka's DelegationTokenCommand prints them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use crate::kafka::escape;
use crate::token::Token;

/// The header and a line for each token, with an empty line before each.
pub(super) fn table(tokens: &[Token]) -> Zeroizing<String> {
    let header =
        ["TOKENID", "HMAC", "OWNER", "REQUESTER", "RENEWERS", "ISSUEDATE", "EXPIRYDATE", "MAXDATE"];
    let mut table = Zeroizing::new(line(header));
    for token in tokens {
        table.push_str(&line([
            &escape(&token.id),
            token.hmac_text(),
            &escape(token.owner.as_deref().unwrap_or_default()),
            &escape(token.requester.as_deref().unwrap_or_default()),
            &escape(&list(&token.renewers)),
            &date(token.issue_ms),
            &date(token.expiry_ms),
            &date(token.max_ms),
        ]));
    }
    table
}

/// `[User:alice, User:bob]`.
pub(super) fn list(principals: &[impl ToString]) -> String {
    let principals: Vec<String> = principals.iter().map(ToString::to_string).collect();
    format!("[{}]", principals.join(", "))
}

/// `2026-11-23T10:41`, in the local time zone.
pub(super) fn date(ms: Option<i64>) -> String {
    let timestamp = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or_else(String::new, |timestamp| {
        timestamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M").to_string()
    })
}

fn line(columns: [&str; 8]) -> String {
    let [id, hmac, owner, requester, renewers, issue, expiry, max] = columns;
    format!(
        "\n{id:<15} {hmac:<30} {owner:<15} {requester:<15} {renewers:<25} {issue:<15} \
         {expiry:<15} {max:<15}\n"
    )
}
