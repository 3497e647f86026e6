//! The journal under a key of a Secret, for an agent without a disk.
//!
//! No lock outlives a pod there. So each agent leaves its mark beside the journal when it begins, and ends
//! once it finds another's: the newest one goes on.

use super::{Contents, parse};
use crate::agent::kubernetes::{Kind, MANAGER, Refusal, Secret, Stored, apply, read};
use crate::{error::Error, random, status::Status};

#[derive(Debug)]
pub(in crate::agent) struct JournalSecret {
    secret: Secret,
    /// Of this process.
    mark: String,
    /// Whether it stands there already.
    is_ours: bool,
}

/// The keys in the Secret's data.
pub(in crate::agent) const KEY: &str = "scramtoken-agent.json";
pub(in crate::agent) const MARK_KEY: &str = "scramtoken-agent.mark";

impl JournalSecret {
    pub(super) fn open(secret: &Secret) -> Result<(Self, Contents), Error> {
        let stored = read(secret).map_err(Refusal::into_error)?;
        let contents = match stored.and_then(|stored| stored.get(KEY)) {
            None => Contents::default(),
            Some(value) => {
                let text = str::from_utf8(&value).ok();
                text.and_then(parse).ok_or_else(|| damaged(secret))?
            }
        };
        let mark = format!("{:016x}", u64::from_ne_bytes(random::bytes()?));
        Ok((Self { secret: secret.clone(), mark, is_ours: false }, contents))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let data = [(KEY, bytes), (MARK_KEY, self.mark.as_bytes())];
        let mut tries = 0;
        loop {
            let stored = read(&self.secret).map_err(Refusal::into_error)?;
            let is_there = |(key, value): &(&str, &[u8])| {
                let stored = stored.as_ref().and_then(|stored| stored.get(key));
                stored.is_some_and(|stored| stored.as_slice() == *value)
            };
            if data.iter().all(is_there) {
                return Ok(());
            }
            // Without any mark the Secret was made anew.
            let has_mark = stored.as_ref().is_some_and(|stored| stored.get(MARK_KEY).is_some());
            if self.is_ours && has_mark && !data.iter().skip(1).all(is_there) {
                return Err(self.taken_over());
            }
            // Whoever writes meanwhile is seen.
            let version = stored.as_ref().and_then(Stored::version);
            match apply(&self.secret, MANAGER, version.as_deref(), &data) {
                Ok(()) => {
                    self.is_ours = true;
                    return Ok(());
                }
                // Another key of it has changed, or it was another agent.
                Err(refusal) if refusal.kind == Kind::Stale && tries < MOST_TRIES => tries += 1,
                Err(refusal) => return Err(refusal.into_error()),
            }
        }
    }

    fn taken_over(&self) -> Error {
        let text = format!(
            "the Secret {}: another agent works with this journal: give each agent one of its own",
            self.secret
        );
        Error::new(Status::INVALID_STATE, text)
    }
}

fn damaged(secret: &Secret) -> Error {
    let text = format!(
        "the Secret {secret}: the journal in it ({KEY}) is damaged, or of another version: remove that \
         key and the agent begins anew; the tokens in it end by themselves"
    );
    Error::new(Status::CORRUPT, text)
}

const MOST_TRIES: u32 = 4;
