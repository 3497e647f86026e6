//! What the store has of each token, against what the cluster shows. No socket, no clock, no store.

use core::cell::Cell;
use core::hash::{Hash, Hasher};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;

use crate::store::tokens::{MAX_ID, StoredToken, hmac_digest};
use crate::token::{Principal, Token};

/// All tokens of the store, as far as they can change.
#[derive(Default)]
pub(super) struct Mirror {
    tokens: HashMap<String, Known>,
    /// The number of the look that is under way.
    look: u64,
}

struct Known {
    terms: Terms,
    /// The last look that has shown it.
    seen: Cell<u64>,
}

/// What a token is, but for its id.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Terms {
    hmac_digest: [u8; 32],
    expiry_ms: i64,
    /// Of its principals and of the times that never change.
    rest: u64,
}

/// What one token of an answer comes to.
#[derive(Debug)]
pub(super) enum Sight {
    /// The store lacks it.
    New(Token),
    /// The store has another of its id, such as one with an HMAC by an earlier secret key.
    Replaced(Token),
    /// It ends at another time than the store says.
    Moved { id: String, expiry_ms: i64 },
    /// It cannot log in here.
    Odd,
}

/// What is to be done for the store to equal the cluster.
#[derive(Default, Debug)]
pub(super) struct Changes {
    /// To be derived; the longest to live come first.
    pub(super) new: Vec<Token>,
    pub(super) moved: Vec<(String, i64)>,
    pub(super) gone: Vec<String>,
    /// How many tokens of the cluster are not for this store.
    pub(super) odd: u64,
}

impl Mirror {
    /// How many tokens the store has.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Of the tokens that the look under way has not shown, the last to end by itself.
    pub(super) fn last_unseen(&self) -> Option<&str> {
        let last = self.unseen().max_by_key(|(_, known)| known.terms.expiry_ms);
        last.map(|(id, _)| id.as_str())
    }

    fn unseen(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.tokens.iter().filter(|(_, known)| known.seen.get() != self.look)
    }

    /// Begins a look at all tokens of the cluster.
    pub(super) fn begin(&mut self) {
        self.look += 1;
    }

    /// The cluster shows this token; None where the store has it so.
    pub(super) fn see(&self, mut token: Token) -> Option<Sight> {
        // Kafka's times are after 1970; below zero would mean never, or nothing.
        token.expiry_ms = Some(token.expiry_ms.unwrap_or_default().max(0));
        if !can_log_in(&token) {
            return Some(Sight::Odd);
        }
        let shown = Terms::of(&token);
        let Some(known) = self.tokens.get(&token.id) else { return Some(Sight::New(token)) };
        known.seen.set(self.look);
        if known.terms == shown {
            return None;
        }
        let expiry_ms = shown.expiry_ms;
        if known.terms == (Terms { expiry_ms: known.terms.expiry_ms, ..shown }) {
            return Some(Sight::Moved { id: token.id, expiry_ms });
        }
        Some(Sight::Replaced(token))
    }

    /// Ends a look that saw these.
    pub(super) fn end(&self, sights: Vec<Sight>) -> Changes {
        let gone = self.unseen().map(|(id, _)| id.to_owned()).collect();
        let mut changes = Changes { gone, ..Changes::default() };
        for sight in sights {
            match sight {
                Sight::New(token) => changes.new.push(token),
                Sight::Replaced(token) => {
                    // What it was logs in no longer, however long the other takes to be derived.
                    changes.gone.push(token.id.clone());
                    changes.new.push(token);
                }
                Sight::Moved { id, expiry_ms } => changes.moved.push((id, expiry_ms)),
                Sight::Odd => changes.odd += 1,
            }
        }
        changes.new.sort_by_key(|token| core::cmp::Reverse(token.expiry_ms));
        changes.gone.sort_unstable(); // neighbours lie on the same page
        changes.moved.sort_unstable();
        changes
    }

    /// The store has this token now.
    pub(super) fn put(&mut self, token: &StoredToken) {
        let known = Known { terms: Terms::of_stored(token), seen: Cell::new(self.look) };
        self.tokens.insert(token.id.clone(), known);
    }

    /// The token of that id ends then, in the store too.
    pub(super) fn moved(&mut self, id: &str, expiry_ms: i64) {
        if let Some(known) = self.tokens.get_mut(id) {
            known.terms.expiry_ms = expiry_ms;
        }
    }

    pub(super) fn removed(&mut self, id: &str) {
        self.tokens.remove(id);
    }
}

impl Terms {
    fn of(token: &Token) -> Self {
        let owner = token.owner.as_deref().unwrap_or_default();
        let requester = token.requester.as_deref().unwrap_or(owner);
        let expiry_ms = token.expiry_ms.unwrap_or_default();
        let (issue_ms, max_ms) = (token.issue_ms.unwrap_or_default(), token.max_ms);
        Self {
            hmac_digest: hmac_digest(token.hmac_text().as_bytes()),
            expiry_ms,
            rest: rest((owner, requester, &token.renewers, issue_ms, max_ms.unwrap_or(expiry_ms))),
        }
    }

    fn of_stored(token: &StoredToken) -> Self {
        let StoredToken { owner, requester, renewers, issue_ms, max_ms, .. } = token;
        let rest = rest((owner, requester, renewers, *issue_ms, *max_ms));
        Self { hmac_digest: token.hmac_digest, expiry_ms: token.expiry_ms, rest }
    }
}

fn rest(of: (&str, &str, &[String], i64, i64)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Whether a store takes it: a login acts as `User:` and the owner's name, so a token of an owner of
/// another type would let somebody else in.
fn can_log_in(token: &Token) -> bool {
    let owner = token.owner.as_deref().unwrap_or_default().parse::<Principal>();
    owner.is_ok_and(|owner| owner.is_user()) && (1..=MAX_ID).contains(&token.id.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn token(id: &str, expiry_ms: i64) -> Token {
        let mut token = Token::new(id.as_bytes(), b"aG1hYw==").unwrap();
        token.owner = Some("User:alice".to_owned());
        token.requester = Some("User:bob".to_owned());
        token.renewers = vec!["User:carol".to_owned()];
        (token.issue_ms, token.expiry_ms, token.max_ms) = (Some(5), Some(expiry_ms), Some(9000));
        token
    }

    fn mirror(tokens: &[Token]) -> Mirror {
        let store = Store::open("memory:").unwrap();
        let mut mirror = Mirror::default();
        for token in store.derive_tokens(tokens) {
            mirror.put(&token.unwrap());
        }
        mirror
    }

    fn look(mirror: &mut Mirror, shown: &[Token]) -> Changes {
        mirror.begin();
        let sights = shown.iter().filter_map(|token| mirror.see(token.clone())).collect();
        mirror.end(sights)
    }

    fn ids(tokens: &[Token]) -> Vec<&str> {
        tokens.iter().map(|token| token.id.as_str()).collect()
    }

    #[test]
    fn what_is_equal_changes_nothing() {
        let all = [token("a", 100), token("b", 200)];
        let mut mirror = mirror(&all);
        for _ in 0..3 {
            let changes = look(&mut mirror, &all);
            assert!(changes.new.is_empty() && changes.moved.is_empty() && changes.gone.is_empty());
            assert_eq!(mirror.last_unseen(), None);
        }
    }

    #[test]
    fn every_difference_is_seen() {
        let mut mirror = mirror(&[token("a", 100), token("b", 200), token("c", 300)]);
        let other_hmac = Token::new(b"c", b"b3RoZXI=").unwrap();
        let other_hmac = Token { hmac: other_hmac.hmac, ..token("c", 300) };
        let shown = [token("new", 400), token("longer", 500), token("a", 150), other_hmac];
        let changes = look(&mut mirror, &shown);
        assert_eq!(ids(&changes.new), ["longer", "new", "c"]); // the longest to live first
        assert_eq!(changes.moved, [("a".to_owned(), 150)]);
        assert_eq!(changes.gone, ["b", "c"]); // another HMAC: nobody logs in by the old one
        assert_eq!(mirror.last_unseen(), Some("b"));

        // Until it is done, the next look says the same.
        assert_eq!(look(&mut mirror, &shown).gone, ["b", "c"]);
        mirror.removed("b");
        mirror.removed("c");
        mirror.moved("a", 150);
        let changes = look(&mut mirror, &shown);
        assert_eq!((changes.moved.len(), changes.gone.len(), changes.new.len()), (0, 0, 3));
    }

    #[test]
    fn any_field_that_changes_is_a_new_token() {
        let changes: [fn(&mut Token); 5] = [
            |token| token.owner = Some("User:dora".to_owned()),
            |token| token.requester = Some("User:dora".to_owned()),
            |token| token.renewers.clear(),
            |token| token.issue_ms = Some(6),
            |token| token.max_ms = Some(9001),
        ];
        for change in changes {
            let mut mirror = mirror(&[token("a", 100)]);
            let mut changed = token("a", 100);
            change(&mut changed);
            let changes = look(&mut mirror, &[changed]);
            assert_eq!((ids(&changes.new), changes.gone), (vec!["a"], vec!["a".to_owned()]));
        }
    }

    /// Whether it is still there is asked of one: it must not be one that has ended by itself.
    #[test]
    fn of_the_unseen_the_last_to_end() {
        let mut mirror = mirror(&[token("a", 100), token("b", 300), token("c", 200)]);
        look(&mut mirror, &[]);
        assert_eq!(mirror.last_unseen(), Some("b"));
        look(&mut mirror, &[token("b", 300)]);
        assert_eq!(mirror.last_unseen(), Some("c"));
    }

    #[test]
    fn what_cannot_log_in_here_is_left_out() {
        let mut mirror = mirror(&[token("a", 100)]);
        let groups = Token { owner: Some("Group:x".to_owned()), ..token("g", 100) };
        let nobodys = Token { owner: Some("User:".to_owned()), ..token("n", 100) };
        let long = token(&"x".repeat(MAX_ID + 1), 100);
        let changes = look(&mut mirror, &[groups, nobodys, long, token("a", 100)]);
        assert_eq!((changes.odd, changes.new.len(), changes.gone.len()), (3, 0, 0));
        let never = Token { expiry_ms: Some(-1), ..token("never", 0) };
        assert_eq!(look(&mut mirror, &[never]).new[0].expiry_ms, Some(0)); // not for ever
    }
}
