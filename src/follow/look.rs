//! One look at all tokens of a cluster, and whether what it shows is to be believed.
//!
//! Kafka has no error for a missing right here: DescribeDelegationToken shows the tokens that one may see,
//! be it none. So an answer is evidence of the right as much as of the tokens.

use core::cell::Cell;

use super::mirror::{Changes, Mirror};
use crate::kafka::{Cluster, Identity};
use crate::token::Token;
use crate::{error::Error, status::Status};

/// What a look came to.
pub(super) struct Look {
    pub(super) changes: Changes,
    /// What the log should be told.
    pub(super) warning: Option<String>,
}

/// Looks at every token that the cluster shows. `has_looked`: the store was filled from it before.
///
/// # Errors
///
/// `TOKEN_AUTHORIZATION_FAILED` where what is shown is not to be believed; Kafka's, `IO`, and those of a
/// login. The store is to stay as it is.
pub(super) fn look(
    cluster: &mut Cluster,
    identity: &Identity,
    mirror: &mut Mirror,
    has_looked: bool,
) -> Result<Look, Error> {
    let ourselves = cluster.principal();
    let shows_others = Cell::new(false);
    mirror.begin();
    let sights = cluster.all_tokens(|token| {
        shows_others.set(shows_others.get() || !is_ours(&token, ourselves.as_deref()));
        mirror.see(token)
    })?;
    let evidence = Evidence {
        shows_others: shows_others.get(),
        may_everything: identity.may_everything,
        has_looked,
        misses: mirror.any_unseen(),
    };
    let mut warning = None;
    match evidence.judge() {
        Verdict::Believed => {}
        Verdict::Doubted => {
            let text = format!(
                "the cluster shows no token of anybody but {}: either it has none yet, or that principal \
                 may not describe them, for which Kafka has no error; {}",
                name(ourselves.as_deref()),
                grant(ourselves.as_deref())
            );
            return Err(Error::new(Status::TOKEN_AUTHORIZATION_FAILED, text));
        }
        Verdict::Depends(id) => match cluster.has_token(id) {
            Some(true) => {
                let text = format!(
                    "{} may no longer describe the tokens of others: a broker has the token {id}, and \
                     does not show it; the store keeps its tokens; {}",
                    name(ourselves.as_deref()),
                    grant(ourselves.as_deref())
                );
                return Err(Error::new(Status::TOKEN_AUTHORIZATION_FAILED, text));
            }
            Some(false) => {}
            // Whoever was refused comes again; whoever was let in although the token had ended does not.
            None => {
                let text = format!(
                    "the cluster shows no token of anybody but {} any more, so the store has none \
                     either; should that principal have lost its right to describe them, {}",
                    name(ourselves.as_deref()),
                    grant(ourselves.as_deref())
                );
                warning = Some(text);
            }
        },
    }
    Ok(Look { changes: mirror.end(sights), warning })
}

/// What there is to say whether an answer shows all tokens.
struct Evidence<'a> {
    /// Some token is not our own: we may describe those of others.
    shows_others: bool,
    /// We may do everything to the cluster, as super users do.
    may_everything: bool,
    has_looked: bool,
    /// Some token of the store that the answer lacks.
    misses: Option<&'a str>,
}

#[derive(PartialEq, Eq, Debug)]
enum Verdict<'a> {
    Believed,
    Doubted,
    /// On whether this token is still there.
    Depends(&'a str),
}

impl<'a> Evidence<'a> {
    fn judge(&self) -> Verdict<'a> {
        match (self.shows_others || self.may_everything, self.has_looked, self.misses) {
            (true, _, _) | (false, true, None) => Verdict::Believed,
            (false, false, _) => Verdict::Doubted,
            (false, true, Some(id)) => Verdict::Depends(id),
        }
    }
}

/// Whether we would see the token without any right. Where only the brokers know who we are, it is taken
/// for somebody else's: who follows a cluster seldom has tokens of its own.
fn is_ours(token: &Token, ourselves: Option<&str>) -> bool {
    let concerned = [token.owner.as_deref(), token.requester.as_deref()].into_iter();
    let renewers = token.renewers.iter().map(|renewer| Some(renewer.as_str()));
    ourselves.is_some() && concerned.chain(renewers).any(|principal| principal == ourselves)
}

fn name(ourselves: Option<&str>) -> String {
    ourselves.map_or_else(|| "the principal that it logs in as".to_owned(), str::to_owned)
}

/// How to give the right.
fn grant(ourselves: Option<&str>) -> String {
    let ourselves = ourselves.unwrap_or("User:NAME");
    format!(
        "grant it the operation Describe on all delegation tokens (kafka-acls.sh --add --allow-principal \
         {ourselves} --operation Describe --delegation-token '*'), or make it a super user"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_believed_as_far_as_it_shows_the_right() {
        let judge = |shows_others, may_everything, has_looked, misses| {
            Evidence { shows_others, may_everything, has_looked, misses }.judge()
        };
        for (has_looked, misses) in [(false, None), (true, None), (true, Some("id"))] {
            assert_eq!(judge(true, false, has_looked, misses), Verdict::Believed);
            assert_eq!(judge(false, true, has_looked, misses), Verdict::Believed);
        }
        assert_eq!(judge(false, false, false, None), Verdict::Doubted);
        assert_eq!(judge(false, false, true, None), Verdict::Believed); // nothing would change
        assert_eq!(judge(false, false, true, Some("id")), Verdict::Depends("id"));
    }

    #[test]
    fn whose_a_token_is() {
        let mut token = Token::new(b"id", b"aG1hYw==").unwrap();
        token.owner = Some("User:alice".to_owned());
        token.requester = Some("User:bob".to_owned());
        token.renewers = vec!["User:carol".to_owned()];
        for ours in ["User:alice", "User:bob", "User:carol"] {
            assert!(is_ours(&token, Some(ours)));
        }
        assert!(!is_ours(&token, Some("User:dora")) && !is_ours(&token, None));
    }
}
