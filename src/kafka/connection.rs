//! One connection to one broker: versions agreed, logged in, one request at a time.

use std::collections::BTreeMap;
use std::io;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, StrBytes, VersionRange, encode_request_header_into_buffer,
};

use super::address::Address;
use super::apis::Api;
use super::config::Config;
use super::deadline::Deadline;
use super::error_code;
use super::failure::{self, Failure};
use super::frame;
use super::login::{self, Session};
use super::shape;
use super::stream::Stream;
use crate::{error::Error, status::Status};

/// A connection that is ready for requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    address: Address,
    client_id: StrBytes,
    correlation_id: i32,
    /// What the broker speaks, by the number of the request.
    versions: BTreeMap<i16, VersionRange>,
    max_frame: usize,
    session: Session,
    wants_login: bool,
}

impl Connection {
    /// Connects, shakes hands, agrees on versions and logs in.
    pub(crate) fn open(
        address: &Address,
        config: &Config,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        let mut connection = Self {
            stream: Stream::connect(address, config.tls.as_ref(), config.setup_timeout, deadline)?,
            address: address.clone(),
            client_id: config.client_id.clone().into(),
            correlation_id: 0,
            versions: BTreeMap::from([(
                <ApiVersionsRequest as kafka_protocol::protocol::Request>::KEY,
                VersionRange { min: 0, max: 0 },
            )]),
            max_frame: frame::MAX_BEFORE_LOGIN,
            session: Session::default(),
            wants_login: config.login.is_some(),
        };
        let deadline = deadline.or_after(config.request_timeout);
        let offered = connection.call(&ApiVersionsRequest::default(), deadline)?;
        if offered.error_code != error_code::NONE {
            return Err(error_code::failure(ApiVersionsRequest::NAME, offered.error_code, None));
        }
        connection.versions.extend(
            offered.api_keys.iter().map(|api| {
                (api.api_key, VersionRange { min: api.min_version, max: api.max_version })
            }),
        );
        if let Some(login) = &config.login {
            connection.session = login::log_in(&mut connection, login, deadline)?;
        }
        connection.max_frame = frame::MAX_AFTER_LOGIN;
        Ok(connection)
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// What came of the login.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Sends a request and waits for its answer.
    pub(super) fn call<R: Api>(
        &mut self,
        request: &R,
        deadline: Deadline,
    ) -> Result<R::Response, Failure> {
        let version = self.version_for::<R>()?;
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let frame = self.encode(request, version)?;
        self.stream.set_deadline(deadline);
        let answer = frame::write(&mut self.stream, &frame)
            .and_then(|()| frame::read(&mut self.stream, self.max_frame))
            .map_err(|error| self.explain(R::NAME, &error))?;
        self.decode::<R>(version, answer.into())
    }

    fn explain(&self, request: &str, error: &io::Error) -> Failure {
        let is_first = self.correlation_id == 1;
        if error.kind() == io::ErrorKind::UnexpectedEof && is_first && self.stream.is_plain() {
            return Failure::retriable(
                Status::IO,
                format!(
                    "broker {} closed the connection at once; if its listener speaks TLS, \
                     security.protocol must be SASL_SSL or SSL",
                    self.address
                ),
            );
        }
        if self.correlation_id == 2 && !self.wants_login && failure::is_closed(error) {
            return Failure::retriable(
                Status::IO,
                format!(
                    "broker {} closed the connection at the first request; if its listener wants a \
                     login, --command-config must have security.protocol=SASL_SSL or SASL_PLAINTEXT",
                    self.address
                ),
            );
        }
        Failure::io(format_args!("{request} to broker {}", self.address), error)
    }

    fn version_for<R: Api>(&self) -> Result<i16, Failure> {
        let ours = <R as Api>::VERSIONS;
        let theirs = self.versions.get(&R::KEY);
        match theirs.map(|theirs| ours.intersect(theirs)) {
            Some(both) if !both.is_empty() => Ok(both.max),
            _ => {
                let theirs = theirs.map_or("none".to_owned(), VersionRange::to_string);
                Err(Error::new(
                    Status::IO,
                    format!(
                        "broker {} speaks {} in versions {theirs}, and {ours} are needed: it is too \
                         old, or too new",
                        self.address,
                        R::NAME,
                    ),
                )
                .into())
            }
        }
    }

    fn encode<R: Api>(&self, request: &R, version: i16) -> Result<BytesMut, Failure> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(self.client_id.clone()));
        let mut frame = BytesMut::new();
        encode_request_header_into_buffer(&mut frame, &header)
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(|error| {
                let text = format!("{} cannot be written: {error}", R::NAME);
                Error::new(Status::INVALID_ARGUMENT, text)
            })?;
        Ok(frame)
    }

    fn decode<R: Api>(&self, version: i16, mut answer: Bytes) -> Result<R::Response, Failure> {
        let malformed = |what: &str| {
            let text = format!("{} to broker {}: {what}", R::NAME, self.address);
            // No other try: the stream is out of step, and a broker that lies will lie again.
            Failure::from(Error::new(Status::MALFORMED, text))
        };
        let is_flexible = R::Response::header_version(version) >= 1;
        let header_len = if is_flexible { 5 } else { 4 };
        if !answer.get(header_len..).is_some_and(|body| {
            // The header's own tagged fields: Kafka has defined none.
            (!is_flexible || answer.get(4) == Some(&0))
                && shape::fits(R::RESPONSE, version, is_flexible, body)
        }) {
            return Err(malformed("the answer is cut off or not in Kafka's format"));
        }
        let decoded = ResponseHeader::decode(&mut answer, R::Response::header_version(version))
            .and_then(|header| Ok((header, R::Response::decode(&mut answer, version)?)));
        match decoded {
            Ok((header, _)) if header.correlation_id != self.correlation_id => {
                Err(malformed("the answer belongs to another request (wrong correlation id)"))
            }
            Ok((_, response)) => Ok(response),
            Err(error) => Err(malformed(&format!("the answer cannot be read: {error}"))),
        }
    }
}
