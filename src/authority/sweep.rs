//! To remove what has ended: expired tokens, and those of removed secret keys.

use super::manager::{Subject, TokenManager};
use crate::audit::Operation;
use crate::error::Error;
use crate::status::Status;
use crate::store::Write;
use crate::store::following;
use crate::store::keys::{self, StoredKey};
use crate::store::tokens::{self, StoredToken};

impl TokenManager {
    /// Removes the tokens that have expired, and what is left of removed secret keys; gives how
    /// many. Logins refuse them before that already: a sweep makes room. Other writers get their
    /// turn in between.
    ///
    /// # Errors
    ///
    /// `TOKEN_AUTH_DISABLED`; `INVALID_STATE` where the store follows a cluster, whose tokens go with
    /// those; the store's, when what was removed before stays removed.
    pub fn sweep(&self, now_ms: i64) -> Result<u64, Error> {
        let swept = self.check_enabled().and_then(|()| self.sweep_store(now_ms));
        if let Err(error) = &swept {
            self.tell_swept(now_ms, error.status(), &Subject::default());
        }
        swept
    }

    /// Removes a secret key from the manager and for good from the store, and gives how many tokens
    /// that ends, expired ones too. From then on no server lets them in and no manager signs with
    /// the key; neither its name nor its secret can be used again. The key may be one that this
    /// manager lacks. To remove one again is no error, and ends nothing.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a name that the store does not know, `INVALID_STATE` for the key that
    /// signs; the store's.
    pub fn remove_secret_key(&self, name: &str, now_ms: i64) -> Result<u64, Error> {
        self.audited(Operation::SecretKeyRemove, now_ms, None, |_| {
            let (key, tokens_ended) = self.mark_removed(name)?;
            // It has happened: what cannot be swept now, since the disk is full, is swept later.
            let _ = self.sweep_key(&key, now_ms);
            Ok(tokens_ended)
        })
    }

    fn mark_removed(&self, name: &str) -> Result<(StoredKey, u64), Error> {
        let mut keyring = self.keyring_mut()?;
        if keyring.signing().is_ok_and(|signing| signing.name == name) {
            let text = format!("the secret key {name:?} signs: let another one sign first");
            return Err(Error::new(Status::INVALID_STATE, text));
        }
        let removed = self.store.write(|write| {
            following::check_own(&*write)?;
            let key = keys::by_name(&*write, name)?.ok_or_else(|| {
                let text = format!("the store knows no secret key {name:?}");
                Error::new(Status::INVALID_ARGUMENT, text)
            })?;
            let tokens_ended = if key.is_live() { keys::remove(write, &key)? } else { 0 };
            Ok((key, tokens_ended))
        })?;
        keyring.remove(removed.0.number);
        Ok(removed)
    }

    /// Sweeps whether there is a secret key or not: for whoever looks after the store.
    pub(crate) fn sweep_store(&self, now_ms: i64) -> Result<u64, Error> {
        self.store.read(following::check_own)?;
        let mut swept = 0;
        loop {
            // By a reader, so that a sweep in vain holds up nobody.
            let expired = self.store.read(|read| tokens::expired(read, now_ms, ROUND))?;
            if expired.is_empty() {
                break;
            }
            for batch in expired.chunks(BATCH) {
                swept += self.sweep_batch(now_ms, |write| tokens::remove_expired(write, batch))?;
            }
        }
        let keys = self.store.read(keys::all)?;
        for key in keys.iter().filter(|key| key.state == keys::KeyState::Ending) {
            swept += self.sweep_key(key, now_ms)?;
        }
        Ok(swept)
    }

    /// Removes what is left of a removed secret key.
    fn sweep_key(&self, key: &StoredKey, now_ms: i64) -> Result<u64, Error> {
        let (mut swept, mut from) = (0, Some(Vec::new()));
        while let Some(begin) = from {
            let page = self.store.read(|read| tokens::of_key(read, key.number, &begin, ROUND))?;
            from = page.next;
            for batch in page.items.chunks(BATCH) {
                swept += self.sweep_batch(now_ms, |write| tokens::remove_all(write, batch))?;
            }
        }
        self.store.write(|write| keys::ended(write, key))?;
        Ok(swept)
    }

    /// Removes tokens in one transaction, and tells the audit of each.
    fn sweep_batch(
        &self,
        now_ms: i64,
        remove: impl FnOnce(&mut dyn Write) -> Result<Vec<StoredToken>, Error>,
    ) -> Result<u64, Error> {
        let mut count = 0;
        for token in self.store.write(remove)? {
            count += 1;
            let (owner, token_id) = (Some(token.owner), Some(token.id));
            self.tell_swept(now_ms, Status::OK, &Subject { owner, token_id });
        }
        Ok(count)
    }

    fn tell_swept(&self, now_ms: i64, status: Status, token: &Subject) {
        self.tell(Operation::TokenSweep, now_ms, status, None, token);
    }
}

/// How many tokens are looked for at once. They are removed in the order of their ids, so the more
/// there are the more are neighbours, whose page is written once. Few in unit tests, which sweep more.
const ROUND: usize = if cfg!(test) { 400 } else { 100_000 };

/// How many tokens are removed in one transaction, for which other writers wait.
const BATCH: usize = if cfg!(test) { 150 } else { 25_000 };
