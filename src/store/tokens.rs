//! Delegation tokens, which every function here keeps in step with their indexes.

use core::ops::ControlFlow;

use zeroize::Zeroizing;

use super::backend::{Read, Table, Write};
use super::credential::{CredentialRef, StoredCredential};
use super::indexes::{self, INDEXES, Indexed, sha256};
use super::page::{Page, page};
use super::record::{self, Decoder, Encoder};
use crate::scram::{Credential, Mechanism};
use crate::{error::Error, status::Status};

/// A token as the store keeps it. Its HMAC is not: only a digest to find it by. Times are
/// milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct StoredToken {
    /// 1 to [`MAX_ID`] bytes.
    pub(crate) id: String,
    /// The secret key that its HMAC was made with: the number of one in [`keys`](super::keys).
    pub(crate) key_number: u32,
    /// Principals, such as `User:alice`.
    pub(crate) owner: String,
    pub(crate) requester: String,
    pub(crate) renewers: Vec<String>,
    pub(crate) issue_ms: i64,
    pub(crate) expiry_ms: i64,
    pub(crate) max_ms: i64,
    /// [`hmac_digest`] of its HMAC.
    pub(crate) hmac_digest: [u8; 32],
    /// At most one for each mechanism.
    pub(crate) credentials: Vec<StoredCredential>,
}

/// The longest id, in bytes.
pub(crate) const MAX_ID: usize = 255;

/// What is kept of an HMAC: SHA-256 of its base64 text. Nobody guesses the 512 bits before it.
pub(crate) fn hmac_digest(hmac: &[u8]) -> [u8; 32] {
    sha256(hmac)
}

/// Writes a token in place of an earlier one of its id.
pub(crate) fn put(write: &mut dyn Write, token: &StoredToken) -> Result<(), Error> {
    let id = token.id.as_bytes();
    if !(1..=MAX_ID).contains(&id.len()) {
        let text = format!("a token's id has {} bytes and not 1 to {MAX_ID}", id.len());
        return Err(Error::new(Status::INVALID_ARGUMENT, text));
    }
    remove(write, &token.id)?;
    token.encode()?.put(write, Table::Tokens, id)?;
    for index in INDEXES {
        for key in token.index_keys(index) {
            Encoder::new().put(write, index, &key)?;
        }
    }
    Ok(())
}

/// Removes the token of that id and gives what it was, without credentials.
pub(crate) fn remove(write: &mut dyn Write, id: &str) -> Result<Option<StoredToken>, Error> {
    Ok(remove_all(write, &[id])?.pop())
}

/// Removes the tokens of these ids, as far as they are there, and gives what they were, without
/// credentials.
pub(crate) fn remove_all(
    write: &mut dyn Write,
    ids: &[impl AsRef<str>],
) -> Result<Vec<StoredToken>, Error> {
    let mut removed = Vec::new();
    for id in ids.iter().map(AsRef::as_ref) {
        if let Some(token) = by_id(&*write, id)? {
            removed.push(take(write, token)?);
        }
    }
    remove_from_indexes(write, &removed)?;
    Ok(removed)
}

/// Removes tokens that were found [`expired`], but for those that were renewed or removed since, and
/// gives what they were, without credentials.
pub(crate) fn remove_expired(
    write: &mut dyn Write,
    expired: &[Indexed],
) -> Result<Vec<StoredToken>, Error> {
    let mut removed = Vec::new();
    for Indexed { id, key } in expired {
        match by_id(&*write, id)? {
            Some(token) if token.expiry_key() == *key => removed.push(take(write, token)?),
            _ if write.get(Table::Expiries, key)?.is_none() => {}
            // One that nobody could remove would be found for ever.
            _ => return Err(record::damaged(Table::Expiries, key)),
        }
    }
    remove_from_indexes(write, &removed)?;
    Ok(removed)
}

/// Removes a token from its table alone, and keeps no credentials, which there are thousands of in a
/// sweep.
fn take(write: &mut dyn Write, token: StoredToken) -> Result<StoredToken, Error> {
    write.delete(Table::Tokens, token.id.as_bytes())?;
    Ok(StoredToken { credentials: Vec::new(), ..token })
}

/// From each index in its own order: the neighbours of a key are on its page, which is copied when
/// the first of them goes, and written once.
fn remove_from_indexes(write: &mut dyn Write, tokens: &[StoredToken]) -> Result<(), Error> {
    for index in INDEXES {
        let mut keys: Vec<_> = tokens.iter().flat_map(|token| token.index_keys(index)).collect();
        keys.sort_unstable();
        for key in keys {
            write.delete(index, &key)?;
        }
    }
    Ok(())
}

/// The token of that id, expired or not.
pub(crate) fn by_id(read: &dyn Read, id: &str) -> Result<Option<StoredToken>, Error> {
    record::get(read, Table::Tokens, id.as_bytes())?
        .map(|decoder| decode(id.as_bytes(), decoder))
        .transpose()
}

/// The token of that HMAC, expired or not.
pub(crate) fn by_hmac(read: &dyn Read, hmac: &[u8]) -> Result<Option<StoredToken>, Error> {
    let digest = hmac_digest(hmac);
    for found in indexes::of_hmac(read, &digest)? {
        let token = indexed(read, Table::Hmacs, &found)?;
        if token.hmac_digest == digest {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

/// Every token, in the order of ids. The first page is that from the empty key.
pub(crate) fn all(read: &dyn Read, from: &[u8], limit: usize) -> Result<Page<StoredToken>, Error> {
    page(read, Table::Tokens, from, limit, |key, record| {
        let decoder = Decoder::new(Table::Tokens, key, record)?;
        Ok(Some(decode(key, decoder)?))
    })
}

/// The tokens that a principal owns, asked for or may renew, oldest first. The first page is that from
/// the empty key.
pub(crate) fn of_principal(
    read: &dyn Read,
    principal: &str,
    from: &[u8],
    limit: usize,
) -> Result<Page<StoredToken>, Error> {
    let page = indexes::of_principal(read, principal, from, limit)?;
    let token = |found| indexed(read, Table::Principals, found);
    Ok(Page { items: page.items.iter().map(token).collect::<Result<_, _>>()?, next: page.next })
}

/// Tokens that expired before `now_ms`: those that expired first, in the order of ids, where
/// neighbours lie on the same page. [`remove_expired`] takes them.
pub(crate) fn expired(read: &dyn Read, now_ms: i64, limit: usize) -> Result<Vec<Indexed>, Error> {
    let mut found = indexes::expired(read, now_ms, limit)?;
    found.sort_unstable();
    Ok(found)
}

/// The token that an index names.
fn indexed(read: &dyn Read, index: Table, found: &Indexed) -> Result<StoredToken, Error> {
    by_id(read, &found.id)?.ok_or_else(|| record::damaged(index, &found.key))
}

/// Ids of the tokens that were made with a secret key, found by looking at every token: as many as
/// are among the next `limit` tokens. The first page is that from the empty key.
pub(crate) fn of_key(
    read: &dyn Read,
    key_number: u32,
    from: &[u8],
    limit: usize,
) -> Result<Page<String>, Error> {
    let looked_at = page(read, Table::Tokens, from, limit, |key, record| {
        let found = TokenLogin::decode(&mut Decoder::new(Table::Tokens, key, record)?)?;
        let id = indexes::text(Table::Tokens, key, key)?;
        Ok(Some((found.key_number == key_number).then(|| id.to_owned())))
    })?;
    Ok(Page { items: looked_at.items.into_iter().flatten().collect(), next: looked_at.next })
}

/// How many tokens were made with a secret key.
pub(super) fn count_of_key(read: &dyn Read, key_number: u32) -> Result<u64, Error> {
    let mut count = 0;
    read.scan(Table::Tokens, b"", &mut |key, record| {
        let found = TokenLogin::decode(&mut Decoder::new(Table::Tokens, key, record)?)?;
        count += u64::from(found.key_number == key_number);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(count)
}

/// What a login by that token needs. Where there is no such token it is the decoy's, so that it takes as
/// long.
pub(super) fn login<'a>(
    read: &'a dyn Read,
    id: &str,
    mechanism: Mechanism,
    decoy: &'a Decoy,
) -> Result<Login<'a>, Error> {
    let found = read.get(Table::Tokens, id.as_bytes())?;
    let (id, record) = found.map_or((DECOY, decoy.0.as_slice()), |record| (id, record));
    let mut decoder = Decoder::new(Table::Tokens, id.as_bytes(), record)?;
    let token = TokenLogin::decode(&mut decoder)?;
    let mut credentials = token.credentials.into_iter().flatten();
    let credential = credentials.find(|credential| credential.mechanism == mechanism);
    let credential = credential.map(|found| found.credential(&decoder)).transpose()?;
    Ok(Login { is_there: found.is_some(), token, credential })
}

/// What was found of a token that a login asked for.
pub(super) struct Login<'a> {
    /// Whether it is that token's, and not the decoy's.
    pub(super) is_there: bool,
    pub(super) token: TokenLogin<'a>,
    /// None where the token has none of the mechanism.
    pub(super) credential: Option<Credential<'a>>,
}

/// A record that is read where there is no token.
pub(super) struct Decoy(Zeroizing<Vec<u8>>);

impl Decoy {
    /// Of a token like most: of some user's, whom it has no renewer besides.
    pub(super) fn new(credentials: Vec<StoredCredential>) -> Result<Self, Error> {
        let owner = "User:nobody".to_owned();
        let token = StoredToken {
            id: DECOY.to_owned(),
            key_number: 1, // the first that a store has
            owner: owner.clone(),
            requester: owner,
            renewers: Vec::new(),
            issue_ms: 0,
            expiry_ms: 0,
            max_ms: 0,
            hmac_digest: [0; 32],
            credentials,
        };
        Ok(Self(token.encode()?.seal(Table::Tokens, DECOY.as_bytes())))
    }
}

const DECOY: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// What a login needs of a token, in the store's own memory.
pub(super) struct TokenLogin<'a> {
    pub(super) key_number: u32,
    pub(super) expiry_ms: i64,
    pub(super) owner: &'a str,
    credentials: [Option<CredentialRef<'a>>; Mechanism::ALL.len()],
}

impl<'a> TokenLogin<'a> {
    /// Reads the fields that stand first.
    pub(super) fn decode(decoder: &mut Decoder<'a, '_>) -> Result<Self, Error> {
        let (key_number, expiry_ms, owner) = (decoder.u32()?, decoder.i64()?, decoder.text()?);
        let mut credentials = [None; Mechanism::ALL.len()];
        let count = usize::from(decoder.u8()?);
        for place in credentials.get_mut(..count).ok_or_else(|| decoder.damaged())? {
            *place = Some(CredentialRef::decode(decoder)?);
        }
        Ok(Self { key_number, expiry_ms, owner, credentials })
    }
}

/// The token whose record is at a key of the table.
pub(super) fn decode(key: &[u8], mut decoder: Decoder<'_, '_>) -> Result<StoredToken, Error> {
    let login = TokenLogin::decode(&mut decoder)?;
    let mut credentials = Vec::new();
    for credential in login.credentials.into_iter().flatten() {
        credentials.push(StoredCredential::from(&credential.credential(&decoder)?));
    }
    let mut token = StoredToken {
        id: indexes::text(Table::Tokens, key, key)?.to_owned(),
        key_number: login.key_number,
        owner: login.owner.to_owned(),
        issue_ms: decoder.i64()?,
        expiry_ms: login.expiry_ms,
        max_ms: decoder.i64()?,
        hmac_digest: decoder.array()?,
        requester: decoder.text()?.to_owned(),
        renewers: Vec::new(),
        credentials,
    };
    for _ in 0..decoder.u32()? {
        token.renewers.push(decoder.text()?.to_owned());
    }
    decoder.end()?;
    Ok(token)
}

impl StoredToken {
    /// All that an index has of it.
    pub(super) fn index_keys(&self, index: Table) -> Vec<Vec<u8>> {
        let mut principals = vec![self.owner.as_str(), &self.requester];
        principals.extend(self.renewers.iter().map(String::as_str));
        let token = indexes::Indexable {
            id: &self.id,
            hmac_digest: &self.hmac_digest,
            principals,
            issue_ms: self.issue_ms,
            expiry_ms: self.expiry_ms,
        };
        token.keys(index)
    }

    fn expiry_key(&self) -> Vec<u8> {
        indexes::expiry_key(self.expiry_ms, &self.id)
    }

    fn encode(&self) -> Result<Encoder, Error> {
        let mut encoder = Encoder::new();
        encoder.u32(self.key_number);
        encoder.i64(self.expiry_ms);
        encoder.bytes(self.owner.as_bytes())?;
        encoder.u8(u8::try_from(self.credentials.len()).unwrap_or(u8::MAX));
        for credential in &self.credentials {
            credential.encode(&mut encoder)?;
        }
        encoder.i64(self.issue_ms);
        encoder.i64(self.max_ms);
        encoder.array(&self.hmac_digest);
        encoder.bytes(self.requester.as_bytes())?;
        encoder.count(self.renewers.len())?;
        for renewer in &self.renewers {
            encoder.bytes(renewer.as_bytes())?;
        }
        Ok(encoder)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::scram::StoredKeys;
    use crate::store::{Store, keys};

    /// Of the secret key 1, with a credential of each mechanism from the password "secret".
    pub(in crate::store) fn token(id: &str, owner: &str, expiry_ms: i64) -> StoredToken {
        let credential = |mechanism| StoredCredential {
            mechanism,
            salt: b"salt".to_vec(),
            iterations: 4096,
            keys: StoredKeys::derive(mechanism, b"secret", b"salt", 1).unwrap(),
        };
        StoredToken {
            id: id.to_owned(),
            key_number: 1,
            owner: owner.to_owned(),
            requester: "User:carol".to_owned(),
            renewers: vec!["User:dora".to_owned(), String::new()],
            issue_ms: expiry_ms - 1000,
            expiry_ms,
            max_ms: i64::MAX,
            hmac_digest: hmac_digest(id.as_bytes()),
            credentials: Mechanism::ALL.map(credential).to_vec(),
        }
    }

    fn store(tokens: &[StoredToken]) -> Store {
        let store = Store::open("memory:").unwrap();
        store.write(|write| tokens.iter().try_for_each(|token| put(write, token))).unwrap();
        store
    }

    fn ids(tokens: &[StoredToken]) -> Vec<&str> {
        tokens.iter().map(|token| token.id.as_str()).collect()
    }

    #[test]
    fn a_token_comes_back_whole() {
        let token = token("id", "User:alice", 5000);
        let found = store(std::slice::from_ref(&token)).read(|read| by_id(read, "id")).unwrap();
        let found = found.unwrap();
        assert_eq!(format!("{found:?}"), format!("{token:?}"));
        for (found, token) in found.credentials.iter().zip(&token.credentials) {
            assert_eq!(found.keys.stored_key(), token.keys.stored_key());
            assert_eq!(found.keys.server_key(), token.keys.server_key());
        }
    }

    #[test]
    fn indexes_follow_a_token_that_changes_and_goes() {
        let store = store(&[token("a", "User:alice", 5000), token("b", "User:bob", 6000)]);
        let expired = |now_ms| {
            let found = store.read(|read| expired(read, now_ms, 10)).unwrap();
            found.into_iter().map(|found| found.id).collect::<Vec<_>>()
        };
        assert_eq!(expired(6001), ["a", "b"]);
        assert_eq!(expired(6000), ["a"]); // the last millisecond still counts
        let renewed = StoredToken { expiry_ms: 9000, ..token("a", "User:alice", 5000) };
        store.write(|write| put(write, &renewed)).unwrap();
        assert_eq!(expired(9001), ["a", "b"]);
        assert_eq!(expired(i64::MIN), [""; 0]);

        let by_hmac = |hmac: &[u8]| store.read(|read| by_hmac(read, hmac)).unwrap();
        assert_eq!(by_hmac(b"a").unwrap().id, "a");
        assert!(by_hmac(b"c").is_none());
        let removed = store.write(|write| remove(write, "a")).unwrap().unwrap();
        assert_eq!(removed.expiry_ms, 9000);
        assert!(by_hmac(b"a").is_none());
        assert!(store.write(|write| remove(write, "a")).unwrap().is_none());
        store.write(|write| remove(write, "b")).unwrap();
        for table in [Table::Tokens, Table::Hmacs, Table::Principals, Table::Expiries] {
            assert_eq!(store.read(|read| read.len(table)), Ok(0));
        }
    }

    #[test]
    fn listings_come_in_pages() {
        let mut tokens: Vec<_> = (0..7)
            .map(|number| token(&format!("t{number}"), "User:alice", 9000 - number))
            .collect();
        tokens.push(token("other", "User:alicia", 5000));
        let store = store(&tokens);
        let (mut seen, mut from) = (Vec::new(), Vec::new());
        for (len, more) in [(3, true), (3, true), (1, false)] {
            let page = store.read(|read| of_principal(read, "User:alice", &from, 3)).unwrap();
            assert_eq!((page.items.len(), page.next.is_some()), (len, more));
            seen.extend(page.items);
            from = page.next.unwrap_or_default();
        }
        assert_eq!(ids(&seen), ["t6", "t5", "t4", "t3", "t2", "t1", "t0"]); // oldest first

        let page = store.read(|read| all(read, b"", 2)).unwrap();
        assert_eq!(ids(&page.items), ["other", "t0"]);
        let page = store.read(|read| all(read, &page.next.unwrap(), 10)).unwrap();
        assert_eq!((page.items.len(), page.next), (6, None));
    }

    #[test]
    fn a_token_is_found_by_each_whom_it_concerns() {
        let store = store(&[token("a", "User:alice", 5000)]);
        let of = |principal| {
            let page = store.read(|read| of_principal(read, principal, b"", 10)).unwrap();
            ids(&page.items).len()
        };
        for principal in ["User:alice", "User:carol", "User:dora"] {
            assert_eq!(of(principal), 1);
        }
        assert_eq!(of("User:eve"), 0);
        let of_carol = StoredToken { renewers: vec![], ..token("a", "User:carol", 5000) };
        store.write(|write| put(write, &of_carol)).unwrap();
        assert_eq!((of("User:alice"), of("User:carol"), of("User:dora")), (0, 1, 0));
    }

    #[test]
    fn what_was_renewed_since_it_was_found_expired_stays() {
        let tokens = ["a", "b", "c", "d"].map(|id| token(id, "User:alice", 5000));
        let store = store(&tokens);
        let [a, b, c, d] = store.read(|read| expired(read, 5001, 10)).unwrap().try_into().unwrap();
        let renewed = StoredToken { expiry_ms: 9000, ..token("b", "User:alice", 5000) };
        store.write(|write| put(write, &renewed)).unwrap();
        store.write(|write| remove(write, "c")).unwrap();
        let removed = store.write(|write| remove_expired(write, &[a, b, c])).unwrap();
        assert_eq!(ids(&removed), ["a"]);
        store.write(|write| keys::register(write, "key", &[1; 32])).unwrap();
        assert_eq!(store.check(|_, _| ()).unwrap().problems, [""; 0]);

        // An entry that leads nowhere; nothing is removed.
        store.write(|write| write.delete(Table::Tokens, b"d")).unwrap();
        let error = store.write(|write| remove_expired(write, &[d])).unwrap_err();
        assert_eq!(error.status(), Status::CORRUPT);
    }

    #[test]
    fn digests_that_begin_alike_are_told_apart() {
        let [mut a, mut b] = ["a", "b"].map(|id| token(id, "User:alice", 5000));
        let first = hmac_digest(b"first");
        let mut second = first;
        second[31] ^= 1;
        (a.hmac_digest, b.hmac_digest) = (second, first);
        let store = store(&[a, b]);
        let found = |hmac: &[u8]| store.read(|read| by_hmac(read, hmac)).unwrap();
        assert_eq!(found(b"first").unwrap().id, "b");
        store.write(|write| remove(write, "b")).unwrap();
        assert!(found(b"first").is_none());
    }

    #[test]
    fn an_index_that_names_no_token_is_damage() {
        let store = store(&[token("a", "User:alice", 5000)]);
        store.write(|write| write.delete(Table::Tokens, b"a")).unwrap();
        let status = |result: Result<usize, Error>| result.unwrap_err().status();
        let page =
            |principal| store.read(|read| Ok(of_principal(read, principal, b"", 10)?.items.len()));
        assert_eq!(status(page("User:alice")), Status::CORRUPT);
        let by_hmac = store.read(|read| Ok(by_hmac(read, b"a")?.iter().count()));
        assert_eq!(status(by_hmac), Status::CORRUPT);
    }

    #[test]
    fn tokens_of_a_secret_key() {
        let of_second = StoredToken { key_number: 2, ..token("b", "User:bob", 5000) };
        let store = store(&[token("a", "User:alice", 5000), of_second, token("c", "User:c", 5000)]);
        let page = store.read(|read| of_key(read, 2, b"", 2)).unwrap();
        assert_eq!((page.items, page.next), (vec!["b".to_owned()], Some(b"c".to_vec())));
        assert_eq!(store.read(|read| count_of_key(read, 1)), Ok(2));
    }

    #[test]
    fn ids_have_a_length_that_keys_have_room_for() {
        for id in [String::new(), "x".repeat(MAX_ID + 1)] {
            let bad = token(&id, "User:alice", 5000);
            let error = store(&[]).write(|write| put(write, &bad)).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT);
        }
        store(&[token(&"x".repeat(MAX_ID), "User:alice", 5000)]);
    }
}
