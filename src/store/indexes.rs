//! The indexes of tokens: whom an HMAC, a principal or a time of expiry leads to. Their keys end with
//! the token's id, and have no value:
//!
//! ```text
//! hmacs       digest of the HMAC (8 bytes of it) | id
//! principals  hash of the principal (16) | issue time (8) | id
//! expiries    expiry (8) | id
//! ```

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::backend::{Read, Table};
use super::page::{Page, page};
use super::record::{self, Decoder};
use crate::error::Error;

pub(super) const INDEXES: [Table; 3] = [Table::Hmacs, Table::Principals, Table::Expiries];

/// A token as an index has it. In the order of ids.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Indexed {
    pub(super) id: String,
    /// The key in the index.
    pub(super) key: Vec<u8>,
}

/// What a token is found by.
pub(super) struct Indexable<'a> {
    pub(super) id: &'a str,
    pub(super) hmac_digest: &'a [u8; 32],
    /// Whom it concerns; each may be there more than once.
    pub(super) principals: Vec<&'a str>,
    pub(super) issue_ms: i64,
    pub(super) expiry_ms: i64,
}

impl Indexable<'_> {
    /// All that an index has of the token.
    pub(super) fn keys(&self, index: Table) -> Vec<Vec<u8>> {
        let id = self.id.as_bytes();
        match index {
            Table::Hmacs => vec![[hmac_prefix(self.hmac_digest), id].concat()],
            Table::Principals => {
                let issue = ordered(self.issue_ms);
                let key = |of: &&str| [principal_prefix(of).as_slice(), &issue, id].concat();
                self.principals.iter().collect::<BTreeSet<_>>().into_iter().map(key).collect()
            }
            Table::Expiries => vec![expiry_key(self.expiry_ms, self.id)],
            _ => Vec::new(), // no index
        }
    }
}

pub(super) fn expiry_key(expiry_ms: i64, id: &str) -> Vec<u8> {
    [ordered(expiry_ms).as_slice(), id.as_bytes()].concat()
}

/// The tokens whose HMACs have a digest that begins as this one: hardly ever more than one.
pub(super) fn of_hmac(read: &dyn Read, digest: &[u8; 32]) -> Result<Vec<Indexed>, Error> {
    let prefix = hmac_prefix(digest);
    let is_in = |key: &[u8]| key.starts_with(prefix);
    indexed(read, Table::Hmacs, prefix, usize::MAX, is_in).map(|page| page.items)
}

/// The tokens that a principal owns, asked for or may renew, oldest first. The first page is that from
/// the empty key.
pub(super) fn of_principal(
    read: &dyn Read,
    principal: &str,
    from: &[u8],
    limit: usize,
) -> Result<Page<Indexed>, Error> {
    let prefix = principal_prefix(principal);
    let from = if from.is_empty() { &prefix } else { from };
    indexed(read, Table::Principals, from, limit, |key| key.starts_with(&prefix))
}

/// The tokens that expired before `now_ms`, those first that expired first.
pub(super) fn expired(read: &dyn Read, now_ms: i64, limit: usize) -> Result<Vec<Indexed>, Error> {
    let is_in = |key: &[u8]| is_expiry_before(key, now_ms);
    indexed(read, Table::Expiries, b"", limit, is_in).map(|page| page.items)
}

/// Entries of an index, from a key on and until one is not in the range.
fn indexed(
    read: &dyn Read,
    index: Table,
    from: &[u8],
    limit: usize,
    is_in: impl Fn(&[u8]) -> bool,
) -> Result<Page<Indexed>, Error> {
    page(read, index, from, limit, |key, record| {
        if !is_in(key) {
            return Ok(None);
        }
        Decoder::new(index, key, record)?.end()?;
        let id = text(index, key, id_in(index, key))?.to_owned();
        Ok(Some(Indexed { id, key: key.to_vec() }))
    })
}

/// The id that a key of an index ends with.
pub(super) fn id_in(index: Table, key: &[u8]) -> &[u8] {
    let begin = match index {
        Table::Hmacs => HMAC_LEN,
        Table::Principals => PRINCIPAL_LEN + TIME_LEN,
        _ => TIME_LEN,
    };
    key.get(begin..).unwrap_or_default()
}

/// The id that is a key, or a part of one.
pub(super) fn text<'a>(table: Table, key: &[u8], id: &'a [u8]) -> Result<&'a str, Error> {
    core::str::from_utf8(id).map_err(|_| record::damaged(table, key))
}

/// Whether a key of the table of expiries is of a time before this one.
pub(super) fn is_expiry_before(key: &[u8], now_ms: i64) -> bool {
    key.get(..TIME_LEN).is_none_or(|expiry| expiry < ordered(now_ms).as_slice())
}

/// A time as a part of keys, so that they stand in the order of time.
fn ordered(time_ms: i64) -> [u8; TIME_LEN] {
    (time_ms ^ i64::MIN).to_be_bytes()
}

/// Short, since removing tokens writes every page that has one: the token itself has the whole.
fn hmac_prefix(digest: &[u8; 32]) -> &[u8] {
    digest.split_at(HMAC_LEN).0
}

/// What the keys of a principal's tokens begin with; principals may be longer than keys.
fn principal_prefix(principal: &str) -> Vec<u8> {
    sha256(principal.as_bytes()).split_at(PRINCIPAL_LEN).0.to_vec()
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

const HMAC_LEN: usize = 8;
const PRINCIPAL_LEN: usize = 16;
const TIME_LEN: usize = 8;
