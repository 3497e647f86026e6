//! What errors mean and what mends them: one table, for the errors of the program, for `scramtoken
//! explain`, and for docs/troubleshooting.md.

mod table;

use table::EXPLANATIONS;

use crate::status::Status;

/// What is known of one error.
pub(crate) struct Explanation {
    /// As users meet it: Kafka's or librdkafka's name, or words of its text.
    pub(crate) name: &'static str,
    /// What this library calls it.
    pub(crate) status: Option<&'static str>,
    /// Kafka's error code.
    pub(crate) code: Option<i16>,
    /// What it means: a clause without a full stop.
    pub(crate) means: &'static str,
    /// What mends it, likewise.
    pub(crate) mend: &'static str,
}

impl Explanation {
    /// Of an error code of Kafka's.
    pub(crate) fn of_code(code: i16) -> Option<&'static Self> {
        EXPLANATIONS.iter().find(|known| known.code == Some(code))
    }

    /// Of every error that a text names, in the order of the table: by Kafka's name, by ours with or without
    /// its prefix, or by words of its text. A text that is a number is a status or one of Kafka's codes.
    pub(crate) fn find(text: &str) -> Vec<&'static Self> {
        let text = text.to_uppercase();
        if let Ok(number) = text.trim().parse::<i32>() {
            return Self::of_number(number).into_iter().collect();
        }
        let is_in_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let words: Vec<&str> = text
            .split(|character| !is_in_name(character))
            .map(|word| word.strip_prefix("SCRAMTOKEN_ERR_").unwrap_or(word))
            .collect();
        EXPLANATIONS
            .iter()
            .filter(|known| {
                let name = known.name.to_uppercase();
                words.contains(&name.as_str())
                    || name.contains(' ') && text.contains(&name)
                    || known.status.is_some_and(|status| words.contains(&status))
            })
            .collect()
    }

    /// Of a status, or of one of Kafka's codes.
    fn of_number(number: i32) -> Option<&'static Self> {
        let status = Status::from_raw(number).to_string();
        EXPLANATIONS.iter().find(|known| {
            known.status == Some(&status) || known.code.map(i32::from) == Some(number)
        })
    }

    /// Every error, in the order of the table.
    pub(crate) fn all() -> &'static [Self] {
        EXPLANATIONS
    }

    /// Where it comes from, such as `Kafka's error 62`; empty where the name says it all.
    pub(crate) fn origin(&self) -> String {
        let code = self.code.map(|code| format!("Kafka's error {code}"));
        let status = self.status.filter(|status| *status != self.name);
        let status = status.map(|status| format!("{status} in this library"));
        code.into_iter().chain(status).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        Explanation::find(text).iter().map(|known| known.name).collect()
    }

    #[test]
    fn errors_are_found_as_users_have_them() {
        for text in [
            "DELEGATION_TOKEN_OWNER_MISMATCH",
            "delegation_token_owner_mismatch",
            "TOKEN_OWNER_MISMATCH",
            "SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH",
            "63",
            "-1063",
            "scramtoken: RenewDelegationToken: DELEGATION_TOKEN_OWNER_MISMATCH: only the token's owner",
        ] {
            assert_eq!(names(text), ["DELEGATION_TOKEN_OWNER_MISMATCH"], "{text}");
        }
        assert_eq!(
            names("... Cannot change principals during re-authentication from User.alice"),
            ["Cannot change principals during re-authentication"]
        );
        assert_eq!(names("-22"), ["NONCE"]);
        assert!(names("TOKEN").is_empty());
        assert!(names("").is_empty());
        assert!(names("99999999999").is_empty());
    }

    #[test]
    fn every_status_is_explained() {
        let source = include_str!("../status.rs");
        let of_source = source.lines().filter_map(|line| {
            let (name, value) = line.trim().strip_suffix(';')?.split_once(" = -")?;
            Some((name, Status::from_raw(-value.parse::<i32>().ok()?)))
        });
        let mut count = 0;
        for (name, status) in of_source {
            count += 1;
            assert_eq!(status.to_string(), name);
            assert_eq!(names(name).len(), 1, "{name}");
        }
        assert!(count > 20);
        for known in Explanation::all() {
            let Some(status) = known.status else { continue };
            assert!(source.contains(&format!("    {status} = -")), "{status}");
            if let Some(code) = known.code {
                assert_eq!(Status::from_raw(-1000 - i32::from(code)).to_string(), status);
            }
        }
    }
}
