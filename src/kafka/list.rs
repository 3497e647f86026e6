//! A list in a response, whose elements are decoded one at a time into what is kept of each.

use core::marker::PhantomData;

use bytes::Bytes;
use kafka_protocol::protocol::Decodable;

use super::failure::Failure;

/// The elements that are still to be taken.
pub(super) struct Elements<T> {
    rest: Bytes,
    count: usize,
    version: i16,
    /// Begins the sentence where one cannot be read.
    what: String,
    decoded: PhantomData<fn() -> T>,
}

impl<T> Elements<T> {
    /// `bytes` was looked over, and has this many elements.
    pub(super) fn new(bytes: Bytes, count: usize, version: i16, what: String) -> Self {
        Self { rest: bytes, count, version, what, decoded: PhantomData }
    }
}

impl<T: Decodable> Iterator for Elements<T> {
    type Item = Result<T, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let decoded = T::decode(&mut self.rest, self.version);
        Some(decoded.map_err(|error| {
            Failure::malformed(&self.what, format_args!("the answer cannot be read: {error}"))
        }))
    }
}
