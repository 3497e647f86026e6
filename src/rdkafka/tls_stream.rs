//! TLS on a socket that never blocks.

use core::ffi::c_int;
use std::io::{self, BufRead, IoSlice, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, writev};
use rustls::ClientConnection;

use super::socket::{Received, receive, send_some, set_least_readable};

/// TLS on a socket that is connected.
pub(super) struct TlsStream {
    socket: OwnedFd,
    connection: ClientConnection,
    wire: Box<[u8]>,
    /// What the socket was told last.
    least_readable: c_int,
}

/// Why a connection is of no more use.
pub(super) enum Broken {
    /// The socket.
    Socket(Errno),
    /// TLS; the broker has been sent the alert that says so.
    Tls(rustls::Error),
}

impl TlsStream {
    pub(super) fn new(socket: OwnedFd, mut connection: ClientConnection) -> Self {
        connection.set_buffer_limit(None); // the relay has its own
        Self { socket, connection, wire: vec![0; BUFFER].into_boxed_slice(), least_readable: 1 }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether more should be written only when this has been sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.connection.wants_write()
    }

    /// Reads once, and hands on what was in it.
    pub(super) fn read(&mut self, mut take: impl FnMut(&[u8])) -> Result<Received, Broken> {
        let received = receive(&self.socket, &mut self.wire).map_err(Broken::Socket)?;
        let Received::Some(length) = received else { return Ok(received) };
        let mut rest = self.wire.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            // A slice has no errors of its own, and what is decrypted is taken each time, so that
            // there is room.
            if !matches!(self.connection.read_tls(&mut rest), Ok(1..)) {
                break;
            }
            if let Err(error) = self.connection.process_new_packets() {
                let _ = self.flush();
                return Err(Broken::Tls(error));
            }
            let mut reader = self.connection.reader();
            while let Ok(plain @ [_, ..]) = reader.fill_buf() {
                take(plain);
                let length = plain.len();
                reader.consume(length);
            }
        }
        Ok(received)
    }

    /// Says how many bytes are still to come of what is of no use before it is whole. While that is
    /// much, the socket is readable only when a good part of it is there.
    pub(super) fn expect(&mut self, bytes: usize) {
        let least_readable = worth_waking_for(bytes);
        if least_readable != self.least_readable
            && set_least_readable(&self.socket, least_readable).is_ok()
        {
            self.least_readable = least_readable;
        }
    }

    /// Encrypts; `flush` sends it.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        // The writer's buffer has no limit, so it takes everything.
        let _ = self.connection.writer().write_all(bytes);
    }

    /// Sends what can be sent now: whether anything was.
    pub(super) fn flush(&mut self) -> Result<bool, Errno> {
        let mut moved = false;
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Wire(self.socket.as_fd())) {
                Ok(sent) => moved |= sent > 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            }
        }
        Ok(moved)
    }

    /// Says goodbye, as far as the socket takes it.
    pub(super) fn close(&mut self) {
        self.connection.send_close_notify();
        let _ = self.flush();
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How much must be there of so many bytes that are still to come.
fn worth_waking_for(bytes: usize) -> c_int {
    // Almost a whole record of them may have been read already and wait for its end.
    if bytes >= AT_ONCE as usize + MAX_RECORD { AT_ONCE } else { 1 }
}

struct Wire<'a>(BorrowedFd<'a>);

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match send_some(self.0, bytes)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            sent => Ok(sent),
        }
    }

    /// The event loop's thread blocks SIGPIPE.
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(writev(self.0, slices)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Many records at once: a fetch has a megabyte.
const BUFFER: usize = 256 * 1024;
/// A good part of an answer. A fetch at full speed wakes the thread for each record without it, and
/// then librdkafka's.
const AT_ONCE: c_int = 128 * 1024;
/// RFC 5246, 6.2.3: 2^14 + 2048 bytes, and a header of 5. TLS 1.3 has less.
const MAX_RECORD: usize = 16 * 1024 + 2048 + 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_more_than_will_come() {
        for bytes in [0, 1, MAX_RECORD, AT_ONCE as usize, AT_ONCE as usize + MAX_RECORD - 1] {
            assert_eq!(worth_waking_for(bytes), 1, "{bytes}");
        }
        for bytes in [AT_ONCE as usize + MAX_RECORD, u32::MAX as usize] {
            assert_eq!(worth_waking_for(bytes), AT_ONCE, "{bytes}");
        }
    }
}
