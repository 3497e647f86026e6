//! Keys of a Secret of Kubernetes, by server-side apply: those of others stay.

use core::fmt;

use zeroize::Zeroizing;

use super::{Delivered, Publication};
use crate::agent::config::Section;
use crate::agent::journal;
use crate::agent::kubernetes::{self, Given, Refusal, check_key};
use crate::error::Error;
use crate::json;
use crate::properties::LoginModule;
use crate::source::TokenFile;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Secret {
    place: kubernetes::Secret,
    /// At least one, each key once.
    data: Vec<(String, Form)>,
}

/// What is under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// The token file's JSON.
    File,
    TokenId,
    TokenHmac,
    /// Properties of a JVM's client.
    Properties,
    /// The value of `sasl.jaas.config` alone.
    Jaas,
}

const FORMS: [(&str, Form); 5] = [
    ("file", Form::File),
    ("token-id", Form::TokenId),
    ("token-hmac", Form::TokenHmac),
    ("properties", Form::Properties),
    ("jaas", Form::Jaas),
];

impl Secret {
    pub(super) fn from_section(section: &mut Section<'_>, given: &Given) -> Result<Self, Error> {
        let name = section.required_text("secret", "\"kafka-token\"")?;
        let namespace = section.namespace()?;
        let place = given.secret(name.value.clone(), namespace);
        let place = place.map_err(|why| name.error(&section.file, why))?;
        let mut data = Vec::new();
        for (key, found) in section.pairs("data", "{ \"token.json\" = \"file\" }")? {
            let failed = |why: String| found.error(&section.file, why);
            check_key(&key).map_err(failed)?;
            if journal::SECRET_KEYS.contains(&key.as_str()) {
                return Err(failed(format!("{key} is a key of the journal: choose another")));
            }
            let form = FORMS.iter().find(|(name, _)| *name == found.value);
            let (_, form) = form.ok_or_else(|| {
                let names: Vec<_> = FORMS.iter().map(|(name, _)| format!("{name:?}")).collect();
                failed(format!("{:?} is not known: write {}", found.value, names.join(" or ")))
            })?;
            data.push((key, *form));
        }
        if data.is_empty() {
            data.push(("token.json".to_owned(), Form::File));
        }
        Ok(Self { place, data })
    }

    pub(super) fn place(&self) -> &kubernetes::Secret {
        &self.place
    }

    /// What no other target may write. A field manager applies all of its keys together, so that one
    /// token has one target in each Secret.
    pub(super) fn occupies(&self, token: &str) -> Vec<String> {
        let keys = self.data.iter().map(|(key, _)| self.place.key(key));
        keys.chain([format!("the Secret {} for the token {token}", self.place)]).collect()
    }

    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        let values = self.data.iter().map(|(key, form)| {
            let value = form.value(publication)?;
            Ok((key.as_str(), value))
        });
        let values: Vec<(&str, Zeroizing<String>)> = values.collect::<Result<_, Error>>()?;
        let manager = format!("{}/{}", kubernetes::MANAGER, publication.name);
        if let Some(stored) = kubernetes::read(&self.place).map_err(Refusal::into_error)? {
            let has = |(key, value): &(&str, Zeroizing<String>)| {
                stored.get(key).is_some_and(|stored| *stored == value.as_bytes())
            };
            // What an earlier configuration put there is taken away.
            let is_wanted = |key: &String| values.iter().any(|(wanted, _)| wanted == key);
            if values.iter().all(has) && stored.keys_of(&manager).iter().all(is_wanted) {
                return Ok(Delivered::Unchanged);
            }
        }
        let data: Vec<(&str, &[u8])> =
            values.iter().map(|(key, value)| (*key, value.as_bytes())).collect();
        kubernetes::apply(&self.place, &manager, None, &data).map_err(Refusal::into_error)?;
        Ok(Delivered::Changed)
    }
}

impl Form {
    fn value(self, publication: &Publication) -> Result<Zeroizing<String>, Error> {
        let Publication { token, mechanism, .. } = publication;
        Ok(match self {
            Self::File => json::text(&TokenFile(token, *mechanism)),
            Self::TokenId => Zeroizing::new(token.id.clone()),
            Self::TokenHmac => token.hmac.clone().unwrap_or_default(),
            Self::Properties => publication.properties()?,
            Self::Jaas => {
                let hmac = token.hmac_text();
                LoginModule::token_line(&token.id, hmac)?
            }
        })
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}
