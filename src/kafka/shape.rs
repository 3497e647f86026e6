//! Looks a response over before it is decoded.
//!
//! The decoders of kafka-protocol reserve as many elements as an array's length promises, so a
//! promise of four billion elements in a frame of twenty bytes would end the process. Here every
//! length is checked against the bytes that are there, and elements are counted, because each of them
//! takes memory beside its bytes. What passes can be decoded safely.

use core::ops::Range;

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

/// How a response is written.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) version: i16,
    /// Whether it has compact lengths and tagged fields (KIP-482).
    pub(super) is_flexible: bool,
}

/// Where a response has its first array of structures.
#[derive(Default, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The whole array, which begins with the number of its elements.
    pub(super) array: Range<usize>,
    /// Its elements.
    pub(super) elements: Range<usize>,
    pub(super) count: usize,
}

/// Why a response is not to be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It does not consist of the fields, or is not as long as they are.
    Malformed,
    /// It has more elements than are accepted: of arrays, of arrays within them, and tagged fields.
    TooMany,
}

/// Looks over a response that must consist of these fields to its last byte, and must have no more
/// than `max_elements` elements. Its first array, which is empty where it has none.
pub(super) fn check(
    fields: &[Field],
    form: Form,
    max_elements: usize,
    bytes: &[u8],
) -> Result<List, Misfit> {
    let mut reader = Reader { len: bytes.len(), rest: bytes, form, elements_left: max_elements };
    let mut list = None;
    for field in fields {
        match field {
            Field::Array(fields) if list.is_none() => list = Some(reader.array(fields)?),
            _ => reader.field(field)?,
        }
    }
    reader.tagged_fields()?;
    if reader.rest.is_empty() { Ok(list.unwrap_or_default()) } else { Err(Misfit::Malformed) }
}

struct Reader<'a> {
    len: usize,
    rest: &'a [u8],
    form: Form,
    elements_left: usize,
}

impl Reader<'_> {
    fn structure(&mut self, fields: &[Field]) -> Result<(), Misfit> {
        for field in fields {
            self.field(field)?;
        }
        self.tagged_fields()
    }

    fn tagged_fields(&mut self) -> Result<(), Misfit> {
        if self.form.is_flexible {
            for _ in 0..self.varint()? {
                self.element()?;
                let _tag = self.varint()?;
                let len = self.varint()?;
                self.skip(count(len)?)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field) -> Result<(), Misfit> {
        match field {
            Field::Fixed(len) => self.skip(*len),
            Field::String => {
                let len =
                    if self.form.is_flexible { self.compact_len()? } else { self.int16_len()? };
                self.skip(len)
            }
            Field::Bytes => {
                let len = self.long_len()?;
                self.skip(len)
            }
            Field::Array(fields) => self.array(fields).map(|_| ()),
            Field::Strings => {
                for _ in 0..self.long_len()? {
                    self.element()?;
                    self.field(&Field::String)?;
                }
                Ok(())
            }
            Field::Since(version, field) if self.form.version >= *version => self.field(field),
            Field::Since(..) => Ok(()),
        }
    }

    fn array(&mut self, fields: &[Field]) -> Result<List, Misfit> {
        let start = self.position();
        let count = self.long_len()?;
        let elements = self.position();
        for _ in 0..count {
            self.element()?;
            self.structure(fields)?;
        }
        let end = self.position();
        Ok(List { array: start..end, elements: elements..end, count })
    }

    /// Counts one more, when it is read: what an array promises costs nothing.
    fn element(&mut self) -> Result<(), Misfit> {
        self.elements_left = self.elements_left.checked_sub(1).ok_or(Misfit::TooMany)?;
        Ok(())
    }

    fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    /// The length of an array or of bytes; null counts as empty.
    fn long_len(&mut self) -> Result<usize, Misfit> {
        if self.form.is_flexible {
            return self.compact_len();
        }
        let len = i32::from_be_bytes(self.take()?);
        if len == -1 { Ok(0) } else { count(len) }
    }

    fn int16_len(&mut self) -> Result<usize, Misfit> {
        let len = i16::from_be_bytes(self.take()?);
        if len == -1 { Ok(0) } else { count(len) }
    }

    /// One more than the length, so that 0 is null.
    fn compact_len(&mut self) -> Result<usize, Misfit> {
        count(self.varint()?.saturating_sub(1))
    }

    /// At most five bytes of seven bits each, the lowest first.
    fn varint(&mut self) -> Result<u32, Misfit> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.take()?;
            // As the decoders do: what leaves the 32 bits at the top is dropped.
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Misfit> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Misfit::Malformed)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn skip(&mut self, len: usize) -> Result<(), Misfit> {
        self.rest = self.rest.get(len..).ok_or(Misfit::Malformed)?;
        Ok(())
    }
}

fn count(len: impl TryInto<usize>) -> Result<usize, Misfit> {
    len.try_into().map_err(|_| Misfit::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] =
        &[INT16, Field::Array(&[Field::String, Field::Since(3, &INT8)]), Field::Bytes];

    fn fits(version: i16, is_flexible: bool, bytes: &[u8]) -> bool {
        check(FIELDS, Form { version, is_flexible }, 100, bytes).is_ok()
    }

    #[test]
    fn whole_responses_fit() {
        assert!(fits(1, false, b"\0\0\0\0\0\x01\0\x02ab\0\0\0\x01x"));
        assert!(fits(3, false, b"\0\0\0\0\0\x01\0\x02ab\x07\0\0\0\x01x"));
        assert!(fits(1, false, b"\0\0\xff\xff\xff\xff\xff\xff\xff\xff"));
        assert!(fits(2, true, b"\0\0\x02\x03ab\0\x02x\0"));
        assert!(fits(2, true, b"\0\0\x02\x03ab\x01\x05\x01t\x02x\0"));
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
            assert!(!fits(1, false, bytes), "{}", bytes.escape_ascii());
        }
        for bytes in [
            &b"\0\0\xff\xff\xff\xff\x0f"[..], // four billion elements
            b"\0\0\x02\x03ab\0\x02x\xff\xff\xff\xff\x0f", // as many tagged fields
            b"\0\0\x02\x03ab\0\x02x",         // no tagged fields at the end
        ] {
            assert!(!fits(2, true, bytes), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_first_array_is_found() {
        let form = Form { version: 2, is_flexible: true };
        let bytes = b"\0\0\x03\x03ab\0\x02c\0\x02x\0";
        let list = List { array: 2..10, elements: 3..10, count: 2 };
        assert_eq!(check(FIELDS, form, 2, bytes), Ok(list));
        assert_eq!(check(&[INT16], form, 2, b"\0\0\0"), Ok(List::default()));
    }

    #[test]
    fn every_element_counts() {
        const DEEP: &[Field] = &[Field::Array(&[Field::Array(&[INT8])]), Field::Strings];
        let form = Form { version: 0, is_flexible: true };
        let bytes = [
            &b"\x03"[..],                  // an array of two
            b"\x02\x07\x01\x05\0\0",       // an array of one, that has a tagged field; no more
            b"\x02\x07\0\x01\x05\0",       // an array of one, and a tagged field
            b"\x04\x01\x01\x01\x01\x05\0", // three strings, and a tagged field of the whole
        ]
        .concat();
        assert!(check(DEEP, form, 10, &bytes).is_ok());
        assert_eq!(check(DEEP, form, 9, &bytes), Err(Misfit::TooMany));
        assert_eq!(check(DEEP, form, 10, &bytes[1..]), Err(Misfit::Malformed));
    }

    #[test]
    fn nothing_panics() {
        let start = b"\0\0\x02\x03ab\x01\x05\x01t\x02x\0";
        for cut in 0..start.len() {
            for byte in 0..=255 {
                let mut bytes = start.to_vec();
                bytes[cut] = byte;
                fits(3, true, &bytes);
                fits(3, false, &bytes[..cut]);
            }
        }
    }
}
