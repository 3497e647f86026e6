//! One connection to one broker: versions agreed, logged in, one request at a time.

use std::collections::BTreeMap;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, StrBytes, VersionRange, encode_request_header_into_buffer,
};
use zeroize::Zeroize;

use super::address::Address;
use super::apis::{Api, ListApi, Needs};
use super::config::Config;
use super::deadline::Deadline;
use super::error_code;
use super::failure::{self, Failure};
use super::frame;
use super::list::Elements;
use super::login::{self, Session};
use super::shape::{self, Form, List, Misfit};
use super::stream::Stream;
use crate::{error::Error, status::Status};

/// A request that is ready to be sent, once, as the next one.
pub(super) struct Prepared {
    version: i16,
    frame: BytesMut,
}

impl Drop for Prepared {
    /// A password or an access token may be in it.
    fn drop(&mut self) {
        self.frame.as_mut().zeroize();
    }
}

/// Kafka's code 35, as statuses are made of Kafka's codes.
const UNSUPPORTED_VERSION: i32 = -1035;

/// A connection that is ready for requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    address: Address,
    client_id: StrBytes,
    correlation_id: i32,
    /// What the broker speaks, by the number of the request.
    versions: BTreeMap<i16, VersionRange>,
    /// Whether the broker has proved who it is.
    is_proved: bool,
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
        let stream = Stream::connect(address, config.tls.as_ref(), config.setup_timeout, deadline)?;
        let mut connection = Self {
            is_proved: !stream.is_plain(),
            stream,
            address: address.clone(),
            client_id: config.client_id.clone().into(),
            correlation_id: 0,
            versions: BTreeMap::from([(
                <ApiVersionsRequest as kafka_protocol::protocol::Request>::KEY,
                VersionRange { min: 0, max: 0 },
            )]),
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
            connection.is_proved |= login.is_mutual();
        }
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
        let prepared = self.prepare(request)?;
        self.call_prepared::<R>(&prepared, deadline)
    }

    /// Sends a request that was prepared, and waits for its answer.
    pub(super) fn call_prepared<R: Api>(
        &mut self,
        prepared: &Prepared,
        deadline: Deadline,
    ) -> Result<R::Response, Failure> {
        let Answer { mut body, form, .. } = self.exchange::<R>(prepared, deadline)?;
        R::Response::decode(&mut body, form.version).map_err(|error| self.unreadable::<R>(&error))
    }

    /// Sends a request and waits for its answer, which is a list: the answer without it, and its
    /// elements, which are decoded as they are taken.
    pub(super) fn call_for_list<R: ListApi>(
        &mut self,
        request: &R,
        deadline: Deadline,
    ) -> Result<(R::Response, Elements<R::Element>), Failure> {
        let prepared = self.prepare(request)?;
        let Answer { body, form, list } = self.exchange::<R>(&prepared, deadline)?;
        let empty: &[u8] = if form.is_flexible { &[1] } else { &[0; 4] };
        let (before, after) = (body.slice(..list.array.start), body.slice(list.array.end..));
        let mut without = Bytes::from([&before, empty, &after].concat());
        let response = R::Response::decode(&mut without, form.version)
            .map_err(|error| self.unreadable::<R>(&error))?;
        let elements = body.slice(list.elements);
        Ok((response, Elements::new(elements, list.count, form.version, self.what::<R>())))
    }

    /// Writes the next request down, in a version that the broker speaks. Where this fails, nothing
    /// was sent.
    pub(super) fn prepare<R: Api>(&mut self, request: &R) -> Result<Prepared, Failure> {
        let version = self.version_for(request)?;
        self.correlation_id = self.correlation_id.wrapping_add(1);
        self.encode(request, version)
    }

    /// Sends a request; the answer to it is looked over, and can be decoded.
    fn exchange<R: Api>(
        &mut self,
        Prepared { version, frame }: &Prepared,
        deadline: Deadline,
    ) -> Result<Answer, Failure> {
        self.stream.set_deadline(deadline);
        let limit = frame::Limit::new(R::MAX_LEN, self.is_proved);
        let answer = frame::write(&mut self.stream, frame)
            .and_then(|()| frame::read(&mut self.stream, limit))
            .map_err(|error| self.explain(R::NAME, &error))?;
        self.look_over::<R>(*version, Bytes::from_owner(answer))
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

    /// Whether the request would go out in this version or a newer one.
    pub(super) fn speaks<R: Api>(&self, request: &R, version: i16) -> bool {
        self.version_for(request).is_ok_and(|agreed| agreed >= version)
    }

    fn version_for<R: Api>(&self, request: &R) -> Result<i16, Failure> {
        let ours = <R as Api>::VERSIONS;
        let theirs = self.versions.get(&R::KEY);
        match theirs.map(|theirs| ours.intersect(theirs)) {
            Some(both) if !both.is_empty() => match request.needs() {
                Some(Needs { version, text }) if both.max < version => {
                    let text = format!("broker {} is too old: {text}", self.address);
                    Err(Error::new(Status::from_raw(UNSUPPORTED_VERSION), text).into())
                }
                _ => Ok(both.max),
            },
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

    fn encode<R: Api>(&self, request: &R, version: i16) -> Result<Prepared, Failure> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(self.client_id.clone()));
        // Whole from the beginning: growing would leave copies of secrets behind.
        let len = request.compute_size(version).unwrap_or_default() + self.client_id.len() + 64;
        let mut prepared = Prepared { version, frame: BytesMut::with_capacity(len) };
        encode_request_header_into_buffer(&mut prepared.frame, &header)
            .and_then(|()| request.encode(&mut prepared.frame, version))
            .map_err(|error| {
                let text = format!("{} cannot be written: {error}", R::NAME);
                Error::new(Status::INVALID_ARGUMENT, text)
            })?;
        Ok(prepared)
    }

    fn look_over<R: Api>(&self, version: i16, mut answer: Bytes) -> Result<Answer, Failure> {
        let what = self.what::<R>();
        let is_flexible = R::Response::header_version(version) >= 1;
        let form = Form { version, is_flexible };
        let header_len = if is_flexible { 5 } else { 4 };
        // The header's own tagged fields: Kafka has defined none.
        if answer.len() < header_len || (is_flexible && answer.get(4) != Some(&0)) {
            return Err(Failure::malformed(&what, NOT_KAFKAS));
        }
        let mut header = answer.split_to(header_len);
        let list = shape::check(R::RESPONSE, form, R::MAX_ELEMENTS, &answer).map_err(|misfit| {
            let max = R::MAX_ELEMENTS;
            match misfit {
                Misfit::Malformed => Failure::malformed(&what, NOT_KAFKAS),
                Misfit::TooMany => Failure::malformed(
                    &what,
                    format_args!("the answer has more than {max} elements, the most accepted"),
                ),
            }
        })?;
        if header.get_i32() != self.correlation_id {
            let text = "the answer belongs to another request (wrong correlation id)";
            return Err(Failure::malformed(&what, text));
        }
        Ok(Answer { body: answer, form, list })
    }

    /// What failed, to begin a sentence with.
    fn what<R: Api>(&self) -> String {
        format!("{} to broker {}", R::NAME, self.address)
    }

    fn unreadable<R: Api>(&self, error: &impl core::fmt::Display) -> Failure {
        let why = format!("the answer cannot be read: {error}");
        Failure::malformed(&self.what::<R>(), why)
    }
}

/// What a response consists of, without its header.
struct Answer {
    body: Bytes,
    form: Form,
    list: List,
}

const NOT_KAFKAS: &str = "the answer is cut off or not in Kafka's format";
