//! The few frames of the Kafka protocol that a login is made of.
//!
//! A frame is a length (4 bytes, big-endian) and as many bytes: a header and a body.

use zeroize::Zeroizing;

use super::failure::Failure;
use crate::scram::Mechanism;
use crate::{error::Error, status::Status};

/// The longest frame of a login, in bytes; a SCRAM message has 4096 at most.
pub(super) const MAX_FRAME: usize = 64 * 1024;

pub(super) const SASL_HANDSHAKE: i16 = 17;
pub(super) const API_VERSIONS: i16 = 18;
pub(super) const SASL_AUTHENTICATE: i16 = 36;

/// The version of SaslAuthenticate from which answers say how long the session may last (KIP-368,
/// Kafka 2.2). librdkafka before 2.2 asks for version 0; we need to know it all the same.
pub(super) const WITH_LIFETIME: i16 = 1;

/// What has arrived of frames from a peer. Zeroed on drop.
#[derive(Default)]
pub(super) struct Frames {
    bytes: Zeroizing<Vec<u8>>,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next whole frame, without its length.
    ///
    /// # Errors
    ///
    /// `MALFORMED` for a length over [`MAX_FRAME`].
    pub(super) fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some((length, rest)) = self.bytes.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err(malformed(format!(
                "a frame of {length} bytes, and a login has none over {MAX_FRAME}: is this port \
                 a Kafka broker's SASL listener, and without TLS?"
            )));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let frame = Zeroizing::new(frame.to_vec());
        self.bytes.drain(..4 + length);
        Ok(Some(frame))
    }

    /// Whether nothing is left of a frame that has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Watches the requests of librdkafka's that pass for a SaslHandshake.
#[derive(Default)]
pub(super) struct HandshakeScanner {
    /// Of the frame that passes: its length and its API key, as far as they have come.
    header: Vec<u8>,
    /// How much of it is still to come.
    rest: usize,
}

impl HandshakeScanner {
    /// Whether these next bytes end with a whole SaslHandshake. Nothing follows one: librdkafka
    /// waits for the answer.
    pub(super) fn ends_with_handshake(&mut self, mut bytes: &[u8]) -> bool {
        let mut is_handshake = self.is_handshake();
        while !bytes.is_empty() {
            let wanted =
                if self.header.len() < HEADER { HEADER - self.header.len() } else { self.rest };
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.header.len() < HEADER {
                self.header.extend_from_slice(taken);
                if let Some(length) = self.header.first_chunk::<4>()
                    && self.header.len() == HEADER
                {
                    // The key, which every request has, is part of the length.
                    self.rest = (u32::from_be_bytes(*length) as usize).saturating_sub(HEADER - 4);
                }
            } else {
                self.rest -= taken.len();
            }
            is_handshake = self.is_handshake();
            if self.header.len() == HEADER && self.rest == 0 {
                self.header.clear();
            } else {
                is_handshake = false;
            }
        }
        is_handshake
    }

    fn is_handshake(&self) -> bool {
        self.header.get(4..HEADER) == Some(&SASL_HANDSHAKE.to_be_bytes())
    }
}

/// Length and API key.
const HEADER: usize = 6;

/// Watches the broker's answers pass.
#[derive(Default)]
pub(super) struct AnswerScanner {
    /// The length of the answer that passes, as far as it has come.
    length: Vec<u8>,
    /// How much of it is still to come.
    rest: usize,
}

impl AnswerScanner {
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let taken = self.rest.min(bytes.len());
                bytes = bytes.get(taken..).unwrap_or_default();
                self.rest -= taken;
            } else {
                let (taken, rest) = bytes.split_at(bytes.len().min(4 - self.length.len()));
                bytes = rest;
                self.length.extend_from_slice(taken);
                if let Ok(length) = <[u8; 4]>::try_from(self.length.as_slice()) {
                    self.length.clear();
                    self.rest = u32::from_be_bytes(length) as usize;
                }
            }
        }
    }

    /// How many bytes the broker still owes of an answer that it has begun.
    pub(super) fn rest(&self) -> usize {
        self.rest
    }
}

/// A request of librdkafka's of which the answer has come, or will not.
#[derive(Clone, Copy)]
pub(super) struct Answered {
    pub(super) api_key: i16,
    pub(super) is_good: bool,
}

/// What every request of librdkafka's begins with.
pub(super) struct RequestHeader {
    pub(super) api_key: i16,
    pub(super) version: i16,
    pub(super) correlation_id: i32,
}

impl RequestHeader {
    pub(super) fn parse(frame: &[u8]) -> Result<Self, Error> {
        let mut body = Body(frame);
        Ok(Self { api_key: body.i16()?, version: body.i16()?, correlation_id: body.i32()? })
    }
}

/// An answer to ApiVersions of a broker that can do nothing but log in. A newer version than 0 is
/// answered by version 0 with UNSUPPORTED_VERSION (KIP-511), after which librdkafka asks again.
pub(super) fn api_versions_answer(request: &RequestHeader) -> Vec<u8> {
    const UNSUPPORTED_VERSION: i16 = 35;
    let apis = [(SASL_HANDSHAKE, 1), (API_VERSIONS, 0), (SASL_AUTHENTICATE, 1)];
    let mut frame = Frame::new();
    frame.i32(request.correlation_id);
    frame.i16(if request.version == 0 { 0 } else { UNSUPPORTED_VERSION });
    frame.i32(3);
    for (api_key, newest) in apis {
        frame.i16(api_key);
        frame.i16(0);
        frame.i16(newest);
    }
    frame.finish()
}

/// An answer to SaslHandshake: that mechanism it is.
pub(super) fn handshake_answer(request: &RequestHeader, mechanism: Mechanism) -> Vec<u8> {
    let mut frame = Frame::new();
    frame.i32(request.correlation_id);
    frame.i16(0);
    frame.i32(1);
    frame.string(Some(mechanism.name()));
    frame.finish()
}

/// Whether a broker's answer to SaslHandshake is a yes.
pub(super) fn handshake_is_accepted(frame: &[u8]) -> bool {
    let mut body = Body(frame);
    body.i32().and_then(|_| body.i16()).is_ok_and(|error| error == 0)
}

/// A SaslAuthenticate request of librdkafka's, version 0 or 1.
pub(super) struct AuthenticateRequest {
    pub(super) version: i16,
    pub(super) correlation_id: i32,
    /// The SCRAM message.
    pub(super) message: Zeroizing<Vec<u8>>,
}

impl AuthenticateRequest {
    pub(super) fn parse(frame: &[u8]) -> Result<Self, Error> {
        let mut body = Body(frame);
        let (api_key, version) = (body.i16()?, body.i16()?);
        if api_key != SASL_AUTHENTICATE || !(0..=1).contains(&version) {
            return Err(malformed(format!(
                "librdkafka sent request {api_key} (version {version}) in the middle of a login"
            )));
        }
        let correlation_id = body.i32()?;
        body.string()?; // the client's id
        Ok(Self { version, correlation_id, message: body.bytes()?.to_vec().into() })
    }

    /// The request as a frame.
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut frame = Frame::new();
        frame.i16(SASL_AUTHENTICATE);
        frame.i16(self.version);
        frame.i32(self.correlation_id);
        frame.string(Some("scramtoken"));
        frame.bytes(&self.message);
        frame.finish()
    }

    /// The answer: the next message of the SCRAM exchange. The lifetime is 0 where there is no
    /// limit, or where the login goes on.
    pub(super) fn answer(&self, message: &[u8], session_lifetime_ms: i64) -> Vec<u8> {
        self.response(0, None, message, session_lifetime_ms)
    }

    /// The refusal, with a text for the application.
    pub(super) fn refuse(&self, failure: &Failure) -> Vec<u8> {
        self.response(failure.code(), Some(&failure.to_string()), &[], 0)
    }

    fn response(&self, error: i16, text: Option<&str>, message: &[u8], lifetime: i64) -> Vec<u8> {
        let mut frame = Frame::new();
        frame.i32(self.correlation_id);
        frame.i16(error);
        frame.string(text);
        frame.bytes(message);
        if self.version >= WITH_LIFETIME {
            frame.i64(lifetime);
        }
        frame.finish()
    }
}

/// A broker's answer to SaslAuthenticate.
pub(super) struct AuthenticateResponse<'a> {
    /// Kafka's error code and text, where the broker refuses.
    pub(super) refusal: Option<(i16, &'a str)>,
    /// The SCRAM message.
    pub(super) message: &'a [u8],
    /// How long the session may last; 0 where there is no limit, or the token has expired.
    pub(super) session_lifetime_ms: i64,
}

impl<'a> AuthenticateResponse<'a> {
    /// Reads one of the version [`WITH_LIFETIME`].
    pub(super) fn parse(frame: &'a [u8], correlation_id: i32) -> Result<Self, Error> {
        let mut body = Body(frame);
        if body.i32()? != correlation_id {
            return Err(malformed("the broker answered another request than was sent"));
        }
        let error = body.i16()?;
        let text = body.string()?.unwrap_or_default();
        let message = body.bytes()?;
        let session_lifetime_ms = body.i64()?;
        let refusal = (error != 0).then_some((error, text));
        Ok(Self { refusal, message, session_lifetime_ms })
    }
}

/// Reads a frame from its front.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    fn string(&mut self) -> Result<Option<&'a str>, Error> {
        let Ok(length) = usize::try_from(self.i16()?) else { return Ok(None) };
        let text = self.take(length)?;
        str::from_utf8(text).map(Some).map_err(|_| malformed("a string is not UTF-8"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let Ok(length) = usize::try_from(self.i32()?) else { return Ok(&[]) };
        self.take(length)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or_else(short)?;
        self.0 = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Writes a frame.
struct Frame(Vec<u8>);

impl Frame {
    fn new() -> Self {
        Self(vec![0; 4])
    }

    fn i16(&mut self, value: i16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn string(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.i16(-1) };
        // Longer than any of ours; empty in place of a length that does not fit.
        let length = i16::try_from(text.len()).unwrap_or_default();
        self.i16(length);
        self.0.extend(text.bytes().take(usize::from(length.unsigned_abs())));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.i32(i32::try_from(bytes.len()).unwrap_or_default());
        self.0.extend_from_slice(bytes);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or_default();
        if let Some(first) = self.0.first_chunk_mut::<4>() {
            *first = length.to_be_bytes();
        }
        self.0
    }
}

fn short() -> Error {
    malformed("a frame ends too early")
}

fn malformed(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Status::MALFORMED, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: i16) -> AuthenticateRequest {
        AuthenticateRequest { version, correlation_id: 7, message: b"n,,n=a,r=b".to_vec().into() }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        for version in [0, 1] {
            let mut frames = Frames::default();
            let bytes = request(version).frame();
            for byte in &bytes {
                assert!(frames.next().unwrap().is_none());
                frames.push(&[*byte]);
            }
            let frame = frames.next().unwrap().unwrap();
            assert!(frames.is_empty());
            let parsed = AuthenticateRequest::parse(&frame).unwrap();
            assert_eq!((parsed.version, parsed.correlation_id), (version, 7));
            assert_eq!(parsed.message.as_slice(), b"n,,n=a,r=b");
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let frame = request(1).answer(b"v=", 1234);
        let parsed = AuthenticateResponse::parse(&frame[4..], 7).unwrap();
        assert_eq!((parsed.message, parsed.session_lifetime_ms), (b"v=".as_slice(), 1234));
        for (failure, refusal) in [
            (Failure::from(malformed("no")), (58, "scramtoken: no")),
            (
                Failure::lost(None, "x", "y"),
                (-195, "scramtoken: the broker closed the connection in x: y"),
            ),
            (Failure::timed_out("too late".to_owned()), (-185, "scramtoken: too late")),
            (Failure::of_broker(34, malformed("no")), (34, "scramtoken: no")),
            (Failure::of_broker(-150, malformed("no")), (58, "scramtoken: no")),
        ] {
            let frame = request(1).refuse(&failure);
            let parsed = AuthenticateResponse::parse(&frame[4..], 7).unwrap();
            assert_eq!((parsed.refusal, parsed.session_lifetime_ms), (Some(refusal), 0));
        }
        let frame = request(1).refuse(&malformed("no").into());
        assert!(AuthenticateResponse::parse(&frame[4..], 8).is_err());
        for length in 4..frame.len() {
            assert!(AuthenticateResponse::parse(&frame[4..length], 7).is_err());
        }
        assert_eq!(request(0).answer(b"v=", 1234).len() + 8, request(1).answer(b"v=", 1234).len());
    }

    #[test]
    fn a_handshake_is_seen_wherever_it_is_cut() {
        let mut handshake = Frame::new();
        handshake.i16(SASL_HANDSHAKE);
        handshake.i16(1);
        handshake.i32(7);
        let handshake = handshake.finish();
        let other = request(1).frame();
        let both = [other.as_slice(), &handshake].concat();
        for cut in 0..both.len() {
            let mut scanner = HandshakeScanner::default();
            assert!(!scanner.ends_with_handshake(&both[..cut]), "{cut}");
            assert!(scanner.ends_with_handshake(&both[cut..]), "{cut}");
            assert!(!scanner.ends_with_handshake(&other), "{cut}");
        }
    }

    #[test]
    fn the_rest_of_an_answer_is_known_wherever_it_is_cut() {
        let answers = [&[0, 0, 1, 0][..], &[7; 256], &[0; 4], &[0, 0, 0, 2], b"ab"].concat();
        for cut in 0..=answers.len() {
            let mut scanner = AnswerScanner::default();
            scanner.pass(&answers[..cut]);
            let rest = match cut {
                0..4 => 0,
                4..260 => 260 - cut,
                268..270 => 270 - cut,
                _ => 0,
            };
            assert_eq!(scanner.rest(), rest, "{cut}");
            scanner.pass(&answers[cut..]);
            assert_eq!(scanner.rest(), 0, "{cut}");
        }
    }

    #[test]
    fn a_frame_has_a_longest_length() {
        let mut frames = Frames::default();
        frames.push(b"HTTP/1.1 400 Bad Request");
        assert!(frames.next().unwrap_err().text().contains("without TLS"));
    }
}
