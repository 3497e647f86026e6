//! What systemd is told, where it asks to be (sd_notify(3)): datagrams to the socket that it names.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;

use super::steady_ms;

/// The manager's socket, if there is one.
#[derive(Debug)]
pub(crate) struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear of us, in ms.
    watchdog_ms: Option<i64>,
    told_ms: i64,
}

impl Systemd {
    pub(crate) fn from_environment() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").and_then(|name| {
            let address = match name.as_bytes().split_first()? {
                (b'@', name) => SocketAddr::from_abstract_name(name).ok()?,
                (b'/', _) => SocketAddr::from_pathname(&name).ok()?,
                _ => return None,
            };
            Some((UnixDatagram::unbound().ok()?, address))
        });
        let variable = |name: &str| env::var(name).ok()?.parse::<i64>().ok();
        let is_ours =
            variable("WATCHDOG_PID").is_none_or(|pid| u32::try_from(pid) == Ok(process::id()));
        // Twice in each of its periods, as it wants.
        let watchdog_ms = variable("WATCHDOG_USEC").map(|usec| (usec / 2000).max(1));
        let watchdog_ms = watchdog_ms.filter(|_| is_ours && socket.is_some());
        Self { socket, watchdog_ms, told_ms: i64::MIN }
    }

    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    pub(crate) fn status(&self, text: &str) {
        self.tell(&format!("STATUS={text}"));
    }

    /// The configuration is read anew; `ready` says when that is done.
    pub(crate) fn reloading(&self) {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// The loop goes round. The return value is when it has to do so again, in steady ms.
    pub(crate) fn alive(&mut self) -> Option<i64> {
        let watchdog_ms = self.watchdog_ms?;
        let now_ms = steady_ms();
        if now_ms >= self.told_ms.saturating_add(watchdog_ms) {
            self.tell("WATCHDOG=1");
            self.told_ms = now_ms;
        }
        Some(self.told_ms.saturating_add(watchdog_ms))
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(text.as_bytes(), address);
        }
    }
}
