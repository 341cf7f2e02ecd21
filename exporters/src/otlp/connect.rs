//! Opening a connection: resolve, connect, TLS. Each time anew, so that a name that moved is followed.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Tls;
use super::failure::{Failure, Phase};
use super::target::Target;
use super::tls::{self, TlsError};

/// Opens connections to one target. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector {
    target: Arc<Target>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// How long all of it may take.
    deadline: Duration,
}

/// How long a silent peer is trusted to be there, before the kernel asks it, and how often it is asked.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

impl Connector {
    /// `protocol` is offered by ALPN.
    pub(super) fn new(
        target: Target,
        tls: &Tls,
        protocol: &[u8],
        deadline: Duration,
    ) -> Result<Self, TlsError> {
        let tls = if target.tls {
            let name = tls::server_name(tls.server_name.as_ref().unwrap_or(&target.host))?;
            Some((tls::client(tls, protocol)?, name))
        } else {
            None
        };
        Ok(Self { target: Arc::new(target), tls, deadline })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// A connection, ready for requests.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let addresses = self.resolve().await?;
        let tcp = self.first_that_answers(&addresses).await?;
        let Some((config, name)) = &self.tls else { return Ok(Connection::Plain(tcp)) };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp);
        match timeout(self.deadline, handshake).await {
            Ok(Ok(stream)) => Ok(Connection::Tls(Box::new(stream))),
            Ok(Err(error)) => Err(Failure::new(Phase::Tls, error)),
            Err(_) => Err(Failure::new(Phase::Tls, "timed out")),
        }
    }

    /// The system's resolver, so that `/etc/hosts` and whatever else the host is set up with count.
    async fn resolve(&self) -> Result<Vec<SocketAddr>, Failure> {
        let found = tokio::net::lookup_host((self.target.host.as_str(), self.target.port));
        let found = timeout(self.deadline, found)
            .await
            .map_err(|_| Failure::new(Phase::Resolve, "timed out"))?
            .map_err(|error| Failure::new(Phase::Resolve, error))?;
        let addresses: Vec<_> = found.collect();
        if addresses.is_empty() {
            return Err(Failure::new(Phase::Resolve, "the name has no address"));
        }
        Ok(addresses)
    }

    /// Tries the addresses one after the other, each for its share of the time, so that one that is not
    /// reachable (IPv6 without a route) does not hide the next.
    async fn first_that_answers(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let share = self.deadline / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut last = Failure::new(Phase::Connect, "no address");
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    tune(&tcp);
                    return Ok(tcp);
                }
                Ok(Err(error)) => last = Failure::new(Phase::Connect, error),
                Err(_) => last = Failure::new(Phase::Connect, "timed out"),
            }
        }
        Err(last)
    }
}

/// Requests leave at once, and a peer that is gone without a word is noticed. A kernel that refuses
/// either still gives a connection that works.
fn tune(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let _ = socket2::SockRef::from(tcp).set_tcp_keepalive(&keepalive);
}

/// An open connection.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
