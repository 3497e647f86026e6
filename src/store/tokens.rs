//! Delegation tokens and their indexes, which every function here keeps in step.

use core::ops::ControlFlow;
use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::backend::{Read, Table, Write};
use super::credential::{CredentialRef, StoredCredential};
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
    let mut found_by_hmac = Encoder::new();
    found_by_hmac.array(id);
    found_by_hmac.put(write, Table::Hmacs, &token.hmac_digest)?;
    for principal in token.principals() {
        Encoder::new().put(write, Table::Principals, &token.principal_key(principal))?;
    }
    Encoder::new().put(write, Table::Expiries, &token.expiry_key())
}

/// Removes the token of that id and gives what it was.
pub(crate) fn remove(write: &mut dyn Write, id: &str) -> Result<Option<StoredToken>, Error> {
    let Some(token) = by_id(&*write, id)? else { return Ok(None) };
    write.delete(Table::Tokens, id.as_bytes())?;
    write.delete(Table::Hmacs, &token.hmac_digest)?;
    for principal in token.principals() {
        write.delete(Table::Principals, &token.principal_key(principal))?;
    }
    write.delete(Table::Expiries, &token.expiry_key())?;
    Ok(Some(token))
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
    let Some(decoder) = record::get(read, Table::Hmacs, &digest)? else { return Ok(None) };
    let id = id_of(Table::Hmacs, &digest, decoder.rest())?;
    by_id(read, id)?.map(Some).ok_or_else(|| record::damaged(Table::Hmacs, &digest))
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
    let prefix = principal_prefix(principal);
    let from = if from.is_empty() { prefix.as_slice() } else { from };
    let ids = page(read, Table::Principals, from, limit, |key, record| {
        if !key.starts_with(&prefix) {
            return Ok(None);
        }
        Decoder::new(Table::Principals, key, record)?.end()?;
        let id = id_of(Table::Principals, key, key.get(PRINCIPAL_ID_AT..).unwrap_or_default())?;
        Ok(Some((id.to_owned(), key.to_vec())))
    })?;
    let mut items = Vec::with_capacity(ids.items.len());
    for (id, key) in ids.items {
        let token = by_id(read, &id)?.ok_or_else(|| record::damaged(Table::Principals, &key))?;
        items.push(token);
    }
    Ok(Page { items, next: ids.next })
}

/// Ids of tokens that expired before `now_ms`, those first that expired first.
pub(crate) fn expired(read: &dyn Read, now_ms: i64, limit: usize) -> Result<Vec<String>, Error> {
    let ids = page(read, Table::Expiries, b"", limit, |key, record| {
        if !is_expiry_before(key, now_ms) {
            return Ok(None);
        }
        Decoder::new(Table::Expiries, key, record)?.end()?;
        let id = key.get(EXPIRY_ID_AT..).unwrap_or_default();
        Ok(Some((id_of(Table::Expiries, key, id)?.to_owned(), key.to_vec())))
    })?;
    for (id, key) in &ids.items {
        // One that nobody could remove would be found for ever.
        if by_id(read, id)?.is_none_or(|token| token.expiry_key() != *key) {
            return Err(record::damaged(Table::Expiries, key));
        }
    }
    Ok(ids.items.into_iter().map(|(id, _)| id).collect())
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
        let id = id_of(Table::Tokens, key, key)?;
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

/// What a login by that token needs; None also where it has no credential of the mechanism.
pub(super) fn login<'a>(
    read: &'a dyn Read,
    id: &str,
    mechanism: Mechanism,
) -> Result<Option<(TokenLogin<'a>, Credential<'a>)>, Error> {
    let found = record::get(read, Table::Tokens, id.as_bytes())?;
    let Some(mut decoder) = found else { return Ok(None) };
    let token = TokenLogin::decode(&mut decoder)?;
    let mut credentials = token.credentials.into_iter().flatten();
    let Some(found) = credentials.find(|found| found.mechanism == mechanism) else {
        return Ok(None);
    };
    Ok(Some((token, found.credential(&decoder)?)))
}

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
        id: id_of(Table::Tokens, key, key)?.to_owned(),
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

    /// Whom it concerns, each once: who owns it, who asked for it, who may renew it.
    pub(super) fn principals(&self) -> BTreeSet<&str> {
        let renewers = self.renewers.iter().map(String::as_str);
        renewers.chain([self.owner.as_str(), &self.requester]).collect()
    }

    pub(super) fn principal_key(&self, principal: &str) -> Vec<u8> {
        let issue = ordered(self.issue_ms);
        [principal_prefix(principal).as_slice(), &issue, self.id.as_bytes()].concat()
    }

    pub(super) fn expiry_key(&self) -> Vec<u8> {
        [ordered(self.expiry_ms).as_slice(), self.id.as_bytes()].concat()
    }
}

/// A time as a part of keys, so that they stand in the order of time.
fn ordered(time_ms: i64) -> [u8; TIME_LEN] {
    (time_ms ^ i64::MIN).to_be_bytes()
}

/// Whether a key of the table of expiries is of a time before this one.
pub(super) fn is_expiry_before(key: &[u8], now_ms: i64) -> bool {
    key.get(..TIME_LEN).is_none_or(|expiry| expiry < ordered(now_ms).as_slice())
}

const TIME_LEN: usize = 8;
/// Where the ids stand in the keys of the two tables.
pub(super) const EXPIRY_ID_AT: usize = TIME_LEN;
pub(super) const PRINCIPAL_ID_AT: usize = PREFIX_LEN + TIME_LEN;
const PREFIX_LEN: usize = 16;

/// What the keys of a principal's tokens begin with; principals may be longer than keys.
fn principal_prefix(principal: &str) -> [u8; PREFIX_LEN] {
    let mut prefix = [0; PREFIX_LEN];
    for (to, from) in prefix.iter_mut().zip(sha256(principal.as_bytes())) {
        *to = from;
    }
    prefix
}

fn id_of<'a>(table: Table, key: &'a [u8], id: &'a [u8]) -> Result<&'a str, Error> {
    core::str::from_utf8(id).map_err(|_| record::damaged(table, key))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::scram::StoredKeys;
    use crate::store::Store;

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
        let expired = |now_ms| store.read(|read| expired(read, now_ms, 10)).unwrap();
        assert_eq!(expired(6001), ["a", "b"]);
        assert_eq!(expired(6000), ["a"]); // the last millisecond still counts
        let renewed = StoredToken { expiry_ms: 9000, ..token("a", "User:alice", 5000) };
        store.write(|write| put(write, &renewed)).unwrap();
        assert_eq!(expired(9001), ["b", "a"]);
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
    fn an_index_that_names_no_token_is_damage() {
        let store = store(&[token("a", "User:alice", 5000)]);
        store.write(|write| write.delete(Table::Tokens, b"a")).unwrap();
        let status = |result: Result<usize, Error>| result.unwrap_err().status();
        let page =
            |principal| store.read(|read| Ok(of_principal(read, principal, b"", 10)?.items.len()));
        assert_eq!(status(page("User:alice")), Status::CORRUPT);
        assert_eq!(status(store.read(|read| Ok(expired(read, 9000, 10)?.len()))), Status::CORRUPT);
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
