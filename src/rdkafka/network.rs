//! librdkafka's callbacks for sockets, for SASL_SSL: the network's socket is ours from the start, and
//! librdkafka gets one end of a socket pair when it is connected.
//!
//! These callbacks get the application's opaque pointer and not ours, so on_broker_state_change,
//! which librdkafka calls on the same thread just before, leaves word of the client.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair, sockopt};

use super::api::{CloseSocketCallback, ConnectCallback, SocketCallback};
use super::boundary::guard;
use super::event_loop::{EventLoop, SessionId};
use super::gate::{self, Gate};
use super::login::LoginConfig;
use super::relay::{Connecting, RelaySession};
use crate::{error::Error, status::Status};

/// The application's own callbacks: the first two make the network's socket where there are any, the
/// third is given librdkafka's.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Callbacks {
    pub(super) socket: Option<SocketCallback>,
    pub(super) connect: Option<ConnectCallback>,
    pub(super) close_socket: Option<CloseSocketCallback>,
}

/// What a thread of librdkafka's is about to connect.
struct Attempt {
    config: Arc<LoginConfig>,
    callbacks: Callbacks,
    /// What librdkafka wanted its socket to be, and the other end of the one that it got.
    socket: Option<(SocketArguments, OwnedFd)>,
}

struct SocketArguments {
    domain: c_int,
    kind: c_int,
    protocol: c_int,
}

/// A connection that is relayed. Dropping it ends it, which the end of the socket pair cannot be
/// relied on for: a forked child has a copy.
struct Relay {
    event_loop: &'static EventLoop,
    session: SessionId,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.event_loop.leave(self.session);
    }
}

thread_local! {
    static ATTEMPT: RefCell<Option<Attempt>> = const { RefCell::new(None) };
    static RELAY: RefCell<Option<Relay>> = const { RefCell::new(None) };
    /// The application's callback, which outlives the attempt as the socket does.
    static CLOSE_SOCKET: Cell<Option<CloseSocketCallback>> = const { Cell::new(None) };
}

/// A broker's thread is about to connect.
pub(super) fn connecting(config: Arc<LoginConfig>, callbacks: Callbacks) {
    RELAY.take();
    CLOSE_SOCKET.set(callbacks.close_socket);
    ATTEMPT.set(Some(Attempt { config, callbacks, socket: None }));
}

/// A broker's thread has lost its connection.
pub(super) fn down() {
    RELAY.take();
    ATTEMPT.take();
}

/// librdkafka's socket_cb: a descriptor, or -1.
///
/// # Safety
///
/// librdkafka calls it.
pub(super) unsafe extern "C" fn socket(
    domain: c_int,
    kind: c_int,
    protocol: c_int,
    _opaque: *mut c_void,
) -> c_int {
    let socket = guard(|| {
        let (socket, other_end) =
            gate::closed().map_err(|error| Error::new(Status::IO, error.to_string()))?;
        ATTEMPT.with_borrow_mut(|attempt| match attempt {
            Some(attempt) => {
                let arguments = SocketArguments { domain, kind, protocol };
                attempt.socket = Some((arguments, other_end));
                Ok(socket)
            }
            None => Err(nobody_connects()),
        })
    });
    match socket {
        Ok(socket) => socket.into_raw_fd(),
        Err(error) => {
            super::warn(&format!("no connection can be made: {error}"));
            -1
        }
    }
}

/// librdkafka's connect_cb: 0, or an error number.
///
/// # Safety
///
/// librdkafka calls it with the descriptor that `socket` gave it, an address of that length and the
/// broker's name and port.
pub(super) unsafe extern "C" fn connect(
    socket: c_int,
    address: *const libc::sockaddr,
    address_len: c_int,
    id: *const c_char,
    opaque: *mut c_void,
) -> c_int {
    let connected = guard(|| {
        let Some(Attempt { config, callbacks, socket: Some((arguments, other_end)) }) =
            ATTEMPT.take()
        else {
            return Err(nobody_connects());
        };
        let gate = Gate::new(socket, other_end);
        let (theirs, ours) =
            relay_pair().map_err(|error| Error::new(Status::IO, error.to_string()))?;
        // SAFETY: librdkafka's strings live for the call.
        let host = host_of(unsafe { CStr::from_ptr(id) });
        let tls = match &config.tls {
            Some(Ok(tls)) => tls.connection(&host),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::new(Status::INTERNAL, "a relay without TLS")),
        };
        let session = match tls {
            Err(error) => {
                // Not even the network's socket is made.
                gate.open(&theirs);
                RelaySession::refused(config, ours, error)
            }
            Ok(tls) => {
                // SAFETY: passed on.
                let socket = unsafe {
                    network_socket(callbacks, &arguments, address, address_len, id, opaque)
                };
                match socket {
                    Ok(socket) => {
                        let connecting = Connecting { gate, theirs, socket, tls };
                        RelaySession::connecting(config, ours, connecting)
                    }
                    Err(error) => return Ok(error.raw_os_error()),
                }
            }
        };
        let event_loop = EventLoop::get()?;
        let session = event_loop.add(Box::new(session));
        RELAY.set(Some(Relay { event_loop, session }));
        Ok(0)
    });
    connected.unwrap_or_else(|error| {
        super::warn(&format!("no connection can be made: {error}"));
        Errno::CONNABORTED.raw_os_error()
    })
}

/// librdkafka's closesocket_cb: 0, or -1.
///
/// # Safety
///
/// librdkafka calls it with a socket that it got from `socket`.
pub(super) unsafe extern "C" fn close_socket(socket: c_int, opaque: *mut c_void) -> c_int {
    let callback = guard(|| {
        gate::closing(socket);
        Ok(CLOSE_SOCKET.get())
    });
    // SAFETY: the application's callback takes what librdkafka called ours with; without one,
    // librdkafka closes it as here.
    unsafe {
        match callback {
            Ok(Some(close)) => close(socket, opaque),
            Ok(None) | Err(_) => libc::close(socket),
        }
    }
}

/// librdkafka's end and ours.
fn relay_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (theirs, ours) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // More at a time is fewer wake-ups. The system cuts it to what it allows.
    let _ = sockopt::set_socket_send_buffer_size(&theirs, SOCKET_BUFFER);
    let _ = sockopt::set_socket_send_buffer_size(&ours, SOCKET_BUFFER);
    Ok((theirs, ours))
}

fn nobody_connects() -> Error {
    Error::new(Status::INVALID_STATE, "nobody is about to connect")
}

/// A socket that connects, or has connected, to the broker.
///
/// # Safety
///
/// The callbacks are the application's, and the rest is what librdkafka called ours with.
unsafe fn network_socket(
    callbacks: Callbacks,
    arguments: &SocketArguments,
    address: *const libc::sockaddr,
    address_len: c_int,
    id: *const c_char,
    opaque: *mut c_void,
) -> Result<OwnedFd, Errno> {
    let &SocketArguments { domain, kind, protocol } = arguments;
    // SAFETY: the application's callback takes librdkafka's arguments, and socket(2) any.
    let fd = unsafe {
        match callbacks.socket {
            Some(socket) => socket(domain, kind, protocol, opaque),
            None => libc::socket(domain, kind, protocol),
        }
    };
    if fd < 0 {
        return Err(last_error());
    }
    // SAFETY: it was made for us just now.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    fcntl_setfl(&socket, fcntl_getfl(&socket)? | OFlags::NONBLOCK)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_socket_keepalive(&socket, true)?;

    // SAFETY: librdkafka's address and name, for the application's callback or connect(2).
    unsafe {
        if let Some(connect) = callbacks.connect {
            return match connect(socket.as_raw_fd(), address, address_len, id, opaque) {
                0 => Ok(socket),
                error => Err(Errno::from_raw_os_error(error)),
            };
        }
        let length = libc::socklen_t::try_from(address_len).map_err(|_| Errno::INVAL)?;
        if libc::connect(socket.as_raw_fd(), address, length) == 0 {
            return Ok(socket);
        }
    }
    match last_error() {
        Errno::INPROGRESS => Ok(socket),
        error => Err(error),
    }
}

fn last_error() -> Errno {
    let error = std::io::Error::last_os_error();
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

/// The host of librdkafka's `host:port`, of an IPv6 address without its brackets.
fn host_of(id: &CStr) -> String {
    let id = id.to_string_lossy();
    let host = id.rsplit_once(':').map_or(&*id, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

const SOCKET_BUFFER: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (id, host) in [
            (c"broker.example:9093", "broker.example"),
            (c"[::1]:9093", "::1"),
            (c"::1:9093", "::1"),
            (c"127.0.0.1:1", "127.0.0.1"),
        ] {
            assert_eq!(host_of(id), host);
        }
    }
}
