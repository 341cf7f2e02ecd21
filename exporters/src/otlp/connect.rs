//! Opening a connection: resolve, connect, through a proxy if one is set, TLS.
//!
//! Each time anew, and no connection is used for longer than [`LONGEST_USE`]: a name that moved is followed,
//! and so is a certificate that changed.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use vigie_pipeline::plug::{Error, Surroundings};

use super::config::{Config, Protocol};
use super::connection::Connection;
use super::credentials::Credentials;
use super::failure::{Failure, Phase};
use super::progress::{Meter, Progress};
use super::proxy::Proxy;
use super::target::Target;
use super::tls;

/// Opens connections to one target.
pub(super) struct Connector {
    target: Target,
    protocol: Protocol,
    names: Names,
    proxy: Option<Proxy>,
    tls: Option<(Credentials, ServerName<'static>)>,
    /// How long each step may take.
    patience: Duration,
    longest_use: Duration,
}

/// What finds the addresses of a name.
enum Names {
    /// The system's resolver, so that `/etc/hosts` and whatever else the host is set up with count.
    System,
    /// A test, which says where the target is now.
    #[cfg(test)]
    Played(Place),
}

/// Where a test says that a target is.
#[cfg(test)]
pub(super) type Place = std::sync::Arc<std::sync::Mutex<SocketAddr>>;

/// After so long a connection takes no new request.
const LONGEST_USE: Duration = Duration::from_secs(300);

/// How long a silent peer is trusted to be there, before the kernel asks it, and how often it is asked.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

impl Connector {
    pub(super) fn new(target: Target, config: &Config, surroundings: &Surroundings) -> Result<Self, Error> {
        let protocol: &[u8] = match config.protocol {
            Protocol::Http => b"http/1.1",
            Protocol::Grpc => b"h2",
        };
        let tls = if target.tls {
            let name = tls::server_name(config.tls.server_name.as_ref().unwrap_or(&target.host))?;
            Some((Credentials::new(&config.name, &config.tls, protocol, surroundings)?, name))
        } else {
            None
        };
        let proxy = Proxy::of_environment(&target, |name| std::env::var(name).ok())?;
        let patience = config.timeout.0;
        let protocol = config.protocol;
        Ok(Self { target, protocol, names: Names::System, proxy, tls, patience, longest_use: LONGEST_USE })
    }

    /// A target that is where a test says, on connections that are used for so long.
    #[cfg(test)]
    pub(super) fn played(mut self, at: Place, longest_use: Duration) -> Self {
        self.names = Names::Played(at);
        self.longest_use = longest_use;
        self
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The proxy that requests are handed to; `None` where they go to the target, be it through a tunnel.
    pub(super) fn forwarder(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.forwards())
    }

    fn forwards(&self) -> bool {
        self.protocol == Protocol::Http && self.tls.is_none()
    }

    /// Whether a connection has been in use for too long.
    pub(super) fn is_old(&self, meter: &Meter) -> bool {
        meter.age() >= self.longest_use
    }

    /// A connection, ready for requests.
    pub(super) async fn connect(&self, progress: &Progress) -> Result<Connection, Failure> {
        progress.enter(Phase::Resolve);
        let addresses = self.resolve().await.map_err(|error| Failure::new(Phase::Resolve, error))?;
        progress.enter(Phase::Connect);
        let mut tcp = self.first_that_answers(&addresses).await?;
        if let Some(proxy) = &self.proxy
            && !self.forwards()
        {
            progress.enter(Phase::Proxy);
            proxy.open_tunnel(&mut tcp, &self.target).await?;
        }
        let Some((credentials, name)) = &self.tls else { return Ok(Connection::plain(tcp)) };
        progress.enter(Phase::Tls);
        let handshake = TlsConnector::from(credentials.current()).connect(name.clone(), tcp);
        handshake.await.map(Connection::tls).map_err(|error| Failure::new(Phase::Tls, error))
    }

    async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let next = self.proxy.as_ref().map_or((self.target.host.as_str(), self.target.port), Proxy::place);
        let addresses: Vec<_> = match &self.names {
            Names::System => tokio::net::lookup_host(next).await?.collect(),
            #[cfg(test)]
            Names::Played(at) => vec![*at.lock().unwrap_or_else(std::sync::PoisonError::into_inner)],
        };
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(addresses)
    }

    /// Tries the addresses one after the other, each for its share of the time, so that one that is not
    /// reachable (IPv6 without a route) does not hide the next.
    async fn first_that_answers(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let share = self.patience / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut last = Failure::new(Phase::Connect, "no address");
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    tune(&tcp);
                    return Ok(tcp);
                }
                Ok(Err(error)) => last = Failure::new(Phase::Connect, error),
                Err(_) => last = Failure::new(Phase::Connect, "no answer"),
            }
        }
        Err(last)
    }
}

/// No more than this waits in the kernel to be sent, so that what a slow line has taken can be seen.
const MOST_UNSENT: u32 = 256 << 10;

/// Requests leave at once, and a peer that is gone without a word is noticed. A kernel that refuses
/// any of it still gives a connection that works.
fn tune(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let socket = socket2::SockRef::from(tcp);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let _ = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(MOST_UNSENT);
}
