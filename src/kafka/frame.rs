//! Kafka's frames: a length of four bytes, then as many bytes.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

/// The longest frame from a broker that has not proved who it is.
pub(super) const MAX_UNPROVED: usize = 64 * 1024;

/// How long a frame may be, and why.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    max: usize,
    why: &'static str,
}

impl Limit {
    /// For an answer of `max` bytes at most. TLS proves who the broker is, and so does a login by
    /// SCRAM or Kerberos; nothing else does.
    pub(super) fn new(max: usize, is_proved: bool) -> Self {
        if is_proved || max <= MAX_UNPROVED {
            return Self { max, why: "" };
        }
        let why = " from a broker that has not proved who it is, as TLS and a login by SCRAM or \
                   Kerberos do";
        Self { max: MAX_UNPROVED, why }
    }
}

/// Memory grows with what arrives, not with what the length promises.
const CHUNK: usize = 64 * 1024;

pub(super) fn write(stream: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let len = i32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // In one piece, so that it leaves in one packet.
    stream.write_all(&Zeroizing::new([&len.to_be_bytes(), frame].concat()))?;
    stream.flush()
}

/// The bytes of the next frame, which are wiped when they go, for HMACs are among them.
///
/// # Errors
///
/// Those of the stream; `InvalidData`, with a sentence, for a length below 4 (a correlation id is in
/// every answer) or above the limit.
pub(super) fn read(stream: &mut impl Read, limit: Limit) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let promised = match usize::try_from(i32::from_be_bytes(len)) {
        Ok(promised) if (4..=limit.max).contains(&promised) => promised,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, explain(len, limit))),
    };
    let mut frame = Zeroizing::new(Vec::new());
    let mut chunk = Zeroizing::new(vec![0; promised.min(CHUNK)]);
    while frame.len() < promised {
        let missing = chunk.len().min(promised - frame.len());
        let Some(room) = chunk.get_mut(..missing) else { break };
        let count = match stream.read(room) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        reserve(&mut frame, count, promised);
        frame.extend_from_slice(room.get(..count).unwrap_or_default());
    }
    Ok(frame)
}

/// A vector that grows by itself would leave copies in the memory that it gives up.
fn reserve(frame: &mut Zeroizing<Vec<u8>>, more: usize, most: usize) {
    let needed = frame.len().saturating_add(more);
    if needed > frame.capacity() {
        let capacity = needed.saturating_mul(2).min(most.max(needed));
        let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
        larger.extend_from_slice(frame);
        *frame = larger;
    }
}

fn explain(len: [u8; 4], Limit { max, why }: Limit) -> String {
    match len {
        // A TLS alert: record type 21, version 3.x.
        [21, 3, ..] => "it speaks TLS: security.protocol must be SASL_SSL or SSL".to_owned(),
        [b'H', b'T', b'T', b'P'] => "it speaks HTTP, so it is no Kafka broker".to_owned(),
        _ => {
            let len = i32::from_be_bytes(len);
            format!(
                "its answer claims {len} bytes, and 4 to {max} are accepted{why}: is this Kafka?"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_whole() {
        for len in [4, 5, 70_000] {
            let frame: Vec<u8> = (0..len).map(|byte: u32| byte.to_le_bytes()[0]).collect();
            let mut wire = Vec::new();
            write(&mut wire, &frame).unwrap();
            assert_eq!(*read(&mut wire.as_slice(), Limit::new(100_000, true)).unwrap(), frame);
        }
    }

    #[test]
    fn lengths_are_checked_and_short_frames_end() {
        for (wire, why) in [
            (&b"\0\0\0\x03abc"[..], "claims 3 bytes"),
            (b"\xff\xff\xff\xff", "claims -1 bytes"),
            (b"\x7f\xff\xff\xff", "claims 2147483647 bytes"),
            (b"\x15\x03\x03\x00", "speaks TLS"),
            (b"HTTP/1.1", "speaks HTTP"),
        ] {
            let error = read(&mut &wire[..], Limit::new(1000, false)).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = read(&mut &b"\0\0\0\x09abcd"[..], Limit::new(1000, false)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
