//! A connection without a broker: we answer librdkafka ourselves as far as its SaslAuthenticate,
//! whose refusal carries a text to the application.

use std::time::Instant;

use super::failure::Failure;
use super::frames::{
    API_VERSIONS, AuthenticateRequest, Frames, RequestHeader, SASL_HANDSHAKE, api_versions_answer,
    handshake_answer,
};
use super::login::HOLD_BACK;
use crate::error::Error;
use crate::scram::Mechanism;

pub(super) struct Refusal {
    failure: Failure,
    mechanism: Mechanism,
    requests: Frames,
    last: Option<AuthenticateRequest>,
    /// Not earlier, or librdkafka would connect again at once.
    at: Instant,
}

impl Refusal {
    pub(super) fn new(failure: Failure, mechanism: Mechanism, now: Instant) -> Self {
        let requests = Frames::default();
        Self { failure, mechanism, requests, last: None, at: now + HOLD_BACK }
    }

    /// Takes what librdkafka has sent, and gives what is to be answered at once.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.requests.push(bytes);
        let mut answers = Vec::new();
        while let Some(frame) = self.requests.next()? {
            let header = RequestHeader::parse(&frame)?;
            match header.api_key {
                API_VERSIONS => answers.extend(api_versions_answer(&header)),
                SASL_HANDSHAKE => answers.extend(handshake_answer(&header, self.mechanism)),
                _ => self.last = Some(AuthenticateRequest::parse(&frame)?),
            }
        }
        Ok(answers)
    }

    /// The refusal itself, when it is due.
    pub(super) fn last_answer(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.at {
            return None;
        }
        self.last.take().map(|request| request.refuse(&self.failure))
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.last.as_ref().map(|_| self.at)
    }
}
