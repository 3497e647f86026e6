//! That a store follows a Kafka cluster: whose tokens it has, and how it stands with them.
//!
//! The record is written by the one follower and read at each login by a token, so what a login needs
//! stands first:
//!
//! ```text
//! longest age (8 bytes) | last look (8) | tokens still to come (8) | failures (8) | cluster's id
//! ```

use core::ops::RangeInclusive;

use super::backend::{Read, Table, Write};
use super::record::{self, Decoder, Encoder};
use super::schema;
use crate::{error::Error, status::Status};

/// That a store follows a Kafka cluster, and how it stands with that.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Following {
    /// The cluster whose tokens the store has.
    pub cluster_id: String,
    /// When the follower last began a look at the cluster that it got to the end of, in ms since 1970;
    /// None before the first. The store has no token that had gone by then.
    pub looked_ms: Option<i64>,
    /// Tokens are refused when the last look is older than this; None: never.
    pub max_age_ms: Option<i64>,
    /// How many tokens of the cluster were still to be put into the store.
    pub lag: u64,
    /// How many looks have failed since.
    pub failures: u64,
}

impl Following {
    /// How old the last look is; below zero where the clock was set back since.
    pub fn age_ms(&self, now_ms: i64) -> Option<i64> {
        self.looked_ms.map(|looked_ms| now_ms.saturating_sub(looked_ms))
    }

    /// That this is the cluster that the store follows.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` for another one.
    pub(crate) fn check_cluster(&self, id: &str) -> Result<(), Error> {
        let followed = &self.cluster_id;
        if followed == id {
            return Ok(());
        }
        let text = format!(
            "the store follows the cluster {followed:?}, and the brokers are of the cluster {id:?}: give \
             each cluster a store of its own"
        );
        Err(Error::new(Status::INVALID_STATE, text))
    }

    /// The same with the shorter one of two limits.
    pub(crate) fn limited(self, max_age_ms: Option<i64>) -> Self {
        let max_age_ms = [self.max_age_ms, max_age_ms].into_iter().flatten().min();
        Self { max_age_ms, ..self }
    }

    /// Whether servers of the store refuse its tokens, because nobody knows whether they are still there.
    pub fn is_stale(&self, now_ms: i64) -> bool {
        !known(self.max_age_ms, self.looked_ms).contains(&now_ms)
    }
}

/// When tokens of the store are good, whatever their own expiry: near the last look. A look that lies as
/// far in the future was taken by a clock that was wrong, and may be of any age.
fn known(max_age_ms: Option<i64>, looked_ms: Option<i64>) -> RangeInclusive<i64> {
    match (max_age_ms, looked_ms) {
        (None, _) => i64::MIN..=i64::MAX,
        (Some(_), None) => RangeInclusive::new(i64::MAX, i64::MIN), // never
        (Some(max_age_ms), Some(looked_ms)) => {
            looked_ms.saturating_sub(max_age_ms)..=looked_ms.saturating_add(max_age_ms)
        }
    }
}

/// Whether the store follows a cluster, and how.
pub(crate) fn get(read: &dyn Read) -> Result<Option<Following>, Error> {
    record::get(read, Table::Meta, KEY)?.map(decode).transpose()
}

/// When tokens of the store are good, whatever their own expiry.
pub(super) fn tokens_known(read: &dyn Read) -> Result<RangeInclusive<i64>, Error> {
    let (max_age_ms, looked_ms) = match record::get(read, Table::Meta, KEY)? {
        Some(mut decoder) => (optional(&mut decoder)?, optional(&mut decoder)?),
        None => (None, None),
    };
    Ok(known(max_age_ms, looked_ms))
}

/// Writes how it stands.
pub(crate) fn put(write: &mut dyn Write, following: &Following) -> Result<(), Error> {
    let Following { cluster_id, looked_ms, max_age_ms, lag, failures } = following;
    let mut encoder = Encoder::new();
    encoder.i64(max_age_ms.unwrap_or(NONE));
    encoder.i64(looked_ms.unwrap_or(NONE));
    encoder.i64(i64::try_from(*lag).unwrap_or(i64::MAX));
    encoder.i64(i64::try_from(*failures).unwrap_or(i64::MAX));
    encoder.bytes(cluster_id.as_bytes())?;
    encoder.put(write, Table::Meta, KEY)
}

/// Lets the store follow a cluster from now on, or go on with it. Until there is a good look, the limit
/// can become shorter and not longer: a look that fails must not open what was closed.
///
/// # Errors
///
/// `INVALID_STATE` for a store that follows another cluster, or has tokens of its own.
pub(crate) fn begin(
    write: &mut dyn Write,
    cluster_id: &str,
    max_age_ms: Option<i64>,
) -> Result<Following, Error> {
    let refused = |text| Err(Error::new(Status::INVALID_STATE, text));
    let following = match get(&*write)? {
        Some(following) => {
            following.check_cluster(cluster_id)?;
            following.limited(max_age_ms)
        }
        None => {
            let tokens = write.len(Table::Tokens)?;
            if tokens > 0 {
                return refused(format!(
                    "the store has {tokens} tokens of its own, and one that follows a cluster has that \
                     cluster's alone: name another store"
                ));
            }
            schema::set_following(write)?;
            let (cluster_id, looked_ms) = (cluster_id.to_owned(), None);
            Following { cluster_id, looked_ms, max_age_ms, lag: 0, failures: 0 }
        }
    };
    put(write, &following)?;
    Ok(following)
}

/// Whether the store's tokens are its own to change.
///
/// # Errors
///
/// `INVALID_STATE` where they are a cluster's.
pub(crate) fn check_own(read: &dyn Read) -> Result<(), Error> {
    let Some(Following { cluster_id, .. }) = get(read)? else { return Ok(()) };
    let text = format!(
        "the store follows the Kafka cluster {cluster_id:?}, which its tokens belong to: create, renew and \
         expire them there (scramtoken delegation-tokens --bootstrap-server ...), and the store will have \
         it within seconds"
    );
    Err(Error::new(Status::INVALID_STATE, text))
}

/// Checks a record of the table, where it is this one.
pub(super) fn check(key: &[u8], decoder: Decoder<'_, '_>) -> Result<(), Error> {
    if key == KEY { decode(decoder).map(|_| ()) } else { Ok(()) }
}

fn decode(mut decoder: Decoder<'_, '_>) -> Result<Following, Error> {
    let (max_age_ms, looked_ms) = (optional(&mut decoder)?, optional(&mut decoder)?);
    let (lag, failures) = (count(&mut decoder)?, count(&mut decoder)?);
    let cluster_id = decoder.text()?.to_owned();
    decoder.end()?;
    Ok(Following { cluster_id, looked_ms, max_age_ms, lag, failures })
}

fn optional(decoder: &mut Decoder<'_, '_>) -> Result<Option<i64>, Error> {
    decoder.i64().map(|value| Some(value).filter(|value| *value != NONE))
}

fn count(decoder: &mut Decoder<'_, '_>) -> Result<u64, Error> {
    let value = decoder.i64()?;
    u64::try_from(value).map_err(|_| decoder.damaged())
}

const KEY: &[u8] = b"follows";
const NONE: i64 = i64::MIN;

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::tokens::{self, tests::token};
    use super::*;
    use crate::authority::{NewToken, Requester, TokenManager};
    use crate::scram::{
        AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Mechanism, NONCE_ENTROPY, Nonce,
        ServerPolicy,
    };
    use crate::store::keys;
    use crate::token::Token;

    fn token_of(id: &str) -> Token {
        let mut token = Token::new(id.as_bytes(), b"aG1hYw==").unwrap();
        (token.owner, token.expiry_ms) = (Some("User:alice".to_owned()), Some(5000));
        token
    }

    fn begin_in(store: &Store, id: &str, max_age_ms: Option<i64>) -> Result<Following, Error> {
        store.write(|write| begin(write, id, max_age_ms))
    }

    #[test]
    fn a_store_follows_one_cluster() {
        let store = Store::open("memory:").unwrap();
        assert_eq!(store.read(get), Ok(None));
        store.read(check_own).unwrap();
        let begun = begin_in(&store, "first", Some(10)).unwrap();
        let how = Following { looked_ms: Some(-5), lag: 7, failures: 8, ..begun };
        store.write(|write| put(write, &how)).unwrap();
        assert_eq!(store.read(get), Ok(Some(how.clone())));
        let error = begin_in(&store, "second", None).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_STATE);
        assert!(error.text().contains("\"first\"") && error.text().contains("\"second\""));
        for (wanted, limit) in [(None, 10), (Some(20), 10), (Some(5), 5), (None, 5)] {
            let again = begin_in(&store, "first", wanted).unwrap();
            assert_eq!(again, Following { max_age_ms: Some(limit), ..how.clone() });
        }
        assert_eq!(store.check(|_, _| ()).unwrap().problems, [""; 0]);
    }

    #[test]
    fn a_store_has_one_follower_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("lmdb:{}/store", directory.path().display())).unwrap();
        let first = store.lock_follower().unwrap();
        let error = store.lock_follower().unwrap_err();
        assert_eq!(error.status(), Status::INVALID_STATE);
        assert!(error.text().contains("another process follows"), "{error}");
        drop(first);
        store.lock_follower().unwrap();
        let in_memory = Store::open("memory:").unwrap().lock_follower().unwrap_err();
        assert_eq!(in_memory.status(), Status::INVALID_ARGUMENT);
    }

    /// The library before this one knows version 1 alone.
    #[test]
    fn older_libraries_open_no_store_that_follows() {
        let store = Store::open("memory:").unwrap();
        let version = || {
            store.read(|read| {
                let mut decoder = record::get(read, Table::Meta, b"schema-version")?.unwrap();
                decoder.u32()
            })
        };
        store.put_token(&token_of("a")).unwrap();
        assert_eq!(version(), Ok(1));
        store.delete_token("a").unwrap();
        begin_in(&store, "first", None).unwrap();
        assert_eq!(version(), Ok(2));
        store.read(schema::check).unwrap();
    }

    #[test]
    fn a_store_with_tokens_of_its_own_follows_none() {
        let store = Store::open("memory:").unwrap();
        store
            .write(|write| {
                keys::register(write, "key", &[1; 32])?;
                tokens::put(write, &token("a", "User:alice", 5000))
            })
            .unwrap();
        let error = begin_in(&store, "first", None).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_STATE);
        assert!(error.text().contains("1 tokens of its own"), "{error}");
        assert_eq!(store.read(get), Ok(None));
    }

    #[test]
    fn how_long_tokens_are_good() {
        let store = Store::open("memory:").unwrap();
        let known = || store.read(tokens_known).unwrap();
        let always = i64::MIN..=i64::MAX;
        assert_eq!(known(), always);
        let begun = begin_in(&store, "first", None).unwrap();
        assert_eq!(known(), always);
        for (max_age_ms, looked_ms, expected) in [
            (Some(10), Some(1000), 990..=1010),
            (Some(i64::MAX), Some(1000), 1000 - i64::MAX..=i64::MAX),
            (None, Some(1000), always),
        ] {
            let how = Following { max_age_ms, looked_ms, ..begun.clone() };
            store.write(|write| put(write, &how)).unwrap();
            assert_eq!(known(), expected);
            assert!(!how.is_stale(1000));
        }
        let never = Following { max_age_ms: Some(10), looked_ms: None, ..begun };
        store.write(|write| put(write, &never)).unwrap();
        assert!(known().is_empty() && never.is_stale(0));
    }

    /// What a login comes to, at this time.
    fn log_in(store: &Store, credential: ClientCredential, now_ms: i64) -> Status {
        let nonce = Nonce::from_random([1; NONCE_ENTROPY]);
        let client = ClientLogin::new(Mechanism::ScramSha256, credential).start(&nonce).unwrap();
        let server = AwaitClientFirst::new(Mechanism::ScramSha256, ServerPolicy::default(), nonce);
        let question = server.step(client.message()).unwrap();
        let server = store.answer(question, &store.mock_challenges(4096)).unwrap();
        let client = client.step(server.message(), None, &Cancel::default()).unwrap();
        match server.step(client.message(), now_ms) {
            Ok(_) => Status::OK,
            Err(rejected) => {
                assert_eq!(rejected.message(), b"e=invalid-proof");
                rejected.error().status()
            }
        }
    }

    #[test]
    fn a_stale_store_refuses_tokens_and_lets_users_in() {
        let store = Store::open("memory:").unwrap();
        store.put_token(&token_of("id")).unwrap();
        store.put_user(Mechanism::ScramSha256, b"bob", b"pencil", 4096).unwrap();
        let by_token = |id: &[u8], hmac: &[u8], now_ms| {
            log_in(&store, ClientCredential::token(id, hmac).unwrap(), now_ms)
        };
        let following = |max_age_ms, looked_ms| {
            let (cluster_id, lag, failures) = ("id".to_owned(), 0, 0);
            let how = Following { cluster_id, looked_ms, max_age_ms, lag, failures };
            store.write(|write| put(write, &how)).unwrap();
        };
        assert_eq!(by_token(b"id", b"aG1hYw==", 4000), Status::OK);
        following(None, Some(1000));
        assert_eq!(by_token(b"id", b"aG1hYw==", 4000), Status::OK);
        following(Some(500), Some(1000));
        assert_eq!(by_token(b"id", b"aG1hYw==", 1500), Status::OK);
        for (id, hmac, now_ms, status) in [
            (b"id", b"aG1hYw==", 1501, Status::TOKENS_STALE),
            (b"id", b"aG1hYw==", 499, Status::TOKENS_STALE), // the clock was set back
            (b"id", b"aG1hYw==", 500, Status::OK),
            (b"id", b"b3RoZXI=", 1501, Status::INVALID_PROOF),
            (b"ix", b"aG1hYw==", 1501, Status::TOKENS_STALE), // it may have been made since
            (b"ix", b"aG1hYw==", 1500, Status::TOKEN_NOT_FOUND),
            (b"id", b"aG1hYw==", 5001, Status::TOKEN_EXPIRED),
        ] {
            assert_eq!(by_token(id, hmac, now_ms), status, "{now_ms}");
        }
        let user = ClientCredential::password(b"bob", b"pencil").unwrap();
        assert_eq!(log_in(&store, user, 1501), Status::OK);
        following(Some(500), None);
        assert_eq!(by_token(b"id", b"aG1hYw==", 0), Status::TOKENS_STALE);
    }

    #[test]
    fn nobody_else_changes_the_tokens_of_such_a_store() {
        let store = Store::open("memory:").unwrap();
        begin_in(&store, "first", None).unwrap();
        let manager = TokenManager::new(&store);
        manager.add_secret_key("key", b"0123456789abcdef").unwrap();
        manager.add_secret_key("other", b"fedcba9876543210").unwrap();
        let alice = Requester::new("User:alice".parse().unwrap());
        let random = || Ok([1; 16]);
        let refused = |outcome: Result<(), Error>| {
            let error = outcome.unwrap_err();
            assert_eq!(error.status(), Status::INVALID_STATE);
            assert!(error.text().contains("follows the Kafka cluster \"first\""), "{error}");
        };
        refused(manager.create(&alice, &NewToken::default(), 5, random).map(|_| ()));
        refused(manager.renew(&alice, b"hmac", -1, 5).map(|_| ()));
        refused(manager.expire(&alice, b"hmac", -1, 5).map(|_| ()));
        refused(manager.sweep(5).map(|_| ()));
        refused(manager.sweep_store(5).map(|_| ()));
        refused(manager.remove_secret_key("other", 5).map(|_| ()));
        refused(store.delete_token("id"));
    }
}
