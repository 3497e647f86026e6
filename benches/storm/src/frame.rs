//! Kafka's frames, as far as a login needs them: <https://kafka.apache.org/protocol>.

use std::io::{Read, Write};

use crate::Failure;

const SASL_HANDSHAKE: (i16, i16) = (17, 1);
const SASL_AUTHENTICATE: (i16, i16) = (36, 2);
const CLIENT_ID: &[u8] = b"storm";
/// A broker's answer to either has a few hundred bytes.
const LONGEST: usize = 16_384;

/// Asks for a mechanism.
pub(crate) fn handshake(stream: &mut (impl Read + Write), mechanism: &str) -> Result<(), Failure> {
    let mut request = Request::new(SASL_HANDSHAKE, 1);
    request.put_string(mechanism.as_bytes())?;
    let mut answer = request.call(stream)?;
    match answer.int16()? {
        0 => Ok(()),
        error => Err(format!("SaslHandshake: error {error}").into()),
    }
}

/// Takes a message to the broker, and gives its answer.
pub(crate) fn authenticate(
    stream: &mut (impl Read + Write),
    correlation_id: i32,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut request = Request::new(SASL_AUTHENTICATE, correlation_id);
    request.put_no_tagged_fields();
    request.put_compact(message)?;
    request.put_no_tagged_fields();
    let mut answer = request.call(stream)?;
    answer.no_tagged_fields()?;
    let error = answer.int16()?;
    let text = String::from_utf8_lossy(answer.compact()?).into_owned();
    if error != 0 {
        return Err(format!("SaslAuthenticate: error {error}, {text}").into());
    }
    Ok(answer.compact()?.to_vec())
}

struct Request {
    bytes: Vec<u8>,
    correlation_id: i32,
}

impl Request {
    fn new((key, version): (i16, i16), correlation_id: i32) -> Self {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend([0; 4]); // the length, set by `call`
        bytes.extend(key.to_be_bytes());
        bytes.extend(version.to_be_bytes());
        bytes.extend(correlation_id.to_be_bytes());
        bytes.extend([0, CLIENT_ID.len() as u8]);
        bytes.extend(CLIENT_ID);
        Self { bytes, correlation_id }
    }

    fn put_string(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.bytes.extend(u16::try_from(text.len())?.to_be_bytes());
        self.bytes.extend(text);
        Ok(())
    }

    fn put_compact(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut length = u32::try_from(bytes.len() + 1)?;
        while length >= 0x80 {
            self.bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
        self.bytes.extend(bytes);
        Ok(())
    }

    fn put_no_tagged_fields(&mut self) {
        self.bytes.push(0);
    }

    /// Sends it, and gives what follows the correlation id of the answer.
    fn call(mut self, stream: &mut (impl Read + Write)) -> Result<Answer, Failure> {
        let length = u32::try_from(self.bytes.len() - 4)?;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        stream.write_all(&self.bytes)?;
        stream.flush()?;

        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err("the answer is no Kafka frame".into());
        }
        self.bytes.resize(length, 0);
        stream.read_exact(&mut self.bytes)?;
        let mut answer = Answer { bytes: self.bytes, at: 0 };
        if answer.take(4)? != self.correlation_id.to_be_bytes() {
            return Err("the answer is to another request".into());
        }
        Ok(answer)
    }
}

struct Answer {
    bytes: Vec<u8>,
    at: usize,
}

impl Answer {
    fn int16(&mut self) -> Result<i16, Failure> {
        Ok(i16::from_be_bytes(self.take(2)?.try_into()?))
    }

    /// Compact bytes or a compact string; null reads as empty.
    fn compact(&mut self) -> Result<&[u8], Failure> {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)?[0];
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 21 {
                break;
            }
        }
        self.take(length.saturating_sub(1))
    }

    fn no_tagged_fields(&mut self) -> Result<(), Failure> {
        match self.take(1)? {
            [0] => Ok(()),
            _ => Err("the answer has tagged fields".into()),
        }
    }

    fn take(&mut self, length: usize) -> Result<&[u8], Failure> {
        let from = self.at;
        self.at += length;
        self.bytes.get(from..self.at).ok_or_else(|| "the answer is too short".into())
    }
}
