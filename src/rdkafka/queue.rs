//! Bytes that wait for a socket to take them.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::socket::send_some;

#[derive(Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// How many of them have been sent.
    sent: usize,
}

impl Queue {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // What was sent may not outweigh what waits, where a slow reader never lets it run empty.
        if self.sent > self.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Sends what the socket takes now: how much that was.
    pub(super) fn send(&mut self, socket: impl AsFd) -> Result<usize, Errno> {
        let rest = self.bytes.get(self.sent..).unwrap_or_default();
        let sent = send_some(socket, rest)?;
        self.sent += sent;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
        Ok(sent)
    }
}
