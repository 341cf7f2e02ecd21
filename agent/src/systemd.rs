//! What systemd is told (`sd_notify`) and what it hands over (sockets, the watchdog's period).

use std::env;
use std::net::TcpListener;
use std::os::fd::FromRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tracing::warn;

/// The first descriptor of `LISTEN_FDS`.
const LISTEN_FDS_START: i32 = 3;

/// The service manager, if there is one.
#[derive(Debug)]
pub(crate) struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that the agent is alive; already halved.
    pub watchdog: Option<Duration>,
}

impl Manager {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    #[must_use]
    pub(crate) fn of_environment() -> Self {
        let socket = env::var("NOTIFY_SOCKET").ok().and_then(|path| {
            let address = match path.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(&path),
            };
            let opened = address.and_then(|address| Ok((UnixDatagram::unbound()?, address)));
            opened.inspect_err(|error| warn!("open NOTIFY_SOCKET {path}: {error}")).ok()
        });
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let mine = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| mine && *usec > 0);
        Self { socket, watchdog: watchdog.map(|usec| Duration::from_micros(usec / 2)) }
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            warn!("notify systemd: {error}");
        }
    }

    /// The agent runs and is ready.
    pub(crate) fn ready(&self) {
        self.tell("READY=1\nSTATUS=running");
    }

    /// The agent reads its configuration again; [`Manager::ready`] follows.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={usec}\nSTATUS=reloading"));
    }

    /// The agent ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=delivering what is left");
    }

    /// The agent is alive.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }
}

/// The first socket that systemd has opened for the agent (`LISTEN_FDS`, `LISTEN_PID`), if any.
#[must_use]
pub(crate) fn inherited_listener() -> Option<TcpListener> {
    let number = |name| env::var(name).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID")? != std::process::id() || number("LISTEN_FDS")? == 0 {
        return None;
    }
    // SAFETY: systemd's protocol says that this descriptor is open and belongs to this process, and it is
    // taken once, at start.
    #[allow(unsafe_code)]
    let listener = unsafe { TcpListener::from_raw_fd(LISTEN_FDS_START) };
    listener.local_addr().inspect_err(|error| warn!("LISTEN_FDS: not a TCP socket: {error}")).ok()?;
    Some(listener)
}
