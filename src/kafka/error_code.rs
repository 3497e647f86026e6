//! Kafka's error codes: their names, and what to do about them.

use kafka_protocol::ResponseError;

use super::failure::Failure;
use super::untrusted::excerpt;
use crate::explanation::Explanation;
use crate::{error::Error, status::Status};

/// Not an error.
pub(super) const NONE: i16 = 0;

/// What a code in a response to `request` means, with the broker's own words where it sent some.
///
/// The status is the code, negated and moved by 1000, for codes without a constant too.
pub(super) fn failure(request: &str, code: i16, message: Option<&str>) -> Failure {
    let status = Status::from_raw(-1000 - i32::from(code));
    let status = if status.is_error() { status } else { Status::MALFORMED };
    let known = ResponseError::try_from_code(code)
        .filter(|known| !matches!(known, ResponseError::Unknown(_)));
    let name = match known {
        Some(known) => name(known),
        None => format!("error {code}"),
    };
    let advice = advice(code);
    let mut text = format!("{request}: {name}");
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        text.push_str(&format!(": {}", excerpt(message)));
    } else if let (Some(known), None) = (known, &advice) {
        text.push_str(&format!(": {known}"));
    }
    if let Some(advice) = advice {
        text.push_str(&format!(": {advice}"));
    }
    Failure {
        error: Error::new(status, text),
        is_retriable: known.is_some_and(|known| known.is_retriable()),
        is_timeout: false,
    }
}

/// `DelegationTokenNotFound` is Kafka's DELEGATION_TOKEN_NOT_FOUND.
fn name(error: ResponseError) -> String {
    let mut name = String::new();
    for character in format!("{error:?}").chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}

fn advice(code: i16) -> Option<String> {
    let known = Explanation::of_code(code)?;
    Some(format!("{}; {}", known.means, known.mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        let failure = failure("RenewDelegationToken", 62, None);
        assert_eq!(failure.error.status(), Status::TOKEN_NOT_FOUND);
        assert!(!failure.is_retriable);
        let text = failure.error.text().to_owned();
        assert!(text.starts_with("RenewDelegationToken: DELEGATION_TOKEN_NOT_FOUND: no"), "{text}");
    }

    #[test]
    fn words_of_the_broker_are_shown_without_control_characters() {
        let failure = failure("X", 7, Some("\x1b[2Jwait \"a\" bit\n"));
        assert!(failure.is_retriable);
        assert_eq!(failure.error.text(), "X: REQUEST_TIMED_OUT: \\u{1b}[2Jwait \"a\" bit\\n");
        assert_eq!(super::failure("X", 31999, None).error.text(), "X: error 31999");
    }
}
