//! The crate rsasl, as its documentation has servers and clients do.

use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::{SaltedPassword, ScramStoredPassword};
use rsasl::prelude::*;
use rsasl::property::{AuthId, Password};
use rsasl::validate::{Validate, ValidationError};

use crate::account::{Account, ITERATIONS, PASSWORD, SALT, USER};
use crate::worker::{Peer, Refused};

/// The user that a server has let in.
pub(crate) struct LetIn;

impl Validation for LetIn {
    type Value = String;
}

struct Keys(Account);

impl SessionCallback for Keys {
    fn callback(
        &self,
        _: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if context.get_ref::<AuthId>() == Some(USER) {
            request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                ITERATIONS,
                SALT,
                &self.0.stored_key,
                &self.0.server_key,
            ))?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate
            .with::<LetIn, _>(|| Ok(context.get_ref::<AuthId>().unwrap_or_default().to_owned()))?;
        Ok(())
    }
}

pub(crate) struct RsaslServer {
    mechanism: &'static Mechname,
    config: Arc<SASLConfig>,
}

impl RsaslServer {
    pub(crate) fn new(mechanism: &'static str, account: &Account) -> Self {
        let keys = Keys(account.clone());
        let config = SASLConfig::builder().with_defaults().with_callback(keys).unwrap();
        Self { mechanism: Mechname::parse(mechanism.as_bytes()).unwrap(), config }
    }
}

impl Peer for RsaslServer {
    type Login = Session<LetIn>;

    fn begin(&self) -> Self::Login {
        SASLServer::new(Arc::clone(&self.config)).start_suggested(self.mechanism).unwrap()
    }

    fn step(
        &self,
        login: &mut Self::Login,
        message: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<bool, Refused> {
        let state = login.step(Some(message), answer).map_err(|_| Refused)?;
        Ok(!state.is_running() && login.validation().is_some_and(|user| user == USER))
    }
}

/// Gives a client its password, or, warm, the salted one. Keys that rsasl could take instead cannot be
/// handed to it: the struct for them is made by nobody outside of the crate.
struct Secret {
    salted: Option<Vec<u8>>,
}

impl SessionCallback for Secret {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request.satisfy::<AuthId>(USER)?;
        match &self.salted {
            Some(salted) => request.satisfy::<SaltedPassword>(salted)?,
            None => request.satisfy::<Password>(PASSWORD.as_bytes())?,
        };
        Ok(())
    }
}

pub(crate) struct RsaslClient {
    mechanism: &'static Mechname,
    config: Arc<SASLConfig>,
}

impl RsaslClient {
    pub(crate) fn new(mechanism: &'static str, salted: Option<Vec<u8>>) -> Self {
        let secret = Secret { salted };
        let config = SASLConfig::builder().with_defaults().with_callback(secret).unwrap();
        Self { mechanism: Mechname::parse(mechanism.as_bytes()).unwrap(), config }
    }
}

impl Peer for RsaslClient {
    type Login = Session;

    fn begin(&self) -> Self::Login {
        SASLClient::new(Arc::clone(&self.config)).start_suggested(&[self.mechanism]).unwrap()
    }

    fn step(
        &self,
        login: &mut Self::Login,
        message: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<bool, Refused> {
        let message = (!message.is_empty()).then_some(message);
        let state = login.step(message, answer).map_err(|_| Refused)?;
        Ok(!state.is_running())
    }
}
