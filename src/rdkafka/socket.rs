//! Reading and writing sockets that never block.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send as send_some};
use zeroize::{Zeroize, Zeroizing};

use super::frames::Frames;

/// What a read gave.
pub(super) enum Received {
    Some,
    /// There is nothing now.
    Nothing,
    /// The peer has ended its side.
    End,
}

/// Reads once.
pub(super) fn receive(socket: impl AsFd, into: &mut Frames) -> Result<Received, Errno> {
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        match recv(&socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((_, 0)) => return Ok(Received::End),
            Ok((_, length)) => {
                into.push(buffer.get(..length).unwrap_or_default());
                return Ok(Received::Some);
            }
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes as much as can be now and leaves the rest.
pub(super) fn send(socket: impl AsFd, bytes: &mut Vec<u8>) -> Result<(), Errno> {
    let mut sent = 0;
    let result = loop {
        let rest = bytes.get(sent..).unwrap_or_default();
        if rest.is_empty() {
            break Ok(());
        }
        match send_some(&socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(length) => sent += length,
            Err(Errno::AGAIN) => break Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => break Err(error),
        }
    };
    if sent >= bytes.len() {
        bytes.zeroize(); // which empties it too
    } else {
        bytes.drain(..sent);
    }
    result
}
