//! Memory for one login's messages: in place, for as long as they are of usual length.

use crate::scram::message::Out;

#[derive(Debug)]
pub(super) struct Buffer {
    short: [u8; USUAL],
    len: usize,
    /// All of it, once it is longer.
    long: Vec<u8>,
}

/// As many bytes as all logins need but those with long names or salts.
const USUAL: usize = 416;

impl Buffer {
    pub(super) fn new() -> Self {
        Self { short: [0; USUAL], len: 0, long: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> &[u8] {
        if self.is_short() { self.short.get(..self.len).unwrap_or_default() } else { &self.long }
    }

    fn is_short(&self) -> bool {
        self.long.is_empty()
    }
}

impl Out for Buffer {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.short.get_mut(self.len..end) {
            Some(room) if self.long.is_empty() => room.copy_from_slice(bytes),
            _ => {
                if self.is_short() {
                    self.long.reserve(2 * end);
                    self.long.extend_from_slice(self.short.get(..self.len).unwrap_or_default());
                }
                self.long.extend_from_slice(bytes);
            }
        }
        self.len = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_there() {
        for part in [1, 5, 100, 416, 417, 3000] {
            let (mut buffer, mut all) = (Buffer::new(), Vec::new());
            for number in 0..20 {
                let part = vec![number; part];
                buffer.put(&part);
                all.put(&part);
                assert_eq!((buffer.bytes(), buffer.len()), (all.as_slice(), all.len()));
            }
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let mut buffer = Buffer::new();
        buffer.put(b"");
        assert_eq!(buffer.bytes(), b"");
        buffer.put(&[1; USUAL]);
        buffer.put(b"");
        assert_eq!(buffer.bytes(), [1; USUAL]);
    }
}
