//! SCRAM users: a credential for each name and mechanism.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::backend::{Read, Table, Write};
use super::credential::{CredentialRef, StoredCredential, tag};
use super::page::{Page, page};
use super::record::{Decoder, Encoder};
use crate::error::Error;
use crate::scram::{Credential, Mechanism};

/// What a listing of users shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// The mechanism that the credential is for; a name may have one for each.
    pub mechanism: Mechanism,
    /// How often PBKDF2 iterates.
    pub iterations: u32,
}

/// Writes a user's credential in place of an earlier one of the mechanism.
pub(super) fn put(
    write: &mut dyn Write,
    name: &str,
    credential: &StoredCredential,
) -> Result<(), Error> {
    encode(name, credential)?.put(write, Table::Users, &key(name, credential.mechanism))
}

fn encode(name: &str, credential: &StoredCredential) -> Result<Encoder, Error> {
    let mut encoder = Encoder::new();
    encoder.bytes(name.as_bytes())?;
    credential.encode(&mut encoder)?;
    Ok(encoder)
}

/// Whether there was such a user.
pub(super) fn remove(
    write: &mut dyn Write,
    name: &str,
    mechanism: Mechanism,
) -> Result<bool, Error> {
    write.delete(Table::Users, &key(name, mechanism))
}

/// Whether the name has a credential of a mechanism other than this one.
pub(super) fn has_another(
    read: &dyn Read,
    name: &str,
    mechanism: Mechanism,
) -> Result<bool, Error> {
    let mut has_another = false;
    for other in Mechanism::ALL.into_iter().filter(|other| *other != mechanism) {
        has_another |= read.get(Table::Users, &key(name, other))?.is_some();
    }
    Ok(has_another)
}

/// A user's credential.
pub(super) fn credential<'a>(
    read: &'a dyn Read,
    name: &str,
    mechanism: Mechanism,
) -> Result<Option<Credential<'a>>, Error> {
    let key = key(name, mechanism);
    read.get(Table::Users, &key)?.map(|record| decode_credential(&key, record)).transpose()
}

/// A user's credential for a login, and whether it is that user's: where there is none, it is the
/// decoy's, so that it takes as long.
pub(super) fn login<'a>(
    read: &'a dyn Read,
    name: &str,
    mechanism: Mechanism,
    decoy: &'a Decoy,
) -> Result<(bool, Credential<'a>), Error> {
    let key = key(name, mechanism);
    let found = read.get(Table::Users, &key)?;
    let (at, record) = found.map_or((&decoy.key, decoy.record.as_slice()), |record| (&key, record));
    Ok((found.is_some(), decode_credential(at, record)?))
}

/// A record that is read where there is no user of a mechanism.
pub(super) struct Decoy {
    key: [u8; 33],
    record: Zeroizing<Vec<u8>>,
}

impl Decoy {
    pub(super) fn new(credential: &StoredCredential) -> Result<Self, Error> {
        let key = key(DECOY, credential.mechanism);
        Ok(Self { key, record: encode(DECOY, credential)?.seal(Table::Users, &key) })
    }
}

/// As long as most names are.
const DECOY: &str = "nobody";

/// Every user, in no order that means anything. The first page is that from the empty key.
pub(super) fn all(read: &dyn Read, from: &[u8], limit: usize) -> Result<Page<User>, Error> {
    page(read, Table::Users, from, limit, |key, record| {
        let (name, credential) = decode(&mut Decoder::new(Table::Users, key, record)?, key)?;
        let CredentialRef { mechanism, iterations, .. } = credential;
        Ok(Some(User { name: name.to_owned(), mechanism, iterations }))
    })
}

/// Hashed, for names are longer than keys can be. Both mechanisms of a name are neighbours.
fn key(name: &str, mechanism: Mechanism) -> [u8; 33] {
    let mut key = [0; 33];
    for (to, from) in key.iter_mut().zip(Sha256::digest(name).iter().chain([&tag(mechanism)])) {
        *to = *from;
    }
    key
}

fn decode_credential<'a>(at: &[u8], record: &'a [u8]) -> Result<Credential<'a>, Error> {
    let mut decoder = Decoder::new(Table::Users, at, record)?;
    let (_, credential) = decode(&mut decoder, at)?;
    credential.credential(&decoder)
}

/// Name and credential of the record at a key.
pub(super) fn decode<'a>(
    decoder: &mut Decoder<'a, '_>,
    at: &[u8],
) -> Result<(&'a str, CredentialRef<'a>), Error> {
    let (name, credential) = (decoder.text()?, CredentialRef::decode(decoder)?);
    decoder.end()?;
    if key(name, credential.mechanism) != at {
        return Err(decoder.damaged());
    }
    Ok((name, credential))
}
