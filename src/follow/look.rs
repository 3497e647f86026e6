//! One look at all tokens of a cluster, and whether what it shows is to be believed.
//!
//! Kafka has no error for a missing right here: DescribeDelegationToken shows the tokens that one may see,
//! be it none. So an answer is evidence of the right as much as of the tokens.

use core::cell::Cell;

use super::mirror::{Changes, Mirror, Sight};
use crate::kafka::{Cluster, Identity};
use crate::token::Token;
use crate::{error::Error, status::Status};

/// What the cluster shows, before anything is made of it.
pub(super) struct Seen {
    /// Of the cluster that showed it.
    pub(super) identity: Identity,
    sights: Vec<Sight>,
    shows: Shows,
}

/// What a look came to.
pub(super) struct Look {
    pub(super) changes: Changes,
    /// What the log should be told.
    pub(super) warning: Option<String>,
}

/// Looks at every token that the cluster shows.
///
/// # Errors
///
/// Kafka's, `IO`, and those of a login.
pub(super) fn see(cluster: &mut Cluster, mirror: &mut Mirror) -> Result<Seen, Error> {
    let ourselves = cluster.principal();
    let shows = Cell::new(Shows::Nothing);
    mirror.begin();
    let (identity, sights) = cluster.all_tokens(|token| {
        let shown = match &ourselves {
            None => Shows::Unclear,
            Some(ourselves) if is_of(&token, ourselves) => Shows::Nothing,
            Some(_) => Shows::Others,
        };
        shows.set(shows.get().max(shown));
        mirror.see(token)
    })?;
    Ok(Seen { identity, sights, shows: shows.get() })
}

impl Seen {
    /// Whether that is all, and what is to be done then. `has_looked`: the store was filled from it before.
    ///
    /// # Errors
    ///
    /// `TOKEN_AUTHORIZATION_FAILED` where it is not to be believed; `IO`, and those of a login. The store is
    /// to stay as it is.
    pub(super) fn judge(
        self,
        cluster: &mut Cluster,
        mirror: &Mirror,
        has_looked: bool,
    ) -> Result<Look, Error> {
        let ourselves = cluster.principal();
        let (who, grant) = (name(ourselves.as_deref()), grant(ourselves.as_deref()));
        let Self { identity: Identity { may_everything, .. }, sights, shows } = self;
        let refused = |text| Err(Error::new(Status::TOKEN_AUTHORIZATION_FAILED, text));
        let evidence = Evidence { shows, may_everything, has_looked, misses: mirror.last_unseen() };
        let warning = match evidence.judge() {
            Verdict::Believed => None,
            Verdict::BelievedAtFirst => Some(format!(
                "whether these are all tokens of the cluster cannot be told: Kafka has no error where {who} \
                 may not describe those of others; to make sure, {grant}"
            )),
            Verdict::Doubted => {
                return refused(format!(
                    "the cluster shows no token of anybody but {who}: either it has none yet, or that \
                     principal may not describe them, for which Kafka has no error; {grant}"
                ));
            }
            Verdict::Depends(id) => match cluster.has_token(id)? {
                Some(true) => {
                    return refused(format!(
                        "{who} may no longer describe the tokens of others: a broker has the token {id}, \
                         and does not show it; the store keeps its tokens; {grant}"
                    ));
                }
                Some(false) => None,
                None if may_everything => None,
                // Whoever was refused comes again; whoever was let in although the token had ended does
                // not.
                None => Some(format!(
                    "the cluster shows no token of anybody but {who} any more, so the store has none \
                     either; should that principal have lost its right to describe them, {grant}"
                )),
            },
        };
        Ok(Look { changes: mirror.end(sights), warning })
    }
}

/// Whose tokens an answer shows; the later ones say more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Shows {
    /// None that we would not see without any right.
    Nothing,
    /// Some, of which nobody but the brokers knows whether they are ours.
    Unclear,
    /// Some token is not our own: we may describe those of others.
    Others,
}

/// What there is to say whether an answer shows all tokens.
struct Evidence<'a> {
    shows: Shows,
    /// We may do everything to the cluster, as super users do, who see all tokens, and others who may not.
    may_everything: bool,
    has_looked: bool,
    /// Some token of the store that the answer lacks.
    misses: Option<&'a str>,
}

#[derive(PartialEq, Eq, Debug)]
enum Verdict<'a> {
    Believed,
    /// Nothing speaks against it, and nothing is lost by it.
    BelievedAtFirst,
    Doubted,
    /// On whether this token is still there.
    Depends(&'a str),
}

impl<'a> Evidence<'a> {
    fn judge(&self) -> Verdict<'a> {
        match (self.shows, self.has_looked, self.misses) {
            (Shows::Others, _, _) | (_, true, None) => Verdict::Believed,
            (_, true, Some(id)) => Verdict::Depends(id),
            (Shows::Unclear, false, _) => Verdict::BelievedAtFirst,
            (Shows::Nothing, false, _) if self.may_everything => Verdict::BelievedAtFirst,
            (Shows::Nothing, false, _) => Verdict::Doubted,
        }
    }
}

/// Whether the principal sees the token without any right.
fn is_of(token: &Token, principal: &str) -> bool {
    let concerned = [token.owner.as_deref(), token.requester.as_deref()].into_iter().flatten();
    concerned.chain(token.renewers.iter().map(String::as_str)).any(|of| of == principal)
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
        let judge = |shows, may_everything, has_looked, misses| {
            Evidence { shows, may_everything, has_looked, misses }.judge()
        };
        use Shows::{Nothing, Others, Unclear};
        for may_everything in [false, true] {
            for (has_looked, misses) in [(false, None), (true, None), (true, Some("id"))] {
                assert_eq!(judge(Others, may_everything, has_looked, misses), Verdict::Believed);
            }
            for shows in [Nothing, Unclear] {
                let judge = |misses| judge(shows, may_everything, true, misses);
                assert_eq!(judge(None), Verdict::Believed); // nothing would change
                assert_eq!(judge(Some("id")), Verdict::Depends("id"));
            }
            let first = judge(Unclear, may_everything, false, None);
            assert_eq!(first, Verdict::BelievedAtFirst);
        }
        // Rights to the cluster are none to its tokens, but a super user's cluster may have no token yet.
        assert_eq!(judge(Nothing, true, false, None), Verdict::BelievedAtFirst);
        assert_eq!(judge(Nothing, false, false, None), Verdict::Doubted);
    }

    #[test]
    fn whose_a_token_is() {
        let mut token = Token::new(b"id", b"aG1hYw==").unwrap();
        token.owner = Some("User:alice".to_owned());
        token.requester = Some("User:bob".to_owned());
        token.renewers = vec!["User:carol".to_owned()];
        for ours in ["User:alice", "User:bob", "User:carol"] {
            assert!(is_of(&token, ours));
        }
        assert!(!is_of(&token, "User:dora"));
    }
}
