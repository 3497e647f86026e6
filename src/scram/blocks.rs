//! A message in the blocks that a hash takes, with its padding (FIPS 180-4, section 5.1).

use core::slice;

/// What is left of a message that follows one block, as the inner hash of an HMAC has it. The message
/// comes in parts.
pub(super) struct Blocks<'a, const BLOCK: usize> {
    part: &'a [u8],
    parts: slice::Iter<'a, &'a [u8]>,
    /// In bytes, with the block before.
    len: usize,
    padding: Padding,
}

enum Padding {
    /// There may be more of the message.
    NotYet,
    /// Its end is marked by a bit; the length is missing.
    Marked,
    Complete,
}

impl<'a, const BLOCK: usize> Blocks<'a, BLOCK> {
    pub(super) fn new(parts: &'a [&'a [u8]]) -> Self {
        Self { part: &[], parts: parts.iter(), len: BLOCK, padding: Padding::NotYet }
    }

    /// As much of the message as fits.
    #[inline]
    fn fill(&mut self, mut room: &mut [u8]) -> usize {
        let all = room.len();
        while !room.is_empty() {
            if self.part.is_empty() {
                let Some(part) = self.parts.next() else { break };
                self.part = part;
            }
            let some = self.part.len().min(room.len());
            let (to, rest_of_room) = room.split_at_mut(some);
            let (from, rest_of_part) = self.part.split_at(some);
            to.copy_from_slice(from);
            (room, self.part) = (rest_of_room, rest_of_part);
        }
        all - room.len()
    }
}

impl<const BLOCK: usize> Iterator for Blocks<'_, BLOCK> {
    type Item = [u8; BLOCK];

    #[inline]
    fn next(&mut self) -> Option<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        match self.padding {
            Padding::NotYet => {
                filled = self.fill(&mut block);
                self.len += filled;
                if let Some(end) = block.get_mut(filled) {
                    *end = 0x80;
                    filled += 1;
                    self.padding = Padding::Marked;
                }
            }
            Padding::Marked => {}
            Padding::Complete => return None,
        }
        // A length is two words long, and there are eight words in half a block.
        if matches!(self.padding, Padding::Marked) && filled <= BLOCK - BLOCK / 8 {
            if let Some(length) = block.last_chunk_mut() {
                *length = (self.len as u64 * 8).to_be_bytes();
            }
            self.padding = Padding::Complete;
        }
        Some(block)
    }
}
