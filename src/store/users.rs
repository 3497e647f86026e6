//! SCRAM users: a credential for each name and mechanism.

use sha2::{Digest, Sha256};

use super::backend::{Read, Table, Write};
use super::credential::{CredentialRef, StoredCredential, tag};
use super::page::{Page, page};
use super::record::{self, Decoder, Encoder};
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
    let mut encoder = Encoder::new();
    encoder.bytes(name.as_bytes())?;
    credential.encode(&mut encoder)?;
    encoder.put(write, Table::Users, &key(name, credential.mechanism))
}

/// Whether there was such a user.
pub(super) fn remove(
    write: &mut dyn Write,
    name: &str,
    mechanism: Mechanism,
) -> Result<bool, Error> {
    write.delete(Table::Users, &key(name, mechanism))
}

/// Whether the name has a credential in any mechanism.
pub(super) fn exists(read: &dyn Read, name: &str) -> Result<bool, Error> {
    for mechanism in Mechanism::ALL {
        if read.get(Table::Users, &key(name, mechanism))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A user's credential for a login.
pub(super) fn credential<'a>(
    read: &'a dyn Read,
    name: &str,
    mechanism: Mechanism,
) -> Result<Option<Credential<'a>>, Error> {
    let key = key(name, mechanism);
    let Some(mut decoder) = record::get(read, Table::Users, &key)? else { return Ok(None) };
    let (_, credential) = decode(&mut decoder, &key)?;
    credential.credential(&decoder).map(Some)
}

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
