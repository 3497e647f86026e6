//! Records: every value of every table has a version and a checksum.
//!
//! ```text
//! version (1 byte) | CRC-32 (4 bytes) | fields
//! ```
//!
//! The checksum covers version, table, key and fields, so that neither a damaged record nor one in
//! the wrong place is taken for what it is not. It finds damage, not forgery: whoever can write to
//! the store has won anyway. Numbers are big-endian; bytes and texts have their length (4 bytes) in
//! front.

use zeroize::Zeroizing;

use super::backend::{Read, Table, Write};
use crate::{error::Error, status::Status};

/// Writes a record's fields. Its buffer is zeroed on drop, and so is each that it has outgrown.
pub(super) struct Encoder(Zeroizing<Vec<u8>>);

impl Encoder {
    pub(super) fn new() -> Self {
        let mut record = Zeroizing::new(Vec::with_capacity(FIRST_CAPACITY));
        record.extend([0; HEADER_LEN]);
        Self(record)
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.push(&[value]);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.push(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.push(&value.to_be_bytes());
    }

    /// Bytes whose number the reader knows.
    pub(super) fn array(&mut self, value: &[u8]) {
        self.push(value);
    }

    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for 4 GiB and more.
    pub(super) fn bytes(&mut self, value: &[u8]) -> Result<(), Error> {
        self.count(value.len())?;
        self.push(value);
        Ok(())
    }

    /// How many of something follow.
    pub(super) fn count(&mut self, count: usize) -> Result<(), Error> {
        let text = "a record of the store would have 4 GiB";
        let count = u32::try_from(count).map_err(|_| Error::new(Status::INVALID_ARGUMENT, text))?;
        self.u32(count);
        Ok(())
    }

    /// Seals the record and puts it where it belongs.
    pub(super) fn put(self, write: &mut dyn Write, table: Table, key: &[u8]) -> Result<(), Error> {
        write.put(table, key, &self.seal(table, key))
    }

    /// The record, for this place alone.
    pub(super) fn seal(mut self, table: Table, key: &[u8]) -> Zeroizing<Vec<u8>> {
        let fields = self.0.get(HEADER_LEN..).unwrap_or_default();
        let checksum = checksum(VERSION, table, key, fields).to_be_bytes();
        for (to, from) in self.0.iter_mut().zip([VERSION].into_iter().chain(checksum)) {
            *to = from;
        }
        self.0
    }

    /// A vector that grows by itself would leave copies in the memory that it gives up.
    fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

/// Reads a record's fields; whatever does not fit is CORRUPT, naming table and key.
pub(super) struct Decoder<'a, 'k> {
    table: Table,
    key: &'k [u8],
    fields: &'a [u8],
}

impl<'a, 'k> Decoder<'a, 'k> {
    /// Checks version and checksum of the record that this key of this table has.
    pub(super) fn new(table: Table, key: &'k [u8], record: &'a [u8]) -> Result<Self, Error> {
        let decoder = |fields| Self { table, key, fields };
        let (&version, rest) = record.split_first().ok_or_else(|| decoder(&[]).damaged())?;
        let (sum, fields) = rest.split_first_chunk().ok_or_else(|| decoder(&[]).damaged())?;
        let decoder = decoder(fields);
        if u32::from_be_bytes(*sum) != checksum(version, table, key, fields) {
            return Err(decoder.damaged());
        }
        if version != VERSION {
            let text = "was written by a newer scramtoken: update this one";
            return Err(corrupt(table, key, text));
        }
        Ok(decoder)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        let [value] = *self.chunk()?;
        Ok(value)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.chunk().copied().map(u32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Error> {
        self.chunk().copied().map(i64::from_be_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.chunk().copied()
    }

    /// Exactly so many bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.fields.split_at_checked(len).ok_or_else(|| self.damaged())?;
        self.fields = rest;
        Ok(taken)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u32()?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        core::str::from_utf8(self.bytes()?).map_err(|_| self.damaged())
    }

    /// No field is left.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.fields.is_empty() { Ok(()) } else { Err(self.damaged()) }
    }

    /// The error for fields that make no sense.
    pub(super) fn damaged(&self) -> Error {
        damaged(self.table, self.key)
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        let (chunk, rest) = self.fields.split_first_chunk().ok_or_else(|| self.damaged())?;
        self.fields = rest;
        Ok(chunk)
    }
}

/// The error for a record that is not what its table and key say.
pub(super) fn damaged(table: Table, key: &[u8]) -> Error {
    corrupt(table, key, "is damaged: see what scramtoken store check says, restore a backup")
}

/// The record that a key has.
pub(super) fn get<'a, 'k>(
    read: &'a dyn Read,
    table: Table,
    key: &'k [u8],
) -> Result<Option<Decoder<'a, 'k>>, Error> {
    read.get(table, key)?.map(|record| Decoder::new(table, key, record)).transpose()
}

/// The error for a record of which this is wrong.
pub(super) fn corrupt(table: Table, key: &[u8], what: &str) -> Error {
    let (table, key) = (table.name(), printable(key));
    Error::new(Status::CORRUPT, format!("the store's table {table}: the record {key} {what}"))
}

/// A key as it may stand in a message: token ids and names of settings as they are.
pub(super) fn printable(key: &[u8]) -> String {
    match core::str::from_utf8(key) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => text.to_owned(),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Grows when fields are added; a reader refuses what it does not know.
const VERSION: u8 = 1;
const HEADER_LEN: usize = 5;
/// Enough for a token with both mechanisms and a renewer or two.
const FIRST_CAPACITY: usize = 512;

fn checksum(version: u8, table: Table, key: &[u8], fields: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    // Keys have at most MAX_KEY bytes; the length keeps key and fields apart.
    let [high, low] = u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes();
    hasher.update(&[version, table as u8, high, low]);
    hasher.update(key);
    hasher.update(fields);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;

    fn with_record(run: impl Fn(&[u8])) {
        let memory = Memory::default();
        let put = |write: &mut dyn Write| {
            let mut encoder = Encoder::new();
            encoder.u8(1);
            encoder.i64(-2);
            encoder.bytes(&[7; 1000])?;
            encoder.put(write, Table::Keys, b"key")
        };
        memory.write(put).unwrap();
        run(memory.snapshot().get(Table::Keys, b"key").unwrap().unwrap());
    }

    #[test]
    fn fields_come_back() {
        with_record(|record| {
            let mut decoder = Decoder::new(Table::Keys, b"key", record).unwrap();
            assert_eq!((decoder.u8().unwrap(), decoder.i64().unwrap()), (1, -2));
            assert!(decoder.end().is_err());
            assert_eq!(decoder.bytes().unwrap(), [7; 1000]);
            decoder.end().unwrap();
            assert!(decoder.u8().is_err());
        });
    }

    #[test]
    fn damage_and_another_place_are_noticed() {
        with_record(|record| {
            let corrupt = |table, key: &[u8], record: &[u8]| {
                let error = Decoder::new(table, key, record).err().unwrap();
                assert_eq!(error.status(), Status::CORRUPT);
                assert!(error.text().contains(table.name()), "{error}");
            };
            corrupt(Table::Meta, b"key", record);
            corrupt(Table::Keys, b"kez", record);
            for len in 0..record.len() {
                corrupt(Table::Keys, b"key", &record[..len]);
                let mut flipped = record.to_vec();
                flipped[len] ^= 1 << (len % 8);
                corrupt(Table::Keys, b"key", &flipped);
            }
        });
    }
}
