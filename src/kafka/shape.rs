//! Looks a response over before it is decoded.
//!
//! The decoders of kafka-protocol reserve as many elements as an array's length promises, and so
//! does a promise of four billion elements in a frame of twenty bytes end the process. Here every
//! length is checked against the bytes that are there; what passes can be decoded safely.

/// One field of a response, or a run of them.
pub(super) enum Field {
    /// This many bytes.
    Fixed(usize),
    /// A string, or null.
    String,
    /// Bytes.
    Bytes,
    /// An array of structures of these fields.
    Array(&'static [Field]),
    /// An array of strings.
    Strings,
    /// A field that came with this version of the response.
    Since(i16, &'static Field),
}

pub(super) const INT8: Field = Field::Fixed(1);
pub(super) const INT16: Field = Field::Fixed(2);
pub(super) const INT32: Field = Field::Fixed(4);
pub(super) const INT64: Field = Field::Fixed(8);

/// Whether `bytes` is a response of these fields, to its last byte. Flexible versions (KIP-482) have
/// compact lengths and tagged fields.
pub(super) fn fits(fields: &[Field], version: i16, is_flexible: bool, bytes: &[u8]) -> bool {
    let mut reader = Reader { rest: bytes, version, is_flexible };
    reader.structure(fields).is_some() && reader.rest.is_empty()
}

struct Reader<'a> {
    rest: &'a [u8],
    version: i16,
    is_flexible: bool,
}

impl Reader<'_> {
    fn structure(&mut self, fields: &[Field]) -> Option<()> {
        for field in fields {
            self.field(field)?;
        }
        if self.is_flexible {
            for _ in 0..self.varint()? {
                let _tag = self.varint()?;
                let len = self.varint()?;
                self.skip(usize::try_from(len).ok()?)?;
            }
        }
        Some(())
    }

    fn field(&mut self, field: &Field) -> Option<()> {
        match field {
            Field::Fixed(len) => self.skip(*len),
            Field::String => {
                let len = if self.is_flexible { self.compact_len()? } else { self.int16_len()? };
                self.skip(len)
            }
            Field::Bytes => {
                let len = self.long_len()?;
                self.skip(len)
            }
            Field::Array(fields) => {
                // Each turn takes a byte at least, so that this ends with the bytes.
                debug_assert!(!fields.is_empty());
                for _ in 0..self.long_len()? {
                    self.structure(fields)?;
                }
                Some(())
            }
            Field::Strings => {
                for _ in 0..self.long_len()? {
                    self.field(&Field::String)?;
                }
                Some(())
            }
            Field::Since(version, field) if self.version >= *version => self.field(field),
            Field::Since(..) => Some(()),
        }
    }

    /// The length of an array or of bytes; null counts as empty.
    fn long_len(&mut self) -> Option<usize> {
        if self.is_flexible {
            return self.compact_len();
        }
        let len = i32::from_be_bytes(self.take()?);
        if len == -1 { Some(0) } else { usize::try_from(len).ok() }
    }

    fn int16_len(&mut self) -> Option<usize> {
        let len = i16::from_be_bytes(self.take()?);
        if len == -1 { Some(0) } else { usize::try_from(len).ok() }
    }

    /// One more than the length, so that 0 is null.
    fn compact_len(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?.saturating_sub(1)).ok()
    }

    /// At most five bytes of seven bits each, the lowest first.
    fn varint(&mut self) -> Option<u32> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            // As the decoders do: what leaves the 32 bits at the top is dropped.
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Some(value)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.rest = self.rest.get(len..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] =
        &[INT16, Field::Array(&[Field::String, Field::Since(3, &INT8)]), Field::Bytes];

    #[test]
    fn whole_responses_fit() {
        assert!(fits(FIELDS, 1, false, b"\0\0\0\0\0\x01\0\x02ab\0\0\0\x01x"));
        assert!(fits(FIELDS, 3, false, b"\0\0\0\0\0\x01\0\x02ab\x07\0\0\0\x01x"));
        assert!(fits(FIELDS, 1, false, b"\0\0\xff\xff\xff\xff\xff\xff\xff\xff"));
        assert!(fits(FIELDS, 2, true, b"\0\0\x02\x03ab\0\x02x\0"));
        assert!(fits(FIELDS, 2, true, b"\0\0\x02\x03ab\x01\x05\x01t\x02x\0"));
    }

    #[test]
    fn lengths_that_the_bytes_do_not_keep_do_not() {
        for bytes in [
            &b""[..],
            b"\0\0\x7f\xff\xff\xff",                // two billion elements
            b"\0\0\x80\0\0\0",                      // a negative count
            b"\0\0\0\0\0\x01\x7f\xffab\0\0\0\x01x", // a string longer than all
            b"\0\0\0\0\0\x01\x80\0ab\0\0\0\x01x",   // a negative string
            b"\0\0\0\0\0\x01\0\x02ab\0\0\0\x02x",   // one byte missing
            b"\0\0\0\0\0\x01\0\x02ab\0\0\0\x01xy",  // one too many
        ] {
            assert!(!fits(FIELDS, 1, false, bytes), "{}", bytes.escape_ascii());
        }
        for bytes in [
            &b"\0\0\xff\xff\xff\xff\x0f"[..], // four billion elements
            b"\0\0\x02\x03ab\0\x02x\xff\xff\xff\xff\x0f", // as many tagged fields
            b"\0\0\x02\x03ab\0\x02x",         // no tagged fields at the end
        ] {
            assert!(!fits(FIELDS, 2, true, bytes), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn nothing_panics() {
        let start = b"\0\0\x02\x03ab\x01\x05\x01t\x02x\0";
        for cut in 0..start.len() {
            for byte in 0..=255 {
                let mut bytes = start.to_vec();
                bytes[cut] = byte;
                fits(FIELDS, 3, true, &bytes);
                fits(FIELDS, 3, false, &bytes[..cut]);
            }
        }
    }
}
