//! librdkafka's descriptor while the network's socket connects.
//!
//! librdkafka waits until its socket can be written to, and then asks it whether the connection was
//! made. Until we know, its descriptor is a socket that cannot be written to. Then the descriptor
//! becomes either librdkafka's end of the relay, or the network's socket that failed to connect, from
//! which librdkafka learns the system's own error.

use std::cell::RefCell;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair, sockopt,
};

use super::socket::{put, send_some};

/// A descriptor of librdkafka's that waits until a socket of ours takes its place. librdkafka is woken
/// when the gate is dropped; if it was never opened, librdkafka finds its connection closed.
pub(super) struct Gate {
    descriptor: Arc<Descriptor>,
    /// The other end of the socket that cannot be written to.
    other_end: OwnedFd,
}

/// librdkafka's number for its socket; None once it has closed it, and another file may have the
/// number.
type Descriptor = Mutex<Option<RawFd>>;

thread_local! {
    /// The descriptor of the connection that this thread of librdkafka's makes or has.
    static DESCRIPTOR: RefCell<Option<Arc<Descriptor>>> = const { RefCell::new(None) };
}

/// A socket that cannot be written to, and its other end.
pub(super) fn closed() -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (closed, other_end) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // The system has a least size of its own; what is sent is never read.
    sockopt::set_socket_send_buffer_size(&closed, 1)?;
    while send_some(&closed, &[0; 64])? > 0 {}
    Ok((closed, other_end))
}

impl Gate {
    /// The gate at librdkafka's descriptor, which is a [`closed`] socket. Called on the thread of
    /// librdkafka's that will close it.
    pub(super) fn new(descriptor: RawFd, other_end: OwnedFd) -> Self {
        let descriptor = Arc::new(Mutex::new(Some(descriptor)));
        DESCRIPTOR.set(Some(Arc::clone(&descriptor)));
        Self { descriptor, other_end }
    }

    /// Lets librdkafka have this socket.
    pub(super) fn open(&self, socket: &OwnedFd) {
        // The lock keeps librdkafka from closing it meanwhile.
        if let Some(descriptor) = *self.descriptor.lock() {
            // SAFETY: librdkafka's descriptor is open until `closing` has taken it out, and all that
            // librdkafka does with it by now is to wait for it.
            if let Err(error) = unsafe { put(socket, descriptor) } {
                super::warn(&format!("cannot hand a connection over to librdkafka: {error}"));
            }
        }
    }
}

impl Drop for Gate {
    /// librdkafka may wait on the socket that was there before. A forked child may have a copy of this
    /// end, so that closing it would not do.
    fn drop(&mut self) {
        let _ = shutdown(&self.other_end, Shutdown::Both);
    }
}

/// This thread of librdkafka's is about to close a socket.
pub(super) fn closing(socket: RawFd) {
    DESCRIPTOR.with_borrow_mut(|descriptor| {
        if let Some(known) = descriptor.take_if(|known| *known.lock() == Some(socket)) {
            *known.lock() = None;
        }
    });
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_writable(socket: impl AsFd) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&socket, PollFlags::OUT)], Some(&now)).unwrap() > 0
    }

    #[test]
    fn it_opens_once_and_not_after_it_was_closed() {
        for is_closed_before in [false, true] {
            let (socket, other_end) = closed().unwrap();
            let (theirs, _ours) = socketpair(
                AddressFamily::UNIX,
                SocketType::STREAM,
                SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
                None,
            )
            .unwrap();
            assert!(!is_writable(&socket));
            let gate = Gate::new(socket.as_raw_fd(), other_end);
            assert!(!is_writable(&socket));
            if is_closed_before {
                closing(socket.as_raw_fd());
            }
            let before = rustix::fs::fstat(&socket).unwrap().st_ino;
            gate.open(&theirs);
            drop(gate);
            assert!(is_writable(&socket), "or it hung up, which librdkafka sees");
            let after = rustix::fs::fstat(&socket).unwrap().st_ino;
            assert_eq!(before == after, is_closed_before);
        }
    }
}
