//! Reading and writing sockets that never block.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use zeroize::{Zeroize, Zeroizing};

use super::frames::Frames;

/// What a read gave.
pub(super) enum Received {
    /// This many bytes.
    Some(usize),
    /// There is nothing now.
    Nothing,
    /// The peer has ended its side.
    End,
}

/// Reads once.
pub(super) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<Received, Errno> {
    loop {
        match recv(&socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, 0)) => return Ok(Received::End),
            Ok((length, _)) => return Ok(Received::Some(length)),
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads once, of frames that may hold secrets.
pub(super) fn receive_frames(socket: impl AsFd, into: &mut Frames) -> Result<Received, Errno> {
    let mut buffer = Zeroizing::new([0; 4096]);
    let received = receive(socket, buffer.as_mut_slice())?;
    if let Received::Some(length) = received {
        into.push(buffer.get(..length).unwrap_or_default());
    }
    Ok(received)
}

/// Writes as much as can be now: how much that was.
pub(super) fn send_some(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match send(&socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(length) => sent += length,
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Writes as much as can be now and leaves the rest.
pub(super) fn send_from(socket: impl AsFd, bytes: &mut Vec<u8>) -> Result<(), Errno> {
    let sent = send_some(socket, bytes)?;
    if sent == bytes.len() {
        bytes.zeroize(); // which empties it too
    } else {
        bytes.drain(..sent);
    }
    Ok(())
}
