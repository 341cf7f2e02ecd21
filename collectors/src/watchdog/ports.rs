//! Whether somebody listens on ports.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::config::{Port, Protocol};
use super::judge::Finding;
use super::kind::Reason;
use super::observer::{Now, Observer, Sight};
use crate::processes::listeners::{Listener, Transport, listeners};
use crate::processes::procfs::Procfs;

/// The ports that are watched.
pub(super) struct Ports {
    procfs: PathBuf,
    ports: Vec<Port>,
}

impl Ports {
    pub(super) fn new(procfs: &Path, ports: &[Port]) -> Self {
        Self { procfs: procfs.to_owned(), ports: ports.to_vec() }
    }

    fn listeners(&self, protocol: Protocol) -> Result<Vec<Listener>, String> {
        let procfs = Procfs::open(&self.procfs);
        let procfs = procfs.map_err(|error| format!("open {}: {error}", self.procfs.display()))?;
        let transport = match protocol {
            Protocol::Tcp => Transport::Tcp,
            Protocol::Udp => Transport::Udp,
        };
        listeners(&procfs, transport)
    }

    fn judge(port: &Port, listeners: &Result<Vec<Listener>, String>) -> Finding {
        let protocol = match port.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        };
        let place = match port.address {
            Some(address) => format!("{protocol} port {} of {address}", port.port),
            None => format!("{protocol} port {}", port.port),
        };
        match listeners {
            Err(error) => Finding::new(Some(Reason::Unreadable), format!("cannot be looked at: {error}")),
            Ok(listeners) if listeners.iter().any(|listener| listener.serves(port)) => {
                Finding::new(None, format!("somebody listens on {place}"))
            }
            Ok(_) => Finding::new(Some(Reason::NotListening), format!("nobody listens on {place}")),
        }
    }
}

impl Listener {
    /// Whether what is sent to the port comes here. Who listens at all addresses of IPv6 mostly has IPv4's as well; whether
    /// one does not is not to be seen.
    fn serves(&self, port: &Port) -> bool {
        let at = |wanted: IpAddr| {
            self.address == wanted
                || self.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                || (self.address.is_unspecified() && self.address.is_ipv4() == wanted.is_ipv4())
        };
        self.port == port.port && port.address.map(|address| address.to_canonical()).is_none_or(at)
    }
}

impl Observer for Ports {
    fn look(&mut self, _now: Now) -> Sight {
        let wanted = |protocol| self.ports.iter().any(|port| port.protocol == protocol);
        let of = |protocol| if wanted(protocol) { self.listeners(protocol) } else { Ok(Vec::new()) };
        let (tcp, udp) = (of(Protocol::Tcp), of(Protocol::Udp));
        let judge = |port: &Port| match port.protocol {
            Protocol::Tcp => Self::judge(port, &tcp),
            Protocol::Udp => Self::judge(port, &udp),
        };
        Sight { findings: self.ports.iter().map(judge).collect(), members: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
