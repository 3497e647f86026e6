//! Reading and writing sockets that never block.

use core::ffi::c_int;
use core::mem::ManuallyDrop;
use core::ptr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{DupFlags, Errno, dup3, retry_on_intr};
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

/// What has become of a socket that was told to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Connection {
    Pending,
    Made,
    Failed,
}

/// Looks without reading the socket's error, which can be had only once.
pub(super) fn connection(socket: impl AsFd) -> Connection {
    let mut sockets = [PollFd::new(&socket, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let [socket] = match retry_on_intr(|| poll(&mut sockets, Some(&now))) {
        Ok(0) => return Connection::Pending,
        Ok(_) => sockets,
        Err(_) => return Connection::Failed,
    };
    if socket.revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL) {
        Connection::Failed
    } else {
        Connection::Made
    }
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

/// From how many unread bytes on the socket is readable (SO_RCVLOWAT of socket(7)). Its end and its
/// errors are told at once, whatever it is.
pub(super) fn set_least_readable(socket: impl AsFd, bytes: c_int) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of::<c_int>()).map_err(|_| Errno::INVAL)?;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the socket is borrowed, so it is open; the value is an int that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            ptr::from_ref(&bytes).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
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

/// Makes `descriptor`, librdkafka's number for its socket, refer to `socket`.
///
/// # Safety
///
/// The descriptor is open, and librdkafka neither closes it meanwhile nor is in the middle of a frame.
pub(super) unsafe fn put(socket: &OwnedFd, descriptor: RawFd) -> Result<(), Errno> {
    // SAFETY: the descriptor is open and stays so: ManuallyDrop leaves it to librdkafka.
    let mut place = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(descriptor) });
    loop {
        match dup3(socket, &mut place, DupFlags::CLOEXEC) {
            // Busy: another thread is opening a file under this number, which cannot be.
            Err(Errno::INTR | Errno::BUSY) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_readable(socket: &TcpStream) -> bool {
        let wait = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&wait)).unwrap() > 0
    }

    #[test]
    fn a_socket_is_readable_from_its_least_on_and_at_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut broker = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        set_least_readable(&ours, 100).unwrap();
        broker.write_all(&[1; 99]).unwrap();
        assert!(!is_readable(&ours));
        broker.write_all(&[1]).unwrap();
        assert!(is_readable(&ours));
        assert!(matches!(receive(&ours, &mut [0; 100]), Ok(Received::Some(100))));
        broker.write_all(&[1; 99]).unwrap();
        assert!(!is_readable(&ours));
        set_least_readable(&ours, 1).unwrap();
        assert!(is_readable(&ours));
        set_least_readable(&ours, 100).unwrap();
        drop(broker);
        assert!(is_readable(&ours));
    }
}
