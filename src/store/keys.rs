//! Secret keys by name and fingerprint: which sign, and which were removed for good. The secrets
//! themselves are nowhere in the store.

use core::ops::ControlFlow;

use super::backend::{Read, Table, Write};
use super::record::{self, Decoder, Encoder};
use super::tokens;
use crate::{error::Error, status::Status};

/// What the store knows of a secret key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StoredKey {
    /// What tokens call it. Never used again.
    pub(crate) number: u32,
    pub(crate) name: String,
    /// A keyed hash of the secret: equal where secrets are, and of no use to anybody else.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) state: KeyState,
}

/// A key's life: one way, and never back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyState {
    /// Its tokens are good.
    Live,
    /// Removed: its tokens are refused, and some may still be there to be swept.
    Ending,
    /// Removed, and none of its tokens is left.
    Ended,
}

/// Makes a key known, or finds it again.
///
/// # Errors
///
/// `INVALID_ARGUMENT` where name and secret do not belong together: the name has another secret, the
/// secret another name, or either was removed.
pub(crate) fn register(
    write: &mut dyn Write,
    name: &str,
    fingerprint: &[u8; 32],
) -> Result<StoredKey, Error> {
    let known = all(&*write)?;
    for key in &known {
        let (same_name, same_secret) = (key.name == name, key.fingerprint == *fingerprint);
        let other = &key.name;
        let text = match (same_name, same_secret, key.state) {
            (true, true, KeyState::Live) => return Ok(key.clone()),
            (false, false, _) => continue,
            (true, _, KeyState::Ending | KeyState::Ended) => {
                format!(
                    "the secret key {name:?} was removed: leave it out; a new key needs a new name"
                )
            }
            (false, true, KeyState::Ending | KeyState::Ended) => {
                format!("the secret key {name:?} has the secret of {other:?}, which was removed")
            }
            (true, false, KeyState::Live) => {
                format!(
                    "the secret key {name:?} has another secret than the store knows it by: give it \
                     a name of its own (the program: FILE=NAME)"
                )
            }
            (false, true, KeyState::Live) => {
                format!(
                    "the secret key {name:?} has the same secret as {other:?}: use that name (the \
                     program: FILE={other})"
                )
            }
        };
        return Err(Error::new(Status::INVALID_ARGUMENT, text));
    }
    let number = known.last().map_or(Some(1), |last| last.number.checked_add(1));
    let text = "the store has had four thousand million secret keys, and takes no more";
    let number = number.ok_or_else(|| Error::new(Status::INVALID_STATE, text))?;
    let (name, fingerprint, state) = (name.to_owned(), *fingerprint, KeyState::Live);
    let key = StoredKey { number, name, fingerprint, state };
    put(write, &key)?;
    Ok(key)
}

/// The number that stands for the secret keys of others, which made the tokens that a host puts into its
/// store or a follower brings from a cluster. No manager can name it.
pub(super) fn outside(write: &mut dyn Write) -> Result<u32, Error> {
    register(write, OUTSIDE, &[0xff; 32]).map(|key| key.number)
}

const OUTSIDE: &str = "";

/// Marks a key as removed and gives how many tokens that ends. Each of them is refused from the
/// commit on; they are swept later ([`tokens::of_key`]), and then [`ended`] is called.
pub(crate) fn remove(write: &mut dyn Write, key: &StoredKey) -> Result<u64, Error> {
    put(write, &StoredKey { state: KeyState::Ending, ..key.clone() })?;
    tokens::count_of_key(&*write, key.number)
}

/// Marks that no token of a removed key is left.
pub(crate) fn ended(write: &mut dyn Write, key: &StoredKey) -> Result<(), Error> {
    put(write, &StoredKey { state: KeyState::Ended, ..key.clone() })
}

/// Every key there ever was, in the order of their numbers.
pub(crate) fn all(read: &dyn Read) -> Result<Vec<StoredKey>, Error> {
    let mut keys = Vec::new();
    read.scan(Table::Keys, b"", &mut |key, record| {
        keys.push(decode(key, Decoder::new(Table::Keys, key, record)?)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(keys)
}

/// The key of that name, removed or not.
pub(crate) fn by_name(read: &dyn Read, name: &str) -> Result<Option<StoredKey>, Error> {
    Ok(all(read)?.into_iter().find(|key| key.name == name && !key.is_outside()))
}

/// What has become of a key. One that the store does not know is damage, for it forgets none.
pub(crate) fn state(read: &dyn Read, number: u32) -> Result<KeyState, Error> {
    find_state(read, number)?.ok_or_else(|| missing(number))
}

/// The same, where it is no damage that there is no such key.
pub(super) fn find_state(read: &dyn Read, number: u32) -> Result<Option<KeyState>, Error> {
    let key = number.to_be_bytes();
    let record = record::get(read, Table::Keys, &key)?;
    record.map(|mut decoder| KeyState::decode(&mut decoder)).transpose()
}

/// The error for a key that a token names and the store does not know.
pub(super) fn missing(number: u32) -> Error {
    record::damaged(Table::Keys, &number.to_be_bytes())
}

fn put(write: &mut dyn Write, key: &StoredKey) -> Result<(), Error> {
    let mut encoder = Encoder::new();
    encoder.u8(key.state.tag());
    encoder.array(&key.fingerprint);
    encoder.bytes(key.name.as_bytes())?;
    encoder.put(write, Table::Keys, &key.number.to_be_bytes())
}

impl StoredKey {
    /// Whether it stands for the secret keys of others.
    pub(crate) fn is_outside(&self) -> bool {
        self.name == OUTSIDE
    }

    /// Whether it was not removed.
    pub(crate) fn is_live(&self) -> bool {
        self.state == KeyState::Live
    }
}

/// The secret key whose record is at a key of the table.
pub(super) fn decode(key: &[u8], mut decoder: Decoder<'_, '_>) -> Result<StoredKey, Error> {
    let number = key.try_into().map_err(|_| record::damaged(Table::Keys, key))?;
    let number = u32::from_be_bytes(number);
    let state = KeyState::decode(&mut decoder)?;
    let (fingerprint, name) = (decoder.array()?, decoder.text()?.to_owned());
    decoder.end()?;
    Ok(StoredKey { number, name, fingerprint, state })
}

impl KeyState {
    const ALL: [Self; 3] = [Self::Live, Self::Ending, Self::Ended];

    const fn tag(self) -> u8 {
        match self {
            Self::Live => 1,
            Self::Ending => 2,
            Self::Ended => 3,
        }
    }

    fn decode(decoder: &mut Decoder<'_, '_>) -> Result<Self, Error> {
        let tag = decoder.u8()?;
        let mut known = Self::ALL.into_iter();
        known.find(|known| known.tag() == tag).ok_or_else(|| decoder.damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const SECRET: [u8; 32] = [1; 32];
    const ANOTHER: [u8; 32] = [2; 32];

    fn register_in(store: &Store, name: &str, fingerprint: [u8; 32]) -> Result<StoredKey, Error> {
        store.write(|write| register(write, name, &fingerprint))
    }

    #[test]
    fn names_and_secrets_belong_together() {
        let store = Store::open("memory:").unwrap();
        let old = register_in(&store, "old", SECRET).unwrap();
        assert_eq!(register_in(&store, "old", SECRET).unwrap(), old);
        let new = register_in(&store, "new", ANOTHER).unwrap();
        assert_eq!((old.number, new.number), (1, 2));
        let refused = |name, fingerprint, text| {
            let error = register_in(&store, name, fingerprint).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT);
            assert!(error.text().contains(text), "{error}");
        };
        refused("old", [3; 32], "another secret");
        refused("third", SECRET, "same secret");

        assert_eq!(store.write(|write| remove(write, &old)), Ok(0));
        assert_eq!(store.read(|read| state(read, 1)), Ok(KeyState::Ending));
        refused("old", SECRET, "was removed");
        refused("old", [3; 32], "was removed");
        refused("third", SECRET, "which was removed");
        store.write(|write| ended(write, &old)).unwrap();
        refused("old", SECRET, "was removed");
        let known = store.read(|read| by_name(read, "old")).unwrap().unwrap();
        assert_eq!(known.state, KeyState::Ended);
        assert_eq!(store.read(|read| state(read, 2)), Ok(KeyState::Live));
        assert_eq!(store.read(|read| state(read, 9)).unwrap_err().status(), Status::CORRUPT);
    }
}
